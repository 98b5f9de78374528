"""The caption of the figure, with its numbers and n, in reStructuredText."""

import pandas as pd

from pictrial.reporting.numbers import count, degrees_of_freedom, mean_sd, p_value, with_interval
from pictrial.reporting.planned import contrast_label, main_analysis, planned_contrasts, why_no_contrast
from pictrial.statistics.analysis_results import ALL, contrast_name, look_up, why_missing
from pictrial.trial.plan import Analysis, TrialPlan


def figure_caption(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> str:
    """Write the caption of `pictrial.reporting.figures.draw_outcome`.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``; every number of the caption is one of its rows.
    outcome : str
        Which outcome.

    Returns
    -------
    str
        Paragraphs in reStructuredText.
    """
    label, of_units = plan.outcomes[outcome].label, plan.outcomes[outcome].level == "motor_unit"
    behind = "the small points behind are motor units" if of_units else "there is one value per session"
    ard = ard[ard["outcome"] == outcome]
    paragraphs = [
        f"**{plan.title}: {label}.** {sample_size(ard, ALL)}.",
        f"**A** Each line joins the means of one participant; {behind}. Mean (SD) of participants' means in "
        f"{plan.outcomes[outcome].unit}: {_conditions(plan, ard)}.",
    ]
    reason = why_no_contrast(plan, ard, outcome)
    analysis = main_analysis(plan, outcome)
    if reason or analysis is None:
        paragraphs.append(f"**B** There is no contrast: {reason}.")
    else:
        paragraphs.append(_contrasts(plan, ard, analysis))
    return "\n\n".join(paragraphs) + "\n"


def sample_size(ard: pd.DataFrame, level: str) -> str:
    """Write n at each level: participants, and where they are counted motor units and pairs."""
    nouns = {"n_participants": "participant", "n_units": "motor unit", "n_pairs": "control–test pair"}
    numbers = {noun: look_up(ard, "descriptive", level, name) for name, noun in nouns.items()}
    parts = [count(n, noun) for noun, n in numbers.items() if n or noun == "participant"]
    return f"n = {', '.join(parts)}"


def method_note(ard: pd.DataFrame, analysis: Analysis) -> str:
    """Say what an analysis estimates and how."""
    rows = ard[(ard["analysis"] == analysis.name) & ard["contrast_or_level"].str.contains(" - ")]
    method, df_method = rows[["method", "df_method"]].iloc[0]
    df_note = f"; degrees of freedom: {df_method}" if pd.notna(df_method) else ""
    adjusted = rows.loc[rows["statistic"] == "p_adjusted", "adjustment"]
    how = f"; P adjusted over the contrasts: {adjusted.iloc[0]}" if len(adjusted) else ""
    return f"{analysis.description}: {method}{df_note}{how}"


def _conditions(plan: TrialPlan, ard: pd.DataFrame) -> str:
    parts = []
    for condition, label in plan.conditions.items():
        mean, sd = (look_up(ard, "descriptive", condition, name) for name in ("mean", "sd"))
        parts.append(f"{label}: {mean_sd(mean, sd)}, {sample_size(ard, condition)}")
    return "; ".join(parts)


def _contrasts(plan: TrialPlan, ard: pd.DataFrame, analysis: Analysis) -> str:
    pairs = planned_contrasts(plan, analysis)
    warnings = [why_missing(ard, analysis.name, contrast_name(*pair)) for pair in pairs]
    notes = "; ".join(dict.fromkeys(warning for warning in warnings if warning))
    return (
        "**B** Points are participants' differences; diamonds and lines are the estimated differences "
        "with 95 % confidence intervals. "
        + ". ".join(_contrast(plan, ard, analysis, *pair) for pair in pairs)
        + f". {method_note(ard, analysis)}."
        + (f" Note: {notes}." if notes else "")
    )


def _contrast(plan: TrialPlan, ard: pd.DataFrame, analysis: Analysis, level: str, minus: str) -> str:
    def value(statistic: str) -> float | None:
        return look_up(ard, analysis.name, contrast_name(level, minus), statistic)

    shown = contrast_label(plan, level, minus)
    if value("estimate") is None:
        return f"{shown}: not estimable"
    unit = plan.outcomes[analysis.outcome].unit
    written = with_interval(value("estimate"), value("ci_lower"), value("ci_upper"), unit=unit)
    behind = (ard["analysis"] == analysis.name) & (ard["contrast_or_level"] == contrast_name(level, minus))
    there = set(ard.loc[behind, "statistic"])
    also = f" (adjusted {p_value(value('p_adjusted'))})" if "p_adjusted" in there else ""
    df = f", df = {degrees_of_freedom(value('df'))}" if "df" in there else ""
    return f"{shown}: {written}{df}, P = {p_value(value('p'))}{also}"
