"""The table of one outcome: its conditions, and the contrasts of its main analysis."""

from dataclasses import replace

import pandas as pd

from pictrial.reporting.planned import (
    contrast_label,
    experiments_of,
    main_analysis,
    missing_contrast,
    of_experiment,
    paired_analysis,
    planned_contrasts,
)
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown
from pictrial.reporting.table_cells import (
    BLANK,
    STANDARD_DEVIATION,
    analysis_note,
    behind,
    compared,
    contrast_centre,
    counted,
    described,
    if_there,
    sample,
    trimmed,
    warnings,
)
from pictrial.statistics.analysis import descriptive_of
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.trial.plan import Analysis, TrialPlan

CONDITIONS, CONTRASTS = "Conditions", "Contrasts"
_MEANS, _MODEL = "Participants' means", "Main analysis"


def result_table(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> ReportTable:
    """Build the table of one outcome: one row per condition and per contrast.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``; every number of the table is one of its rows.
    outcome : str
        Which outcome.
    """
    results, rows, notes = Results(ard), [], []
    for experiment in experiments_of(plan, results, outcome):
        rows += _rows(plan, results, outcome, experiment)
        notes += _notes(plan, results, outcome, experiment)
    table = trimmed(
        ReportTable(
            name=outcome,
            title=f"{plan.title}. {plan.outcomes[outcome].label}",
            label_heading="Condition or contrast",
            columns=_columns(plan, outcome),
            rows=tuple(rows),
            notes=(),
        )
    )
    abbreviations = f"CI, confidence interval; df, degrees of freedom; {STANDARD_DEVIATION}."
    if any(column.name == "hedges_g_av" for column in table.columns):
        abbreviations += " Hedges' g is over the average SD of participants' means in the two conditions."
    notes.append(Shown(f"{abbreviations} An empty cell does not apply; a dash is not estimable."))
    return replace(table, notes=tuple(dict.fromkeys(notes)))


def _rows(plan: TrialPlan, results: Results, outcome: str, experiment: str | None) -> list[Row]:
    of = of_experiment(plan, experiment)
    main, paired = (find(plan, outcome, experiment) for find in (main_analysis, paired_analysis))
    rows = [
        Row(
            plan.conditions[condition],
            _condition_cells(plan, results, outcome, condition, experiment, main),
            of + CONDITIONS,
        )
        for condition in plan.conditions_of(experiment)
    ]
    pairs = dict.fromkeys([*planned_contrasts(plan, main), *planned_contrasts(plan, paired)])
    return rows + [
        Row(
            contrast_label(plan, *pair),
            _contrast_cells(plan, results, outcome, pair, main, paired),
            of + CONTRASTS,
        )
        for pair in pairs
    ]


def _columns(plan: TrialPlan, outcome: str) -> tuple[Column, ...]:
    unit = plan.outcomes[outcome].unit
    return (
        *(Column(name, heading) for name, heading in counted(plan.outcomes[outcome])),
        Column("means", f"Mean (SD) or difference (95 % CI), {unit}", _MEANS),
        Column("means_df", "df", _MEANS),
        Column("means_p", "P", _MEANS),
        Column("means_p_adjusted", "P adjusted", _MEANS),
        Column("hedges_g_av", "Hedges' g", _MEANS),
        Column("model", f"Mean or difference (95 % CI), {unit}", _MODEL),
        Column("model_df", "df", _MODEL),
        Column("model_p", "P", _MODEL),
        Column("model_p_adjusted", "P adjusted", _MODEL),
    )


def _condition_cells(
    plan: TrialPlan,
    results: Results,
    outcome: str,
    condition: str,
    experiment: str | None,
    main: Analysis | None,
) -> tuple[Shown, ...]:
    key = (descriptive_of(experiment), outcome, condition)
    counts = [results.count(*key, name) for name, _ in counted(plan.outcomes[outcome])]
    means = described(plan, results, *key)
    model = [BLANK, BLANK]
    if main:
        # A comparison by ranks has no means of conditions.
        model = compared(plan, results, main, condition)[:2]
    return (*counts, means, *[BLANK] * 4, *model, BLANK, BLANK)


def _contrast_cells(
    plan: TrialPlan,
    results: Results,
    outcome: str,
    pair: tuple[str, str],
    main: Analysis | None,
    paired: Analysis | None,
) -> tuple[Shown, ...]:
    name = contrast_name(*pair)
    means, model = (
        compared(plan, results, analysis, name) if analysis else [BLANK] * 4 for analysis in (paired, main)
    )
    size = if_there(results, "number", paired.name, outcome, name, "hedges_g_av") if paired else BLANK
    # The first of the two gives n: the participants who are compared with themselves.
    both = [(one, contrast_centre(results, one, name)) for one in (paired, main) if one]
    there = next(((one.name, outcome, name, centre) for one, centre in both if centre), None)
    counts = [behind(results, n, *there) if there else BLANK for n, _ in counted(plan.outcomes[outcome])]
    return (*counts, *means, size, *model)


def _notes(plan: TrialPlan, results: Results, outcome: str, experiment: str | None) -> list[Shown]:
    """Say n, population, models, degrees of freedom and warnings."""
    of_units = plan.outcomes[outcome].level == "motor_unit"

    def total(statistic: str, noun: str) -> Shown:
        return results.count(descriptive_of(experiment), outcome, ALL, statistic, noun=noun)

    missing = "unit not found in that session, or no control passed" if of_units else "not measured"
    each = "motor unit and session" if of_units else "session"
    values = total("n_values", "value") + f" (one per {each}), " + total("n_missing", "value")
    notes = [sample(plan, results, outcome, experiment) + "; " + values + f" missing ({missing})."]
    if of_units:
        notes.append(total("n_matched_units", "motor unit") + " with a value in every condition.")
    if plan.outcomes[outcome].measure == "delta_f":
        notes.append(
            Shown(
                "Pairs are control–test pairs of motor units that met every criterion, counted in each "
                "condition. n of a contrast counts participants with both conditions; a model uses all "
                "values."
            )
        )
    reason = missing_contrast(plan, results, outcome, main_analysis(plan, outcome, experiment))
    if reason.text:
        notes.append("No contrast: " + reason + ".")
    for name, find in ((_MODEL, main_analysis), (_MEANS, paired_analysis)):
        if analysis := find(plan, outcome, experiment):
            notes += [
                analysis_note(plan, results, analysis, name),
                *warnings(plan, results, analysis, name),
            ]
    return notes
