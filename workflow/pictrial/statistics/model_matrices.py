"""From a table and a formula to the matrices of a linear mixed model, coded as R and lme4 code them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable, RandomTerm
from pictrial.statistics.model_formula import (
    GroupedTerms,
    LinearModelFormula,
    Term,
    TermSet,
    parse_model_formula,
    term_name,
)

INTERCEPT = "(Intercept)"
# R's `qr`: a column is aliased when less than this part of it is new.
_ALIASED = 1e-7
_ALIASED_SQUARE = 1e-12  # of what is left when squares are subtracted
_ABSORBED = "the fixed part already has one parameter for each of its levels"


@dataclass(frozen=True)
class CodedTerms:
    """Columns made of terms.

    Attributes
    ----------
    matrix : ndarray, shape (rows, columns)
    columns : list of str
        As R names them: ``conditionRI:sexM``.
    terms : list of str
        Term of each column.
    """

    matrix: np.ndarray
    columns: list[str]
    terms: list[str]


@dataclass(frozen=True)
class ModelDesign:
    """A formula and a table turned into arrays.

    Attributes
    ----------
    formula : LinearModelFormula
    matrices : ModelMatrices
        What the fit needs; aliased columns are left out of its fixed part.
    levels : dict of str to list of str
        Levels of every factor among the effects; the first is the reference.
    covariates : dict of str to float
        The value of every numeric effect at which marginal means are taken: its mean; of a covariate
        with two values only their midpoint, as emmeans takes it.
    terms : list of str
        Term of each column of ``matrices.fixed``.
    complete : CodedTerms
        The fixed part, aliased columns included.
    every_level : CodedTerms
        The fixed part with a column for every level of every factor.
    kept : ndarray of bool, shape (columns of `complete`,)
    absorbed : dict of str to str
        Groups of the random terms that are left out, because the fixed effects have a parameter for each of
        their levels already, with that reason. Contrasts within those levels do not need them.
    """

    formula: LinearModelFormula
    matrices: ModelMatrices
    levels: dict[str, list[str]]
    covariates: dict[str, float]
    terms: list[str]
    complete: CodedTerms
    every_level: CodedTerms
    kept: np.ndarray
    absorbed: dict[str, str]

    @property
    def fitted_formula(self) -> str:
        """The formula without the random terms that are left out."""
        return self.formula.without(list(self.absorbed))

    @property
    def dropped(self) -> list[str]:
        """Names of the aliased columns."""
        return [name for name, keep in zip(self.complete.columns, self.kept, strict=True) if not keep]


def build_model(
    frame: pd.DataFrame, formula: str | LinearModelFormula, levels: Mapping[str, Sequence[str]]
) -> ModelDesign:
    """Build the matrices of `formula` from `frame`.

    Parameters
    ----------
    frame : DataFrame
        One row per observation.
    formula : str or LinearModelFormula
    levels : mapping of str to sequence of str
        Columns that are factors with an order of their own, reference first; levels that do not occur
        are left out. Any other column of text is a factor with sorted levels, a numeric one a covariate.

    Raises
    ------
    InputError
        Where a column or a value is missing, or a level is not in `levels`.
    NotEstimable
        Where the fixed effects have a parameter already for everything the random terms could tell, or a
        factor has one level.
    """
    formula = parse_model_formula(formula) if isinstance(formula, str) else formula
    _check_values(frame, formula)
    factors = {
        name: _levels(frame[name], name, levels)
        for name in formula.effect_names
        if name in levels or not _is_covariate(frame[name])
    }
    covariates = {name: _reference_value(frame[name]) for name in formula.effect_names if name not in factors}
    fixed = code_terms(frame, formula.fixed, factors)
    kept = independent_columns(fixed.matrix)
    terms = [_random_term(frame, part, factors) for part in formula.random]
    basis = np.linalg.qr(fixed.matrix[:, kept])[0]
    fixed_already = [_is_fixed(term, basis) for term in terms]
    random = [term for term, is_fixed in zip(terms, fixed_already, strict=True) if not is_fixed]
    absorbed = {t.group: _ABSORBED for t, is_fixed in zip(terms, fixed_already, strict=True) if is_fixed}
    if not random:
        raise NotEstimable(f"no variance can be estimated ({', '.join(absorbed)}: {_ABSORBED})")
    return ModelDesign(
        formula=formula,
        matrices=ModelMatrices(
            response=frame[formula.response].to_numpy(float),
            fixed=fixed.matrix[:, kept],
            columns=tuple(np.array(fixed.columns)[kept].tolist()),
            random=tuple(_as_lme4_orders(random)),
        ),
        levels=factors,
        covariates=covariates,
        terms=np.array(fixed.terms)[kept].tolist(),
        complete=fixed,
        every_level=code_terms(frame, formula.fixed, factors, every_level=True),
        kept=kept,
        absorbed=absorbed,
    )


def code_terms(
    frame: pd.DataFrame, terms: TermSet, factors: Mapping[str, Sequence[str]], every_level: bool = False
) -> CodedTerms:
    """Code `terms` for the rows of `frame`, as R's `model.matrix` does with treatment contrasts.

    A factor in a term has a column per level but the first where the term without it is in the model
    too, and a column per level else (Chambers & Hastie 1992, Statistical Models in S, section 2.4.1).

    Parameters
    ----------
    frame : DataFrame
    terms : TermSet
    factors : mapping of str to sequence of str
        Levels of the factors; every other name is a covariate.
    every_level : bool
        Give every factor a column per level, wherever it stands.
    """
    blocks = [np.ones(len(frame))] if terms.intercept else []
    names, of_term = [INTERCEPT] * terms.intercept, [INTERCEPT] * terms.intercept
    present = {frozenset(term) for term in terms.terms}
    if terms.intercept:
        present.add(frozenset())
    for term in terms.terms:
        coded = []
        for name in term:
            rest = frozenset(term) - {name}
            reduced = rest in present and not every_level
            coded.append(_columns(frame[name], name, factors.get(name), reduced))
        if len(term) == 1 and term[0] in factors:
            # Without an intercept, the first factor takes its place.
            present.add(frozenset())
        # R varies the first factor of a term fastest.
        for parts in product(*reversed(coded)):
            names.append(term_name(tuple(name for name, _ in reversed(parts))))
            blocks.append(np.prod([values for _, values in reversed(parts)], axis=0))
            of_term.append(term_name(term))
    return CodedTerms(np.column_stack(blocks), names, of_term)


def independent_columns(matrix: np.ndarray) -> np.ndarray:
    """Mark the columns that are not linear combinations of those before them, as R keeps them."""
    basis: list[np.ndarray] = []
    kept = np.zeros(matrix.shape[1], bool)
    for index, column in enumerate(matrix.T):
        rest = column.astype(float)
        for _ in range(2):  # once more, because one pass of Gram-Schmidt loses digits
            for direction in basis:
                rest = rest - direction * (direction @ rest)
        norm = float(np.linalg.norm(rest))
        if norm > _ALIASED * float(np.linalg.norm(column)):
            basis.append(rest / norm)
            kept[index] = True
    return kept


def _columns(
    values: pd.Series, name: str, levels: Sequence[str] | None, reduced: bool
) -> list[tuple[str, np.ndarray]]:
    if levels is None:
        return [(name, values.to_numpy(float))]
    text = _as_text(values)
    return [(f"{name}{level}", (text == level).astype(float)) for level in levels[reduced:]]


def _random_term(frame: pd.DataFrame, part: GroupedTerms, factors: Mapping[str, Sequence[str]]) -> RandomTerm:
    name = term_name(part.group)
    effects = code_terms(frame, part.effects, factors)
    codes, level_names = _codes(frame, part.group)
    return RandomTerm(name, tuple(effects.columns), effects.matrix, codes, tuple(level_names))


def _is_fixed(term: RandomTerm, basis: np.ndarray) -> bool:
    """Whether the effects of `term` lie in the space of the orthonormal columns of `basis`."""
    for values in term.design.T:
        seen = [np.bincount(term.codes, column * values, term.n_levels) for column in basis.T]
        whole = values @ values
        if whole - np.sum(np.square(seen)) > _ALIASED_SQUARE * whole:
            return False
    return True


def _as_lme4_orders(random: list[RandomTerm]) -> list[RandomTerm]:
    """Sort by decreasing number of levels; lme4 reverses equal ones when it has to sort at all."""
    counts = [len(term.level_names) for term in random]
    if all(after <= before for before, after in pairwise(counts)):
        return random
    return [random[index] for index in np.argsort(counts, kind="stable")[::-1]]


def _codes(frame: pd.DataFrame, group: Term) -> tuple[np.ndarray, list[str]]:
    codes = frame.groupby(list(group), sort=True, observed=True).ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    columns = [_as_text(frame[name].iloc[first]) for name in group]
    return codes, [":".join(parts) for parts in zip(*columns, strict=True)]


def _is_covariate(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _as_text(values: pd.Series) -> np.ndarray:
    if _is_covariate(values):
        return np.array([format(value, ".15g") for value in values])
    return values.astype(str).to_numpy(str)


def _reference_value(values: pd.Series) -> float:
    distinct = values.unique()
    return float(distinct.mean() if len(distinct) == 2 else values.mean())


def _levels(values: pd.Series, name: str, levels: Mapping[str, Sequence[str]]) -> list[str]:
    present = set(_as_text(values).tolist())
    ordered = [str(level) for level in levels.get(name, sorted(present))]
    unknown = sorted(present - set(ordered))
    if unknown:
        raise InputError(
            f"column {name!r}", f"level {unknown[0]!r} is not one of {ordered}", "Name every level."
        )
    ordered = [level for level in dict.fromkeys(ordered) if level in present]
    if len(ordered) < 2:
        raise NotEstimable(f"column {name!r}: only the level {ordered[0]!r} occurs")
    return ordered


def _check_values(frame: pd.DataFrame, formula: LinearModelFormula) -> None:
    where = f"table for {formula.text!r}"
    if frame.empty:
        raise InputError(where, "it has no row", "Give one row per observation.")
    for name in formula.names:
        if name not in frame:
            raise InputError(where, f"column {name!r} is missing", "Correct the formula or the table.")
        missing = frame[name].isna().to_numpy()
        if _is_covariate(frame[name]):
            missing = ~np.isfinite(frame[name].to_numpy(float, na_value=np.nan))
        if missing.any():
            row = frame.index[missing][0]
            raise InputError(
                where, f"row {row}, column {name!r} has no value", "Leave such rows out, and count them."
            )
    if not _is_covariate(frame[formula.response]):
        raise InputError(where, f"the response {formula.response!r} is not numeric", "Correct the table.")
