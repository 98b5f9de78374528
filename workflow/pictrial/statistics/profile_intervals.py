"""Profile-likelihood intervals of standard deviations, correlations and fixed effects.

The deviance (full maximum likelihood) is minimised with one parameter held; the interval holds the values at
which it rises by less than the quantile of chi-square with one degree of freedom (Bates et al. 2015, J Stat
Softw 67(1), as in lme4's `confint`, which interpolates between points where the crossing is solved for here).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from pictrial.statistics.linear_mixed_model import (
    JUST_OFF,
    LARGEST_FACTOR,
    OFF_THE_BOUNDARY,
    SINGULAR,
    LinearMixedModel,
    fit_linear_mixed_model,
    minimise_deviance,
)
from pictrial.statistics.mixed_model_equations import MixedModelEquations
from pictrial.statistics.model_arrays import RandomTerm

#: Correlations nearer to -1 or 1 than this are held to be there.
_FROM_ONE = 1e-6
#: A side that has not been left after so many steps, each twice as long as the one before, is open.
_STEPS = 30
AT_BOUND = "the interval reaches the bound of the parameter"
NO_CORRELATION = "not estimable: a standard deviation is estimated as zero"
#: From the value held to the lowest deviance there; it starts from the fit and where the last call ended.
Profile = Callable[[float], float]


def profile_intervals(fit: LinearMixedModel, confidence: float = 0.95) -> pd.DataFrame:
    """Return profile-likelihood intervals of every parameter.

    Parameters
    ----------
    fit : LinearMixedModel
        One by REML is fitted again by maximum likelihood.
    confidence : float

    Returns
    -------
    DataFrame
        parameter (``sd_x|g``, ``cor_x.z|g``, ``sigma``, and the fixed effects by name, as lme4 calls them),
        estimate (maximum likelihood), ci_lower, ci_upper, warning. A limit that the data do not give is the
        bound of the parameter (0, -1 or 1), or infinite.
    """
    from scipy.stats import chi2
    from threadpoolctl import threadpool_limits

    ml = fit_linear_mixed_model(fit.matrices, reml=False) if fit.reml else fit
    target = ml.deviance + chi2.ppf(confidence, 1)
    rows = []
    with threadpool_limits(1):
        for name, estimate, step, (low, high), profile in _parameters(ml):
            if np.isnan(estimate):
                rows.append((name, estimate, np.nan, np.nan, NO_CORRELATION))
                continue
            lower = _limit(profile, estimate, -step, low, target)
            upper = _limit(profile, estimate, step, high, target)
            warning = AT_BOUND if lower == low or upper == high else ""
            rows.append((name, estimate, lower, upper, warning))
    return pd.DataFrame(rows, columns=["parameter", "estimate", "ci_lower", "ci_upper", "warning"])


def component_names(random: tuple[RandomTerm, ...]) -> list[str]:
    """Return the names of the standard deviations and correlations, as lme4 orders them, and of sigma."""
    names = []
    for term in random:
        for i, column in enumerate(term.columns):
            names.append(f"sd_{column}|{term.group}")
            names += [f"cor_{later}.{column}|{term.group}" for later in term.columns[i + 1 :]]
    return [*names, "sigma"]


def component_values(term_covariances: tuple[np.ndarray, ...], sigma: float) -> list[float]:
    """Return what `component_names` names; a correlation with an SD of zero is NaN."""
    values: list[float] = []
    for covariance in term_covariances:
        deviations = np.sqrt(np.diag(covariance))
        for i, deviation in enumerate(deviations):
            values.append(float(deviation))
            with np.errstate(invalid="ignore", divide="ignore"):
                values += (covariance[i + 1 :, i] / (deviation * deviations[i + 1 :])).tolist()
    return [*values, sigma]


def _parameters(ml: LinearMixedModel) -> Iterator[tuple[str, float, float, tuple[float, float], Profile]]:
    """Yield name, estimate, first step, bounds and profile of every parameter."""
    names = component_names(ml.matrices.random)
    values = dict(zip(names, component_values(ml.term_covariances, ml.sigma), strict=True))
    for index, term in enumerate(ml.matrices.random):
        for i, column in enumerate(term.columns):
            name = f"sd_{column}|{term.group}"
            size = float(np.sqrt(np.mean(term.design[:, i] ** 2)))
            step = max(values[name], 0.1 * ml.sigma / size) / 4
            yield name, values[name], step, (0.0, np.inf), _sd_profile(*_first(ml, index, [i]))
        for i, j in combinations(range(len(term.columns)), 2):
            name = f"cor_{term.columns[j]}.{term.columns[i]}|{term.group}"
            profile = _correlation_profile(*_first(ml, index, [i, j]))
            yield name, values[name], 0.1, (-1.0, 1.0), profile
    equations = ml.equations
    yield (
        "sigma",
        ml.sigma,
        ml.sigma / 10,
        (0.0, np.inf),
        _sigma_profile(equations, equations.scaled(ml.theta)),
    )
    for j, name in enumerate(ml.matrices.columns):
        error = float(np.sqrt(ml.covariance[j, j]))
        yield name, float(ml.beta[j]), error, (-np.inf, np.inf), _fixed_profile(ml, j)


def _limit(profile: Profile, estimate: float, step: float, bound: float, target: float) -> float:
    """Return where the profile crosses `target` between `estimate` and `bound`."""
    from scipy.optimize import brentq

    inside = estimate
    for _ in range(_STEPS):
        outside = inside + step
        outside = min(outside, bound) if step > 0 else max(outside, bound)
        if profile(outside) > target:
            scale = max(abs(estimate), abs(step))
            return float(brentq(lambda value: profile(value) - target, inside, outside, xtol=1e-7 * scale))
        if outside == bound:
            return bound
        inside, step = outside, 2 * step
    return bound


def _first(
    ml: LinearMixedModel, index: int, columns: list[int]
) -> tuple[MixedModelEquations, np.ndarray, int, float]:
    """Put `columns` of the random term `index` first.

    Returns
    -------
    equations, theta (scaled), index in theta of the first diagonal of the term, sigma.
    """
    term = ml.matrices.random[index]
    order = [*columns, *(i for i in range(len(term.columns)) if i not in columns)]
    moved = replace(term, columns=tuple(term.columns[i] for i in order), design=term.design[:, order])
    random = tuple(moved if other is term else other for other in ml.matrices.random)
    equations = MixedModelEquations(replace(ml.matrices, random=random))
    factors = []
    for t, covariance in enumerate(ml.term_covariances):
        if t == index:
            covariance = covariance[np.ix_(order, order)]
        factors.append(_triangle(covariance) / ml.sigma)
    pairs = zip(factors, equations.triangles, strict=True)
    theta = np.concatenate([factor[row, column] for factor, (row, column, _) in pairs])
    return equations, equations.scaled(theta), int(equations.triangles[index][2][0]), ml.sigma


def _triangle(covariance: np.ndarray) -> np.ndarray:
    """Return a lower triangle L with LL' = covariance, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    lower = np.linalg.qr((vectors * np.sqrt(np.clip(values, 0, None))).T)[1].T
    return lower * np.where(np.diag(lower) < 0, -1.0, 1.0)


