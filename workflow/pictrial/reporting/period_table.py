"""The table of every outcome by condition and period."""

import pandas as pd

from pictrial.reporting.planned import experiments_of, of_experiment
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import BLANK, STANDARD_DEVIATION, described, trimmed
from pictrial.statistics.trial_descriptives import BY_PERIOD
from pictrial.statistics.trial_flow import level_name, of_part, period_name
from pictrial.trial.plan import TrialPlan

_STATISTICS = (("n_participants", "Participants"), ("n_units", "Motor units"), ("mean", "Mean (SD)"))


def period_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table: a row for each condition, columns for each period."""
    results = Results(ard)
    periods = range(1, 1 + max(len(order) for order in plan.sequences.values()))
    rows = [
        Row(
            plan.conditions[condition],
            tuple(
                cell
                for period in periods
                for cell in _cells(plan, results, experiment, outcome.name, condition, period)
            ),
            f"{of_experiment(plan, experiment)}{outcome.label}, {outcome.unit}",
        )
        for outcome in plan.outcomes.values()
        for experiment in experiments_of(plan, results, outcome.name)
        for condition in plan.conditions_of(experiment)
    ]
    table = ReportTable(
        name="trial/by_period",
        title=f"{plan.title}. Outcomes by condition and period",
        label_heading="Condition",
        columns=tuple(
            Column(f"{name}_period_{period}", heading, f"Period {period}")
            for period in periods
            for name, heading in _STATISTICS
        ),
        rows=tuple(rows),
        notes=(
            Shown(
                "Mean and SD are those of participants' means, of everyone with a value in the condition and "
                "period. Conditions are compared within participants and periods in the table of the primary "
                "analysis, not here."
            ),
            Shown(
                f"{STANDARD_DEVIATION}. An empty cell: nobody had the condition in that period, or it does "
                "not apply; a dash is not estimable (an SD takes more than one participant)."
            ),
        ),
    )
    return trimmed(table)


def _cells(
    plan: TrialPlan, results: Results, experiment: str | None, outcome: str, condition: str, period: int
) -> list[Shown]:
    key = (of_part(BY_PERIOD, experiment), outcome, level_name(condition, period_name(period)))
    if not results.has(*key, "n_participants"):
        return [BLANK] * len(_STATISTICS)
    units = plan.outcomes[outcome].level == "motor_unit"
    return [
        results.count(*key, "n_participants"),
        results.count(*key, "n_units") if units else BLANK,
        described(plan, results, *key),
    ]
