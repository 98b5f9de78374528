"""Methods of the plan for ordinal scores, parallel groups and agreement between outcomes."""

import pandas as pd

from pictrial.statistics.baseline_adjusted import baseline_adjusted as covariance_adjusted
from pictrial.statistics.cumulative_link import (
    fit_cumulative_link,
    likelihood_ratio_test,
    odds_ratio_contrasts,
)
from pictrial.statistics.questions import Answer, Question, ResultTable
from pictrial.statistics.reliability import repeated_measures_correlation as within_participants
from pictrial.statistics.reliability import retest_reliability
from pictrial.statistics.stratified_rank import stratified_rank_contrasts

_ANCOVA = "analysis of covariance of participants' means (statsmodels OLS); robust: HC3"
_KEY = ["participant", "session"]


def cumulative_link(question: Question) -> Answer:
    """Compare ordinal scores by the odds of a higher one."""
    question.means()
    model = fit_cumulative_link(question.frame, question.formula, question.levels)
    table = odds_ratio_contrasts(model, question.pairs)
    test = likelihood_ratio_test(question.frame, question.formula, question.levels)
    whole = pd.DataFrame([test]).rename(columns={"term": "level"})
    method = "cumulative logit mixed model, maximum likelihood (adaptive quadrature)"
    record = {"formula": question.formula, "log_likelihood": model.log_likelihood, "warnings": model.warnings}
    return Answer(
        [ResultTable("contrast", table, method, "asymptotic"), ResultTable("term", whole, method)], record
    )


def stratified_rank(question: Question) -> Answer:
    """Compare parallel groups by ranks within the strata of the design."""
    means = question.rows.groupby(["participant", "condition"], as_index=False)["value"].mean()
    table = stratified_rank_contrasts(means, question.pairs)
    method = "van Elteren's test; win probability (Brunner-Munzel)"
    return Answer([ResultTable("contrast", table, method)])


def baseline_adjusted(question: Question) -> Answer:
    """Compare parallel groups, adjusted for what was measured before they parted."""
    found = covariance_adjusted(question.rows, str(question.analysis.baseline), question.pairs)
    df_name = "residual"
    return Answer(
        [
            ResultTable("mean", found.means.drop(columns="n_participants"), _ANCOVA, df_name),
            ResultTable("contrast", found.contrasts.drop(columns="n_participants"), _ANCOVA, df_name),
        ],
        {"baseline_slope": found.baseline_slope, "participants_left_out": found.n_left_out},
    )


def reliability(question: Question) -> Answer:
    """Say how well a value repeats between sessions, whatever their condition."""
    means = question.rows.groupby(_KEY, as_index=False)["value"].mean()
    table = pd.DataFrame([{"level": "all", **retest_reliability(means)}])
    method = "ICC(A,1) of participants' means over sessions (pingouin.intraclass_corr)"
    return Answer([ResultTable("reliability", table.drop(columns=["n_participants", "n_occasions"]), method)])


def correlation(question: Question) -> Answer:
    """Correlate two outcomes within participants, over their sessions."""
    x, y = (rows.groupby(_KEY)["value"].mean() for rows in (question.rows, question.other))
    both = pd.concat([x.rename("x"), y.rename("y")], axis=1).reset_index()
    table = pd.DataFrame([{"level": str(question.analysis.other), **within_participants(both)}])
    method = "repeated-measures correlation of participants' means (pingouin.rm_corr)"
    return Answer(
        [ResultTable("correlation", table.drop(columns=["n_participants", "n_observations"]), method)]
    )
