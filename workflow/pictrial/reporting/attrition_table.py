"""The table of attrition: recordings, motor units and pairs at every stage, what was lost, and why."""

import pandas as pd

from pictrial.reporting.planned import of_experiment
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import BLANK, levels_of, trimmed
from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.trial_flow import ATTRITION, MODEL, level_name, of_part
from pictrial.trial.plan import TrialPlan

_STAGES = {
    "recordings": "Planned sessions, those that took place",
    "accepted": "Candidates of the decomposition, accepted",
    "tracking": "Accepted motor units, analysed after tracking",
    "usable_rate": "Motor units analysed, with a usable discharge rate",
    "test_units": "Motor units with a rate, with a ΔF",
    "passing_pairs": "Ordered pairs of motor units, passing every criterion",
    "decomposed": "Motor units of any session, found by this session's own decomposition",
    "found": "Motor units of any session, found in this one after tracking",
    "delta_f": "Motor units with a ΔF in any session, with one in this",
    "every_session": "Motor units analysed, found in every session",
    "test_units_of_every_session": "Motor units found in every session, with a ΔF",
    MODEL: "Values of ΔF, in the main analysis",
}


def attrition_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table: per stage what went in, was lost or gained by reason, and was kept."""
    results, rows = Results(ard), []
    experiments: list[str | None] = [*plan.experiments] or [None]
    for experiment in experiments:
        name = of_part(ATTRITION, experiment)
        there = ard.loc[ard["analysis"] == name, "outcome"]
        for stage in there.drop_duplicates():
            section = of_experiment(plan, experiment) + _STAGES.get(stage, _words(stage))
            rows += _stage_rows(plan, ard, results, (name, stage), section)
    table = ReportTable(
        name="trial/attrition",
        title=f"{plan.title}: attrition",
        label_heading="Stage",
        columns=tuple(Column(one, label) for one, label in {**plan.conditions, ALL: "All"}.items()),
        rows=tuple(rows),
        notes=(
            Shown(
                "Sums over sessions. In every stage, what went in less what was lost plus what was gained is "
                "what was kept. Not every stage begins with what the one before it kept. An empty cell: none."
            ),
        ),
    )
    return trimmed(table)


def _stage_rows(
    plan: TrialPlan, ard: pd.DataFrame, results: Results, key: tuple[str, str], section: str
) -> list[Row]:
    def row(label: str, statistic: str, reason: str = "") -> Row:
        levels = [level_name(one, reason) if reason else one for one in (*plan.conditions, ALL)]
        cells = [
            results.count(*key, level, statistic) if results.has(*key, level, statistic) else BLANK
            for level in levels
        ]
        return Row(label, tuple(cells), section)

    rows = [row("Entered", "n_in")]
    for verb, statistic in (("lost", "n_lost"), ("gained", "n_gained")):
        for level in levels_of(ard, *key, statistic):
            of, _, reason = level.partition(", ")
            if of == ALL and reason:
                rows.append(row(f"{verb}: {_words(reason)}", statistic, reason))
    return [*rows, row("Kept", "n_kept")]


def _words(code: str) -> str:
    return code.replace("_", " ")
