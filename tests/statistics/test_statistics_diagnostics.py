"""Residuals, leverages and BLUPs are those of lme4 and have the distribution they are standardised to."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pictrial.statistics.diagnostics import (
    diagnostics_summary,
    normal_band,
    normal_quantiles,
    observation_diagnostics,
    random_effect_diagnostics,
    residual_deviations,
)
from pictrial.statistics.fitted_model import fit_model, model_frame
from pictrial.statistics.marginal_covariance import marginal_covariance

LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
MODEL = (
    "value ~ condition + period + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
)


@pytest.fixture(scope="module")
def frame(outcomes):
    return model_frame(outcomes)


@pytest.fixture(scope="module")
def model(frame):
    return fit_model(frame, MODEL, LEVELS)


@pytest.fixture(scope="module")
def observations(model, frame):
    return observation_diagnostics(model, frame)


def test_residuals_and_leverages_are_those_of_lme4(observations):
    # R 4.2.2, lme4 1.1-31: residuals(fit), hatvalues(fit); a variance of zero ends at 9e-6 there.
    np.testing.assert_allclose(
        observations["residual"][:4],
        [0.3575470707448, -0.4992545742360, -0.0928615953098, -0.1865182023704],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        observations["leverage"][5:8], [0.461250251395, 0.357258075900, 0.460843137746], atol=1e-6
    )


def test_table_follows_the_observations(observations, frame, model):
    assert observations["participant"].tolist() == frame["participant"].tolist()
    assert observations["level"].tolist() == frame["condition"].tolist()
    assert observations["unit"].tolist() == frame["unit"].tolist()
    np.testing.assert_allclose(observations["fitted"] + observations["residual"], frame["value"])
    np.testing.assert_allclose(observations["fitted_marginal"], model.fit.matrices.fixed @ model.fit.beta)


def simulated(frame, model, count):
    """Refit at the same variances to data drawn from the model: shapes (count, observations or levels)."""
    rng = np.random.default_rng(1)
    fit = model.fit
    root = np.linalg.cholesky(marginal_covariance(fit, np.arange(len(frame))))
    scaled = fit.equations.scaled(fit.theta)
    residuals, effects = [], []
    for _ in range(count):
        response = root @ rng.normal(size=len(frame))
        equations = type(fit.equations)(replace(fit.matrices, response=response))
        beta = equations.estimates(scaled, True)[1]
        drawn = replace(
            model,
            fit=replace(
                fit,
                matrices=equations.matrices,
                beta=beta,
                random_effects=tuple(equations.random_effects(scaled)),
            ),
        )
        residuals.append(observation_diagnostics(drawn, frame)["standardised_residual"])
        effects.append(random_effect_diagnostics(drawn)["standardised_blup"])
    return np.array(residuals), np.array(effects)


def test_standardised_values_have_variance_one(frame):
    """At the true variances every standardised residual and BLUP is standard normal."""
    small = frame[frame["participant"].isin(["01", "02", "03"])].reset_index(drop=True)
    model = fit_model(small, "value ~ condition + (condition | participant) + (1 | participant:unit)", LEVELS)
    for values in simulated(small, model, 80):
        squares = np.nanmean(values**2, axis=0)
        squares = squares[np.isfinite(squares)]
        # Standard error of a variance from 80: 0.16.
        assert len(squares) and np.all(np.abs(squares - 1) < 0.6)
        assert np.mean(squares) == pytest.approx(1, abs=0.05)


def test_blups_are_those_of_the_fit(model):
    table = random_effect_diagnostics(model)
    groups = [term.group for term in model.fit.matrices.random]
    assert list(dict.fromkeys(table["group"])) == groups
    for term, effects in zip(model.fit.matrices.random, model.fit.random_effects, strict=True):
        rows = table[table["group"] == term.group]
        assert rows["level"].tolist() == list(term.level_names)
        np.testing.assert_allclose(rows["blup"], effects[:, 0])
        # A variance of zero has nothing to standardise by.
        zero = term.group == "participant"
        assert rows["standardised_blup"].isna().all() == zero
        assert rows["normal_quantile"].isna().all() == zero


def test_quantiles_are_blom_s_and_keep_their_places():
    np.testing.assert_allclose(
        normal_quantiles(np.array([3.0, np.nan, -1.0, 0.5])),
        [norm.ppf(2.625 / 3.25), np.nan, norm.ppf(0.625 / 3.25), 0],
        atol=1e-12,
    )


def test_band_holds_each_order_statistic_in_95_percent():
    lower, upper = normal_band(12)
    np.testing.assert_allclose(lower, -upper[::-1])
    # The largest of n lies below c in Phi(c)^n of samples.
    assert norm.cdf(upper[-1]) ** 12 == pytest.approx(0.975, rel=1e-9)
    assert norm.cdf(lower[-1]) ** 12 == pytest.approx(0.025, rel=1e-9)
    drawn = np.sort(np.random.default_rng(1).normal(size=(4000, 12)), axis=1)
    np.testing.assert_allclose(np.mean((drawn > lower) & (drawn < upper), axis=0), 0.95, atol=0.015)


def test_residual_deviation_of_one_way_is_the_usual_one():
    """Where nothing varies between groups the residual df is n - 1 and the SD that of the level."""
    rng = np.random.default_rng(3)
    small = pd.DataFrame(
        {
            "participant": np.tile(["1", "2", "3"], 8),
            "condition": np.repeat(["b", "a"], 12),
            "value": rng.normal(size=24),
        }
    )
    cell = small.groupby(["participant", "condition"])["value"].transform("mean")
    small["value"] += small.groupby("condition")["value"].transform("mean") - cell
    model = fit_model(small, "value ~ condition + (1 | participant)", {})
    table = residual_deviations(observation_diagnostics(model, small)).set_index("level")
    assert list(table.index) == ["b", "a"]
    np.testing.assert_allclose(table["residual_df"], 11, rtol=1e-6)
    expected = small.groupby("condition", sort=False)["value"].std()
    np.testing.assert_allclose(table["residual_standard_deviation"], expected, rtol=1e-6)
    # chi-squared with 11 df: 3.8157 and 21.9200 (tables).
    np.testing.assert_allclose(table["ci_lower"], expected * np.sqrt(11 / 21.9200), rtol=1e-4)
    np.testing.assert_allclose(table["ci_upper"], expected * np.sqrt(11 / 3.8157), rtol=1e-4)


def test_leverages_sum_to_the_effective_parameters(observations, model):
    # Between the number of fixed effects and that of fixed and random ones.
    levels = sum(term.n_levels for term in model.fit.matrices.random)
    assert len(model.fit.beta) < observations["leverage"].sum() < len(model.fit.beta) + levels
    assert residual_deviations(observations)["residual_df"].sum() == pytest.approx(
        len(observations) - observations["leverage"].sum()
    )


def table_of(residual, level=None, fitted=None):
    residual = np.asarray(residual, float)
    return pd.DataFrame(
        {
            "level": "a" if level is None else level,
            "fitted": np.arange(len(residual)) if fitted is None else fitted,
            "residual": residual,
            "standardised_residual": residual,
            "leverage": 0.5,
        }
    )


def test_summary_has_known_numbers():
    numbers = diagnostics_summary(table_of([-4.0, 1, 1, 2, 3.5, -3], ["a", "b"] * 3))
    assert numbers["n_observations"] == 6
    assert numbers["n_beyond_3_sd"] == 2
    assert numbers["largest_leverage"] == 0.5
    # a: 16 + 1 + 12.25, b: 1 + 4 + 9.
    assert numbers["largest_residual_sd_ratio"] == pytest.approx(np.sqrt(29.25 / 14))
    growing = diagnostics_summary(table_of([0.1, -0.2, 0.3, -0.4, 0.5, -0.6]))
    assert growing["spearman_absolute_residual_fitted"] == pytest.approx(1)
    # G1 and G2 of 1, 2, 3, 4, 10 (Joanes & Gill 1998): 1.6971 and 3.1520.
    skewed = diagnostics_summary(table_of([1, 2, 3, 4, 10]))
    assert skewed["residual_skewness"] == pytest.approx(1.6971, abs=1e-4)
    assert skewed["residual_excess_kurtosis"] == pytest.approx(3.152, abs=1e-3)


def test_too_few_observations_have_no_shape():
    numbers = diagnostics_summary(table_of([1.0, -1, 0.5]))
    shapes = ["residual_skewness", "residual_excess_kurtosis", "spearman_absolute_residual_fitted"]
    assert all(np.isnan(numbers[name]) for name in shapes)


def test_observation_that_is_fitted_exactly_has_no_standardised_residual(frame):
    """One observation with a coefficient of its own."""
    marked = frame.assign(first=(frame.index == 0).astype(float))
    table = observation_diagnostics(
        fit_model(marked, MODEL.replace("period", "period + first"), LEVELS), marked
    )
    assert table["leverage"][0] == pytest.approx(1)
    assert np.isnan(table["standardised_residual"][0]) and table["standardised_residual"][1:].notna().all()
