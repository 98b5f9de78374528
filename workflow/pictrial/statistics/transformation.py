"""Transformed outcomes, and what their means and contrasts are on the scale of the outcome."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pictrial.errors import InputError

METHODS = ("none", "log", "sqrt", "asinh", "inverse_normal_ranks")
#: What a difference on the transformed scale is; only that of logarithms has a meaning on the outcome's own.
_NO_RATIO = "{} scale: a difference has no counterpart in units of the outcome"


def transform(values: pd.Series, method: str, offset: float = 0.0, scale: float = 1.0) -> pd.Series:
    """Transform an outcome as the plan says.

    Parameters
    ----------
    values : Series
        Without missing values.
    method : str
        ``none``; ``log``, log(value + offset); ``sqrt``, sqrt(value + offset); ``asinh``,
        asinh(value / scale), linear well below `scale` and logarithmic well above;
        ``inverse_normal_ranks``, the normal quantile of (rank - 3/8) / (n + 1/4) (Blom 1958), ties having
        their mean rank.
    offset : float
        Of ``log`` and ``sqrt``, in units of the outcome. Never chosen from the data.
    scale : float
        Of ``asinh``, in units of the outcome; above 0.

    Raises
    ------
    InputError
        Where the method is unknown, a parameter does not belong to it, or a value is missing or cannot be
        transformed; the row is named.
    """
    _check_method(method, offset, scale)
    values = values.astype(float)
    _check(values, np.isfinite, method, "has no value", "Leave such rows out, and count them.")
    shifted = values + offset
    if method == "log":
        _check(shifted, lambda x: x > 0, method, "is not above 0", "Plan an offset, sqrt or asinh.")
        return np.log(shifted)
    if method == "sqrt":
        _check(shifted, lambda x: x >= 0, method, "is below 0", "Plan an offset or asinh.")
        return np.sqrt(shifted)
    if method == "asinh":
        return np.arcsinh(values / scale)
    if method == "inverse_normal_ranks":
        from scipy.special import ndtri

        return pd.Series(ndtri((values.rank() - 0.375) / (len(values) + 0.25)), values.index)
    return values


def back_transform_means(
    means: pd.DataFrame, method: str, offset: float = 0.0, scale: float = 1.0
) -> pd.DataFrame:
    """Bring marginal means and their intervals back to the scale of the outcome.

    The result estimates a median, not a mean, where the transformed outcome is symmetric; that of ``log``
    is a geometric mean (less the offset).

    Parameters
    ----------
    means : DataFrame
        With estimate, ci_lower, ci_upper, warning; as from `fitted_model.condition_means`.
    method, offset, scale
        As given to `transform`.

    Returns
    -------
    DataFrame
        `means` with back_transformed, back_transformed_ci_lower and back_transformed_ci_upper before the
        warning; NaN for ``inverse_normal_ranks``, with the reason.
    """
    _check_method(method, offset, scale)
    inverse = {
        "none": lambda x: x,
        "log": lambda x: np.exp(x) - offset,
        # A root is never negative, so neither is what it is the root of.
        "sqrt": lambda x: x.clip(lower=0) ** 2 - offset,
        "asinh": lambda x: np.sinh(x) * scale,
        "inverse_normal_ranks": lambda x: x * np.nan,
    }[method]
    reason = "scale of ranks: no value in units of the outcome" if method == "inverse_normal_ranks" else ""
    return _with_columns(means, "back_transformed", inverse, reason)


def back_transform_contrasts(contrasts: pd.DataFrame, method: str, offset: float = 0.0) -> pd.DataFrame:
    """Add what a contrast of a transformed outcome is on the scale of the outcome.

    exp of a difference of logarithms is the ratio of the geometric means (Bland & Altman 1996,
    BMJ 312:1153). Differences on the other scales have no such counterpart.

    Parameters
    ----------
    contrasts : DataFrame
        With estimate, ci_lower, ci_upper, warning; as from `fitted_model.planned_contrasts`.
    method, offset
        As given to `transform`.

    Returns
    -------
    DataFrame
        `contrasts` with ratio, ratio_ci_lower and ratio_ci_upper before the warning, NaN but for ``log``;
        the warning says what the ratio is not.
    """
    _check_method(method, offset, 1.0)
    if method == "log":
        note = f"ratio of geometric means of the outcome plus {offset:g}" if offset else ""
        return _with_columns(contrasts, "ratio", np.exp, note)
    note = "" if method == "none" else _NO_RATIO.format(method)
    return _with_columns(contrasts, "ratio", lambda x: x * np.nan, note)


def _with_columns(table: pd.DataFrame, name: str, inverse: Callable, note: str) -> pd.DataFrame:
    added = {
        name: inverse(table["estimate"]),
        f"{name}_ci_lower": inverse(table["ci_lower"]),
        f"{name}_ci_upper": inverse(table["ci_upper"]),
        "warning": ["; ".join(filter(None, (text, note))) for text in table["warning"]],
    }
    return table.drop(columns="warning").assign(**added)


def _check_method(method: str, offset: float, scale: float) -> None:
    if method not in METHODS:
        raise InputError("transformation", f"{method!r} is unknown", f"Choose one of {', '.join(METHODS)}.")
    if offset != 0 and method not in ("log", "sqrt"):
        raise InputError("transformation", f"{method} has no offset", "Leave it out, or use log or sqrt.")
    if scale != 1 and method != "asinh":
        raise InputError("transformation", f"{method} has no scale", "Leave it out, or use asinh.")
    if not (np.isfinite(offset) and np.isfinite(scale) and scale > 0):
        raise InputError("transformation", f"offset {offset}, scale {scale}", "The scale must be above 0.")


def _check(values: pd.Series, holds: Callable, method: str, rule: str, remedy: str) -> None:
    wrong = values[~holds(values)]
    if len(wrong):
        raise InputError(
            f"transformation {method}, row {wrong.index[0]}", f"{wrong.iloc[0]:g} {rule}", remedy
        )
