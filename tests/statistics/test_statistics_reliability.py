"""Reliability: published data with published numbers, the analysis of variance by hand, and small data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.statistics.reliability import (
    limits_of_agreement,
    repeated_measures_correlation,
    retest_reliability,
)

#: Six targets by four judges: Shrout & Fleiss 1979, Psychol Bull 86:420, table 2.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
#: Cardiac output by two methods, first four subjects of Bland & Altman 1999, Stat Methods Med Res 8:135.
CARDIAC = {
    "1": [(7.83, 6.57), (7.42, 5.62), (7.89, 6.90), (7.12, 6.57), (7.88, 6.35)],
    "2": [(6.16, 4.06), (7.26, 4.29), (6.71, 4.26), (6.54, 4.09)],
    "3": [(4.75, 4.71), (5.24, 5.50), (4.86, 5.08), (4.78, 5.02), (6.05, 6.01), (5.42, 5.67)],
    "4": [(4.21, 4.14), (3.61, 4.20), (3.72, 4.61), (3.87, 4.68), (3.92, 5.04)],
}


def long(values) -> pd.DataFrame:
    wide = pd.DataFrame(values, dtype=float)
    return (
        wide.rename_axis("participant")
        .reset_index()
        .melt("participant", var_name="session", value_name="value")
    )


def pairs(of_people: dict) -> pd.DataFrame:
    return pd.DataFrame(
        [(person, x, y) for person, values in of_people.items() for x, y in values],
        columns=["participant", "x", "y"],
    )


@pytest.fixture(scope="module")
def blood() -> pd.DataFrame:
    import pingouin

    return pingouin.read_dataset("rm_corr").rename(columns={"Subject": "participant"})


def test_icc_of_shrout_and_fleiss():
    found = retest_reliability(long(SHROUT_FLEISS))
    assert (found["n_participants"], found["n_occasions"]) == (6, 4)
    assert found["icc"] == pytest.approx(0.29, abs=0.005)  # their ICC(2,1)
    # R's psych::ICC on these data prints 0.019 and 0.76.
    assert found["icc_ci_lower"] == pytest.approx(0.019, abs=0.0005)
    assert found["icc_ci_upper"] == pytest.approx(0.76, abs=0.005)
    assert found["standard_error_of_measurement"] == pytest.approx(np.sqrt(6.26), abs=0.002)  # their WMS
    assert found["warning"] == ""


def test_standard_error_of_measurement_is_sd_times_root_of_one_minus_icc():
    found = retest_reliability(long(SHROUT_FLEISS))
    y = np.array(SHROUT_FLEISS, float)
    n, k = y.shape
    rows, columns = y.mean(axis=1) - y.mean(), y.mean(axis=0) - y.mean()
    error = ((y - y.mean() - rows[:, None] - columns) ** 2).sum() / ((n - 1) * (k - 1))
    people = (k * (rows**2).sum() / (n - 1) - error) / k
    occasions = (n * (columns**2).sum() / (k - 1) - error) / n
    sd = np.sqrt(people + occasions + error)
    sem = found["standard_error_of_measurement"]
    assert sem == pytest.approx(sd * np.sqrt(1 - found["icc"]), rel=1e-9)
    assert found["minimal_detectable_change"] == pytest.approx(1.959964 * np.sqrt(2) * sem, rel=1e-6)


def test_interval_of_the_standard_error_is_that_of_a_variance():
    found = retest_reliability(long(SHROUT_FLEISS))
    sem = found["standard_error_of_measurement"]
    # Chi-squared with 6 x 3 degrees of freedom, from tables: 31.526 and 8.231.
    assert found["standard_error_of_measurement_ci_lower"] == pytest.approx(
        sem * np.sqrt(18 / 31.526), rel=1e-4
    )
    assert found["standard_error_of_measurement_ci_upper"] == pytest.approx(
        sem * np.sqrt(18 / 8.231), rel=1e-4
    )


def test_participants_without_every_occasion_are_left_out_and_counted():
    rows = long([*SHROUT_FLEISS, [5, 5, 5, np.nan]])
    found = retest_reliability(rows)
    assert found["icc"] == pytest.approx(retest_reliability(long(SHROUT_FLEISS))["icc"])
    assert found["n_participants"] == 6
    assert found["warning"] == "left out, without a value on every occasion: 1 of 7"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([[1, 2], [2, 3]], "2 participants, 3 are needed"),
        ([[1, 2], [2, 3], [4, np.nan]], "2 participants, 3 are needed"),
        ([[1], [2], [3]], "one occasion"),
        ([[2, 2], [2, 2], [2, 2]], "all values are equal"),
    ],
)
def test_too_little_for_reliability(values, why):
    found = retest_reliability(long(values))
    assert why in found["warning"]
    assert np.isnan([found["icc"], found["standard_error_of_measurement"]]).all()
    assert np.isnan(found["minimal_detectable_change"])


def test_perfect_agreement_and_second_values():
    found = retest_reliability(long([[1, 1], [2, 2], [4, 4]]))
    assert found["icc"] == pytest.approx(1)
    assert found["minimal_detectable_change"] == 0
    with pytest.raises(InputError, match="participant 0, session 1: it has two values"):
        retest_reliability(pd.concat([long([[1, 2], [3, 4], [5, 6]])] * 2).iloc[[0, 1, 2, 3, 4, 5, 9]])


def test_correlation_of_bland_and_altman(blood):
    found = repeated_measures_correlation(blood, "pH", "PacO2")
    assert (found["n_participants"], found["n_observations"], found["df"]) == (8, 47, 38)
    assert found["r"] == pytest.approx(-0.507, abs=0.0005)
    assert found["p"] == pytest.approx(0.000847, abs=5e-7)
    # Unrounded: Fisher's z with df + 2 observations.
    z, margin = np.arctanh(found["r"]), 1.959964 / np.sqrt(37)
    assert found["ci_lower"] == pytest.approx(np.tanh(z - margin), abs=1e-6)
    assert found["ci_upper"] == pytest.approx(np.tanh(z + margin), abs=1e-6)


def test_single_and_missing_observations_tell_nothing(blood):
    whole = repeated_measures_correlation(blood, "pH", "PacO2")
    extra = pd.DataFrame({"participant": [90, 91, 91], "pH": [7, 7.1, np.nan], "PacO2": [9, 2, 3.0]})
    assert repeated_measures_correlation(pd.concat([blood, extra]), "pH", "PacO2") == whole
    # pingouin itself counts the same degrees of freedom for a person with one observation.
    import pingouin

    theirs = pingouin.rm_corr(pd.concat([blood, extra.iloc[:1]]), "pH", "PacO2", "participant").iloc[0]
    assert theirs["dof"] == whole["df"]
    assert theirs["r"] == pytest.approx(whole["r"])


@settings(max_examples=6, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=8, max_size=8), st.floats(0.1, 10))
def test_correlation_does_not_see_levels_and_units(blood, levels, scale):
    moved = blood.assign(PacO2=scale * blood["PacO2"] + blood["participant"].map(dict(enumerate(levels, 1))))
    found = repeated_measures_correlation(moved, "pH", "PacO2")
    assert found["r"] == pytest.approx(-0.50677, abs=1e-5)
    assert repeated_measures_correlation(moved, "PacO2", "pH")["r"] == pytest.approx(found["r"], abs=1e-9)


def test_too_little_for_a_correlation(blood):
    two = repeated_measures_correlation(blood[blood["participant"] <= 2], "pH", "PacO2")
    assert two["warning"] == "not estimable: 2 participants with two observations, 3 are needed"
    flat = repeated_measures_correlation(blood.assign(pH=blood["participant"].astype(float)), "pH", "PacO2")
    assert flat["warning"] == "not estimable: pH does not vary within participants"
    assert np.isnan([two["r"], two["p"], flat["r"], flat["ci_upper"]]).all()
    with pytest.raises(InputError, match="column 'CO2'"):
        repeated_measures_correlation(blood, "pH", "CO2")


def test_limits_of_agreement_of_zou():
    """Zou 2013's example, as the tests of R's SimplyAgree give it (to 1 % for the intervals)."""
    found = limits_of_agreement(pairs(CARDIAC))
    assert (found["n_participants"], found["n_observations"]) == (4, 20)
    assert found["bias"] == pytest.approx(0.7255, rel=1e-3)
    assert found["lower_limit"] == pytest.approx(-2.14, rel=1e-3)
    assert found["upper_limit"] == pytest.approx(3.59, rel=1e-3)
    assert found["lower_limit_ci_lower"] == pytest.approx(-9.83, rel=0.01)
    assert found["lower_limit_ci_upper"] == pytest.approx(-0.33, rel=0.01)
    assert found["upper_limit_ci_lower"] == pytest.approx(1.77, rel=0.01)
    assert found["upper_limit_ci_upper"] == pytest.approx(11.27, rel=0.01)


def test_limits_of_balanced_data_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(5)
    d = rng.normal(0, 1, (7, 1)) + rng.normal(0.5, 0.6, (7, 4))
    truth = rng.normal(0, 5, d.shape)
    found = limits_of_agreement(
        pairs({i: list(zip(t + x, t, strict=True)) for i, (t, x) in enumerate(zip(truth, d, strict=True))})
    )
    within = ((d - d.mean(axis=1, keepdims=True)) ** 2).sum() / (7 * 3)
    between = 4 * d.mean(axis=1).var(ddof=1)
    sd = np.sqrt((between - within) / 4 + within)
    assert found["sd_within"] == pytest.approx(np.sqrt(within))
    assert found["sd_difference"] == pytest.approx(sd)
    assert found["upper_limit"] == pytest.approx(d.mean() + 1.959964 * sd, rel=1e-6)
    assert found["bias_ci_upper"] - d.mean() == pytest.approx(
        2.446912 * d.mean(axis=1).std(ddof=1) / np.sqrt(7), rel=1e-6
    )


def test_unequal_numbers_of_pairs_by_hand():
    of_people = {"a": [1.0, 3.0], "b": [0.0], "c": [2.0, 2.5, 3.5, 4.0, 2.0, 4.0]}
    found = limits_of_agreement(pairs({name: [(d, 0.0) for d in ds] for name, ds in of_people.items()}))
    means = [2.0, 0.0, 3.0]
    within = (2.0 + 4.5) / 6
    variance = np.var(means, ddof=1) + (1 - (1 / 2 + 1 + 1 / 6) / 3) * within
    assert found["bias"] == pytest.approx(5 / 3)
    assert found["sd_within"] == pytest.approx(np.sqrt(within))
    assert found["sd_difference"] == pytest.approx(np.sqrt(variance))


def test_limits_need_people_and_repeats():
    two = limits_of_agreement(pairs({name: CARDIAC[name] for name in "12"}))
    single = limits_of_agreement(pairs({name: values[:1] for name, values in CARDIAC.items()}))
    assert two["warning"] == "not estimable: 2 participants, 3 are needed"
    assert single["warning"] == "not estimable: no participant has two pairs"
    assert np.isnan([two["bias"], single["upper_limit"], single["sd_within"]]).all()


def test_limits_mirror_when_the_methods_change_places():
    rows = pairs(CARDIAC)
    one, other = limits_of_agreement(rows), limits_of_agreement(rows, "y", "x")
    assert one["lower_limit_ci_lower"] == pytest.approx(-other["upper_limit_ci_upper"])
    assert one["upper_limit"] == pytest.approx(-other["lower_limit"])
    # One more pair of a missing method changes nothing.
    assert limits_of_agreement(pd.concat([rows, rows.iloc[:1].assign(y=np.nan)])) == one
