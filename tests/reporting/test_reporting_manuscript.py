"""The manuscript: live numbers, what the lint refuses, and the same bytes."""

import dataclasses
import sys
from pathlib import Path

import pandas as pd
import pypdf
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "statistics"))

# Imports stand below the path to the made-up trial, hence E402.
from made_up_trial import made_up_tables

from pictrial.errors import InputError
from pictrial.reporting import manuscript
from pictrial.reporting.effective_settings import DEFAULTS, effective_settings
from pictrial.reporting.live_text import LiveText, check_live_text, typed_numbers, unwanted_phrases
from pictrial.reporting.manuscript import manuscript_text, write_manuscript
from pictrial.reporting.manuscript_words import typst_text
from pictrial.reporting.number_audit import audit_numbers
from pictrial.reporting.report_table import Column, ReportTable, Row, numbers_shown
from pictrial.reporting.shown import Results, Shown
from pictrial.statistics.trial_descriptives import describe_trial

STAGE = "Analysed unmasked."


@pytest.fixture(scope="module")
def ard(plan, ard) -> pd.DataFrame:
    """The results of the analyses, and of a made-up trial who took part and what they suffered."""
    tables = made_up_tables(plan)
    described = describe_trial(plan, tables, dict.fromkeys(tables, "ab" * 32))
    return pd.concat([ard, described[described["analysis"].isin(["flow", "harms"])]], ignore_index=True)


@pytest.fixture(scope="module")
def settings() -> dict:
    return yaml.safe_load(DEFAULTS.read_text())


@pytest.fixture(scope="module")
def written(plan, ard, settings) -> tuple[str, list]:
    return manuscript_text(plan, ard, settings, STAGE, {})


def test_a_typed_number_is_refused_a_live_one_is_not():
    live = LiveText(str)
    marked = f"= Part\nThere were {live.show(Shown('6 participants', ('a.b',)))}\nof us."
    assert check_live_text(marked, "x") == "= Part\nThere were 6 participants\nof us."
    assert live.places(marked) == [("Part", Shown("6 participants", ("a.b",)))]
    assert typed_numbers(marked + "\nAbout 7") == ["About 7"]
    with pytest.raises(InputError, match=r"x: a number does not come .*: 'About 7'"):
        check_live_text(marked + "\nAbout 7", "x")


@pytest.mark.parametrize(
    "text", ["P < x", "p ≤ x", "a trend", "mean (SEM)", "s.e.m.", "not significant", "insignificantly", "p>x"]
)
def test_unwanted_phrases_are_refused(text):
    assert len(unwanted_phrases(text)) == 1
    with pytest.raises(InputError, match="Rewrite"):
        check_live_text(text, "x")


@pytest.mark.parametrize("text", ["P = x", "a semicircle", "trendy", "sign", "step < gap"])
def test_other_words_are_not(text):
    assert unwanted_phrases(text) == []


def test_a_number_typed_into_the_template_stops_it(plan, ard, settings, tmp_path, monkeypatch):
    for file in manuscript.TEMPLATES.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    template = tmp_path / "manuscript.typ.jinja"
    monkeypatch.setattr(manuscript, "TEMPLATES", tmp_path)
    manuscript_text(plan, ard, settings, STAGE, {})
    template.write_text(template.read_text().replace("= Discussion\n", "= Discussion\nAll 6 of them.\n"))
    with pytest.raises(InputError, match="All 6 of them"):
        manuscript_text(plan, ard, settings, STAGE, {})


def test_the_text_holds_estimates_of_the_ard(written, plan, ard):
    text, texts = written
    results = Results(ard)
    for level in ("stimulation - control", "relaxation - control"):
        assert results.estimate("primary", "delta_f", level, unit="pps").text in text
        assert typst_text(results.p("primary", "delta_f", level, "p_adjusted").text) in text
    assert audit_numbers(numbers_shown("paper/manuscript", texts), ard) > 30
    places = [place for place, shown in texts if any(s.startswith("primary.delta_f") for s in shown.sources)]
    assert {"Abstract", plan.outcomes["delta_f"].label} <= set(places)


def test_who_took_part_and_who_was_harmed(written, plan, ard):
    text, _ = written
    results = Results(ard)
    held = results.value("flow", "sessions", "all, period 2", "n_delivered")
    assert f"{len(plan.participants)} participants allocated; sessions held: " in text
    assert f"{held:.0f} of {len(plan.participants)} in period 2" in text
    harmed, exposed = (
        results.value("harms", "adverse_events", "stimulation", name)
        for name in ("n_with_event", "n_exposed")
    )
    assert f"{harmed:.0f} of {exposed:.0f} participants under stimulation" in text
    unknown = ard.assign(value=ard["value"].mask(ard["analysis"] == "harms"))
    unknown.loc[unknown["analysis"] == "harms", "warning"] = "adverse events were not recorded"
    settings = yaml.safe_load(DEFAULTS.read_text())
    assert "adverse events were not recorded." in manuscript_text(plan, unknown, settings, STAGE, {})[0]


def test_the_methods_follow_the_configuration(plan, ard, settings):
    changed = effective_settings(
        {"motor_units": {"criteria": {"recruitment_gap": 1.75, "correlation_rule": "r2"}}}
    )
    assert changed["motor_units"]["criteria"] == {
        **settings["motor_units"]["criteria"],
        "recruitment_gap": 1.75,
        "correlation_rule": "r2",
    }
    text, _ = manuscript_text(plan, ard, changed, STAGE, {})
    assert "at least 1.75 s after the control" in text and "r² ≥ 0.7" in text
    quiet = effective_settings({"conditioning": {"line_frequency": 0}})
    assert "mains at" not in manuscript_text(plan, ard, quiet, STAGE, {})[0]


def test_without_vibstim_there_is_no_such_method(plan, ard, settings):
    assert "== VibStim" in manuscript_text(plan, ard, settings, STAGE, {})[0]
    without = dataclasses.replace(plan, vibstim_task=None)
    assert "== VibStim" not in manuscript_text(without, ard, settings, STAGE, {})[0]


def test_the_pdf_is_the_same_bytes_and_says_what_the_text_says(written, plan, ard, tmp_path):
    text, texts = written
    for name in "ab":
        write_manuscript(text, texts, tmp_path, tmp_path / name / "paper")
    first, second = ((tmp_path / name / "paper" / "manuscript.pdf").read_bytes() for name in "ab")
    assert first == second
    pages = [page.extract_text() for page in pypdf.PdfReader(tmp_path / "a/paper/manuscript.pdf").pages]
    body = " ".join(" ".join(pages).split())
    assert plan.title in body and STAGE in body and "Author input needed" in body
    estimate = Results(ard).estimate("primary", "delta_f", "relaxation - control", unit="pps").text
    assert estimate.replace(" ", "") in body.replace(" ", "")


def test_a_table_is_set_with_its_notes(plan, ard, settings, tmp_path):
    cell = Results(ard).estimate("primary", "delta_f", "stimulation - control")
    rows = (Row("Stimulation", (cell,), "Contrasts"), Row("Relaxation", (Shown("–"),), "Contrasts"))
    table = ReportTable("t", "A title", "What", (Column("e", "Estimate"),), rows, (Shown("A note."),))
    text, texts = manuscript_text(plan, ard, settings, STAGE, {}, [table])
    assert cell in [shown for _, shown in texts]
    write_manuscript(text, texts, tmp_path, tmp_path / "paper")
    page = pypdf.PdfReader(tmp_path / "paper/manuscript.pdf").pages[-1].extract_text()
    assert "A title" in page and "Contrasts" in page and "A note." in page
