"""The multiverse's contrasts: the plan's own comparison under each rule, with nobody left out unsaid."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.errors import InputError
from pictrial.motor_units.aggregation import AGGREGATIONS
from pictrial.motor_units.sensitivity import rules_of, rules_table
from pictrial.statistics.analysis import run_analysis
from pictrial.statistics.analysis_results import contrast_name, look_up
from pictrial.statistics.multiverse import compare_rules, delta_f_contrasts, measured_in, summarise_rules
from pictrial.tables import check_table
from pictrial.trial.plan import load_plan

REPOSITORY = Path(__file__).resolve().parents[2]

MEAN = "mean_over_passing_controls"
CONTRASTS = ["stimulation - control", "relaxation - control"]
#: The main rule and four others.
GRID = {
    "smoothers": [{"smoother": "spline"}, {"smoother": "svr"}],
    "correlation_rule": ["r"],
    "recruitment_gap": [1.0],
}
RULES = rules_table(rules_of({"sensitivity": GRID}))


def multiverse_of(outcomes, shifts=None, aggregations=(MEAN,)):
    """Return drawn outcomes as the values of rules, each shifted by so much at stimulation."""
    tables = []
    for rule, shift in (shifts or {"main": 0.0}).items():
        moved = outcomes["value"] + shift * (outcomes["condition"] == "stimulation")
        tables += [
            outcomes.assign(rule=rule, aggregation=name, delta_f=moved, standard_error=np.nan)
            for name in aggregations
        ]
    columns = [
        "rule",
        "participant",
        "session",
        "unit_id",
        "aggregation",
        "delta_f",
        "standard_error",
        "n_controls",
    ]
    return check_table(pd.concat(tables, ignore_index=True)[columns], "delta_f_multiverse", "test")


def row_of(contrasts, name, rule="main", aggregation=MEAN):
    found = contrasts.set_index(["rule", "aggregation", "contrast_or_level"])
    return found.loc[(rule, aggregation, name)]


@pytest.fixture(scope="module")
def contrasts(plan, outcomes):
    table = compare_rules(plan, RULES, multiverse_of(outcomes))
    return check_table(table, "multiverse_contrasts", "test")


def test_main_rule_gives_the_numbers_of_the_planned_paired_comparison(plan, outcomes, contrasts):
    ard = run_analysis(plan, "participant_means", outcomes, "ab" * 32, 1)[0]
    statistics = {"estimate": "mean_difference", "ci_lower": "ci_lower", "ci_upper": "ci_upper", "p": "p"}
    for name in CONTRASTS:
        row = row_of(contrasts, name)
        for column, statistic in statistics.items():
            assert row[column] == look_up(ard, "participant_means", name, statistic)
        there = ard[(ard["analysis"] == "participant_means") & (ard["contrast_or_level"] == name)].iloc[0]
        assert (row["n_participants"], row["n_units"]) == (there["n_participants"], there["n_units"])


def test_mean_of_a_condition_weighs_participants_equally(outcomes, contrasts):
    means = outcomes.groupby(["condition", "participant"])["value"].mean()
    for condition, of_people in means.groupby("condition"):
        row = row_of(contrasts, condition)
        assert row["estimate"] == pytest.approx(of_people.mean())
        assert row["n_units"] == (outcomes["condition"] == condition).sum()
        assert row[["ci_lower", "ci_upper", "p"]].isna().all()


def test_every_rule_and_aggregation_has_its_rows_also_without_a_value(contrasts):
    assert len(contrasts) == len(RULES) * len(AGGREGATIONS) * (3 + 2)
    row = row_of(contrasts, CONTRASTS[0], rule="rule001")
    assert (row["n_participants"], row["n_units"]) == (0, 0)
    assert pd.isna(row["estimate"])
    assert row["warning"].startswith(
        "no participants: no comparison between conditions; left out: 01 (no value"
    )
    assert row_of(contrasts, "control", rule="rule001")["warning"].startswith("no value; left out: 01")
    assert set(contrasts.loc[contrasts["aggregation"] == "normalised_mean", "measured_in"]) == {"share"}


def test_who_has_no_value_in_a_condition_is_named(plan, outcomes):
    gone = (outcomes["participant"] == "03") & (outcomes["condition"] == "relaxation")
    table = check_table(
        compare_rules(plan, RULES, multiverse_of(outcomes[~gone])), "multiverse_contrasts", "test"
    )
    row = row_of(table, CONTRASTS[1])
    assert row["warning"] == "left out: 03 (no value in relaxation)"
    used = outcomes[~gone & (outcomes["participant"] != "03") & (outcomes["condition"] != "stimulation")]
    means = used.groupby(["condition", "participant"])["value"].mean()
    assert row["estimate"] == pytest.approx((means["relaxation"] - means["control"]).mean())
    assert row["n_participants"] == 5
    assert row["n_units"] == len(used[["participant", "unit_id"]].drop_duplicates())
    # The other contrast keeps everybody.
    assert pd.isna(row_of(table, CONTRASTS[0])["warning"])
    assert row_of(table, "relaxation")["warning"] == "left out: 03 (no value in relaxation)"


def test_two_participants_give_no_interval(plan, outcomes):
    few = outcomes[outcomes["participant"].isin(["01", "02"])]
    row = row_of(compare_rules(plan, RULES, multiverse_of(few)), CONTRASTS[0])
    assert pd.isna(row["estimate"])
    assert "2 participants in both conditions, 3 are needed" in row["warning"]


def test_values_of_another_plan_or_grid_are_refused(plan, outcomes):
    with pytest.raises(InputError, match="session 9: its session is not in the plan"):
        compare_rules(plan, RULES, multiverse_of(outcomes.assign(session="9")))
    with pytest.raises(InputError, match="rule999, participant 01"):
        compare_rules(plan, RULES, multiverse_of(outcomes, {"rule999": 0.0}))


def test_summary_counts_analyses_and_places_the_main_one(plan, outcomes):
    shifts = {"main": 0.0, "rule001": 0.0, "rule002": -0.5, "rule003": 0.25, "rule004": 5.0}
    table = compare_rules(plan, RULES, multiverse_of(outcomes, shifts))
    summary = check_table(summarise_rules(plan, table), "multiverse_summary", "test")
    assert summary["contrast"].tolist() == [name for name in CONTRASTS for _ in range(2)]
    assert summary["measured_in"].tolist() == ["pps", "share"] * 2
    row, main = summary.iloc[0], row_of(table, CONTRASTS[0])["estimate"]
    n_grid = len(RULES) - 1
    assert (
        row["n_analyses"] == n_grid * sum(measured_in(name) == "pps" for name in AGGREGATIONS) == n_grid * 4
    )
    assert row["n_estimated"] == 4
    assert row["lowest"] == pytest.approx(main - 0.5)
    assert row["median"] == pytest.approx(main + 0.125)
    assert row["highest"] == pytest.approx(main + 5)
    assert (row["n_below_zero"], row["n_above_zero"], row["share_off_zero"]) == (3, 1, 1.0)
    # The rule that is the main one again is not below it.
    assert (row["main_estimate"], row["n_below_main"]) == (main, 1)
    share = summary.iloc[1]
    assert (share["n_analyses"], share["n_estimated"]) == (n_grid, 0)
    assert share[["lowest", "main_estimate", "least_participants", "share_off_zero"]].isna().all()


def test_an_interval_that_holds_zero_is_not_off_zero(plan, outcomes):
    effect = row_of(compare_rules(plan, RULES, multiverse_of(outcomes)), CONTRASTS[0])["estimate"]
    table = compare_rules(plan, RULES, multiverse_of(outcomes, {"rule001": -effect, "rule002": 0.0}))
    row = summarise_rules(plan, table).iloc[0]
    assert (row["n_estimated"], row["n_below_zero"], row["n_above_zero"]) == (2, 1, 0)
    assert row["share_off_zero"] == 0.5


def test_each_planned_contrast_is_there_once(plan):
    assert [contrast_name(*pair) for _, *pair in delta_f_contrasts(plan)] == CONTRASTS


def test_trial_without_contrasts_has_its_means_only(single_plan, outcomes):
    one = outcomes[(outcomes["participant"] == "01") & (outcomes["session"] == "1")]
    participant, session, condition = single_plan.sessions[0][0], *single_plan.sessions[0][2::2]
    values = multiverse_of(one.assign(participant=participant, session=session))
    table = check_table(compare_rules(single_plan, RULES, values), "multiverse_contrasts", "test")
    assert set(table["kind"]) == {"condition"}
    assert row_of(table, condition)["estimate"] == pytest.approx(one["value"].mean())
    assert check_table(summarise_rules(single_plan, table), "multiverse_summary", "test").empty


@pytest.fixture(scope="module")
def experiments():
    """The trial of several experiments, both of ΔF with the same contrast, and its drawn values."""
    plan = load_plan(REPOSITORY / "config" / "two_experiments" / "trial.yaml")
    return plan, draw_outcomes(plan.sessions_with(plan.task), DrawnTrial(), seed=3)


def test_contrasts_and_means_are_of_the_experiments_own_participants(experiments):
    plan, drawn = experiments
    table = check_table(compare_rules(plan, RULES, multiverse_of(drawn)), "multiverse_contrasts", "test")
    main = table[(table["rule"] == "main") & (table["aggregation"] == MEAN)]
    assert list(zip(main["experiment"], main["contrast_or_level"], strict=True)) == [
        ("stimulation_delta_f", "control"),
        ("stimulation_delta_f", "stimulation"),
        ("stimulation_delta_f", "stimulation - control"),
        ("relaxation_delta_f", "control"),
        ("relaxation_delta_f", "relaxation"),
        ("relaxation_delta_f", "relaxation - control"),
    ]
    # Nobody of the other experiment is called left out, and the two controls are not one.
    assert main["n_participants"].tolist() == [15] * 6 and main["warning"].isna().all()
    control = drawn[(drawn["condition"] == "control") & drawn["participant"].str.startswith("2")]
    of_relaxation = main.set_index(["experiment", "contrast_or_level"]).loc["relaxation_delta_f", "estimate"]
    assert of_relaxation["control"] == pytest.approx(control.groupby("participant")["value"].mean().mean())
    summary = check_table(summarise_rules(plan, table), "multiverse_summary", "test")
    assert summary["experiment"].tolist() == ["stimulation_delta_f"] * 2 + ["relaxation_delta_f"] * 2
    assert summary["main_estimate"][0] == of_main(main, "stimulation_delta_f", "stimulation - control")


def of_main(main, experiment, name):
    return main.set_index(["experiment", "contrast_or_level"]).loc[(experiment, name), "estimate"]


def test_the_same_contrast_of_two_experiments_is_two_contrasts(experiments):
    plan, drawn = experiments
    swap = {"relaxation": "stimulation"}
    sessions = tuple(one._replace(condition=swap.get(one.condition, one.condition)) for one in plan.sessions)
    sequences = {name: tuple(swap.get(c, c) for c in order) for name, order in plan.sequences.items()}
    families = {
        name: replace(family, contrasts=(("stimulation", "control"),))
        for name, family in plan.families.items()
    }
    same = replace(plan, sessions=sessions, sequences=sequences, families=families)
    table = compare_rules(same, RULES, multiverse_of(drawn.replace({"condition": swap})))
    summary = summarise_rules(same, table)
    assert set(summary["contrast"]) == {"stimulation - control"}
    estimates = summary.dropna(subset=["main_estimate"]).set_index("experiment")["main_estimate"]
    assert set(estimates.index) == {"stimulation_delta_f", "relaxation_delta_f"} and estimates.nunique() == 2


def test_who_got_another_condition_is_compared_as_analysed(experiments):
    plan, drawn = experiments
    # Participant 201 was planned to have relaxation, but had another condition, as which it is analysed.
    here = [one for one in plan.sessions if one.participant == "201"]
    gone = next(one for one in here if one.condition == "relaxation")
    changed = gone._replace(condition="stimulation")
    kept = tuple(changed if one == gone else one for one in plan.sessions)
    table = compare_rules(replace(plan, sessions=kept), RULES, multiverse_of(drawn))
    row = table[(table["contrast_or_level"] == "relaxation - control") & (table["rule"] == "main")].iloc[0]
    assert row["n_participants"] == 14 and pd.isna(row["warning"])


def test_nothing_is_compared_in_pairs_between_arms():
    plan = load_plan(REPOSITORY / "config" / "spasticity" / "trial.yaml")
    drawn = draw_outcomes(plan.sessions, DrawnTrial(), seed=3)
    table = compare_rules(plan, RULES, multiverse_of(drawn))
    assert delta_f_contrasts(plan) == [] and set(table["kind"]) == {"condition"}
    main = table[(table["rule"] == "main") & (table["aggregation"] == MEAN)]
    assert main["n_participants"].tolist() == [11, 11, 24]
