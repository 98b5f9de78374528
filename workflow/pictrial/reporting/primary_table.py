"""The table of the primary analysis: means, contrasts, effect sizes, tests of its terms, random effects."""

import pandas as pd

from pictrial.reporting.planned import of_experiment, paired_analysis
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import (
    BLANK,
    analysis_label,
    analysis_note,
    behind,
    compared,
    contrasts_of,
    counted,
    distinct_warnings,
    effect,
    effect_size,
    if_there,
    levels_of,
    places,
    sample,
    trimmed,
    warnings,
)
from pictrial.statistics.analysis_results import ALL
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis

_SHARES = {
    "r2_marginal": "R² of the fixed effects",
    "r2_conditional": "R² of fixed and random effects",
    "icc_adjusted": "Share of the random terms in the variance around the fixed part (ICC)",
}
_SIZES = "Effect sizes (95 % CI)"
_ABBREVIATIONS = (
    "CI, confidence interval; df, degrees of freedom; SD, standard deviation; ICC, intraclass correlation; "
    "d_total and d_residual, difference over the SD of single values around the fixed part and over the "
    "residual SD; g_av, Hedges' g of participants' means. An empty cell does not apply; a dash is not "
    "estimable."
)


def primary_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table of the plan's primary analysis, or of all where the trial has experiments."""
    results = Results(ard)
    primary = [analysis for analysis in plan.analyses.values() if analysis.role == "primary"]
    rows = [row for analysis in primary for row in _rows(plan, ard, results, analysis)]
    notes = [note for analysis in primary for note in _notes(plan, ard, results, analysis)]
    columns = (
        Column("n_participants", "Participants"),
        Column("n_units", "Motor units"),
        Column("n_pairs", "Pairs"),
        Column("estimate", "Estimate (95 % CI)"),
        Column("statistic", "t or F"),
        Column("df", "df"),
        Column("p", "P"),
        Column("p_adjusted", "P adjusted"),
        Column("d_total", "d_total", _SIZES),
        Column("d_residual", "d_residual", _SIZES),
        Column("hedges_g_av", "g_av", _SIZES),
    )
    table = ReportTable(
        name="trial/primary",
        title=f"{plan.title}: primary analysis",
        label_heading="Condition, contrast or term",
        columns=columns,
        rows=tuple(rows),
        notes=(*dict.fromkeys(notes), Shown(_ABBREVIATIONS)),
    )
    return trimmed(table)


def _rows(plan: TrialPlan, ard: pd.DataFrame, results: Results, analysis: Analysis) -> list[Row]:
    of = of_experiment(plan, analysis.experiment)
    outcome = plan.outcomes[analysis.outcome]
    key, rows = (analysis.name, analysis.outcome), []
    for condition in plan.conditions_of(analysis.experiment):
        cells = compared(plan, results, analysis, condition)
        if cells[0].text:
            cells = [*_counts(plan, results, analysis, condition), cells[0], BLANK, cells[1], *[BLANK] * 5]
            rows.append(Row(plan.conditions[condition], tuple(cells), f"{of}Marginal means, {outcome.unit}"))
    for name, label in contrasts_of(plan, analysis):
        estimate, df, p, adjusted = compared(plan, results, analysis, name)
        cells = [*_counts(plan, results, analysis, name), estimate]
        cells += [if_there(results, "number", *key, name, "t"), df, p, adjusted]
        cells += [effect_size(results, analysis, name, size) for size in ("d_total", "d_residual")]
        paired = paired_analysis(plan, analysis.outcome, analysis.experiment)
        cells.append(effect_size(results, paired, name, "hedges_g_av") if paired else BLANK)
        rows.append(Row(label, tuple(cells), f"{of}Contrasts, {outcome.unit}"))
    for term in levels_of(ard, *key, "F"):
        df = results.df(*key, term, "df1") + ", " + results.df(*key, term, "df2")
        cells = [*[BLANK] * 4, results.number(*key, term, "F"), df, results.p(*key, term, "p"), *[BLANK] * 4]
        rows.append(Row(analysis_label(term), tuple(cells), f"{of}Tests of the model's terms (type III)"))
    for component in levels_of(ard, *key, "standard_deviation"):
        spread = results.number(*key, component, "standard_deviation", places=places(plan, analysis.outcome))
        cells = [*[BLANK] * 3, spread, *[BLANK] * 7]
        rows.append(
            Row(component.replace(":", " × "), tuple(cells), f"{of}Random effects, SD, {outcome.unit}")
        )
    for statistic, label in _SHARES.items():
        if results.has(*key, ALL, statistic):
            cells = [*[BLANK] * 3, results.number(*key, ALL, statistic), *[BLANK] * 7]
            rows.append(Row(label, tuple(cells), f"{of}Shares of the variance"))
    return rows


def _counts(plan: TrialPlan, results: Results, analysis: Analysis, level: str) -> list[Shown]:
    counts = [name for name, _ in counted(plan.outcomes[analysis.outcome])]
    if not effect(plan, results, analysis, level).text:
        return [BLANK] * 3
    key = (analysis.name, analysis.outcome, level, "estimate")
    return [behind(results, name, *key) for name in counts] + [BLANK] * (3 - len(counts))


def _notes(plan: TrialPlan, ard: pd.DataFrame, results: Results, analysis: Analysis) -> list[Shown]:
    """Say the estimands, the data, the model and what its numbers need to be read with."""
    notes = []
    for estimand in plan.estimands.values():
        if analysis.name not in estimand.analyses:
            continue
        events = "; ".join(
            f"{plan.events[one.event].label}: {one.strategy.replace('_', ' ')} ({one.handling})"
            for one in estimand.intercurrent_events
        )
        population = plan.populations[estimand.population]
        text = (
            f"Estimand, {estimand.label}. Treatment: {estimand.treatment}. Population: {population.label} "
            f"({population.definition}). Variable: {plan.outcomes[estimand.outcome].label}. "
            f"Summary: {estimand.summary}." + (f" Intercurrent events: {events}." if events else "")
        )
        notes.append(Shown(text, (f"plan:estimands.{estimand.name}",)))
    notes.append(sample(plan, results, analysis.outcome, analysis.experiment) + " in all.")
    notes.append(analysis_note(plan, results, analysis))
    notes += warnings(plan, results, analysis)
    key = (analysis.name, analysis.outcome)
    for component in levels_of(ard, *key, "standard_deviation"):
        for text, ids in distinct_warnings(results, [(*key, component, "standard_deviation")]):
            notes.append(Shown(f"Random effect {component.replace(':', ' × ')}: {text}.", ids))
    if paired := paired_analysis(plan, analysis.outcome, analysis.experiment):
        notes.append("g_av: " + analysis_note(plan, results, paired))
    return notes
