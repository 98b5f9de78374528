"""The table of every analysis of the plan, so that the primary answer is seen beside the others."""

from __future__ import annotations

import pandas as pd

from pictrial.reporting.numbers import interval
from pictrial.reporting.planned import (
    analysis_label,
    behind_analysis,
    contrast_label,
    of_experiment,
    planned_contrasts,
    said,
    scale,
    scale_places,
)
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import (
    BLANK,
    ESTIMATE,
    SCALES_DIFFER,
    TESTED,
    analysis_note,
    behind,
    compared,
    contrast_centre,
    trimmed,
)
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis

_SECTIONS = {
    "Primary and sensitivity analyses": ("primary", "sensitivity"),
    "Supplementary analyses": ("supplementary",),
    "Exploratory analyses": ("exploratory",),
}
_OTHERS = "Without a contrast of conditions"
_ABBREVIATIONS = f"CI, confidence interval; df, degrees of freedom. {SCALES_DIFFER}"


def sensitivity_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table: by role and contrast, one row for every analysis, in the order of the plan."""
    results = Results(ard)
    rows: list[Row] = []
    for title, roles in _SECTIONS.items():
        analyses = [analysis for analysis in plan.analyses.values() if analysis.role in roles]
        asked = {(one.experiment, pair): None for one in analyses for pair in planned_contrasts(plan, one)}
        for experiment, pair in asked:
            section = f"{title}: {of_experiment(plan, experiment)}{contrast_label(plan, *pair)}"
            for analysis in analyses:
                if analysis.experiment == experiment and pair in planned_contrasts(plan, analysis):
                    rows += _contrast_rows(plan, results, analysis, contrast_name(*pair), section)
    for analysis in plan.analyses.values():
        rows += _other_rows(plan, results, analysis)
    table = ReportTable(
        name="trial/sensitivity",
        title=f"{plan.title}. All analyses of the plan",
        label_heading="Analysis",
        columns=(
            Column("role", "Role"),
            Column("scale", "Outcome and scale"),
            Column("n_participants", "Participants"),
            Column("n_units", "Motor units"),
            ESTIMATE,
            *TESTED,
        ),
        rows=tuple(rows),
        notes=(*_notes(plan, results), Shown(_ABBREVIATIONS)),
    )
    return trimmed(table)


def _contrast_rows(
    plan: TrialPlan, results: Results, analysis: Analysis, name: str, section: str
) -> list[Row]:
    label, key = analysis_label(plan, analysis.name), (analysis.name, analysis.outcome, name)
    n = scale_places(plan, analysis)
    if contrast_centre(results, analysis, name):
        cells = compared(plan, results, analysis, name)
        return [_row(plan, results, analysis, label, name, cells, section)]
    if results.has(*key, "least_estimate"):
        spread = results.written(interval, *key, "least_estimate", "largest_estimate", places=n)
        cells = [spread, BLANK, results.p(*key, "largest_p"), BLANK]
        label += ": range of estimates, largest P"
        return [_row(plan, results, analysis, label, name, cells, section)]
    rows = []
    if results.has(*key, "tipping_delta"):
        imputed = f"{name}, delta +0"
        if contrast_centre(results, analysis, imputed):
            cells = compared(plan, results, analysis, imputed)
            rows.append(
                _row(plan, results, analysis, f"{label}: imputed, not shifted", imputed, cells, section)
            )
        cells = [results.number(*key, "tipping_delta", places=n, signed=True), *[BLANK] * 3]
        label += ": shift at which the interval reaches zero"
        rows.append(_row(plan, results, analysis, label, name, cells, section))
    return rows


def _other_rows(plan: TrialPlan, results: Results, analysis: Analysis) -> list[Row]:
    """Return the rows of an analysis that has no contrasts: correlations, reliability, tests of terms."""
    if any(
        _contrast_rows(plan, results, analysis, contrast_name(*pair), "")
        for pair in planned_contrasts(plan, analysis)
    ):
        return []
    _, _, level, statistic = behind_analysis(plan, results, analysis)
    label = analysis_label(plan, analysis.name)
    if analysis.other:
        label += f" ({plan.outcomes[analysis.outcome].label}, {plan.outcomes[analysis.other].label})"
    elif level != ALL:
        label += f": test of {level}"
    cells = compared(plan, results, analysis, level)
    if statistic == "p":
        cells[0] = BLANK
    return [_row(plan, results, analysis, label, level, cells, _OTHERS, with_scale=statistic != "p")]


def _row(
    plan: TrialPlan,
    results: Results,
    analysis: Analysis,
    label: str,
    level: str,
    cells: list[Shown],
    section: str,
    with_scale: bool = True,
) -> Row:
    statistics = ("tipping_delta", "least_estimate", "p")
    centre = contrast_centre(results, analysis, level) or next(
        name for name in statistics if results.has(analysis.name, analysis.outcome, level, name)
    )
    key = (analysis.name, analysis.outcome, level, centre)
    of_units = plan.outcomes[analysis.outcome].level == "motor_unit"
    outcome = plan.outcomes[analysis.outcome].label
    counts = [
        behind(results, "n_participants", *key),
        behind(results, "n_units", *key) if of_units else BLANK,
    ]
    shown = f"{outcome}, {scale(plan, analysis)}" if with_scale else outcome
    return Row(label, (Shown(analysis.role), Shown(shown), *counts, *cells), section)


def _notes(plan: TrialPlan, results: Results) -> list[Shown]:
    notes = []
    for analysis in plan.analyses.values():
        note = analysis_note(plan, results, analysis)
        key = behind_analysis(plan, results, analysis)
        if results.warning(*key):
            note = note + " Note: " + said(results, "warning", *key) + "."
        notes.append(note)
    return notes
