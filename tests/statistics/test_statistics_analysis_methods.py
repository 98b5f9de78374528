"""Every analysis of the sample plan on a drawn trial: numbers that another wiring would not give."""

import dataclasses
import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_up_trial import made_up_tables

from pictrial.statistics.analysis import analyse_trial, run_analysis
from pictrial.statistics.analysis_methods import _METHODS
from pictrial.statistics.analysis_results import UNEXPLAINED, look_up
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.model_matrices import build_model
from pictrial.statistics.paired import participant_means
from pictrial.statistics.trial_descriptives import describe_trial
from pictrial.statistics.unconstrained_variances import NONNEGATIVE
from pictrial.tables import load_schema, write_table
from pictrial.trial.plan import SCHEMA
from pictrial.trial.planned_analyses import Analysis

SHA = "cd" * 32
CONDITIONS = ["control", "stimulation", "relaxation"]
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
FIRST = "stimulation - control"
LEVELS = {"condition": CONDITIONS}


@pytest.fixture(scope="module")
def results(quick_plan, trial):
    return analyse_trial(quick_plan, trial, SHA, 1)


@pytest.fixture(scope="module")
def ard(results):
    return results[0]


def of(table, analysis, level, *statistics):
    return [look_up(table[table["analysis"] == analysis], analysis, level, name) for name in statistics]


