"""Outcomes of recordings made of known parts: values, windows, and what has no value."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from vibstim_parts import BOUTS, END, ONSET, RATE, Parts, maximal, noise

from pictrial.errors import InputError
from pictrial.recordings.conditioning import ConditioningSettings
from pictrial.tables import check_table, read_table, write_table
from pictrial.vibstim.outcomes import VibstimSettings, maximal_emg, measure_vibstim
from pictrial.vibstim.settings import CleaningSettings, ResponseSettings, Window, WindowSettings

REST, BEFORE, LATE, AFTER, EVOKED = 2.0, 3.0, 14.0, 8.0, 20.0  # N.m; rest is an offset
SUSTAINED_UNTIL = END + 5.0


def torque(times, after=AFTER, until=SUSTAINED_UNTIL):
    """Steps: rest, before NMES, after the first bout, after vibration, rest; 20 N.m more in the bouts."""
    level = np.select(
        [times < ONSET, times < BOUTS[0][1], times < END, times < until], [0, BEFORE, LATE, after], 0
    )
    inside = sum((times >= start) & (times < end) for start, end in BOUTS)
    return REST + level + EVOKED * inside


def emg(times, per_torque=3.0, at_rest=2.0):
    level = torque(times) - REST - EVOKED * sum((times >= a) & (times < b) for a, b in BOUTS)
    return per_torque * level * noise(len(times), 3) + at_rest * noise(len(times), 4)


def measure(parts=None, settings=None, of_maximum=None):
    parts = parts or Parts(torque=torque, emg=emg)
    measures = measure_vibstim(
        parts.recording(), parts.table(), of_maximum or maximal(), settings or VibstimSettings()
    )
    return measures.outcomes.set_index("outcome")


def with_windows(**windows):
    return VibstimSettings(windows=replace(WindowSettings(), **windows))


@pytest.fixture(scope="module")
def outcomes():
    return measure()


def test_torque_is_in_percent_of_mvc_above_rest(outcomes):
    expected = {
        "torque_before_nmes": BEFORE,
        "torque_vibration": LATE,
        "torque_rise": LATE - BEFORE,
        "torque_sustained": AFTER,
        "sustained_duration": 5.0,
        "responder": 1.0,
    }
    for outcome, value in expected.items():
        assert outcomes.loc[outcome, "value"] == pytest.approx(value, rel=0.003), outcome
    # The second bout begins at the level that the first one ends at.
    assert outcomes.loc["evoked_torque", "value"] == pytest.approx(EVOKED, rel=0.02)
    assert outcomes["excluded"].isna().all()


def test_torque_in_percent_of_mvc_follows_the_maximal_torque(outcomes):
    doubled = measure(of_maximum=maximal(torque=200.0))
    for outcome in ("torque_vibration", "torque_rise", "evoked_torque"):
        assert doubled.loc[outcome, "value"] == pytest.approx(outcomes.loc[outcome, "value"] / 2, rel=1e-6)


def test_emg_is_in_percent_of_the_maximal_one_above_rest(outcomes):
    expected = {"emg_before_nmes": BEFORE, "emg_vibration": LATE, "emg_nmes": LATE, "emg_sustained": AFTER}
    values = outcomes["value"]
    # RMS over 0.5 s of noise has an error of 5 %; 3 µV per N.m and 300 µV at 100 N.m.
    for outcome, value in expected.items():
        assert values[outcome] == pytest.approx(value, rel=0.12), outcome
    assert outcomes.loc["emg_vibration", "rest_level"] == pytest.approx(100 * 2 / 300, rel=0.12)


def test_emg_is_corrected_for_what_blanking_does(outcomes, monkeypatch):
    """The gain is one of power: with four times as much, EMG between the pulses is half as strong."""
    from pictrial.vibstim.cleaning import blanking_gain

    def four_times(blanked, *more):
        return (4 if blanked.any() else 1) * blanking_gain(blanked, *more)

    monkeypatch.setattr("pictrial.vibstim.outcomes.blanking_gain", four_times)
    found, before = measure()["value"], outcomes["value"]
    assert found["emg_nmes"] == pytest.approx(before["emg_nmes"] / 2, rel=0.01)
    assert found["emg_vibration"] == before["emg_vibration"]


def test_rows_say_where_they_were_measured(outcomes):
    windows = outcomes[["window_start", "window_end"]].astype(float)
    assert windows.loc["torque_before_nmes"].tolist() == [11.5, 12.0]
    assert windows.loc["emg_nmes"].tolist() == [18.0, 20.0]
    assert windows.loc["emg_vibration"].tolist() == [29.5, 30.0]
    assert windows.loc["torque_sustained"].tolist() == [33.0, 33.5]
    assert windows.loc["sustained_duration"].tolist() == [30.0, 40.0]
    assert outcomes.loc["torque_vibration", "n_samples"] == 1024
    assert outcomes.loc["emg_vibration", "blanked_share"] == 0
    assert outcomes.loc["emg_nmes", "blanked_share"] == pytest.approx(0.65, abs=0.02)
    assert outcomes.loc["emg_nmes", "n_samples"] == pytest.approx(0.35 * 4096, rel=0.05)


def test_windows_are_settings():
    early = with_windows(
        vibration=Window("vibration_onset", 1.0, 1.5), sustained=Window("vibration_end", 6, 7)
    )
    found = measure(settings=early)
    assert found.loc["torque_vibration", "value"] == pytest.approx(BEFORE, abs=0.1)
    assert found.loc["torque_sustained", "value"] == pytest.approx(0, abs=0.1)
    assert found.loc["responder", "value"] == 0


def test_a_window_beyond_the_recording_is_a_row_with_the_reason():
    found = measure(settings=with_windows(sustained=Window("vibration_end", 9.8, 10.3)))
    reason = "window sustained, 39.8 to 40.3 s, is not within the recording (0 to 40 s)"
    without = found[found["excluded"].notna()]
    assert set(without.index) == {"torque_sustained", "emg_sustained", "responder"}
    assert set(without["excluded"]) == {reason}
    assert without["value"].isna().all() and (without["n_samples"] == 0).all()
    assert found.loc["torque_rise", "value"] == pytest.approx(LATE - BEFORE, abs=0.1)


def test_without_rest_only_what_needs_none_is_left():
    found = measure(settings=with_windows(rest=Window("vibration_onset", -5.0, -3.0)))
    assert set(found.index[found["value"].notna()]) == {"evoked_torque"}
    assert found.loc["emg_vibration", "excluded"].startswith("window rest, -1 to 1 s")


def test_a_window_that_is_all_blanked_has_no_value():
    settings = VibstimSettings(cleaning=CleaningSettings(blank_after=0.05))
    found = measure(settings=settings)
    assert found.loc["emg_nmes", "excluded"] == "all of the window nmes is blanked"
    assert found["value"].isna().sum() == 1
    rest = with_windows(rest=Window("first_bout", 0.1, 1.0))
    found = measure(settings=replace(rest, cleaning=settings.cleaning))
    assert found.loc["emg_vibration", "excluded"] == "all of the window rest is blanked"


def test_emg_below_rest_is_negative_and_said_to_be():
    """Rest with more EMG than the other windows: a mean over people must not be too high for it."""
    found = measure(Parts(torque=torque, emg=lambda t: (1 + 9.0 * (t < ONSET)) * noise(len(t))))
    rows = found[found.index.str.startswith("emg")]
    assert (rows["quality"] == "below_rest").all()
    # 10² − 1² at rest, of which sqrt(99) / 10 of the level of rest is missing.
    np.testing.assert_allclose(rows["value"], -np.sqrt(0.99) * rows["rest_level"], rtol=0.01)


def test_torque_below_rest_is_negative():
    found = measure(Parts(torque=lambda t: REST - 3.0 * (t > END), emg=emg))
    assert found.loc["torque_sustained", "value"] == pytest.approx(-3, abs=0.01)
    assert found.loc["sustained_duration", "value"] == 0


def test_sustained_to_the_end_is_censored():
    found = measure(Parts(torque=lambda t: torque(t, until=99), emg=emg))
    assert found.loc["sustained_duration", "value"] == 10
    assert found.loc["sustained_duration", "quality"] == "censored"


def test_a_recording_that_ends_with_vibration_has_no_duration():
    events = [(ONSET, 40 - ONSET, "vibration"), *Parts().events[1:]]
    found = measure(Parts(torque=torque, emg=emg, events=events))
    reason = "the recording ends 0 s after vibration, within the hold time"
    assert found.loc["sustained_duration", "excluded"] == reason
    assert pd.isna(found.loc["sustained_duration", "value"])
    assert pd.isna(found.loc["torque_sustained", "value"]) and found["value"].notna().sum() == 7


def test_a_dead_channel_is_not_an_emg_of_0():
    found = measure(Parts(torque=torque))
    rows = found[found.index.str.startswith("emg")]
    assert (rows["excluded"] == "the EMG is flat at rest").all() and rows["value"].isna().all()
    assert found["value"].notna().sum() == 7


def test_a_short_dip_does_not_end_sustained_torque():
    def dipping(length):
        return lambda t: torque(t) - AFTER * ((t > 32) & (t < 32 + length))

    for length, expected in ((0.3, 5.0), (0.8, 2.0)):
        found = measure(Parts(torque=dipping(length), emg=emg))
        assert found.loc["sustained_duration", "value"] == pytest.approx(expected, abs=0.05)
        assert pd.isna(found.loc["sustained_duration", "quality"])


@pytest.mark.parametrize(("rise", "sustained", "responds"), [(10.5, 7.5, 1), (11.5, 7.5, 0), (10.5, 8.5, 0)])
def test_a_responder_reaches_both_thresholds(rise, sustained, responds):
    rule = ResponseSettings(responder_rise=rise, responder_sustained=sustained)
    assert measure(settings=VibstimSettings(response=rule)).loc["responder", "value"] == responds


def test_maximal_emg_is_taken_where_torque_is_highest():
    """The EMG is stronger before the torque's highest half second, but that does not count."""
    parts = Parts(
        torque=lambda t: 50.0 * ((t > 2) & (t < 6)) + 10.0 * ((t > 4) & (t < 4.6)),
        emg=lambda t: np.where(t < 4, 400, 200) * noise(len(t)),
        duration=8.0,
        pulses=[],
    )
    found = maximal_emg(parts.recording(), ConditioningSettings(), 0.5)
    assert found == pytest.approx(200, rel=0.12)


