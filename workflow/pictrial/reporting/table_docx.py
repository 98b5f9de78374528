"""A table for readers as a Word document with one real table."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from pictrial.files import atomic_path
from pictrial.reporting.report_table import ReportTable
from pictrial.reporting.table_layout import (
    at_the_right,
    column_shares,
    headings,
    is_wide,
    sections,
    unbroken,
    words_after_number,
)

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.oxml.table import CT_Tc
    from docx.table import Table, _Cell, _Row

#: A4 in mm, and its margins; letters in points; space beside a cell's text in mm.
_SHORT, _LONG, _MARGIN = 210, 297, 15
_FONT, _TEXT, _CELLS, _PADDING = "Arial", 9, 7.5, 0.7
#: Lines of a three-line table in eighths of a point.
_THICK, _THIN = 8, 4
#: A section of so many rows is not broken over pages.
_TOGETHER = 12
#: Space before words that follow a number, in points.
_APART = 6


def write_docx(table: ReportTable, path: str | Path) -> None:
    """Write the table with its title above and its notes below; the same bytes for the same table."""
    from docx import Document

    document = Document()
    _set_up(document, table)
    title = document.add_paragraph(style="Caption")
    title.add_run(table.title)
    title.paragraph_format.keep_with_next = True
    _add_table(document, table)
    for note in table.notes:
        paragraph = document.add_paragraph(note.text, style="No Spacing")
        paragraph.paragraph_format.space_before = _points(3)
    with atomic_path(path) as temporary:
        temporary.write_bytes(_without_dates(document))


def _set_up(document: WordDocument, table: ReportTable) -> None:
    from datetime import datetime

    from docx.enum.section import WD_ORIENT
    from docx.oxml.ns import qn
    from docx.shared import Mm, RGBColor

    about = document.core_properties
    about.title, about.author, about.last_modified_by, about.comments = table.title, "", "", ""
    about.created = about.modified = datetime(2000, 1, 1)
    about.revision = 1
    section = document.sections[0]
    wide = is_wide(table)
    section.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(_LONG if wide else _SHORT), Mm(_SHORT if wide else _LONG)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Mm(_MARGIN))
    for name, size in (("Normal", _TEXT), ("No Spacing", _CELLS), ("Caption", _TEXT + 1)):
        style = document.styles[name]
        style.font.name, style.font.size = _FONT, _points(size)
        style.font.color.rgb = RGBColor(0, 0, 0)
        for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
            style.element.get_or_add_rPr().get_or_add_rFonts().set(qn(script), _FONT)


def _add_table(document: WordDocument, table: ReportTable) -> None:
    from docx.shared import Mm

    right, shares, heads = at_the_right(table), column_shares(table), headings(table)
    named = sum(bool(name) for name, _ in sections(table))
    n_rows = len(heads) + len(table.rows) + named
    made = document.add_table(rows=n_rows, cols=len(shares))
    made.autofit = False
    room = (_LONG if is_wide(table) else _SHORT) - 2 * _MARGIN
    rows = list(made.rows)
    grid = [row.cells for row in rows]
    for place, share in enumerate(shares):
        made.columns[place].width = Mm(room * share)
        for cells in grid:
            cells[place].width = Mm(room * share)
    for level, line in enumerate(heads):
        for heading in line:
            last = grid[level + heading.rows - 1][heading.column + heading.columns - 1]
            cell = grid[level][heading.column]
            cell = cell if last is cell else cell.merge(last)
            _fill(cell, heading.text, right[heading.column], bold=True, centred=heading.columns > 1)
            if heading.columns > 1:
                _line(cell._tc, "bottom", _THIN)
            elif words_after_number(right, heading.column):
                cell.paragraphs[0].paragraph_format.left_indent = _points(_APART)
    _fill_body(table, grid[len(heads) :], right)
    for row in rows[: len(heads)]:
        _mark(row, "w:tblHeader")
    for row in rows:
        _mark(row, "w:cantSplit")
    _rule(made, len(heads))
    _pad(made)


def _fill_body(table: ReportTable, grid: list[tuple[_Cell, ...]], right: list[bool]) -> None:
    lines = iter(grid)
    for name, rows in sections(table):
        if name:
            cells = next(lines)
            whole = cells[0].merge(cells[-1])
            _fill(whole, name, False, bold=True)
            whole.paragraphs[0].paragraph_format.space_before = _points(4)
            whole.paragraphs[0].paragraph_format.keep_with_next = True
        together = bool(name) and len(rows) <= _TOGETHER
        for row in rows:
            texts = [row.label, *(cell.text for cell in row.cells)]
            for place, (cell, text) in enumerate(zip(next(lines), texts, strict=True)):
                _fill(cell, text, right[place])
                cell.paragraphs[0].paragraph_format.keep_with_next = (
                    together and row is not rows[-1]
                ) or None
                if words_after_number(right, place):
                    cell.paragraphs[0].paragraph_format.left_indent = _points(_APART)


def _fill(cell: _Cell, text: str, is_number: bool, bold: bool = False, centred: bool = False) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN

    paragraph = cell.paragraphs[0]
    paragraph.style = "No Spacing"
    paragraph.alignment = ALIGN.CENTER if centred else ALIGN.RIGHT if is_number else ALIGN.LEFT
    paragraph.add_run(unbroken(text)).bold = bold or None


def _rule(table: Table, n_heads: int) -> None:
    """Draw the three lines: above and below the headings, and below the last row."""
    for number, side, eighths in ((0, "top", _THICK), (n_heads - 1, "bottom", _THIN), (-1, "bottom", _THICK)):
        # The cells of the row itself: of a heading over two rows, the lower half has the line below it.
        for cell in table.rows[number]._tr.tc_lst:
            _line(cell, side, eighths)


def _pad(table: Table) -> None:
    """Narrow the space between columns to what `_PADDING` (mm) says."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Mm

    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(Mm(_PADDING).twips))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = table._tbl.tblPr
    # The schema wants the margins before the look of the table.
    properties.insert(list(properties).index(properties.find(qn("w:tblLook"))), margins)


def _line(cell: CT_Tc, side: str, eighths: int) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    properties = cell.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        properties.append(borders)
    for old in borders.findall(qn(f"w:{side}")):
        borders.remove(old)
    line = OxmlElement(f"w:{side}")
    for key, value in (("val", "single"), ("sz", str(eighths)), ("space", "0"), ("color", "000000")):
        line.set(qn(f"w:{key}"), value)
    # The schema wants top before bottom.
    borders.insert(0 if side == "top" else len(borders), line)


def _mark(row: _Row, name: str) -> None:
    from docx.oxml import OxmlElement

    properties = row._tr.get_or_add_trPr()
    properties.append(OxmlElement(name))


def _points(size: float):
    from docx.shared import Pt

    return Pt(size)


def _without_dates(document: WordDocument) -> bytes:
    """Return the file's bytes; python-docx dates the members of the archive, which is undone."""
    saved, whole = io.BytesIO(), io.BytesIO()
    document.save(saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), old.read(name), zipfile.ZIP_DEFLATED)
    return whole.getvalue()
