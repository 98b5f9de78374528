"""Hypotheses of type III: what a joint test of each fixed term tests."""

import numpy as np

from pictrial.statistics.model_formula import Term, term_name
from pictrial.statistics.model_matrices import ModelDesign

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
        # X'X = R'R with R upper triangular: Doolittle's factor is R with its diagonal divided out.
        triangle = np.linalg.cholesky(design.matrices.fixed.T @ design.matrices.fixed).T
        rows = triangle / np.diag(triangle)[:, None]
        found = {names[0]: rows[[name == names[0] for name in design.terms]]}
    else:
        functions = _estimable_functions(design)
        found = {name: functions[:, [term == name for term in design.terms]].T for name in names}
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
