"""Linear mixed models by (restricted) maximum likelihood, as lme4 defines them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pictrial.statistics.covariance_derivatives import (
    CovarianceDerivatives,
    covariance_derivatives,
    hessian_in_theta,
)
from pictrial.statistics.mixed_model_equations import MixedModelEquations
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable

#: A diagonal of a relative Cholesky factor below this counts as zero (as in lme4's `isSingular`).
SINGULAR = 1e-4
#: Deviances closer than this are the same.
SAME_DEVIANCE = 1e-9
#: Where the optimiser starts again if it ended with a diagonal of zero.
OFF_THE_BOUNDARY = 0.3
#: And so near to zero that it falls back only if zero is an optimum: a descent may step over a small one.
JUST_OFF = 0.03
#: A relative factor this large (scaled columns) means that the residual variance runs to zero.
LARGEST_FACTOR = 1e4
#: Newton steps after the descent, and the gradient at which they end.
NEWTON_STEPS = 5
FLAT_GRADIENT = 1e-9
#: Diagonal of intercepts, diagonal of other columns, and off-diagonal of each start.
STARTS_OF_INTERCEPTS = ((1.0, 1.0, 0.0), (0.2, 0.2, 0.0), (4.0, 4.0, 0.0))
STARTS_OF_SLOPES = (
    *STARTS_OF_INTERCEPTS,
    (1.0, 0.1, 0.0),
    (0.1, 1.0, 0.0),
    (1.0, 1.0, 0.5),
    (1.0, 1.0, -0.5),
)


@dataclass(frozen=True)
class LinearMixedModel:
    """A fitted linear mixed model.

    Attributes
    ----------
    matrices : ModelMatrices
    reml : bool
        Restricted (True) or full maximum likelihood.
    theta : ndarray, shape (parameters,)
        Lower triangles of the relative Cholesky factors, column by column, term by term, as lme4 orders them.
    theta_names : tuple of str
        "group.column" on the diagonal, "group.row.column" below it.
    sigma : float
        Residual standard deviation (of an observation of weight 1), in units of the response.
    beta : ndarray, shape (columns,)
        Fixed effects.
    covariance : ndarray, shape (columns, columns)
        Their covariance (X'V^-1 X)^-1.
    term_covariances : tuple of ndarray, each of shape (columns, columns)
        Covariance of the random effects of each term.
    random_effects : tuple of ndarray, each of shape (levels, columns)
        Their conditional means (BLUPs), lme4's `ranef`.
    deviance : float
        -2 log likelihood; under REML lme4's REML criterion.
    start_deviances : tuple of float
        Lowest deviance reached from every start.
    largest_gradient : float
        Of the deviance by the scaled theta, at the optimum, leaving out diagonals that are held at zero.
    zero_components : tuple of str
        Names of the diagonals of theta that are zero: the variance of that column, given the columns before
        it, is estimated as zero.
    equations : MixedModelEquations
        The model as a function of theta.
    """

    matrices: ModelMatrices
    reml: bool
    theta: np.ndarray
    theta_names: tuple[str, ...]
    sigma: float
    beta: np.ndarray
    covariance: np.ndarray
    term_covariances: tuple[np.ndarray, ...]
    random_effects: tuple[np.ndarray, ...]
    deviance: float
    start_deviances: tuple[float, ...]
    largest_gradient: float
    zero_components: tuple[str, ...]
    equations: MixedModelEquations

    @cached_property
    def derivatives(self) -> CovarianceDerivatives:
        """What the tests of the fixed effects are built on, evaluated once."""
        return covariance_derivatives(self.equations, self.equations.scaled(self.theta), self.sigma)

    @cached_property
    def curvature(self) -> tuple[np.ndarray, np.ndarray]:
        """The Jacobian of g and the observed Hessian of the deviance, both in (theta, sigma)."""
        theta = self.equations.scaled(self.theta)
        return hessian_in_theta(self.equations, self.derivatives, theta, self.reml)

    @property
    def singular(self) -> bool:
        """Whether the fit lies on the boundary (lme4's `isSingular`)."""
        return bool(self.zero_components)

    @property
    def negative_components(self) -> tuple[str, ...]:
        """Names of the variances below zero; only `without_bound` gives any."""
        pairs = zip(self.theta_names, self.theta, strict=True)
        return tuple(name for name, value in pairs if np.isnan(value))

    @property
    def npar(self) -> int:
        """Number of parameters: fixed effects, theta and sigma."""
        return len(self.beta) + len(self.theta) + 1

    @property
    def log_likelihood(self) -> float:
        """Half the deviance, negative."""
        return -self.deviance / 2

    @property
    def aic(self) -> float:
        """Akaike's criterion, of the REML criterion under REML (as R's `AIC`)."""
        return self.deviance + 2 * self.npar

    @property
    def bic(self) -> float:
        """Schwarz's criterion with n observations, of the REML criterion under REML (as R's `BIC`)."""
        return self.deviance + float(np.log(len(self.matrices.response))) * self.npar


@dataclass(frozen=True)
class JointTest:
    """F test that several contrasts of the fixed effects are all zero.

    Attributes
    ----------
    F : float
    df1, df2 : float
        Of the numerator and the denominator.
    p : float
    """

    F: float
    df1: float
    df2: float
    p: float


def fit_linear_mixed_model(matrices: ModelMatrices, reml: bool = True) -> LinearMixedModel:
    """Fit a linear mixed model.

    The deviance, profiled over the fixed effects and sigma (Bates et al. 2015, J Stat Softw 67(1),
    section 3), is minimised over theta with its exact gradient by L-BFGS-B, with diagonals that cannot be
    negative. The best end is refined by Newton steps. The deviance is even in a diagonal: its gradient is
    zero where the diagonal is, also where that is no optimum. Hence several starts (seven where there are
    slopes), each started again off the boundary if it ended there.

    Parameters
    ----------
    matrices : ModelMatrices
    reml : bool
        Restricted maximum likelihood; False for full maximum likelihood.

    Raises
    ------
    ValueError
        Where there is no random term.
    NotEstimable
        Where the data are too few for the model: a term with one level or with as many effects as there are
        observations, no residual degrees of freedom, or a residual variance that runs to zero.
    """
    from threadpoolctl import threadpool_limits

    if not matrices.random:
        raise ValueError("a mixed model needs at least one random term")
    _require_enough(matrices)
    equations = MixedModelEquations(matrices)
    # The matrices are small: more threads would only wait for each other.
    with threadpool_limits(1):
        ends = [minimise_deviance(equations, start, reml) for start in _starts(equations)]
        scaled = _refine(equations, min(ends, key=lambda end: end[1])[0], reml)
    if np.abs(scaled).max() >= LARGEST_FACTOR:
        raise NotEstimable("the residual variance runs to zero: the random terms explain every observation")
    deviance, gradient = equations.deviance(scaled, reml)
    held = equations.diagonal & (scaled <= 0) & (gradient >= 0)
    theta = equations.unscaled(scaled)
    sigma, beta, covariance = equations.estimates(scaled, reml)
    names = _theta_names(equations)
    at_zero = equations.diagonal & (scaled < SINGULAR)
    return LinearMixedModel(
        matrices=matrices,
        reml=reml,
        theta=theta,
        theta_names=names,
        sigma=sigma,
        beta=beta,
        covariance=covariance,
        term_covariances=tuple(sigma**2 * factor @ factor.T for factor in equations.factors(theta)),
        random_effects=tuple(equations.random_effects(scaled)),
        deviance=deviance,
        start_deviances=tuple(end[1] for end in ends),
        largest_gradient=float(np.abs(gradient[~held]).max(initial=0)),
        zero_components=tuple(name for name, zero in zip(names, at_zero, strict=True) if zero),
        equations=equations,
    )


def _require_enough(matrices: ModelMatrices) -> None:
    n, p = matrices.fixed.shape
    if n <= p:
        raise NotEstimable(f"{n} observations are too few for {p} fixed effects")
    for term in matrices.random:
        if term.n_levels < 2:
            raise NotEstimable(f"{term.group} has one level: nothing to vary between")
        effects = term.n_levels * len(term.columns)
        if effects >= n:
            raise NotEstimable(
                f"{effects} random effects of {term.group} are too many for {n} observations: "
                "they cannot be told from the residual"
            )


def _starts(equations: MixedModelEquations) -> list[np.ndarray]:
    terms = equations.matrices.random
    only_intercepts = all(term.columns == ("(Intercept)",) for term in terms)
    starts = []
    for intercept, slope, below in STARTS_OF_INTERCEPTS if only_intercepts else STARTS_OF_SLOPES:
        start = np.empty(len(equations.diagonal))
        for term, (row, column, index) in zip(terms, equations.triangles, strict=True):
            diagonal = np.array([intercept if name == "(Intercept)" else slope for name in term.columns])
            start[index] = np.where(row == column, diagonal[row], below)
        starts.append(start)
    return starts


def minimise_deviance(
    equations: MixedModelEquations, start: np.ndarray, reml: bool
) -> tuple[np.ndarray, float]:
    """Return the scaled theta of lowest deviance reached from `start`, and that deviance.

    A refit to another response needs one start, the theta of the first fit.
    """
    theta, deviance = _descend(equations, start, reml)
    restarts = _off_the_boundary(equations, theta)
    if not restarts:
        return theta, deviance
    restarts.append(np.where(equations.diagonal & (theta < SINGULAR), JUST_OFF, theta))
    for lifted in restarts:
        again = _descend(equations, lifted, reml)
        if again[1] < deviance - SAME_DEVIANCE:
            theta, deviance = again
    # What is as good at zero is zero, not 1e-7.
    on_boundary = np.where(equations.diagonal & (theta < SINGULAR), 0.0, theta)
    there = equations.deviance(on_boundary, reml)[0]
    return (on_boundary, there) if there <= deviance + SAME_DEVIANCE else (theta, deviance)


def _off_the_boundary(equations: MixedModelEquations, theta: np.ndarray) -> list[np.ndarray]:
    """Return where to start again from `theta`: nowhere if no diagonal is zero.

    What stands below a diagonal of zero can change sign at no cost, so both signs are tried.
    """
    at_zero = equations.diagonal & (theta < SINGULAR)
    if not at_zero.any():
        return []
    lifted = np.where(at_zero, OFF_THE_BOUNDARY, theta)
    mirrored = lifted.copy()
    for row, column, index in equations.triangles:
        below = (row > column) & np.isin(column, column[at_zero[index]])
        mirrored[index[below]] *= -1
    return [lifted] if (mirrored == lifted).all() else [lifted, mirrored]


def _descend(equations: MixedModelEquations, start: np.ndarray, reml: bool) -> tuple[np.ndarray, float]:
    from scipy.optimize import minimize

    bounds = [(0.0 if diagonal else -LARGEST_FACTOR, LARGEST_FACTOR) for diagonal in equations.diagonal]
    options = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 2000, "maxfun": 4000, "maxcor": 20}
    found = minimize(equations.deviance, start, (reml,), "L-BFGS-B", jac=True, bounds=bounds, options=options)
    return found.x, float(found.fun)


def _refine(equations: MixedModelEquations, theta: np.ndarray, reml: bool) -> np.ndarray:
    """Take Newton steps from `theta` as long as they lower the gradient; diagonals at zero stay there."""
    free = ~(equations.diagonal & (theta == 0))
    deviance, gradient = equations.deviance(theta, reml)
    for _ in range(NEWTON_STEPS):
        steepest = np.abs(gradient[free]).max(initial=0)
        if steepest < FLAT_GRADIENT:
            break
        sigma = equations.estimates(theta, reml)[0]
        derivatives = covariance_derivatives(equations, theta, sigma)
        hessian = hessian_in_theta(equations, derivatives, theta, reml)[1]
        moved = np.append(free, True)  # and sigma, in which the deviance is flat already
        right = np.append(gradient[free], 0.0)
        step = np.linalg.lstsq(hessian[np.ix_(moved, moved)], right, rcond=1e-12)[0][:-1]
        trial = theta.copy()
        trial[free] -= step
        if (trial[equations.diagonal] < 0).any() or np.abs(trial).max() > LARGEST_FACTOR:
            break
        trial_deviance, gradient = equations.deviance(trial, reml)
        if trial_deviance > deviance + SAME_DEVIANCE or np.abs(gradient[free]).max() > steepest:
            break
        theta, deviance = trial, trial_deviance
    return theta


def _theta_names(equations: MixedModelEquations) -> tuple[str, ...]:
    names = []
    for term, (row, column, _) in zip(equations.matrices.random, equations.triangles, strict=True):
        for r, c in zip(row, column, strict=True):
            columns = [term.columns[r]] if r == c else [term.columns[r], term.columns[c]]
            names.append(".".join([term.group, *columns]))
    return tuple(names)
