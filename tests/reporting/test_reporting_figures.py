import hashlib
import struct

import numpy as np
import pytest
from made_up_results import made_up_ard, shipped
from made_up_trial import made_up_tables

from pictrial.reporting.captions import figure_caption
from pictrial.reporting.figures import draw_outcome, write_figure
from pictrial.reporting.numbers import decimal, p_value
from pictrial.statistics.analysis import analyse_trial
from pictrial.statistics.analysis_results import look_up


@pytest.fixture(scope="module")
def figure(plan, ard, outcomes):
    return draw_outcome(plan, ard, outcomes, "delta_f")


def test_width_and_smallest_text(figure):
    import matplotlib.text

    figure.draw_without_rendering()
    assert figure.get_figwidth() * 25.4 == pytest.approx(174)
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7


def test_text_does_not_overlap_and_is_inside(figure):
    import matplotlib.text

    figure.draw_without_rendering()
    texts = [
        text
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_text().strip() and text.get_visible()
    ]
    boxes = [text.get_window_extent() for text in texts]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 + 1, texts[i].get_text()
        for other in boxes[i + 1 :]:
            assert not box.shrunk(0.95, 0.95).overlaps(other.shrunk(0.95, 0.95)), texts[i].get_text()


def test_axes_carry_units(figure):
    left, right = figure.axes
    assert left.get_ylabel() == "ΔF (pps)"
    assert right.get_ylabel() == "Difference in ΔF (pps)"
    assert [label.get_text() for label in left.get_xticklabels()] == ["Control", "Stimulation", "Relaxation"]


def test_every_value_and_every_participant_is_drawn(figure, outcomes):
    left, right = figure.axes
    drawn = [np.asarray(points.get_offsets())[:, 1] for points in left.collections]
    drawn = np.sort(np.concatenate([values for values in drawn if len(values)]))
    means = outcomes.groupby(["participant", "condition"])["value"].mean()
    np.testing.assert_allclose(drawn, np.sort(np.concatenate([outcomes["value"], means])))
    assert sum(len(line.get_xdata()) == 3 for line in left.lines) == 6
    differences = [len(points.get_offsets()) for points in right.collections]
    assert differences[:2] == [6, 6]


def test_contrasts_come_from_the_ard(plan, ard, outcomes):
    changed = ard.copy()
    moved = (changed["analysis"] == "primary") & (changed["statistic"] == "ci_lower")
    changed.loc[moved, "value"] = -7.5
    right = draw_outcome(plan, changed, outcomes, "delta_f").axes[1]
    lows = [line.get_ydata()[0] for line in right.lines if len(line.get_ydata()) == 2]
    assert lows.count(-7.5) == 2


def test_files_are_the_same_bytes_twice(plan, ard, outcomes, tmp_path):
    digests = []
    for name in ("a", "b"):
        paths = write_figure(draw_outcome(plan, ard, outcomes, "delta_f"), tmp_path / name / "figure")
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
        assert [path.suffix for path in paths] == [".pdf", ".png", ".svg"]
    assert digests[0] == digests[1]
    width = struct.unpack(">I", (tmp_path / "a" / "figure.png").read_bytes()[16:20])[0]
    assert width == pytest.approx(174 / 25.4 * 300, abs=1)


def test_one_participant_is_drawn_and_the_empty_panel_says_why(single):
    plan, outcomes, ard = single
    left, right = draw_outcome(plan, ard, outcomes, "delta_f").axes
    assert len(left.collections[0].get_offsets()) == len(outcomes)
    text = right.texts[0].get_text().replace("\n", " ")
    assert text == "No contrast: one participant: no comparison between conditions."
    caption = figure_caption(plan, ard, "delta_f")
    assert "There is no contrast: one participant: no comparison between conditions." in caption
    assert "n = 1 participant," in caption


def test_condition_without_value_is_not_drawn(plan, outcomes):
    rows = outcomes[outcomes["condition"] != "relaxation"]
    ard, _ = analyse_trial(plan, rows, "0" * 64, 1)
    left, right = draw_outcome(plan, ard, rows, "delta_f").axes
    assert [label.get_text() for label in left.get_xticklabels()] == ["Control", "Stimulation"]
    assert any("estimable" in text.get_text() for text in right.texts)


def test_no_value_at_all_is_drawn_empty(plan, outcomes):
    nothing = outcomes.iloc[:0]
    ard, _ = analyse_trial(plan, nothing, "0" * 64, 1)
    draw_outcome(plan, ard, nothing, "delta_f").draw_without_rendering()
    assert "n = 0 participants" in figure_caption(plan, ard, "delta_f")


