"""The tables of a quality page: channels, motor units, and what was left out, in HTML."""

from html import escape

import numpy as np
import pandas as pd

from pictrial.reporting.numbers import MISSING, decimal
from pictrial.reporting.quality_measures import (
    RecordingQuality,
    close_to_limits,
    heading,
    name_in_own,
    numeric_columns,
    unit_measures,
    written,
)
from pictrial.reporting.quality_verdict import kind_of
from pictrial.tables import load_schema


def channel_tables(page: RecordingQuality) -> str:
    """Write the bad channels with their reasons, and every measure over the good ones."""
    reasons = load_schema("quality_channels")["columns"]["reason"]["Levels"]
    rows = [
        (row.channel, row.reason, *_written(row, ("rms", "baseline_rms")))
        for row in page.bad_channels.itertuples()
    ]
    bad = _table(("Bad channel", "Reason", "RMS (µV)", "at rest (µV)"), rows, 2)
    for reason in dict.fromkeys(page.bad_channels["reason"]):
        bad += f'<p class="note">{escape(reason)}: {escape(reasons[reason])}</p>'
    good = page.channels[page.good]
    rows = []
    for name in numeric_columns("quality_channels"):
        values = good[name].dropna().to_numpy(float)
        if len(values):
            low, middle, high = (written(name, value) for value in np.percentile(values, (5, 50, 95)))
            rows.append((_headed(name, "quality_channels"), middle, f"{low} to {high}"))
    return bad + _table(("Good channels", "Median", "5–95 %"), rows, 1)


def unit_table(page: RecordingQuality, order: list[str]) -> str:
    """Write every number of every motor unit; those close to a limit of acceptance stand out."""
    measures, near = unit_measures(page), close_to_limits(page)
    names = list(measures[order[0]])
    heads = ["Unit", "Found here as", *(_headed(name, "quality_units") for name in names)]
    rows = []
    for unit in order:
        cells = (_emphasised(name, measures[unit][name], near.get(unit, [])) for name in names)
        rows.append((_Raw(f'<a href="#{unit}">{unit}</a>'), name_in_own(page, unit) or MISSING, *cells))
    return _table(heads, rows, 2)


def definitions() -> str:
    """Say what the numbers of the motor units are, from the data dictionary."""
    columns = load_schema("quality_units")["columns"]
    lines = []
    for name in numeric_columns("quality_units"):
        rule = columns[name]
        derivation = f": {rule['Derivation']}" if "Derivation" in rule else ""
        lines.append(
            f"<b>{escape(heading(name, 'quality_units')[0])}</b> {escape(rule['Description'] + derivation)}."
        )
    return " ".join(lines)


def unit_numbers(page: RecordingQuality, unit: str) -> str:
    """Write every number of a motor unit in a line."""
    near, words = close_to_limits(page).get(unit, []), []
    for name, value in unit_measures(page)[unit].items():
        title, unit_of = heading(name, "quality_units")
        number = f"<b>{_emphasised(name, value, near)}</b>"
        words.append(f"<span>{' '.join(filter(None, [escape(title), number, unit_of]))}</span>")
    return " · ".join(words)


def units_not_seen(page: RecordingQuality) -> str:
    """Write the motor units of the participant that were not seen in this recording, with the reason."""
    unseen = page.units.quality[~page.units.quality["accepted"].astype(bool)]
    names = ("n_discharges", "silhouette", "potential_similarity")
    rows = [(row.unit_id, row.reason, row.origin, *_written(row, names)) for row in unseen.itertuples()]
    return _table(("Unit", "Reason", "Found in", "Discharges", "SIL", "Similarity"), rows, 3)


def rejected_candidates(page: RecordingQuality) -> str:
    """Count the rejected candidates of the recording's own decomposition by reason."""
    rejected = page.own.quality[~page.own.quality["accepted"].astype(bool)]
    kinds = rejected["reason"].map(kind_of) if len(rejected) else rejected["reason"]
    rows = [
        (
            kind,
            len(group),
            *(_span(name, group[name]) for name in ("n_discharges", "silhouette", "successive_cov_isi")),
        )
        for kind, group in rejected.groupby(kinds)
    ]
    rows.sort(key=lambda row: -row[1])
    return _table(("Reason", "Candidates", "Discharges", "SIL", "CoV successive (%)"), rows, 1)


def edits_of_trains(edits: pd.DataFrame) -> str:
    """Write every column of the table of manual edits; the recording is known from the page."""
    edits = edits.drop(columns="recording", errors="ignore")
    is_number = [pd.api.types.is_numeric_dtype(edits[name]) for name in edits]
    # Numbers stand on the right.
    names = [*edits.columns[~np.array(is_number)], *edits.columns[is_number]]
    rows = [tuple(_number_or_text(value) for value in row) for row in edits[names].itertuples(index=False)]
    return _table([name.replace("_", " ") for name in names], rows, is_number.count(False))


def corrections_of_trains(corrections: pd.DataFrame) -> str:
    """Write when discharges were corrected: a row for each motor unit, operation and kind of reason."""
    kinds = corrections["reason"].str.replace(r"\b\d+(\.\d+)?\b", "…", regex=True)
    rows = []
    for (unit, operation, kind), group in corrections.groupby(["unit_id", "operation", kinds]):
        reason = group["reason"].iloc[0] if len(set(group["reason"])) == 1 else kind
        onsets = ", ".join(decimal(onset, 3) for onset in group["onset"])
        rows.append((unit, operation, reason, onsets, len(group)))
    return _table(("Unit", "Operation", "Reason", "At (s)", "Discharges"), rows, 4)


def _number_or_text(value) -> str:
    return value if isinstance(value, str) else MISSING if pd.isna(value) else f"{value:g}"


class _Raw(str):
    """Text that is HTML already."""


def _written(row, names: tuple[str, ...]) -> list[str]:
    return [written(name, getattr(row, name)) for name in names]


def _headed(name: str, schema: str) -> str:
    title, unit = heading(name, schema)
    return f"{title} ({unit})" if unit else title


def _emphasised(name: str, value: float, near: list[str]) -> _Raw:
    words = written(name, value)
    return _Raw(f'<mark title="close to a limit of acceptance">{words}</mark>' if name in near else words)


def _span(name: str, values: pd.Series) -> str:
    known = values.dropna().astype(float)
    if known.empty:
        return MISSING
    low, high = written(name, known.min()), written(name, known.max())
    return low if low == high else f"{low} to {high}"


def _table(heads: list[str] | tuple[str, ...], rows: list[tuple], texts: int) -> str:
    """Write a table whose first `texts` columns are text, the others numbers; say so where it is empty."""
    if not rows:
        return f"<p>{escape(heads[0])}: none.</p>"

    def cells(tag: str, values) -> str:
        return "".join(
            f"<{tag}{' class=text' if column < texts else ''}>"
            f"{value if isinstance(value, _Raw) else escape(str(value))}</{tag}>"
            for column, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = cells("th", (_Raw(escape(name).replace(" (", "<br>(")) for name in heads))
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
