"""The covariance of the observations that a fitted mixed model implies, and the projection made of it.

With V the covariance of y and M = (X'V^-1 X)^-1, P = V^-1 - V^-1 X M X'V^-1 turns y into V^-1 (y - Xb).
Residuals, leverages and BLUPs are R P y, 1 - diag(R P) and T Z'P y, R being the residual part of V and T the
covariance of the random effects; their covariances are R P R and T Z'P Z T (Nobre & Singer 2007, Biom J
49:863).
"""

from collections.abc import Iterator

import numpy as np

from pictrial.statistics.linear_mixed_model import LinearMixedModel
from pictrial.statistics.model_arrays import ModelMatrices


def residual_variances(fit: LinearMixedModel) -> np.ndarray:
    """Return the residual variance of every observation, sigma^2 / weight, shape (observations,)."""
    weights = fit.matrices.weights
    return np.full(len(fit.matrices.response), fit.sigma**2) / (1.0 if weights is None else weights)


def marginal_covariance(fit: LinearMixedModel, rows: np.ndarray) -> np.ndarray:
    """Return V of the observations `rows`, shape (rows, rows)."""
    covariance = np.diag(residual_variances(fit)[rows])
    for term, between in zip(fit.matrices.random, fit.term_covariances, strict=True):
        design, codes = term.design[rows], term.codes[rows]
        covariance += (codes[:, None] == codes) * (design @ between @ design.T)
    return covariance


def independent_blocks(matrices: ModelMatrices) -> list[np.ndarray]:
    """Return the rows of each set of observations that shares no random effect with another."""
    block = np.arange(len(matrices.response))
    before = np.full_like(block, -1)
    while (block != before).any():
        before = block
        for term in matrices.random:
            lowest = np.full(term.n_levels, len(block))
            np.minimum.at(lowest, term.codes, block)
            block = lowest[term.codes]
    return [np.flatnonzero(block == name) for name in np.unique(block)]


def projection_blocks(fit: LinearMixedModel) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and diagonal block of P of each set of independent observations."""
    for rows in independent_blocks(fit.matrices):
        inverse = np.linalg.inv(marginal_covariance(fit, rows))
        weighted = inverse @ fit.matrices.fixed[rows]
        yield rows, inverse - weighted @ fit.covariance @ weighted.T


def residuals_and_leverages(fit: LinearMixedModel) -> tuple[np.ndarray, np.ndarray]:
    """Return conditional residuals y - Xb - Zu and leverages, each of shape (observations,).

    A leverage is the change of a fitted value (random effects included) with its own observation, at the
    estimated variances: lme4's `hatvalues`.
    """
    variances = residual_variances(fit)
    residuals, leverages = conditional_residuals(fit), np.empty(len(variances))
    for rows, projection in projection_blocks(fit):
        leverages[rows] = 1 - variances[rows] * np.diag(projection)
    return residuals, leverages


def conditional_residuals(fit: LinearMixedModel) -> np.ndarray:
    """Return y - Xb - Zu, shape (observations,)."""
    fitted = fit.matrices.fixed @ fit.beta
    for term, effects in zip(fit.matrices.random, fit.random_effects, strict=True):
        fitted += (term.design * effects[term.codes]).sum(axis=1)
    return fit.matrices.response - fitted
