"""The arrays of a linear mixed model: what the formula and the table come down to."""

from dataclasses import dataclass

import numpy as np


class NotEstimable(Exception):
    """The data are in order but too few for the model; the text says why."""


@dataclass(frozen=True)
class RandomTerm:
    """One random term of a formula, `(columns | group)`.

    Attributes
    ----------
    group : str
        Grouping factor as the formula names it, such as "participant:unit".
    columns : tuple of str
        Names of the effects that vary between levels, such as ("(Intercept)", "conditionRI").
    design : ndarray, shape (observations, columns)
        Their values in every observation.
    codes : ndarray of int, shape (observations,)
        Level of the group that each observation belongs to, counted from 0.
    level_names : tuple of str
        Names of the levels, in the order of the codes.
    """

    group: str
    columns: tuple[str, ...]
    design: np.ndarray
    codes: np.ndarray
    level_names: tuple[str, ...]

    @property
    def n_levels(self) -> int:
        """Number of levels of the group."""
        return len(self.level_names)


@dataclass(frozen=True)
class ModelMatrices:
    """Response, fixed part and random terms of a linear mixed model.

    Attributes
    ----------
    response : ndarray, shape (observations,)
    fixed : ndarray, shape (observations, columns)
        Model matrix of the fixed effects, of full column rank.
    columns : tuple of str
        Names of its columns, as R names them.
    random : tuple of RandomTerm
        Ordered as lme4 orders them: by decreasing number of levels.
    weights : ndarray, shape (observations,), or None
        Prior weights, as lme4's `weights`: the residual variance of an observation is sigma^2 / weight.
    """

    response: np.ndarray
    fixed: np.ndarray
    columns: tuple[str, ...]
    random: tuple[RandomTerm, ...]
    weights: np.ndarray | None = None
