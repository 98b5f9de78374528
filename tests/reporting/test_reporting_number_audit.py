"""Numbers of documents held against the ARD, and the text that a reader sees of a document."""

import docx
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.reporting.number_audit import audit_documents, audit_numbers, numerals, unsourced_numerals
from pictrial.reporting.report_table import numbers_shown
from pictrial.reporting.shown import Shown
from pictrial.reporting.visible_text import visible_text


def shown(text: str, *sources: str) -> pd.DataFrame:
    return numbers_shown("d", [("here", Shown(text, sources))])


RESULTS = pd.DataFrame(
    {"ard_id": ["a", "b", "c", "d"], "value": [-1.066, 1.17e-5, 6, float("nan")], "n_units": [96, 1, 2, 3]}
)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("−1.07 pps", "a"),
        ("−1.066", "a"),
        ("−1", "a"),
        ("P = 1.17 × 10⁻⁵", "b"),
        ("1.17\u00a0×\u00a010⁻⁵", "b"),
        ("6 participants", "c"),
        ("–", "d"),
        ("96 motor units", "a#n_units"),
    ],
)
def test_what_is_shown_is_its_row(text, source):
    assert audit_numbers(shown(text, source), RESULTS) == 1


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("1.07", "a"),
        ("−1.06", "a"),
        ("−1.1 × 10⁻⁵", "b"),
        ("1.18 × 10⁻⁵", "b"),
        ("5", "c"),
        ("0", "d"),
        ("–", "a"),
        ("96", "a"),
    ],
)
def test_what_is_not_its_row_is_refused(text, source):
    with pytest.raises(InputError, match="does not show"):
        audit_numbers(shown(text, source), RESULTS)


def test_a_source_that_is_no_row_is_refused():
    with pytest.raises(InputError, match="no row of the ARD"):
        audit_numbers(shown("1", "nowhere"), RESULTS)
    assert audit_numbers(shown("1", "config:seed"), RESULTS) == 0


def test_numbers_without_source_are_found():
    assert numerals("MU08 fell by −1.2 (0.3) in 2 of EMG06, 1.0 × 10⁻³") == ["−1.2", "0.3", "2", "1.0 × 10⁻³"]
    table = shown("−1.07 (6)", "a", "c")
    assert unsourced_numerals("d", "−1.07, 6, 95 % and 7", table, ["95 % intervals"]) == ["7"]
    with pytest.raises(InputError, match="d: '7' has no source"):
        audit_documents({"d": "7"}, table, [])


def test_the_text_of_a_page_is_what_is_seen(tmp_path):
    page = tmp_path / "a.html"
    page.write_text(
        "<html><head><title>1</title><style>p {x: 2}</style></head><body><p>3 <b>of</b> 4</p></body></html>"
    )
    assert numerals(visible_text(page)) == ["3", "4"]
    drawing = tmp_path / "a.svg"
    drawing.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg"><rect width="5"/><text x="6">7 <tspan>8</tspan></text></svg>'
    )
    assert numerals(visible_text(drawing)) == ["7", "8"]
    (tmp_path / "a.typ").write_text("P \\= 0.1 \\#x")
    assert visible_text(tmp_path / "a.typ") == "P = 0.1 #x"
    with pytest.raises(InputError, match="no format of documents"):
        visible_text(tmp_path / "a.pdf")


def test_the_text_of_a_word_document_is_that_of_its_tables_too(tmp_path):
    document = docx.Document()
    document.add_paragraph("There are 12.")
    document.add_table(1, 1).cell(0, 0).text = "−1.07"
    document.save(tmp_path / "a.docx")
    assert numerals(visible_text(tmp_path / "a.docx")) == ["12", "−1.07"]
