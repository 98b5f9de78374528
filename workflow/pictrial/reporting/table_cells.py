"""What the tables for readers have in common: cells and notes, each with the rows of the ARD behind it."""

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from pictrial.reporting.captions import method_note, sample_size
from pictrial.reporting.numbers import decimal, interval
from pictrial.reporting.planned import (
    CENTRES,
    analysis_label,
    contrast_label,
    is_share,
    lower,
    of_experiment,
    planned_contrasts,
    said,
    scale_places,
)
from pictrial.reporting.report_table import Column, ReportTable
from pictrial.reporting.shown import Results, Shown
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis, Outcome

#: A cell that does not apply.
BLANK = Shown("")
#: Below tables with means of conditions.
STANDARD_DEVIATION = "SD, standard deviation; a share is written without one"
#: Columns of comparisons: `compared` fills them, the first apart from the others.
ESTIMATE = Column("estimate", "Estimate (95 % CI)")
TESTED = (Column("df", "df"), Column("p", "P"), Column("p_adjusted", "P adjusted"))
#: Below tables whose comparisons have different scales.
SCALES_DIFFER = (
    "Estimates are differences in the unit of the outcome where no other scale is named. An empty cell does "
    "not apply; a dash is not estimable."
)


def contrast_centre(results: Results, analysis: Analysis, level: str) -> str:
    """Return the statistic that an analysis estimates at a contrast or level, empty if there is none."""
    found = (name for name in CENTRES if results.has(analysis.name, analysis.outcome, level, name))
    return next(found, "")


def described(plan: TrialPlan, results: Results, analysis: str, outcome: str, level: str) -> Shown:
    """Write mean (SD) of an outcome, of a share the share alone."""
    if is_share(plan, outcome):
        return results.number(analysis, outcome, level, "mean", places=places(plan, outcome))
    return results.mean_sd(analysis, outcome, level, places=places(plan, outcome))


def places(plan: TrialPlan, outcome: str) -> int:
    """Return how many decimals the plan wants of an outcome."""
    return plan.outcomes[outcome].decimals


def effect(plan: TrialPlan, results: Results, analysis: Analysis, level: str) -> Shown:
    """Write the estimate of a contrast or level with its interval; blank where the analysis has none."""
    centre = contrast_centre(results, analysis, level)
    if not centre:
        return BLANK
    key, n = (analysis.name, analysis.outcome, level), scale_places(plan, analysis)
    if not results.has(*key, "ci_lower"):
        return results.number(*key, centre, places=n)
    return results.estimate(*key, places=n, statistic=centre)


def effect_size(results: Results, analysis: Analysis, level: str, name: str) -> Shown:
    """Write an effect size with its interval; blank where the analysis has none."""
    key = (analysis.name, analysis.outcome, level)
    if not results.has(*key, name):
        return BLANK
    size = results.number(*key, name)
    if not results.has(*key, f"{name}_ci_lower") or results.value(*key, name) is None:
        return size
    limits = results.written(interval, *key, f"{name}_ci_lower", f"{name}_ci_upper")
    return size + " (" + limits + ")"


def if_there(results: Results, write: str, *key: str) -> Shown:
    """Write one statistic by a method of `Results` (``p``, ``df``, ``number``); blank if there is none."""
    return getattr(results, write)(*key) if results.has(*key) else BLANK


def behind(results: Results, n: str, *key: str) -> Shown:
    """Write how many participants, motor units or pairs (`n`, a column of the ARD) are behind a row."""
    row = results.row(*key)
    return Shown(decimal(row[n], 0), (f"{row['ard_id']}#{n}",))


def counted(outcome: Outcome) -> list[tuple[str, str]]:
    """Return the counts that mean something for an outcome, with their headings."""
    source = outcome.measure.split(".")[0]
    counts = [("n_participants", "Participants"), ("n_units", "Motor units"), ("n_pairs", "Pairs")]
    return counts[: {"delta_f": 3, "units": 2}.get(source, 1)]


def sample(plan: TrialPlan, results: Results, outcome: str, experiment: str | None = None) -> Shown:
    """Write n of an outcome at each level: ``n = 6 participants, 36 motor units, 80 control–test pairs``."""
    return of_experiment(plan, experiment) + sample_size(results, outcome, ALL, experiment)


def levels_of(ard: pd.DataFrame, analysis: str, outcome: str, statistic: str) -> list[str]:
    """Return the contrasts or levels of an analysis that have a statistic, in the order of the ARD."""
    there = ard[(ard["analysis"] == analysis) & (ard["outcome"] == outcome) & (ard["statistic"] == statistic)]
    return there["contrast_or_level"].tolist()


def trimmed(table: ReportTable) -> ReportTable:
    """Return the table without columns in which no cell applies."""
    used = [place for place in range(len(table.columns)) if any(row.cells[place].text for row in table.rows)]
    return replace(
        table,
        columns=tuple(table.columns[place] for place in used),
        rows=tuple(replace(row, cells=tuple(row.cells[place] for place in used)) for row in table.rows),
    )


def population_label(plan: TrialPlan, analysis: Analysis) -> str:
    """Return the population of an analysis as the plan calls it."""
    return lower(plan.populations[analysis.population].label)


def analysis_note(plan: TrialPlan, results: Results, analysis: Analysis, name: str = "") -> Shown:
    """Say in one note what an analysis is: description, method, df, population, formula, adjustment."""
    note = f"{name or analysis_label(plan, analysis.name)}. " + method_note(plan, results, analysis)
    note = note + f"; population: {population_label(plan, analysis)}."
    if analysis.formula:
        note = note + Shown(f" Formula: {analysis.formula}.", (f"plan:analyses.{analysis.name}.formula",))
    return note


def warnings(plan: TrialPlan, results: Results, analysis: Analysis, name: str = "") -> list[Shown]:
    """Return what a reader has to know of an analysis' contrasts and means, or why they have no value."""
    levels = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)] + list(plan.conditions)
    keys = [
        (analysis.name, analysis.outcome, level, centre)
        for level in levels
        if (centre := contrast_centre(results, analysis, level))
    ]
    label = name or analysis_label(plan, analysis.name)
    found = distinct_warnings(results, keys)
    return [Shown(f"{label}, note: {text}.", sources) for text, sources in found]


def compared(plan: TrialPlan, results: Results, analysis: Analysis, level: str) -> list[Shown]:
    """Return the cells of a comparison: estimate with interval, df, P and adjusted P."""
    key = (analysis.name, analysis.outcome, level)
    return [
        effect(plan, results, analysis, level),
        if_there(results, "df", *key, "df"),
        if_there(results, "p", *key, "p"),
        if_there(results, "p", *key, "p_adjusted"),
    ]


def distinct_warnings(
    results: Results, keys: Iterable[tuple[str, str, str, str]]
) -> list[tuple[str, tuple[str, ...]]]:
    """Return every different warning of rows of the ARD, with its sources."""
    found: dict[str, list[str]] = {}
    for key in keys:
        if text := results.warning(*key):
            found.setdefault(text, []).append(said(results, "warning", *key).sources[0])
    return [(text, tuple(sources)) for text, sources in found.items()]


def contrasts_of(plan: TrialPlan, analysis: Analysis) -> list[tuple[str, str]]:
    """Return name and label of the planned contrasts of an analysis."""
    return [(contrast_name(*pair), contrast_label(plan, *pair)) for pair in planned_contrasts(plan, analysis)]
