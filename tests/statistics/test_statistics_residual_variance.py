"""Residual variances by condition are those of nlme, of the closed form and of the data drawn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from pictrial.seeds import random_generator
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.residual_variance import LARGEST_RATIO, _excess, fit_residual_variance_by

LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
MODEL = "value ~ condition + period + (1 | participant) + (1 | participant:condition)"


@pytest.fixture(scope="module")
def wide(outcomes):
    """The drawn trial, the deviations of units from their mean under stimulation doubled."""
    frame = model_frame(outcomes)
    mean = frame.groupby(["participant", "condition"])["value"].transform("mean")
    return frame.assign(
        value=frame["value"] + (frame["condition"] == "stimulation") * (frame["value"] - mean)
    )


@pytest.fixture(scope="module")
def found(wide):
    return fit_residual_variance_by(wide, MODEL, LEVELS)


def test_agrees_with_nlme(found):
    # R 4.2.2, nlme 3.1-162: lme(value ~ condition + period, ~ 1 | participant/condition,
    # weights = varIdent(form = ~ 1 | condition)), its anova against the model without weights, intervals.
    table = found.levels.set_index("level")
    assert list(table.index) == LEVELS["condition"]
    np.testing.assert_allclose(table["ratio"], [1, 1.87298630597, 0.84862518175], rtol=1e-6)
    assert table.loc["control", "residual_standard_deviation"] == pytest.approx(1.25106641387, rel=1e-6)
    assert found.model.fit.deviance == pytest.approx(338.120471664, abs=1e-6)
    assert found.chi_squared == pytest.approx(20.8967422511, abs=1e-6)
    np.testing.assert_allclose(
        found.model.fit.beta,
        [3.0006342477809, -1.6029602059938, -1.3225367932155, 0.4133067339651, 0.0175540142633],
        atol=1e-6,
    )
    # nlme takes its curvature in all parameters at once, by finite differences.
    lower, upper = table["ratio_ci_lower"][1:], table["ratio_ci_upper"][1:]
    np.testing.assert_allclose(lower, [1.309455935193, 0.576444004042], rtol=5e-4)
    np.testing.assert_allclose(upper, [2.67903455784, 1.24932290743], rtol=5e-4)
    assert found.df == 2 and found.p == pytest.approx(chi2.sf(found.chi_squared, 2), rel=1e-12)
    assert table["n"].tolist() == [31, 33, 29] and found.warning == ""


def test_gradient_is_that_of_the_profiled_deviance(wide):
    matrices = fit_model(wide, MODEL + " + (1 | participant:unit)", LEVELS).design.matrices
    codes = pd.Categorical(wide["condition"], LEVELS["condition"]).codes

    def fitted(ratios):
        return fit_linear_mixed_model(replace(matrices, weights=np.exp(-2 * np.append(0, ratios)[codes])))

    at, step = np.array([0.4, -0.3]), 1e-4
    slopes = [
        (fitted(at + move).deviance - fitted(at - move).deviance) / (2 * step) for move in step * np.eye(2)
    ]
    excess = _excess(fitted(at), codes)
    np.testing.assert_allclose(excess[1:], slopes, rtol=1e-5)
    # To scale all residual standard deviations alike changes nothing: sigma is at its optimum.
    assert excess.sum() == pytest.approx(0, abs=1e-6)


def test_groups_without_a_variance_between_have_their_own_standard_deviations():
    """Closed form: where nothing varies between participants, each level's SD is the usual one."""
    rng = random_generator(2, "one way")
    frame = pd.DataFrame(
        {
            "participant": np.tile(["01", "02", "03", "04"], 30),
            "condition": np.repeat(LEVELS["condition"], 40),
            "value": rng.normal(size=120) * np.repeat([1.0, 3.0, 0.5], 40),
        }
    )
    # Participants alike: their means within each condition are the same.
    cell = frame.groupby(["participant", "condition"])["value"].transform("mean")
    frame["value"] += frame.groupby("condition")["value"].transform("mean") - cell
    found = fit_residual_variance_by(frame, "value ~ condition + (1 | participant)", LEVELS)
    assert found.model.fit.singular
    deviations = frame.groupby("condition", sort=False)["value"].std()
    np.testing.assert_allclose(found.levels["residual_standard_deviation"], deviations, rtol=1e-6)
    # Two restricted log likelihoods of independent samples: Bartlett's statistic without its correction.
    common = np.mean(deviations**2)
    assert found.chi_squared == pytest.approx(39 * np.sum(np.log(common / deviations**2)), rel=1e-8)