def test_caption_has_n_and_numbers_of_the_ard(plan, ard):
    caption = figure_caption(plan, ard, "delta_f")
    pairs = look_up(ard, "descriptive", "all", "n_pairs")
    assert f"n = 6 participants, 36 motor units, {pairs:.0f} control–test pairs" in caption
    for level in ("stimulation", "relaxation"):
        for statistic in ("estimate", "ci_lower", "ci_upper"):
            assert decimal(look_up(ard, "primary", f"{level} - control", statistic)) in caption
        assert f"P = {p_value(look_up(ard, 'primary', f'{level} - control', 'p'))}" in caption
    assert "Kenward-Roger" in caption
    assert "<" not in caption


def test_layout_is_fixed_to_rounded_positions_before_files_are_written(plan, ard, outcomes, tmp_path):
    # The layout's solver differs in its last digits from process to process, and SVG identifiers hash them.
    figure = draw_outcome(plan, ard, outcomes, "delta_f")
    write_figure(figure, tmp_path / "figure")
    bounds = [value for axes in figure.axes for value in axes.get_position().bounds]
    assert len(bounds) == 8
    assert bounds == pytest.approx([round(value, 4) for value in bounds], abs=1e-12)


def test_each_experiment_has_a_row_of_its_own():
    plan = shipped("two")
    outcomes = made_up_tables(plan)["outcomes"]
    ard = made_up_ard(plan)
    figure = draw_outcome(plan, ard, outcomes, "delta_f")
    assert [axes.get_title("left") for axes in figure.axes[::2]] == [
        plan.experiments[name].label for name in plan.experiments if name.endswith("delta_f")
    ]
    assert [axes.texts[0].get_text() for axes in figure.axes] == list("ABCD")
    caption = figure_caption(plan, ard, "delta_f")
    assert "**A, C** Each line" in caption and "**D** ΔF under relaxation: Points are" in caption
    ticks = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes]
    assert ticks[::2] == [["Control", "Stimulation"], ["Control", "Relaxation"]]
    assert ticks[1::2] == [["Stimulation\n− control"], ["Relaxation\n− control"]]


def test_lines_join_the_conditions_that_people_of_an_arm_have():
    plan = shipped("parallel")
    outcomes = made_up_tables(plan)["outcomes"]
    left = draw_outcome(plan, made_up_ard(plan), outcomes, "delta_f").axes[0]
    joined = [line for line in left.lines if line.get_linewidth() == 0.8 and len(line.get_xdata()) == 2]
    assert len(joined) >= 4 and all(np.isfinite(line.get_ydata()).all() for line in joined)
    # Each arm has its own baseline beside it, so that no line crosses the other arm.
    ticks = [label.get_text() for label in left.get_xticklabels()]
    assert ticks == ["Before", "Control", "Before", "Stimulation"]
    assert all(abs(np.diff(line.get_xdata())) == pytest.approx(1) for line in joined)
    means = outcomes[outcomes["outcome"] == "delta_f"].dropna(subset=["value"])
    means = means.groupby(["sequence", "participant", "condition"])["value"].mean()
    assert len(joined) == (means.groupby("participant").size() == 2).sum()


def test_arms_have_no_differences_of_participants():
    plan = shipped("parallel")
    ard = made_up_ard(plan)
    right = draw_outcome(plan, ard, made_up_tables(plan)["outcomes"], "delta_f").axes[1]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["estimate, 95 % CI"]
    assert "**B** Diamonds and lines are" in figure_caption(plan, ard, "delta_f")


def test_an_outcome_whose_analyses_have_another_scale_shows_that_of_its_estimand():
    plan = shipped("parallel")
    outcomes, ard = made_up_tables(plan)["outcomes"], made_up_ard(plan)
    left, right = draw_outcome(plan, ard, outcomes, "modified_ashworth").axes
    assert left.get_ylabel() == "Modified Ashworth score" and right.get_ylabel() == "Win probability"
    drawn = [
        line.get_ydata()[0] for line in right.lines if line.get_marker() == "D" and len(line.get_xdata())
    ]
    assert drawn == [look_up(ard, "score_ranks", "stimulation - control", "estimate")]
    assert right.lines[0].get_ydata()[0] == 0.5  # where the arms do not differ
    caption = figure_caption(plan, ard, "modified_ashworth")
    assert "estimates (win probability)" in caption and f"{decimal(drawn[0])} (" in caption


def test_every_answer_of_yes_or_no_is_seen():
    plan = shipped("sample")
    outcomes, ard = made_up_tables(plan)["outcomes"], made_up_ard(plan)
    rows = outcomes[outcomes["outcome"] == "responder"]
    outcomes.loc[rows.index, "value"] = (rows["value"] > 3).astype(float).where(rows["value"].notna())
    left, right = draw_outcome(plan, ard, outcomes, "responder").axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["No", "Yes"]
    drawn = np.concatenate([np.asarray(points.get_offsets()) for points in left.collections])
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    assert len(np.unique(drawn, axis=0)) == len(drawn) == rows["value"].notna().sum()
    assert right.get_ylabel() == "Difference of shares"
    assert "Share of participants: Control: 0." in figure_caption(plan, ard, "responder")
