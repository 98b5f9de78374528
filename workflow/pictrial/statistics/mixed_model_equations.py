"""Deviance of a linear mixed model and its gradient, and the derivatives that tests of fixed effects need.

Every sum over observations is taken once, into crossproducts of the random effects' columns Z, the fixed
effects' columns X and the response. What follows works on these, for each connected component of the grouping
structure (a participant with all that is nested in it) on its own. The cost is the sum over components of the
cubed number of random effects, without those of the term with most levels (`component_moments`). Crossed
groups make one component.

Inside, all is scaled: rows by the root of their weight, X to orthonormal columns, the response to its
residual from X, of root mean square 1, and the columns of each random term to a mean crossproduct of I. The
scaled theta depends neither on units nor on the origin of a covariate, and the optimiser meets
well-conditioned problems.
"""

from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pictrial.statistics.component_moments import ComponentMoments, Components, component_moments
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable, RandomTerm

#: An ordinary least squares fit that leaves less than this share of the response leaves nothing to model.
EXACT_FIT = 1e-12
#: A column of which less than this share is new is collinear (R's tolerance).
COLLINEAR = 1e-7


@dataclass(frozen=True)
class Moments:
    """Crossproducts through W = (I + Z T Z')^-1, with C = [X, y].

    Attributes
    ----------
    log_determinant : float
        Of I + Z T Z'.
    cwc : ndarray, shape (columns + 1, columns + 1)
        C'WC.
    parts : list of ComponentMoments
        One for each of `MixedModelEquations.components`.
    """

    log_determinant: float
    cwc: np.ndarray
    parts: list[ComponentMoments]

    @cached_property
    def phi(self) -> np.ndarray:
        """(X'WX)^-1."""
        return np.linalg.inv(self.cwc[:-1, :-1])

    @cached_property
    def residual_map(self) -> np.ndarray:
        """Coefficients, shape (columns + 1, columns + 1), that turn [X, y] into [X, y - Xb]."""
        transform = np.eye(len(self.cwc))
        transform[:-1, -1] = -self.phi @ self.cwc[:-1, -1]
        return transform


