"""The Statistical Summary Document that journals of physiology ask for: a row for every comparison."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pictrial.reporting.planned import (
    analysis_label,
    behind_analysis,
    contrast_analysis,
    contrast_label,
    experiments_of,
    is_share,
    lower,
    of_experiment,
    panel_letters,
    planned_contrasts,
    said,
    scale,
    scale_places,
)
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.reporting.table_cells import (
    BLANK,
    behind,
    contrast_centre,
    population_label,
    trimmed,
)
from pictrial.reporting.table_cells import places as decimals_of
from pictrial.statistics.analysis import descriptive_of
from pictrial.statistics.analysis_results import contrast_name
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_analyses import Analysis

#: Columns of the workbook: name and heading.
FIELDS = {
    "place": "Figure or table",
    "question": "Question",
    "comparison": "Comparison",
    "role": "Role in the plan",
    "outcome": "Outcome",
    "unit": "Unit of measurement",
    "unit_of_analysis": "Unit of analysis",
    "population": "Population",
    "n_participants": "n participants",
    "n_units": "n motor units",
    "n_pairs": "n control–test pairs",
    "condition": "Condition",
    "mean": "Mean",
    "sd": "SD",
    "other_condition": "Compared with",
    "other_mean": "Mean, compared with",
    "other_sd": "SD, compared with",
    "test": "Test",
    "df_method": "Degrees of freedom by",
    "statistic_name": "Statistic",
    "statistic": "Value of the statistic",
    "df": "df",
    "scale": "Estimate is a",
    "estimate": "Estimate",
    "ci_lower": "95 % CI, lower",
    "ci_upper": "95 % CI, upper",
    "p": "P",
    "p_adjusted": "P adjusted",
    "adjustment": "Adjustment",
    "effect_size_name": "Effect size",
    "effect_size": "Value of the effect size",
    "effect_size_ci_lower": "95 % CI of the effect size, lower",
    "effect_size_ci_upper": "95 % CI of the effect size, upper",
    "note": "Note",
}
_STATISTICS = {"t": "t", "z": "z", "rank_sum": "W, sum of positive ranks", "chi_square": "χ²"}
_SIZES = {
    "hedges_g_av": "Hedges' g (average SD)",
    "d_total": "d (total SD)",
    "rank_biserial": "rank-biserial correlation",
    "odds_ratio": "odds ratio",
}
_NOTES = (
    "One row per comparison of the analysis plan. n is given at each level: participants, motor units (test "
    "units), control–test pairs in each condition. Mean and SD are those of participants' means, of everyone "
    "with a value, whichever values an analysis uses; a share has no SD. P is exact and two-sided; adjusted "
    "P holds over the contrasts of the family. CI, confidence interval; df, degrees of freedom; SD, standard "
    "deviation; d (total SD), difference over the SD of single values around the fixed part; Hedges' g "
    "(average SD), difference of participants' means over their average SD. An empty cell does not apply; a "
    "dash is not estimable, and the workbook's column Note says why."
)


@dataclass(frozen=True)
class SummaryCell:
    """A cell of the summary: what is read there, and the number itself where it is one."""

    shown: Shown
    value: float | None = None


def comparisons(plan: TrialPlan, ard: pd.DataFrame) -> list[dict[str, SummaryCell]]:
    """Return every comparison of the plan, in its order: a cell for each of `FIELDS`.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``.
    """
    results, rows = Results(ard), []
    for analysis in plan.analyses.values():
        contrasts = [
            (pair, level)
            for pair in planned_contrasts(plan, analysis)
            for level in _levels(results, analysis, contrast_name(*pair))
        ]
        rows += [_comparison(plan, results, analysis, level, pair) for pair, level in contrasts]
        _, _, level, statistic = behind_analysis(plan, results, analysis)
        # Fits without one participant each are no comparison of their own.
        if not contrasts and statistic != "least_estimate":
            rows.append(_comparison(plan, results, analysis, level, None))
    return rows


def summary_table(plan: TrialPlan, ard: pd.DataFrame) -> ReportTable:
    """Return the comparisons as a table for a page: several fields to a cell, a section per outcome."""
    columns = (
        Column("place", "Figure or table"),
        Column("question", "Question"),
        Column("n", "n; unit of analysis"),
        Column("means", "Mean (SD)"),
        Column("test", "Test; df by"),
        Column("statistic", "Statistic"),
        Column("df", "df"),
        Column("estimate", "Estimate (95 % CI)"),
        Column("p", "P"),
        Column("p_adjusted", "P adjusted (by)"),
        Column("effect_size", "Effect size (95 % CI)"),
    )
    found = comparisons(plan, ard)
    rows = []
    for outcome in plan.outcomes.values():
        section = f"{outcome.label}, {outcome.unit}"
        rows += [
            Row(one["comparison"].shown.text, tuple(_page_cells(one)), section)
            for one in found
            if one["outcome"].shown.text == outcome.label
        ]
    table = ReportTable(
        name="statistical_summary",
        title=f"Statistical Summary Document. {plan.title}",
        label_heading="Comparison",
        columns=columns,
        rows=tuple(rows),
        notes=(Shown(_NOTES),),
    )
    return trimmed(table)


def _levels(results: Results, analysis: Analysis, contrast: str) -> list[str]:
    """Return where the ARD has a comparison of a contrast: itself, or that of imputed values not shifted."""
    return [
        level for level in (contrast, f"{contrast}, delta +0") if contrast_centre(results, analysis, level)
    ]


def _comparison(
    plan: TrialPlan, results: Results, analysis: Analysis, level: str, pair: tuple[str, str] | None
) -> dict[str, SummaryCell]:
    outcome, key = plan.outcomes[analysis.outcome], (analysis.name, analysis.outcome, level)
    centre = contrast_centre(results, analysis, level)
    row = results.row(*key, centre or "p")
    n = scale_places(plan, analysis)
    cells = dict.fromkeys(FIELDS, SummaryCell(BLANK))
    described = (f"plan:analyses.{analysis.name}.description",)
    question = f"{of_experiment(plan, analysis.experiment)}{analysis_label(plan, analysis.name)}. "
    texts = {
        "place": _place(plan, results, analysis),
        "question": Shown(question + analysis.description, described),
        "comparison": contrast_label(plan, *pair) if pair else _subject(plan, analysis, level),
        "role": row["role"],
        "outcome": outcome.label,
        "unit": outcome.unit,
        "unit_of_analysis": _unit_of_analysis(plan, analysis),
        "population": population_label(plan, analysis),
        "test": said(results, "method", *key, centre or "p"),
        "df_method": said(results, "df_method", *key, centre or "p"),
        "note": said(results, "warning", *key, centre or "p"),
        "scale": _estimate_is(plan, analysis) if centre else "",
        "adjustment": _adjustment(results, key),
    }
    cells |= {
        name: SummaryCell(Shown(text) if isinstance(text, str) else text) for name, text in texts.items()
    }
    counts = ["n_participants", *(["n_units"] if outcome.level == "motor_unit" else [])]
    counts += ["n_pairs"] if outcome.measure == "delta_f" else []
    for name in counts:
        cells[name] = SummaryCell(behind(results, name, *key, centre or "p"), float(row[name]))
    if pair:
        cells |= _descriptions(plan, results, analysis, pair)
    statistic = next((name for name in _STATISTICS if results.has(*key, name)), None)
    if statistic:
        cells["statistic_name"] = SummaryCell(Shown(_STATISTICS[statistic]))
        cells["statistic"] = _cell(results, "number", key, statistic)
    numbers = {"estimate": centre, "ci_lower": "ci_lower", "ci_upper": "ci_upper"} if centre else {}
    cells |= {field: _cell(results, "number", key, name, places=n) for field, name in numbers.items()}
    cells |= {name: _cell(results, write, key, name) for name, write in (("df", "df"), ("p", "p"))}
    cells["p_adjusted"] = _cell(results, "p", key, "p_adjusted")
    size = next((name for name in _SIZES if results.has(*key, name)), None)
    if size:
        cells["effect_size_name"] = SummaryCell(Shown(_SIZES[size]))
        for suffix in ("", "_ci_lower", "_ci_upper"):
            cells[f"effect_size{suffix}"] = _cell(results, "number", key, f"{size}{suffix}")
    return cells


def _cell(results: Results, write: str, key: tuple[str, str, str], statistic: str, **how: int) -> SummaryCell:
    if not results.has(*key, statistic):
        return SummaryCell(BLANK)
    return SummaryCell(getattr(results, write)(*key, statistic, **how), results.value(*key, statistic))


def _descriptions(
    plan: TrialPlan, results: Results, analysis: Analysis, pair: tuple[str, str]
) -> dict[str, SummaryCell]:
    cells = {}
    for prefix, condition in zip(("", "other_"), pair, strict=True):
        cells[f"{prefix}condition"] = SummaryCell(Shown(plan.conditions[condition]))
        for name in ("mean",) if is_share(plan, analysis.outcome) else ("mean", "sd"):
            cells[f"{prefix}{name}"] = _cell(
                results,
                "number",
                (descriptive_of(analysis.experiment), analysis.outcome, condition),
                name,
                places=decimals_of(plan, analysis.outcome),
            )
    return cells


def _place(plan: TrialPlan, results: Results, analysis: Analysis) -> str:
    """Say where a reader finds the comparison: the figure that shows it, else the table of all analyses."""
    shown = contrast_analysis(plan, analysis.outcome, analysis.experiment)
    if shown and shown.name == analysis.name:
        row = experiments_of(plan, results, analysis.outcome).index(analysis.experiment)
        return f"Figure of {lower(plan.outcomes[analysis.outcome].label)}, {panel_letters(row)[1]}"
    return "Table of all analyses"


def _subject(plan: TrialPlan, analysis: Analysis, level: str) -> str:
    if analysis.other:
        return f"{plan.outcomes[analysis.outcome].label} and {plan.outcomes[analysis.other].label}"
    return f"Test of {level}"


def _unit_of_analysis(plan: TrialPlan, analysis: Analysis) -> str:
    if plan.outcomes[analysis.outcome].level == "motor_unit" and (analysis.formula or analysis.model):
        return "motor unit within participant"
    return "participant"


def _estimate_is(plan: TrialPlan, analysis: Analysis) -> str:
    unit, name = plan.outcomes[analysis.outcome].unit, scale(plan, analysis)
    return f"difference, {unit}" if name == unit else name


def _adjustment(results: Results, key: tuple[str, str, str]) -> str:
    if not results.has(*key, "p_adjusted"):
        return ""
    return str(results.row(*key, "p_adjusted")["adjustment"]).capitalize()


def _page_cells(one: dict[str, SummaryCell]) -> list[Shown]:
    shown = {name: cell.shown for name, cell in one.items()}
    counts = (("n_participants", "participants"), ("n_units", "motor units"), ("n_pairs", "pairs"))
    n = joined((shown[name] + f" {noun}" for name, noun in counts if shown[name].text), ", ")
    means = joined(
        (
            shown[f"{prefix}condition"] + ": " + _with_sd(shown[f"{prefix}mean"], shown[f"{prefix}sd"])
            for prefix in ("", "other_")
            if shown[f"{prefix}condition"].text
        ),
        "; ",
    )
    statistic = shown["statistic_name"] + " = " + shown["statistic"] if shown["statistic"].text else BLANK
    return [
        shown["place"],
        shown["question"],
        n + "; " + shown["unit_of_analysis"],
        means,
        shown["test"] + ("; " + shown["df_method"] if shown["df_method"].text else BLANK),
        statistic,
        shown["df"],
        _with_limits(shown, "estimate", "ci_lower", "ci_upper") + _after_comma(shown["scale"]),
        shown["p"],
        shown["p_adjusted"] + _after_comma(shown["adjustment"]),
        shown["effect_size_name"]
        + (" = " if shown["effect_size"].text else "")
        + _with_limits(shown, "effect_size", "effect_size_ci_lower", "effect_size_ci_upper"),
    ]


def _with_limits(shown: dict[str, Shown], centre: str, lower: str, upper: str) -> Shown:
    if not shown[lower].text:
        return shown[centre]
    return shown[centre] + " (" + shown[lower] + " to " + shown[upper] + ")"


def _with_sd(mean: Shown, sd: Shown) -> Shown:
    return mean + " (" + sd + ")" if sd.text else mean


def _after_comma(text: Shown) -> Shown:
    return ", " + text if text.text else BLANK
