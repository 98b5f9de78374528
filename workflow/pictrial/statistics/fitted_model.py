"""A formula of the plan fitted to rows of outcomes, its marginal means and its planned contrasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pictrial.statistics.estimated_marginal_means import LinearFunctions, custom_contrasts, marginal_means
from pictrial.statistics.linear_mixed_model import LinearMixedModel, fit_linear_mixed_model
from pictrial.statistics.model_inference import evaluate_functions, small_sample_inference
from pictrial.statistics.model_matrices import ModelDesign, build_model
from pictrial.statistics.unconstrained_variances import NONNEGATIVE, UNCONSTRAINED, without_bound

CONFIDENCE = 0.95
#: How the plan names what `small_sample_inference` calls otherwise.
INFERENCES = {"kenward-roger": "kr", "satterthwaite": "satt"}
_NAMES = {"se": "standard_error", "lower": "ci_lower", "upper": "ci_upper"}


@dataclass(frozen=True)
class FittedModel:
    """A model of the plan.

    Attributes
    ----------
    design : ModelDesign
    fit : LinearMixedModel
    warnings : list of str
        What a reader of its results has to know.
    """

    design: ModelDesign
    fit: LinearMixedModel
    warnings: list[str]


def model_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Return outcome rows as a formula names them: ``unit`` is unit_id; period and session are factors."""
    frame = rows.rename(columns={"unit_id": "unit"}).reset_index(drop=True)
    return frame.assign(
        value=frame["value"].astype(float),
        period=frame["period"].astype(str),
        session=frame["session"].astype(str),
    )


def fit_model(
    frame: pd.DataFrame,
    formula: str,
    levels: Mapping[str, Sequence[str]],
    weights: np.ndarray | None = None,
    variances: str = NONNEGATIVE,
) -> FittedModel:
    """Fit `formula` to `frame` by REML.

    Parameters
    ----------
    frame : DataFrame
        One row per observation (see `model_frame`), without missing values in the model's columns.
    formula : str
        lme4 syntax.
    levels : mapping of str to sequence of str
        Factors with an order of their own, reference first.
    weights : ndarray, shape (observations,), optional
        Prior weights: the residual variance of an observation is sigma^2 / weight.
    variances : str
        `NONNEGATIVE`, or `UNCONSTRAINED`: estimated below zero where the data say so.

    Raises
    ------
    InputError
        Where formula and table do not fit each other, or unconstrained variances are asked of slopes.
    NotEstimable
        Where the data are too few for the model.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the matrices are small: more threads would only wait for each other
        design = build_model(frame, formula, levels)
        fit = fit_linear_mixed_model(replace(design.matrices, weights=weights))
        if variances == UNCONSTRAINED:
            fit = without_bound(fit)
    return FittedModel(design, fit, _warnings(design, fit, variances))


def condition_means(model: FittedModel, df_method: str, factor: str = "condition") -> pd.DataFrame:
    """Return the marginal mean of every level of `factor`.

    Parameters
    ----------
    model : FittedModel
    df_method : str
        ``kenward-roger`` or ``satterthwaite``.
    factor : str

    Returns
    -------
    DataFrame
        level, estimate, standard_error, df, ci_lower, ci_upper, warning. What is not estimable is NaN,
        with the reason as its warning.
    """
    functions = marginal_means(model.design, f"~ {factor}")
    table = _evaluated(model, functions, df_method).rename(columns={"label": "level"})
    return table[["level", "estimate", "standard_error", "df", "ci_lower", "ci_upper", "warning"]]


def planned_contrasts(
    model: FittedModel, pairs: Sequence[tuple[str, str]], df_method: str, factor: str = "condition"
) -> pd.DataFrame:
    """Return the differences between marginal means of `factor`, level minus the other.

    Parameters
    ----------
    pairs : sequence of tuple of str
        (level, minus).

    Returns
    -------
    DataFrame
        level, minus, estimate, standard_error, df, t, p (two-sided, not adjusted), ci_lower, ci_upper,
        warning; one row per pair, in order. What is not estimable is NaN, with the reason as its warning.
    """
    there, functions = _differences(model, pairs, factor)
    table = _evaluated(model, functions, df_method)
    table = table.assign(level=[pair[0] for pair in there], minus=[pair[1] for pair in there])
    whole = pd.DataFrame(list(pairs), columns=["level", "minus"]).merge(table, how="left")
    whole["warning"] = whole["warning"].fillna("not estimable: a level has no value")
    names = ["estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper", "warning"]
    return whole[["level", "minus", *names]]


def contrast_covariance(
    model: FittedModel, pairs: Sequence[tuple[str, str]], df_method: str, factor: str = "condition"
) -> np.ndarray:
    """Return the covariance of the planned contrasts, shape (pairs, pairs); NaN without a value."""
    there, functions = _differences(model, pairs, factor)
    within = small_sample_inference(model.fit, INFERENCES[df_method]).covariance
    covariance = np.full((len(pairs), len(pairs)), np.nan)
    at = [index for index, pair in enumerate(pairs) if pair in there]
    covariance[np.ix_(at, at)] = functions.rows @ within @ functions.rows.T
    return covariance


def _differences(
    model: FittedModel, pairs: Sequence[tuple[str, str]], factor: str
) -> tuple[list[tuple[str, str]], LinearFunctions]:
    """Return those of `pairs` whose levels have a mean, and their differences."""
    means = marginal_means(model.design, f"~ {factor}")
    there = [pair for pair in pairs if set(pair) <= set(means.labels)]
    weights = {f"{level} - {minus}": {level: 1.0, minus: -1.0} for level, minus in there}
    return there, custom_contrasts(means, weights)


def _evaluated(model: FittedModel, functions: LinearFunctions, df_method: str) -> pd.DataFrame:
    inference = small_sample_inference(model.fit, INFERENCES[df_method])
    table = evaluate_functions(functions, inference, CONFIDENCE).rename(columns=_NAMES)
    aliased = f"not estimable: aliased columns ({', '.join(model.design.dropped)})"
    return table.assign(warning=np.where(functions.estimable, "", aliased))


def _warnings(design: ModelDesign, fit: LinearMixedModel, variances: str) -> list[str]:
    notes = [f"variance of {name} left out: {reason}" for name, reason in design.absorbed.items()]
    if design.dropped:
        notes.append(f"aliased columns left out: {', '.join(design.dropped)}")
    if fit.singular:
        notes.append(f"variance estimated as zero: {', '.join(fit.zero_components)}")
        if variances == UNCONSTRAINED:
            notes.append("held at zero: below it, the deviance falls until the data have no covariance")
    if fit.negative_components:
        notes.append(f"variance estimated below zero: {', '.join(fit.negative_components)}")
    return notes