def _sd_profile(equations: MixedModelEquations, theta: np.ndarray, first: int, sigma: float) -> Profile:
    """Hold the first column's SD: the first diagonal is that over sigma, times its scale."""
    scale = equations.scaled(np.ones(len(theta)))[first]
    free = np.arange(len(theta)) != first
    first_start = last = np.append(theta[free], np.log(sigma))

    def profile(deviation: float) -> float:
        nonlocal last

        def deviance(x: np.ndarray) -> tuple[float, np.ndarray]:
            whole = np.empty(len(theta))
            whole[free], whole[first] = x[:-1], scale * deviation / np.exp(x[-1])
            value, gradient, slope = equations.deviance_at_sigma(whole, float(np.exp(x[-1])))
            return value, np.append(gradient[free], slope - whole[first] * gradient[first])

        diagonal = np.append(equations.diagonal[free], False)
        last, value = _minimum(deviance, (first_start, last), diagonal)
        return value

    return profile


def _correlation_profile(
    equations: MixedModelEquations, theta: np.ndarray, first: int, sigma: float
) -> Profile:
    """Hold the correlation r of the first two columns: in lme4's factor, L10 = L11 r / sqrt(1 - r^2).

    The scale M of the factor turns that into ML10 = M10 L00 + M11 L10.
    """
    count = len(theta)
    unscaled = np.zeros((3, count))
    below = first + 1
    second = next(i for i in range(below + 1, count) if equations.diagonal[i])
    for row, at in enumerate((first, below, second)):
        unscaled[row, at] = 1
    from_first, from_below, from_second = (equations.scaled(row) for row in unscaled)
    free = np.arange(count) != below
    first_start = last = theta[free]

    def profile(correlation: float) -> float:
        nonlocal last
        correlation = float(np.clip(correlation, _FROM_ONE - 1, 1 - _FROM_ONE))
        by_first = from_first[below] / from_first[first]
        ratio = correlation / np.sqrt(1 - correlation**2)
        by_second = from_below[below] * ratio / from_second[second]

        def deviance(x: np.ndarray) -> tuple[float, np.ndarray]:
            whole = np.empty(count)
            whole[free] = x
            whole[below] = by_first * whole[first] + by_second * whole[second]
            value, gradient = equations.deviance(whole, False)
            gradient[first] += by_first * gradient[below]
            gradient[second] += by_second * gradient[below]
            return value, gradient[free]

        last, value = _minimum(deviance, (first_start, last), equations.diagonal[free])
        return value

    return profile


