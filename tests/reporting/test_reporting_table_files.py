"""One table as HTML, Word, LaTeX and CSV, and the workbook of the Statistical Summary Document."""

import csv
import io
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace

import html5lib
import pytest

from pictrial.errors import InputError
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Shown
from pictrial.reporting.statistical_summary import FIELDS, comparisons
from pictrial.reporting.summary_workbook import number_format, write_statistical_summary
from pictrial.reporting.table_docx import write_docx
from pictrial.reporting.table_files import csv_text, rst_caption, write_report_table
from pictrial.reporting.table_html import html_page
from pictrial.reporting.table_latex import latex_document, latex_text
from pictrial.reporting.table_layout import at_the_right, column_shares, is_wide
from pictrial.tables import read_table

ODD = '50 % & <b> #1_a {x} ~ \\ ^ | "q" ± ≥ × é ΔF µV R² 10⁻⁵ χ²'


@pytest.fixture
def table():
    rows = (
        Row(
            "Control − a", (Shown("6", ("a.b",)), Shown("−1.07 (−1.32 to −0.81)", ("c.d",)), Shown("")), "One"
        ),
        Row(ODD, (Shown("12"), Shown("0.10 (–)"), Shown("1.16 × 10⁻⁵", ("e.f",))), "One"),
        Row("Relaxation", (Shown("7"), Shown("–"), Shown("0.01 < x & y")), "Two"),
    )
    columns = (Column("n", "Participants"), Column("mean", "Mean (SD)", "Model"), Column("p", "P", "Model"))
    return ReportTable(
        "odd", f"Title {ODD}", "Condition", columns, rows, (Shown(f"Note {ODD}"), Shown("n = 6", ("g",)))
    )


@pytest.fixture
def wide(table):
    columns = tuple(Column(f"c{n}", f"Column {n}", "Group" if n % 2 else "") for n in range(12))
    cells = tuple(Shown("−1.07 (−1.32 to −0.81)") for _ in columns)
    return replace(table, columns=columns, rows=tuple(Row(f"row {n}", cells) for n in range(60)))


def texts_of(path):
    """Return title, rows and notes of a Word document, blanks that break no line as blanks."""
    from docx import Document

    document = Document(path)
    rows = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    lines = [paragraph.text for paragraph in document.paragraphs]
    return lines, [[text.replace("\u00a0", " ") for text in row] for row in rows]


def test_csv_equals_the_cells(table):
    read = list(csv.reader(io.StringIO(csv_text(table))))
    assert read[0] == ["section", "label", "n", "mean", "p"]
    assert read[1:] == [[row.section, row.label, *(cell.text for cell in row.cells)] for row in table.rows]


def test_html_is_valid_alone_and_says_the_same(table):
    page = html_page(table)
    # Strict: any parse error raises.
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    cells = [cell.text or "" for cell in root.iter("td")]
    assert cells == [cell.text for row in table.rows for cell in row.cells]
    scopes = [cell.get("scope") for cell in root.iter("th")]
    assert [scopes.count(name) for name in ("row", "rowgroup", "col", "colgroup")] == [3, 2, 4, 1]
    assert root.find(".//caption").text == table.title
    assert "http" not in page and not list(root.iter("script")) and not list(root.iter("link"))
    assert "size: A4 portrait" in page


def test_word_document_is_a_real_table(table, tmp_path):
    write_docx(table, tmp_path / "t.docx")
    lines, rows = texts_of(tmp_path / "t.docx")
    assert lines[0] == table.title and lines[-2:] == [note.text for note in table.notes]
    assert rows[0] == ["Condition", "Participants", "Model", "Model"]
    assert rows[1] == ["Condition", "Participants", "Mean (SD)", "P"]
    assert rows[2] == ["One"] * 4
    assert rows[4] == [ODD, "12", "0.10 (–)", "1.16 × 10⁻⁵"]
    xml = zipfile.ZipFile(tmp_path / "t.docx").read("word/document.xml").decode()
    assert xml.count("<w:tblHeader/>") == 2 and xml.count("<w:cantSplit/>") == len(rows)
    assert "w:tblCellMar" in xml and 'w:orient="landscape"' not in xml


def test_wide_tables_lie_on_landscape_pages(wide, table, tmp_path):
    assert is_wide(wide) and not is_wide(table)
    write_docx(wide, tmp_path / "w.docx")
    assert b'w:orient="landscape"' in zipfile.ZipFile(tmp_path / "w.docx").read("word/document.xml")
    assert "landscape," in latex_document(wide) and "landscape," not in latex_document(table)
    assert "size: A4 landscape" in html_page(wide)


