"""What the plan wants shown, and why some of it is not there."""

import pandas as pd

from pictrial.reporting.numbers import MINUS
from pictrial.statistics.analysis import NO_ANALYSIS
from pictrial.statistics.analysis_results import ALL, contrast_name, look_up, why_missing
from pictrial.trial.plan import Analysis, TrialPlan

#: Methods whose contrasts are differences in the unit of the outcome.
_IN_ITS_UNIT = ("mixed_model", "rank_comparison", "share")


def main_analysis(plan: TrialPlan, outcome: str) -> Analysis | None:
    """Return the analysis that answers for an outcome: the primary one, else the first in its unit.

    None where the plan has none.
    """
    found = [analysis for analysis in plan.analyses.values() if analysis.outcome == outcome]
    shown = [a for a in found if a.method in _IN_ITS_UNIT and not a.transformation]
    return next((a for a in found if a.role == "primary"), next(iter(shown), None))


def paired_analysis(plan: TrialPlan, outcome: str) -> Analysis | None:
    """Return the first paired comparison of an outcome, None where the plan has none."""
    found = [a for a in plan.analyses.values() if a.method == "paired_comparison" and a.outcome == outcome]
    return found[0] if found else None


def planned_contrasts(plan: TrialPlan, analysis: Analysis | None) -> list[tuple[str, str]]:
    """Return the contrasts (condition, minus condition) of an analysis in the order of the plan.

    Without a family: every condition against the reference.
    """
    if analysis is None:
        return []
    families = [family for family in plan.families.values() if analysis.name in family.analyses]
    planned = [pair for family in families for pair in family.contrasts]
    return planned or [(c, plan.reference) for c in plan.conditions if c != plan.reference]


def contrast_label(plan: TrialPlan, level: str, minus: str) -> str:
    """Return a contrast as it is printed: ``Stimulation − control``; abbreviations keep their capitals."""
    label = plan.conditions[minus]
    within = label[0].lower() + label[1:] if label[1:2].islower() else label
    return f"{plan.conditions[level]} {MINUS} {within}"


def why_no_contrast(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> str:
    """Say why the outcome's main analysis has no contrast; empty where it has at least one.

    Parameters
    ----------
    ard : DataFrame
        Schema ``ard``, rows of this outcome.
    """
    analysis = main_analysis(plan, outcome)
    if analysis is None:
        return why_missing(ard, NO_ANALYSIS, ALL) or "the plan has no analysis that compares conditions in it"
    names = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)]
    if any(look_up(ard, analysis.name, name, "estimate") is not None for name in names):
        return ""
    return why_missing(ard, analysis.name, names[0]) if names else "the plan has no contrast"