def row(table, analysis, level, statistic):
    keys = {"analysis": analysis, "contrast_or_level": level, "statistic": statistic}
    found = table[(table[list(keys)] == pd.Series(keys)).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def with_analysis(plan, name, method, outcome, **keys):
    analysis = Analysis(name, "supplementary", method, outcome, "all_units", "drawn", **keys)
    return dataclasses.replace(plan, analyses={name: analysis}, families={})


def again(plan, name, outcomes, seed=1):
    return run_analysis(plan, name, outcomes, SHA, seed)[0]


def test_schema_and_methods_name_the_same():
    enum = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["method"]["enum"]
    assert list(_METHODS) == enum


def test_every_number_says_where_it_comes_from(ard, tmp_path):
    write_table(ard, tmp_path / "ard.tsv", "ard")
    missing = ard[ard["value"].isna()]
    assert len(missing) > 10
    assert missing["warning"].notna().all() and not missing["warning"].eq(UNEXPLAINED).any()
    assert np.isfinite(ard["value"].dropna().to_numpy(float)).all()
    assert ard["method"].str.len().gt(0).all()
    assert not ard["warning"].dropna().str.contains("nan|^;|; $", regex=True).any()
    needing = ard[ard["statistic"].isin(["df", "df2", "t", "F"])]
    assert len(needing) > 100 and needing["df_method"].notna().all()
    tested = ard[ard["statistic"].eq("p") & ard["method"].str.contains("linear mixed model|t test")]
    bootstrapped = tested["method"].str.contains("bootstrap")
    assert tested.loc[~bootstrapped, "df_method"].notna().all()


def test_records_are_json_and_every_analysis_has_results(results, quick_plan):
    ard, records = results
    assert list(records) == list(quick_plan.analyses) and len(records) == 23
    json.dumps(records, allow_nan=False)
    assert set(ard["analysis"]) == {"descriptive", *records}


def test_the_dictionary_knows_every_statistic(plan, ard):
    known = set(load_schema("ard")["columns"]["statistic"]["Levels"])
    tables = made_up_tables(plan)
    described = describe_trial(plan, tables, dict.fromkeys(tables, SHA))
    used = {*ard["statistic"], *described["statistic"]}
    assert used <= known
    # The rest belongs to methods and transformations that the sample plan does not use.
    assert known - used == {
        *("ratio", "ratio_ci_lower", "ratio_ci_upper", "odds_ratio", "odds_ratio_ci_lower"),
        *("odds_ratio_ci_upper", "z", "exact", "n_level", "n_minus", "n_strata", "n_higher", "n_lower"),
        *("robust_standard_error", "robust_p", "robust_ci_lower", "robust_ci_upper"),
        *("icc", "icc_ci_lower", "icc_ci_upper", "minimal_detectable_change"),
        *("standard_error_of_measurement", "standard_error_of_measurement_ci_lower"),
        *("standard_error_of_measurement_ci_upper", "bias_ci_lower", "bias_ci_upper", "sd_within"),
        *("n_analyses", "n_estimated", "lowest", "highest"),
        *("n_below_zero", "n_above_zero", "share_off_zero"),
        *(f"{end}_limit{name}" for end in ("lower", "upper") for name in ("", "_ci_lower", "_ci_upper")),
    }


def test_participants_outcomes_have_neither_units_nor_pairs(ard):
    of_people = ard[ard["outcome"].isin(["torque_vibration", "torque_sustained", "responder"])]
    assert len(of_people) > 100
    assert (of_people[["n_units", "n_pairs"]] == 0).all(axis=None)


@pytest.mark.parametrize("name", ["random_slopes", "habit_of_the_field", "carry_over", "same_pairs"])
def test_a_mixed_model_is_the_one_that_the_analysis_names(quick_plan, trial, ard, name):
    analysis = quick_plan.analyses[name]
    rows = trial[(trial["outcome"] == analysis.outcome) & trial["value"].notna()]
    variances = analysis.variances or NONNEGATIVE
    model = fit_model(model_frame(rows), analysis.formula, LEVELS, variances=variances)
    expected = planned_contrasts(model, PAIRS, "kenward-roger").set_index("level")
    for level in CONDITIONS[1:]:
        found = of(ard, name, f"{level} - control", "estimate", "standard_error", "df", "p")
        wanted = expected.loc[level, ["estimate", "standard_error", "df", "p"]]
        if wanted.isna().any():
            assert found == [None] * 4
        else:
            assert found == pytest.approx(wanted.tolist(), rel=1e-9)
    assert set(ard.loc[ard["analysis"] == name, "df_method"].dropna()) == {"Kenward-Roger"}


def test_populations_are_rows_of_the_primary_analysis(quick_plan, trial, ard):
    matched = again(quick_plan, "primary", trial[trial["matched"]])
    names = ("estimate", "standard_error", "df", "p_adjusted")
    assert of(ard, "matched_units", FIRST, *names) == pytest.approx(of(matched, "primary", FIRST, *names))
    assert of(ard, "matched_units", FIRST, "estimate") != pytest.approx(of(ard, "primary", FIRST, "estimate"))
    left_out = (trial["participant"] == "03") & (trial["session"] == "2")
    deviating = trial.assign(left_out_for=left_out.map({True: "protocol_deviation;drug_taken", False: None}))
    without = again(quick_plan, "primary", trial[~left_out])
    found = again(quick_plan, "per_protocol", deviating)
    assert of(found, "per_protocol", FIRST, *names) == pytest.approx(of(without, "primary", FIRST, *names))
    assert row(found, "per_protocol", FIRST, "p")["n_units"] == row(without, "primary", FIRST, "p")["n_units"]


def test_lost_units_of_deviating_sessions_are_not_imputed(quick_plan, trial):
    plan = dataclasses.replace(
        quick_plan,
        analyses={"t": dataclasses.replace(quick_plan.analyses["tipping_point"], population="per_protocol")},
    )
    delta_f = trial["outcome"] == "delta_f"
    lost = trial[delta_f & trial["value"].isna()]
    session = lost[["participant", "session"]].iloc[0]
    deviating = (trial[["participant", "session"]] == session).all(axis=1)
    said = deviating.map({True: "protocol_deviation", False: None})
    record = run_analysis(plan, "t", trial.assign(left_out_for=said), SHA, 1)[1]
    assert record["n_imputed"] == (delta_f & trial["value"].isna() & ~deviating).sum() < len(lost)


def test_extremes_enclose_the_primary_estimate(trial, ard):
    cells = trial[(trial["outcome"] == "delta_f") & trial["condition"].isin(["control", "stimulation"])]
    lowest, highest, filled = of(
        ard, "tipping_point", FIRST, "lowest_estimate", "highest_estimate", "n_filled"
    )
    (estimate,) = of(ard, "primary", FIRST, "estimate")
    assert filled == cells["value"].isna().sum() > 0
    assert lowest < estimate < highest


def test_weights_are_one_over_the_variance_of_a_value(quick_plan, trial, results):
    rows = trial[(trial["outcome"] == "delta_f") & trial["value"].notna()]
    formula, errors = quick_plan.analyses["primary"].formula, rows["standard_error"].to_numpy()
    between = fit_model(model_frame(rows), formula, LEVELS).fit.sigma ** 2 - np.mean(errors**2)
    model = fit_model(model_frame(rows), formula, LEVELS, 1 / (between + errors**2))
    expected = planned_contrasts(model, PAIRS, "kenward-roger").iloc[0]
    names = ["estimate", "standard_error", "df"]
    assert of(results[0], "weighted", FIRST, *names) == pytest.approx(expected[names].tolist(), rel=1e-6)
    assert results[1]["weighted"]["residual_variance"] == pytest.approx(between)
    none = again(quick_plan, "weighted", trial.assign(standard_error=np.nan))
    assert none["value"].isna().all() and set(none["warning"]) == {
        f"{len(rows)} values have no standard error"
    }


def test_a_transformed_outcome_comes_back_to_its_own_scale(quick_plan, trial, ard):
    scale, back = of(ard, "torque_vibration", "control", "estimate", "back_transformed")
    assert back == pytest.approx(np.sinh(scale))
    assert "ratio" not in set(ard["statistic"])
    warning = row(ard, "torque_vibration", FIRST, "estimate")["warning"]
    assert warning.startswith("asinh scale")
    log = {**quick_plan.analyses["torque_vibration"].__dict__, "transformation": {"method": "log"}}
    log |= {"name": "log", "outcome": "torque_sustained"}
    found = again(dataclasses.replace(quick_plan, analyses={"log": Analysis(**log)}), "log", trial)
    estimate, ratio = of(found, "log", FIRST, "estimate", "ratio")
    assert ratio == pytest.approx(np.exp(estimate))
    # Nothing to estimate: the contrasts are still there.
    alone = trial[(trial["outcome"] != "torque_vibration") | (trial["participant"] == "01")]
    found = again(quick_plan, "torque_vibration", alone)
    assert of(found, "torque_vibration", FIRST, "estimate", "p") == [None, None]


def test_leaving_one_out_is_the_primary_analysis_without_them(quick_plan, trial, ard):
    without = again(quick_plan, "primary", trial[trial["participant"] != "03"])
    names = ("estimate", "standard_error", "df", "p", "ci_lower")
    assert of(ard, "leave_one_out", f"{FIRST}, without 03", *names) == pytest.approx(
        of(without, "primary", FIRST, *names), rel=1e-6
    )
    all_people = of(ard, "primary", FIRST, "estimate", "p")
    change = of(ard, "leave_one_out", f"{FIRST}, without 03", "estimate_change", "p_change")
    assert change == pytest.approx(
        [a - b for a, b in zip(of(without, "primary", FIRST, "estimate", "p"), all_people, strict=True)],
        rel=1e-4,
    )
    people = [f"{FIRST}, without {number:02d}" for number in range(1, 7)]
    each = np.array([of(ard, "leave_one_out", name, "estimate", "p") for name in people])
    ends = of(ard, "leave_one_out", FIRST, "least_estimate", "largest_estimate", "largest_p")
    assert ends == pytest.approx([each[:, 0].min(), each[:, 0].max(), each[:, 1].max()])
    assert row(ard, "leave_one_out", people[2], "p")["n_participants"] == 5
    assert row(ard, "leave_one_out", FIRST, "largest_p")["n_participants"] == 6
    assert "p_adjusted" not in set(ard.loc[ard["analysis"] == "leave_one_out", "statistic"])


def test_robust_errors_belong_to_the_estimates_of_the_primary_model(ard):
    assert of(ard, "cluster_robust", FIRST, "estimate") == of(ard, "primary", FIRST, "estimate")
    robust, model = (of(ard, name, FIRST, "standard_error")[0] for name in ("cluster_robust", "primary"))
    assert robust != pytest.approx(model, rel=1e-3)
    p = [of(ard, "cluster_robust", f"{a} - control", "p", "p_adjusted") for a in CONDITIONS[1:]]
    assert min(adjusted for _, adjusted in p) == pytest.approx(2 * min(p)[0])


def test_residual_variances_by_condition_and_their_likelihood_ratio(results):
    ard, records = results
    spread = {c: of(ard, "residual_variance", c, "residual_standard_deviation")[0] for c in CONDITIONS}
    for condition in CONDITIONS[1:]:
        ratio = of(ard, "residual_variance", condition, "ratio_to_reference")[0]
        assert ratio == pytest.approx(spread[condition] / spread["control"])
    of_reference = ard[(ard["analysis"] == "residual_variance") & (ard["contrast_or_level"] == "control")]
    assert of_reference["statistic"].tolist() == ["residual_standard_deviation"]
    fall = records["primary"]["reml_deviance"] - records["residual_variance"]["reml_deviance"]
    level = "residual by condition"
    assert of(ard, "residual_variance", level, "chi_square", "df") == pytest.approx([fall, 2], abs=1e-6)


@pytest.mark.parametrize(
    "name",
    [pytest.param("cluster_bootstrap", marks=pytest.mark.slow), "parametric_bootstrap", "tipping_point"],
)
def test_resampling_depends_on_the_seed_alone(quick_plan, trial, ard, name):
    ours = ard.loc[ard["analysis"] == name, "value"].to_numpy(float)
    np.testing.assert_array_equal(again(quick_plan, name, trial)["value"].to_numpy(float), ours)
    other = again(quick_plan, name, trial, seed=2)["value"].to_numpy(float)
    assert np.count_nonzero(other != ours) > 4


def test_the_cluster_bootstrap_is_around_the_primary_estimate(ard):
    assert of(ard, "cluster_bootstrap", FIRST, "estimate") == pytest.approx(
        of(ard, "primary", FIRST, "estimate")
    )
    assert of(ard, "cluster_bootstrap", FIRST, "n_replicates") == [40]


def test_the_parametric_bootstrap_tests_condition(quick_plan, trial, ard):
    frame = model_frame(trial[(trial["outcome"] == "delta_f") & trial["value"].notna()])
    formula = quick_plan.analyses["primary"].formula
    full, less = (
        fit_linear_mixed_model(build_model(frame, text, LEVELS).matrices, reml=False).deviance
        for text in (formula, formula.replace("condition + ", "", 1))
    )
    found = of(ard, "parametric_bootstrap", "condition", "chi_square", "df")
    assert found == pytest.approx([less - full, 2], abs=1e-4)
    p, error = of(ard, "parametric_bootstrap", "condition", "p", "p_standard_error")
    assert p * 41 == pytest.approx(round(p * 41)) and error == pytest.approx(np.sqrt(p * (1 - p) / 40))


def test_labels_are_permuted_within_participants(trial, ard):
    means = participant_means(trial[trial["outcome"] == "delta_f"], CONDITIONS)
    differences = (means["stimulation"] - means["control"]).to_numpy()
    signs = np.array(list(product([-1, 1], repeat=6)))
    p = np.mean(np.abs(signs @ differences) >= abs(differences.sum()) - 1e-9)
    found = of(ard, "label_permutation", FIRST, "estimate", "p", "least_p", "n_permutations")
    assert found == pytest.approx([differences.mean(), p, 2 / 64, 64])
    assert of(ard, "label_permutation", "condition", "n_permutations") == [6**6]
    # Holm over two contrasts.
    both = [of(ard, "label_permutation", f"{a} - control", "p", "p_adjusted") for a in CONDITIONS[1:]]
    assert min(adjusted for _, adjusted in both) == pytest.approx(min(1, 2 * min(both)[0]))


def test_an_infinite_limit_is_missing_and_says_so(quick_plan, trial):
    five = again(quick_plan, "label_permutation", trial[trial["participant"] != "06"])
    limit = row(five, "label_permutation", FIRST, "ci_lower")
    assert np.isnan(limit["value"])
    assert "no shift can be rejected; ci_lower is infinite; ci_upper is infinite" in limit["warning"]


def test_the_tipping_point_shifts_lost_units_of_the_interventions(trial, results):
    ard, records = results
    lost = trial[(trial["outcome"] == "delta_f") & trial["value"].isna()]
    record = records["tipping_point"]
    assert record["n_imputed"] == len(lost)
    assert record["n_shifted"] == (lost["condition"] != "control").sum()
    down, at, up = (
        of(ard, "tipping_point", f"{FIRST}, delta {delta}", "estimate")[0] for delta in ("-1", "+0", "+1")
    )
    # The model is linear in the response: equal steps, no larger than the shift.
    assert 0 < up - at < 1 and at - down == pytest.approx(up - at)
    shares = ard[(ard["analysis"] == "tipping_point") & (ard["statistic"] == "share_of_units")]
    assert shares["value"].sum() == pytest.approx(1)


def test_ranks_against_scipy(trial, ard):
    from scipy.stats import friedmanchisquare, wilcoxon

    means = participant_means(trial[trial["outcome"] == "torque_sustained"], CONDITIONS)
    difference = (means["stimulation"] - means["control"]).to_numpy()
    walsh = [(a + b) / 2 for i, a in enumerate(difference) for b in difference[i:]]
    expected = [np.median(walsh), wilcoxon(difference, method="exact").pvalue]
    assert of(ard, "torque_sustained_ranks", FIRST, "estimate", "p") == pytest.approx(expected)
    chi_square = friedmanchisquare(*means.to_numpy().T)
    found = of(ard, "torque_sustained_ranks", "condition", "chi_square", "df", "p_chi_square")
    assert found == pytest.approx([chi_square.statistic, 2, chi_square.pvalue])
    assert row(ard, "torque_sustained_ranks", FIRST, "p")["role"] == "exploratory"
    assert row(ard, "torque_sustained_ranks", "condition", "p")["role"] == "supplementary"


def test_shares_count_people(quick_plan, trial, ard):
    means = participant_means(trial[trial["outcome"] == "responder"], CONDITIONS)
    assert of(ard, "responders", "control", "estimate", "n_events") == pytest.approx(
        [means["control"].mean(), means["control"].sum()]
    )
    assert of(ard, "responders", FIRST, "estimate") == pytest.approx(
        [(means["stimulation"] - means["control"]).mean()]
    )
    floor = with_analysis(quick_plan, "floor", "share", "torque_sustained", floor=3.0)
    found = again(floor, "floor", trial)
    torque = participant_means(trial[trial["outcome"] == "torque_sustained"], CONDITIONS)
    assert of(found, "floor", "relaxation", "n_events") == [(torque["relaxation"] <= 3).sum()]


def test_correlation_is_that_of_values_centred_within_people(trial, ard):
    means = [
        trial[trial["outcome"] == name].groupby(["participant", "session"])["value"].mean()
        for name in ("delta_f", "torque_vibration")
    ]
    centred = [values - values.groupby("participant").transform("mean") for values in means]
    found = of(ard, "delta_f_with_torque", "torque_vibration", "r", "df")
    assert found == pytest.approx([np.corrcoef(*centred)[0, 1], 18 - 6 - 1])


def test_agreement_is_that_of_the_outcome_minus_the_other(quick_plan, trial):
    plan = with_analysis(
        quick_plan, "both_torques", "agreement", "torque_vibration", other="torque_sustained"
    )
    found = again(plan, "both_torques", trial)
    x, y = (
        trial[trial["outcome"] == name].groupby("participant")["value"].mean()
        for name in ("torque_vibration", "torque_sustained")
    )
    names = ("bias", "lower_limit", "upper_limit")
    bias, lower, upper = of(found, "both_torques", "torque_sustained", *names)
    assert bias == pytest.approx((x - y).mean())
    assert lower < bias < upper and bias - lower == pytest.approx(upper - bias)


def test_counts_are_of_those_who_are_behind_a_number(quick_plan, trial):
    without = trial[(trial["participant"] != "02") | (trial["condition"] != "relaxation")]

    def people(name, level, statistic):
        return row(again(quick_plan, name, without), name, level, statistic)["n_participants"]

    second = "relaxation - control"
    for name in ("participant_means", "label_permutation", "torque_vibration_ranks", "responders"):
        assert people(name, second, "p") == 5 and people(name, FIRST, "p") == 6
    assert people("torque_vibration_ranks", "condition", "p") == 5
    assert people("label_permutation", "condition", "p") == 6
    assert people("responders", "relaxation", "estimate") == 5
    assert people("primary", second, "p") == 6
    once = trial[(trial["participant"] != "02") | (trial["condition"] == "control")]
    found = again(quick_plan, "delta_f_with_torque", once)
    assert row(found, "delta_f_with_torque", "torque_vibration", "r")["n_participants"] == 5
    units = trial[(trial["outcome"] == "delta_f") & trial["value"].notna()]
    in_pair = units[units["condition"].isin(PAIRS[0])]
    mean = row(again(quick_plan, "participant_means", trial), "participant_means", FIRST, "t")
    assert mean["n_pairs"] == in_pair["n_controls"].sum()
    assert mean["n_units"] == in_pair.groupby(["participant", "unit_id"]).ngroups


def test_methods_that_the_sample_plan_does_not_use(quick_plan, trial):
    wins = again(with_analysis(quick_plan, "wins", "win_probability", "torque_vibration"), "wins", trial)
    torque = participant_means(trial[trial["outcome"] == "torque_vibration"], CONDITIONS)
    higher = (torque["stimulation"] > torque["control"]).sum()
    assert of(wins, "wins", FIRST, "n_higher", "estimate") == pytest.approx([higher, higher / 6])
    formula = "value ~ condition + (1 | participant)"
    odds = with_analysis(quick_plan, "odds", "cumulative_link", "torque_sustained", formula=formula)
    found = again(odds, "odds", trial.assign(value=trial["value"].clip(1, 4).round()))
    estimate, ratio = of(found, "odds", FIRST, "estimate", "odds_ratio")
    assert estimate < 0 and ratio == pytest.approx(np.exp(estimate))
    assert of(found, "odds", "condition", "df") == [2]
    retest = again(with_analysis(quick_plan, "retest", "reliability", "delta_f"), "retest", trial)
    icc, error, least = of(
        retest, "retest", "all", "icc", "standard_error_of_measurement", "minimal_detectable_change"
    )
    assert -1 < icc < 1 and least == pytest.approx(1.959964 * np.sqrt(2) * error)


def test_exploratory_contrasts_have_no_family(ard):
    outside = ard[ard["contrast_or_level"].str.contains(" - ") & ard["family"].isna()]
    assert set(outside["role"]) == {"exploratory"}
    assert set(outside["analysis"]) == {
        *("peak_rate", "torque_vibration", "torque_vibration_ranks", "torque_sustained_ranks", "responders"),
    }
    assert "p_adjusted" not in set(outside["statistic"])
