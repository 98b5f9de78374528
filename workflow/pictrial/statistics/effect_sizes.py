"""Differences between conditions in units of a standard deviation, each named by that deviation."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pictrial.statistics.explained_variance import absorbed_warning, explained_variance
from pictrial.statistics.fitted_model import CONFIDENCE, FittedModel, planned_contrasts
from pictrial.statistics.linear_mixed_model import LinearMixedModel
from pictrial.statistics.paired import paired_comparison

_OF_MODEL = ("d_residual", "d_total")
_OF_MEANS = ("cohen_d_z", "hedges_g_av")
#: Points of the quadrature over the distribution of a variance.
_POINTS = 400


def model_effect_sizes(model: FittedModel, pairs: Sequence[tuple[str, str]], df_method: str) -> pd.DataFrame:
    """Return planned contrasts of a mixed model in units of its standard deviations.

    `d_residual` is contrast / residual SD (emmeans' `eff_size` with the residual SD): the field's habit. It
    grows when the motor units are told apart better, so that it compares only with studies of the same
    model. `d_total` is contrast / root of all variance around the fixed part: the SD of single motor units
    of the population.

    Parameters
    ----------
    model : FittedModel
    pairs : sequence of tuple of str
        (level, minus).
    df_method : str
        ``kenward-roger`` or ``satterthwaite``.

    Returns
    -------
    DataFrame
        level, minus, d_residual, d_residual_ci_lower, d_residual_ci_upper, d_total, d_total_ci_lower,
        d_total_ci_upper, warning; NaN where the contrast is not estimable.
    """
    contrasts = planned_contrasts(model, pairs, df_method)
    numbers = contrasts[["estimate", "standard_error", "df"]].to_numpy(float)
    table = contrasts[["level", "minus"]].copy()
    for name, (deviation, df) in zip(_OF_MODEL, standardisers(model.fit), strict=True):
        table[name] = numbers[:, 0] / deviation
        limits = [_ratio_interval(row, deviation, df) for row in numbers]
        table[[f"{name}_ci_lower", f"{name}_ci_upper"]] = np.array(limits).reshape(len(numbers), 2)
    note = absorbed_warning(model)
    warning = contrasts["warning"]
    return table.assign(warning=warning.where(warning != "", f"d_total: {note}" if note else ""))


def standardisers(fit: LinearMixedModel) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the residual and the total SD of an observation, each with its degrees of freedom.

    Degrees of freedom are Satterthwaite's, 2 V^2 / var(V) for a variance V = c'g, with var(V) = c' A c and
    A the inverse of the expected REML information on the variance parameters g (Kenward & Roger 1997).
    """
    parts, derivatives = explained_variance(fit), fit.derivatives
    covariance = 2 * np.linalg.pinv(derivatives.expected_information)
    of_residual = np.zeros(len(covariance))
    of_residual[-1] = parts.residual / fit.sigma**2
    of_total = of_residual.copy()
    # The derivatives are in the scaled columns of the equations, z M^-1, where theta = I becomes M.
    equations = fit.equations
    scales = equations.factors(equations.scaled(equations.diagonal.astype(float)))
    for term, scale, (row, column, index) in zip(
        fit.matrices.random, scales, equations.triangles, strict=True
    ):
        design = np.linalg.solve(scale.T, term.design.T)
        products = design @ design.T / design.shape[1]
        of_total[index] = products[row, column] * np.where(row == column, 1, 2)

    def deviation_and_df(variance: float, weights: np.ndarray) -> tuple[float, float]:
        relative = variance / fit.sigma**2
        return float(np.sqrt(variance)), float(2 * relative**2 / (weights @ covariance @ weights))

    return deviation_and_df(parts.residual, of_residual), deviation_and_df(parts.within_model, of_total)


def participant_effect_sizes(means: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return differences between participants' means in units of two standard deviations.

    `cohen_d_z` is mean difference / SD of the differences; its interval is exact, by the noncentral t.
    `hedges_g_av` is mean difference / root of the mean variance of the two conditions, corrected for small
    samples (point estimates by ``pingouin.compute_effsize``); its interval is that of d_z times SD of the
    differences / standardiser (Algina & Keselman 2003, Educ Psychol Meas 63:537; Cumming 2012).

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
        From `pictrial.statistics.paired.participant_means`.
    pairs : sequence of tuple of str
        (level, minus).

    Returns
    -------
    DataFrame
        level, minus, cohen_d_z, cohen_d_z_ci_lower, cohen_d_z_ci_upper, hedges_g_av,
        hedges_g_av_ci_lower, hedges_g_av_ci_upper, warning; NaN where `paired_comparison` gives none.
    """
    rows = []
    for level, minus in pairs:
        found = paired_comparison(means, level, minus)
        both = means[[level, minus]].dropna()
        root_n = np.sqrt(found["n_participants"])
        limits = noncentralities(found["t"], found["df"]) / root_n if root_n else np.full(2, np.nan)
        spread = np.sqrt(both.var(ddof=1).mean())
        rows.append(
            {
                "level": level,
                "minus": minus,
                **_with_interval("cohen_d_z", found["cohen_d_z"], limits),
                **_with_interval(
                    "hedges_g_av", found["hedges_g_av"], limits * found["sd_difference"] / spread
                ),
                "warning": found["warning"],
            }
        )
    return pd.DataFrame(rows)


def noncentralities(t: float, df: float) -> np.ndarray:
    """Return the noncentralities of which `t` is the upper and the lower tail quantile, shape (2,)."""
    from scipy.special import nctdtrinc

    tail = (1 - CONFIDENCE) / 2
    return nctdtrinc(df, np.array([1 - tail, tail]), t)


def _ratio_interval(contrast: np.ndarray, deviation: float, df_deviation: float) -> tuple[float, float]:
    """Return the interval of a contrast (estimate, standard error, df) / SD, both estimated.

    The generalised pivotal quantity (estimate - T error) / (SD root(df_deviation / X)) has T from t(df) and
    X from chi-squared(df_deviation), taken as independent (Weerahandi 1993, J Am Stat Assoc 88:899); its
    distribution is a mean over X, on a grid of equal probabilities.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2
    from scipy.stats import t as student

    estimate, error, df = contrast
    if not np.isfinite(estimate):
        return np.nan, np.nan
    grid = (np.arange(_POINTS) + 0.5) / _POINTS
    deviations = deviation * np.sqrt(df_deviation / chi2.ppf(grid, df_deviation))

    def below(ratio: float, tail: float) -> float:
        return float(student.cdf((ratio * deviations - estimate) / error, df).mean() - tail)

    tail = (1 - CONFIDENCE) / 2
    margin = student.isf(tail / 10, df) * error
    within = np.outer([estimate - margin, estimate + margin], 1 / deviations)
    # With less than a degree of freedom the interval spans hundreds of powers of ten.
    lower, upper = (brentq(below, within.min(), within.max(), (at,), maxiter=2000) for at in (tail, 1 - tail))
    return lower, upper


def _with_interval(name: str, value: float, limits: np.ndarray) -> dict[str, float]:
    lower, upper = limits
    return {name: value, f"{name}_ci_lower": float(lower), f"{name}_ci_upper": float(upper)}
