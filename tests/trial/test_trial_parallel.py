"""Parallel groups: the plan, and a drawn trial from its measures to the results."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
from trial_plans import changed, write_delivered

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.analysis import analyse_trial, run_analysis
from pictrial.statistics.analysis_results import look_up, why_missing
from pictrial.statistics.simulated_outcomes import OutcomeModel, StandardDeviations, draw_outcomes
from pictrial.tables import check_table
from pictrial.trial.analysis_tables import build_outcomes, measured_outcomes
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.delivery import check_delivered
from pictrial.trial.plan import load_plan, schedule
from pictrial.trial.populations import select_population

SHA = "ab" * 32
CONTRAST = "stimulation - control"
EFFECTS = {"control": -0.3, "stimulation": -1.5}
JOINT = "value ~ condition + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
ODDS_BY_SEQUENCE = "value ~ condition + sequence + (1 | participant)"
MODEL = {"method": "mixed_model", "formula": JOINT, "reml": True, "df_method": "kenward-roger"}


def planned(method, outcome="delta_f", role="sensitivity", **keys):
    method = method if isinstance(method, dict) else {"method": method}
    of_rows = {"role": role, "outcome": outcome, "population": "all_units"}
    return {**of_rows, **method, **keys, "description": "drawn", "source": "test"}


ANALYSES = {
    "primary": planned("baseline_adjusted", role="primary", baseline="before"),
    "joint": planned(MODEL),
    "with_period": planned(MODEL, formula=JOINT.replace("condition +", "condition + period +", 1)),
    "matched": planned(MODEL, population="matched_units"),
    "score_odds": planned("cumulative_link", "spasticity", formula="value ~ condition + (1 | participant)"),
    "change_ranks": planned("stratified_rank", "change"),
    "change_odds": planned("cumulative_link", "change", formula=ODDS_BY_SEQUENCE),
    "pairs": planned("paired_comparison"),
}


def parallel(content, per_arm=40):
    """Turn the sample plan into one of two arms, in place."""
    control, stimulation, relaxation = content["conditions"]["levels"]
    content["conditions"]["levels"] = [control, stimulation, {**relaxation, "name": "before"}]
    content["design"] = {
        "type": "parallel",
        "baseline": "before",
        "sequences": {"C": ["before", "control"], "S": ["before", "stimulation"]},
        "source": "test",
    }
    content["participants"] = {f"{number:02d}": "CS"[number % 2] for number in range(2 * per_arm)}
    score = {"label": "Spasticity", "unit": "score", "level": "participant", "source": "test"}
    content["outcomes"] = {
        "delta_f": content["outcomes"]["delta_f"],
        "spasticity": {**score, "measure": "scores.spasticity.modified_ashworth"},
        "change": {**score, "measure": "scores.spasticity.change"},
    }
    content["analyses"] = copy.deepcopy(ANALYSES)
    content.pop("estimands", None)
    content["families"] = {
        "arms": {
            "analyses": list(ANALYSES),
            "contrasts": [CONTRAST],
            "adjustment": "none",
            "alpha": 0.05,
            "source": "test",
        }
    }


def parallel_plan(folder, change=lambda content: None):
    def both(content):
        parallel(content)
        change(content)

    return load_plan(changed(folder, both))


def drawn_delta_f(plan, seed=1):
    """Draw ΔF of every unit, schema unit_delta_f as far as it is used."""
    spread = StandardDeviations(
        participant=0.7, participant_condition=0.2, participant_unit=0.9, residual=0.5
    )
    model = OutcomeModel(standard_deviations=spread, effects=EFFECTS, units=5, lost_units=0.1)
    drawn = draw_outcomes(plan.sessions, model, random_generator(seed, "parallel"))
    return drawn.rename(columns={"value": "delta_f"}).assign(aggregation="mean_over_passing_controls")


def write_scores(plan, root, seed=1, separated=False):
    """Write a score of every session, log odds 2 lower under stimulation, and one of the follow-up only."""
    random = random_generator(seed, "scores")
    people = dict(zip(plan.participants, random.normal(0, 1, len(plan.participants)), strict=True))
    lines = ["participant_id\tsession_id\tmodified_ashworth\tchange"]
    for session in plan.sessions:
        stimulated = session.condition == "stimulation"
        latent = people[session.participant] + random.logistic() - 2 * stimulated
        score = int(np.searchsorted([-2.0, -0.5, 1.0, 2.5], latent))
        if separated:
            score = 0 if stimulated else 4
        change = "n/a" if session.condition == "before" else score - 2
        lines.append(f"sub-{session.participant}\tses-{session.session}\t{score}\t{change}")
    folder = root / "phenotype"
    folder.mkdir(parents=True)
    (folder / "spasticity.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    described = {"modified_ashworth": {"Levels": {str(level): "" for level in range(5)}}, "change": {}}
    (folder / "spasticity.json").write_text(json.dumps(described))
    return root


def outcomes_of(plan, root):
    units = pd.DataFrame({"excluded": []})
    measured = measured_outcomes(plan, drawn_delta_f(plan), units, None, clinical_scores(plan, root))
    return build_outcomes(plan, schedule(plan), measured)


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parallel")
    plan = parallel_plan(folder)
    return plan, outcomes_of(plan, write_scores(plan, folder))


@pytest.fixture(scope="module")
def ard(trial):
    return analyse_trial(*trial, SHA, 1)[0]


def test_a_parallel_plan_reads_as_written(trial):
    plan, _ = trial
    assert (plan.design, plan.baseline, plan.reference) == ("parallel", "before", "control")
    assert [tuple(session) for session in plan.sessions[:4]] == [
        ("00", "C", "1", 1, "before"),
        ("00", "C", "2", 2, "control"),
        ("01", "S", "1", 1, "before"),
        ("01", "S", "2", 2, "stimulation"),
    ]
    assert plan.no_comparison == "" and plan.score_tables == ("spasticity",)


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (lambda c: c["design"].pop("baseline"), "design", "key 'baseline' is missing"),
        (lambda c: c["design"].update(type="crossover"), "design.baseline", "no meaning here"),
        (lambda c: c["design"].update(baseline="befor"), "design.baseline", "Did you mean 'before'"),
        (lambda c: c["design"].update(baseline="control"), "design.baseline", "'control' is the reference"),
        (lambda c: c["design"]["sequences"].update(S=["stimulation", "before"]), "sequences.S", "an arm is"),
        (lambda c: c["design"]["sequences"].update(S=["before"]), "sequences.S", "an arm is the baseline"),
        (
            lambda c: c["design"]["sequences"].update(S=["before", "stimulation", "control"]),
            "sequences.S",
            "more than one visit after the baseline is not supported",
        ),
        (lambda c: c["conditions"]["levels"].pop(1), "conditions.levels", "three or more conditions"),
        (
            lambda c: c["design"]["sequences"].update(S=["before", "control"]),
            "levels, stimulation",
            "no sequence",
        ),
        (
            lambda c: c["families"]["arms"].update(contrasts=["stimulation - before"]),
            "families.arms.contrasts",
            "primary compares arms, and the baseline 'before' is in each",
        ),
        (
            lambda c: c["analyses"]["primary"].update(baseline="control"),
            "baseline",
            "design's baseline 'before'",
        ),
        (
            lambda c: c["analyses"]["primary"].update(role="sensitivity"),
            "analyses",
            "parallel plan has 1 ana",
        ),
    ],
)
def test_a_mistake_in_a_parallel_plan_is_named(tmp_path, change, key, message):
    with pytest.raises(InputError, match=message) as caught:
        parallel_plan(tmp_path, change)
    assert key in caught.value.where


def test_methods_of_parallel_groups_need_them(tmp_path):
    analysis = planned("stratified_rank", role="sensitivity")
    with pytest.raises(
        InputError, match="stratified_rank compares parallel groups, this design is crossover"
    ):
        load_plan(changed(tmp_path, lambda c: c["analyses"].update(ranks=analysis)))


def test_any_one_session_of_a_participant_may_be_missing(tmp_path):
    entries = [("00", "2"), ("01", "1"), ("02", "1")]
    missing = [{"participant": p, "session": s, "reason": "ill"} for p, s in entries]
    plan = parallel_plan(tmp_path, lambda c: c.update(missing_sessions=missing))
    assert len(plan.sessions) == 160 - 3
    root = write_delivered(plan, tmp_path / "bids")
    assert check_delivered(plan, root)["status"].value_counts().to_dict() == {"as_planned": 157, "missing": 3}
    outcomes = outcomes_of(plan, write_scores(plan, root))
    # What one session is missing of has no value in every condition of its arm.
    assert not outcomes.loc[outcomes["participant"].isin(["00", "01", "02"]), "matched"].any()
    _, record = run_analysis(plan, "primary", outcomes, SHA, 1)
    assert record["participants_left_out"] == 3
    missing.append({"participant": "00", "session": "1", "reason": "ill"})
    with pytest.raises(InputError, match="no session of the participant took place"):
        parallel_plan(tmp_path, lambda c: c.update(missing_sessions=missing))


def test_people_of_one_arm_have_nothing_to_compare(tmp_path):
    plan = parallel_plan(tmp_path, lambda c: c.update(participants={"01": "C", "02": "C"}))
    assert "one arm" in plan.no_comparison


def test_a_delivered_session_that_is_not_the_arms_is_named(tmp_path):
    plan = parallel_plan(tmp_path)
    path = write_delivered(plan, tmp_path / "bids") / "sub-00" / "sub-00_sessions.tsv"
    path.write_text(path.read_text().replace("control", "stimulation"))
    with pytest.raises(InputError, match="'stimulation' of ses-2 is not the planned 'control'"):
        check_delivered(plan, tmp_path / "bids")


def test_units_with_a_value_in_both_visits_are_matched(trial):
    outcomes = check_table(trial[1], "outcomes", "test")
    units = outcomes[outcomes["outcome"] == "delta_f"].groupby(["participant", "unit_id"])
    both = units["value"].count() == 2
    pd.testing.assert_series_equal(units["matched"].all(), both, check_names=False, check_dtype=False)
    assert 0.7 < both.mean() < 0.9
    assert not outcomes.loc[outcomes["outcome"] == "change", "matched"].any()
    population = trial[0].populations["matched_units"]
    assert set(select_population(outcomes, population)["condition"]) == {"before", *EFFECTS}


@pytest.mark.parametrize("analysis", ["primary", "joint", "with_period", "matched"])
def test_the_planted_difference_of_arms_is_found(ard, analysis):
    planted = EFFECTS["stimulation"] - EFFECTS["control"]
    found = {name: look_up(ard, analysis, CONTRAST, name) for name in ("estimate", "standard_error", "p")}
    assert abs(found["estimate"] - planted) < 2.5 * found["standard_error"] < 0.4
    assert found["p"] < 1e-6
    row = ard[(ard["analysis"] == analysis) & (ard["contrast_or_level"] == CONTRAST)].iloc[0]
    assert row["family"] == "arms" and row["role"] == ANALYSES[analysis]["role"]


def test_the_joint_model_gives_both_arms_one_baseline(ard, trial):
    outcomes = trial[1][trial[1]["outcome"] == "delta_f"]
    before = outcomes[outcomes["condition"] == "before"].groupby("participant")["value"].mean().mean()
    assert look_up(ard, "joint", "before", "estimate") == pytest.approx(before, abs=0.05)
    change = look_up(ard, "joint", "control", "estimate") - look_up(ard, "joint", "before", "estimate")
    assert change == pytest.approx(EFFECTS["control"], abs=0.2)


def test_period_is_told_from_arms_by_nothing(ard):
    """Period 1 is the baseline: means over periods and the test of periods cannot be had, contrasts can."""
    for level in ("before", "control", "stimulation"):
        assert look_up(ard, "with_period", level, "estimate") is None
        assert "aliased columns (period2)" in why_missing(ard, "with_period", level)
    assert look_up(ard, "with_period", "period", "p") is None
    assert "aliased" in why_missing(ard, "with_period", "period")
    for name in ("estimate", "standard_error", "df"):
        expected = look_up(ard, "joint", CONTRAST, name)
        assert look_up(ard, "with_period", CONTRAST, name) == pytest.approx(expected, rel=1e-6)


def test_scores_of_arms_are_compared(ard):
    found = {name: look_up(ard, "score_odds", CONTRAST, name) for name in ("estimate", "standard_error")}
    assert abs(found["estimate"] + 2) < 2 * found["standard_error"] < 1.2
    odds_ratio = look_up(ard, "score_odds", CONTRAST, "odds_ratio")
    assert odds_ratio == pytest.approx(np.exp(found["estimate"]))
    assert look_up(ard, "change_ranks", CONTRAST, "n_level") == 40
    assert look_up(ard, "change_ranks", CONTRAST, "ci_upper") < 0.4 and (
        look_up(ard, "change_ranks", CONTRAST, "p") < 1e-3
    )


def test_one_score_for_each_participant_tells_no_random_intercept(ard):
    """Of a score of the follow-up only."""
    for name in ("estimate", "p"):
        assert look_up(ard, "change_odds", CONTRAST, name) is None
    assert why_missing(ard, "change_odds", CONTRAST).startswith("one score for each participant")


def test_pairs_within_participants_are_said_not_to_be_there(ard):
    assert look_up(ard, "pairs", CONTRAST, "p") is None
    assert "no participants in both conditions" in why_missing(ard, "pairs", CONTRAST)


def test_scores_that_separate_the_arms_are_said_to(tmp_path):
    plan = parallel_plan(tmp_path)
    outcomes = outcomes_of(plan, write_scores(plan, tmp_path, separated=True))
    odds, _ = run_analysis(plan, "score_odds", outcomes, SHA, 1)
    assert look_up(odds, "score_odds", CONTRAST, "estimate") is None
    assert "the odds ratio has no finite maximum" in why_missing(odds, "score_odds", CONTRAST)
    ranks, _ = run_analysis(plan, "change_ranks", outcomes, SHA, 1)
    assert look_up(ranks, "change_ranks", CONTRAST, "estimate") == 0
    assert look_up(ranks, "change_ranks", CONTRAST, "ci_lower") is None
    assert "separated in every stratum" in why_missing(ranks, "change_ranks", CONTRAST)


def test_ranks_leave_the_baseline_out(tmp_path):
    plan = parallel_plan(tmp_path, lambda c: c["analyses"]["change_ranks"].update(outcome="spasticity"))
    outcomes = outcomes_of(plan, write_scores(plan, tmp_path))
    ard, _ = run_analysis(plan, "change_ranks", outcomes, SHA, 1)
    assert look_up(ard, "change_ranks", CONTRAST, "n_level") == 40
    assert look_up(ard, "change_ranks", CONTRAST, "p") < 1e-3


@pytest.mark.parametrize("part", ["C", "before", "nobody"])
def test_without_an_arm_every_row_says_why(trial, part):
    plan, outcomes = trial
    there = (outcomes["sequence"] == part) | (outcomes["condition"] == part)
    for name in set(ANALYSES) - {"pairs"}:
        ard, _ = run_analysis(plan, name, outcomes[there], SHA, 1)
        of_arms = ard[ard["contrast_or_level"] == CONTRAST]
        assert (
            len(of_arms)
            and of_arms["warning"].notna().all()
            and (look_up(ard, name, CONTRAST, "estimate") is None)
        )
