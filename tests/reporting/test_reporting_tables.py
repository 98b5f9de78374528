from html.parser import HTMLParser

import pandas as pd
import pytest

from pictrial.reporting.numbers import p_value
from pictrial.reporting.planned import contrast_label
from pictrial.reporting.result_tables import result_table, table_caption, table_notes, write_result_table
from pictrial.statistics.analysis_results import look_up


class Page(HTMLParser):
    """Counts tags, and checks that they close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def files(plan, ard, tmp_path):
    write_result_table(plan, ard, "delta_f", tmp_path / "t.csv", tmp_path / "t.html")
    return tmp_path / "t.csv", tmp_path / "t.html"


def test_rows_and_numbers(plan, ard):
    table = result_table(plan, ard, "delta_f").set_index("label")
    assert list(table.index) == [
        *("Control", "Stimulation", "Relaxation"),
        *("Stimulation − control", "Relaxation − control"),
    ]
    assert table.loc["Control", "n_participants"] == "6"
    name = "stimulation - control"
    assert table.loc["Stimulation − control", "model_p"] == p_value(look_up(ard, "primary", name, "p"))
    assert table.loc["Stimulation − control", "means_p"] == p_value(
        look_up(ard, "participant_means", name, "p")
    )
    assert table.loc["Stimulation − control", "model_df"] == "7.6"
    assert table.loc["Stimulation − control", "means_df"] == "5"
    assert table.loc["Control", "model_p"] == ""


def test_csv_is_the_table(plan, ard, files):
    again = pd.read_csv(files[0], dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(again, result_table(plan, ard, "delta_f"), check_dtype=False)


def test_html_is_well_formed_semantic_and_alone(files):
    page = Page()
    text = files[1].read_text()
    page.feed(text)
    assert page.open == []
    assert page.tags.count("table") == page.tags.count("caption") == 1
    scopes = [value for tag, key, value in page.attributes if (tag, key) == ("th", "scope")]
    assert scopes.count("row") == 5
    assert scopes.count("rowgroup") == 2
    assert scopes.count("col") == 12
    assert scopes.count("colgroup") == 2
    assert not {"script", "link", "img"} & set(page.tags)
    assert "http" not in text
    assert "@media print" in text


def test_notes_name_model_degrees_of_freedom_population_and_status(plan, ard, files):
    notes = " ".join(table_notes(plan, ard, "delta_f"))
    for words in (
        *("REML", "Kenward-Roger", "all units", "pingouin", "holm"),
        *("n = 6 participants", "(1 | participant:condition)", "variance of participant left out"),
    ):
        assert words in notes
    assert "(1 | participant:condition)" in files[1].read_text()


def test_text_of_the_plan_is_escaped(plan, ard, tmp_path):
    import dataclasses

    odd = dataclasses.replace(plan, title="<script>alert(1)</script>")
    write_result_table(odd, ard, "delta_f", tmp_path / "t.csv", tmp_path / "t.html")
    assert "<script>" not in (tmp_path / "t.html").read_text()


def test_abbreviations_keep_their_capitals(plan):
    import dataclasses

    odd = dataclasses.replace(
        plan, conditions={"control": "Control", "ri": "RI", "wbr": "Whole-body relaxation"}
    )
    assert contrast_label(odd, "wbr", "ri") == "Whole-body relaxation − RI"
    assert contrast_label(odd, "ri", "wbr") == "RI − whole-body relaxation"


def test_one_participant(single):
    plan, outcomes, ard = single
    table = result_table(plan, ard, "delta_f")
    assert table["label"].tolist() == ["Control"]
    assert table.loc[0, "n_units"] == str(len(outcomes))
    assert table.loc[0, "means"].endswith("(–)")
    assert "No contrast: one participant: no comparison between conditions." in table_notes(
        plan, ard, "delta_f"
    )
    assert "one participant" in table_caption(plan, ard, "delta_f")
