"""Methods of the plan for ordinal scores, parallel groups and agreement between outcomes."""

import numpy as np
import pandas as pd

from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.baseline_adjusted import baseline_adjusted as covariance_adjusted
from pictrial.statistics.cumulative_link import (
    fit_cumulative_link,
    likelihood_ratio_test,
    odds_ratio_contrasts,
)
from pictrial.statistics.questions import Answer, Question, ResultTable
from pictrial.statistics.reliability import limits_of_agreement, retest_reliability
from pictrial.statistics.reliability import repeated_measures_correlation as within_participants
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
        [
            ResultTable("contrast", table, method, "asymptotic"),
            ResultTable("term", whole, f"{method}: likelihood ratio", "difference in parameters"),
        ],
        record,
    )


def stratified_rank(question: Question) -> Answer:
    """Compare parallel groups by ranks within the strata of the design."""
    arms = question.rows[question.rows["condition"].isin({name for pair in question.pairs for name in pair})]
    means = arms.groupby(["participant", "condition"], as_index=False)["value"].mean()
    table = stratified_rank_contrasts(means, question.pairs)
    method = "van Elteren's test, one stratum; win probability (Brunner-Munzel)"
    behind = [arms[arms["condition"].isin(pair)] for pair in question.pairs]
    return Answer([ResultTable("contrast", table, method, behind=behind)])


def baseline_adjusted(question: Question) -> Answer:
    """Compare parallel groups, adjusted for what was measured before they parted."""
    baseline = str(question.analysis.baseline)
    found = covariance_adjusted(question.rows, baseline, question.pairs)
    arms = {arm: question.with_conditions([baseline, arm]) for arm in question.conditions}
    of_means = [arms[level] for level in found.means["level"]]
    of_contrasts = [pd.concat([arms[level], arms[minus]]) for level, minus in question.pairs]
    means, contrasts = (table.drop(columns="n_participants") for table in (found.means, found.contrasts))
    return Answer(
        [
            ResultTable("mean", means, _ANCOVA, "residual", of_means),
            ResultTable("contrast", contrasts, _ANCOVA, "residual", of_contrasts),
        ],
        {
            "baseline_slope": None if np.isnan(found.baseline_slope) else found.baseline_slope,
            "participants_left_out": found.n_left_out,
        },
    )


def reliability(question: Question) -> Answer:
    """Say how well a value repeats between sessions, whatever their condition."""
    rows = question.rows
    means = rows.groupby(_KEY, as_index=False)["value"].mean()
    table = pd.DataFrame([{"level": ALL, **retest_reliability(means)}])
    method = "ICC(A,1) of participants' means over sessions (pingouin.intraclass_corr)"
    complete = rows.groupby("participant")["session"].transform("nunique") == rows["session"].nunique()
    table = table.drop(columns=["n_participants", "n_occasions"])
    return Answer([ResultTable("reliability", table, method, behind=[rows[complete]])])


def correlation(question: Question) -> Answer:
    """Correlate two outcomes within participants, over their sessions."""
    both = _both_outcomes(question)
    # One session tells nothing about a slope within its participant.
    both = both[both.groupby("participant")["session"].transform("size") > 1]
    method = "repeated-measures correlation of participants' means (pingouin.rm_corr)"
    return _of_pairs(question, "correlation", both, within_participants(both), method)


def agreement(question: Question) -> Answer:
    """Give the limits between which two outcomes in one unit differ."""
    both = _both_outcomes(question)
    method = "limits of agreement of participants' means, outcome minus the other (Zou 2013)"
    return _of_pairs(question, "agreement", both, limits_of_agreement(both), method)


def _both_outcomes(question: Question) -> pd.DataFrame:
    """Return participants' means of both outcomes, x and y, in the sessions that have both."""
    x, y = (rows.groupby(_KEY)["value"].mean() for rows in (question.rows, question.other))
    return pd.concat([x.rename("x"), y.rename("y")], axis=1, join="inner").reset_index()


def _of_pairs(question: Question, kind: str, both: pd.DataFrame, found: dict, method: str) -> Answer:
    table = pd.DataFrame([{"level": str(question.analysis.other), **found}])
    table = table.drop(columns=["n_participants", "n_observations"])
    behind = [question.rows.merge(both[_KEY], on=_KEY)]
    df_name = "sessions - participants - 1" if "df" in table else None
    return Answer([ResultTable(kind, table, method, df_name, behind)])
