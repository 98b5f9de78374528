"""The table of results, as CSV and as HTML that stands alone."""

from html import escape
from itertools import groupby
from pathlib import Path

import pandas as pd

from pictrial.files import write_text
from pictrial.reporting.captions import method_note, sample_size
from pictrial.reporting.numbers import count, decimal, degrees_of_freedom, mean_sd, p_value, with_interval
from pictrial.reporting.planned import (
    contrast_label,
    main_analysis,
    paired_analysis,
    planned_contrasts,
    why_no_contrast,
)
from pictrial.statistics.analysis_results import ALL, contrast_name, look_up, why_missing
from pictrial.trial.plan import Analysis, TrialPlan

CONDITIONS, CONTRASTS = "Conditions", "Contrasts"
_STYLE = """
body { font: 13.5px/1.45 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 90rem; }
body { padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; border-top: 2px solid; border-bottom: 2px solid; }
caption { text-align: left; font-weight: 600; padding-bottom: .6rem; }
th, td { padding: .3rem .45rem; text-align: right; vertical-align: top; font-variant-numeric: tabular-nums; }
td { white-space: nowrap; } th { font-weight: 600; }
thead th { border-bottom: 1px solid; vertical-align: bottom; } th[scope=colgroup] { text-align: center; }
th[scope=row], th[scope=rowgroup] { text-align: left; }
th[scope=row] { font-weight: 400; white-space: nowrap; } th[scope=rowgroup] { padding-top: .8rem; }
footer { font-size: .85rem; margin-top: .8rem; } footer p { margin: .3rem 0; }
.scroll { overflow-x: auto; }
@media print {
  @page { size: landscape; margin: 12mm; }
  body { margin: 0; max-width: none; padding: 0; font-size: 9pt; }
  .scroll { overflow: visible; } tr { break-inside: avoid; }
}
"""


#: Columns of the table: heading of their group (empty where they stand alone) and their own.
COLUMNS = {
    "section": ("", "Section"),
    "label": ("", "Condition or contrast"),
    "n_participants": ("", "Participants"),
    "n_units": ("", "Motor units"),
    "n_pairs": ("", "Pairs"),
    "means": ("Participants' means", "mean (SD) or difference (95 % CI), {unit}"),
    "means_df": ("Participants' means", "df"),
    "means_p": ("Participants' means", "P"),
    "means_p_adjusted": ("Participants' means", "P adjusted"),
    "hedges_g_av": ("Participants' means", "Hedges' g_av"),
    "model": ("Comparison", "mean or difference (95 % CI), {unit}"),
    "model_df": ("Comparison", "df"),
    "model_p": ("Comparison", "P"),
    "model_p_adjusted": ("Comparison", "P adjusted"),
}
#: Counts that mean nothing for an outcome, by where its values come from.
_UNCOUNTED = {"units": ["n_pairs"], "vibstim": ["n_units", "n_pairs"], "scores": ["n_units", "n_pairs"]}


