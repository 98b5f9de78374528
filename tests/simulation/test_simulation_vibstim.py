"""VibStim without noise and with it: protocol, truth, planted effects."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant
from pictrial.simulation.vibstim import simulate_vibstim
from pictrial.simulation.vibstim_response import (
    ResponseSettings,
    TruthWindows,
    VibstimLevels,
    VibstimTiming,
    draw_vibstim_levels,
    draw_vibstim_person,
    evoked_torque,
    sustained_torque,
    true_vibstim,
)

SETTINGS = SampleTrialSettings()
RATE = 2048.0
TIMING, RESPONSE, WINDOWS = VibstimTiming(), ResponseSettings(), TruthWindows()
LEVELS = VibstimLevels(before_nmes=1.5, vibration=12.0, sustained=6.0, hold=5.0)


def values(truth: pd.DataFrame) -> dict[str, float]:
    return dict(zip(truth["outcome"], truth["value"], strict=True))


def at(signal: np.ndarray, start: float, stop: float) -> np.ndarray:
    return signal[round(start * RATE) : round(stop * RATE)]


def person_who(responds: bool, **settings) -> SimulatedParticipant:
    changed = replace(SETTINGS, **settings)
    people = (SimulatedParticipant(changed, 3, f"{number:02d}") for number in range(1, 20))
    return next(person for person in people if person.vibstim.responder == responds)


@pytest.fixture(scope="module")
def responder():
    return person_who(True)


def test_protocol():
    assert TIMING.duration == 50
    np.testing.assert_array_equal(TIMING.bout_onsets, [15, 19, 23, 27, 31])
    pulses = TIMING.pulses.reshape(5, 40)
    np.testing.assert_array_equal(pulses[:, 0], TIMING.bout_onsets)
    np.testing.assert_allclose(np.diff(pulses, axis=1), 0.05)
    assert TIMING.vibration_end - pulses[-1, -1] > 5


def test_course_of_the_torque():
    torque = sustained_torque(LEVELS, TIMING, RESPONSE, RATE)
    assert (at(torque, 0, 5) == 0).all()
    after_bouts = [torque[round((onset + 3) * RATE)] for onset in TIMING.bout_onsets]
    np.testing.assert_allclose(after_bouts, [3.6, 5.7, 7.8, 9.9, 12.0])
    assert (np.diff(at(torque, 5, 38)) >= 0).all() and (np.diff(at(torque, 38, 50)) <= 0).all()
    np.testing.assert_allclose(at(torque, 39.6, 42.9), 6.0)
    np.testing.assert_allclose(at(torque, 46.1, 50), 0, atol=1e-12)


def test_truth_is_the_levels_and_when_they_end():
    torque = sustained_torque(LEVELS, TIMING, RESPONSE, RATE)
    truth = values(true_vibstim(torque, TIMING, WINDOWS, RATE, True))
    # The last torque of 1 % in a half cosine from 6 to 0 in 3 s that begins 5 s after the vibration.
    duration = 5 + 3 * np.arccos(2 / 6 - 1) / np.pi
    expected = {"before_nmes": 1.5, "vibration": 12.0, "sustained": 6.0}
    for name, level in expected.items():
        assert truth[f"torque_{name}"] == pytest.approx(level)
        assert truth[f"emg_{name}"] == pytest.approx(level)
    assert truth["torque_rise"] == pytest.approx(10.5)
    assert truth["sustained_duration"] == pytest.approx(duration, abs=1 / RATE)
    assert truth["responder"] == 1


def test_truth_of_a_torque_that_changes_within_a_window():
    torque = np.zeros(round(50 * RATE))
    torque[round(37.75 * RATE) : round(38 * RATE)] = 4.0
    truth = values(true_vibstim(torque, TIMING, WINDOWS, RATE, False))
    assert truth["torque_vibration"] == pytest.approx(2.0)
    assert truth["emg_vibration"] == pytest.approx(np.sqrt(8.0))
    assert truth["sustained_duration"] == 0


def test_evoked_torque_is_over_before_any_window():
    torque = evoked_torque(TIMING, RESPONSE, RATE)
    plateau = at(torque, 16, 17)
    assert plateau.mean() == pytest.approx(20, rel=0.01)
    spectrum = np.abs(np.fft.rfft(plateau - plateau.mean()))
    assert np.argmax(spectrum) == 20  # Hz, for the plateau lasts 1 s
    assert 0.2 < np.ptp(plateau) < 3
    for start, stop in WINDOWS.of(TIMING).values():
        assert at(torque, start, stop).max(initial=0) < 1e-3


def test_population():
    people = [draw_vibstim_person(RESPONSE, random_generator(1, "people", i)) for i in range(4000)]
    responders = np.array([person.responder for person in people])
    vibration = np.array([person.vibration for person in people])
    sustained = np.array([person.sustained for person in people])
    assert responders.mean() == pytest.approx(0.6, abs=0.03)
    assert vibration.mean() == pytest.approx(RESPONSE.means["vibration"], rel=0.05)
    assert (vibration.mean(), vibration.std()) == (pytest.approx(10, abs=0.5), pytest.approx(9, abs=0.7))
    assert sustained.mean() == pytest.approx(RESPONSE.means["sustained"], rel=0.05)
    assert (sustained.mean(), sustained.std()) == (pytest.approx(5, abs=0.3), pytest.approx(5, abs=0.7))
    assert vibration[responders].min() > 2 and sustained[responders].min() >= 2
    assert vibration[~responders].max() < 0.3 and sustained[~responders].max() < 0.3


@pytest.mark.parametrize(("condition", "ratio"), [("relaxation", 0.75), ("stimulation", 1.0)])
def test_effects_are_planted(condition, ratio):
    torques = {"control": [], condition: []}
    for number in range(1500):
        person = draw_vibstim_person(RESPONSE, random_generator(2, "person", number))
        for name, rows in torques.items():
            levels = draw_vibstim_levels(person, RESPONSE, name, random_generator(2, name, number))
            rows.append((levels.before_nmes, levels.vibration, levels.sustained))
    means = {name: np.mean(rows, axis=0) for name, rows in torques.items()}
    np.testing.assert_allclose(means[condition] / means["control"], [1, ratio, ratio], rtol=0.015)


def test_responders_can_be_told_from_the_others():
    for number in range(200):
        person = SimulatedParticipant(SETTINGS, 4, str(number))
        for session, condition in (("1", "control"), ("2", "relaxation")):
            random = person.random(session, "vibstim response")
            levels = draw_vibstim_levels(person.vibstim, RESPONSE, condition, random)
            if person.vibstim.responder:
                assert levels.sustained > 1 and levels.vibration > 1.5 + levels.before_nmes
            else:
                assert levels.sustained < 0.3 and levels.vibration < 0.3


def test_torque_of_windows_is_hardly_biased(responder):
    """Means over 0.5 s, less rest, in % of the planted maximum."""
    for session in map(str, range(1, 6)):
        recording, _, truth = simulate_vibstim(responder, session, "control")
        percent = 100 / responder.maximal_torque * recording.torque
        percent -= at(percent, 3, 5).mean()
        true = values(truth)
        for name, (start, stop) in WINDOWS.of(TIMING).items():
            error = at(percent, start, stop).mean() - true[f"torque_{name}"]
            assert abs(error) < 0.01 * true[f"torque_{name}"] + 0.02  # of it 0.02: noise of the sensor


def test_emg_follows_the_torque(responder):
    """In the sustained part the EMG has the planted RMS, above that at rest."""
    quiet = replace(SETTINGS.vibstim, soleus=replace(SETTINGS.vibstim.soleus, harmonics=()))
    noise = replace(SETTINGS.noise, line_amplitude=0.0)
    person = SimulatedParticipant(replace(SETTINGS, vibstim=quiet, noise=noise), 3, responder.participant)
    squares, expected = [], []
    for session in map(str, range(20)):
        recording, _, truth = simulate_vibstim(person, session, "control")
        emg = recording.emg[0].astype(float)
        power = (at(emg, 41, 41.5) ** 2).mean() - (at(emg, 3, 5) ** 2).mean()
        squares.append(power)
        expected.append((values(truth)["emg_sustained"] / 100 * person.maximal_soleus_emg) ** 2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(np.sqrt(np.mean(expected)), rel=0.04)


def test_what_else_is_in_the_emg():
    recording, events, _ = simulate_vibstim(person_who(False), "1", "control")
    emg = recording.emg[0].astype(float)
    assert events["trial_type"].tolist() == ["vibration"] + ["nmes"] * 5
    assert (events.loc[0, "onset"], events.loc[0, "duration"]) == (5, 33)
    spectrum = 2 / round(5 * RATE) * np.abs(np.fft.rfft(at(emg, 33, 38)))
    np.testing.assert_allclose(spectrum[[500, 1000, 1500]], [30, 20, 10], atol=1)  # 0.2 Hz a bin
    rest = 2 / round(5 * RATE) * np.abs(np.fft.rfft(at(emg, 0, 5)))
    assert rest[[500, 1000, 1500]].max() < 1
    for pulse in recording.stimulation[::17]:
        assert np.abs(at(emg, pulse - 0.0005, pulse + 0.001)).max() > 1500
        assert 2000 < np.abs(at(emg, pulse + 0.008, pulse + 0.022)).max() < 4000
        assert np.abs(at(emg, pulse + 0.026, pulse + 0.049)).max() < 120


def test_same_names_same_numbers(responder):
    first, _, truth = simulate_vibstim(responder, "1", "control")
    again, _, same = simulate_vibstim(
        SimulatedParticipant(SETTINGS, 3, responder.participant), "1", "control"
    )
    np.testing.assert_array_equal(first.emg, again.emg)
    np.testing.assert_array_equal(first.torque, again.torque)
    pd.testing.assert_frame_equal(truth, same)
    other, _, _ = simulate_vibstim(responder, "2", "control")
    assert not np.array_equal(first.emg, other.emg)


def test_condition_without_effect_is_refused(responder):
    with pytest.raises(InputError, match="condition 'sham' has no effect"):
        simulate_vibstim(responder, "1", "sham")
