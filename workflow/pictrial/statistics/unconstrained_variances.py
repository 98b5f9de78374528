"""Linear mixed models whose variances may be negative, as long as the covariance of the data is one.

A variance that cannot be estimated below zero is too large on average where it is small: the tests of what
it is the error of find too little, and intervals are too wide (Stroup & Littell 2002, Impact of variance
component estimates on fixed effect inference in unbalanced linear mixed models, Kansas State University
Conference on Applied Statistics in Agriculture; `nobound` of SAS PROC MIXED). Without that bound, the model
is one of the covariance V of the data: a negative variance is a negative correlation within its group.

V is made as it stands, for each set of observations that shares no random effect with another. The cost is
the sum of their cubed numbers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pictrial.errors import InputError
from pictrial.statistics.covariance_derivatives import CovarianceDerivatives
from pictrial.statistics.linear_mixed_model import LinearMixedModel
from pictrial.statistics.marginal_covariance import independent_blocks
from pictrial.statistics.mixed_model_equations import MixedModelEquations, Moments

#: What the plan calls the two kinds of estimates.
NONNEGATIVE, UNCONSTRAINED = "nonnegative", "unconstrained"
#: Steps of the search, and halvings of one of them.
STEPS = 100
HALVINGS = 30
#: With a pivot of V / sigma^2 below this, V counts as singular.
LEAST_PIVOT = 1e-4
#: The search ends where a step would lower the deviance by less than this, at an optimum if it is flat there.
SAME_DEVIANCE = 1e-13
FLAT_SLOPE = 1e-3


@dataclass(frozen=True)
class UnconstrainedMixedModel(LinearMixedModel):
    """A fit with at least one negative variance.

    `theta` is NaN there: a negative variance has no standard deviation. No diagonal is zero.

    Attributes
    ----------
    marginal : MarginalModel
    ratios : ndarray, shape (terms,)
        Variance of each term in units of the residual variance, columns scaled as in `equations`.
    """

    marginal: "MarginalModel"
    ratios: np.ndarray

    @cached_property
    def derivatives(self) -> CovarianceDerivatives:
        """What the tests of the fixed effects are built on, evaluated once."""
        return self.marginal.derivatives(self.ratios, self.reml)

    @cached_property
    def curvature(self) -> tuple[np.ndarray, np.ndarray]:
        """The Jacobian of g and the observed Hessian of the deviance, both in g itself."""
        return np.eye(len(self.ratios) + 1), self.derivatives.curvature(self.reml)


class MarginalModel:
    """The model of V = sigma^2 (I + sum_i ratio_i G_i), rows scaled by the root of their weight.

    Parameters
    ----------
    equations : MixedModelEquations
        Of a model whose random terms have one column each.
    """

    def __init__(self, equations: MixedModelEquations):
        matrices = equations.matrices
        root = np.ones(equations.n) if matrices.weights is None else np.sqrt(matrices.weights)
        columns = equations.fixed_and_response()
        self.equations = equations
        #: What the columns of each term are divided by.
        self.scale = equations.scaled(np.ones(len(matrices.random)))
        self._codes = [term.codes for term in matrices.random]
        self._designs = [
            term.design[:, 0] * root / size for term, size in zip(matrices.random, self.scale, strict=True)
        ]
        self._rows = independent_blocks(matrices)
        self._columns = [columns[rows] for rows in self._rows]
        # The last G is that of the residual variance.
        self._patterns = [
            np.stack(
                [
                    np.equal.outer(codes[rows], codes[rows]) * np.outer(design[rows], design[rows])
                    for codes, design in zip(self._codes, self._designs, strict=True)
                ]
                + [np.eye(len(rows))]
            )
            for rows in self._rows
        ]

    def moments(self, ratios: np.ndarray) -> tuple[list[np.ndarray], Moments] | None:
        """Return the blocks of W = (V / sigma^2)^-1 and the crossproducts through it.

        None where V is singular or no covariance.
        """
        inverses, log_determinant = [], 0.0
        for patterns in self._patterns:
            try:
                factor = np.linalg.cholesky(np.tensordot(np.append(ratios, 1.0), patterns, axes=1))
            except np.linalg.LinAlgError:
                return None
            if np.diag(factor).min() ** 2 < LEAST_PIVOT:
                return None
            half = np.linalg.inv(factor)
            inverses.append(half.T @ half)
            log_determinant += 2 * float(np.log(np.diag(factor)).sum())
        cwc = sum(c.T @ inverse @ c for c, inverse in zip(self._columns, inverses, strict=True))
        return inverses, Moments(log_determinant, np.asarray(cwc), [])

    def deviance(self, ratios: np.ndarray, reml: bool) -> float:
        """Return the deviance, infinite where V is singular or no covariance."""
        found = self.moments(ratios)
        return np.inf if found is None else self.equations.deviance_of(found[1], reml)

    def derivatives(self, ratios: np.ndarray, reml: bool) -> CovarianceDerivatives:
        """Return the derivatives by the variances where V is a covariance (see `CovarianceDerivatives`)."""
        found = self.moments(ratios)
        assert found is not None
        inverses, moments = found
        sigma = self.equations.estimates_of(moments, reml)[0]
        to_residual = moments.residual_map.copy()
        to_residual[:, -1] *= self.equations.response_scale / sigma
        first_trace, second_trace, first, second = 0.0, 0.0, 0.0, 0.0
        for columns, inverse, patterns in zip(self._columns, inverses, self._patterns, strict=True):
            through = inverse @ columns @ to_residual
            chosen, traced = patterns @ through, inverse @ patterns
            count = len(patterns)
            first_trace += np.einsum("iaa->i", traced)
            second_trace += traced.reshape(count, -1) @ traced.transpose(0, 2, 1).reshape(count, -1).T
            first += through.T @ chosen
            second += np.einsum("iab,jac->ijbc", chosen, inverse @ chosen, optimize=True)
        return CovarianceDerivatives(
            moments.phi,
            np.asarray(first_trace),
            np.asarray(second_trace),
            np.asarray(first),
            np.asarray(second),
        )

    def random_effects(self, ratios: np.ndarray) -> list[np.ndarray]:
        """Return T Z'W (y - Xb) of each term, shape (levels, 1), in units of the response."""
        found = self.moments(ratios)
        assert found is not None
        inverses, moments = found
        weighted = np.empty(self.equations.n)
        for rows, columns, inverse in zip(self._rows, self._columns, inverses, strict=True):
            weighted[rows] = inverse @ columns @ moments.residual_map[:, -1]
        weighted *= self.equations.response_scale
        return [
            ratio / size * np.bincount(codes, design * weighted)[:, None]
            for ratio, size, codes, design in zip(ratios, self.scale, self._codes, self._designs, strict=True)
        ]


