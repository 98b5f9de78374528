"""The table of adverse events by the condition that was delivered."""

from dataclasses import replace

import pandas as pd

from pictrial.reporting.planned import of_experiment, said
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import BLANK, levels_of, trimmed
from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.trial_descriptives import (
    ADVERSE_EVENTS,
    HARMS,
    NO_SESSION,
    RELATED,
    SEVERITIES,
)
from pictrial.statistics.trial_flow import level_name, of_part
from pictrial.trial.plan import TrialPlan

_TERM = "term "
_ANY = "Any adverse event"
_UNKNOWN = "Adverse events: not recorded"


def harms_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table: participants with an event and events, in each condition and in all.

    Where no event was recorded, one line says so beside how many were exposed.
    """
    results = Results(ard)
    experiments: list[str | None] = [*plan.experiments] or [None]
    columns = {**plan.conditions, NO_SESSION: "Outside the sessions", ALL: "All"}
    rows, notes = [], []
    for experiment in experiments:
        name, of = of_part(HARMS, experiment), of_experiment(plan, experiment)
        key = (name, ADVERSE_EVENTS, ALL, "n_with_event")
        classes = _classes(levels_of(ard, name, ADVERSE_EVENTS, "n_with_event"))
        for level, label, section in classes if results.value(*key) else classes[:1]:
            cells = [cell for one in columns for cell in _cells(results, name, one, level)]
            label = label if results.value(*key) is not None else _UNKNOWN
            rows.append(Row(label, tuple(cells), (of + section).removesuffix(": ")))
        if results.warning(*key):
            said_why = said(results, "warning", *key)
            notes.append(of + replace(said_why, text=said_why.text[0].upper() + said_why.text[1:]) + ".")
    table = ReportTable(
        name="trial/harms",
        title=f"{plan.title}. Adverse events",
        label_heading="Adverse events",
        columns=tuple(
            Column(f"{name}_{one.replace(' ', '_')}", heading, label)
            for one, label in columns.items()
            for name, heading in (("exposed", "Exposed"), ("with_event", "With event"), ("events", "Events"))
        ),
        rows=tuple(rows),
        notes=(
            *notes,
            Shown(
                "Conditions are those that were delivered. Exposed: participants who had the condition; with "
                f"event: participants with one or more. Related: {', '.join(RELATED[:-1])} or {RELATED[-1]}. "
                "Nothing is tested. An empty cell does not apply, or nothing was recorded."
            ),
        ),
    )
    return trimmed(table)


def _classes(levels: list[str]) -> list[tuple[str, str, str]]:
    """Return what is counted of all conditions: its name in the ARD, its label and its section."""
    found = [level.removeprefix(ALL).removeprefix(", ") for level in levels if level.split(", ")[0] == ALL]
    sections = {"": "", **dict.fromkeys(SEVERITIES, "By severity"), "serious": "", "related": ""}
    classes = []
    for level in found:
        if level.startswith(_TERM):
            classes.append((level, level.removeprefix(_TERM), "By term"))
        else:
            classes.append((level, level.capitalize() or _ANY, sections[level]))
    order = ["", "By severity", "By term"]
    return sorted(classes, key=lambda one: order.index(one[2]))


def _cells(results: Results, name: str, condition: str, level: str) -> list[Shown]:
    key = (name, ADVERSE_EVENTS, level_name(condition, level) if level else condition)
    exposed = BLANK
    if not level and results.has(*key, "n_exposed"):
        exposed = results.count(*key, "n_exposed")
    if not results.has(*key, "n_with_event") or results.value(*key, "n_with_event") is None:
        return [exposed, BLANK, BLANK]
    return [exposed, results.count(*key, "n_with_event"), results.count(*key, "n_adverse_events")]
