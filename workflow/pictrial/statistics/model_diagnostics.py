"""All that the page of diagnostics of a planned mixed model shows."""

from dataclasses import dataclass

import pandas as pd

from pictrial.statistics.diagnostics import observation_diagnostics, random_effect_diagnostics
from pictrial.statistics.influence import participant_influence
from pictrial.statistics.mixed_model_analysis import fit_as_planned
from pictrial.statistics.questions import Question


@dataclass(frozen=True)
class ModelDiagnostics:
    """Tables of one fit.

    Attributes
    ----------
    observations : DataFrame
        Of `observation_diagnostics`.
    random_effects : DataFrame
        Of `random_effect_diagnostics`.
    whole, without : DataFrame
        Planned contrasts of all participants, and without each of them (`participant_influence`).
    """

    observations: pd.DataFrame
    random_effects: pd.DataFrame
    whole: pd.DataFrame
    without: pd.DataFrame

    @property
    def tables(self) -> tuple[pd.DataFrame, ...]:
        """All of them, in the order above."""
        return self.observations, self.random_effects, self.whole, self.without


def diagnose(question: Question) -> ModelDiagnostics:
    """Fit the model of an analysis and look at what it leaves.

    Raises
    ------
    NotEstimable
        Where it cannot be fitted.
    """
    planned = fit_as_planned(question)
    influence = participant_influence(
        planned.frame,
        question.formula,
        question.levels,
        question.pairs,
        question.df_method,
        planned.weights,
        question.variances,
    )
    return ModelDiagnostics(
        observation_diagnostics(planned.model, planned.frame),
        random_effect_diagnostics(planned.model),
        influence.whole,
        influence.contrasts,
    )
