"""Design matrices of a mixed model, and what of it these data can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.formula import ModelFormula, parse_formula, term_name

_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Design:
    """A formula and a table turned into arrays.

    Attributes
    ----------
    formula : ModelFormula
    levels : dict of str to list of str
        Levels of every factor among the fixed terms; the first is the reference.
    covariate_means : dict of str to float
        Mean of every numeric fixed term, at which marginal means are taken.
    response : ndarray, shape (observations,)
    fixed : ndarray, shape (observations, columns)
        Treatment-coded fixed part, aliased columns included.
    columns : list of str
        Names of the columns of `fixed`, as R names them.
    kept : ndarray of bool, shape (columns,)
        False for a column that is a linear combination of those before it.
    groups : dict of str to ndarray of int, shape (observations,)
        Level of each random term.
    estimable : list of str
        Random terms whose variances these data can tell.
    not_estimable : dict of str to str
        The other random terms, with the reason.
    outer : ndarray of int, shape (observations,)
        The factor that all random terms share: observations of different levels are independent.
    outer_name : str
    """

    formula: ModelFormula
    levels: dict[str, list[str]]
    covariate_means: dict[str, float]
    response: np.ndarray
    fixed: np.ndarray
    columns: list[str]
    kept: np.ndarray
    groups: dict[str, np.ndarray]
    estimable: list[str]
    not_estimable: dict[str, str]
    outer: np.ndarray
    outer_name: str

    @property
    def dropped_columns(self) -> list[str]:
        """Names of the aliased columns."""
        return [name for name, keep in zip(self.columns, self.kept, strict=True) if not keep]


def build_design(
    frame: pd.DataFrame, formula: str | ModelFormula, levels: Mapping[str, Sequence[str]]
) -> Design:
    """Build the matrices of `formula` from `frame`.

    Parameters
    ----------
    frame : DataFrame
        One row per observation.
    formula : str or ModelFormula
    levels : mapping of str to sequence of str
        Factors whose levels have an order of their own, reference first. Levels that do not occur are
        left out. Any other column of text is a factor with sorted levels; a numeric one is a covariate.

    Raises
    ------
    InputError
        Where a column is missing, a value is missing, a level is not in `levels`, or the random terms
        share no grouping factor.
    """
    formula = parse_formula(formula) if isinstance(formula, str) else formula
    _check_columns(frame, formula)
    fixed_names = dict.fromkeys(name for term in formula.fixed for name in term)
    factors = {
        name: _levels(frame[name], name, levels)
        for name in fixed_names
        if name in levels or not pd.api.types.is_numeric_dtype(frame[name])
    }
    means = {name: float(frame[name].mean()) for name in fixed_names if name not in factors}
    fixed, columns = fixed_part(frame, formula, factors)
    outer_name = _outer(formula)
    groups = {term_name(term): _codes(frame, term) for term in formula.random}
    estimable, not_estimable = _estimable_terms(fixed, groups)
    return Design(
        formula=formula,
        levels=factors,
        covariate_means=means,
        response=frame[formula.response].to_numpy(float),
        fixed=fixed,
        columns=columns,
        kept=independent_columns(fixed),
        groups=groups,
        estimable=estimable,
        not_estimable=not_estimable,
        outer=_codes(frame, (outer_name,)),
        outer_name=outer_name,
    )


def fixed_part(
    frame: pd.DataFrame, formula: ModelFormula, factors: Mapping[str, Sequence[str]]
) -> tuple[np.ndarray, list[str]]:
    """Return the treatment-coded fixed part, shape (rows, columns), and the names of its columns."""
    blocks, names = [np.ones(len(frame))], ["(Intercept)"]
    for term in formula.fixed:
        coded = [_coded(frame[name], name, factors.get(name)) for name in term]
        for parts in product(*coded):
            names.append(term_name(tuple(name for name, _ in parts)))
            blocks.append(np.prod([values for _, values in parts], axis=0))
    return np.column_stack(blocks), names


def independent_columns(matrix: np.ndarray) -> np.ndarray:
    """Mark the columns that are not linear combinations of those before them, as R's `lm` keeps them."""
    basis: list[np.ndarray] = []
    kept = np.zeros(matrix.shape[1], bool)
    for index, column in enumerate(matrix.T):
        rest = column.astype(float)
        for _ in range(2):  # once more, because one pass of Gram-Schmidt loses digits
            for direction in basis:
                rest = rest - direction * (direction @ rest)
        norm = np.linalg.norm(rest)
        if norm > _TOLERANCE * max(float(np.linalg.norm(column)), 1.0):
            basis.append(rest / norm)
            kept[index] = True
    return kept


