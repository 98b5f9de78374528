"""Stimulation artefacts: found in the EMG, blanked or subtracted, and what the tables say of it."""

from dataclasses import replace

import numpy as np
import pytest

from pictrial.errors import InputError
from pictrial.recordings.artefact_tables import artefact_tables
from pictrial.recordings.artefacts import (
    blanked_samples,
    detect_artefacts,
    find_pulses,
    subtract_artefacts,
)
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.otb import read_otb
from pictrial.seeds import random_generator
from pictrial.simulation.contractions import (
    SampleTrialSettings,
    SimulatedParticipant,
    simulate_maximal_contraction,
    simulate_ramp,
)
from pictrial.tables import check_table

RATE = 2048.0
DEFAULT = ConditioningSettings()
BLANK = replace(DEFAULT, artefact="blank")
SHARPNESS = DEFAULT.artefact_sharpness
ONSETS = np.arange(1.0, 19.0, 0.7) + 0.05 * np.sin(np.arange(26))


@pytest.fixture
def emg(recording):
    """Eight channels of 20 s of EMG in the band below 300 Hz, RMS 30 µV; no pulses."""
    random = random_generator(1, "artefact tests")
    noise = np.cumsum(random.standard_normal((8, 20 * int(RATE))), axis=1)
    smooth = noise[:, 4:] - noise[:, :-4]
    return replace(
        recording,
        sampling_rate=RATE,
        emg=(30 * smooth / smooth.std()).astype(np.float32),
        channel_names=tuple(f"EMG{number}" for number in range(1, 9)),
        positions=np.full((8, 2), np.nan),
        torque=None,
        stimulation=np.empty(0),
    )


def artefacts(recording, onsets, size=1500.0, spread=0.0):
    """A biphasic artefact of `size` µV at each onset, weaker from channel to channel."""
    lags = np.arange(30) / RATE
    shape = np.exp(-lags / 0.0015) * np.cos(np.pi * lags / 0.003)
    random = random_generator(2, "sizes")
    emg = recording.emg.copy()
    for onset in onsets:
        first = round(onset * RATE)
        factor = size * (1 + spread * random.uniform(-1, 1))
        emg[:, first : first + 30] += np.outer(factor * np.linspace(1, 0.4, len(emg)), shape)
    return replace(recording, emg=emg)


@pytest.fixture(scope="module")
def people():
    return [SimulatedParticipant(SampleTrialSettings(), 3, name) for name in ("01", "02")]


def test_hidden_triggers_of_the_simulation_are_found(people):
    for person in people:
        recording, _ = simulate_ramp(person, "1", "stimulation")
        found = detect_artefacts(recording, SHARPNESS)
        assert found.size == recording.stimulation.size == 25
        assert np.abs(found - recording.stimulation).max() <= 0.5 / RATE + 1e-9


def test_nothing_is_found_without_stimulation(people):
    for person in people:
        for recording in simulate_ramp(person, "1", "control")[0], simulate_maximal_contraction(person, "1"):
            assert not detect_artefacts(recording, SHARPNESS / 2).size


def test_nothing_is_found_in_the_real_recording(otb_testfile):
    recording, _ = read_otb(otb_testfile)
    assert not detect_artefacts(recording, SHARPNESS / 2).size


def test_onset_is_the_first_sample_of_the_artefact(emg):
    np.testing.assert_allclose(detect_artefacts(artefacts(emg, ONSETS), SHARPNESS), ONSETS, atol=0.5 / RATE)


def test_one_pulse_is_found_once_and_a_train_pulse_by_pulse(emg):
    two = artefacts(artefacts(emg, ONSETS), ONSETS + 0.003, size=-1500)  # both edges of one long pulse
    assert detect_artefacts(two, SHARPNESS).size == ONSETS.size
    train = 5 + np.arange(20) * 0.02
    np.testing.assert_allclose(detect_artefacts(artefacts(emg, train), SHARPNESS), train, atol=0.5 / RATE)


def test_movement_of_three_channels_is_no_artefact(emg):
    moved = emg.emg.copy()
    moved[:3, 10_000:] += 20_000
    assert not detect_artefacts(replace(emg, emg=moved), SHARPNESS).size


def test_large_potential_is_no_artefact(emg):
    """Two millivolts from peak to peak on all channels, as long as a motor-unit potential."""
    lags = np.arange(-60, 60) / RATE
    potential = -1000 * lags / 0.003 * np.exp(0.5 - 0.5 * (lags / 0.003) ** 2)
    large = emg.emg.copy()
    for start in range(2000, 38_000, 400):
        large[:, start : start + 120] += potential
    assert np.ptp(large) > 2000
    assert not detect_artefacts(replace(emg, emg=large), SHARPNESS).size


def test_dead_channels_do_not_count(emg):
    stimulated = artefacts(emg, ONSETS)
    stimulated.emg[:5] = 0
    assert detect_artefacts(stimulated, SHARPNESS).size == ONSETS.size
    assert not detect_artefacts(replace(emg, emg=np.zeros_like(emg.emg)), SHARPNESS).size