def test_recordings_that_cannot_be_measured_are_refused():
    recording, table = Parts(torque=torque, emg=emg).recording(), Parts().table()
    two = replace(recording, emg=np.tile(recording.emg, (2, 1)), channel_names=("SOL", "GM"))
    silent = replace(maximal(), emg=np.zeros_like(maximal().emg))
    for bad, of_maximum, rule in (
        (two, maximal(), "it has 2 EMG channels of the muscle, not one"),
        (recording, two, "it has 2 EMG channels of the muscle, not one"),
        (replace(recording, torque=None), maximal(), "there is no torque"),
        (recording, silent, "there is no EMG at the highest torque"),
    ):
        with pytest.raises(InputError) as error:
            measure_vibstim(bad, table, of_maximum, VibstimSettings())
        assert error.value.rule == rule


def test_the_table_is_kept_as_it_is(outcomes, tmp_path):
    table = outcomes.reset_index().assign(participant="01", session="1")
    write_table(table, tmp_path / "outcomes.tsv", "vibstim_outcomes")
    again = read_table(tmp_path / "outcomes.tsv", "vibstim_outcomes")
    pd.testing.assert_frame_equal(again, check_table(table, "vibstim_outcomes", "test"), rtol=1e-9)
    levels = (
        "torque_before_nmes torque_vibration torque_sustained torque_rise evoked_torque sustained_duration"
    )
    levels += " responder emg_before_nmes emg_nmes emg_vibration emg_sustained"
    assert list(again["outcome"]) == levels.split()


def test_settings_are_those_of_the_configuration():
    vibstim = {"windows": {"rest": {"anchor": "first_bout", "start": -3, "end": -1, "source": "x"}}}
    vibstim |= {"response": {"responder_rise": 2.0}}
    settings = VibstimSettings.from_configuration(vibstim, {"line_frequency": 60.0})
    assert settings.windows.rest == Window("first_bout", -3, -1, "x")
    assert settings.windows.vibration == WindowSettings().vibration
    assert settings.response.responder_rise == 2.0 and settings.conditioning.line_frequency == 60.0
    assert settings.cleaning == CleaningSettings()
    assert RATE == 2048
