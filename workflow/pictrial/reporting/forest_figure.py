"""The forest: every contrast of the primary analysis, in all analyses that estimate it on its scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pictrial.reporting.figures import COLOURS, wrapped
from pictrial.reporting.interval_chart import IntervalPanel, Line, draw_intervals
from pictrial.reporting.numbers import MISSING, interval
from pictrial.reporting.planned import (
    analysis_label,
    contrast_label,
    difference_label,
    of_experiment,
    planned_contrasts,
    scale,
)
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.statistics.analysis_results import contrast_name
from pictrial.trial.plan import Analysis, TrialPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SECTIONS = {"primary": "Primary", "sensitivity": "Sensitivity", "supplementary": "Supplementary"}
_LABELS = 46.0  # mm
_LETTERS = 120  # in a line below the panels
#: Methods that have an estimate of no contrast, and what they have.
_NO_CONTRAST = {
    "correlation": "a correlation, not a contrast",
    "parametric_bootstrap": "tests and intervals of the model's terms, not of contrasts",
}
#: Statistics that a contrast's estimate goes by.
_ESTIMATES = ("estimate", "mean_difference")
_IMPUTED = "delta +0"


def draw_forest(plan: TrialPlan, results: Results) -> Figure:
    """Draw the contrasts of every primary analysis, a panel for each.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    names: dict[str, list[str]] = {}
    for name, reason in not_drawn(plan).items():
        names.setdefault(reason, []).append(name)
    listed = "; ".join(f"{', '.join(of)} ({reason})" for reason, of in names.items())
    below = wrapped(f"Not drawn, because it estimates something else: {listed}.", _LETTERS) if listed else ""
    return draw_intervals(forest_panels(plan, results), _LABELS, below.splitlines(), one_scale=True)


def forest_panels(plan: TrialPlan, results: Results) -> list[IntervalPanel]:
    """Return a panel for every contrast of every primary analysis, by role of the analyses."""
    panels = []
    for primary in _primaries(plan):
        for pair in planned_contrasts(plan, primary):
            drawn = [a for a in plan.analyses.values() if not _why_not_drawn(plan, primary, a)]
            drawn = [a for a in drawn if pair in planned_contrasts(plan, a)]
            panels.append(
                IntervalPanel(
                    title=of_experiment(plan, primary.experiment) + contrast_label(plan, *pair),
                    axis=difference_label(plan, primary),
                    colour=COLOURS[list(plan.conditions).index(pair[0]) % len(COLOURS)],
                    columns=(("n", 16.0), ("Difference (95 % CI)", 38.0)),
                    sections={
                        title: [
                            _line(plan, results, a, contrast_name(*pair), primary)
                            for a in drawn
                            if a.role == role
                        ]
                        for role, title in _SECTIONS.items()
                    },
                )
            )
    return panels


def forest_caption(plan: TrialPlan, results: Results) -> list[Shown]:
    """Return the paragraphs of the caption."""
    primaries = _primaries(plan)
    outcomes = dict.fromkeys(plan.outcomes[primary.outcome] for primary in primaries)
    labels, units = (
        list(dict.fromkeys(getattr(one, name) for one in outcomes)) for name in ("label", "unit")
    )
    ranges = any(a.method == "leave_one_out" for a in plan.analyses.values())
    imputed = any(a.method == "tipping_point" for a in plan.analyses.values())
    warned = {
        (results.warning(*key), analysis.name): results.row(*key)["ard_id"]
        for analysis in plan.analyses.values()
        if not all(_why_not_drawn(plan, primary, analysis) for primary in primaries)
        for pair in planned_contrasts(plan, analysis)
        for key in [_key(results, analysis, contrast_name(*pair))]
        if key and results.value(*key) is None
    }
    caption = (
        Shown(f"**{plan.title}: {' and '.join(labels)}, the planned contrasts in every analysis.** ")
        + f"Diamonds and dotted lines are the primary analysis, points all others in {' or '.join(units)}; "
        "lines are 95 % confidence intervals, not adjusted for the number of analyses. "
        + ("Leave one out is the range of the estimates without each participant in turn. " if ranges else "")
        + ("Tipping point is the estimate with lost motor units imputed and not shifted. " if imputed else "")
        + "n: participants; motor units, where there are any. Supplementary analyses may be of another "
        "outcome, as their names say. What each analysis is: ``trial.yaml``."
    )
    notes = [
        Shown(f"{analysis_label(plan, name)}: {MISSING} ({text})", (source,))
        for (text, name), source in warned.items()
    ]
    return [caption, "Not estimable: " + joined(notes, "; ") + "."] if notes else [caption]


