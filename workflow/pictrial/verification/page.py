"""The page that tells what a verification found."""

from html import escape
from pathlib import Path

import pandas as pd

from pictrial.files import write_text
from pictrial.tables import write_table
from pictrial.verification.comparison import ABSOLUTE, RELATIVE, RELATIVE_OF_MEANS

KINDS = {
    "numbers": "Numbers of the results",
    "discharges": "Discharge trains",
    "table": "Columns of other tables",
    "arrays": "Arrays",
    "text": "Documents, text",
    "bytes": "Documents, bytes",
    "file": "Files",
}
STATUSES = ("OK", "DIFF", "MISSING", "EXTRA")
#: Most findings that the page lists; the table beside it has all.
LISTED = 500
_STYLE = """
:root { --ink: #1c2126; --quiet: #56606a; --rule: #d5dade; --paper: #fff; --bad: #a83c00;
  --good: #00664a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --quiet: #a5afb8; --rule: #3a434b; --paper: #14181b; --bad: #ff9d66;
    --good: #5fd3ab; }
}
body { margin: 2rem auto; padding: 0 1.25rem; max-width: 72rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .3rem 0 1rem; } .good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
.note { color: var(--quiet); font-size: .875rem; max-width: 48rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); }
thead th { border-color: var(--ink); } .right { text-align: right; font-variant-numeric: tabular-nums; }
.words { overflow-wrap: anywhere; min-width: 9rem; } code { font-size: .8125rem; }
"""


def write_verification(findings: pd.DataFrame, folder: Path, results: str, expected: str) -> None:
    """Write `verification.tsv` and `verification.html`, which needs nothing but itself."""
    write_table(findings, folder / "verification.tsv", "verification")
    wrong = findings[findings["status"] != "OK"]
    body = [
        "<h1>Verification</h1>",
        f'<p class="note"><code>{escape(results)}</code> held against <code>{escape(expected)}</code></p>',
        f'<p class="verdict {"bad" if len(wrong) else "good"}">{escape(summary(findings))}</p>',
        _counts(findings),
        _tolerances(),
    ]
    if len(wrong):
        body.append(_listed(wrong))
    head = f'<meta charset="utf-8">\n<title>Verification</title>\n<style>{_STYLE}</style>'
    page = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n'
    write_text(folder / "verification.html", page + "\n".join(body) + "\n</body>\n</html>\n")


def summary(findings: pd.DataFrame) -> str:
    """Return what came out in a few words, such as ``3 DIFF, 1 MISSING, 4000 OK``."""
    counts = findings["status"].value_counts()
    if counts.get("OK", 0) == len(findings):
        return f"All OK: {len(findings)} of {len(findings)}"
    return ", ".join(f"{counts[name]} {name}" for name in (*STATUSES[1:], "OK") if counts.get(name))


def _counts(findings: pd.DataFrame) -> str:
    rows = []
    for kind, words in KINDS.items():
        own = findings[findings["kind"] == kind]
        if own.empty:
            continue
        counts = own["status"].value_counts()
        numbers = [int(counts.get(name, 0)) for name in STATUSES]
        classes = ["right", *("right bad" if number else "right" for number in numbers[1:])]
        cells = "".join(f'<td class="{c}">{number}</td>' for c, number in zip(classes, numbers, strict=True))
        largest = own["deviation"].max()
        shown = "" if pd.isna(largest) else f"{largest:.2g}"
        rows.append(f'<tr><th scope="row">{words}</th>{cells}<td class="right">{shown}</td></tr>')
    heads = "".join(f'<th class="right">{name}</th>' for name in (*STATUSES, "largest deviation"))
    table = f"<table><thead><tr><th></th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _tolerances() -> str:
    return (
        '<p class="note">Discrete facts (discharges, counts, names, decisions, reasons) are compared '
        f"exactly. A number of the results is OK within {RELATIVE:g} of itself plus {ABSOLUTE:g}, a column "
        f"of floats or the decimals of a document where means are within {RELATIVE_OF_MEANS:g} of their "
        f"mean magnitude and their extremes within {RELATIVE:g}. Deviations are relative. All stands in "
        "<code>verification.tsv</code>.</p>"
    )


def _listed(wrong: pd.DataFrame) -> str:
    rows = [
        f'<tr><td class="bad">{row.status}</td><td class="words"><code>{escape(row.file)}</code></td>'
        f'<td class="words">{escape(row.part)}</td><td class="words">{escape(row.expected)}</td>'
        f'<td class="words">{escape(row.found)}</td></tr>'
        for row in wrong.head(LISTED).itertuples()
    ]
    more = f'<p class="note">{len(wrong) - LISTED} more in the table.</p>' if len(wrong) > LISTED else ""
    heads = "".join(f"<th>{name}</th>" for name in ("", "File", "What", "Expected", "Found"))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<h2>Not as expected</h2><div class="scroll">{table}</div>{more}'