def standard_deviation(variance: float) -> float:
    """Return the root of a variance, NaN of one below zero."""
    return float(np.sqrt(variance)) if variance >= 0 else np.nan


def without_bound(fit: LinearMixedModel) -> LinearMixedModel:
    """Let the variances of a fit that is on the boundary become negative.

    Where no variance is estimated as zero, the fit is returned as it is. Else the REML deviance is minimised
    over the variances' ratios to the residual variance, from those of the fit on, by Newton steps (scoring
    where the deviance is not convex) that are halved until V is positive definite and the deviance lower.
    The ratios for which V is positive definite are a convex set.

    Parameters
    ----------
    fit : LinearMixedModel

    Returns
    -------
    LinearMixedModel
        An `UnconstrainedMixedModel`, or `fit` itself where it is not singular or where the deviance falls as
        far as V is a covariance (fixed effects that are one participant's own can make it so).

    Raises
    ------
    InputError
        Where a random term has more than one column: its covariance has no single sign.
    """
    from threadpoolctl import threadpool_limits

    for term in fit.matrices.random:
        if len(term.columns) > 1:
            rule = f"({' + '.join(term.columns)} | {term.group}) has correlated slopes"
            remedy = "Only single variances can be unconstrained: write variances: nonnegative."
            raise InputError("variances: unconstrained", rule, remedy)
    if not fit.singular:
        return fit
    with threadpool_limits(1):  # the matrices are small: more threads would only wait for each other
        marginal = MarginalModel(fit.equations)
        ratios = _lowest(marginal, fit.equations.scaled(fit.theta) ** 2, fit.reml)
        return fit if ratios is None else _fit_at(marginal, fit, ratios)


def _lowest(marginal: MarginalModel, ratios: np.ndarray, reml: bool) -> np.ndarray | None:
    """Return the ratios of lowest deviance; None where none is reached."""
    deviance = marginal.deviance(ratios, reml)
    for _ in range(STEPS):
        derivatives = marginal.derivatives(ratios, reml)
        slope = derivatives.slope(reml)
        step = _step(derivatives, slope, reml)
        if -(slope @ step) / 2 < SAME_DEVIANCE:
            return (ratios + step[:-1]) / (1 + step[-1]) if np.abs(slope).max() < FLAT_SLOPE else None
        for halving in range(HALVINGS):
            variances = np.append(ratios, 1.0) + step / 2**halving
            if variances[-1] <= 0:
                continue
            trial = variances[:-1] / variances[-1]
            if (lower := marginal.deviance(trial, reml)) <= deviance:
                ratios, deviance = trial, lower
                break
        else:
            return None
    return None


def _step(derivatives: CovarianceDerivatives, slope: np.ndarray, reml: bool) -> np.ndarray:
    """Return Newton's step where the deviance is convex, else that of scoring."""
    curvature = derivatives.curvature(reml)
    if np.linalg.eigvalsh(curvature)[0] > 0:
        return -np.linalg.solve(curvature, slope)
    return -derivatives.parameter_covariance @ slope / 2


def _fit_at(marginal: MarginalModel, fit: LinearMixedModel, ratios: np.ndarray) -> LinearMixedModel:
    found = marginal.moments(ratios)
    assert found is not None
    sigma, beta, covariance = marginal.equations.estimates_of(found[1], fit.reml)
    unscaled = ratios / marginal.scale**2
    named = {name: getattr(fit, name) for name in fit.__dataclass_fields__} | {
        "theta": np.sqrt(np.where(unscaled < 0, np.nan, unscaled)),
        "sigma": sigma,
        "beta": beta,
        "covariance": covariance,
        "term_covariances": tuple(sigma**2 * np.array([[ratio]]) for ratio in unscaled),
        "random_effects": tuple(marginal.random_effects(ratios)),
        "deviance": marginal.equations.deviance_of(found[1], fit.reml),
        "largest_gradient": float(np.abs(marginal.derivatives(ratios, fit.reml).slope(fit.reml)[:-1]).max()),
        "zero_components": (),
    }
    return UnconstrainedMixedModel(**named, marginal=marginal, ratios=ratios)
