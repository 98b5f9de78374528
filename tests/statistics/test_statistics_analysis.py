import dataclasses

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.statistics.analysis import analyse_trial
from pictrial.statistics.analysis_results import look_up, why_missing
from pictrial.statistics.paired import paired_comparison, participant_means
from pictrial.tables import read_table, write_table

CONDITIONS = ["control", "stimulation", "relaxation"]
SHA = "ab" * 32


@pytest.fixture(scope="module")
def small_plan(plan):
    """ΔF and two of its analyses; the others are in test_statistics_analysis_methods.py."""
    analyses = {name: plan.analyses[name] for name in ("primary", "participant_means")}
    return dataclasses.replace(plan, analyses=analyses, outcomes={"delta_f": plan.outcomes["delta_f"]})


@pytest.fixture(scope="module")
def results(small_plan, outcomes):
    return analyse_trial(small_plan, outcomes, SHA, 1)


@pytest.fixture(scope="module")
def ard(results):
    return results[0]


def test_ard_passes_its_schema_and_is_read_back(ard, tmp_path):
    write_table(ard, tmp_path / "ard.tsv", "ard")
    again = read_table(tmp_path / "ard.tsv", "ard")
    assert again["ard_id"].tolist() == ard["ard_id"].tolist()
    np.testing.assert_allclose(again["value"].astype(float), ard["value"].astype(float), rtol=1e-9)
    assert (again["inputs_sha256"] == SHA).all()


def test_ids_are_unique_and_readable(ard):
    assert ard["ard_id"].is_unique
    assert "primary.delta_f.contrast.stimulation-control.estimate" in set(ard["ard_id"])
    assert "descriptive.delta_f.condition.control.mean" in set(ard["ard_id"])
    assert ard["ard_id"].str.fullmatch(r"[\w.:-]+").all()


def test_contrasts_name_their_family_and_are_exploratory_outside_one(small_plan, outcomes, ard):
    contrasts = ard[(ard["analysis"] == "primary") & ard["contrast_or_level"].str.contains(" - ")]
    assert set(contrasts["family"]) == {"delta_f_from_control"}
    assert set(contrasts["role"]) == {"primary"} and set(contrasts["adjustment"]) == {"holm"}
    alone, _ = analyse_trial(dataclasses.replace(small_plan, families={}), outcomes, SHA, 1)
    contrasts = alone[alone["contrast_or_level"].str.contains(" - ")]
    assert set(contrasts["role"]) == {"exploratory"} and contrasts["family"].isna().all()
    assert set(contrasts["contrast_or_level"]) == {"stimulation - control", "relaxation - control"}
    assert "p_adjusted" not in set(alone["statistic"])


def test_described_numbers(outcomes, ard):
    control = outcomes[outcomes["condition"] == "control"]
    means = control.groupby("participant")["value"].mean()
    assert look_up(ard, "descriptive", "control", "mean") == pytest.approx(means.mean())
    assert look_up(ard, "descriptive", "control", "sd") == pytest.approx(means.std(ddof=1))
    assert look_up(ard, "descriptive", "control", "n_units") == len(control)
    assert look_up(ard, "descriptive", "control", "n_pairs") == control["n_controls"].sum()
    assert look_up(ard, "descriptive", "all", "n_participants") == 6
    assert look_up(ard, "descriptive", "all", "n_matched_units") == (
        outcomes[outcomes["matched"]].groupby(["participant", "unit_id"]).ngroups
    )


def test_values_that_are_missing_are_counted_and_left_out(small_plan, outcomes, ard):
    row = outcomes.iloc[[0]].assign(unit_id="lost", value=np.nan, n_controls=0, matched=False)
    more, _ = analyse_trial(small_plan, pd.concat([outcomes, row], ignore_index=True), SHA, 1)
    assert look_up(more, "descriptive", "all", "n_missing") == 1
    keep = ard["statistic"] != "n_missing"
    np.testing.assert_allclose(more["value"][keep].astype(float), ard["value"][keep].astype(float))


def test_paired_comparison_against_scipy(outcomes, ard):
    from scipy import stats

    means = participant_means(outcomes, CONDITIONS)
    difference = means["stimulation"] - means["control"]
    expected = stats.ttest_rel(means["stimulation"], means["control"])
    name = "stimulation - control"
    found = {key: look_up(ard, "participant_means", name, key) for key in ("t", "df", "p", "mean_difference")}
    assert found == pytest.approx(
        {"t": expected.statistic, "df": 5, "p": expected.pvalue, "mean_difference": difference.mean()}
    )
    interval = expected.confidence_interval()
    assert look_up(ard, "participant_means", name, "ci_lower") == pytest.approx(interval.low, rel=1e-12)
    assert look_up(ard, "participant_means", name, "ci_upper") == pytest.approx(interval.high, rel=1e-12)
    spread = np.sqrt((means["stimulation"].var() + means["control"].var()) / 2)
    correction = 1 - 3 / (4 * 12 - 9)
    assert look_up(ard, "participant_means", name, "hedges_g_av") == pytest.approx(
        correction * difference.mean() / spread, rel=1e-3
    )
    assert look_up(ard, "participant_means", name, "cohen_d_z") == pytest.approx(
        difference.mean() / difference.std()
    )


