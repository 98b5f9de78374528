"""The deviance, its gradient and the predictions of random designs against the n x n covariance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.statistics.mixed_model_equations import MixedModelEquations
from pictrial.statistics.model_arrays import ModelMatrices, RandomTerm


def random_term(name, groups, covariates):
    codes = np.unique(groups, return_inverse=True)[1]
    design = np.column_stack([np.ones(len(codes)), *covariates])
    names = ("(Intercept)", "x", "z")[: design.shape[1]]
    return RandomTerm(name, names, design, codes, tuple(str(code) for code in range(codes.max() + 1)))


@st.composite
def designs(draw):
    """Uneven subjects, units in them, items across them; slopes in any; the terms in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = rng.integers(3, 14, draw(st.integers(2, 6)))
    subject = np.repeat(np.arange(len(rows)), rows)
    n = len(subject)
    groups = {
        "subject": subject,
        "unit": subject * 10 + rng.integers(0, 4, n),
        "subunit": subject * 10 + rng.integers(0, 3, n),
        "item": rng.integers(0, 4, n),
    }
    covariates = 3 + rng.normal(size=(2, n))
    chosen = draw(st.lists(st.sampled_from(sorted(groups)), min_size=1, max_size=3, unique=True))
    terms = tuple(random_term(name, groups[name], covariates[: draw(st.integers(0, 2))]) for name in chosen)
    fixed = np.column_stack([np.ones(n), covariates[0]])
    weights = rng.uniform(0.2, 4, n) if draw(st.booleans()) else None
    matrices = ModelMatrices(rng.normal(5, 2, n), fixed, ("(Intercept)", "x"), terms, weights)
    equations = MixedModelEquations(matrices)
    theta = np.where(equations.diagonal, 1.0, rng.normal(size=len(equations.diagonal)))
    theta *= draw(st.sampled_from([0.1, 1.0, 30.0]))
    zeros = draw(st.lists(st.booleans(), min_size=len(theta), max_size=len(theta)))
    return equations, np.where(zeros, 0.0, theta)


def dense(equations, theta):
    """Z T' of each term's levels at lme4's theta, V in units of sigma^2, and dV by lme4's theta."""
    matrices, slopes, predictors = equations.matrices, [], []
    n = len(matrices.response)
    v = np.diag(np.ones(n) if matrices.weights is None else 1 / matrices.weights)
    for term, factor in zip(matrices.random, equations.factors(theta), strict=True):
        same = term.codes[:, None] == term.codes
        v += same * (term.design @ factor @ factor.T @ term.design.T)
        for column, row in zip(*np.triu_indices(len(factor)), strict=True):
            half = same * np.outer(term.design[:, row], term.design @ factor[:, column])
            slopes.append(half + half.T)
        levels = np.eye(term.n_levels)[term.codes]
        predictors.append(np.einsum("nl,nc->lcn", levels, term.design @ factor @ factor.T))
    return v, slopes, predictors


@settings(max_examples=120, deadline=None)
@given(designs(), st.booleans())
def test_deviance_gradient_and_predictions_are_those_of_the_whole_covariance(design, reml):
    equations, scaled = design
    theta = equations.unscaled(scaled)
    v, slopes, predictors = dense(equations, theta)
    w, x, y = np.linalg.inv(v), equations.matrices.fixed, equations.matrices.response
    phi = np.linalg.inv(x.T @ w @ x)
    beta = phi @ x.T @ w @ y
    score = w @ (y - x @ beta)
    degrees = len(y) - reml * x.shape[1]
    variance = (y - x @ beta) @ score / degrees
    expected = np.linalg.slogdet(v)[1] + degrees * (1 + np.log(2 * np.pi * variance))
    expected -= reml * np.linalg.slogdet(phi)[1]
    projection = w - reml * w @ x @ phi @ x.T @ w
    by_theta = [np.sum(projection * slope) - score @ slope @ score / variance for slope in slopes]
    # theta is linear in the scaled theta.
    jacobian = np.array([equations.unscaled(row) for row in np.eye(len(theta))])

    deviance, gradient = equations.deviance(scaled, reml)
    assert deviance == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert gradient == pytest.approx(jacobian @ by_theta, rel=1e-6, abs=1e-6)
    sigma, estimates, covariance = equations.estimates(scaled, reml)
    assert sigma**2 == pytest.approx(variance, rel=1e-9)
    assert estimates == pytest.approx(beta, rel=1e-7, abs=1e-7)
    assert covariance == pytest.approx(variance * phi, rel=1e-6, abs=1e-9)
    for effects, predictor in zip(equations.random_effects(scaled), predictors, strict=True):
        assert effects == pytest.approx(predictor @ score, rel=1e-6, abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(designs())
def test_inner_matrix_is_that_of_woodbury_s_identity(design):
    """(T^-1 + Z'Z)^-1 = Lambda (I + Lambda'Z'Z Lambda)^-1 Lambda', all effects at once; also where T is 0."""
    equations, theta = design
    for part in equations.moments(theta).parts:
        block = part.components
        component, row, column, index = block.entries
        factor = np.zeros_like(block.zz)
        factor[component, row, column] = theta[index]
        transposed = factor.transpose(0, 2, 1)
        inflated = np.eye(factor.shape[1]) + transposed @ block.zz @ factor
        inner = factor @ np.linalg.solve(inflated, transposed)
        # Z'Z is zero where a component is padded: what stands there does not count.
        assert block.zz @ part.inner == pytest.approx(block.zz @ inner, rel=1e-6, abs=1e-7)
        assert part.zwc == pytest.approx(block.zc - block.zz @ inner @ block.zc, rel=1e-6, abs=1e-8)


def test_only_the_other_terms_are_eliminated_together():
    """90 units of three subjects: the matrices that are factorised have one row per subject."""
    rng = np.random.default_rng(1)
    unit = np.repeat(np.arange(90), 3)
    terms = (random_term("unit", unit, []), random_term("subject", unit // 30, []))
    matrices = ModelMatrices(rng.normal(size=270), np.ones((270, 1)), ("(Intercept)",), terms)
    (part,) = MixedModelEquations(matrices).moments(np.array([0.7, 0.4])).parts
    assert part.squeeze.shape == (3, 30, 1, 1)
    assert part.other_inner.shape == (3, 1, 1)
    assert (part.components.levels, part.components.width) == (30, 1)
