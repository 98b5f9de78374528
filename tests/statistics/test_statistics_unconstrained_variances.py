"""Variances below zero: the classical analysis of variance, nlme's compound symmetry, an own likelihood."""

import dataclasses
import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as f_distribution

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics import kenward_roger, satterthwaite
from pictrial.statistics.analysis import ask, run_analysis
from pictrial.statistics.analysis_results import look_up
from pictrial.statistics.cross_checks import cross_check
from pictrial.statistics.diagnostics import observation_diagnostics, random_effect_diagnostics
from pictrial.statistics.effect_sizes import standardisers
from pictrial.statistics.estimated_marginal_means import custom_contrasts, marginal_means
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.influence import participant_influence
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.marginal_covariance import marginal_covariance
from pictrial.statistics.power import planned_test, significant
from pictrial.statistics.simulated_outcomes import (
    OutcomeModel,
    StandardDeviations,
    crossover_sessions,
    draw_outcomes,
    williams_sequences,
)
from pictrial.statistics.unconstrained_variances import UNCONSTRAINED, without_bound

CONDITIONS = ("control", "stimulation", "relaxation")
LEVELS = {"condition": CONDITIONS}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
PRIMARY = (
    "value ~ condition + period + sequence + (1 | participant) + (1 | participant:condition)"
    " + (1 | participant:unit)"
)
CROSSED = "value ~ condition + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
PEOPLE, UNITS = 6, 4
VALUES = [
    *(0.254, 0.802, 1.079, 1.904, -0.806, 1.435, -0.684, 1.09, 1.158, 0.455),
    *(0.638, 1.571, 1.557, 0.235, -0.569, 0.229, 0.629, 0.836, -1.036, 1.302),
    *(1.501, 0.039, 1.377, 1.299, 1.468, -1.549, 1.949, -0.852, 0.92, -0.572),
]
VARIANCE = "participant:condition.(Intercept)"


@pytest.fixture(scope="module")
def cells():
    """Values of a balanced trial (people, conditions, units) with too little spread between cells' means."""
    rng = random_generator(1, "balanced trial")
    values = rng.normal(0, 0.6, (PEOPLE, 3, UNITS)) + np.array([0.0, -0.4, 0.1])[:, None]
    values += rng.normal(0, 0.7, (PEOPLE, 1, 1)) + rng.normal(0, 0.9, (PEOPLE, 1, UNITS))
    mean = values.mean(axis=2, keepdims=True)
    of_cell = mean - mean.mean(axis=0) - mean.mean(axis=1, keepdims=True) + mean.mean()
    return values - 0.7 * of_cell


@pytest.fixture(scope="module")
def balanced(cells):
    rows = [
        (f"p{i}", CONDITIONS[j], f"u{k}", cells[i, j, k])
        for i, j, k in product(range(PEOPLE), range(3), range(UNITS))
    ]
    frame = pd.DataFrame(rows, columns=["participant", "condition", "unit", "value"])
    return fit_model(frame, CROSSED, LEVELS, variances=UNCONSTRAINED), frame


@pytest.fixture(scope="module")
def drawn():
    """A trial of 8 people without participant:condition, whose variance is estimated as zero."""
    return model_frame(trial_of(0))


def trial_of(number):
    """Trial `number` of the benchmark of type I error."""
    model = OutcomeModel(
        StandardDeviations(participant_condition=0.0),
        effects={"stimulation": -0.45},
        period_effects=(0.0, 0.1, 0.2),
        lost_units=0.2,
    )
    random = random_generator(29, "type I error", 8, 0.0, number)
    return draw_outcomes(crossover_sessions(8, williams_sequences(CONDITIONS)), model, random)


