"""Which tables the plan has rows for beside those of its outcomes, and what builds each.

The names are read whenever the graph of jobs is built, so the builders are imported only to build.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pictrial.trial.plan import TrialPlan

if TYPE_CHECKING:
    import pandas as pd

    from pictrial.reporting.report_table import ReportTable


def table_names(plan: TrialPlan) -> list[str]:
    """Return the names of the tables that the plan has rows for."""
    sources = {outcome.measure.split(".")[0] for outcome in plan.outcomes.values()}
    there = {
        "primary": any(analysis.role == "primary" for analysis in plan.analyses.values()),
        "sensitivity": bool(plan.analyses),
        "vibstim": "vibstim" in sources,
        "scores": "scores" in sources,
        "by_period": plan.design != "single_session",
        "baseline": True,
        "harms": True,
        "attrition": bool(plan.sessions_with(plan.task)),
    }
    return [name for name, is_there in there.items() if is_there]


def build_table(name: str, plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build one of the tables that `table_names` returns from the plan and the ARD, schema ``ard``."""
    from pictrial.reporting.attrition_table import attrition_table
    from pictrial.reporting.baseline_table import baseline_table
    from pictrial.reporting.harms_table import harms_table
    from pictrial.reporting.outcome_group_table import outcome_group_table
    from pictrial.reporting.period_table import period_table
    from pictrial.reporting.primary_table import primary_table
    from pictrial.reporting.sensitivity_table import sensitivity_table

    builders: dict[str, Callable[[TrialPlan, pd.DataFrame], ReportTable]] = {
        "primary": primary_table,
        "sensitivity": sensitivity_table,
        "vibstim": partial(outcome_group_table, source="vibstim"),
        "scores": partial(outcome_group_table, source="scores"),
        "by_period": period_table,
        "baseline": baseline_table,
        "harms": harms_table,
        "attrition": attrition_table,
    }
    return builders[name](plan, ard)