def _sigma_profile(equations: MixedModelEquations, theta: np.ndarray) -> Profile:
    last = theta

    def profile(sigma: float) -> float:
        nonlocal last
        if sigma <= 0:
            return np.inf

        def deviance(x: np.ndarray) -> tuple[float, np.ndarray]:
            return equations.deviance_at_sigma(x, sigma)[:2]

        last, value = _minimum(deviance, (theta, last), equations.diagonal)
        return value

    return profile


def _fixed_profile(ml: LinearMixedModel, column: int) -> Profile:
    """Hold one fixed effect b: the model of y - xb without its column."""
    others = np.arange(len(ml.beta)) != column
    names = tuple(np.array(ml.matrices.columns)[others].tolist())
    x, y = ml.matrices.fixed[:, column], ml.matrices.response
    rest = replace(ml.matrices, fixed=ml.matrices.fixed[:, others], columns=names)
    equations = MixedModelEquations(replace(rest, response=y - x * ml.beta[column]))
    first_start = last = equations.scaled(ml.theta)

    def profile(value: float) -> float:
        nonlocal last
        shifted = equations.with_response(y - x * value)
        ends = [minimise_deviance(shifted, start, False) for start in (first_start, last)]
        last, deviance = min(ends, key=lambda end: end[1])
        return deviance

    return profile


def _minimum(
    deviance: Callable[[np.ndarray], tuple[float, np.ndarray]],
    starts: tuple[np.ndarray, ...],
    diagonal: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Return the lowest end of descents from `starts`, begun again off the boundary if they ended there."""
    from scipy.optimize import minimize

    bounds = [(0.0 if own else -LARGEST_FACTOR, LARGEST_FACTOR) for own in diagonal]
    options = {"ftol": 1e-12, "gtol": 1e-6, "maxiter": 2000, "maxfun": 4000, "maxcor": 20}
    ends = []
    for start in starts:
        found = minimize(deviance, start, method="L-BFGS-B", jac=True, bounds=bounds, options=options)
        ends.append(found)
        at_zero = diagonal & (found.x < SINGULAR)
        for lift in (OFF_THE_BOUNDARY, JUST_OFF) if at_zero.any() else ():
            lifted = np.where(at_zero, lift, found.x)
            ends.append(
                minimize(deviance, lifted, method="L-BFGS-B", jac=True, bounds=bounds, options=options)
            )
    lowest = min(ends, key=lambda end: end.fun)
    return lowest.x, float(lowest.fun)
