"""Tables of the outcomes that are measured once per session: VibStim and clinical scores."""

from dataclasses import replace

import pandas as pd

from pictrial.reporting.planned import analysis_label, experiments_of, lower, of_experiment, scale
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import (
    BLANK,
    ESTIMATE,
    SCALES_DIFFER,
    STANDARD_DEVIATION,
    TESTED,
    analysis_note,
    behind,
    compared,
    contrast_centre,
    contrasts_of,
    described,
    sample,
    trimmed,
    warnings,
)
from pictrial.statistics.analysis import descriptive_of
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis, Outcome

_TITLES = {"vibstim": "Outcomes under vibration and stimulation", "scores": "Clinical outcomes"}
_ABBREVIATIONS = f"CI, confidence interval; df, degrees of freedom; {STANDARD_DEVIATION}. {SCALES_DIFFER}"


def outcomes_of(plan: TrialPlan, source: str) -> list[Outcome]:
    """Return the outcomes whose values come from `source`: ``vibstim`` or ``scores``."""
    return [outcome for outcome in plan.outcomes.values() if outcome.measure.split(".")[0] == source]


def outcome_group_table(plan: TrialPlan, ard: pd.DataFrame, source: str) -> ReportTable:
    """Build the table of all outcomes from one source: conditions, then the contrasts of every analysis."""
    results, rows, notes = Results(ard), [], []
    for outcome in outcomes_of(plan, source):
        for experiment in experiments_of(plan, results, outcome.name):
            section = f"{of_experiment(plan, experiment)}{outcome.label}, {outcome.unit}"
            rows += _condition_rows(plan, results, outcome, experiment, section)
            notes.append(f"{outcome.label}: " + sample(plan, results, outcome.name, experiment) + " in all.")
            for analysis in plan.analyses.values():
                if (analysis.outcome, analysis.experiment) == (outcome.name, experiment):
                    found = _contrast_rows(plan, results, analysis, section)
                    rows += found
                    if found:
                        notes.append(analysis_note(plan, results, analysis))
                        notes += warnings(plan, results, analysis)
    table = ReportTable(
        name=f"trial/{source}",
        title=f"{plan.title}. {_TITLES[source]}",
        label_heading="Condition or contrast (analysis)",
        columns=(
            Column("n_participants", "Participants"),
            Column("mean", "Mean (SD)"),
            ESTIMATE,
            Column("scale", "Scale"),
            *TESTED,
        ),
        rows=tuple(rows),
        notes=(*dict.fromkeys(notes), Shown(_ABBREVIATIONS)),
    )
    if not any(row.cells[-1].text for row in rows):
        table = replace(table, notes=(*table.notes, Shown("P is not adjusted for several comparisons.")))
    return trimmed(table)


def _condition_rows(
    plan: TrialPlan, results: Results, outcome: Outcome, experiment: str | None, section: str
) -> list[Row]:
    rows = []
    for condition in plan.conditions_of(experiment):
        key = (descriptive_of(experiment), outcome.name, condition)
        n = results.count(*key, "n_participants")
        mean = described(plan, results, *key)
        rows.append(Row(plan.conditions[condition], (n, mean, *[BLANK] * 5), section))
    return rows


def _contrast_rows(plan: TrialPlan, results: Results, analysis: Analysis, section: str) -> list[Row]:
    rows = []
    for name, label in contrasts_of(plan, analysis):
        if centre := contrast_centre(results, analysis, name):
            estimate, *tested = compared(plan, results, analysis, name)
            n = behind(results, "n_participants", analysis.name, analysis.outcome, name, centre)
            cells = (n, BLANK, estimate, Shown(scale(plan, analysis)), *tested)
            rows.append(Row(f"{label} ({lower(analysis_label(plan, analysis.name))})", cells, section))
    return rows
