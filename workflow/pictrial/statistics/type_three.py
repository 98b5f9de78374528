"""What a joint test of each fixed term tests: hypotheses of type III, of type II, and of marginal means."""

from itertools import combinations, product

import numpy as np
import pandas as pd

from pictrial.statistics.model_formula import Term, term_name
from pictrial.statistics.model_matrices import ModelDesign, code_terms, independent_columns

_ZERO = 1e-8


def type_three_hypotheses(design: ModelDesign) -> dict[str, np.ndarray]:
    """Return for each fixed term the matrix L, shape (rows, columns), of its hypothesis L b = 0.

    The rows are those of lmerTest (Kuznetsova et al. 2017, J Stat Softw 82(13)), because the joint
    degrees of freedom of Satterthwaite depend on them. With one term they are the rows of the Doolittle
    factor of X'X. Else they are general estimable functions made orthogonal to the terms that contain
    the term (Goodnight 1978, SAS Technical Report R-101). A term without an estimable function is left
    out.
    """
    names = [term_name(term) for term in design.formula.fixed.terms]
    if len(names) == 1:
        rows = _doolittle(design.matrices.fixed)
        found = {names[0]: rows[[name == names[0] for name in design.terms]]}
    else:
        functions = _estimable_functions(design)
        found = {name: functions[:, [term == name for term in design.terms]].T for name in names}
    return _without_zeros(found)


def type_two_hypotheses(design: ModelDesign) -> dict[str, np.ndarray]:
    """Return for each fixed term the matrix L, shape (rows, columns), of its hypothesis of type II.

    Each term is adjusted for the terms that do not contain it. The rows are lmerTest's: the coefficients
    themselves where no other term contains the term, else those of the Doolittle factor of X'X, with the
    columns of the term and of those that contain it moved to the end.
    """
    terms = design.formula.fixed.terms
    columns = np.array(design.terms)
    found = {}
    for term in terms:
        containing = [term_name(other) for other in terms if _contains(other, term, design)]
        own = columns == term_name(term)
        if len(terms) > 1 and not containing:
            found[term_name(term)] = np.eye(len(columns))[own]
            continue
        last = np.isin(columns, [term_name(term), *containing])
        order = np.concatenate([np.flatnonzero(~last), np.flatnonzero(last)])
        rows = np.zeros((len(order), len(order)))
        rows[np.ix_(order, order)] = _doolittle(design.matrices.fixed[:, order])
        found[term_name(term)] = rows[own]
    return _without_zeros(found)


def marginal_hypotheses(design: ModelDesign) -> dict[str, np.ndarray]:
    """Return for each set of crossed fixed effects orthonormal rows L, shape (rows, columns).

    The hypothesis is that all contrasts of its marginal means are zero, those of an interaction being
    differences of differences; other factors are averaged with equal weights, covariates taken at their
    reference value. A covariate's contrast is its slope. The rows are those of emmeans' `joint_tests`,
    because its degrees of freedom depend on them: neighbouring levels are compared, and each contrast is
    made orthogonal to those before it. Only what is estimable is kept.
    """
    names = list(dict.fromkeys(name for term in design.formula.fixed.terms for name in term))
    # The first name varies fastest, so it is the last axis.
    points: dict[str, list] = {
        name: list(design.levels.get(name) or (design.covariates[name] + np.array([-1.0, 1.0])))
        for name in reversed(names)
    }
    grid = pd.DataFrame(list(product(*points.values())), columns=list(points))
    coded = code_terms(grid, design.formula.fixed, design.levels).matrix
    means = coded.reshape(*(len(values) for values in points.values()), -1)
    found = {}
    for size in range(1, len(names) + 1):
        for chosen in combinations(names, size):
            if not any(set(chosen) <= set(term) for term in design.formula.fixed.terms):
                continue
            rows = means
            for axis, name in enumerate(points):
                rows = np.diff(rows, axis=axis) if name in chosen else rows.mean(axis=axis, keepdims=True)
            found[term_name(chosen)] = _orthonormal(_estimable(rows.reshape(-1, rows.shape[-1]), design))
    return {name: rows[:, design.kept] for name, rows in found.items() if len(rows)}


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    """Make every row orthogonal to those before it; leave out those that these span."""
    rows = np.where(np.abs(rows) < _ZERO, 0.0, rows)
    rows = rows[independent_columns(rows.T) & rows.any(axis=1)]
    return np.linalg.qr(rows.T)[0].T


def _estimable(rows: np.ndarray, design: ModelDesign) -> np.ndarray:
    """Return the combinations of `rows` that the data can tell."""
    if design.kept.all():
        return rows
    x = design.complete.matrix
    unseen = rows - rows @ np.linalg.pinv(x) @ x
    left, sizes, _ = np.linalg.svd(unseen)
    rank = int((sizes > _ZERO * max(1.0, np.abs(rows).max())).sum())
    return rows if rank == 0 else left[:, rank:].T @ rows


def _doolittle(x: np.ndarray) -> np.ndarray:
    """Return the transposed lower Doolittle factor of X'X, shape (columns, columns)."""
    # X'X = R'R with R upper triangular: the factor is R with its diagonal divided out.
    triangle = np.linalg.qr(x)[1]
    return triangle / np.diag(triangle)[:, None]


def _without_zeros(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {name: rows[np.abs(rows).sum(axis=1) > _ZERO] for name, rows in found.items()}
    return {name: rows for name, rows in found.items() if len(rows)}


def _estimable_functions(design: ModelDesign) -> np.ndarray:
    """Return one estimable function of the coefficients per column of X, shape (columns, columns)."""
    every = design.every_level
    basic = np.linalg.lstsq(design.matrices.fixed, every.matrix, rcond=None)[0].T
    basic[np.abs(basic) < _ZERO] = 0.0
    terms = design.formula.fixed.terms
    for term in sorted(terms, key=len, reverse=True):
        containing = [term_name(other) for other in terms if _contains(other, term, design)]
        own = [name == term_name(term) for name in design.terms]
        if containing and any(own):
            others = basic[:, [name in containing for name in design.terms]]
            basic[:, own] -= others @ np.linalg.lstsq(others, basic[:, own], rcond=None)[0]
    basic[np.abs(basic) < _ZERO] = 0.0
    return basic[[every.columns.index(name) for name in design.matrices.columns]]


def _contains(other: Term, term: Term, design: ModelDesign) -> bool:
    """Whether `other` has the factors of `term` and more, and the same covariates."""
    covariates = [{name for name in names if name not in design.levels} for names in (other, term)]
    return set(term) < set(other) and covariates[0] == covariates[1]
