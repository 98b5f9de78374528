"""The parametric bootstrap against what its draws must be, and tests whose exact P is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, f

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.mixed_model_equations import MixedModelEquations
from pictrial.statistics.model_matrices import build_model
from pictrial.statistics.parametric_bootstrap import (
    Refit,
    Simulator,
    bootstrap_fixed_terms,
    bootstrap_random_terms,
    bootstrap_variance_components,
    simulator,
)


@pytest.fixture(scope="module")
def model():
    """Six people, three conditions, two observations each."""
    rng = np.random.default_rng(2)
    rows = [(f"p{i}", c) for i in range(6) for c in ("a", "b", "c") for _ in range(2)]
    frame = pd.DataFrame(rows, columns=["person", "condition"])
    effects = rng.normal(0, 1.0, 6)
    y = effects[np.repeat(np.arange(6), 6)] + 0.6 * (frame["condition"] == "b") + rng.normal(size=36)
    design = build_model(frame.assign(y=y), "y ~ condition + (1 | person)", {})
    return design, fit_linear_mixed_model(design.matrices)


def test_draws_have_the_mean_and_the_covariance_of_the_model():
    codes = np.repeat(np.arange(2), 3)
    frame = pd.DataFrame({"y": [1.0, 2, 4, 3, 5, 4], "x": [0.0, 1, 2, 0, 1, 2], "g": codes.astype(str)})
    matrices = build_model(frame, "y ~ x + (x | g)", {}).matrices
    weighted = replace(matrices, weights=np.array([1.0, 4, 1, 1, 1, 1]))
    factor = np.array([[1.0, 0.0], [-0.5, 0.3]])
    draws = Simulator(weighted, np.array([2.0, 3.0]), (factor,), 0.5)
    sample = np.array([draws.draw(random_generator(1, i)) for i in range(8000)])
    z = matrices.fixed
    expected = (codes[:, None] == codes) * (z @ factor @ factor.T @ z.T) + 0.25 * np.diag(
        1 / weighted.weights
    )
    assert sample.mean(axis=0) == pytest.approx(2 + 3 * frame["x"].to_numpy(), abs=0.06)
    assert np.cov(sample.T) == pytest.approx(expected, abs=0.1)


def test_a_refit_is_the_fit_of_the_new_response(model):
    _, fit = model
    refit = Refit(fit.equations, fit.equations.scaled(fit.theta), True)
    for draw in range(20):
        response = simulator(fit).draw(random_generator(4, draw))
        equations, theta, deviance = refit.minimum(response)
        whole = fit_linear_mixed_model(replace(fit.matrices, response=response))
        assert deviance == pytest.approx(whole.deviance, abs=1e-6)
        sigma, beta, covariance = equations.estimates(whole.equations.scaled(whole.theta), True)
        assert (sigma, *beta) == pytest.approx((whole.sigma, *whole.beta), rel=1e-9)
        assert covariance == pytest.approx(whole.covariance, rel=1e-8)
    # What is shared is not changed.
    assert fit.equations.deviance(theta, True)[0] == pytest.approx(
        MixedModelEquations(fit.matrices).deviance(theta, True)[0], rel=1e-14
    )


def test_fixed_term_has_the_exact_p_of_complete_blocks(model):
    """The likelihood ratio is a function of F while the variance is not zero, so P is that of the F test."""
    design, fit = model
    row = bootstrap_fixed_terms(design, fit, seed=1, draws=250).iloc[0]
    y, condition = fit.matrices.response, np.tile(np.repeat([0, 1, 2], 2), 6)
    people = y.reshape(6, 6).mean(axis=1)
    within = y - np.repeat(people, 6)
    means = np.array([within[condition == c].mean() for c in range(3)])
    rest = within - means[condition]
    statistic = 12 * (means @ means) / 2 / (rest @ rest / 28)
    exact = f.sf(statistic, 2, 28)
    assert 0.01 < exact < 0.99
    assert abs(row["p"] - exact) < 4 * row["p_standard_error"]
    assert row["p_standard_error"] == pytest.approx(np.sqrt(exact * (1 - exact) / 250), rel=0.3)
    assert (row["df"], row["draws"], row["warning"]) == (2, 250, "")
    # The observed statistic counts as one of its own draws.
    assert row["p"] * 251 == pytest.approx(round(row["p"] * 251), abs=1e-9)


def test_random_term_has_the_exact_p_where_chi_square_is_conservative(model):
    """With REML the ratio rises with F = MS between / MS within; chi-square has twice the tail."""
    design, _ = model
    rng = np.random.default_rng(6)
    response = 0.25 * rng.normal(size=6)[np.repeat(np.arange(6), 6)] + rng.normal(size=36)
    fit = fit_linear_mixed_model(replace(design.matrices, response=response))
    row = bootstrap_random_terms(design, fit, seed=1, draws=250).iloc[0]
    condition = np.tile(np.repeat([0, 1, 2], 2), 6)
    means = response.reshape(6, 6).mean(axis=1)
    rest = response - np.repeat(means, 6)
    rest = rest - np.array([rest[condition == c].mean() for c in range(3)])[condition]
    statistic = 6 * means.var(ddof=1) / (rest @ rest / 28)
    exact = f.sf(statistic, 5, 28)
    assert 0.01 < exact < 0.4
    assert abs(row["p"] - exact) < 4 * row["p_standard_error"]
    assert row["p"] < row["p_chi_square"]


def test_a_variance_of_zero_has_p_of_one(model):
    design, _ = model
    rng = np.random.default_rng(8)
    response = rng.normal(size=(6, 6))
    response -= response.mean(axis=1, keepdims=True)
    fit = fit_linear_mixed_model(replace(design.matrices, response=response.ravel()))
    assert fit.singular
    assert bootstrap_random_terms(design, fit, seed=1, draws=20)["p"][0] == 1


def test_intervals_of_components_hold_what_chi_square_gives(model):
    """Sigma^2 of a balanced design is chi-square with 28 degrees of freedom while the variance is not 0."""
    _, fit = model
    table = bootstrap_variance_components(fit, seed=1, draws=250).set_index("parameter")
    assert list(table.index) == ["sd_(Intercept)|person", "sigma"]
    expected = fit.sigma * np.sqrt(chi2.ppf([0.025, 0.975], 28) / 28)
    assert table.loc["sigma", ["ci_lower", "ci_upper"]].to_list() == pytest.approx(expected, rel=0.06)
    assert table.loc["sigma", "at_zero"] == 0
    assert (table["ci_lower"] <= table["estimate"]).all()
    assert (table["draws"] == 250).all()


def test_results_depend_on_the_seed_and_not_on_the_processes(model):
    design, fit = model
    one = bootstrap_fixed_terms(design, fit, seed=1, draws=25)
    pd.testing.assert_frame_equal(one, bootstrap_fixed_terms(design, fit, seed=1, draws=25, processes=2))
    intervals = [bootstrap_variance_components(fit, seed, 25) for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(intervals[0], intervals[1])
    assert not intervals[0].equals(intervals[2])


def test_an_unknown_term_is_refused(model):
    design, fit = model
    with pytest.raises(InputError, match="period"):
        bootstrap_fixed_terms(design, fit, seed=1, draws=1, terms=["period"])
