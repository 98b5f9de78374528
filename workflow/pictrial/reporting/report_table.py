"""A table for readers, before it is a page of HTML, Word or LaTeX."""

from dataclasses import dataclass

import pandas as pd

from pictrial.reporting.shown import Shown


@dataclass(frozen=True)
class Column:
    """A column: its name in CSV, its heading, and the heading of its group (empty if it stands alone)."""

    name: str
    heading: str
    group: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its section (empty if the table has none), its label, and a cell for every column."""

    label: str
    cells: tuple[Shown, ...]
    section: str = ""


@dataclass(frozen=True)
class ReportTable:
    """A table that stands alone.

    Attributes
    ----------
    name : str
        Of its files.
    title : str
    label_heading : str
        Above the rows' labels.
    columns : tuple of Column
    rows : tuple of Row
        Rows of one section stand together.
    notes : tuple of Shown
        Below the table: model, degrees of freedom, population, n, abbreviations, why values are missing.
    """

    name: str
    title: str
    label_heading: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Shown, ...]

    def __post_init__(self):
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"{self.name}, row {row.label!r}: {len(row.cells)} cells, not {len(self.columns)}"
                )

    def texts(self) -> list[tuple[str, Shown]]:
        """Return every text with numbers and its place: ``row / column``, or ``note 1``."""
        cells = [
            (f"{row.section + ': ' if row.section else ''}{row.label} / {column.name}", cell)
            for row in self.rows
            for column, cell in zip(self.columns, row.cells, strict=True)
        ]
        return cells + [(f"note {number}", note) for number, note in enumerate(self.notes, start=1)]


def numbers_shown(document: str, texts: list[tuple[str, Shown]]) -> pd.DataFrame:
    """Return which rows of the ARD a document shows where, schema ``numbers_shown``."""
    rows = [
        {"document": document, "place": place, "text": shown.text, "source": source}
        for place, shown in texts
        for source in shown.sources
    ]
    return pd.DataFrame(rows, columns=["document", "place", "text", "source"])
