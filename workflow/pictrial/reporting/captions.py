"""The caption of the figure, with its numbers and n, in reStructuredText."""

import pandas as pd

from pictrial.reporting.planned import (
    behind_analysis,
    contrast_analysis,
    contrast_label,
    experiments_of,
    is_share,
    missing_contrast,
    of_experiment,
    of_participants,
    panel_letters,
    planned_contrasts,
    said,
    scale,
    scale_places,
)
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.statistics.analysis import descriptive_of
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.trial.plan import Analysis, TrialPlan


def figure_caption(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> str:
    """Write the caption of `pictrial.reporting.figures.draw_outcome` as paragraphs in reStructuredText."""
    return "\n\n".join(text.text for text in caption_paragraphs(plan, Results(ard), outcome)) + "\n"


def caption_paragraphs(plan: TrialPlan, results: Results, outcome: str) -> list[Shown]:
    """Return the paragraphs of the caption, each with the rows of the ARD that it shows."""
    label, of_units = plan.outcomes[outcome].label, plan.outcomes[outcome].level == "motor_unit"
    behind = "the small points behind are motor units" if of_units else "there is one value per session"
    if is_share(plan, outcome):
        behind += ", points lie apart so that all are seen"
    experiments = experiments_of(plan, results, outcome)
    n = (of_experiment(plan, one) + sample_size(results, outcome, ALL, one) for one in experiments)
    described = (of_experiment(plan, one) + _conditions(plan, results, outcome, one) for one in experiments)
    letters = [panel_letters(row) for row in range(max(len(experiments), 1))]
    joins = "the means of" if of_units else "the values of"
    of = "participants' means" if of_units else "participants"
    unit = plan.outcomes[outcome].unit
    means = f"Mean (SD) of {of}" + ("" if label.endswith(unit) else f" in {unit}")
    paragraphs = [
        f"**{plan.title}: {label}.** " + joined(n, "; ") + ".",
        f"**{', '.join(left for left, _ in letters)}** Each line joins {joins} one participant; {behind}. "
        + ("Share of participants" if is_share(plan, outcome) else means)
        + ": "
        + joined(described, ". ")
        + ".",
    ]
    for experiment, (_, letter) in zip(experiments, letters, strict=False):
        analysis = contrast_analysis(plan, outcome, experiment)
        reason = missing_contrast(plan, results, outcome, analysis)
        of = f"**{letter}** {of_experiment(plan, experiment)}"
        shown = _contrasts(plan, results, analysis) if analysis else Shown("")
        paragraphs.append(of + ("There is no contrast: " + reason + "." if reason.text else shown))
    return paragraphs


def sample_size(results: Results, outcome: str, level: str, experiment: str | None = None) -> Shown:
    """Write n at each level: participants, and where they are counted motor units and pairs."""
    nouns = {"n_participants": "participant", "n_units": "motor unit", "n_pairs": "control–test pair"}
    key = (descriptive_of(experiment), outcome, level)
    parts = [
        results.count(*key, name, noun=noun)
        for name, noun in nouns.items()
        if noun == "participant" or results.value(*key, name)
    ]
    return "n = " + joined(parts, ", ")


def method_note(plan: TrialPlan, results: Results, analysis: Analysis) -> Shown:
    """Say what an analysis estimates and how."""
    key = behind_analysis(plan, results, analysis)
    described = (f"plan:analyses.{analysis.name}.description",)
    note = Shown(f"{analysis.description}: ", described) + said(results, "method", *key)
    if df_method := said(results, "df_method", *key).text:
        note = note + f"; degrees of freedom: {df_method}"
    names = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)]
    keys = [(analysis.name, analysis.outcome, name, "p_adjusted") for name in names]
    adjusted = next((results.row(*key)["adjustment"] for key in keys if results.has(*key)), "")
    return note + (f"; P adjusted over the contrasts: {adjusted.capitalize()}" if adjusted else "")


def _conditions(plan: TrialPlan, results: Results, outcome: str, experiment: str | None) -> Shown:
    parts = []
    for condition in plan.conditions_of(experiment):
        key, places = (descriptive_of(experiment), outcome, condition), plan.outcomes[outcome].decimals
        share = is_share(plan, outcome)
        described = (
            results.number(*key, "mean", places=places) if share else results.mean_sd(*key, places=places)
        )
        n = sample_size(results, outcome, condition, experiment)
        parts.append(f"{plan.conditions[condition]}: " + described + ", " + n)
    return joined(parts, "; ")


def drawn_contrasts(plan: TrialPlan, analysis: Analysis) -> str:
    """Say what the panel of an analysis' contrasts shows."""
    own, unit = scale(plan, analysis), plan.outcomes[analysis.outcome].unit
    what = "estimated differences" if own == unit else f"estimates ({own})"
    own_too = of_participants(plan, analysis)
    points = "Points are participants' differences; diamonds" if own_too else "Diamonds"
    return f"{points} and lines are the {what} with 95 % confidence intervals"


def _contrasts(plan: TrialPlan, results: Results, analysis: Analysis) -> Shown:
    pairs = planned_contrasts(plan, analysis)
    keys = [(analysis.name, analysis.outcome, contrast_name(*pair), "estimate") for pair in pairs]
    warned = {text.text: text for text in (said(results, "warning", *key) for key in keys) if text.text}
    caption = (
        f"{drawn_contrasts(plan, analysis)}. "
        + joined((_contrast(plan, results, analysis, *pair) for pair in pairs), ". ")
        + ". "
        + method_note(plan, results, analysis)
        + "."
    )
    notes = joined(warned.values(), "; ")
    return caption + " Note: " + notes + "." if warned else caption


def _contrast(plan: TrialPlan, results: Results, analysis: Analysis, level: str, minus: str) -> Shown:
    key = (analysis.name, analysis.outcome, contrast_name(level, minus))
    shown = contrast_label(plan, level, minus)
    if results.value(*key, "estimate") is None:
        return Shown(f"{shown}: not estimable")
    outcome = plan.outcomes[analysis.outcome]
    unit = outcome.unit if scale(plan, analysis) == outcome.unit else ""
    written = f"{shown}: " + results.estimate(*key, unit=unit, places=scale_places(plan, analysis))
    if results.has(*key, "df"):
        written = written + ", df = " + results.df(*key, "df")
    written = written + ", P = " + results.p(*key, "p")
    if results.has(*key, "p_adjusted"):
        written = written + " (adjusted " + results.p(*key, "p_adjusted") + ")"
    return written