def test_columns_get_what_they_need_and_numbers_stand_at_the_right(table, wide):
    assert at_the_right(table) == [False, True, True, False]
    for one in (table, wide):
        assert sum(column_shares(one)) == pytest.approx(1)
    words = replace(
        table,
        rows=tuple(replace(row, cells=(row.cells[0], row.cells[1], Shown("6 people"))) for row in table.rows),
    )
    assert at_the_right(words) == [False, True, True, False] and at_the_right(wide)[1:] == [True] * 12


def test_the_same_bytes_twice_and_no_date(table, tmp_path):
    first, second = (write_report_table(table, tmp_path / name) for name in ("a", "b"))
    assert [path.name for path in first] == ["odd.html", "odd.docx", "odd.tex", "odd.csv", "odd_numbers.tsv"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    archive = zipfile.ZipFile(tmp_path / "a" / "odd.docx")
    assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert re.findall(r"20\d\d-", archive.read("docProps/core.xml").decode()) == ["2000-", "2000-"]


def test_the_sources_of_every_cell_and_note_are_written(table, tmp_path):
    numbers = read_table(write_report_table(table, tmp_path)[-1], "numbers_shown")
    assert numbers["source"].tolist() == ["a.b", "c.d", "e.f", "g"]
    assert (
        numbers["place"].tolist()[0] == "One: Control − a / n" and numbers["place"].tolist()[-1] == "note 2"
    )


def test_latex_text():
    assert latex_text("−1 × 10⁻⁵") == r"\ensuremath{-}1 \ensuremath{\times} 10\ensuremath{{}^{-5}}"
    assert latex_text("ΔF_a & 5 %") == r"\ensuremath{\Delta}F\_a \& 5 \%"
    with pytest.raises(InputError, match="U\\+2603"):
        latex_text("snow ☃")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("name", ["table", "wide"])
def test_latex_compiles_without_a_complaint(name, request, tmp_path):
    (tmp_path / "t.tex").write_text(latex_document(request.getfixturevalue(name)), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "undefined" not in log and "Missing" not in log
    wide_boxes = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
    assert all(points < 10 for points in wide_boxes), log


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_word_document_opens(wide, tmp_path):
    from pypdf import PdfReader

    write_docx(wide, tmp_path / "t.docx")
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(tmp_path / "t.docx")], check=True, capture_output=True, timeout=120)
    pages = [page.extract_text() for page in PdfReader(tmp_path / "t.pdf").pages]
    assert len(pages) > 1 and "Title" in pages[0]
    # The headings stand on every page that has rows.
    assert all("Column 11" in page for page in pages if "row 5" in page)


def test_caption_escapes_what_restructuredtext_would_read(table):
    assert "\\|" in rst_caption(table) and "n = 6" in rst_caption(table)


def test_number_formats_of_the_workbook():
    assert number_format("−1.07") == '0.00;"−"0.00'
    assert number_format("6") == '0;"−"0'
    assert number_format("1.16 × 10⁻⁵") == "0.00E+00"


def test_summary_files(plan, ard, tmp_path):
    from openpyxl import load_workbook

    word, book, numbers = write_statistical_summary(plan, ard, tmp_path / "a")
    again = write_statistical_summary(plan, ard, tmp_path / "b")
    assert [path.read_bytes() for path in (word, book, numbers)] == [path.read_bytes() for path in again]
    sheet = load_workbook(book)["Comparisons"]
    heads, *lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert heads == list(FIELDS.values()) and sheet.freeze_panes == "D2"
    rows = comparisons(plan, ard)
    assert len(lines) == len(rows) == 4
    for line, row in zip(lines, rows, strict=True):
        for value, cell in zip(line, row.values(), strict=True):
            if cell.value is None:
                assert (value or "") == cell.shown.text
            else:
                assert value == pytest.approx(cell.value, rel=1e-12)
    p = sheet.cell(2, 1 + list(FIELDS).index("p"))
    assert p.number_format == number_format(rows[0]["p"].shown.text)
    assert load_workbook(book).properties.created.year == 2000
    lines, cells = texts_of(word)
    assert cells[2][0] == "Stimulation − control" and "t = −" in cells[2][6]
