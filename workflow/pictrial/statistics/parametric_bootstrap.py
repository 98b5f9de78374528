"""Parametric bootstrap of a linear mixed model: likelihood-ratio tests, intervals of variance components.

Responses are drawn from a fitted model and both models fitted again to each. The P of a test is the share of
drawn statistics that reach the observed one, (b + 1) / (m + 1), and needs neither degrees of freedom nor a
chi-square (Halekoh & Højsgaard 2014, J Stat Softw 59(9)). Every draw has its own seed, so that results do not
depend on the number of processes.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.likelihood_ratio import (
    SAME_SIZE,
    ReducedModel,
    reduced_deviance,
    without_fixed_terms,
    without_random_terms,
)
from pictrial.statistics.linear_mixed_model import (
    LinearMixedModel,
    fit_linear_mixed_model,
    minimise_deviance,
)
from pictrial.statistics.mixed_model_equations import MixedModelEquations
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable
from pictrial.statistics.model_matrices import ModelDesign
from pictrial.statistics.profile_intervals import component_names, component_values

DRAWS = 1000
#: Statistics closer than this are equal: the deviances of two fits are no more exact.
SAME_STATISTIC = 1e-6


@dataclass(frozen=True)
class Simulator:
    """Responses of a fitted model, y = Xb + Zu + e.

    Attributes
    ----------
    matrices : ModelMatrices
    beta : ndarray, shape (columns,)
    factors : tuple of ndarray, each of shape (columns, columns)
        F with FF' the covariance of the random effects of each term.
    sigma : float
    """

    matrices: ModelMatrices
    beta: np.ndarray
    factors: tuple[np.ndarray, ...]
    sigma: float

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Return a response, shape (observations,)."""
        matrices = self.matrices
        response = matrices.fixed @ self.beta
        for term, factor in zip(matrices.random, self.factors, strict=True):
            effects = generator.standard_normal((term.n_levels, len(factor))) @ factor.T
            response = response + np.einsum("ij,ij->i", term.design, effects[term.codes])
        error = self.sigma * generator.standard_normal(len(response))
        return response + (error if matrices.weights is None else error / np.sqrt(matrices.weights))


@dataclass(frozen=True)
class Refit:
    """A model that is fitted again to drawn responses.

    Attributes
    ----------
    equations : MixedModelEquations
    start : ndarray, shape (parameters,), or None
        Scaled theta of the fit to the data; None holds every variance at zero (a model without random terms).
    reml : bool
    """

    equations: MixedModelEquations
    start: np.ndarray | None
    reml: bool

    def minimum(self, response: np.ndarray) -> tuple[MixedModelEquations, np.ndarray, float]:
        """Return the equations with `response`, the scaled theta of the fit and its deviance."""
        equations = self.equations.with_response(response)
        if self.start is None:
            theta = np.zeros(len(equations.diagonal))
            return equations, theta, equations.deviance(theta, self.reml)[0]
        return equations, *minimise_deviance(equations, self.start, self.reml)


