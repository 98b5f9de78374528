"""Forest and variance components: marks are at the ARD's values, and every number printed has its row."""

import dataclasses
import hashlib

import matplotlib.text
import pandas as pd
import pytest
from conftest import REPOSITORY

from pictrial.reporting.components_figure import components_caption, components_panels, draw_components
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.forest_figure import draw_forest, forest_caption, forest_panels, not_drawn
from pictrial.reporting.interval_chart import Line
from pictrial.reporting.number_audit import audit_numbers, numerals
from pictrial.reporting.numbers import decimal
from pictrial.reporting.shown import Results
from pictrial.statistics.analysis_results import look_up
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan
from pictrial.trial.planned_estimands import Experiment

CONTRAST = "stimulation - control"
SHOWN = ("primary", "participant_means", "leave_one_out", "parametric_bootstrap", "torque_vibration_ranks")


def row(analysis, level, statistic, value, kind="contrast", **more):
    name = f"{analysis}.delta_f.{kind}.{level.replace(' - ', '-').replace(', ', '_')}.{statistic}"
    return more | {
        "ard_id": name,
        "analysis": analysis,
        "outcome": "delta_f",
        "contrast_or_level": level,
        "statistic": statistic,
        "value": value,
        "n_participants": 6,
        "n_units": 36,
        "warning": None,
    }


@pytest.fixture(scope="module")
def planned(plan):
    """The plan with an analysis of each kind of line."""
    whole = load_plan(REPOSITORY / "config" / "trial.yaml")
    return dataclasses.replace(
        plan,
        outcomes=whole.outcomes,
        analyses={name: whole.analyses[name] for name in SHOWN},
        families=whole.families,
    )


@pytest.fixture(scope="module")
def rows(ard):
    """The ARD of a drawn trial, with rows of analyses that take long."""
    extra = [
        row("leave_one_out", contrast, statistic, value)
        for contrast in (CONTRAST, "relaxation - control")
        for statistic, value in (("least_estimate", -1.5), ("largest_estimate", -0.25))
    ]
    extra += [
        row("parametric_bootstrap", "sigma", statistic, value, "component")
        for statistic, value in (("estimate", 0.6), ("ci_lower", 0.41), ("ci_upper", 0.79))
    ]
    table = pd.concat([ard, pd.DataFrame(extra)], ignore_index=True)
    negative = (table["contrast_or_level"] == "participant:condition") & (table["analysis"] == "primary")
    table.loc[negative & (table["statistic"] == "standard_deviation"), "value"] = float("nan")
    table.loc[negative & (table["statistic"] == "variance"), "value"] = -0.0125
    return table


@pytest.fixture(scope="module")
def forest(planned, rows):
    figure = draw_forest(planned, Results(rows))
    figure.draw_without_rendering()
    return figure


@pytest.fixture(scope="module")
def components(planned, rows):
    return components_panels(planned, rows)


def lines_of(panel):
    return {row.label: row for row in panel.rows if isinstance(row, Line)}


def points(axes, marker):
    return [line.get_xdata()[0] for line in axes.lines if line.get_marker() == marker]


