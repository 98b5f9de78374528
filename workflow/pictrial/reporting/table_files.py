"""A table for readers in every format that readers ask for."""

import csv
import io
from pathlib import Path

from pictrial.files import write_text
from pictrial.reporting.report_table import ReportTable, numbers_shown
from pictrial.reporting.table_docx import write_docx
from pictrial.reporting.table_html import html_page
from pictrial.reporting.table_latex import latex_document
from pictrial.tables import write_table


def write_report_table(table: ReportTable, folder: str | Path) -> list[Path]:
    """Write a table as HTML, Word, LaTeX and CSV, and where its numbers come from.

    Parameters
    ----------
    table : ReportTable
    folder : str or Path
        The files are ``name.html``, ``.docx``, ``.tex``, ``.csv`` and ``name_numbers.tsv``
        (schema ``numbers_shown``) in it.

    Returns
    -------
    list of Path
        The files written.
    """
    base = Path(folder) / table.name
    html, word, tex, csv_file = (base.with_suffix(suffix) for suffix in (".html", ".docx", ".tex", ".csv"))
    numbers = base.with_name(f"{base.name}_numbers.tsv")
    write_text(html, html_page(table))
    write_docx(table, word)
    write_text(tex, latex_document(table))
    write_text(csv_file, csv_text(table))
    write_table(numbers_shown(f"tables/{table.name}", table.texts()), numbers, "numbers_shown")
    return [html, word, tex, csv_file, numbers]


def csv_text(table: ReportTable) -> str:
    """Return the cells as CSV: columns ``section``, ``label`` and the table's own; no notes."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["section", "label", *(column.name for column in table.columns)])
    for row in table.rows:
        writer.writerow([row.section, row.label, *(cell.text for cell in row.cells)])
    return stream.getvalue()


def rst_caption(table: ReportTable) -> str:
    """Return title and notes in reStructuredText, for Snakemake's report."""
    escaped = [
        note.text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*") for note in table.notes
    ]
    return "\n\n".join([f"**{table.title}.**", *escaped]) + "\n"
