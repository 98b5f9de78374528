"""The table of attrition: recordings, motor units and pairs at every stage, what was lost, and why."""

import pandas as pd

from pictrial.reporting.planned import of_experiment
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import BLANK, levels_of, trimmed
from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.trial_flow import ATTRITION, MODEL, level_name, of_part
from pictrial.trial.plan import TrialPlan

#: Of each stage: what it is about, what goes in, what is kept.
_STAGES = {
    "recordings": ("Sessions", "Planned", "Took place"),
    "accepted": ("Decomposition", "Candidates", "Accepted as motor units"),
    "tracking": ("Tracking between sessions", "Accepted motor units", "Motor units analysed"),
    "usable_rate": ("Discharge rate", "Motor units analysed", "With a usable rate"),
    "test_units": ("ΔF of motor units", "With a usable rate", "With a ΔF"),
    "passing_pairs": ("Control–test pairs", "Ordered pairs of motor units", "Passing every criterion"),
    "decomposed": (
        "Motor units of any session: found by decomposition of this one",
        "Motor units of any session",
        "Found by this session's own decomposition",
    ),
    "found": (
        "Motor units of any session: found in this one",
        "Motor units of any session",
        "Found in this session, after tracking",
    ),
    "delta_f": (
        "Motor units with a ΔF in any session: with one in this",
        "With a ΔF in any session",
        "With a ΔF in this session",
    ),
    "every_session": (
        "Motor units found in every session",
        "Motor units analysed",
        "Found in every session",
    ),
    "test_units_of_every_session": (
        "ΔF of motor units found in every session",
        "Found in every session",
        "With a ΔF",
    ),
    MODEL: ("Main analysis", "Values of ΔF", "In the model"),
}


def attrition_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table: per stage what went in, was lost or gained by reason, and was kept."""
    results, rows = Results(ard), []
    experiments: list[str | None] = [*plan.experiments] or [None]
    for experiment in experiments:
        name = of_part(ATTRITION, experiment)
        there = ard.loc[ard["analysis"] == name, "outcome"]
        for stage in there.drop_duplicates():
            section, entered, kept = _STAGES.get(stage, (_words(stage), "Entered", "Kept"))
            words = (of_experiment(plan, experiment) + section, entered, kept)
            rows += _stage_rows(plan, ard, results, (name, stage), words)
    table = ReportTable(
        name="trial/attrition",
        title=f"{plan.title}. Attrition",
        label_heading="Stage",
        columns=tuple(Column(one, label) for one, label in {**plan.conditions, ALL: "All"}.items()),
        rows=tuple(rows),
        notes=(
            Shown(
                "Counts, summed over sessions. In every section the first row, less what was lost and plus "
                "what was gained, is the last row. A section need not begin with what the one before kept. "
                "A pair is counted under the first criterion that it failed. An empty cell: none."
            ),
        ),
    )
    return trimmed(table)


def _stage_rows(
    plan: TrialPlan, ard: pd.DataFrame, results: Results, key: tuple[str, str], words: tuple[str, str, str]
) -> list[Row]:
    section, entered, kept = words

    def row(label: str, statistic: str, reason: str = "") -> Row:
        levels = [level_name(one, reason) if reason else one for one in (*plan.conditions, ALL)]
        cells = [
            results.count(*key, level, statistic) if results.has(*key, level, statistic) else BLANK
            for level in levels
        ]
        return Row(label, tuple(cells), section)

    rows = [row(entered, "n_in")]
    for verb, statistic in (("Lost", "n_lost"), ("Gained", "n_gained")):
        for level in levels_of(ard, *key, statistic):
            of, _, reason = level.partition(", ")
            if of == ALL and reason:
                rows.append(row(f"{verb}: {_words(reason)}", statistic, reason))
    return [*rows, row(kept, "n_kept")]


def _words(code: str) -> str:
    return code.replace("_", " ")
