"""EMG without NMES, vibration and mains: what is taken away, and that EMG itself is not."""

from dataclasses import replace

import numpy as np
import pytest
from vibstim_parts import END, ONSET, RATE, Parts, maximal, noise

from pictrial.errors import InputError
from pictrial.recordings.conditioning import ConditioningSettings
from pictrial.vibstim.cleaning import blanking_gain, clean_emg, vibration_frequency
from pictrial.vibstim.settings import CleaningSettings
from pictrial.vibstim.timing import read_timing, samples_between

CONDITIONING, CLEANING = ConditioningSettings(), CleaningSettings()
BETWEEN, LAST, BOUT = (15.0, 17.0), (29.5, 30.0), (18.0, 20.0)


def vibration(times, frequency=97.3, amplitude=40.0):
    waves = sum(np.sin(2 * np.pi * k * frequency * times + k) / k for k in (1, 2, 3))
    return amplitude * waves * ((times >= ONSET) & (times < END))


def mains(times, amplitude=15.0):
    return amplitude * sum(np.sin(2 * np.pi * k * 50.02 * times + k) / k for k in (1, 2, 3))


def responses(times, size=3000.0):
    """Artefact and M-wave: something large in the 25 ms after each pulse."""
    lag = (times[:, None] - Parts().pulses).T
    here = (lag >= 0) & (lag < 0.025)
    return size * np.sum(np.where(here, np.sin(2 * np.pi * lag / 0.025) * (0.025 - lag) / 0.025, 0), axis=0)


def clean(emg, settings=CLEANING, conditioning=CONDITIONING):
    parts = Parts(emg=emg)
    recording = parts.recording()
    return clean_emg(recording, read_timing(recording, parts.table()), conditioning, settings)


def rms(cleaned, limits):
    return np.sqrt(cleaned.power(samples_between(Parts().recording(), *limits)))


def frequency_of(emg, settings=CLEANING):
    parts = Parts(emg=emg)
    recording = parts.recording()
    timing = read_timing(recording, parts.table())
    return vibration_frequency(recording.emg[0].astype(float), RATE, timing, CONDITIONING, settings)


@pytest.mark.parametrize("frequency", [80.0, 97.3, 100.0, 115.0])
def test_frequency_is_found_beside_stronger_mains(frequency):
    found = frequency_of(lambda t: 20 * noise(len(t)) + vibration(t, frequency, 10) + mains(t, 60))
    assert found == pytest.approx(frequency, abs=0.05)


def test_no_vibration_no_frequency():
    assert np.isnan(frequency_of(lambda t: (1 + 9 * (t > ONSET)) * noise(len(t)) + mains(t)))


def test_a_stated_frequency_is_sought_nearby():
    def both(t):
        return noise(len(t)) + vibration(t, 80.0, 40) + vibration(t, 116.1, 10)

    assert frequency_of(both) == pytest.approx(80.0, abs=0.01)
    stated = replace(CLEANING, vibration_frequency=115.0)
    assert frequency_of(both, stated) == pytest.approx(116.1, abs=0.02)


def test_a_frequency_beyond_the_band_is_refused():
    with pytest.raises(InputError, match="not within the EMG's band"):
        frequency_of(np.zeros_like, replace(CLEANING, vibration_frequency=600.0))


def test_what_is_not_emg_is_gone():
    """Without EMG next to nothing is left, in the bouts and at the edges of the vibration, too."""
    cleaned = clean(lambda t: 0.01 * noise(len(t)) + vibration(t) + mains(t) + responses(t))
    edges = [(ONSET, ONSET + 0.5), (ONSET - 0.5, ONSET), (END, END + 0.5)]
    for limits in (BETWEEN, LAST, BOUT, (11.5, 12.0), *edges):
        assert rms(cleaned, limits) < 0.3, (
            limits
        )  # of the vibration's 33 µV, the mains' 12, 1000 of responses


def test_without_each_step_it_is_not():
    def emg(t):
        return 0.01 * noise(len(t)) + vibration(t) + mains(t) + responses(t)

    assert rms(clean(emg, replace(CLEANING, harmonics=0)), LAST) > 20
    assert rms(clean(emg, replace(CLEANING, harmonics=1)), LAST) > 10
    assert rms(clean(emg, replace(CLEANING, blank_after=0.0)), BOUT) > 300
    assert rms(clean(emg, conditioning=replace(CONDITIONING, line_frequency=0.0)), LAST) > 8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_emg_keeps_its_power(seed):
    """The fits take EMG, too, more between the pulses; the corrected RMS is that of the EMG alone."""

    def emg(t):
        return 20 * noise(len(t), seed)

    alone = clean(emg, replace(CLEANING, harmonics=0), replace(CONDITIONING, line_frequency=0.0))
    cleaned = clean(lambda t: emg(t) + vibration(t) + mains(t))
    for limits, tolerance in (((20.5, 29.5), 0.005), (BOUT, 0.02)):
        assert rms(cleaned, limits) == pytest.approx(rms(alone, limits), rel=tolerance)
        part = samples_between(Parts().recording(), *limits)
        uncorrected = np.sqrt(np.mean(cleaned.emg[part][~cleaned.blanked[part]] ** 2))
        assert uncorrected < 0.99 * rms(alone, limits)


def test_what_is_blanked_cannot_matter():
    def emg(t):
        return 20 * noise(len(t)) + vibration(t) + mains(t)

    small, large = (clean(lambda t, size=size: emg(t) + responses(t, size)) for size in (1.0, 5000.0))
    for name in ("emg", "beside", "blanked"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))


def test_blanked_is_from_before_each_pulse_to_after_its_m_wave():
    cleaned = clean(lambda t: noise(len(t)))
    assert cleaned.blanked.sum() == pytest.approx(80 * 0.032 * RATE, abs=2.5 * 80)
    times = np.flatnonzero(cleaned.blanked) / RATE
    assert 11.997 < times.min() < 12 and 19.97 < times.max() < 19.985


def test_what_blanking_does_between_pulses_is_seen_in_the_maximal_contraction():
    part = samples_between(Parts().recording(), *BOUT)
    changed = []
    for seed in range(5, 13):
        blanked, whole = (
            clean(lambda t, seed=seed: 20 * noise(len(t), seed, 150), replace(CLEANING, harmonics=0, **more))
            for more in ({}, {"blank_before": 0.0, "blank_after": -1e-9})
        )
        kept = ~blanked.blanked[part]
        changed.append(np.mean(blanked.emg[part][kept] ** 2) / np.mean(whole.emg[part][kept] ** 2))
    gain = blanking_gain(blanked.blanked[part], maximal(highest=150), CONDITIONING)
    assert gain == pytest.approx(np.mean(changed), abs=0.02)
    assert gain < 0.96
    assert blanking_gain(np.zeros(100, dtype=bool), maximal(), CONDITIONING) == 1


def test_a_window_without_samples_has_no_power():
    cleaned = clean(lambda t: noise(len(t)), replace(CLEANING, blank_after=0.06))
    assert np.isnan(rms(cleaned, (18.5, 19.5)))