def indicator(codes: np.ndarray) -> np.ndarray:
    """Return the indicator matrix of level codes, shape (observations, levels)."""
    return (codes[:, None] == np.unique(codes)[None, :]).astype(float)


def _coded(values: pd.Series, name: str, factor: Sequence[str] | None) -> list[tuple[str, np.ndarray]]:
    if factor is None:
        return [(name, values.to_numpy(float))]
    text = values.astype(str).to_numpy()
    return [(f"{name}{level}", (text == level).astype(float)) for level in factor[1:]]


def _levels(values: pd.Series, name: str, levels: Mapping[str, Sequence[str]]) -> list[str]:
    present = set(values.astype(str))
    ordered = [str(level) for level in levels.get(name, sorted(present))]
    unknown = sorted(present - set(ordered))
    if unknown:
        raise InputError(
            f"column {name!r}", f"level {unknown[0]!r} is not one of {ordered}", "Name it in the plan."
        )
    return [level for level in ordered if level in present]


def _check_columns(frame: pd.DataFrame, formula: ModelFormula) -> None:
    where = f"table for {formula.text!r}"
    if not formula.random:
        raise InputError(where, "the formula has no random term", "Add one, such as (1 | participant).")
    for name in formula.names:
        if name not in frame:
            raise InputError(where, f"column {name!r} is missing", "Correct the formula or the table.")
        if frame[name].isna().any():
            row = frame.index[frame[name].isna()][0]
            raise InputError(
                where, f"row {row}, column {name!r} has no value", "Leave such rows out, and count them."
            )
    if not pd.api.types.is_numeric_dtype(frame[formula.response]):
        raise InputError(where, f"the response {formula.response!r} is not numeric", "Correct the table.")


def _outer(formula: ModelFormula) -> str:
    for name in formula.random[0]:
        if all(name in term for term in formula.random):
            return name
    raise InputError(
        f"formula {formula.text!r}",
        "the random terms share no grouping factor (crossed random terms are not fitted)",
        "Nest them, as in (1 | participant) + (1 | participant:unit).",
    )


def _codes(frame: pd.DataFrame, term: tuple[str, ...]) -> np.ndarray:
    return frame.groupby(list(term), sort=True, observed=True).ngroup().to_numpy()


def _estimable_terms(fixed: np.ndarray, groups: dict[str, np.ndarray]) -> tuple[list[str], dict[str, str]]:
    """Keep the random terms whose variances REML can tell apart.

    REML sees the data only through the projection P off the fixed part, so variance components are
    identifiable when the matrices P G P (G = Z Z' of each term, and I of the residual) are linearly
    independent (Rao & Kleffe 1988, Estimation of Variance Components, section 4.2).
    """
    projector = np.eye(len(fixed)) - fixed @ np.linalg.pinv(fixed)
    vectors, estimable, reasons = [projector.ravel() / np.linalg.norm(projector)], [], {}
    for name, codes in groups.items():
        projected = projector @ indicator(codes)
        covariance = (projected @ projected.T).ravel()
        norm = np.linalg.norm(covariance)
        if norm < _TOLERANCE * len(codes):
            reasons[name] = "the fixed part already has one parameter for each of its levels"
            continue
        rest = covariance / norm
        for _ in range(2):
            for vector in vectors:
                rest = rest - vector * (vector @ rest)
        if np.linalg.norm(rest) < 1e-6:
            reasons[name] = "it cannot be told apart from the residual or from the terms before it"
            continue
        vectors.append(rest / np.linalg.norm(rest))
        estimable.append(name)
    return estimable, reasons
