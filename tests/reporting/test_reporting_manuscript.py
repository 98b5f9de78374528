"""The manuscript: live numbers, what the lint refuses, and the same bytes."""

import dataclasses

import pandas as pd
import pypdf
import pytest
import yaml
from made_up_trial import made_up_tables

from pictrial.errors import InputError
from pictrial.reporting import manuscript, manuscript_results
from pictrial.reporting.effective_settings import DEFAULTS, effective_settings
from pictrial.reporting.live_text import LiveText, check_live_text, typed_numbers, unwanted_phrases
from pictrial.reporting.manuscript import manuscript_text, write_manuscript
from pictrial.reporting.manuscript_results import ManuscriptResults, listed, lower, typst_text
from pictrial.reporting.number_audit import audit_numbers
from pictrial.reporting.report_table import Column, ReportTable, Row, numbers_shown
from pictrial.reporting.shown import Results, Shown
from pictrial.statistics.trial_descriptives import describe_trial

STAGE = "Analysed unmasked."
PAIR, NAME = ("stimulation", "control"), "Stimulation − control"


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
    assert f"{len(plan.participants)} participants were allocated. Of the planned sessions, " in text
    assert f"{held:.0f} of {len(plan.participants)} in period 2" in text
    harmed, exposed = (
        results.value("harms", "adverse_events", "stimulation", name)
        for name in ("n_with_event", "n_exposed")
    )
    assert f"{harmed:.0f} of {exposed:.0f} participants (stimulation)" in text
    unknown = ard.assign(value=ard["value"].mask(ard["analysis"] == "harms"))
    unknown.loc[unknown["analysis"] == "harms", "warning"] = "adverse events were not recorded"
    settings = yaml.safe_load(DEFAULTS.read_text())
    assert "Adverse events were not recorded." in manuscript_text(plan, unknown, settings, STAGE, {})[0]


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
    assert "at least 1.75 s after the control unit" in text and "r² ≥ 0.7" in text
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


def test_a_sentence_keeps_names_and_abbreviations():
    assert [lower(text) for text in ("Stimulation", "VibStim torque", "ΔF", "MVC torque", "As primary")] == [
        "stimulation",
        "VibStim torque",
        "ΔF",
        "MVC torque",
        "as primary",
    ]
    assert listed([Shown("a"), Shown("b", ("x.y",)), Shown("c")]) == Shown("a, b and c", ("x.y",))
    assert listed([Shown("a")]) == Shown("a")


def test_the_results_name_units_and_leave_them_out_where_the_scale_is_another(plan, ard, settings, written):
    text, texts = written
    components = [shown for _, shown in texts if shown.text.startswith("The model's standard deviations")]
    residual = Results(ard).number("primary", "delta_f", "residual", "standard_deviation")
    assert f"{residual.text} pps of the residual" in components[0].text
    primary = dataclasses.replace(plan.analyses["primary"], transformation={"method": "asinh", "scale": 1.0})
    changed = dataclasses.replace(plan, analyses={**plan.analyses, "primary": primary})
    other, shown = manuscript_text(changed, ard, settings, STAGE, {})
    estimate = Results(ard).estimate("primary", "delta_f", "stimulation - control", unit="pps").text
    assert estimate in text and estimate not in other
    assert not any(one.text.startswith("The model's standard deviations") for _, one in shown)


@pytest.mark.parametrize("experiment", [None, "first"])
def test_all_rules_of_delta_f_are_told_by_experiment(plan, ard, settings, monkeypatch, experiment):
    label = {"first": dataclasses.make_dataclass("Experiment", ["label"])("The first")}
    experiments = label if experiment else {}
    monkeypatch.setattr(manuscript_results, "delta_f_contrasts", lambda _: [(experiment, *PAIR)])
    rows = [
        {**ard.iloc[0], "ard_id": f"x.{name}", "analysis": analysis, "outcome": "delta_f"}
        | {"contrast_or_level": "stimulation - control, pps", "statistic": name, "value": value}
        for analysis in ("multiverse", "multiverse_first")
        for name, value in (("lowest", -9.5), ("highest", -8.5))
    ]
    results = Results(pd.concat([ard, pd.DataFrame(rows)], ignore_index=True))
    words = ManuscriptResults(dataclasses.replace(plan, experiments=experiments), results, LiveText(str))
    written = f"The first: {NAME}" if experiment else NAME
    analysis = "multiverse_first" if experiment else "multiverse"
    assert words.multiverse() == [(analysis, "stimulation - control, pps", typst_text(written))]
    assert words.multiverse_unit == "pps"


def test_primary_outcomes_come_first(plan, ard, settings):
    turned = dataclasses.replace(plan, outcomes=dict(reversed(plan.outcomes.items())))
    text, _ = manuscript_text(turned, ard, settings, STAGE, {})
    results = text[text.index("= Results\n") :]
    headings = [line[3:] for line in results.splitlines() if line.startswith("== ")]
    assert headings[:2] == ["Participants", plan.outcomes["delta_f"].label]


def test_a_table_is_set_with_its_notes(plan, ard, settings, tmp_path):
    cell = Results(ard).estimate("primary", "delta_f", "stimulation - control")
    rows = (Row("Stimulation", (cell,), "Contrasts"), Row("Relaxation", (Shown("–"),), "Contrasts"))
    table = ReportTable("t", "A title", "What", (Column("e", "Estimate"),), rows, (Shown("A note."),))
    text, texts = manuscript_text(plan, ard, settings, STAGE, {}, [table])
    assert cell in [shown for _, shown in texts]
    write_manuscript(text, texts, tmp_path, tmp_path / "paper")
    page = pypdf.PdfReader(tmp_path / "paper/manuscript.pdf").pages[-1].extract_text()
    assert "A title" in page and "Contrasts" in page and "A note." in page
