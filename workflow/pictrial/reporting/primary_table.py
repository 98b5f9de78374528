"""The table of the primary analysis: means, contrasts, effect sizes, tests of its terms, random effects."""

import pandas as pd

from pictrial.reporting.numbers import mean_sd
from pictrial.reporting.planned import capitalised, of_experiment, paired_analysis
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import (
    BLANK,
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
#: Effect sizes and what the difference is divided by.
_SIZES = {"d_total": "d, total SD", "d_residual": "d, residual SD", "hedges_g_av": "Hedges' g, average SD"}
_ABBREVIATIONS = (
    "CI, confidence interval; df, degrees of freedom; SD, standard deviation; ICC, intraclass correlation. "
    "n is that of the fitted model, which uses the values of all conditions in every row. Effect sizes are "
    "the difference over the SD named: total, of single values around the fixed part; residual, of the "
    "model's residuals; average, of participants' means in the two conditions (Hedges' g). A variance below "
    "zero has no SD. An empty cell does not apply; a dash is not estimable."
)
_THESE_PARTICIPANTS = (
    "Without a variance of the participants, marginal means and tests of terms between participants hold for "
    "the participants of this trial only. Contrasts are within participants and do not depend on it."
)
#: Columns in which a row may have cells.
_COLUMNS = {
    "n_participants": "Participants",
    "n_units": "Motor units",
    "n_pairs": "Pairs",
    "estimate": "Estimate (95 % CI)",
    "statistic": "t or F",
    "df": "df",
    "p": "P",
    "p_adjusted": "P adjusted",
}


def primary_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Build the table of the plan's primary analysis, or of all where the trial has experiments."""
    results = Results(ard)
    primary = [analysis for analysis in plan.analyses.values() if analysis.role == "primary"]
    rows = [row for analysis in primary for row in _rows(plan, ard, results, analysis)]
    notes = [note for analysis in primary for note in _notes(plan, ard, results, analysis)]
    table = ReportTable(
        name="trial/primary",
        title=f"{plan.title}. Primary analysis",
        label_heading="Condition, contrast or term",
        columns=tuple(Column(*column) for column in _COLUMNS.items()),
        rows=tuple(rows),
        notes=(*dict.fromkeys(notes), Shown(_ABBREVIATIONS)),
    )
    return trimmed(table)


def _rows(plan: TrialPlan, ard: pd.DataFrame, results: Results, analysis: Analysis) -> list[Row]:
    of = of_experiment(plan, analysis.experiment)
    unit, key, rows = plan.outcomes[analysis.outcome].unit, (analysis.name, analysis.outcome), []

    def add(section: str, label: str, **cells: Shown) -> None:
        rows.append(Row(label, tuple(cells.get(name, BLANK) for name in _COLUMNS), of + section))

    for condition in plan.conditions_of(analysis.experiment):
        mean, df, *_ = compared(plan, results, analysis, condition)
        if mean.text:
            n = _counts(plan, results, analysis, condition)
            add(f"Marginal means, {unit}", plan.conditions[condition], **n, estimate=mean, df=df)
    for name, label in contrasts_of(plan, analysis):
        estimate, df, p, adjusted = compared(plan, results, analysis, name)
        tested = {"statistic": if_there(results, "number", *key, name, "t"), "df": df, "p": p}
        n = _counts(plan, results, analysis, name)
        add(f"Contrasts, {unit}", label, **n, estimate=estimate, **tested, p_adjusted=adjusted)
    for statistic, divided_by in _SIZES.items():
        one = _analysis_of(plan, analysis, statistic)
        for name, label in contrasts_of(plan, analysis):
            if one and (size := effect_size(results, one, name, statistic)).text:
                add("Effect sizes", f"{divided_by}: {label}", estimate=size)
    for term in levels_of(ard, *key, "F"):
        df = results.df(*key, term, "df1") + ", " + results.df(*key, term, "df2")
        tested = {"statistic": results.number(*key, term, "F"), "df": df, "p": results.p(*key, term, "p")}
        add("Tests of the model's terms (type III)", capitalised(term), **tested)
    for component in levels_of(ard, *key, "variance"):
        places_ = places(plan, analysis.outcome) + 1
        spread = results.written(mean_sd, *key, component, "variance", "standard_deviation", places=places_)
        add(f"Variance, {unit}² (SD, {unit})", _component(component), estimate=spread)
    for statistic, label in _SHARES.items():
        if results.has(*key, ALL, statistic):
            add("Shares of the variance", label, estimate=results.number(*key, ALL, statistic))
    return rows


def _analysis_of(plan: TrialPlan, analysis: Analysis, size: str) -> Analysis | None:
    """Return which analysis gives an effect size: Hedges' g is one of participants' means."""
    if size != "hedges_g_av":
        return analysis
    return paired_analysis(plan, analysis.outcome, analysis.experiment)


def _component(name: str) -> str:
    """Return the name of a variance component as it is printed: ``Participant × unit``."""
    return capitalised(name.replace(":", " × "))


def _counts(plan: TrialPlan, results: Results, analysis: Analysis, level: str) -> dict[str, Shown]:
    if not effect(plan, results, analysis, level).text:
        return {}
    key = (analysis.name, analysis.outcome, level, "estimate")
    return {name: behind(results, name, *key) for name, _ in counted(plan.outcomes[analysis.outcome])}


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
    sizes = [(*key, name, size) for name, _ in contrasts_of(plan, analysis) for size in _SIZES]
    there = [one for one in sizes if results.has(*one)]
    for text, ids in distinct_warnings(results, there):
        size, _, why = text.partition(": ")
        notes.append(Shown(f"{_SIZES.get(size, size)}: {why}." if why else f"{text}.", ids))
    for component in levels_of(ard, *key, "variance"):
        for text, ids in distinct_warnings(results, [(*key, component, "variance")]):
            notes.append(Shown(f"Variance of {component.replace(':', ' × ')}: {text}.", ids))
    of_participants = (*key, "participant", "variance")
    if results.has(*of_participants) and results.value(*of_participants) is None:
        notes.append(Shown(_THESE_PARTICIPANTS))
    if paired := paired_analysis(plan, analysis.outcome, analysis.experiment):
        notes.append("Hedges' g: " + analysis_note(plan, results, paired))
    return notes
