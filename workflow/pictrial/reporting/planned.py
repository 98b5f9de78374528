"""What the plan wants shown, and why some of it is not there."""

from string import ascii_uppercase

import pandas as pd

from pictrial.errors import InputError
from pictrial.reporting.numbers import MINUS
from pictrial.reporting.shown import Results, Shown, with_minus
from pictrial.statistics.analysis import NO_ANALYSIS, descriptive_of
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.trial.plan import Analysis, Outcome, TrialPlan

#: Methods whose contrasts are differences in the unit of the outcome.
_IN_ITS_UNIT = ("mixed_model", "rank_comparison", "share")

#: Statistics that an analysis estimates; of one analysis, the first that it has.
CENTRES = ("estimate", "mean_difference", "r", "icc", "bias")

#: What methods estimate that is no difference in the unit of the outcome.
_SCALES = {
    "share": "difference of shares",
    "win_probability": "win probability",
    "stratified_rank": "win probability",
    "cumulative_link": "log odds ratio",
    "correlation": "correlation within participants",
    "reliability": "intraclass correlation",
}


def main_analysis(plan: TrialPlan, outcome: str, experiment: str | None = None) -> Analysis | None:
    """Return the analysis that answers for an outcome: the primary one, else the first in its unit.

    That of one experiment of the plan, where one is named; None where the plan has none.
    """
    found = _analyses(plan, outcome, experiment)
    shown = [a for a in found if a.method in _IN_ITS_UNIT and not a.transformation]
    return next((a for a in found if a.role == "primary"), next(iter(shown), None))


def contrast_analysis(plan: TrialPlan, outcome: str, experiment: str | None = None) -> Analysis | None:
    """Return the analysis whose contrasts stand beside an outcome: the main one, else an estimand's first."""
    named = [name for one in plan.estimands.values() if one.outcome == outcome for name in one.analyses]
    firsts = [one for one in _analyses(plan, outcome, experiment) if one.name in named]
    return main_analysis(plan, outcome, experiment) or next(iter(firsts), None)


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


def is_share(plan: TrialPlan, outcome: str) -> bool:
    """Whether an outcome is yes or no in everyone: the plan compares its shares. It has no SD to speak of."""
    return any(one.method == "share" and one.outcome == outcome for one in plan.analyses.values())


def scale(plan: TrialPlan, analysis: Analysis) -> str:
    """Say on which scale an analysis estimates: the unit of the outcome, or what it is otherwise."""
    if analysis.transformation:
        return f"{analysis.transformation['method'].replace('_', ' ')} scale"
    return _SCALES.get(analysis.method, plan.outcomes[analysis.outcome].unit)


def scale_places(plan: TrialPlan, analysis: Analysis) -> int:
    """Return how many decimals an analysis' estimates have: the outcome's own in its unit, else two."""
    outcome = plan.outcomes[analysis.outcome]
    return outcome.decimals if scale(plan, analysis) == outcome.unit else 2


def difference_label(plan: TrialPlan, analysis: Analysis, what: str = "") -> str:
    """Label an axis of what an analysis estimates; `what` is the outcome, where it is not said elsewhere."""
    if analysis.method in _SCALES:
        return capitalised(_SCALES[analysis.method])
    return f"Difference{f' in {what}' if what else ''} ({scale(plan, analysis)})"


def of_participants(plan: TrialPlan, analysis: Analysis) -> bool:
    """Whether participants have differences of their own of the kind that an analysis estimates."""
    in_its_unit = scale(plan, analysis) == plan.outcomes[analysis.outcome].unit
    return not plan.baseline and (in_its_unit or analysis.method == "share")  # nobody is in two arms


def no_difference(analysis: Analysis) -> float:
    """Return what an analysis estimates where conditions do not differ."""
    return 0.5 if _SCALES.get(analysis.method) == "win probability" else 0.0


def lower(text: str) -> str:
    """Return a text as it stands within a sentence; abbreviations keep their capitals."""
    return text[0].lower() + text[1:] if text.split(" ")[0][1:].islower() else text


def axis_label(outcome: Outcome) -> str:
    """Return an outcome with its unit; what is a unit by its name (a score) goes without."""
    itself = outcome.label.split(" ")[-1] == outcome.unit
    return outcome.label if itself else f"{outcome.label} ({outcome.unit})"


def analysis_label(plan: TrialPlan, name: str) -> str:
    """Return the name of an analysis as it is printed; an outcome in it goes by its label."""
    words = f"_{name}_".replace("_vibstim_", "_VibStim_")
    for outcome in sorted(plan.outcomes.values(), key=lambda outcome: -len(outcome.name)):
        words = words.replace(f"_{outcome.name}_", f"_{lower(outcome.label)}_")
    return capitalised(words)


def panel_letters(row: int) -> tuple[str, str]:
    """Return the letters of conditions and contrasts in a row of an outcome's figure."""
    return ascii_uppercase[2 * row], ascii_uppercase[2 * row + 1]


def capitalised(name: str) -> str:
    """Return a name of the plan as words, the first with a capital."""
    words = name.strip("_").replace("_", " ")
    return words[0].upper() + words[1:]


def contrast_label(plan: TrialPlan, level: str, minus: str) -> str:
    """Return a contrast as it is printed: ``Stimulation − control``; abbreviations keep their capitals."""
    return f"{plan.conditions[level]} {MINUS} {lower(plan.conditions[minus])}"


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
    return Shown(with_minus(str(row[column])), (f"code:{row['ard_id']}#{column}",))


def missing_contrast(plan: TrialPlan, results: Results, outcome: str, analysis: Analysis | None) -> Shown:
    """Say why an analysis of an outcome has no contrast; empty where it has at least one."""
    if analysis is None:
        key = (NO_ANALYSIS, outcome, ALL, "estimate")
        if results.has(*key):
            return said(results, "warning", *key)
        if _analyses(plan, outcome, None):
            return Shown(
                "no analysis of it estimates a difference in its unit; see the table of all analyses"
            )
        return Shown("the plan has no analysis that compares conditions in it")
    names = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)]
    keys = [(analysis.name, outcome, name, "estimate") for name in names]
    if not keys:
        return Shown("the plan has no contrast")
    if any(results.value(*key) is not None for key in keys):
        return Shown("")
    return said(results, "warning", *keys[0])
