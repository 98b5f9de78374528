"""The page of diagnostics draws what its tables hold, and its caption says the numbers."""

import hashlib

import matplotlib.text
import numpy as np
import pandas as pd
import pytest

from pictrial.reporting.diagnostics_figure import diagnostics_caption, draw_diagnostics
from pictrial.reporting.figures import write_figure
from pictrial.statistics.diagnostics import (
    diagnostics_summary,
    normal_band,
    observation_diagnostics,
    random_effect_diagnostics,
    residual_deviations,
)
from pictrial.statistics.fitted_model import fit_model, model_frame
from pictrial.statistics.influence import participant_influence

PAIRS = [("stimulation", "control"), ("relaxation", "control")]
MODEL = (
    "value ~ condition + period + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
)


@pytest.fixture(scope="module")
def tables(plan, outcomes):
    frame, levels = model_frame(outcomes), {"condition": list(plan.conditions)}
    model = fit_model(frame, MODEL, levels)
    influence = participant_influence(frame, MODEL, levels, PAIRS, "kenward-roger")
    return (
        observation_diagnostics(model, frame),
        random_effect_diagnostics(model),
        influence.whole,
        influence.contrasts,
    )


def draw(plan, tables):
    figure = draw_diagnostics("ΔF", "pps", plan.conditions, *tables)
    figure.draw_without_rendering()
    return figure


@pytest.fixture(scope="module")
def figure(plan, tables):
    return draw(plan, tables)


def panel(figure, letter):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == letter)


def points(axes):
    return next(line for line in axes.lines if line.get_marker() == "o")


def test_panels_have_their_letters_in_order(figure):
    # Three of residuals, three random terms, residual SD, two contrasts.
    assert [axes.get_title(loc="left") for axes in figure.axes] == list("ABCDEFGHI")


def test_residuals_are_drawn_by_condition(plan, tables, figure):
    observations = tables[0]
    drawn = panel(figure, "A").collections[: len(plan.conditions)]
    markers = set()
    for level, collection in zip(plan.conditions, drawn, strict=True):
        rows = observations[observations["level"] == level]
        np.testing.assert_allclose(collection.get_offsets(), rows[["fitted", "residual"]])
        markers.add(collection.get_paths()[0].vertices.tobytes())
    assert len(markers) == 3, "conditions differ by marker, not by colour only"
    scale = panel(figure, "C").collections[0].get_offsets()
    rows = observations[observations["level"] == "control"]
    np.testing.assert_allclose(scale[:, 1] ** 2, rows["standardised_residual"].abs())


def test_quantiles_are_drawn_with_their_band(tables, figure):
    observations, effects, *_ = tables
    axes = panel(figure, "B")
    np.testing.assert_allclose(points(axes).get_ydata(), np.sort(observations["standardised_residual"]))
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    lower, upper = normal_band(len(observations))
    assert heights.min() == pytest.approx(lower.min()) and heights.max() == pytest.approx(upper.max())
    rows = effects[effects["group"] == "participant:unit"]
    assert panel(figure, "D").get_title(loc="right") == f"participant × unit (n = {len(rows)})"
    np.testing.assert_allclose(points(panel(figure, "D")).get_ydata(), np.sort(rows["standardised_blup"]))
    # The variance between participants is zero.
    assert [text.get_text() for text in panel(figure, "F").texts] == ["variance\nestimated as zero"]


def test_deviations_and_influence_are_those_of_the_tables(tables, figure):
    observations, _, whole, without = tables
    table = residual_deviations(observations).set_index("level")
    drawn = [line.get_ydata()[0] for line in panel(figure, "G").lines if len(line.get_ydata()) == 1]
    expected = table.loc[["control", "stimulation", "relaxation"], "residual_standard_deviation"]
    np.testing.assert_allclose(drawn, expected)
    axes = panel(figure, "I")
    rows = without[without["level"] == "relaxation"]
    np.testing.assert_allclose(points(axes).get_ydata(), rows["estimate"])
    ends = [segment[:, 1] for segment in axes.collections[0].get_segments()]
    np.testing.assert_allclose(ends, rows[["ci_lower", "ci_upper"]])
    assert axes.lines[0].get_ydata()[0] == whole["estimate"][1]
    assert [label.get_text() for label in axes.get_xticklabels()] == rows["without"].tolist()


def test_text_is_large_enough_and_inside(figure):
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    assert figure.get_figwidth() * 25.4 == pytest.approx(174)
    box = figure.get_tightbbox()
    assert box.x0 >= -0.01 and box.x1 <= figure.get_figwidth() + 0.01
    assert box.y0 >= -0.01 and box.y1 <= figure.get_figheight() + 0.01


def test_files_are_the_same_bytes_twice(plan, tables, tmp_path):
    digests = [
        [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in write_figure(draw_diagnostics("ΔF", "pps", plan.conditions, *tables), tmp_path / name)
        ]
        for name in "ab"
    ]
    assert digests[0] == digests[1]


def many(table, count):
    """Repeat the participants of `without` under other names, each a little further off."""
    rows = [
        part.assign(without=f"{number:03d}", estimate_change=0.01 * number, estimate=part["estimate"])
        for number in range(count)
        for part in [table[table["without"] == "01"]]
    ]
    return pd.concat(rows, ignore_index=True)


def test_of_many_participants_only_the_most_influential_are_named(plan, tables):
    observations, effects, whole, without = tables
    axes = panel(draw(plan, (observations, effects, whole, many(without, 100))), "H")
    assert len(points(axes).get_ydata()) == 100
    # 099 changes it most; its neighbours would write over its name.
    assert [label.get_text() for label in axes.get_xticklabels()] == ["099", "090", "081"]


def test_what_is_not_estimable_is_crossed_and_the_page_still_drawn(plan, tables):
    observations, effects, whole, without = tables
    lost = without.assign(
        **{name: without[name].mask(without["without"] == "02") for name in ("estimate", "p", "ci_lower")}
    )
    axes = panel(draw(plan, (observations, effects, whole, lost)), "H")
    crosses = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "x"]
    assert crosses == [[1]]
    none = without.assign(estimate=np.nan, estimate_change=np.nan, p=np.nan, ci_lower=np.nan, ci_upper=np.nan)
    caption = diagnostics_caption("ΔF", plan.conditions, observations, none)
    assert "Stimulation − control: not estimable without any of them." in caption
    assert len(draw(plan, (observations.head(5), effects, whole.head(0), without.head(0))).axes) == 7


def test_caption_says_the_numbers(plan, tables):
    observations, _, _, without = tables
    caption = diagnostics_caption("ΔF", plan.conditions, observations, without)
    numbers = diagnostics_summary(observations)
    assert caption.startswith("**ΔF: diagnostics of the model.**")
    assert "no P decides whether residuals are normal" in caption
    assert "93 observations, skewness −0.04, excess kurtosis −0.61" in caption
    assert f"{numbers['n_beyond_3_sd']:.0f} residuals beyond 3 SD" in caption
    assert "largest over smallest 1.24" in caption
    rows = without[without["level"] == "stimulation"]
    most = rows.loc[rows["estimate_change"].abs().idxmax()]
    assert f"Stimulation − control: most by −{abs(most['estimate_change']):.2f}" in caption
    assert f"without {most['without']} (" in caption