def not_drawn(plan: TrialPlan) -> dict[str, str]:
    """Return the analyses that no panel has, by the name that is shown, and why."""
    reasons = {}
    for analysis in plan.analyses.values():
        found = [_why_not_drawn(plan, primary, analysis) for primary in _primaries(plan)]
        if found and all(found):
            # Where there are experiments, that of the analysis knows the reason.
            reasons[analysis_label(plan, analysis.name)] = next(
                (reason for reason in found if reason != _OTHER), _OTHER
            )
    return reasons


_OTHER = "it belongs to another experiment"


def _primaries(plan: TrialPlan) -> list[Analysis]:
    return [analysis for analysis in plan.analyses.values() if analysis.role == "primary"]


def _why_not_drawn(plan: TrialPlan, primary: Analysis, analysis: Analysis) -> str:
    """Say why an analysis cannot stand beside the primary one; empty where it can."""
    if analysis.experiment != primary.experiment:
        return _OTHER
    if analysis.method in _NO_CONTRAST:
        return _NO_CONTRAST[analysis.method]
    own = scale(plan, analysis)
    return "" if own == scale(plan, primary) else own


def _key(results: Results, analysis: Analysis, contrast: str) -> tuple[str, str, str, str] | None:
    """Return which row of the ARD is the estimate; None where there is none."""
    levels = (contrast, f"{contrast}, {_IMPUTED}") if analysis.method == "tipping_point" else (contrast,)
    keys = [(analysis.name, analysis.outcome, level, name) for level in levels for name in _ESTIMATES]
    return next((key for key in keys if results.has(*key)), None)


def _line(plan: TrialPlan, results: Results, analysis: Analysis, contrast: str, primary: Analysis) -> Line:
    label, places = analysis_label(plan, analysis.name), plan.outcomes[analysis.outcome].decimals
    key = _key(results, analysis, contrast)
    if key is None:
        return _range(plan, results, analysis, contrast, places)
    if results.value(*key) is None:
        return Line(label, (Shown(MISSING), Shown("not estimable")))
    where, statistic = key[:3], key[3]
    lower, upper = (
        results.value(*where, name) if results.has(*where, name) else None
        for name in ("ci_lower", "ci_upper")
    )
    if lower is None or upper is None:
        written = results.number(*key, places=places)
    else:
        written = results.estimate(*where, places=places, statistic=statistic)
    main = analysis.name == primary.name
    return Line(label, (_n(results, key), written), results.value(*key), lower, upper, main)


def _range(plan: TrialPlan, results: Results, analysis: Analysis, contrast: str, places: int) -> Line:
    """Return the line of an analysis that has a range of estimates, or none."""
    where, ends = (analysis.name, analysis.outcome, contrast), ("least_estimate", "largest_estimate")
    label = analysis_label(plan, analysis.name)
    if not all(results.has(*where, end) and results.value(*where, end) is not None for end in ends):
        return Line(label, (Shown(MISSING), Shown("no estimate of it")))
    written = results.written(interval, *where, *ends, places=places)
    low, high = (results.value(*where, end) for end in ends)
    return Line(label, (_n(results, (*where, ends[0])), written + ", range"), None, low, high)


def _n(results: Results, key: tuple[str, str, str, str]) -> Shown:
    """Write how many participants and motor units are behind a row of the ARD."""
    row = results.row(*key)
    people = Shown(f"{row['n_participants']}", (f"{row['ard_id']}#n_participants",))
    if not row["n_units"]:
        return people
    return people + Shown(f"; {row['n_units']}", (f"{row['ard_id']}#n_units",))