class MixedModelEquations:
    """The model y = Xb + Zu + e as a function of theta.

    Parameters
    ----------
    matrices : ModelMatrices

    Attributes
    ----------
    n, p : int
        Observations and fixed effects.
    components : list of Components
    diagonal : ndarray of bool, shape (parameters,)
        Which entries of theta stand on the diagonal of their factor.
    triangles : list of tuple of three ndarray of int
        Row, column and index in theta of the lower triangle of each term.

    Raises
    ------
    NotEstimable
        Where the fixed effects leave nothing of the response, or a random columns are collinear.
    """

    def __init__(self, matrices: ModelMatrices):
        self.matrices = matrices
        self.n, self.p = matrices.fixed.shape
        self._root = np.sqrt(np.ones(self.n) if matrices.weights is None else matrices.weights)
        self._log_weights = 2 * float(np.log(self._root).sum())
        self._fixed, self._triangle = np.linalg.qr(matrices.fixed * self._root[:, None])
        self._log_triangle = 2 * float(np.log(np.abs(np.diag(self._triangle))).sum())
        fixed_and_response = self.fixed_and_response()
        self.crossproduct = fixed_and_response.T @ fixed_and_response
        self._scales = [_triangular_scale(term, self._root) for term in matrices.random]
        self._lay_out_theta()
        self._split_into_components(fixed_and_response, self._root)

    def with_response(self, response: np.ndarray) -> "MixedModelEquations":
        """Return the model of another response, shape (n,); all that it has no part in is shared."""
        other = copy(self)
        other.matrices = replace(self.matrices, response=response)
        residual = other._scaled_residual(response)
        other.crossproduct = self.crossproduct.copy()
        other.crossproduct[-1, :-1] = other.crossproduct[:-1, -1] = self._fixed.T @ residual
        other.crossproduct[-1, -1] = residual @ residual
        zy = self._z.T @ residual
        other.components = []
        for block, (own, number, local) in zip(self.components, self._places, strict=True):
            zc = block.zc.copy()
            zc[number, local, -1] = zy[own]
            other.components.append(replace(block, zc=zc))
        return other

    def fixed_and_response(self) -> np.ndarray:
        """Return C = [X, y] as it is inside (see the module), shape (n, p + 1)."""
        return np.column_stack([self._fixed, self._scaled_residual(self.matrices.response)])

    def _scaled_residual(self, response: np.ndarray) -> np.ndarray:
        """Return what X leaves of the weighted response, and keep its coefficients and its scale."""
        response = response * self._root
        self._start = self._fixed.T @ response
        residual = response - self._fixed @ self._start
        residual -= self._fixed @ (self._fixed.T @ residual)
        self.response_scale = float(np.sqrt(residual @ residual / self.n))
        if self.response_scale**2 * self.n <= EXACT_FIT * (response @ response):
            raise NotEstimable("the fixed effects fit the response exactly, nothing is left to vary")
        return residual / self.response_scale

    def _lay_out_theta(self) -> None:
        """Order theta as lme4 does: term by term, each lower triangle column by column."""
        self.triangles = []
        first = 0
        for term in self.matrices.random:
            column, row = np.triu_indices(len(term.columns))
            self.triangles.append((row, column, first + np.arange(len(row))))
            first += len(row)
        self.diagonal = np.concatenate([row == column for row, column, _ in self.triangles])

    def factors(self, theta: np.ndarray) -> list[np.ndarray]:
        """Return the Cholesky factor of each term, lower triangles, shape (columns, columns)."""
        factors = [np.zeros(scale.shape) for scale in self._scales]
        for factor, (row, column, index) in zip(factors, self.triangles, strict=True):
            factor[row, column] = theta[index]
        return factors

    def scaled(self, theta: np.ndarray) -> np.ndarray:
        """Turn theta of lme4 into the scaled theta."""
        return self._flat([m @ factor for m, factor in zip(self._scales, self.factors(theta), strict=True)])

    def unscaled(self, theta: np.ndarray) -> np.ndarray:
        """Turn the scaled theta into that of lme4."""
        pairs = zip(self._scales, self.factors(theta), strict=True)
        return self._flat([np.linalg.solve(m, factor) for m, factor in pairs])

    def _flat(self, factors: list[np.ndarray]) -> np.ndarray:
        pairs = zip(factors, self.triangles, strict=True)
        return np.concatenate([factor[row, column] for factor, (row, column, _) in pairs])

    def _split_into_components(self, fixed_and_response: np.ndarray, root: np.ndarray) -> None:
        from scipy import sparse
        from scipy.sparse.csgraph import connected_components

        rows, indicators, effects, entries = np.arange(self.n), [], [], []
        first = 0
        for term, scale, triangle in zip(self.matrices.random, self._scales, self.triangles, strict=True):
            width, levels = len(scale), term.n_levels
            shape = (self.n, levels * width)
            indicators.append(sparse.csr_array((np.ones(self.n), (rows, term.codes)), (self.n, levels)))
            columns = term.codes[:, None] * width + np.arange(width)
            values = np.linalg.solve(scale.T, (term.design * root[:, None]).T).T
            at = (np.repeat(rows, width), columns.ravel())
            effects.append(sparse.csr_array((values.ravel(), at), shape))
            starts = first + width * np.arange(levels)[:, None]
            row, column, index = triangle
            entries.append(np.stack(np.broadcast_arrays(starts + row, starts + column, index)).reshape(3, -1))
            first += levels * width
        links = sparse.hstack(indicators, format="csr")
        of_level = connected_components(links.T @ links, directed=False)[1]
        widths = [np.full(term.n_levels, len(term.columns)) for term in self.matrices.random]
        of_effect = np.repeat(of_level, np.concatenate(widths))
        self._z = z = sparse.hstack(effects, format="csr")
        self.effects = first
        self._fill(of_effect, sparse.coo_array(z.T @ z), z.T @ fixed_and_response, np.hstack(entries))

    def _fill(self, of_effect: np.ndarray, zz, zc: np.ndarray, entries: np.ndarray) -> None:
        """Lay the components out in arrays; those of a size between two powers of 2 share one array."""
        # Effects are numbered term by term: those of the first term count from 0 in each component, the
        # others from 0 as well, and stand behind all places of the first.
        of_first = np.arange(self.effects) < self.matrices.random[0].n_levels * len(self._scales[0])
        part = 2 * of_effect + ~of_first
        parts = np.bincount(part, minlength=2 * (of_effect.max() + 1))
        local = np.empty(self.effects, int)
        local[np.argsort(part, kind="stable")] = np.concatenate([np.arange(size) for size in parts])
        firsts, others = parts.reshape(-1, 2).T
        sizes = firsts + others
        bucket = np.ceil(np.log2(sizes)).astype(int)
        self.components, self._places = [], []
        for size in np.unique(bucket):
            members = np.flatnonzero(bucket == size)
            number = np.full(len(sizes), -1)
            number[members] = np.arange(len(members))
            number = number[of_effect]
            first = firsts[members].max()
            width = first + others[members].max()
            place = local + np.where(of_first, 0, first)
            square = np.zeros((len(members), width, width))
            with_columns = np.zeros((len(members), width, zc.shape[1]))
            here = number[zz.row] >= 0
            row, column = zz.row[here], zz.col[here]
            square[number[row], place[row], place[column]] = zz.data[here]
            own = np.flatnonzero(number >= 0)
            with_columns[number[own], place[own]] = zc[own]
            row, column, index = entries[:, number[entries[0]] >= 0]
            filled = (number[row], place[row], place[column], index)
            levels = first // len(self._scales[0])
            self.components.append(Components(square, with_columns, filled, levels, self.triangles[0]))
            self._places.append((own, number[own], place[own]))

    def moments(self, theta: np.ndarray) -> Moments:
        """Return the crossproducts at `theta` (scaled)."""
        parts = [component_moments(block, theta) for block in self.components]
        explained = sum(part.explained for part in parts)
        return Moments(sum(part.log_determinant for part in parts), self.crossproduct - explained, parts)

    def deviance(self, theta: np.ndarray, reml: bool) -> tuple[float, np.ndarray]:
        """Return -2 log likelihood, profiled over b and sigma, and its gradient in theta (scaled).

        Bates, Mächler, Bolker & Walker (2015), J Stat Softw 67(1), section 3. Gradient:
        dD = tr(N dT) over the components, N = Z'WZ - Z'WX (X'WX)^-1 X'WZ - Z'W r r'WZ / sigma^2 with
        r = y - Xb, the second term under REML only.
        """
        moments = self.moments(theta)
        residual_df = self.n - self.p if reml else self.n
        precision = residual_df / self._residual_square(moments)
        return self.deviance_of(moments, reml), self._gradient(theta, moments, precision, reml)

    def deviance_of(self, moments: Moments, reml: bool) -> float:
        """Return the deviance whose crossproducts are `moments`."""
        residual_df = self.n - self.p if reml else self.n
        rss = self._residual_square(moments)
        deviance = moments.log_determinant + residual_df * (1 + np.log(2 * np.pi * rss / residual_df))
        deviance += 2 * residual_df * np.log(self.response_scale) - self._log_weights
        if reml:
            deviance += np.linalg.slogdet(moments.cwc[:-1, :-1])[1]
            deviance += self._log_triangle
        return float(deviance)

    def deviance_at_sigma(self, theta: np.ndarray, sigma: float) -> tuple[float, np.ndarray, float]:
        """Return -2 log likelihood (not restricted) at `theta` (scaled) and `sigma`, profiled over b.

        Its gradient in theta and its slope in log sigma follow.
        """
        moments = self.moments(theta)
        precision = (self.response_scale / sigma) ** 2
        rss = self._residual_square(moments) * precision
        deviance = moments.log_determinant + rss + self.n * np.log(2 * np.pi * sigma**2) - self._log_weights
        return float(deviance), self._gradient(theta, moments, precision, False), 2 * (self.n - rss)

    def _gradient(self, theta: np.ndarray, moments: Moments, precision: float, reml: bool) -> np.ndarray:
        middle = np.zeros_like(moments.cwc)
        if reml:
            middle[:-1, :-1] = moments.phi
        middle[-1, -1] = precision
        middle = moments.residual_map @ middle @ moments.residual_map.T
        return np.sum([part.gradient(middle, len(theta)) for part in moments.parts], axis=0)

    @staticmethod
    def _residual_square(moments: Moments) -> float:
        last = moments.residual_map[:, -1]
        return float(last @ moments.cwc @ last)

    def estimates(self, theta: np.ndarray, reml: bool) -> tuple[float, np.ndarray, np.ndarray]:
        """Return sigma, b and the covariance of b at `theta` (scaled), in the units of the data."""
        return self.estimates_of(self.moments(theta), reml)

    def estimates_of(self, moments: Moments, reml: bool) -> tuple[float, np.ndarray, np.ndarray]:
        """Return what `estimates` does, from crossproducts."""
        sigma = np.sqrt(self._residual_square(moments) / (self.n - self.p if reml else self.n))
        sigma *= self.response_scale
        beta = self._start - self.response_scale * moments.residual_map[:-1, -1]
        return float(sigma), np.linalg.solve(self._triangle, beta), sigma**2 * self.unscale(moments.phi)

    def unscale(self, covariance: np.ndarray) -> np.ndarray:
        """Turn a covariance of the coefficients of the orthonormal columns into one of b."""
        inverse = np.linalg.inv(self._triangle)
        return inverse @ covariance @ inverse.T

    def scale_rows(self, rows: np.ndarray) -> np.ndarray:
        """Turn rows of contrasts, shape (rows, columns), into contrasts of the orthonormal columns."""
        return np.linalg.solve(self._triangle.T, np.atleast_2d(rows).T).T

    def random_effects(self, theta: np.ndarray) -> list[np.ndarray]:
        """Return T Z'W (y - Xb) for each term, shape (levels, columns), in the units of the data."""
        moments = self.moments(theta)
        flat = np.zeros(self.effects)
        for part, (own, number, local) in zip(moments.parts, self._places, strict=True):
            flat[own] = part.random_effects(moments.residual_map[:, -1])[number, local]
        predicted, first = [], 0
        for term, scale in zip(self.matrices.random, self._scales, strict=True):
            end = first + term.n_levels * len(scale)
            effects = flat[first:end].reshape(-1, len(scale)) * self.response_scale
            predicted.append(np.linalg.solve(scale, effects.T).T)
            first = end
        return predicted


def _triangular_scale(term: RandomTerm, root: np.ndarray) -> np.ndarray:
    """Return the lower triangle M with M'M the mean crossproduct of the weighted columns.

    Z M^-1 has the crossproduct I, and M times a lower triangle (a factor of the covariance) is one again.
    """
    weighted = term.design * root[:, None]
    sizes = np.sqrt(np.mean(weighted**2, axis=0))
    if sizes.all():
        unit = weighted / sizes
        triangle = np.linalg.qr(unit[:, ::-1])[1][::-1, ::-1] / np.sqrt(len(root))
        signed = triangle * np.sign(np.diag(triangle))[:, None]
        if np.diag(signed).min() > COLLINEAR:
            return signed * sizes
    raise NotEstimable(f"random effects of {term.group} are collinear: {', '.join(term.columns)}")