def mean_squares(cells):
    """Return the mean squares of the strata: people, units, people x conditions, rest; and conditions."""
    n, k, m = cells.shape
    whole, people = cells.mean(), cells.mean(axis=(1, 2))
    conditions, pairs, units = cells.mean(axis=(0, 2)), cells.mean(axis=2), cells.mean(axis=1)
    of_people = k * m * np.sum((people - whole) ** 2) / (n - 1)
    of_units = k * np.sum((units - people[:, None]) ** 2) / (n * (m - 1))
    crossed = pairs - people[:, None] - conditions + whole
    of_pairs = m * np.sum(crossed**2) / ((n - 1) * (k - 1))
    rest = cells - pairs[:, :, None] - units[:, None, :] + people[:, None, None]
    of_rest = np.sum(rest**2) / (n * (m - 1) * (k - 1))
    of_conditions = n * m * np.sum((conditions - whole) ** 2) / (k - 1)
    return of_people, of_units, of_pairs, of_rest, of_conditions


def test_a_balanced_trial_is_the_analysis_of_variance(cells, balanced):
    people, units, pairs, rest, conditions = mean_squares(cells)
    fit = balanced[0].fit
    estimated = {
        term.group: covariance[0, 0]
        for term, covariance in zip(fit.matrices.random, fit.term_covariances, strict=True)
    }
    assert estimated["participant:condition"] == pytest.approx((pairs - rest) / UNITS, rel=1e-8)
    assert estimated["participant:condition"] < -0.05
    assert estimated["participant:unit"] == pytest.approx((units - rest) / 3, rel=1e-8)
    assert estimated["participant"] == pytest.approx((people - pairs - units + rest) / 12, rel=1e-8)
    assert fit.sigma**2 == pytest.approx(rest, rel=1e-8)
    means = marginal_means(balanced[0].design, "~ condition")
    rows = custom_contrasts(means, {level: {level: 1.0, minus: -1.0} for level, minus in PAIRS}).rows
    for method in (kenward_roger, satterthwaite):
        test = method.joint_test(fit, rows)
        assert (test.F, test.df1, test.df2) == pytest.approx((conditions / pairs, 2, 10), rel=1e-7)
        assert test.p == pytest.approx(f_distribution.sf(conditions / pairs, 2, 10), rel=1e-6)
    for df_method in ("kenward-roger", "satterthwaite"):
        table = planned_contrasts(balanced[0], PAIRS, df_method)
        np.testing.assert_allclose(table["df"], 10, rtol=1e-7)
        error = np.sqrt(2 * pairs / (PEOPLE * UNITS))
        np.testing.assert_allclose(table["standard_error"], error, rtol=1e-8)
    # Held at zero, the error is the larger one of the rest, with another number of degrees of freedom.
    held = planned_contrasts(fit_model(balanced[1], CROSSED, LEVELS), PAIRS, "satterthwaite")
    assert (held["standard_error"] > 1.5 * error).all()


