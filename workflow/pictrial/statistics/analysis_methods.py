"""The methods that an analysis of the plan may name."""

from collections.abc import Callable

import pandas as pd

from pictrial.statistics.mixed_model_analysis import mixed_model
from pictrial.statistics.paired import METHOD as PAIRED_METHOD
from pictrial.statistics.paired import paired_comparison, participant_means
from pictrial.statistics.questions import Answer, Question, ResultTable


def participants_in_pairs(question: Question) -> Answer:
    """Compare participants' means in pairs."""
    means = participant_means(question.rows, question.conditions)
    table = pd.DataFrame([paired_comparison(means, *pair) for pair in question.pairs])
    table = table.drop(columns="n_participants")
    return Answer([ResultTable("contrast", table, PAIRED_METHOD, "n - 1", both_conditions=True)])


METHODS: dict[str, Callable[[Question], Answer]] = {
    "mixed_model": mixed_model,
    "paired_comparison": participants_in_pairs,
}
