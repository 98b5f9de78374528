"""What an analysis of the plan is asked, and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.statistics.fitted_model import FittedModel, fit_model, model_frame
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.paired import no_comparison, participant_means
from pictrial.statistics.unconstrained_variances import NONNEGATIVE
from pictrial.trial.planned_analyses import Analysis


@dataclass(frozen=True)
class Question:
    """One analysis of the plan, and the data it is asked of.

    Attributes
    ----------
    analysis : Analysis
    rows : DataFrame
        Schema ``outcomes``: the rows of its experiment, outcome and population that have a value.
    conditions : list of str
        Those of its experiment in order, the reference first.
    pairs : list of tuple of str
        The contrasts asked for: (condition, minus condition).
    seed : int
        Of the run.
    lost : DataFrame
        Schema ``outcomes``: the rows of its experiment, outcome and population without a value.
    other : DataFrame
        As `rows`, of the second outcome of a correlation; empty where the analysis has none.
    """

    analysis: Analysis
    rows: pd.DataFrame
    conditions: list[str]
    pairs: list[tuple[str, str]]
    seed: int
    lost: pd.DataFrame
    other: pd.DataFrame

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a formula names them."""
        return model_frame(self.rows)

    @property
    def levels(self) -> dict[str, list[str]]:
        """The factor whose levels have an order of their own."""
        return {"condition": self.conditions}

    @property
    def formula(self) -> str:
        """The model's formula."""
        return str(self.analysis.formula)

    @property
    def df_method(self) -> str:
        """How standard errors and degrees of freedom of contrasts are had."""
        return str(self.analysis.df_method)

    @property
    def variances(self) -> str:
        """Whether variances may be estimated below zero."""
        return self.analysis.variances or NONNEGATIVE

    def with_conditions(self, conditions: Sequence[str]) -> pd.DataFrame:
        """Return the rows in `conditions` of the participants who have all of them."""
        at = self.rows[self.rows["condition"].isin(conditions)]
        return at[at.groupby("participant")["condition"].transform("nunique") == len(conditions)]

    def behind_pairs(self) -> list[pd.DataFrame]:
        """Return for each contrast the rows of the participants who have both its conditions."""
        return [self.with_conditions(pair) for pair in self.pairs]

    def means(self) -> pd.DataFrame:
        """Return participants' means, shape (participants, conditions).

        Raises
        ------
        NotEstimable
            Where conditions cannot be compared at all.
        """
        means = participant_means(self.rows, self.conditions)
        if why := no_comparison(means):
            raise NotEstimable(why)
        return means

    def fitted(self) -> FittedModel:
        """Fit the model of the analysis to its rows.

        Raises
        ------
        NotEstimable
            Where there is nothing to compare, or the data are too few for the model.
        """
        self.means()
        return fit_model(self.frame, self.formula, self.levels, variances=self.variances)


@dataclass(frozen=True)
class ResultTable:
    """Numbers of one kind.

    Attributes
    ----------
    kind : str
        What its rows are: contrast, mean, component, term, model, or what the method names.
    table : DataFrame
        Columns `level`, for a contrast also `minus`, `warning`, and a column per statistic. `detail`, where
        there is one, tells several rows of one level or contrast apart.
    method : str
    df_method : str, optional
    behind : list of DataFrame, optional
        For each row of the table, the outcome rows that its numbers come from; without it, all of them.
    covariance : ndarray, shape (rows, rows), optional
        Of the estimates, up to a factor; for adjustments that need it.
    n_means : int
        How many means the contrasts compare; for adjustments that need it.
    """

    kind: str
    table: pd.DataFrame
    method: str
    df_method: str | None = None
    behind: list[pd.DataFrame] | None = None
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