def bootstrap_fixed_terms(
    design: ModelDesign,
    fit: LinearMixedModel,
    seed: int,
    draws: int = DRAWS,
    processes: int = 1,
    terms: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Test fixed terms by the bootstrapped likelihood ratio of fits by full maximum likelihood.

    Parameters
    ----------
    design : ModelDesign
    fit : LinearMixedModel
        Of `design`; one by REML is fitted again by maximum likelihood.
    seed : int
    draws : int
    processes : int
    terms : sequence of str, optional
        Of those that no other fixed term contains; by default all of them.

    Returns
    -------
    DataFrame
        term, chi_square (observed), df, p, p_standard_error (Monte Carlo), p_chi_square, draws, warning.

    Raises
    ------
    InputError
        Where a term is not one that can be left out.
    """
    full = fit_linear_mixed_model(fit.matrices, reml=False) if fit.reml else fit
    reduced = _chosen(without_fixed_terms(design, full.matrices), terms)
    return _tests(full, reduced, seed, draws, processes)


def bootstrap_random_terms(
    design: ModelDesign,
    fit: LinearMixedModel,
    seed: int,
    draws: int = DRAWS,
    processes: int = 1,
    terms: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Test random terms by the bootstrapped likelihood ratio of fits by REML.

    P is right on the boundary too, where that of chi-square is too large. Parameters, result and error are
    those of `bootstrap_fixed_terms`; terms are named as `likelihood_ratio.random_term_tests` names them.
    """
    full = fit if fit.reml else fit_linear_mixed_model(fit.matrices)
    reduced = _chosen(without_random_terms(design, full.matrices), terms)
    return _tests(full, reduced, seed, draws, processes)


def bootstrap_variance_components(
    fit: LinearMixedModel, seed: int, draws: int = DRAWS, processes: int = 1, confidence: float = 0.95
) -> pd.DataFrame:
    """Return percentile intervals of the standard deviations, correlations and sigma.

    Returns
    -------
    DataFrame
        parameter (``sd_x|g``, ``cor_x.z|g``, ``sigma``), estimate, ci_lower, ci_upper, at_zero (share of the
        draws in which it was estimated as zero), draws (with a value: a correlation has none where an SD is
        zero), warning.
    """
    refit = Refit(fit.equations, fit.equations.scaled(fit.theta), fit.reml)
    values = np.array(_spread(_components, simulator(fit), (refit,), ("components",), seed, draws, processes))
    rows = []
    estimates = component_values(fit.term_covariances, fit.sigma)
    for name, estimate, column in zip(component_names(fit.matrices.random), estimates, values.T, strict=True):
        told = column[np.isfinite(column)]
        tails = (0.5 - confidence / 2, 0.5 + confidence / 2)
        limits = np.quantile(told, tails) if len(told) else (np.nan, np.nan)
        warning = "" if len(told) == draws else f"{draws - len(told)} draws have a standard deviation of zero"
        at_zero = float(np.mean(told == 0)) if len(told) else np.nan
        rows.append((name, estimate, *limits, at_zero, len(told), warning))
    names = ["parameter", "estimate", "ci_lower", "ci_upper", "at_zero", "draws", "warning"]
    return pd.DataFrame(rows, columns=names)


def simulator(fit: LinearMixedModel) -> Simulator:
    """Return the simulator of a fitted model."""
    factors = tuple(fit.sigma * factor for factor in fit.equations.factors(fit.theta))
    return Simulator(fit.matrices, fit.beta, factors, fit.sigma)


def _chosen(reduced: list[ReducedModel], terms: Sequence[str] | None) -> list[ReducedModel]:
    there = [less.term for less in reduced]
    for term in terms or ():
        if term not in there:
            raise InputError(f"term {term!r}", f"it is not one of {there}", "Name one of them.")
    return [less for less in reduced if terms is None or less.term in terms]


def _tests(
    full: LinearMixedModel, reduced: list[ReducedModel], seed: int, draws: int, processes: int
) -> pd.DataFrame:
    from scipy.stats import chi2

    rows = []
    for less in reduced:
        if not less.df > 0:
            rows.append((less.term, np.nan, less.df, np.nan, np.nan, np.nan, 0, SAME_SIZE))
            continue
        try:
            statistic = reduced_deviance(full, less) - full.deviance
            null, null_refit = _null(full, less)
        except NotEstimable as reason:
            rows.append((less.term, np.nan, less.df, np.nan, np.nan, np.nan, 0, str(reason)))
            continue
        refits = (Refit(full.equations, full.equations.scaled(full.theta), full.reml), null_refit)
        drawn = np.array(_spread(_statistic, null, refits, (less.term,), seed, draws, processes))
        p = float((1 + np.sum(drawn >= statistic - SAME_STATISTIC)) / (1 + draws))
        p_chi_square = float(chi2.sf(statistic, less.df))
        error = np.sqrt(p * (1 - p) / draws)
        rows.append((less.term, statistic, less.df, p, error, p_chi_square, draws, ""))
    names = ["term", "chi_square", "df", "p", "p_standard_error", "p_chi_square", "draws", "warning"]
    return pd.DataFrame(rows, columns=names)


def _null(full: LinearMixedModel, less: ReducedModel) -> tuple[Simulator, Refit]:
    """Return what draws from the reduced model, and its refit."""
    if less.matrices.random:
        fit = fit_linear_mixed_model(less.matrices, full.reml)
        return simulator(fit), Refit(fit.equations, fit.equations.scaled(fit.theta), full.reml)
    sigma, beta, _ = full.equations.estimates(np.zeros(len(full.theta)), full.reml)
    return Simulator(less.matrices, beta, (), sigma), Refit(full.equations, None, full.reml)


def _statistic(response: np.ndarray, refits: tuple[Refit, ...]) -> float:
    full, null = (refit.minimum(response)[2] for refit in refits)
    return null - full


def _components(response: np.ndarray, refits: tuple[Refit, ...]) -> list[float]:
    (refit,) = refits
    equations, theta, _ = refit.minimum(response)
    sigma = equations.estimates(theta, refit.reml)[0]
    factors = equations.factors(equations.unscaled(theta))
    return component_values(tuple(sigma**2 * factor @ factor.T for factor in factors), sigma)


def _spread(
    of_response: Callable,
    null: Simulator,
    refits: tuple[Refit, ...],
    names: tuple[str, ...],
    seed: int,
    draws: int,
    processes: int,
) -> list:
    """Return `of_response` of every drawn response, in order."""
    parts = [part for part in np.array_split(np.arange(draws), processes) if len(part)]
    tasks = [(of_response, null, refits, names, seed, part) for part in parts]
    if len(tasks) == 1:
        return _work(tasks[0])
    with ProcessPoolExecutor(len(tasks)) as pool:
        return [value for values in pool.map(_work, tasks) for value in values]


def _work(task: tuple) -> list:
    from threadpoolctl import threadpool_limits

    of_response, null, refits, names, seed, part = task
    with threadpool_limits(1):
        return [
            of_response(null.draw(random_generator(seed, "parametric bootstrap", *names, int(draw))), refits)
            for draw in part
        ]
