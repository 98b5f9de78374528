"""Conditioning of EMG and torque: band, lag, line interference, blanking, rest, % MVC."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.recordings.artefacts import blanked_samples, interpolate
from pictrial.recordings.conditioning import (
    ConditioningSettings,
    condition_emg,
    condition_torque,
    line_interference,
    mains_frequency,
    maximal_torque,
)
from pictrial.recordings.otb import read_otb
from pictrial.seeds import random_generator

RATE = 2048.0
DEFAULT = ConditioningSettings()
WITHOUT_LINE = replace(DEFAULT, line_frequency=0)


@pytest.fixture
def quiet(recording):
    """Six silent channels of 10 s at 2048 Hz, no pulses."""
    n_samples = 10 * int(RATE)
    return replace(
        recording,
        sampling_rate=RATE,
        emg=np.zeros((6, n_samples), np.float32),
        torque=np.zeros(n_samples),
        stimulation=np.empty(0),
    )


def with_emg(recording, signal):
    emg = np.broadcast_to(signal, recording.emg.shape).astype(np.float32)
    return replace(recording, emg=emg)


def conditioned(recording, options=DEFAULT, good=None):
    return condition_emg(recording, np.ones(6, bool) if good is None else good, options)[0].emg


def rms(values):
    return np.sqrt(np.mean(np.square(values, dtype=float), axis=-1))


@pytest.mark.parametrize(
    ("frequency", "gain"), [(2, 0), (5, 0), (20, 0.5), (100, 1), (250, 1), (500, 0.5), (900, 0)]
)
def test_band(quiet, frequency, gain):
    """Zero lag, and at the edges half the amplitude: the filter runs forwards and backwards."""
    time = np.arange(quiet.n_samples) / RATE
    wave = 100 * np.sin(2 * np.pi * frequency * time)
    emg = conditioned(with_emg(quiet, wave), WITHOUT_LINE)
    assert emg.dtype == np.float32
    middle = slice(2048, -2048)
    np.testing.assert_allclose(emg[0, middle], gain * wave[middle], atol=4)


def test_offset_and_drift_are_removed(quiet):
    drift = 1000 + 5 * np.arange(quiet.n_samples) / RATE
    assert np.abs(conditioned(with_emg(quiet, drift))[:, 2048:-2048]).max() < 0.1


def test_bad_channels_are_zero_and_leave_the_others_alone(recording):
    good = np.array([True, False, True, True, True, True])
    options = replace(DEFAULT, band_high=400)
    part, whole = conditioned(recording, options, good), conditioned(recording, options)
    assert not part[1].any()
    np.testing.assert_allclose(part[good], whole[good], atol=1e-3)


def test_line_is_removed_and_emg_is_kept(quiet):
    random = random_generator(0, "line")
    time = np.arange(quiet.n_samples) / RATE
    emg = 30 * random.standard_normal((6, quiet.n_samples))
    hum = 40 * np.sin(2 * np.pi * 50.02 * time + 1) + 20 * np.sin(2 * np.pi * 150.06 * time)
    clean = conditioned(with_emg(quiet, emg), WITHOUT_LINE)
    cleaned = conditioned(with_emg(quiet, emg + hum))
    assert rms(hum) > 30
    assert rms(cleaned - clean).max() < 2.5  # of 31.6; what is left is mostly the EMG at the line itself
    assert (
        rms(conditioned(with_emg(quiet, emg)) - clean).max() < 1.5
    )  # without hum hardly anything is removed


def test_mains_that_are_off_are_found(quiet):
    """The eighth harmonic of 50.16 Hz is 1.3 Hz from that of 50 Hz, beyond the width of a window of 1 s."""
    time = np.arange(quiet.n_samples) / RATE
    emg = 30 * random_generator(0, "off").standard_normal((6, quiet.n_samples))
    hum = sum(5 * np.sin(2 * np.pi * 50.16 * order * time + order) for order in range(5, 9))
    orders = np.arange(1, 10)
    assert mains_frequency(emg + hum, RATE, 50.0, orders) == pytest.approx(50.16, abs=0.015)
    assert mains_frequency(emg, RATE, 50.0, orders) == 50
    assert mains_frequency(0 * emg, RATE, 50.0, orders) == 50
    clean = conditioned(with_emg(quiet, emg), WITHOUT_LINE)
    cleaned = conditioned(with_emg(quiet, emg + hum))
    assert rms(hum) > 7
    assert rms(cleaned - clean).max() < 2.5


def test_mains_are_not_sought_beyond_one_percent(quiet):
    time = np.arange(quiet.n_samples) / RATE
    emg = random_generator(0, "far").standard_normal((6, quiet.n_samples))
    far = sum(np.sin(2 * np.pi * 50.8 * order * time) for order in range(1, 10))
    assert mains_frequency(emg + far, RATE, 50.0, np.arange(1, 10)) == 50


def test_line_of_the_real_recording_is_removed(otb_testfile):
    """Its recorder counts 50.16 Hz; the harmonics from the fifth on were left in when 50 Hz were taken."""
    from scipy.signal import welch

    recording = read_otb(otb_testfile)[0]
    emg = conditioned(recording, good=np.ones(64, bool))
    frequencies, power = welch(emg, RATE, nperseg=4 * int(RATE))
    power = np.median(power, axis=0)
    for harmonic in 50.16 * np.arange(5, 10):
        away = np.abs(frequencies - harmonic)
        assert power[away < 0.4].max() < 2 * np.median(power[(away > 3) & (away < 10)])


def test_line_of_60_hertz(quiet):
    hum = 40 * np.sin(2 * np.pi * 60 * np.arange(quiet.n_samples) / RATE)
    assert rms(conditioned(with_emg(quiet, hum), replace(DEFAULT, line_frequency=60))).max() < 0.5
    assert rms(conditioned(with_emg(quiet, hum), DEFAULT)).min() > 25


def test_removal_of_line_does_not_ring():
    burst = np.zeros((1, 20480))
    burst[0, 10240] = 1000
    interference = line_interference(burst, RATE, DEFAULT)
    assert np.abs(interference).max() < 1
    assert not interference[0, : 10240 - 2048].any() and not interference[0, 10240 + 2048 :].any()


def test_blanking_hides_the_artefact_entirely(quiet):
    """Whatever the artefact is, the conditioned EMG is the same: it never reaches the filters."""
    pulses = np.array([2.0, 5.0003, 7.9])
    emg = 30 * random_generator(0, "blanking").standard_normal((6, quiet.n_samples))
    stimulated = replace(with_emg(quiet, emg), stimulation=pulses)
    artefact = emg.copy()
    for pulse in pulses:
        first = int(np.ceil((pulse - 0.001) * RATE))
        artefact[:, first : int((pulse + 0.015) * RATE) + 1] += 20_000
    blank = replace(DEFAULT, artefact="blank")
    one, share = condition_emg(stimulated, np.ones(6, bool), blank)
    other, _ = condition_emg(with_emg(stimulated, artefact), np.ones(6, bool), blank)
    np.testing.assert_array_equal(one.emg, other.emg)
    assert share == pytest.approx(3 * 0.016 / 10, rel=0.08)
    assert condition_emg(quiet, np.ones(6, bool), DEFAULT)[1] == 0


def test_interpolation_is_linear_and_holds_at_the_ends():
    blanked = np.array([True, False, True, True, False, True])
    values = np.array([[9.0, 1.0, 9.0, 9.0, 4.0, 9.0]])
    np.testing.assert_allclose(interpolate(values, blanked), [[1, 1, 2, 3, 4, 4]])
    assert values[0, 0] == 9


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pulses=st.lists(st.floats(0, 9.99), max_size=20))
def test_blanked_samples_are_those_near_a_pulse(quiet, pulses):
    onsets = np.sort(np.array(pulses))
    blanked = blanked_samples(quiet, onsets, 0.001, 0.015)
    time = np.arange(quiet.n_samples) / RATE
    near = np.zeros(quiet.n_samples, bool)
    within_a_sample = np.zeros(quiet.n_samples, bool)
    for onset in onsets:
        near |= (time >= onset - 0.001) & (time <= onset + 0.015)
        within_a_sample |= (time >= onset - 0.001 - 1 / RATE) & (time <= onset + 0.015 + 1 / RATE)
    assert blanked[near].all()
    assert within_a_sample[blanked].all()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(factor=st.sampled_from([0.01, 0.5, 2.0, 10.0]))
def test_conditioning_scales_with_the_signal(recording, factor):
    options = replace(DEFAULT, band_high=400)
    scaled = replace(recording, emg=recording.emg * np.float32(factor))
    np.testing.assert_allclose(
        conditioned(scaled, options), factor * conditioned(recording, options), rtol=1e-3, atol=1e-3 * factor
    )


def test_band_and_length_are_checked(recording):
    with pytest.raises(InputError, match="band of 20 to 500 Hz does not fit a sampling rate of 1000 Hz"):
        condition_emg(recording, np.ones(6, bool), DEFAULT)
    short = replace(recording, emg=recording.emg[:, :500], stimulation=np.empty(0))
    with pytest.raises(InputError, match="less than 1 s"):
        condition_emg(short, np.ones(6, bool), replace(DEFAULT, band_high=400))
    with pytest.raises(ValueError, match="good has shape"):
        condition_emg(recording, np.ones(5, bool), DEFAULT)


def ramp(quiet, peak, offset, noise=0.0, unit="N.m"):
    """2 s of rest, a ramp to `peak` and back, 2 s of rest, on an offset."""
    time = np.arange(quiet.n_samples) / RATE
    torque = offset + peak * np.clip(1 - np.abs(time - 5) / 3, 0, None)
    torque += noise * random_generator(0, "torque").standard_normal(len(time))
    return replace(quiet, torque=torque, torque_unit=unit)


@pytest.mark.parametrize("offset", [-4.0, 0.0, 7.5])
def test_torque_in_percent(quiet, offset):
    torque = condition_torque(ramp(quiet, 20, offset, noise=0.05, unit="% MVC"), DEFAULT)
    assert torque.shape == (quiet.n_samples,)
    assert np.abs(torque[:3000]).max() < 0.1
    assert torque.max() == pytest.approx(20, abs=0.6)
    assert np.argmax(torque) == pytest.approx(5 * RATE, abs=40)


def test_torque_in_newton_metres(quiet):
    contraction = ramp(quiet, 30, 5)
    torque = condition_torque(contraction, DEFAULT, maximal_torque=150)
    assert torque.max() == pytest.approx(20, abs=0.4)
    for missing in (None, 0.0, -3.0, np.nan):
        with pytest.raises(InputError, match="the maximal torque is"):
            condition_torque(contraction, DEFAULT, missing)


def test_torque_is_low_passed_without_lag(quiet):
    time = np.arange(quiet.n_samples) / RATE
    base = ramp(quiet, 20, 0, unit="% MVC")
    hum = replace(base, torque=base.torque + np.sin(2 * np.pi * 100 * time))
    difference = condition_torque(hum, DEFAULT) - condition_torque(base, DEFAULT)
    assert np.abs(difference[1000:-1000]).max() < 0.01


def test_plateau_is_not_taken_for_rest(quiet):
    """A plateau may be steadier than rest; rest is in the lowest fifth of the range."""
    time = np.arange(quiet.n_samples) / RATE
    torque = np.interp(time, [0, 2, 4, 8, 10], [1, 1, 20, 20, 20])
    torque += np.where(time < 3, 0.2, 0) * np.sin(2 * np.pi * 3 * time)
    held = condition_torque(replace(quiet, torque=torque, torque_unit="% MVC"), DEFAULT)
    assert held[-5000] == pytest.approx(19, abs=0.2)


def test_maximal_torque(quiet):
    time = np.arange(quiet.n_samples) / RATE
    effort = np.where((time > 4) & (time < 7), 100.0, 0.0) + 6
    effort[10_000:10_010] += 500  # a knock on the lever is no maximum
    assert maximal_torque(replace(quiet, torque=effort, torque_unit="N.m"), DEFAULT) == pytest.approx(
        105, abs=0.5
    )
    with pytest.raises(InputError, match=r"not in N\.m"):
        maximal_torque(replace(quiet, torque=effort, torque_unit="% MVC"), DEFAULT)
    with pytest.raises(InputError, match="never rises above rest"):
        maximal_torque(replace(quiet, torque=np.zeros_like(effort), torque_unit="N.m"), DEFAULT)
    with pytest.raises(InputError, match="there is no torque"):
        maximal_torque(replace(quiet, torque=None), DEFAULT)
    with pytest.raises(InputError, match="there is no torque"):
        condition_torque(replace(quiet, torque=None), DEFAULT)
