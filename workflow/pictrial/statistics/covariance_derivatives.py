"""Derivatives of a mixed model's deviance and of its fixed effects' covariance by the variance parameters.

The variance parameters are g: the entries of the covariance T of the random effects (in the order of theta)
and the residual variance, so that V(g) = sum_i g_i G_i. Everything is in units of the residual variance of
the fit, in the scaled columns of `MixedModelEquations`; what is built on it (degrees of freedom, relative
corrections) has no units.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pictrial.statistics.component_moments import Components, sum_of_products
from pictrial.statistics.mixed_model_equations import MixedModelEquations

#: Eigenvalues of the scaled information up to this are left out of its inverse.
FLAT = 1e-10


@dataclass(frozen=True)
class CovarianceDerivatives:
    """Traces and quadratic forms in W = V^-1 and G_i = dV / dg_i.

    X has orthonormal columns, r = y - Xb is in units of sigma. The last g is the residual variance.

    Attributes
    ----------
    phi : ndarray, shape (columns, columns)
        (X'WX)^-1.
    first_trace : ndarray, shape (parameters,)
        tr(W G_i).
    second_trace : ndarray, shape (parameters, parameters)
        tr(W G_i W G_j).
    first : ndarray, shape (parameters, columns + 1, columns + 1)
        [X, r]' W G_i W [X, r].
    second : ndarray, shape (parameters, parameters, columns + 1, columns + 1)
        [X, r]' W G_i W G_j W [X, r].
    """

    phi: np.ndarray
    first_trace: np.ndarray
    second_trace: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @cached_property
    def expected_information(self) -> np.ndarray:
        """tr(P G_i P G_j) with P = W - WX Phi X'W: twice the expected REML information on g.

        Kenward & Roger (1997), Biometrics 53:983, section 3.
        """
        p = len(self.phi)
        first, second = self.first[:, :p, :p], self.second[:, :, :p, :p]
        through = first @ self.phi
        return (
            self.second_trace
            - 2 * np.einsum("ab,ijba->ij", self.phi, second)
            + np.einsum("iab,jba->ij", through, through)
        )

    @cached_property
    def parameter_covariance(self) -> np.ndarray:
        """Asymptotic covariance of g: twice the inverse of the expected information.

        The information is scaled to a unit diagonal first, as entries of g may differ by orders of
        magnitude. An entry without information (its groups are also fixed effects) is left out.
        """
        information = self.expected_information
        diagonal = np.diag(information)
        known = diagonal > FLAT * np.diag(self.second_trace)
        scale = np.zeros(len(diagonal))
        scale[known] = diagonal[known] ** -0.5
        values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
        kept = values > FLAT
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        return 2 * inverse * np.outer(scale, scale)

    def slope(self, reml: bool) -> np.ndarray:
        """Return dD / dg of the deviance D, shape (parameters,)."""
        p = len(self.phi)
        slope = self.first_trace - self.first[:, p, p]
        if reml:
            slope = slope - np.einsum("ab,iba->i", self.phi, self.first[:, :p, :p])
        return slope

    def curvature(self, reml: bool) -> np.ndarray:
        """Return d2D / dg dg of the deviance D (profiled over b), shape (parameters, parameters)."""
        p = len(self.phi)
        score = self.first[:, :p, p]
        observed = 2 * (self.second[:, :, p, p] - score @ self.phi @ score.T)
        return observed - (self.expected_information if reml else self.second_trace)


def covariance_derivatives(
    equations: MixedModelEquations, theta: np.ndarray, sigma: float
) -> CovarianceDerivatives:
    """Evaluate the derivatives at `theta` (scaled) and `sigma` (in units of the response).

    With W = I - Z J Z' (J is `ComponentMoments.inner`) and H = I - J Z'Z: WZ = ZH, so Z'W^2 Z = Z'WZ H,
    Z'W^2 C = H' Z'WC, W^2 C = W (C - Z J Z'C) and tr(W^k) = n - q + tr(H^k) with q random effects.
    """
    moments = equations.moments(theta)
    to_residual = moments.residual_map.copy()
    to_residual[:, -1] *= equations.response_scale / sigma
    count, width = len(theta) + 1, equations.p + 1
    first_trace, second_trace = np.zeros(count), np.zeros((count, count))
    first, second = np.zeros((count, width, width)), np.zeros((count, count, width, width))
    cwwc, cwwwc = moments.cwc.copy(), moments.cwc.copy()
    first_trace[-1] = second_trace[-1, -1] = equations.n
    for part in moments.parts:
        block, inner, zwc = part.components, part.inner, part.zwc
        # The padding of a component has H = I: it adds to the trace what it takes from -q.
        squeeze = np.eye(inner.shape[1]) - inner @ block.zz
        zwz = block.zz @ squeeze
        zwwc = squeeze.transpose(0, 2, 1) @ zwc
        residual_part = sum_of_products(zwc, inner @ block.zc)
        cwwc -= residual_part
        cwwwc -= residual_part + sum_of_products(zwwc, inner @ block.zc)
        size = squeeze.shape[0] * squeeze.shape[1]
        first_trace[-1] += np.einsum("baa->", squeeze) - size
        second_trace[-1, -1] += np.einsum("bac,bca->", squeeze, squeeze) - size
        _add_block(block, zwz, zwc, zwwc, squeeze, (first_trace, second_trace, first, second))
    first[-1], second[-1, -1] = cwwc, cwwwc
    first = to_residual.T @ first @ to_residual
    second = to_residual.T @ second @ to_residual
    return CovarianceDerivatives(moments.phi, first_trace, second_trace, first, second)


def hessian_in_theta(
    equations: MixedModelEquations, derivatives: CovarianceDerivatives, theta: np.ndarray, reml: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return dg / d(theta, sigma) and the observed Hessian of the deviance in (theta, sigma).

    g is sigma^2 times the entries of T = Lambda Lambda', and sigma^2; sigma is in units of its estimate. At a
    diagonal of zero the first derivative is zero and the Hessian is not, unlike in g:
    H = J'H_g J + sum_i dD/dg_i d2g_i / d(theta, sigma)2.

    Parameters
    ----------
    equations : MixedModelEquations
    derivatives : CovarianceDerivatives
        At `theta`.
    theta : ndarray, shape (parameters,)
        Scaled.
    reml : bool

    Returns
    -------
    by_parameter : ndarray, shape (parameters + 1, parameters + 1)
        J, a row for each g.
    hessian : ndarray, shape (parameters + 1, parameters + 1)
    """
    count = len(theta)
    by_parameter = np.zeros((count + 1, count + 1))
    hessian = np.zeros((count + 1, count + 1))
    slope = derivatives.slope(reml)
    for factor, (row, column, index) in zip(equations.factors(theta), equations.triangles, strict=True):
        for r, s, i in zip(row, column, index, strict=True):
            # d T_rs / d Lambda_ab = [r = a] Lambda_sb + [s = a] Lambda_rb
            by_parameter[i, index] = (row == r) * factor[s, column] + (row == s) * factor[r, column]
            by_parameter[i, -1] = 2 * factor[r] @ factor[s]
            both = np.outer(row == r, row == s).astype(int)
            hessian[np.ix_(index, index)] += slope[i] * (column[:, None] == column) * (both + both.T)
    by_parameter[-1, -1] = 2
    # sigma^2 scales all of g: d2g / dtheta dsigma = 2 dg / dtheta, d2g / dsigma2 = 2 g = dg / dsigma.
    hessian[:-1, -1] = hessian[-1, :-1] = 2 * slope @ by_parameter[:, :-1]
    hessian[-1, -1] = slope @ by_parameter[:, -1]
    hessian += by_parameter.T @ derivatives.curvature(reml) @ by_parameter
    return by_parameter, hessian


def _add_block(block: Components, zwz, zwc, zwwc, squeeze, sums) -> None:
    """Add what concerns the entries of T."""
    first_trace, second_trace, first, second = sums
    count = len(first_trace) - 1
    zwwz = zwz @ squeeze
    patterns = [block.pattern(index) for index in range(count)]
    traced = [zwz @ pattern for pattern in patterns]
    chosen = [pattern @ zwc for pattern in patterns]
    for i in range(count):
        first_trace[i] += np.einsum("baa->", traced[i])
        first[i] += sum_of_products(zwc, chosen[i])
        to_residual = sum_of_products(chosen[i], zwwc)
        second[i, -1] += to_residual
        second[-1, i] += to_residual.T
        second_trace[i, -1] += np.einsum("bac,bca->", patterns[i], zwwz)
        second_trace[-1, i] = second_trace[i, -1]
        through = zwz @ chosen[i]
        for j in range(count):
            second_trace[i, j] += np.einsum("bac,bca->", traced[i], traced[j])
            second[i, j] += sum_of_products(through, chosen[j])
