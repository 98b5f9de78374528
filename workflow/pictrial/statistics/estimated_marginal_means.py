"""Estimated marginal means of a linear mixed model and contrasts of them, as rows of coefficients.

A marginal mean is l'b averaged with equal weights over the levels of the other factors, covariates at
their reference values (Searle, Speed & Milliken 1980, Am Stat 34:216; Lenth's emmeans for the layout).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, product

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.model_formula import Term
from pictrial.statistics.model_matrices import ModelDesign, code_terms

_REMEDY = "Write marginal means such as '~ condition' or '~ condition | sex'."


@dataclass(frozen=True)
class MarginalSpecification:
    """What to average: ``~ factors | by``.

    Attributes
    ----------
    factors : tuple of str
        Their combinations each have a mean.
    by : tuple of str
        Means are compared within each combination of these only.
    """

    factors: Term
    by: Term


@dataclass(frozen=True)
class LinearFunctions:
    """Rows l of marginal means, or of contrasts of them.

    Attributes
    ----------
    design : ModelDesign
    labels : list of str
        ``control`` or ``control - RI``.
    groups : list of str
        Combination of the by-factors that each row belongs to, "" without by-factors.
    complete : ndarray, shape (rows, all columns)
        In the coding with aliased columns.
    n_means : int
        How many means each group has.
    """

    design: ModelDesign
    labels: list[str]
    groups: list[str]
    complete: np.ndarray
    n_means: int

    @property
    def rows(self) -> np.ndarray:
        """The rows of the coefficients that are fitted, shape (rows, columns)."""
        return self.complete[:, self.design.kept]

    @cached_property
    def estimable(self) -> np.ndarray:
        """Whether the data tell l'b: whether l is a combination of the rows of X. Shape (rows,)."""
        if self.design.kept.all():
            return np.ones(len(self.labels), bool)
        x = self.design.complete.matrix
        seen = self.complete @ np.linalg.pinv(x) @ x
        return np.isclose(seen, self.complete, atol=1e-6).all(axis=1)

    def families(self) -> list[np.ndarray]:
        """Return the indices of the rows of each group: a family for the adjustment of P."""
        groups = np.array(self.groups)
        return [np.flatnonzero(groups == group) for group in dict.fromkeys(self.groups)]


def parse_marginal_specification(text: str) -> MarginalSpecification:
    """Parse ``~ a * b | c``; names may be joined by ``*``, ``+`` or ``:``."""
    empty, tilde, right = text.partition("~")
    left, bar, by = right.partition("|")
    sides = [[name.strip() for name in re.split(r"[*+:]", side)] for side in ([left, by] if bar else [left])]
    names = [name for side in sides for name in side]
    if empty.strip() or not tilde or not all(re.fullmatch(r"[A-Za-z_][\w.]*", name) for name in names):
        raise InputError(f"marginal means {text!r}", "it must be '~', factors and perhaps '| by'", _REMEDY)
    if len(set(names)) < len(names):
        raise InputError(f"marginal means {text!r}", "a factor is named twice", _REMEDY)
    return MarginalSpecification(tuple(sides[0]), tuple(sides[1]) if bar else ())


def marginal_means(design: ModelDesign, specification: str | MarginalSpecification) -> LinearFunctions:
    """Return the rows of the marginal means, by-groups one after the other.

    Raises
    ------
    InputError
        Where a name is not a factor among the fixed effects.
    """
    if isinstance(specification, str):
        specification = parse_marginal_specification(specification)
    fixed = {name for term in design.formula.fixed.terms for name in term}
    levels = {name: values for name, values in design.levels.items() if name in fixed}
    for name in (*specification.factors, *specification.by):
        if name not in levels:
            raise InputError(
                f"marginal means of {name!r}",
                f"it is not one of the factors among the fixed effects ({', '.join(levels) or 'none'})",
                "Correct the name, or list its levels to make a column of numbers a factor.",
            )
    groups = _combinations(levels, specification.by)
    cells = _combinations(levels, specification.factors)
    others = _combinations(levels, [name for name in levels if name not in {*groups[0], *cells[0]}])
    # One row of the grid per mean and combination of the other factors.
    grid = pd.DataFrame(
        [{**group, **cell, **other} for group in groups for cell in cells for other in others]
    )
    grid = grid.assign(**{name: value for name, value in design.covariates.items() if name in fixed})
    if grid.empty:
        grid = pd.DataFrame(index=[0])
    rows = code_terms(grid, design.formula.fixed, design.levels).matrix
    rows = rows.reshape(len(groups) * len(cells), len(others), -1).mean(axis=1)
    return LinearFunctions(
        design,
        labels=[" ".join(cell.values()) for _ in groups for cell in cells],
        groups=[" ".join(group.values()) for group in groups for _ in cells],
        complete=rows,
        n_means=len(cells),
    )


def pairwise(means: LinearFunctions) -> LinearFunctions:
    """Compare every two means of a group: the one named first minus the other."""
    return _within_groups(
        means,
        {
            f"{means.labels[i]} - {means.labels[j]}": _difference(means.n_means, i, j)
            for i, j in combinations(range(means.n_means), 2)
        },
    )


def against_control(means: LinearFunctions, control: str | None = None) -> LinearFunctions:
    """Compare every other mean of a group with `control` (by default the first): it minus control."""
    labels = means.labels[: means.n_means]
    reference = labels.index(_known(control or labels[0], labels))
    return _within_groups(
        means,
        {
            f"{label} - {labels[reference]}": _difference(means.n_means, i, reference)
            for i, label in enumerate(labels)
            if i != reference
        },
    )


def custom_contrasts(means: LinearFunctions, weights: Mapping[str, Mapping[str, float]]) -> LinearFunctions:
    """Combine the means of each group with given weights.

    Parameters
    ----------
    means : LinearFunctions
    weights : mapping
        For each contrast its name and the weights of the means by label, those of others being 0.

    Raises
    ------
    InputError
        Where a label is unknown or weights do not sum to 0.
    """
    labels = means.labels[: means.n_means]
    rows = {}
    for name, of_mean in weights.items():
        row = np.zeros(means.n_means)
        for label, weight in of_mean.items():
            row[labels.index(_known(label, labels))] = weight
        if abs(row.sum()) > 1e-8:
            raise InputError(f"contrast {name!r}", f"its weights sum to {row.sum():g}", "They must sum to 0.")
        rows[name] = row
    return _within_groups(means, rows)


def _within_groups(means: LinearFunctions, weights: Mapping[str, np.ndarray]) -> LinearFunctions:
    families = means.families()
    matrix = np.array(list(weights.values())).reshape(len(weights), means.n_means)
    return replace(
        means,
        labels=[name for _ in families for name in weights],
        groups=[means.groups[family[0]] for family in families for _ in weights],
        complete=np.vstack([matrix @ means.complete[family] for family in families]),
    )


def _difference(size: int, plus: int, minus: int) -> np.ndarray:
    row = np.zeros(size)
    row[plus], row[minus] = 1.0, -1.0
    return row


def _known(label: str, labels: Sequence[str]) -> str:
    if label not in labels:
        raise InputError(f"mean {label!r}", f"it is not one of {list(labels)}", "Name one of them.")
    return label


def _combinations(levels: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[dict[str, str]]:
    """Every combination of the levels of `names`, the first name varying fastest."""
    backwards = list(reversed(names))
    found = [dict(zip(backwards, cell, strict=True)) for cell in product(*(levels[n] for n in backwards))]
    return [{name: cell[name] for name in names} for cell in found]