def result_table(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return the table of one outcome as text, one row per condition and per contrast.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``; every number of the table is one of its rows.
    outcome : str
        Which outcome.

    Returns
    -------
    DataFrame
        Those of `COLUMNS` that the plan's analyses fill. Cells that do not apply are empty; values that
        are not estimable are a dash.
    """
    ard = ard[ard["outcome"] == outcome]
    primary, paired = main_analysis(plan, outcome), paired_analysis(plan, outcome)
    rows = [_condition_row(plan, ard, condition, primary) for condition in plan.conditions]
    pairs = dict.fromkeys([*planned_contrasts(plan, primary), *planned_contrasts(plan, paired)])
    rows += [_contrast_row(plan, ard, pair, primary, paired) for pair in pairs]
    table = pd.DataFrame(rows)
    table = table.drop(columns=_UNCOUNTED.get(plan.outcomes[outcome].measure.split(".")[0], []))
    return table[[column for column in COLUMNS if column in table]].fillna("")


def write_result_table(
    plan: TrialPlan, ard: pd.DataFrame, outcome: str, csv: str | Path, html: str | Path
) -> None:
    """Write the table of `result_table` as CSV and, with its notes, as a page of HTML."""
    table = result_table(plan, ard, outcome)
    write_text(csv, table.to_csv(index=False, lineterminator="\n"))
    title = f"{plan.title}: {plan.outcomes[outcome].label}"
    write_text(html, _page(title, table, table_notes(plan, ard, outcome), plan.outcomes[outcome].unit))


def table_caption(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> str:
    """Write title and notes of the table in reStructuredText."""
    notes = [note.replace("|", "\\|") for note in table_notes(plan, ard, outcome)]
    return "\n\n".join([f"**{plan.title}: {plan.outcomes[outcome].label}.**", *notes]) + "\n"


def table_notes(plan: TrialPlan, ard: pd.DataFrame, outcome: str) -> list[str]:
    """Return the notes under the table: n, population, models, degrees of freedom, warnings."""
    ard = ard[ard["outcome"] == outcome]

    def total(statistic: str, noun: str) -> str:
        return count(look_up(ard, "descriptive", ALL, statistic), noun)

    of_units = plan.outcomes[outcome].level == "motor_unit"
    missing = "unit not found in that session, or no control passed" if of_units else "not measured"
    notes = [
        f"{sample_size(ard, ALL)}; {total('n_values', 'value')} (one per "
        f"{'motor unit and session' if of_units else 'session'}), "
        f"{total('n_missing', 'further one')} not there ({missing})."
    ]
    if of_units:
        matched = total("n_matched_units", "motor unit")
        notes.append(f"{matched[0].upper()}{matched[1:]} with a value in every condition.")
    if plan.outcomes[outcome].measure == "delta_f":
        notes.append(
            "Pairs are control–test pairs of motor units that met every criterion, counted in each "
            "condition. n of a contrast counts participants with both conditions; a model uses all values."
        )
    if reason := why_no_contrast(plan, ard, outcome):
        notes.append(f"No contrast: {reason}.")
    for name, analysis in (
        ("Comparison", main_analysis(plan, outcome)),
        ("Participants' means", paired_analysis(plan, outcome)),
    ):
        if analysis:
            notes += _analysis_notes(plan, ard, name, analysis)
    return notes


def _analysis_notes(plan: TrialPlan, ard: pd.DataFrame, name: str, analysis: Analysis) -> list[str]:
    population = analysis.population.replace("_", " ")
    notes = [f"{name}. {method_note(ard, analysis)}; population: {population}."]
    if analysis.formula:
        notes.append(f"Formula: {analysis.formula}")
    levels = [contrast_name(*pair) for pair in planned_contrasts(plan, analysis)]
    warnings = [why_missing(ard, analysis.name, level) for level in [*levels, *plan.conditions]]
    return notes + [f"{name}, note: {text}." for text in dict.fromkeys(warnings) if text]


def _condition_row(plan: TrialPlan, ard: pd.DataFrame, condition: str, primary: Analysis | None) -> dict:
    def described(statistic: str) -> float | None:
        return look_up(ard, "descriptive", condition, statistic)

    row = {"section": CONDITIONS, "label": plan.conditions[condition]}
    row |= {name: f"{described(name) or 0:.0f}" for name in ("n_participants", "n_units", "n_pairs")}
    row["means"] = mean_sd(described("mean"), described("sd"))
    if primary:
        there = ard[(ard["analysis"] == primary.name) & (ard["contrast_or_level"] == condition)]
        values = there.set_index("statistic")["value"]
        # A comparison by ranks has no means of conditions.
        row["model"] = _interval(ard, primary, condition, "estimate") if len(values) else ""
        row["model_df"] = degrees_of_freedom(_number(values, "df")) if "df" in values else ""
    return row


def _contrast_row(
    plan: TrialPlan,
    ard: pd.DataFrame,
    pair: tuple[str, str],
    primary: Analysis | None,
    paired: Analysis | None,
) -> dict:
    name = contrast_name(*pair)
    row = {"section": CONTRASTS, "label": contrast_label(plan, *pair)}
    for analysis, prefix, centre in ((paired, "means", "mean_difference"), (primary, "model", "estimate")):
        if analysis is None:
            continue
        behind = ard[(ard["analysis"] == analysis.name) & (ard["contrast_or_level"] == name)]
        if behind.empty:
            continue
        # The first of the two gives n: the participants who are compared with themselves.
        for n in ("n_participants", "n_units", "n_pairs"):
            row.setdefault(n, f"{behind[n].iloc[0]:.0f}")
        values = behind.set_index("statistic")["value"]
        row[prefix] = _interval(ard, analysis, name, centre)
        row[f"{prefix}_df"] = degrees_of_freedom(_number(values, "df"))
        row[f"{prefix}_p"] = p_value(_number(values, "p"))
        row[f"{prefix}_p_adjusted"] = p_value(_number(values, "p_adjusted"))
        if "hedges_g_av" in values:
            row["hedges_g_av"] = decimal(_number(values, "hedges_g_av"))
    return row


def _number(values: pd.Series, statistic: str) -> float | None:
    return None if statistic not in values or pd.isna(values[statistic]) else float(values[statistic])


def _interval(ard: pd.DataFrame, analysis: Analysis, level: str, centre: str) -> str:
    estimate, lower, upper = (
        look_up(ard, analysis.name, level, statistic) for statistic in (centre, "ci_lower", "ci_upper")
    )
    return with_interval(estimate, lower, upper)


def _page(title: str, table: pd.DataFrame, notes: list[str], unit: str) -> str:
    shown = [column for column in table if column not in ("section", "label")]
    body = []
    for section, rows in table.groupby("section", sort=False):
        cells = [f'<tr><th scope="rowgroup" colspan="{len(shown) + 1}">{escape(str(section))}</th></tr>']
        for row in rows.to_dict("records"):
            values = "".join(f"<td>{escape(row[column])}</td>" for column in shown)
            cells.append(f'<tr><th scope="row">{escape(row["label"])}</th>{values}</tr>')
        body.append("<tbody>\n" + "\n".join(cells) + "\n</tbody>")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<div class="scroll">
<table>
<caption>{escape(title)}</caption>
<thead>
{_head(shown, unit)}
</thead>
{chr(10).join(body)}
</table>
</div>
<footer>
{chr(10).join(f"<p>{escape(note)}</p>" for note in notes)}
</footer>
</body>
</html>
"""


def _head(columns: list[str], unit: str) -> str:
    """Write the two rows of headings: groups above, columns below."""
    upper, lower = ['<td rowspan="2"></td>'], []
    for group, members in groupby(columns, key=lambda column: COLUMNS[column][0]):
        names = [escape(COLUMNS[column][1].format(unit=unit)) for column in members]
        if group:
            upper.append(f'<th scope="colgroup" colspan="{len(names)}">{escape(group)}</th>')
            lower += [f'<th scope="col">{name}</th>' for name in names]
        else:
            upper += [f'<th scope="col" rowspan="2">{name}</th>' for name in names]
    return f"<tr>{''.join(upper)}</tr>\n<tr>{''.join(lower)}</tr>"
