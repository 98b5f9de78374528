"""Methods of the plan that compare participants' means: one number per participant and condition."""

import pandas as pd

from pictrial.statistics.effect_sizes import participant_effect_sizes
from pictrial.statistics.floor_share import METHOD as SHARE_METHOD
from pictrial.statistics.floor_share import condition_shares, events_at_floor, share_contrasts
from pictrial.statistics.label_permutation import permutation_contrasts, permutation_omnibus
from pictrial.statistics.paired import METHOD as PAIRED_METHOD
from pictrial.statistics.paired import paired_comparison, participant_means
from pictrial.statistics.questions import Answer, Question, ResultTable
from pictrial.statistics.rank_comparison import friedman_test, rank_contrasts
from pictrial.statistics.stratified_rank import win_probability_contrasts

_PERMUTED = "permutation of conditions within participants"
_RANKS = "Wilcoxon's signed-rank test, exact; Hodges-Lehmann shift"
_FRIEDMAN = "Friedman's test, permutation of ranks within participants"
_WINS = "exact sign test; win probability with Tango's interval"


def paired(question: Question) -> Answer:
    """Compare participants' means in pairs by Student's t."""
    means, behind = participant_means(question.rows, question.conditions), question.behind_pairs()
    table = pd.DataFrame([paired_comparison(means, *pair) for pair in question.pairs])
    # The effect sizes come with their intervals, in a table of their own.
    table = table.drop(columns=["n_participants", "cohen_d_z", "hedges_g_av"])
    sizes = participant_effect_sizes(means, question.pairs)
    return Answer(
        [
            ResultTable("contrast", table, PAIRED_METHOD, "n - 1", behind),
            ResultTable("contrast", sizes, PAIRED_METHOD, "n - 1", behind),
        ]
    )


def label_permutation(question: Question) -> Answer:
    """Permute the conditions within participants."""
    means = question.means()
    table = permutation_contrasts(means, question.pairs, question.seed)
    whole = _one_row(permutation_omnibus(means, question.seed), "condition")
    dropped = ["n_participants", "method"]
    rows = question.rows
    several = rows.groupby("participant")["condition"].transform("nunique") > 1
    return Answer(
        [
            ResultTable("contrast", table.drop(columns=dropped), _PERMUTED, behind=question.behind_pairs()),
            ResultTable("term", whole.drop(columns=dropped), _PERMUTED, behind=[rows[several]]),
        ]
    )


def rank_comparison(question: Question) -> Answer:
    """Compare participants' means by the ranks of their differences."""
    means = question.means()
    table = rank_contrasts(means, question.pairs).drop(columns="n_participants")
    whole = _one_row(friedman_test(means, question.seed), "condition")
    whole = whole.drop(columns=["n_participants", "n_conditions"])
    complete = question.with_conditions(question.conditions)
    return Answer(
        [
            ResultTable("contrast", table, _RANKS, behind=question.behind_pairs()),
            ResultTable("term", whole, _FRIEDMAN, "conditions - 1", [complete]),
        ]
    )


def share(question: Question) -> Answer:
    """Compare the shares of participants with an event, or at the floor where the analysis names one."""
    means, floor = question.means(), question.analysis.floor
    events = means if floor is None else events_at_floor(means, floor)
    levels = condition_shares(events).drop(columns="n_participants")
    table = share_contrasts(events, question.pairs).drop(columns="n_participants")
    record = {} if floor is None else {"floor": floor}
    of_levels = [question.with_conditions([level]) for level in levels["level"]]
    return Answer(
        [
            ResultTable("mean", levels, "share, Clopper-Pearson interval", behind=of_levels),
            ResultTable("contrast", table, SHARE_METHOD, behind=question.behind_pairs()),
        ],
        record,
    )


def win_probability(question: Question) -> Answer:
    """Compare the order of participants' scores: who scores higher in which condition."""
    table = win_probability_contrasts(question.means(), question.pairs).drop(columns="n_participants")
    return Answer([ResultTable("contrast", table, _WINS, behind=question.behind_pairs())])


def _one_row(test: dict, level: str) -> pd.DataFrame:
    return pd.DataFrame([{"level": level, **test}])
