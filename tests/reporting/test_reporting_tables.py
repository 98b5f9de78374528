"""The table of one outcome."""

import dataclasses

import html5lib

from pictrial.reporting.numbers import p_value
from pictrial.reporting.planned import contrast_label
from pictrial.reporting.result_tables import result_table
from pictrial.reporting.table_files import rst_caption
from pictrial.reporting.table_html import html_page
from pictrial.statistics.analysis_results import look_up


def row(table, label):
    """Return the cells of a row by column, as text."""
    (found,) = [row for row in table.rows if row.label == label]
    texts = (cell.text for cell in found.cells)
    return dict(zip((column.name for column in table.columns), texts, strict=True))


def notes_of(table):
    return " ".join(note.text for note in table.notes)


def test_rows_and_numbers(plan, ard):
    table = result_table(plan, ard, "delta_f")
    assert [row.label for row in table.rows] == [
        *("Control", "Stimulation", "Relaxation"),
        *("Stimulation − control", "Relaxation − control"),
    ]
    assert row(table, "Control")["n_participants"] == "6"
    name, contrast = "stimulation - control", row(table, "Stimulation − control")
    of_outcome = ard[ard["outcome"] == "delta_f"]
    assert contrast["model_p"] == p_value(look_up(of_outcome, "primary", name, "p"))
    assert contrast["means_p"] == p_value(look_up(of_outcome, "participant_means", name, "p"))
    assert contrast["model_df"] == "7.6"
    assert contrast["means_df"] == "5"
    assert row(table, "Control")["model_p"] == ""


def test_cells_know_their_rows_of_the_ard(plan, ard):
    table = result_table(plan, ard, "delta_f")
    place = [column.name for column in table.columns].index("model")
    contrast = next(row for row in table.rows if row.label == "Relaxation − control")
    start = "primary.delta_f.contrast.relaxation-control."
    assert contrast.cells[place].sources == tuple(
        start + name for name in ("estimate", "ci_lower", "ci_upper")
    )
    counts = dict(zip((column.name for column in table.columns), contrast.cells, strict=True))
    assert counts["n_units"].sources[0].endswith("#n_units")


def test_page_of_the_table(plan, ard):
    text = html_page(result_table(plan, ard, "delta_f"))
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    scopes = [cell.get("scope") for cell in root.iter("th")]
    assert [scopes.count(name) for name in ("row", "rowgroup", "col", "colgroup")] == [5, 2, 13, 2]
    assert "(1 | participant:condition)" in text


def test_decimals_are_those_of_the_plan(plan, ard):
    one = dataclasses.replace(plan.outcomes["delta_f"], decimals=1)
    rounded = dataclasses.replace(plan, outcomes={"delta_f": one})
    mean = row(result_table(rounded, ard, "delta_f"), "Control")["means"]
    value = look_up(ard[ard["outcome"] == "delta_f"], "descriptive", "control", "mean")
    assert mean.startswith(f"{value:.1f} (")


def test_notes_name_model_degrees_of_freedom_population_and_status(plan, ard):
    notes = notes_of(result_table(plan, ard, "delta_f"))
    for words in (
        *("REML", "Kenward-Roger", "all randomised", "pingouin", "Holm"),
        *("n = 6 participants", "(1 | participant:condition)", "variance of participant left out"),
    ):
        assert words in notes


def test_text_of_the_plan_is_escaped(plan, ard):
    odd = dataclasses.replace(plan, title="<script>alert(1)</script>")
    assert "<script>" not in html_page(result_table(odd, ard, "delta_f"))


def test_abbreviations_keep_their_capitals(plan):
    odd = dataclasses.replace(
        plan, conditions={"control": "Control", "ri": "RI", "wbr": "Whole-body relaxation"}
    )
    assert contrast_label(odd, "wbr", "ri") == "Whole-body relaxation − RI"
    assert contrast_label(odd, "ri", "wbr") == "RI − whole-body relaxation"


def test_one_participant(single):
    plan, outcomes, ard = single
    table = result_table(plan, ard, "delta_f")
    assert [one.label for one in table.rows] == ["Control"]
    assert row(table, "Control")["n_units"] == str(len(outcomes))
    assert row(table, "Control")["means"].endswith("(–)")
    assert "No contrast: one participant: no comparison between conditions." in notes_of(table)
    assert "one participant" in rst_caption(table)