def test_holm_over_the_family(ard):
    p = [look_up(ard, "primary", f"{level} - control", "p") for level in CONDITIONS[1:]]
    adjusted = [look_up(ard, "primary", f"{level} - control", "p_adjusted") for level in CONDITIONS[1:]]
    small = int(np.argmin(p))
    assert adjusted[small] == pytest.approx(2 * p[small])
    assert adjusted[1 - small] == pytest.approx(max(p[1 - small], adjusted[small]))


def test_participant_variance_is_said_not_to_be_estimable(ard):
    assert look_up(ard, "primary", "participant", "variance") is None
    assert "not estimable" in why_missing(ard, "primary", "participant")
    assert "left out" in why_missing(ard, "primary", "control")


def test_one_participant_gives_no_comparison(small_plan, outcomes):
    ard, records = analyse_trial(small_plan, outcomes[outcomes["participant"] == "01"], SHA, 1)
    compared = ard[ard["analysis"].isin(["primary", "participant_means"])]
    assert len(compared) > 20
    assert compared["value"].isna().all()
    assert (compared["warning"] == "one participant: no comparison between conditions").all()
    assert records["primary"]["estimable"] is False
    assert look_up(ard, "descriptive", "control", "n_participants") == 1
    assert look_up(ard, "descriptive", "control", "sd") is None


def test_real_recording_says_why_there_is_no_statistic(single_plan, outcomes, tmp_path):
    one = outcomes[(outcomes["participant"] == "01") & (outcomes["condition"] == "control")]
    ard, records = analyse_trial(single_plan, one, SHA, 1)
    write_table(ard, tmp_path / "ard.tsv", "ard")
    row = ard.set_index("ard_id").loc["comparison.delta_f.contrast.all.estimate"]
    assert np.isnan(row["value"])
    assert row["warning"] == "one participant: no comparison between conditions"
    assert records == {}


def test_no_value_at_all(small_plan, outcomes):
    ard, _ = analyse_trial(small_plan, outcomes.iloc[:0], SHA, 1)
    assert look_up(ard, "descriptive", "all", "n_values") == 0
    assert "no participants" in why_missing(ard, "primary", "stimulation - control")


def test_two_participants_are_too_few_for_pairs(small_plan, outcomes):
    ard, _ = analyse_trial(small_plan, outcomes[outcomes["participant"] <= "02"], SHA, 1)
    name = "stimulation - control"
    assert look_up(ard, "participant_means", name, "p") is None
    assert "2 participants in both conditions, 3 are needed" in why_missing(ard, "participant_means", name)


def test_equal_differences_have_no_test():
    means = pd.DataFrame({"control": [1.0, 2, 3], "stimulation": [2.0, 3, 4]}, index=["1", "2", "3"])
    record = paired_comparison(means, "stimulation", "control")
    assert np.isnan(record["p"])
    assert "same difference" in record["warning"]


def test_participant_without_one_condition_is_left_out_of_its_pair_only(outcomes):
    rows = outcomes[(outcomes["participant"] != "03") | (outcomes["condition"] != "relaxation")]
    means = participant_means(rows, CONDITIONS)
    assert paired_comparison(means, "relaxation", "control")["n_participants"] == 5
    assert paired_comparison(means, "stimulation", "control")["n_participants"] == 6


def test_unknown_condition_and_repeated_unit(outcomes):
    with pytest.raises(InputError, match="'control' is not one of"):
        participant_means(outcomes, CONDITIONS[1:])
    with pytest.raises(InputError, match="second value"):
        participant_means(pd.concat([outcomes, outcomes.iloc[[0]]], ignore_index=True), CONDITIONS)


def test_tables_read_from_files_give_the_same(small_plan, outcomes, ard, tmp_path):
    write_table(outcomes, tmp_path / "outcomes.tsv", "outcomes")
    again, _ = analyse_trial(small_plan, read_table(tmp_path / "outcomes.tsv", "outcomes"), SHA, 1)
    assert again["ard_id"].tolist() == ard["ard_id"].tolist()
    np.testing.assert_allclose(again["value"].astype(float), ard["value"].astype(float), rtol=1e-4)


def test_matched_units_only(small_plan, outcomes):
    primary = dataclasses.replace(small_plan.analyses["primary"], population="matched_units")
    matched = dataclasses.replace(small_plan, analyses={**small_plan.analyses, "primary": primary})
    ard, _ = analyse_trial(matched, outcomes, SHA, 1)
    rows = ard[ard["analysis"] == "primary"]
    assert (rows["population"] == "matched_units").all()
    assert (rows["n_units"] == look_up(ard, "descriptive", "all", "n_matched_units")).all()


def test_contrast_in_two_families_is_refused(small_plan, outcomes):
    family = small_plan.families["delta_f_from_control"]
    twice = dataclasses.replace(small_plan, families={"a": family, "b": family})
    with pytest.raises(InputError, match="in two of its families"):
        analyse_trial(twice, outcomes, SHA, 1)


def test_family_without_adjustment_has_no_adjusted_p(small_plan, outcomes):
    family = dataclasses.replace(small_plan.families["delta_f_from_control"], adjustment="none")
    ard, _ = analyse_trial(dataclasses.replace(small_plan, families={"f": family}), outcomes, SHA, 1)
    assert "p" in set(ard["statistic"])
    assert "p_adjusted" not in set(ard["statistic"])
