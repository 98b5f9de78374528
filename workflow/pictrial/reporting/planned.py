"""What the plan wants shown, and why some of it is not there."""

import pandas as pd

from pictrial.errors import InputError
from pictrial.reporting.numbers import MINUS
from pictrial.reporting.shown import Results, Shown
from pictrial.statistics.analysis import NO_ANALYSIS, descriptive_of
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.trial.plan import Analysis, TrialPlan

#: Methods whose contrasts are differences in the unit of the outcome.
_IN_ITS_UNIT = ("mixed_model", "rank_comparison", "share")

#: Statistics that an analysis estimates; of one analysis, the first that it has.
CENTRES = ("estimate", "mean_difference", "r", "icc", "bias")


def main_analysis(plan: TrialPlan, outcome: str, experiment: str | None = None) -> Analysis | None:
    """Return the analysis that answers for an outcome: the primary one, else the first in its unit.

    That of one experiment of the plan, where one is named; None where the plan has none.
    """
    found = _analyses(plan, outcome, experiment)
    shown = [a for a in found if a.method in _IN_ITS_UNIT and not a.transformation]
    return next((a for a in found if a.role == "primary"), next(iter(shown), None))


def paired_analysis(plan: TrialPlan, outcome: str, experiment: str | None = None) -> Analysis | None:
    """Return the first paired comparison of an outcome, None where the plan has none."""
    found = [one for one in _analyses(plan, outcome, experiment) if one.method == "paired_comparison"]
    return found[0] if found else None


def experiments_of(plan: TrialPlan, results: Results, outcome: str) -> list[str | None]:
    """Return the experiments that describe an outcome; None alone where the trial has none."""
    experiments: list[str | None] = [*plan.experiments] or [None]
    return [one for one in experiments if results.has(descriptive_of(one), outcome, ALL, "n_participants")]


def of_experiment(plan: TrialPlan, experiment: str | None) -> str:
    """Return what stands before a text on one experiment; nothing where the trial has none."""
    return f"{plan.experiments[experiment].label}: " if experiment else ""


def planned_contrasts(plan: TrialPlan, analysis: Analysis | None) -> list[tuple[str, str]]:
    """Return the contrasts (condition, minus condition) of an analysis in the order of the plan.

    Without a family: every condition against the reference.
    """
    if analysis is None:
        return []
    families = [family for family in plan.families.values() if analysis.name in family.analyses]
    planned = [pair for family in families for pair in family.contrasts]
    there = plan.conditions_of(analysis.experiment)
    return planned or [(c, plan.reference) for c in there if c not in (plan.reference, analysis.baseline)]


def _analyses(plan: TrialPlan, outcome: str, experiment: str | None) -> list[Analysis]:
    return [
        analysis
        for analysis in plan.analyses.values()
        if analysis.outcome == outcome and experiment in (None, analysis.experiment)
    ]


def contrast_label(plan: TrialPlan, level: str, minus: str) -> str:
    """Return a contrast as it is printed: ``Stimulation − control``; abbreviations keep their capitals."""
    label = plan.conditions[minus]
    within = label[0].lower() + label[1:] if label[1:2].islower() else label
    return f"{plan.conditions[level]} {MINUS} {within}"


def behind_analysis(plan: TrialPlan, results: Results, analysis: Analysis) -> tuple[str, str, str, str]:
    """Return the key of a row of the ARD that speaks for an analysis: method, n, warning.

    Raises
    ------
    InputError
        Where the ARD has no row of the analysis.
    """
    contrasts = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)]
    levels = [*contrasts, *plan.conditions, "condition", analysis.other or ALL, ALL]
    for level in levels:
        for statistic in (*CENTRES, "tipping_delta", "least_estimate", "p"):
            if results.has(analysis.name, analysis.outcome, level, statistic):
                return analysis.name, analysis.outcome, level, statistic
    raise InputError("ARD", f"it has no row of the analysis {analysis.name!r}", "Run the statistics again.")


def said(results: Results, column: str, *key: str) -> Shown:
    """Return the words of a row of the ARD: its ``method``, ``df_method``, ``adjustment`` or ``warning``.

    Their numbers are no values of the ARD, so the source says that the words come from the statistics' code.
    """
    row = results.row(*key)
    if pd.isna(row[column]):
        return Shown("")
    return Shown(str(row[column]), (f"code:{row['ard_id']}#{column}",))


def missing_contrast(plan: TrialPlan, results: Results, outcome: str, experiment: str | None = None) -> Shown:
    """Say why the outcome's main analysis has no contrast; empty where it has at least one."""
    analysis = main_analysis(plan, outcome, experiment)
    if analysis is None:
        key = (NO_ANALYSIS, outcome, ALL, "estimate")
        if results.has(*key):
            return said(results, "warning", *key)
        if _analyses(plan, outcome, experiment):
            return Shown("no analysis of it estimates a difference in its unit")
        return Shown("the plan has no analysis that compares conditions in it")
    names = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)]
    keys = [(analysis.name, outcome, name, "estimate") for name in names]
    if not keys:
        return Shown("the plan has no contrast")
    if any(results.value(*key) is not None for key in keys):
        return Shown("")
    return said(results, "warning", *keys[0])