def test_marks_are_at_the_values_of_the_ard(forest, rows):
    for axes, contrast in zip(forest.axes, (CONTRAST, "relaxation - control"), strict=True):
        assert points(axes, "D") == [look_up(rows, "primary", contrast, "estimate")]
        assert points(axes, "o") == [look_up(rows, "participant_means", contrast, "mean_difference")]
        ends = [tuple(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 1.4]
        limits = [
            tuple(look_up(rows, name, contrast, end) for end in ("ci_lower", "ci_upper"))
            for name in ("primary", "participant_means")
        ]
        assert ends == [*limits, (-1.5, -0.25)]
        assert axes.get_xlim()[0] < -1.5 and axes.get_xlim()[1] > 0
    assert forest.axes[0].get_xlim() == forest.axes[1].get_xlim()


def test_estimate_n_and_interval_are_written_beside_the_mark(planned, rows):
    panel = forest_panels(planned, Results(rows))[0]
    assert panel.title == "Stimulation − control"
    n, written = lines_of(panel)["Primary"].texts
    assert n.text == "6; 36"
    assert [source.partition("#")[2] for source in n.sources] == ["n_participants", "n_units"]
    values = [look_up(rows, "primary", CONTRAST, name) for name in ("estimate", "ci_lower", "ci_upper")]
    assert written.text == "{} ({} to {})".format(*map(decimal, values))
    assert lines_of(panel)["Leave one out"].texts[1].text == "−1.50 to −0.25, range"
    assert [name for name, lines in panel.sections.items() if lines] == ["Primary", "Sensitivity"]


def test_what_is_on_another_scale_is_named_with_the_reason(planned, forest):
    reasons = not_drawn(planned)
    assert reasons["Torque under vibration ranks"] == "% MVC"
    assert reasons["Parametric bootstrap"] == "tests and intervals of the model's terms, not of contrasts"
    below = " ".join(text.get_text() for text in forest.texts)
    assert all(f"{name} ({reason})" in below for name, reason in reasons.items())
    shown = {text.get_text() for axes in forest.axes for text in axes.texts}
    assert not shown & set(reasons)


def test_experiments_have_panels_of_their_own(planned, rows):
    first = dataclasses.replace(planned.analyses["primary"], experiment="soleus")
    other = dataclasses.replace(first, name="participant_means", experiment="tibialis")
    plan = dataclasses.replace(
        planned,
        analyses={"primary": first, "participant_means": other},
        experiments={
            name: Experiment(name, label, tuple(planned.sequences), ("ramp",))
            for name, label in (("soleus", "Soleus"), ("tibialis", "Tibialis"))
        },
    )
    panels = forest_panels(plan, Results(rows))
    assert [panel.title for panel in panels] == [
        f"{part}: {contrast} − control"
        for part in ("Soleus", "Tibialis")
        for contrast in ("Stimulation", "Relaxation")
    ]
    assert list(lines_of(panels[0])) == ["Primary"] and list(lines_of(panels[2])) == ["Participant means"]


def test_contrast_that_is_not_estimable_has_no_mark_but_its_reason(planned, rows):
    missing = rows["analysis"].eq("primary") & rows["contrast_or_level"].eq(CONTRAST)
    changed = rows.assign(value=rows["value"].mask(missing), warning=rows["warning"].mask(missing, "too few"))
    results = Results(changed)
    line = lines_of(forest_panels(planned, results)[0])["Primary"]
    assert (line.value, line.texts[1].text) == (None, "not estimable")
    assert "Primary: – (too few)" in forest_caption(planned, results)[-1].text


def test_components_are_sorted_and_carry_their_intervals(components):
    (panel,) = components
    lines = lines_of(panel)
    assert list(lines) == ["Participants", "Participants × conditions", "Motor units", "Residual"] or list(
        lines
    ) == ["Participants × conditions", "Motor units", "Residual"]
    residual = lines["Residual"]
    assert (residual.lower, residual.upper) == (0.41, 0.79)
    assert residual.texts[0].text.endswith("(0.41 to 0.79)")
    assert lines["Motor units"].lower is None and lines["Motor units"].value > 0


def test_negative_variance_is_written_and_not_drawn(components, planned):
    line = lines_of(components[0])["Participants × conditions"]
    assert (line.value, line.texts[0].text) == (None, "variance −0.013")
    figure = draw_components(components)
    drawn = points(figure.axes[0], "o")
    assert len(drawn) == sum(line.value is not None for line in lines_of(components[0]).values())
    assert figure.axes[0].get_xlim()[0] == 0
    assert "400 resamples" in components_caption(planned, components)[0].text


@pytest.mark.parametrize("which", ["forest", "components"])
def test_text_is_large_enough_and_inside_and_there_are_no_bars(which, forest, components):
    figure = forest if which == "forest" else draw_components(components)
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    assert figure.get_figwidth() * 25.4 == pytest.approx(174)
    for text in texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text.get_text()
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text.get_text()
    assert not [patch for axes in figure.axes for patch in axes.patches]


def test_files_are_the_same_bytes_twice_and_every_numeral_has_its_source(planned, rows, components, tmp_path):
    results = Results(rows)
    texts = [text for panel in forest_panels(planned, results) for text in panel.texts()]
    digests = []
    for name in "ab":
        paths = write_captioned_figure(
            draw_forest(planned, results), tmp_path / name / "forest", forest_caption(planned, results), texts
        )
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert [path.name for path in paths] == [
        f"forest{end}" for end in (".pdf", ".png", ".svg", ".rst", "_numbers.tsv")
    ]
    # The document is called after its folder.
    assert digests[0][:4] == digests[1][:4]
    shown = read_table(paths[-1], "numbers_shown")
    assert set(shown["document"]) == {"b/forest"}
    printed = {
        n for axes in draw_forest(planned, results).axes for t in axes.texts for n in numerals(t.get_text())
    }
    printed -= {"95"}  # of the heading: the level of the intervals
    assert printed and printed <= {n for text in shown["text"] for n in numerals(text)}
    assert audit_numbers(shown, rows) == len(shown)
    other = [text for panel in components for text in panel.texts()]
    write_captioned_figure(draw_components(components), tmp_path / "components", [], other)
    assert audit_numbers(read_table(tmp_path / "components_numbers.tsv", "numbers_shown"), rows) > 3
