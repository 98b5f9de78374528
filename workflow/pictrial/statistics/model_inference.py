"""One face for the kinds of small-sample inference, and tests of marginal means and contrasts by them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.statistics import kenward_roger, satterthwaite
from pictrial.statistics.estimated_marginal_means import LinearFunctions
from pictrial.statistics.linear_mixed_model import JointTest, LinearMixedModel
from pictrial.statistics.multiplicity import margins, two_sided_p

Estimate = tuple[float, float, float]


@dataclass(frozen=True)
class Inference:
    """How standard errors and degrees of freedom are had from a fit.

    Attributes
    ----------
    name : str
        ``satt`` (Satterthwaite), ``kr`` (Kenward-Roger), or ``z`` (standard errors taken as known: only
        for the comparison with software that has no degrees of freedom).
    covariance : ndarray, shape (columns, columns)
        Of the fixed effects.
    contrast : callable
        From a row l, shape (columns,), to the estimate l'b, its standard error and its degrees of freedom.
    joint : callable
        From rows L, shape (rows, columns), to the F test of L b = 0; None for ``z``.
    """

    name: str
    covariance: np.ndarray
    contrast: Callable[[np.ndarray], Estimate]
    joint: Callable[[np.ndarray], JointTest] | None


def evaluate_functions(functions: LinearFunctions, inference: Inference, confidence: float) -> pd.DataFrame:
    """Estimate and test every row of `functions`.

    Returns
    -------
    DataFrame
        Columns label, group, estimate, se, df, t, p, lower, upper; the interval is for one comparison.
        All but the names are NaN where a row is not estimable.
    """
    nothing = (np.nan, np.nan, np.nan)
    found = [
        inference.contrast(row) if estimable else nothing
        for row, estimable in zip(functions.rows, functions.estimable, strict=True)
    ]
    estimate, error, df = np.array(found, float).reshape(-1, 3).T
    margin = margins("none", df, functions.n_means, confidence) * error
    columns = {
        "label": functions.labels,
        "group": functions.groups,
        "estimate": estimate,
        "se": error,
        "df": df,
        "t": estimate / error,
        "p": two_sided_p(estimate / error, df),
        "lower": estimate - margin,
        "upper": estimate + margin,
    }
    return pd.DataFrame(columns)


def small_sample_inference(fit: LinearMixedModel, name: str) -> Inference:
    """Return the inference called `name`: ``satt``, ``kr`` (of a REML fit) or ``z``."""
    if name == "kr":
        covariance = kenward_roger.adjusted_covariance(fit)
        return Inference(
            name,
            covariance,
            lambda row: (*_wald(fit, row, covariance), kenward_roger.contrast_df(fit, row)),
            lambda rows: kenward_roger.joint_test(fit, rows),
        )
    if name == "satt":
        return Inference(
            name,
            fit.covariance,
            lambda row: (*_wald(fit, row, fit.covariance), satterthwaite.contrast_df(fit, row)),
            lambda rows: satterthwaite.joint_test(fit, rows),
        )
    return Inference(name, fit.covariance, lambda row: (*_wald(fit, row, fit.covariance), np.inf), None)


def _wald(fit: LinearMixedModel, row: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    return float(row @ fit.beta), float(np.sqrt(row @ covariance @ row))
