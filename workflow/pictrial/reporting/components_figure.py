"""The figure of variance components: standard deviations of every mixed model, with their intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pictrial.reporting.figures import COLOURS
from pictrial.reporting.interval_chart import IntervalPanel, Line, draw_intervals
from pictrial.reporting.planned import analysis_label, lower
from pictrial.reporting.shown import Results, Shown
from pictrial.trial.plan import Analysis, TrialPlan

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_LABELS, _LABELS_BESIDE = 48.0, 37.0  # mm
_TEXT, _TEXT_WITH_INTERVAL = 12.0, 34.0  # mm
_PLACES = 2
_RESIDUAL = "Residual"
_BREAK = "\n"  # between experiment and outcome
_GROUPS = {
    "participant": "Participants",
    "participant:condition": "Participants × conditions",
    "participant:unit": "Motor units",
    "residual": _RESIDUAL,
}


def draw_components(panels: list[IntervalPanel]) -> Figure:
    """Draw the panels of `components_panels`, those of experiments beside each other.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    if any(_BREAK in panel.title for panel in panels):
        return draw_intervals(panels, _LABELS_BESIDE, one_scale=True, beside=2)
    return draw_intervals(panels, _LABELS)


def components_panels(plan: TrialPlan, ard: pd.DataFrame) -> list[IntervalPanel]:
    """Return a panel for every scale that models are on, sections by component, lines by model.

    Each experiment of the plan has panels of its own.

    Parameters
    ----------
    ard : DataFrame
        Schema ``ard``.
    """
    results, there = Results(ard), ard[ard["statistic"] == "standard_deviation"]
    scales: dict[tuple[str, str], dict[str | None, list[Analysis]]] = {}
    for analysis in plan.analyses.values():
        if analysis.method in ("mixed_model", "residual_variance"):
            changed = analysis.transformation["method"] if analysis.transformation else ""
            scale = scales.setdefault((plan.outcomes[analysis.outcome].measure, changed), {})
            scale.setdefault(analysis.experiment, []).append(analysis)
    panels = []
    of_experiments = [(key[1], *one) for key, scale in scales.items() for one in scale.items()]
    for changed, experiment, models in of_experiments:
        levels = {m.name: list(there.loc[there["analysis"] == m.name, "contrast_or_level"]) for m in models}
        ordered = sorted({level: None for own in levels.values() for level in own}, key=_rank)
        sections: dict[str, list[Line]] = {
            _label(plan, level): [_line(plan, results, m, level) for m in models if level in levels[m.name]]
            for level in ordered
        }
        if _RESIDUAL in sections:
            sections[_RESIDUAL] += [line for m in models for line in _residuals(plan, results, m)]
        if len(models) == 1:  # no need to name it in every section
            sections = {"": [replace(line, label=name) for name, lines in sections.items() for line in lines]}
        outcome = plan.outcomes[models[0].outcome]
        title = f"{outcome.label} ({changed})" if changed else outcome.label
        axis = f"SD of {lower(outcome.label)} ({changed or outcome.unit})"
        known = any(line.lower is not None for lines in sections.values() for line in lines)
        column = ("SD (95 % CI)", _TEXT_WITH_INTERVAL) if known else ("SD", _TEXT)
        title = f"{plan.experiments[experiment].label}{_BREAK}{title}" if experiment else title
        if ordered:
            panels.append(IntervalPanel(title, axis, COLOURS[1], (column,), sections, from_zero=True))
    return panels


def components_caption(plan: TrialPlan, panels: list[IntervalPanel]) -> list[Shown]:
    """Return the paragraphs of the caption."""
    boot = [a for a in plan.analyses.values() if a.method == "parametric_bootstrap"]
    lines = (line for panel in panels for section in panel.sections.values() for line in section)
    shown = Shown("No interval was planned for them.")
    if boot and any(line.lower is not None for line in lines):
        of = " and of ".join(dict.fromkeys(f"“{lower(analysis_label(plan, str(a.model)))}”" for a in boot))
        drawn = Shown(f"{boot[0].resamples} resamples", (f"plan:analyses.{boot[0].name}.resamples",))
        shown = f"Lines are 95 % confidence intervals by parametric bootstrap of {of} (" + drawn + "). "
        shown = shown + "For other models none was planned."
    return [
        f"**{plan.title}: how values vary around the models' means.** Standard deviations of what differs "
        "between participants, between what conditions do to them, between motor units of a participant, and "
        "of the rest. "
        + shown
        + " A dash is a variance that the model cannot estimate; its negative estimate "
        "is written where there is one. Residuals of single conditions are those of the model that allows "
        "them."
    ]


def _residuals(plan: TrialPlan, results: Results, analysis: Analysis) -> list[Line]:
    """Return the residual standard deviation of each condition, in a model that has them."""
    called, lines = analysis_label(plan, analysis.name), []
    for condition, label in plan.conditions.items():
        key = (analysis.name, analysis.outcome, condition, "residual_standard_deviation")
        if results.has(*key):
            written = (results.number(*key, places=_PLACES),)
            lines.append(Line(f"{called}, {lower(label)}", written, results.value(*key)))
    return lines


def _line(plan: TrialPlan, results: Results, analysis: Analysis, level: str) -> Line:
    key, label = (analysis.name, analysis.outcome, level), analysis_label(plan, analysis.name)
    value = results.value(*key, "standard_deviation")
    if value is None:
        written = results.number(*key, "variance", places=3)
        return Line(label, ("variance " + written if results.value(*key, "variance") else written,))
    written = results.number(*key, "standard_deviation", places=_PLACES)
    boot = _bootstrapped(plan, results, analysis, level)
    if boot is not None:
        lower, upper = (results.value(*boot, name) for name in ("ci_lower", "ci_upper"))
        if lower is not None and upper is not None:
            written = written + " (" + results.interval(*boot, places=_PLACES) + ")"
            return Line(label, (written,), value, lower, upper)
    return Line(label, (written,), value)


def _bootstrapped(
    plan: TrialPlan, results: Results, analysis: Analysis, level: str
) -> tuple[str, str, str] | None:
    """Return analysis, outcome and level of a component's interval; None where there is none."""
    group, _, column = level.partition(" ")
    name = "sigma" if level == "residual" else f"sd_{column or '(Intercept)'}|{group}"
    for boot in plan.analyses.values():
        if boot.method == "parametric_bootstrap" and boot.model == analysis.name:
            key = (boot.name, boot.outcome, name)
            if results.has(*key, "ci_lower"):
                return key
    return None


def _rank(level: str) -> tuple[int, bool]:
    """Return the place of a component: participants, what differs between their effects, units, residual."""
    group, _, column = level.partition(" ")
    return (list(_GROUPS).index(group) if group in _GROUPS else 0), bool(column)


def _label(plan: TrialPlan, level: str) -> str:
    """Return what a component is called: ``Participants, effect of stimulation``."""
    group, _, column = level.partition(" ")
    called = _GROUPS.get(group, group)
    condition = column.removeprefix("condition")
    if condition in plan.conditions:
        return f"Effect of {lower(plan.conditions[condition])}"
    return f"{called}: {column}" if column else called
