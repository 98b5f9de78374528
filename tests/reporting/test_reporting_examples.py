"""The figures of single recordings, and of the power of a next trial."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import matplotlib.text
import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.number_audit import numerals
from pictrial.reporting.numbers import decimal
from pictrial.reporting.power_figure import draw_power, experiment_titles, power_caption
from pictrial.reporting.ramp_figure import decomposed_ramp, draw_ramp, example_pair, ramp_caption, ramp_texts
from pictrial.reporting.vibstim_example_figure import (
    draw_vibstim_example,
    vibstim_example_caption,
    vibstim_example_texts,
)
from pictrial.statistics.next_trial_power import next_trial_power
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

RATE = 100.0  # Hz, of the drawn signals


def train(start, end, low, high):
    """Discharges whose rate rises from `low` to `high` pps in the middle, and falls to `low` again."""
    times = [start]
    while times[-1] < end:
        times.append(
            times[-1] + 1 / (low + (high - low) * np.sin(np.pi * (times[-1] - start) / (end - start)))
        )
    return np.array(times[:-1])


DISCHARGES = {"MU01": train(2, 18, 8, 14), "MU02": train(5, 14, 7, 12), "MU03": train(6.5, 13, 6, 10)}


@pytest.fixture(scope="module")
def session(plan):
    return plan.sessions[0]


@pytest.fixture(scope="module")
def pairs(session):
    table = estimate_delta_f(DISCHARGES)
    table["participant"], table["session"] = session.participant, session.session
    return table


@pytest.fixture(scope="module")
def torque():
    times = np.arange(2000) / RATE
    return {"torque": 20 * np.sin(np.pi * times / 20), "sampling_rate": np.array(RATE)}


@pytest.fixture(scope="module")
def ramp(session, torque, pairs):
    return decomposed_ramp(session, torque, DISCHARGES, pairs, {})


@pytest.fixture(scope="module")
def measured(session):
    names = ["torque_before_nmes", "torque_vibration", "torque_sustained"]
    names += ["emg_before_nmes", "emg_nmes", "emg_vibration", "emg_sustained"]
    names += ["evoked_torque", "sustained_duration"]
    starts = [2.0, 8.0, 11.0, 2.0, 6.0, 8.0, 11.0, np.nan, np.nan]
    table = pd.DataFrame({"outcome": names, "window_start": starts})
    values = [0.7, 13.45, np.nan, 1.5, 12.0, 9.0, 8.0, 20.0, 7.0]
    table = table.assign(value=values, window_end=table["window_start"] + 0.5, quality=None)
    return table.assign(participant=session.participant, session=session.session)


@pytest.fixture(scope="module")
def signals():
    emg = np.sin(np.arange(1500))
    blanked = (np.arange(1500) >= 500) & (np.arange(1500) < 550)
    return {
        "sampling_rate": np.array(RATE),
        "torque": np.linspace(0, 15, 1500),
        "clean": np.where(blanked, 1000.0, emg),
        "blanked": blanked,
        "vibration": np.array([1.0, 10.0]),
        "bouts": np.array([[3.0, 5.0], [6.0, 8.0]]),
    }


def test_pair_is_the_passing_one_that_correlates_best(pairs, session):
    where = (session.participant, session.session)
    passed = pairs[pairs["passed"]]
    assert len(passed) > 1
    assert example_pair(pairs, *where)["correlation"] == passed["correlation"].max()
    # A pair that does not pass is not shown, however well it correlates.
    best = passed["correlation"].idxmax()
    changed = pairs.assign(passed=pairs["passed"] & (pairs.index != best))
    second = passed["correlation"].drop(best).max()
    assert example_pair(changed, *where)["correlation"] == second
    assert example_pair(pairs, "99", session.session) is None


def test_rates_marked_differ_by_the_delta_f_of_the_ledger(plan, ramp):
    figure = draw_ramp(plan, ramp)
    figure.draw_without_rendering()
    last = figure.axes[3]
    marks = [line for line in last.lines if line.get_color() == "black"]
    (start, high), (end, low) = (line.get_xydata()[0] for line in marks)
    assert (start, end) == (ramp.pair.test_recruitment, ramp.pair.test_derecruitment)
    assert high - low == pytest.approx(ramp.pair.delta_f, abs=1e-9)
    (arrow,) = (text for text in last.texts if not text.get_text())
    assert arrow.xy[1] - arrow.xyann[1] == pytest.approx(ramp.pair.delta_f)
    assert f"ΔF = {decimal(ramp.pair.delta_f)} pps" in [text.get_text() for text in last.texts]


def test_raster_has_every_discharge_in_the_order_of_recruitment(plan, ramp):
    raster = draw_ramp(plan, ramp).axes[1]
    drawn = [[segment[0, 0] for segment in lines.get_segments()] for lines in raster.collections]
    assert [len(times) for times in drawn] == [len(times) for times in DISCHARGES.values()]
    assert [times[0] for times in drawn] == sorted(times[0] for times in DISCHARGES.values())


def test_recording_without_a_passing_pair_is_drawn_and_says_so(plan, session, torque, pairs):
    ramp = decomposed_ramp(session, torque, DISCHARGES, pairs.assign(passed=False), {})
    figure = draw_ramp(plan, ramp)
    assert "No pair passed." in [text.get_text() for text in figure.axes[3].texts]
    assert "No pair of the recording passed" in ramp_caption(plan, ramp)[0].text
    assert ramp_texts(ramp) == []
    nothing = decomposed_ramp(session, torque, {}, pairs.assign(passed=False), {})
    draw_ramp(plan, nothing).draw_without_rendering()


def test_ledger_of_other_units_is_refused(session, torque, pairs):
    with pytest.raises(InputError, match="has no discharges"):
        decomposed_ramp(session, torque, {"MU01": DISCHARGES["MU01"]}, pairs, {})


def test_windows_carry_their_values_and_blanked_emg_is_not_drawn(signals, measured):
    figure = draw_vibstim_example(signals, measured)
    _, torque, emg = figure.axes
    assert [text.get_text() for text in torque.texts] == ["0.7", "13.5", "–"]
    assert [text.get_text() for text in emg.texts] == ["1.5", "12.0", "9.0", "8.0"]
    assert [patch.get_x() for patch in torque.patches] == [2.0, 8.0, 11.0]
    drawn = np.concatenate([segment[:, 1] for segment in emg.collections[0].get_segments()])
    assert drawn.max() <= 1
    bars = [path.vertices[0, 0] for group in figure.axes[0].collections for path in group.get_paths()]
    assert sorted(bars) == [1.0, 3.0, 6.0]


def test_caption_of_vibstim_says_at_least_where_torque_went_on(plan, session, measured):
    written = vibstim_example_caption(plan, session, measured)[0]
    assert "sustained for 7.0 s" in written.text
    where = f"table:vibstim/outcomes/{session.participant}/{session.session}/evoked_torque"
    assert where in written.sources
    longer = measured.assign(quality=measured["outcome"].map({"sustained_duration": "censored"}))
    assert "for at least 7.0 s" in vibstim_example_caption(plan, session, longer)[0].text


@pytest.mark.parametrize("which", ["ramp", "vibstim"])
def test_figures_are_legible_stable_and_have_no_number_without_source(
    which, plan, session, ramp, signals, measured, tmp_path
):
    def draw():
        return draw_ramp(plan, ramp) if which == "ramp" else draw_vibstim_example(signals, measured)

    caption = ramp_caption(plan, ramp)
    texts = ramp_texts(ramp)
    if which == "vibstim":
        caption = vibstim_example_caption(plan, session, measured)
        texts = vibstim_example_texts(measured)
    figure = draw()
    figure.draw_without_rendering()
    words = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in words) >= 7
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.x1 <= figure.get_figwidth() == pytest.approx(174 / 25.4)
    files = [write_captioned_figure(draw(), tmp_path / name / "figure", caption, texts) for name in "ab"]
    digests = [[hashlib.sha256(path.read_bytes()).hexdigest() for path in paths[:4]] for paths in files]
    assert digests[0] == digests[1]
    shown = read_table(files[0][-1], "numbers_shown")
    printed = {n for axes in figure.axes for text in axes.texts for n in numerals(text.get_text())}
    printed |= {n for paragraph in caption for n in numerals(paragraph.text)}
    assert printed <= {n for text in shown["text"] for n in numerals(text)}
    assert len(printed) > 1


def test_power_is_that_of_half_the_differences(plan, monkeypatch):
    seen = {}

    def curve(*arguments):
        seen["arguments"] = arguments
        return pd.DataFrame({"power": [0.5]})

    monkeypatch.setattr("pictrial.statistics.next_trial_power.power_curve", curve)
    from drawn_trial import DrawnTrial, draw_outcomes

    drawn = draw_outcomes(plan.sessions, DrawnTrial(), seed=1)
    found, reasons = next_trial_power(plan, drawn, 7)
    assert found["power"].tolist() == [0.5] and found["analysis"].tolist() == ["primary"] and not reasons
    _, model, participants, units, lost, (effects,), trials, seed = seen["arguments"]
    from pictrial.statistics.analysis import analyse_trial
    from pictrial.statistics.analysis_results import look_up

    ard = analyse_trial(plan, drawn, "cd" * 32, 1)[0]
    for level, effect in effects.items():
        assert effect == pytest.approx(look_up(ard, "primary", f"{level} - control", "estimate") / 2)
    sd = model.standard_deviations
    assert sd.residual == pytest.approx(look_up(ard, "primary", "residual", "standard_deviation"))
    assert (units, seed) == ([6], 7) and 0 <= lost[0] < 1 and trials > 1
    assert participants == [3, 6, 9, 12]


def test_power_that_cannot_be_estimated_says_why(single):
    plan, outcomes, _ = single
    curve, reasons = next_trial_power(plan, outcomes, 1)
    assert curve.empty and not reasons
    assert not [axes for axes in draw_power(curve, 0.8).axes]
    why = "Not estimated: the plan has no primary analysis."
    assert why in power_caption(plan, curve, reasons, 0.8)[0].text


def test_caption_of_power_names_trials_units_and_planted_differences(plan):
    cell = SimpleNamespace(trials=20, units=16, lost_units=0.08)
    curve = pd.DataFrame(
        [
            (
                "primary",
                n,
                cell.units,
                cell.lost_units,
                "stimulation=-0.5",
                level,
                minus,
                difference,
                cell.trials,
            )
            for n in (4, 6)
            for level, minus, difference in (("stimulation", "control", -0.5), ("any contrast", "", np.nan))
        ],
        columns=[
            *("analysis", "participants", "units", "lost_units"),
            *("effects", "level", "minus", "difference", "trials"),
        ],
    )
    (caption,) = power_caption(plan, curve, {}, 0.8)
    assert "20 trials were drawn" in caption.text and "16 motor units" in caption.text
    assert "(8 % of values lost)" in caption.text and "Stimulation − control −0.50 pps" in caption.text
    assert "80 %" in caption.text and set(caption.sources) == {"table:statistics/power", "code:power_target"}


def test_power_of_each_experiment_is_drawn_from_its_own_participants(monkeypatch):
    from drawn_trial import DrawnTrial, draw_outcomes

    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "two_experiments" / "trial.yaml")
    monkeypatch.setattr("pictrial.statistics.next_trial_power.TRIALS", 1)
    monkeypatch.setattr("pictrial.statistics.next_trial_power.SIZES", (0.5,))
    drawn = draw_outcomes(plan.sessions_with(plan.task), DrawnTrial(), seed=1)
    fewer = drawn["sequence"].isin(["FCR", "FRC"]) & (drawn["unit_id"] == "unit00")
    drawn = drawn[~fewer]
    curve, reasons = next_trial_power(plan, drawn, 1)
    # Without a value of VibStim there is nothing to draw from: said, and the others are drawn.
    assert curve["analysis"].tolist() == ["stimulation_delta_f", "relaxation_delta_f"]
    assert set(reasons) == {"stimulation_vibstim", "relaxation_vibstim"}
    assert curve["level"].tolist() == ["stimulation", "relaxation"] and curve["units"].tolist() == [6, 5]
    assert curve["participants"].tolist() == [8, 8]  # half of 15
    figure = draw_power(curve, 0.8, experiment_titles(plan))
    assert figure.axes[1].get_title() == "ΔF under relaxation\nRelaxation − control"
    (caption,) = power_caption(plan, curve, reasons, 0.8)
    assert "ΔF under relaxation: 5 motor units of each participant" in caption.text
    assert "VibStim under stimulation: Not estimated: " in caption.text
