"""The methods that an analysis of the plan may name."""

from collections.abc import Callable

from pictrial.statistics import mixed_model_analysis, model_methods, other_methods, participant_methods
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.questions import Answer, Question, ResultTable, blank_contrasts, blank_levels

_METHODS: dict[str, Callable[[Question], Answer]] = {
    "mixed_model": mixed_model_analysis.mixed_model,
    "cluster_robust": model_methods.cluster_robust,
    "residual_variance": model_methods.residual_variance,
    "leave_one_out": model_methods.leave_one_out,
    "cluster_bootstrap": model_methods.cluster_bootstrap,
    "parametric_bootstrap": model_methods.parametric_bootstrap,
    "tipping_point": model_methods.tipping_point,
    "paired_comparison": participant_methods.paired,
    "label_permutation": participant_methods.label_permutation,
    "rank_comparison": participant_methods.rank_comparison,
    "share": participant_methods.share,
    "win_probability": participant_methods.win_probability,
    "cumulative_link": other_methods.cumulative_link,
    "stratified_rank": other_methods.stratified_rank,
    "baseline_adjusted": other_methods.baseline_adjusted,
    "reliability": other_methods.reliability,
    "correlation": other_methods.correlation,
    "agreement": other_methods.agreement,
}


def answer(question: Question) -> Answer:
    """Answer a question by the method that its analysis names.

    Where the data are too few, every expected row is there, without a value and with the reason.
    """
    method = question.analysis.method
    try:
        return _METHODS[method](question)
    except NotEstimable as reason:
        if method == "mixed_model":
            return mixed_model_analysis.not_estimable(question, str(reason))
        record = {"estimable": False, "warnings": [str(reason)]}
        if method == "parametric_bootstrap":
            blank = blank_levels(["condition"], ("chi_square", "p"), str(reason))
            return Answer([ResultTable("term", blank, method.replace("_", " "))], record)
        blank = blank_contrasts(question.pairs, ("estimate", "ci_lower", "ci_upper", "p"), str(reason))
        return Answer([ResultTable("contrast", blank, method.replace("_", " "))], record)
