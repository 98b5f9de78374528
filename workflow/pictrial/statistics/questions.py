"""What an analysis of the plan is asked, and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.trial.plan import Analysis


@dataclass(frozen=True)
class Question:
    """One analysis of the plan, and the data it is asked of.

    Attributes
    ----------
    analysis : Analysis
    rows : DataFrame
        Schema ``outcomes``: the rows of its outcome and population that have a value.
    conditions : list of str
        In order, the reference first.
    pairs : list of tuple of str
        The contrasts asked for: (condition, minus condition).
    seed : int
        Of the run.
    lost : DataFrame
        Schema ``outcomes``: the rows of its outcome without a value.
    """

    analysis: Analysis
    rows: pd.DataFrame
    conditions: list[str]
    pairs: list[tuple[str, str]]
    seed: int
    lost: pd.DataFrame


@dataclass(frozen=True)
class ResultTable:
    """Numbers of one kind.

    Attributes
    ----------
    kind : str
        What its rows are: contrast, mean, component, model, or what the method names.
    table : DataFrame
        Columns `level`, for a contrast also `minus`, `warning`, and a column per statistic. `detail`, where
        there is one, tells several rows of one level or contrast apart.
    method : str
    df_method : str, optional
    both_conditions : bool
        Whether only participants with both conditions of a contrast are behind its numbers.
    covariance : ndarray, shape (rows, rows), optional
        Of the estimates, up to a factor; for adjustments that need it.
    n_means : int
        How many means the contrasts compare; for adjustments that need it.
    """

    kind: str
    table: pd.DataFrame
    method: str
    df_method: str | None = None
    both_conditions: bool = False
    covariance: np.ndarray | None = None
    n_means: int = 0


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes
    ----------
    tables : list of ResultTable
    record : dict
        What a reader needs to judge or repeat it, ready for JSON.
    """

    tables: list[ResultTable]
    record: dict = field(default_factory=dict)


def blank_contrasts(pairs: Sequence[tuple[str, str]], statistics: Sequence[str], why: str) -> pd.DataFrame:
    """Return a table of contrasts without values, each with the reason."""
    return pd.DataFrame(list(pairs), columns=["level", "minus"]).assign(
        **dict.fromkeys(statistics, np.nan), warning=why
    )


def blank_levels(levels: Sequence[str], statistics: Sequence[str], why: str) -> pd.DataFrame:
    """Return a table of levels without values, each with the reason."""
    return pd.DataFrame({"level": list(levels)}).assign(**dict.fromkeys(statistics, np.nan), warning=why)
