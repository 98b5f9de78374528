"""VibStim: the figure of a recording, the figure of all outcomes, and the comparison with the truth."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_results import text_of

from pictrial.reporting.figures import write_figure
from pictrial.reporting.vibstim_figure import PANELS, draw_vibstim, vibstim_caption
from pictrial.reporting.vibstim_recording_figure import draw_vibstim_recording
from pictrial.reporting.vibstim_truth import compare_vibstim
from pictrial.tables import check_table, load_schema
from pictrial.trial.plan import load_plan

RATE = 2048.0
LEVELS = list(load_schema("vibstim_outcomes")["columns"]["outcome"]["Levels"])
WINDOWS = {"before_nmes": (9.5, 10), "nmes": (10, 12), "vibration": (19.5, 20), "sustained": (23, 23.5)}


@pytest.fixture(scope="module")
def outcomes(plan) -> pd.DataFrame:
    """Values 1 to 3 by session, plus the participant; one excluded, one clamped, one censored."""
    rows = [
        {
            "participant": planned.participant,
            "session": planned.session,
            "outcome": outcome,
            "value": int(planned.session) + int(planned.participant) if outcome != "responder" else 1.0,
            "unit": "% MVC",
            "window_start": WINDOWS.get(outcome.split("_", 1)[-1], (None, None))[0],
            "window_end": WINDOWS.get(outcome.split("_", 1)[-1], (None, None))[1],
            "n_samples": 1024,
        }
        for planned in plan.sessions
        for outcome in LEVELS
    ]
    table = pd.DataFrame(rows).reindex(columns=list(load_schema("vibstim_outcomes")["columns"]))
    table = table.astype({"quality": object, "excluded": object})
    first = (table["participant"] == "01") & (table["session"] == "1")
    table.loc[first & (table["outcome"] == "emg_vibration"), ["value", "quality"]] = [-0.1, "below_rest"]
    table.loc[first & (table["outcome"] == "sustained_duration"), "quality"] = "censored"
    gone = first & (table["outcome"] == "torque_sustained")
    table.loc[gone, ["value", "excluded"]] = [None, "window sustained is not within the recording"]
    return check_table(table, "vibstim_outcomes", "test")


@pytest.fixture(scope="module")
def signals() -> dict:
    times = np.arange(round(25 * RATE)) / RATE
    return {
        "sampling_rate": np.float64(RATE),
        "torque": np.sin(times),
        "raw": 1000 * np.sin(50 * times),
        "clean": 10 * np.sin(50 * times),
        "blanked": (times > 10) & (times < 12),
        "vibration": np.array([2.0, 20.0]),
        "bouts": np.array([[10.0, 12.0], [14.0, 16.0]]),
    }


def of_session(outcomes, participant="01", session="1"):
    return outcomes[(outcomes["participant"] == participant) & (outcomes["session"] == session)]


def test_figure_of_a_recording_shows_windows_and_values(signals, outcomes):
    drawn = draw_vibstim_recording(signals, of_session(outcomes))
    root = ElementTree.fromstring(drawn)
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    values = [
        node.text for node in root.iter("{http://www.w3.org/2000/svg}text") if node.get("class") == "value"
    ]
    assert values == ["2.0", "2.0", "–", "2.0", "2.0", "−0.1", "2.0"]
    assert {"vibration", "NMES", "Torque (% MVC)", "Clean EMG (µV)", "Time (s)"} <= set(texts)
    assert any("sustained at least 2.0 s" in text for text in texts)
    assert drawn.count('class="window"') == 7 and drawn.count('class="nmes"') == 2
    # The vibration, 2 to 20 s of 25, on the axis from 62 to 704 pixels.
    left, right = map(float, re.search(r'class="vibration" d="M([\d.]+) \d+H([\d.]+)', drawn).groups())
    assert (left, right) == pytest.approx((62 + 642 * 2 / 25, 62 + 642 * 20 / 25), abs=0.1)
    assert drawn == draw_vibstim_recording(signals, of_session(outcomes))


def test_figure_of_a_recording_leaves_blanked_emg_out(signals, outcomes):
    spoiled = signals | {"clean": np.where(signals["blanked"], 9e9, signals["clean"])}
    rows = of_session(outcomes)
    assert draw_vibstim_recording(spoiled, rows) == draw_vibstim_recording(signals, rows)


def test_every_outcome_has_a_panel():
    assert sorted(outcome for outcome, _ in PANELS) == sorted(LEVELS)


def test_every_value_is_in_the_figure(plan, outcomes):
    figure = draw_vibstim(plan, outcomes)
    panels = dict(zip([outcome for outcome, _ in PANELS], figure.axes, strict=False))
    for outcome, axes in panels.items():
        points = np.concatenate([points.get_offsets() for points in axes.collections])
        expected = outcomes[(outcomes["outcome"] == outcome) & outcomes["value"].notna()]
        assert len(points) == len(expected), outcome
        if outcome != "responder":
            assert sorted(points[:, 1]) == sorted(expected["value"].astype(float)), outcome
    # A value stands above its condition, whatever the period was: participant 02 begins with stimulation.
    [line] = [
        line
        for line in panels["torque_vibration"].lines
        if len(line.get_ydata()) == 3 and sorted(line.get_ydata()) == [3, 4, 5]
    ]
    sequence = plan.sequences[plan.participants["02"]]
    expected = [3 + sequence.index(condition) for condition in plan.conditions]
    assert line.get_ydata().tolist() == expected


def test_figure_is_the_same_every_time_and_readable(plan, outcomes, tmp_path):
    first, second = (
        write_figure(draw_vibstim(plan, outcomes), tmp_path / name / "vibstim") for name in ("a", "b")
    )
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    figure = draw_vibstim(plan, outcomes)
    figure.draw_without_rendering()
    sizes = [text.get_fontsize() for axes in figure.axes for text in axes.texts + axes.get_xticklabels()]
    sizes += [axes.yaxis.label.get_fontsize() for axes in figure.axes]
    assert min(sizes) >= 7 and figure.get_figwidth() == pytest.approx(174 / 25.4)


def test_one_participant_in_one_condition_is_drawn(outcomes):
    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "vastus_lateralis" / "trial.yaml")
    figure = draw_vibstim(plan, of_session(outcomes))
    assert len(figure.axes[0].collections[0].get_offsets()) == 1


def test_caption_counts(plan, outcomes):
    caption = text_of(vibstim_caption(plan, outcomes))
    assert "n = 6 participants, 18 recordings" in caption
    assert "no EMG above rest (1 value)" in caption and "ended (1 value)" in caption
    assert "1 value could not be measured" in caption


def true_values(*rows) -> pd.DataFrame:
    columns = ["participant", "session", "outcome", "unit", "value"]
    return check_table(pd.DataFrame(rows, columns=columns), "true_vibstim", "test")


def test_comparison_with_the_truth(outcomes):
    true = true_values(
        *[(p, "1", "torque_vibration", "% MVC", t) for p, t in (("01", 1.0), ("02", 3.0), ("03", 5.0))],
        *[(p, "1", "torque_sustained", "% MVC", 2.0) for p in ("01", "02")],
        *[(p, "1", "responder", None, r) for p, r in (("01", 1.0), ("02", 0.0), ("03", 1.0), ("04", 1.0))],
    )
    compared = check_table(compare_vibstim(outcomes, true), "truth_vibstim", "test").set_index("outcome")
    assert compared.index.tolist() == ["torque_vibration", "torque_sustained", "responder"]
    vibration = compared.loc["torque_vibration"]  # estimates 2, 3, 4
    assert vibration[["n", "mean_true", "mean_estimate", "bias", "bias_percent"]].tolist() == [3, 3, 3, 0, 0]
    assert vibration["correlation"] == pytest.approx(1) and vibration["sd_of_error"] == 1
    sustained = compared.loc["torque_sustained"]  # that of 01 is excluded, that of 02 is 3
    assert sustained[["n", "n_missing", "bias", "bias_percent"]].tolist() == [1, 1, 1, 50]
    assert pd.isna(sustained["correlation"]) and pd.isna(sustained["sd_of_error"])
    assert compared.loc["responder", "agreement"] == 0.75 and pd.isna(
        compared.loc["responder", "correlation"]
    )


def test_caption_is_valid_text_of_the_report(plan, outcomes):
    from docutils.core import publish_parts

    caption = text_of(vibstim_caption(plan, outcomes))
    body = publish_parts(caption, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "system-message" not in body and "<strong>Sample trial" in body


def test_experiments_stand_beside_each_other_and_no_line_joins_them():
    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "two_experiments" / "trial.yaml")
    rows = [
        (s.participant, s.session, outcome, 1.0 + (s.condition != "control"), None, None)
        for s in plan.sessions_with(plan.vibstim_task)
        for outcome, _ in PANELS
    ]
    columns = ["participant", "session", "outcome", "value", "quality", "excluded"]
    table = pd.DataFrame(rows, columns=columns)
    axes = draw_vibstim(plan, table).axes[0]
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    assert ticks == ["Control", "Stimulation", "Control", "Relaxation"]
    joined = [line for line in axes.lines if line.get_linewidth() == 0.6 and len(line.get_xdata()) == 2]
    complete = [line for line in joined if list(line.get_ydata()) == [1.0, 2.0]]
    assert len(complete) == 20 + 19
    assert list(axes.get_xticks()) == pytest.approx([0.0, 1.0, 2.4, 3.4])
    text = text_of(vibstim_caption(plan, table))
    assert "From left to right: VibStim under stimulation; VibStim under relaxation." in text