def test_triggers_come_first_and_disagreement_is_told(emg):
    stimulated = artefacts(emg, ONSETS)
    late = replace(stimulated, stimulation=np.append(ONSETS[1:] + 0.001, 19.5))
    pulses = find_pulses(late, SHARPNESS)
    assert pulses.source == "triggers"
    np.testing.assert_array_equal(pulses.onsets, late.stimulation)
    np.testing.assert_array_equal(pulses.silent_triggers, [19.5])
    np.testing.assert_allclose(pulses.stray_artefacts, ONSETS[:1], atol=0.5 / RATE)
    table, summary = artefact_tables(late, DEFAULT)
    row = check_table(summary, "artefacts", "summary").iloc[0]
    assert (row["n_pulses"], row["n_artefacts"], row["source"]) == (26, 26, "triggers")
    assert row["warning"] == (
        "1 of 26 triggers are without an artefact; 1 artefacts are without a trigger and stay in the EMG"
    )
    table = check_table(table, "pulses", "pulses")
    assert len(table) == 27 and table["onset"].is_monotonic_increasing
    assert list(table["used"]) == [False] + [True] * 26
    assert list(table["artefact"]) == [True] * 26 + [False]


def test_tables_of_detected_pulses_and_of_none(emg):
    table, summary = artefact_tables(artefacts(emg, ONSETS), BLANK)
    table = check_table(table, "pulses", "pulses")
    assert set(table["source"]) == {"artefact"} and table["used"].all()
    np.testing.assert_allclose(table["onset"] - table["blanked_from"], 0.0015, atol=1 / RATE)
    np.testing.assert_allclose(table["blanked_to"] - table["onset"], 0.0155, atol=1 / RATE)
    assert summary["blanked_share"][0] == pytest.approx(26 * 0.017 / 20, rel=0.05)
    assert summary["warning"].isna().all()
    table, summary = artefact_tables(emg, DEFAULT)
    assert check_table(table, "pulses", "pulses").empty
    assert (summary["source"][0], summary["n_pulses"][0], summary["blanked_share"][0]) == ("none", 0, 0)


@pytest.mark.parametrize("options", [DEFAULT, BLANK], ids=["subtract", "blank"])
def test_detected_pulses_are_treated_as_triggers_are(emg, options):
    hidden = artefacts(emg, ONSETS)
    onsets = detect_artefacts(hidden, SHARPNESS)
    good = np.ones(8, bool)
    found, share = condition_emg(hidden, good, options)
    told, same = condition_emg(replace(hidden, stimulation=onsets), good, options)
    np.testing.assert_array_equal(found.emg, told.emg)
    assert share == same
    np.testing.assert_array_equal(found.stimulation, onsets)
    clean, _ = condition_emg(emg, good, options)
    assert np.abs(found.emg - clean.emg).max() < 150  # of an artefact of 1500 µV; the EMG itself reaches that


def test_nothing_is_done_when_told(emg):
    left, share = condition_emg(artefacts(emg, ONSETS), np.ones(8, bool), replace(DEFAULT, artefact="none"))
    assert share == 0
    assert np.abs(left.emg).max() > 500
    with pytest.raises(InputError, match=r"'cut' is unknown\. Use blank, subtract, none"):
        replace(DEFAULT, artefact="cut")


def window(emg, onsets):
    near = np.round(onsets * RATE).astype(int)[:, None] + np.arange(30)
    return emg[:, near]


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_emg_under_a_subtracted_artefact_survives(emg, spread):
    stimulated = artefacts(emg, ONSETS, spread=spread)
    left, blanked = subtract_artefacts(stimulated, ONSETS, 0.001, 0.015)
    assert not blanked.any()
    error = window(left, ONSETS) - window(emg.emg, ONSETS)
    assert error.std() < 0.4 * emg.emg.std()  # the template is a median of 26 pulses' EMG
    outside = np.ones(emg.n_samples, bool)
    outside[np.round(ONSETS * RATE).astype(int)[:, None] + np.arange(-3, 33)] = False
    np.testing.assert_array_equal(left[:, outside], stimulated.emg[:, outside])


def test_pulse_unlike_its_neighbours_is_blanked(emg):
    stimulated = artefacts(emg, ONSETS)
    first = round(ONSETS[7] * RATE)
    stimulated.emg[:, first + 8 : first + 16] += 500
    _, blanked = subtract_artefacts(stimulated, ONSETS, 0.001, 0.015)
    around = blanked_samples(emg, ONSETS[7:8], 0.0015, 0.0155)  # to the next sample
    assert blanked[around].mean() > 0.85 and not blanked[~around].any()


def test_saturated_lags_are_blanked_where_the_rest_is_subtracted(emg):
    stimulated = artefacts(emg, ONSETS, size=20_000)
    clipped = replace(stimulated, emg=np.clip(stimulated.emg, -3000, 3000))
    _, blanked = subtract_artefacts(clipped, ONSETS, 0.001, 0.015)
    lags = window(blanked[None], ONSETS)[0]
    saturated = (np.abs(window(clipped.emg, ONSETS)) == 3000).mean(axis=(0, 1)) > 0.2
    assert saturated.any() and lags[:, saturated].all()
    assert not lags[:, 20:].any()


def test_too_few_pulses_make_no_template(emg):
    few = artefacts(emg, ONSETS[:4])
    left, blanked = subtract_artefacts(few, ONSETS[:4], 0.001, 0.015)
    np.testing.assert_array_equal(left, few.emg)
    assert blanked.mean() == pytest.approx(4 * 0.017 / 20, rel=0.05)


def test_pulses_at_the_ends_are_blanked(emg):
    onsets = np.concatenate([[0.001], ONSETS, [emg.duration - 0.004]])
    _, blanked = subtract_artefacts(artefacts(emg, ONSETS), onsets, 0.001, 0.015)
    assert blanked[:30].all() and blanked[-8:].all()
    assert not blanked[40:-40].any()
