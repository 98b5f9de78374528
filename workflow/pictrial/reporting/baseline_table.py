"""The table of the participants at baseline, by sequence or arm; without P values."""

from dataclasses import dataclass

import pandas as pd

from pictrial.reporting.planned import experiments_of
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import BLANK, STANDARD_DEVIATION, described, levels_of, trimmed
from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.trial_descriptives import BASELINE
from pictrial.statistics.trial_flow import PARTICIPANTS, groups, level_name, of_part
from pictrial.trial.plan import TrialPlan

#: A group of participants: its experiment and its sequence (arm), or all.
_Group = tuple[str | None, str]
_AGE, _SEX = "Age, years", "Sex, n"
_SEXES = {"F": "Female", "M": "Male", "O": "Other"}


@dataclass(frozen=True)
class _Line:
    """A row to be: section and label, outcome and statistic of the ARD, part of the group, decimals."""

    section: str
    label: str
    outcome: str
    statistic: str
    part: str = ""
    places: int = 1


def baseline_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table: age, sex, and every outcome before (or without) any intervention."""
    results = Results(ard)
    experiments: list[str | None] = [*plan.experiments] or [None]
    found = [(one, group) for one in experiments for group in groups(plan, one)]
    rows = [
        Row(line.label, tuple(_cell(plan, results, line, *group) for group in found), line.section)
        for line in _lines(plan, ard, results, found)
    ]
    table = ReportTable(
        name="trial/baseline",
        title=f"{plan.title}. Participants at baseline",
        label_heading="Characteristic",
        columns=tuple(_column(plan, *one) for one in found),
        rows=tuple(rows),
        notes=tuple(_notes(plan, found)),
    )
    return trimmed(table)


def _lines(plan: TrialPlan, ard: pd.DataFrame, results: Results, found: list[_Group]) -> list[_Line]:
    lines = [
        _Line("", "Participants, n", PARTICIPANTS, "n_participants"),
        _Line(_AGE, "Mean (SD)", "age", "mean"),
        _Line(_AGE, "Median (range)", "age", "median"),
        _Line(_AGE, "Age known, n", "age", "n_values"),
    ]
    lines += [
        _Line(_SEX, _SEXES.get(sex, sex.capitalize()), "sex", "n_participants", sex)
        for sex in _sexes(ard, found)
    ]
    for outcome in plan.outcomes.values():
        if experiments_of(plan, results, outcome.name):
            section = f"{outcome.label}, {outcome.unit}"
            lines.append(_Line(section, "Mean (SD)", outcome.name, "mean"))
            lines.append(_Line(section, "Participants, n", outcome.name, "n_participants"))
    return lines


def _cell(plan: TrialPlan, results: Results, line: _Line, experiment: str | None, group: str) -> Shown:
    level = level_name(group, line.part) if line.part else group
    key = (of_part(BASELINE, experiment), line.outcome, level)
    if not results.has(*key, line.statistic):
        return BLANK
    if line.statistic == "mean" and line.outcome in plan.outcomes:
        return described(plan, results, *key)
    if line.statistic == "mean":
        return results.mean_sd(*key, places=line.places)
    if line.statistic == "median":
        median, least, largest = (
            results.number(*key, name, places=line.places) for name in ("median", "minimum", "maximum")
        )
        return median + " (" + least + " to " + largest + ")"
    return results.count(*key, line.statistic)


def _column(plan: TrialPlan, experiment: str | None, group: str) -> Column:
    name = f"{experiment}_{group}" if experiment else group
    heading = "All" if group == ALL else group
    return Column(name, heading, plan.experiments[experiment].label if experiment else "")


def _sexes(ard: pd.DataFrame, found: list[_Group]) -> list[str]:
    levels = [
        level.removeprefix(f"{group}, ")
        for experiment, group in found
        if group == ALL
        for level in levels_of(ard, of_part(BASELINE, experiment), "sex", "n_participants")
        if level.startswith(f"{group}, ")
    ]
    return list(dict.fromkeys(levels))


def _notes(plan: TrialPlan, found: list[_Group]) -> list[Shown]:
    condition = plan.conditions[plan.baseline or plan.reference]
    where = "before the groups parted" if plan.baseline else "whichever its period"
    orders = "; ".join(
        f"{group}: {', '.join(plan.conditions[one] for one in plan.sequences[group])}"
        for _, group in found
        if group != ALL
    )
    return [
        Shown(
            f"Outcomes are those of the condition {condition}, {where}; mean and SD are those of "
            "participants' means. Groups are not tested against each other: who is in which was chance."
        ),
        Shown(f"Columns are the allocated {'arms' if plan.baseline else 'sequences'}. {orders}."),
        Shown(
            f"{STANDARD_DEVIATION}. An empty cell does not apply; a dash is not estimable (an SD takes more "
            "than one participant)."
        ),
    ]
