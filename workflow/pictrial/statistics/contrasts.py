"""Marginal means and contrasts of a fitted mixed model, with degrees of freedom by containment."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from pictrial.statistics.design import fixed_part, indicator
from pictrial.statistics.mixed_model import MixedModelFit

DF_METHOD = "containment"
CONFIDENCE = 0.95


def marginal_means(fit: MixedModelFit, factor: str, levels: Sequence[str]) -> pd.DataFrame:
    """Return the estimated marginal mean of each of `levels` of `factor`.

    The mean gives equal weight to every combination of the levels of the other factors and takes
    covariates at their means (Searle, Speed & Milliken 1980, Am Stat 34:216).

    Returns
    -------
    DataFrame
        Columns level, estimate, standard_error, df, ci_lower, ci_upper, warning; values are NaN, and
        the warning says why, where a mean is not estimable.
    """
    rows = marginal_rows(fit, factor)
    df, note = _between_df(fit, factor)
    records = []
    for level in levels:
        values, why = _estimate(fit, rows.get(level), df)
        records.append({"level": level, **values, "warning": why or note})
    return pd.DataFrame(records)


def contrasts(fit: MixedModelFit, factor: str, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Compare pairs of levels of `factor`: the first minus the second.

    t = l'b / sqrt(l' (X'V^-1 X)^-1 l), with the degrees of freedom of `within_df`; interval and P come
    from the same t distribution.

    Returns
    -------
    DataFrame
        Columns level, minus, estimate, standard_error, df, t, ci_lower, ci_upper, p, warning.
    """
    from scipy.special import stdtr

    rows = marginal_rows(fit, factor)
    df = within_df(fit, factor)
    records = []
    for level, minus in pairs:
        row = rows[level] - rows[minus] if level in rows and minus in rows else None
        values, why = _estimate(fit, row, df)
        t = values["estimate"] / values["standard_error"]
        p = 2 * float(stdtr(values["df"], -abs(t)))
        records.append({"level": level, "minus": minus, **values, "t": t, "p": p, "warning": why})
    return pd.DataFrame(records)


def holm(p: np.ndarray) -> np.ndarray:
    """Return P adjusted by Holm's method over those that are there; NaN stays NaN."""
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p), np.nan)
    there = np.isfinite(p)
    if there.any():
        adjusted[there] = multipletests(p[there], method="holm")[1]
    return adjusted


def marginal_rows(fit: MixedModelFit, factor: str) -> dict[str, np.ndarray]:
    """Return for each level of `factor` the row l, shape (columns,), whose l'b is its marginal mean."""
    design = fit.design
    others = [name for name in design.levels if name != factor]
    rows = {}
    for level in design.levels[factor]:
        grid = pd.DataFrame(
            [dict(zip(others, cell, strict=True)) for cell in product(*(design.levels[o] for o in others))]
        ).assign(**{factor: level}, **design.covariate_means)
        rows[level] = fixed_part(grid, design.formula, design.levels)[0].mean(axis=0)
    return rows


def within_df(fit: MixedModelFit, factor: str) -> int:
    """Return the degrees of freedom for comparing levels of `factor` within the outer grouping factor.

    Containment: the factor is tested against the random term that contains it, here
    participant:condition, so what counts is how many participant-by-condition means are left when
    participants and fixed effects have taken theirs, not how many motor units there are. With a random
    term C that contains the factor, df = rank[X, Z_outer, Z_C] - rank[X, Z_outer]; without one,
    df = n - rank[X, Z] (the rule of SAS PROC MIXED's DDFM=CONTAIN, with the rank taken among the terms
    marginal to C, so that units found in one condition only do not lower it).
    """
    design = fit.design
    containing = [codes for name, codes in design.groups.items() if factor in name.split(":")]
    outer = np.column_stack([design.fixed, indicator(design.outer)])
    if not containing:
        everything = np.column_stack([outer, *map(indicator, design.groups.values())])
        return len(design.response) - _rank(everything)
    return min(_rank(np.column_stack([outer, indicator(codes)])) for codes in containing) - _rank(outer)


def _between_df(fit: MixedModelFit, factor: str) -> tuple[int, str]:
    """Degrees of freedom of a mean: participants left when between-participant effects took theirs."""
    design = fit.design
    if design.outer_name in fit.variances:
        joined = np.column_stack([design.fixed, indicator(design.outer)])
        return _rank(joined) - _rank(design.fixed), ""
    who = design.outer_name
    note = f"variance of {who} not estimable: the interval holds for the {who}s at hand only"
    return within_df(fit, factor), note


def _rank(matrix: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(matrix))


def _estimate(fit: MixedModelFit, row: np.ndarray | None, df: int) -> tuple[dict[str, float], str]:
    """Return l'b with its interval, or NaN and the reason why l'b has no estimate."""
    from scipy.special import stdtrit

    why = _why_not(fit, row, df)
    if row is None or why:
        return dict.fromkeys(("estimate", "standard_error", "df", "ci_lower", "ci_upper"), np.nan), why
    estimate, error = float(row @ fit.coefficients), float(np.sqrt(row @ fit.covariance @ row))
    margin = float(stdtrit(df, (1 + CONFIDENCE) / 2)) * error
    values = {
        "estimate": estimate,
        "standard_error": error,
        "df": float(df),
        "ci_lower": estimate - margin,
        "ci_upper": estimate + margin,
    }
    return values, ""


def _why_not(fit: MixedModelFit, row: np.ndarray | None, df: int) -> str:
    x = fit.design.fixed
    if row is None:
        return "not estimable: a level has no value"
    # l'b is estimable when l is a combination of the rows of X.
    if not np.allclose(row @ np.linalg.pinv(x) @ x, row, atol=1e-6):
        return f"not estimable: aliased columns ({', '.join(fit.design.dropped_columns)})"
    if df < 1:
        return "not estimable: no degrees of freedom are left"
    return ""