def test_finds_what_was_drawn():
    rng = random_generator(1, "drawn residuals")
    people, units = 16, 8
    frame = pd.DataFrame(
        [
            (f"{i:02d}", condition, f"u{unit}")
            for i in range(people)
            for condition in LEVELS["condition"]
            for unit in range(units)
        ],
        columns=["participant", "condition", "unit"],
    )

    def drawn(*columns, sd):
        codes = frame.groupby(list(columns)).ngroup()
        return rng.normal(0, sd, codes.max() + 1)[codes]

    sd = frame["condition"].map({"control": 0.6, "stimulation": 1.2, "relaxation": 0.6})
    frame["value"] = (
        drawn("participant", sd=0.7)
        + drawn("participant", "condition", sd=0.3)
        + drawn("participant", "unit", sd=0.9)
        + sd * rng.normal(size=len(frame))
    )
    formula = "value ~ condition + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
    found = fit_residual_variance_by(frame, formula, LEVELS)
    table = found.levels.set_index("level")
    assert (table["ratio_ci_lower"][1:] < [2, 1]).all() and (table["ratio_ci_upper"][1:] > [2, 1]).all()
    assert table.loc["control", "residual_standard_deviation"] == pytest.approx(0.6, rel=0.1)
    assert found.p < 1e-10
    contrast = planned_contrasts(found.model, [("relaxation", "control")], "kenward-roger").iloc[0]
    common = planned_contrasts(
        fit_model(frame, formula, LEVELS), [("relaxation", "control")], "kenward-roger"
    ).iloc[0]
    # The noise of stimulation no longer counts where it is not compared.
    assert contrast["standard_error"] < common["standard_error"]


def test_reference_level_changes_names_only(wide, found):
    other = {"condition": ["stimulation", "control", "relaxation"]}
    turned = fit_residual_variance_by(wide, MODEL, other)
    assert turned.chi_squared == pytest.approx(found.chi_squared, abs=1e-6)
    pd.testing.assert_series_equal(
        turned.levels.set_index("level")["residual_standard_deviation"].sort_index(),
        found.levels.set_index("level")["residual_standard_deviation"].sort_index(),
        rtol=1e-5,
    )


def test_one_level_has_nothing_to_compare(wide):
    one = wide[wide["condition"] == "control"]
    found = fit_residual_variance_by(one, "value ~ 1 + (1 | participant)", LEVELS)
    assert found.warning == "not estimable: condition has one level"
    assert np.isnan([found.chi_squared, found.p]).all()
    assert found.levels["ratio"].tolist() == [1.0]


def test_standard_deviation_that_runs_to_zero_is_held_and_said():
    rng = random_generator(4, "no noise")
    frame = pd.DataFrame(
        {
            "participant": np.repeat([f"{i}" for i in range(8)], 6),
            "condition": np.tile(np.repeat(["control", "stimulation"], 3), 8),
        }
    )
    person = np.repeat(rng.normal(size=8), 6)
    noise = rng.normal(size=48) * np.where(frame["condition"] == "control", 1.0, 1e-4)
    found = fit_residual_variance_by(
        frame.assign(value=person + noise), "value ~ condition + (1 | participant)", LEVELS
    )
    assert found.levels["ratio"][1] == pytest.approx(1 / LARGEST_RATIO)
    assert found.warning == "a residual standard deviation runs to zero: ratio held at 20"
    assert found.levels["ratio_ci_lower"].isna().all()