def test_agrees_with_nlme():
    # R 4.2.2, nlme 3.1-162: gls(value ~ condition, correlation = corCompSymm(form = ~ 1 | group)).
    sizes, values = [2, 3, 4, 3, 2, 4, 3, 3, 4, 2], iter(VALUES)
    rows = [
        (f"g{group}", "abc"[(group + place) % 3], next(values))
        for group, size in enumerate(sizes)
        for place in range(size)
    ]
    frame = pd.DataFrame(rows, columns=["group", "condition", "value"])
    model = fit_model(frame, "value ~ condition + (1 | group)", {}, variances=UNCONSTRAINED)
    fit = model.fit
    assert fit.term_covariances[0][0, 0] == pytest.approx(-0.15726624834818, rel=1e-5)
    assert fit.sigma**2 == pytest.approx(0.89281270306729, rel=1e-6)
    np.testing.assert_allclose(fit.beta, [-0.10592616709501, 0.95722616709501, 0.91669477573703], atol=1e-6)
    errors = np.sqrt(np.diag(fit.covariance))
    np.testing.assert_allclose(errors, [0.28418016179413, 0.43100610146364, 0.40821285178333], rtol=1e-6)
    assert fit.deviance == pytest.approx(73.52710012471130, abs=1e-8)
    assert model.warnings == ["variance estimated below zero: group.(Intercept)"]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_optimum_is_that_of_an_own_likelihood(drawn, weighted):
    weights = random_generator(2, "weights").uniform(0.5, 2, len(drawn)) if weighted else None
    fit = fit_model(drawn, PRIMARY, LEVELS, weights, UNCONSTRAINED).fit
    assert fit.negative_components == (VARIANCE,) and not fit.singular
    x, y = fit.matrices.fixed, fit.matrices.response
    groups = [np.equal.outer(term.codes, term.codes) for term in fit.matrices.random]
    groups.append(np.diag(1 / (np.ones(len(y)) if weights is None else weights)))

    def reml(variances):
        v = np.tensordot(variances, groups, axes=1)
        through = np.linalg.solve(v, x)
        information = x.T @ through
        residual = y - x @ np.linalg.solve(information, through.T @ y)
        logs = [np.linalg.slogdet(matrix)[1] for matrix in (v, information)]
        freedom = len(y) - x.shape[1]
        return sum(logs) + residual @ np.linalg.solve(v, residual) + freedom * np.log(2 * np.pi)

    variances = np.array([*(covariance[0, 0] for covariance in fit.term_covariances), fit.sigma**2])
    lowest = reml(variances)
    assert fit.deviance == pytest.approx(lowest, abs=1e-8)
    assert fit.deviance < fit_linear_mixed_model(fit.matrices).deviance - 0.1
    for index in range(4):
        for step in (-1e-3, 1e-3):
            assert reml(variances + step * (np.arange(4) == index)) > lowest
    np.testing.assert_allclose(
        marginal_covariance(fit, np.arange(len(y))), np.tensordot(variances, groups, axes=1), atol=1e-12
    )
    # The derivatives are those of this deviance, also in another unit of the columns.
    numeric = [
        (reml(variances + step) - 2 * lowest + reml(variances - step)) / 1e-6 for step in 1e-3 * np.eye(4)
    ]
    scale = np.append(fit.marginal.scale**2, 1) / fit.sigma**2
    np.testing.assert_allclose(np.diag(fit.curvature[1]) * scale**2, numeric, rtol=2e-2)
    total = np.diag(marginal_covariance(fit, np.arange(len(y)))).mean()
    assert standardisers(fit)[1][0] == pytest.approx(np.sqrt(total))


def test_an_optimum_above_zero_stays_as_it_is(outcomes):
    frame = model_frame(outcomes)
    held = fit_model(frame, "value ~ condition + (1 | participant)", LEVELS).fit
    assert not held.singular and without_bound(held) is held


def test_continuous_where_the_bound_is_met(drawn):
    """Just above zero, what is told from V is what the fit on the boundary tells."""
    weights = random_generator(2, "weights").uniform(0.5, 2, len(drawn))
    fit = fit_model(drawn, PRIMARY, LEVELS, weights, UNCONSTRAINED).fit
    held = fit_model(drawn, PRIMARY, LEVELS, weights).fit
    ratios = held.equations.scaled(held.theta) ** 2
    ours, theirs = fit.marginal.derivatives(ratios, True), held.derivatives
    for name in ("phi", "first_trace", "second_trace", "first", "second"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), atol=1e-8, err_msg=name)


def test_without_an_optimum_the_variance_is_held():
    frame = model_frame(trial_of(389))
    model = fit_model(frame, PRIMARY, LEVELS, variances=UNCONSTRAINED)
    held = fit_model(frame, PRIMARY, LEVELS)
    assert model.fit.singular and model.fit.deviance == held.fit.deviance
    assert model.warnings[:-1] == held.warnings and model.warnings[-1].startswith("held at zero")


def test_slopes_are_refused(drawn):
    with pytest.raises(InputError, match="correlated slopes"):
        fit_model(drawn, "value ~ period + (condition | participant)", LEVELS, variances=UNCONSTRAINED)


def test_diagnostics_of_a_negative_variance(drawn):
    model = fit_model(drawn, PRIMARY, LEVELS, variances=UNCONSTRAINED)
    observations = observation_diagnostics(model, drawn)
    fit = model.fit
    v = marginal_covariance(fit, np.arange(len(drawn)))
    residual = fit.matrices.response - fit.matrices.fixed @ fit.beta
    conditional = fit.sigma**2 * np.linalg.solve(v, residual)  # R V^-1 (y - Xb)
    np.testing.assert_allclose(observations["residual"], conditional, atol=1e-10)
    effects = random_effect_diagnostics(model)
    negative = effects["group"] == "participant:condition"
    assert effects.loc[negative, "standardised_blup"].isna().all()
    assert effects.loc[effects["group"] == "participant:unit", "standardised_blup"].notna().all()
    row = cross_check({"primary": model}).iloc[0]
    assert row["verdict"] == "cannot express" and VARIANCE in row["note"]


