"""The Statistical Summary Document as files: Word for reading, a workbook with numbers as numbers."""

from __future__ import annotations

import textwrap
from datetime import datetime
from pathlib import Path

import pandas as pd

from pictrial.files import atomic_path
from pictrial.reporting.report_table import numbers_shown
from pictrial.reporting.shown import Shown
from pictrial.reporting.statistical_summary import FIELDS, SummaryCell, comparisons, summary_table
from pictrial.reporting.table_docx import write_docx
from pictrial.tables import write_table
from pictrial.trial.plan import TrialPlan

#: Characters of a column; height of a line in points.
_FEWEST, _MOST, _LINE = 8, 40, 12


def write_statistical_summary(plan: TrialPlan, ard: pd.DataFrame, folder: str | Path) -> list[Path]:
    """Write the summary as Word document and workbook, and where its numbers come from.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``.
    folder : str or Path
        The files are ``statistical_summary.docx``, ``.xlsx`` and ``statistical_summary_numbers.tsv`` in it.

    Returns
    -------
    list of Path
        The files written.
    """
    table = summary_table(plan, ard)
    base = Path(folder) / table.name
    word, book = base.with_suffix(".docx"), base.with_suffix(".xlsx")
    numbers = base.with_name(f"{table.name}_numbers.tsv")
    rows = comparisons(plan, ard)
    write_docx(table, word)
    write_workbook(rows, table.title, table.notes, book)
    texts = [
        (f"row {number} / {name}", cell.shown)
        for number, row in enumerate(rows, start=1)
        for name, cell in row.items()
    ]
    shown = numbers_shown(f"tables/{table.name}", texts + table.texts())
    write_table(shown, numbers, "numbers_shown")
    return [word, book, numbers]


def write_workbook(
    rows: list[dict[str, SummaryCell]], title: str, notes: tuple[Shown, ...], path: str | Path
) -> None:
    """Write the comparisons as a workbook: one row each, a column per field; the same bytes every time."""
    import xlsxwriter

    with atomic_path(path) as temporary:
        book = xlsxwriter.Workbook(temporary)
        book.set_properties({"title": title, "created": datetime(2000, 1, 1)})
        sheet = book.add_worksheet("Comparisons")
        plain = {"font_name": "Arial", "font_size": 9, "valign": "top"}
        head = book.add_format(plain | {"bold": True, "text_wrap": True, "bottom": 1, "top": 2})
        text = book.add_format(plain | {"text_wrap": True, "indent": 1})
        formats, heights = {"": text}, [1] * (len(rows) + 1)
        for column, (name, heading) in enumerate(FIELDS.items()):
            longest = max((len(row[name].shown.text) for row in rows), default=0)
            words = max(map(len, heading.split()))
            width = min(_MOST, max(_FEWEST, words + 1, longest + 1))
            heights = [
                max(one, _lines(text, width))
                for one, text in zip(heights, [heading, *(row[name].shown.text for row in rows)], strict=True)
            ]
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, heading, head)
            for line, row in enumerate(rows, start=1):
                _write(sheet, line, column, row[name], formats, lambda how: book.add_format(plain | how))
        for line, lines in enumerate(heights):
            sheet.set_row(line, _LINE * lines + 3)
        sheet.freeze_panes(1, 3)
        sheet.autofilter(0, 0, max(len(rows), 1), len(FIELDS) - 1)
        sheet.set_landscape()
        sheet.set_paper(8)  # A3
        sheet.repeat_rows(0)
        sheet.repeat_columns(0, 2)
        sheet.fit_to_pages(3, 0)
        about = book.add_worksheet("Notes")
        about.set_column(0, 0, 110)
        about.write_string(0, 0, title, book.add_format(plain | {"bold": True, "text_wrap": True}))
        for line, note in enumerate(notes, start=1):
            about.write_string(line, 0, note.text, text)
        book.close()


def _write(sheet, line: int, column: int, cell: SummaryCell, formats: dict, add) -> None:
    """Write a cell: a number as a number that looks as it is printed elsewhere, else its text."""
    if cell.value is None:
        sheet.write_string(line, column, cell.shown.text, formats[""])
        return
    how = number_format(cell.shown.text)
    if how not in formats:
        formats[how] = add({"num_format": how})
    sheet.write_number(line, column, cell.value, formats[how])


def _lines(text: str, width: int) -> int:
    """Return how many lines a text takes in a column of so many characters."""
    return len(textwrap.wrap(text, width - 1, break_long_words=False)) or 1


def number_format(text: str) -> str:
    """Return the number format of a workbook in which a number looks like `text`."""
    if "×" in text:
        return "0.00E+00"
    _, _, decimals = text.partition(".")
    form = f"0.{'0' * len(decimals)}" if decimals else "0"
    return f'{form};"−"{form}'
