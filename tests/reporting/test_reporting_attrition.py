"""The figure of attrition draws every session, and its caption says what was counted."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_up_results import text_of

from pictrial.reporting.attrition_figure import (
    attrition_caption,
    draw_attrition,
    loss_shares,
    pair_flow,
    unit_flow,
)
from pictrial.reporting.figures import write_figure
from pictrial.statistics.differential_loss import compare_losses
from pictrial.tables import check_table, load_schema
from pictrial.trial.plan import load_plan, schedule

ENTERED = {"recordings": 1, "accepted": 30, "passing_pairs": 100}
LOST = {
    "accepted": {"duplicate": 8, "silhouette": 2},
    "tracking": {"found_by_tracking": -1},
    "test_units": {"recruitment_gap": 5},
    "passing_pairs": {"saturation": 10, "test_recruited_first": 50},
    "every_session": {"not_in_every_session": 3},
}


def attrition_of(plan, missing=None):
    """Return a trial in which session n of each participant loses n − 1 more candidates; −1 is a gain."""
    rows = []
    for s in schedule(plan).itertuples():
        where = {
            "participant": s.participant,
            "session": s.session,
            "period": s.period,
            "condition": s.condition,
        }
        for stage in load_schema("attrition")["columns"]["stage"]["Levels"]:
            n_in = ENTERED.get(stage, 20)
            gone = missing == (s.participant, s.session)
            if gone and stage != "recordings":
                continue
            lost = {"ill": 1} if gone else dict(LOST.get(stage, {}))
            if "duplicate" in lost:
                lost["duplicate"] += s.period - 1
            kept = n_in - sum(lost.values())
            for reason, number in (lost or {None: 0}).items():
                counts = {"n_lost": max(number, 0), "n_gained": max(-number, 0)}
                rows.append(where | {"stage": stage, "n_in": n_in, "n_kept": kept, "reason": reason} | counts)
    return check_table(pd.DataFrame(rows), "attrition", "test")


@pytest.fixture(scope="module")
def attrition(plan):
    return attrition_of(plan)


def test_flows_are_the_counts_of_the_sessions(attrition):
    units = unit_flow(attrition)
    assert units.loc[("01", "control", "1")].tolist() == [30, 20, 21, 20, 15, 17]
    assert units.loc[("01", "relaxation", "3"), "accepted"] == 18
    pairs = pair_flow(attrition)
    # In the order of judgement, not of the alphabet.
    assert list(pairs.columns) == ["all", "test recruited first", "saturation"]
    assert (pairs == [100, 50, 40]).all(axis=None)


def test_losses_are_shares_of_what_entered(attrition):
    shares = loss_shares(attrition)
    assert list(shares.columns) == [
        "candidate: duplicate",
        "candidate: silhouette",
        "tracking: gained",
        "no ΔF: recruitment gap",
        "sessions: not in every session",
    ]
    assert shares.loc[("01", "relaxation", "3"), "candidate: duplicate"] == pytest.approx(100 * 10 / 30)
    assert (shares["tracking: gained"] == 5).all()


def test_every_session_is_a_line_and_a_point(plan, attrition):
    figure = draw_attrition(plan, attrition)
    units, pairs, losses = figure.axes
    assert figure.get_figwidth() * 25.4 == pytest.approx(174)
    assert sum(line.get_linewidth() == 0.5 and len(line.get_ydata()) == 5 for line in units.lines) == 18
    assert sum(len(line.get_ydata()) == 3 and line.get_linestyle() == "None" for line in pairs.lines) == 18
    assert sum(len(points.get_offsets()) for points in losses.collections) == 18 * 5
    assert [text.get_text() for text in units.get_legend().get_texts()] == list(plan.conditions.values())


def test_text_is_large_enough_and_apart(plan, attrition):
    import matplotlib.text

    figure = draw_attrition(plan, attrition)
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    inches = figure.get_tightbbox()
    assert inches.x0 >= 0 and inches.x1 <= figure.get_figwidth() + 0.01
    assert inches.y0 >= 0 and inches.y1 <= figure.get_figheight() + 0.01
    level = [*figure.axes[2].get_yticklabels(), *figure.axes[0].get_legend().get_texts()]
    level += [axes.yaxis.label for axes in figure.axes[:2]]
    boxes = [text.get_window_extent() for text in level]
    for i, box in enumerate(boxes):
        for other in boxes[i + 1 :]:
            assert not box.shrunk(0.95, 0.95).overlaps(other.shrunk(0.95, 0.95)), level[i].get_text()


def test_files_are_the_same_bytes_twice(plan, attrition, tmp_path):
    digests = [
        [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in write_figure(draw_attrition(plan, attrition), tmp_path / name)
        ]
        for name in "ab"
    ]
    assert digests[0] == digests[1]


def test_caption_has_the_counts_and_the_tests(plan, outcomes, attrition):
    caption = text_of(attrition_caption(plan, attrition, compare_losses(plan, attrition, outcomes, 1)))
    assert "18 sessions of 18 planned took place." in caption
    # Each condition is twice in each period: 2 · (20 + 19 + 18) accepted.
    assert "Control: 180 candidates, 114 accepted, 126 after tracking" in caption
    assert "240 of 600 pairs passed" in caption
    assert "pairs that passed: P = 1.00" in caption
    assert "Stimulation − control:" in caption


def test_missing_session_is_named(plan, outcomes):
    attrition = attrition_of(plan, ("02", "1"))
    caption = text_of(attrition_caption(plan, attrition, compare_losses(plan, attrition, outcomes, 1)))
    assert "17 sessions of 18 planned took place (missing: participant 02, session 1: ill)" in caption
    assert len(unit_flow(attrition)) == 17
    draw_attrition(plan, attrition).draw_without_rendering()


def test_one_session_and_nothing_found_can_be_drawn(single):
    plan = single[0]
    one = attrition_of(plan)
    none = one[one["reason"].isna() | (one["stage"] == "recordings")].copy()
    none[["n_in", "n_kept"]] = 0
    losses = compare_losses(plan, one, single[1], 1)
    for table in (one, none):
        draw_attrition(plan, table).draw_without_rendering()
        assert "The plan has one condition" in text_of(attrition_caption(plan, table, losses))


def test_experiments_are_drawn_and_counted_apart():
    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "two_experiments" / "trial.yaml")
    sessions = plan.sessions_with(plan.task)
    attrition = attrition_of(replace(plan, sessions=sessions))
    figure = draw_attrition(plan, attrition)
    assert [part.get_suptitle() for part in figure.subfigs] == ["ΔF under stimulation", "ΔF under relaxation"]
    legends = [[t.get_text() for t in part.axes[0].get_legend().get_texts()] for part in figure.subfigs]
    assert legends == [["Control", "Stimulation"], ["Control", "Relaxation"]]
    assert len(figure.axes) == 6
    assert [axes.get_title("left") for axes in figure.axes] == list("ABCDEF")
    nothing = pd.DataFrame(columns=["outcome", "participant", "unit_id", "condition", "value"])
    caption = text_of(attrition_caption(plan, attrition, compare_losses(plan, attrition, nothing, 1)))
    # 15 people of each: the two controls are not added up.
    assert caption.count("Control: 450 candidates") == 2
    assert "**A, D** Motor units" in caption and "**C, F** Motor units lost" in caption
    assert "ΔF under relaxation: Shares kept, all conditions:" in caption
    assert "Stimulation − control" in caption.split("ΔF under relaxation: Shares")[0]
    assert "Stimulation − control" not in caption.split("ΔF under relaxation: Shares")[1]


def test_arms_are_not_permuted_and_the_caption_says_so_once():
    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "spasticity" / "trial.yaml")
    attrition = attrition_of(plan)
    nothing = pd.DataFrame(columns=["outcome", "participant", "unit_id", "condition", "value"])
    caption = text_of(attrition_caption(plan, attrition, compare_losses(plan, attrition, nothing, 1)))
    assert caption.count("Not estimable: arms of a parallel group trial") == 1
    assert "P = –" not in caption