def test_influence_takes_it_over(drawn):
    found = participant_influence(drawn, PRIMARY, LEVELS, PAIRS, "kenward-roger", variances=UNCONSTRAINED)
    kept = drawn[drawn["participant"] != drawn["participant"].iloc[0]]
    model = fit_model(kept, PRIMARY, LEVELS, variances=UNCONSTRAINED)
    first = found.contrasts.iloc[: len(PAIRS)]
    expected = planned_contrasts(model, PAIRS, "kenward-roger")
    np.testing.assert_allclose(first["standard_error"], expected["standard_error"], rtol=1e-10)
    missing = found.components[found.components["standard_deviation"].isna()]
    assert len(missing) and missing["warning"].str.startswith("variance below zero without").all()


@pytest.fixture(scope="module")
def unconstrained_plan(quick_plan):
    """The sample plan, its primary analysis and what takes over from it unconstrained."""
    return with_variances(quick_plan, UNCONSTRAINED)


@pytest.fixture(scope="module")
def bounded_plan(quick_plan):
    return with_variances(quick_plan, "nonnegative")


def with_variances(plan, variances):
    formula = plan.analyses["primary"].formula
    analyses = {
        name: dataclasses.replace(one, variances=variances) if one.formula == formula else one
        for name, one in plan.analyses.items()
    }
    return dataclasses.replace(plan, analyses=analyses)


@pytest.fixture(scope="module")
def flat(trial):
    """The drawn trial, its units' values with too little spread between a person's conditions."""
    units = trial["outcome"] == "delta_f"
    by_cell = trial[units].groupby(["participant", "condition"])["value"].transform("mean")
    by_person = trial[units].groupby("participant")["value"].transform("mean")
    values = trial["value"].copy()
    values[units] -= 0.5 * (by_cell - by_person)
    return trial.assign(value=values)


def test_records_and_results_of_the_plan(unconstrained_plan, flat):
    ard, record = run_analysis(unconstrained_plan, "primary", flat, "cd" * 32, 1)
    variance = look_up(ard, "primary", "participant:condition", "variance")
    assert variance < 0 and record["variances"]["participant:condition"] == variance
    assert look_up(ard, "primary", "participant:condition", "standard_deviation") is None
    rows = ard[ard["contrast_or_level"] == "participant:condition"].set_index("statistic")
    assert rows.loc["standard_deviation", "warning"].startswith("estimated below zero")
    assert record["negative"] == [VARIANCE] and record["variance_estimates"] == UNCONSTRAINED
    assert VARIANCE not in record["theta"] and "NaN" not in json.dumps(record)
    fit = fit_model(ask(unconstrained_plan, "primary", flat, 1).frame, PRIMARY, LEVELS).fit
    assert record["reml_deviance"] < fit.deviance


@pytest.mark.parametrize(
    "name",
    [
        *("leave_one_out", "cluster_robust", "residual_variance", "tipping_point"),
        pytest.param("cluster_bootstrap", marks=pytest.mark.slow),
    ],
)
def test_what_takes_the_model_over_differs_from_the_bounded(bounded_plan, unconstrained_plan, flat, name):
    ours = run_analysis(unconstrained_plan, name, flat, "cd" * 32, 1)[0]
    held = run_analysis(bounded_plan, name, flat, "cd" * 32, 1)[0]
    assert list(ours["ard_id"]) == list(held["ard_id"])
    assert not np.allclose(ours["value"], held["value"], equal_nan=True)


def test_power_takes_it_over(unconstrained_plan):
    test = planned_test(unconstrained_plan)
    assert test.variances == UNCONSTRAINED
    bounded = dataclasses.replace(test, variances="nonnegative")
    # A trial whose result hangs on it.
    assert significant(test, trial_of(6)).tolist() == [1, 0]
    assert significant(bounded, trial_of(6)).tolist() == [0, 0]
