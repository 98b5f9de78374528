from dataclasses import replace

import numpy as np
import pytest

from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.seeds import random_generator
from pictrial.simulation.contractions import (
    SampleTrialSettings,
    SimulatedParticipant,
    simulate_maximal_contraction,
    simulate_ramp,
    sum_potentials,
)
from pictrial.simulation.electrodes import ElectrodeGrid
from pictrial.simulation.motoneurones import active_periods
from pictrial.simulation.muscle import FibreSources, MuscleSettings
from pictrial.simulation.noise import (
    NoiseSettings,
    coloured_noise,
    line_interference,
    spatial_mixing,
    stimulation_artefact,
)
from pictrial.simulation.potentials import surface_potential
from pictrial.simulation.torque import RampSettings, ramp_drive

RATE = 2048.0


def one_fibre(depth=5.0, endplate=48.0, velocity=4.0, across=16.0, semi_length=60.0):
    one = np.ones(1)
    return FibreSources(
        across=across * one,
        depth=depth * one,
        endplate=endplate * one,
        lower_tendon=(endplate - semi_length) * one,
        upper_tendon=(endplate + semi_length) * one,
        velocity=velocity,
        weight=300.0,
    )


@pytest.fixture(scope="module")
def person():
    return SimulatedParticipant(SampleTrialSettings(), 7, "02")


@pytest.fixture(scope="module")
def control(person):
    return simulate_ramp(person, "1", "control")


@pytest.fixture(scope="module")
def stimulation(person):
    return simulate_ramp(person, "2", "stimulation")


def test_grid_is_13_by_5_less_a_corner():
    positions = ElectrodeGrid().positions
    assert positions.shape == (64, 2)
    assert len(np.unique(positions, axis=0)) == 64
    assert not (positions == 0).all(axis=1).any()
    np.testing.assert_array_equal(positions.max(axis=0), [32, 96])


@pytest.mark.parametrize("velocity", [3.5, 4.5])
def test_waves_travel_both_ways_at_the_conduction_velocity(velocity):
    along = np.array([68.0, 84.0, 28.0, 12.0])
    positions = np.column_stack([np.full(4, 16.0), along])
    potential = surface_potential(one_fibre(velocity=velocity), positions, MuscleSettings(), 20 * RATE)
    troughs = potential.argmin(axis=1) / (20 * RATE)
    assert 0.016 / (troughs[1] - troughs[0]) == pytest.approx(velocity, rel=0.05)
    np.testing.assert_allclose(troughs[:2], troughs[2:], atol=1e-4)


def test_amplitude_falls_with_depth_and_distance():
    position = np.array([[16.0, 72.0]])
    settings = MuscleSettings()
    sizes = [np.ptp(surface_potential(one_fibre(depth), position, settings, RATE)) for depth in (4, 8, 12)]
    assert sizes[0] > 3 * sizes[1] > 3 * 1.5 * sizes[2]
    aside = np.ptp(surface_potential(one_fibre(across=0.0), position, settings, RATE))
    assert aside < 0.2 * sizes[0]


def test_end_effect_appears_everywhere_at_once():
    """Where the waves reach the tendons the potential does not travel: far channels peak together."""
    positions = np.column_stack([np.full(4, 16.0), [0.0, 32.0, 64.0, 96.0]])
    fibre = one_fibre(depth=15.0, semi_length=50.0)
    potential = surface_potential(fibre, positions, MuscleSettings(), 20 * RATE)
    times = np.arange(potential.shape[1]) / (20 * RATE)
    after = times > 0.050 / 4.0 - 0.001
    peaks = times[after][potential[:, after].argmax(axis=1)]
    assert np.ptp(peaks) < 0.0015


def test_potential_matches_numerical_integration_of_the_source():
    """Against the plain double derivative of V on a fine grid, at an electrode far from the ends."""
    settings = MuscleSettings(anisotropy=6.0)
    fibre, position = one_fibre(depth=6.0), np.array([[18.0, 76.0]])
    potential = surface_potential(fibre, position, settings, RATE)[0]
    step = 0.02
    z = np.arange(48 - 60 + step, 48 + 60, step)
    for sample in (8, 14, 20):
        u = np.maximum(4.0 * 1e3 * sample / RATE - np.abs(z - 48), 0)
        intracellular = 96 * u**3 * np.exp(-u)
        current = np.gradient(np.gradient(intracellular, step), step)
        transfer = 1 / np.sqrt(6 * (2.0**2 + 6.0**2) + (z - 76) ** 2)
        expected = np.sum(current * transfer) * step * 2e3 * 1.01 * 0.027**2 / (4 * 0.063) * 300
        assert potential[sample] == pytest.approx(expected, rel=0.03, abs=0.02 * np.abs(potential).max())


def test_potentials_of_a_participant_are_plausible(person):
    sizes = [np.ptp(potential, axis=1).max() for potential in person.potentials.values()]
    durations = [potential.shape[1] / RATE for potential in person.potentials.values()]
    assert 60 < np.median(sizes) < 400
    assert 0.018 < min(durations) < max(durations) < 0.04
    for potential in person.potentials.values():
        assert abs(potential[:, -1]).max() < 0.05 * np.abs(potential).max()


def test_recording_is_the_sum_of_potentials_at_the_true_discharges(person):
    quiet = NoiseSettings(
        contact_noise=0, shared_noise=0, amplifier_noise=0, crosstalk=0, line_amplitude=0, bad_contact_noise=0
    )
    silent = SimulatedParticipant(replace(person.settings, noise=quiet), 7, "02")
    recording, truth = simulate_ramp(silent, "1", "control")
    channel = (silent.bad_channel + 20) % 64
    expected = np.zeros(recording.n_samples)
    for unit, samples in truth.discharges.items():
        train = np.zeros(recording.n_samples)
        train[samples] = 1
        expected += np.convolve(train, silent.potentials[unit][channel])[: recording.n_samples]
    np.testing.assert_allclose(recording.emg[channel], expected, atol=0.05)


def test_recording_is_complete_and_loud_enough(control, person):
    recording, truth = control
    assert recording.emg.shape == (64, 53248)
    assert recording.emg.dtype == np.float32
    assert recording.torque_unit == "N.m"
    assert recording.stimulation.size == 0
    assert 18 <= len(truth.units) <= 30
    good = np.arange(64) != person.bad_channel
    active = recording.emg[good, 20480:30720].std(axis=1)
    rest = recording.emg[good, :4096].std(axis=1)
    assert 14 < 20 * np.log10(np.median(active) / np.median(rest)) < 26


def test_spectrum_is_that_of_surface_emg(control, person):
    emg = np.delete(control[0].emg[:, 20480:30720], person.bad_channel, axis=0)
    power = np.abs(np.fft.rfft(emg * np.hanning(emg.shape[1]), axis=1)) ** 2
    share = np.cumsum(power, axis=1) / power.sum(axis=1, keepdims=True)
    median = (share < 0.5).sum(axis=1) * RATE / emg.shape[1]
    assert 50 < np.median(median) < 110


def test_torque_follows_the_ramp_above_an_offset(control, person):
    torque, maximal = control[0].torque, person.maximal_torque
    offset = torque[:4096].mean()
    assert abs(offset) > 0.01
    percent = 100 * (torque - offset) / maximal
    assert percent[round(13 * RATE)] == pytest.approx(19.3, abs=1.5)
    assert percent[round(8 * RATE)] == pytest.approx(10, abs=1)


def test_maximal_contraction_reaches_the_maximal_torque(person):
    recording = simulate_maximal_contraction(person, "1")
    assert recording.n_samples == 7.5 * 2048
    torque = recording.torque - np.median(recording.torque[:1000])
    plateau = torque[round(2 * RATE) : round(3.5 * RATE)]
    assert plateau.mean() == pytest.approx(person.maximal_torque, rel=0.05)


def test_one_bad_channel_in_every_recording_of_a_participant(control, stimulation, person):
    for recording in (control[0], stimulation[0]):
        rest = recording.emg[:, :900].std(axis=1)
        assert rest.argmax() == person.bad_channel
        assert np.sort(rest)[-2] < 0.2 * rest.max()
    others = {SimulatedParticipant(SampleTrialSettings(), 7, f"{i:02d}").bad_channel for i in range(1, 7)}
    assert len(others) > 3


def test_stimulation_artefact_is_sharp_and_short(stimulation, person):
    recording = stimulation[0]
    assert recording.stimulation.size == pytest.approx(25, abs=1)
    good = np.arange(64) != person.bad_channel
    onset = round(recording.stimulation[0] * RATE)
    window = recording.emg[good, onset : onset + 40]
    assert np.all(np.abs(window[:, :2]).max(axis=1) > 500)
    assert np.abs(window[:, 21:]).max() < 80


def test_artefact_has_decayed_after_ten_milliseconds():
    positions, pulses = ElectrodeGrid().positions, np.array([0.1])
    artefact = stimulation_artefact(NoiseSettings(), positions, pulses, 1000, RATE, random_generator(1, "a"))
    onset = round(0.1 * RATE)
    assert np.all(artefact[:, :onset] == 0)
    assert artefact.max() > 2000
    assert artefact.min() < -100
    assert np.abs(artefact[:, onset + 21 :]).max() < 10
    near, far = positions[:, 1] == 0, positions[:, 1] == 96
    assert artefact[near].max() > 1.5 * artefact[far].max()


def test_potentials_are_the_same_in_all_sessions(control, stimulation):
    one, two = (result[1].units.set_index("unit_id") for result in (control, stimulation))
    shared = one.index.intersection(two.index)
    assert len(shared) > 15
    for column in ("amplitude", "gain", "recruitment_threshold"):
        np.testing.assert_array_equal(one.loc[shared, column], two.loc[shared, column])
    assert (one.loc[shared, "hysteresis"] != two.loc[shared, "hysteresis"]).all()


def test_other_grids_have_their_columns_and_rows():
    positions = ElectrodeGrid(4, 8, 10.0, missing_corner=False).positions
    assert positions.shape == (32, 2)
    np.testing.assert_array_equal(positions[[0, 1, 8, 31]], [[0, 0], [0, 10], [10, 0], [30, 70]])


def test_trapezoid_holds_the_peak():
    ramp = RampSettings(rise=5.0, hold=15.0)
    times, drive = ramp_drive(ramp, 512.0)
    assert ramp.duration == 31.0
    held = (times > 3 + 5 + 2) & (times < 31 - 3 - 5 - 2)
    np.testing.assert_allclose(drive[held], 8.0, atol=1e-9)
    np.testing.assert_allclose(np.interp([5.5, 25.5], times, drive), 4.0, atol=1e-3)
    periods = active_periods(np.array([4.0, 7.9]), np.array([4.0, 7.99]), times, drive)
    np.testing.assert_allclose(periods[0], [5.5, 25.5], atol=2e-3)
    assert periods[1, 0] < 9
    assert periods[1, 1] > 22


def test_signal_to_noise_ratio_is_as_set(person):
    """After conditioning, from the difference to the units' own EMG: another way than the simulation's."""
    noise = NoiseSettings(crosstalk=4.0, signal_to_noise=12.0)
    loud = SimulatedParticipant(replace(person.settings, noise=noise), 7, "02")
    recording, truth = simulate_ramp(loud, "1", "control")
    units = sum_potentials(loud.potentials, truth.discharges, recording.n_samples)
    good = np.arange(64) != loud.bad_channel
    parts = [
        condition_emg(replace(recording, emg=emg), good, ConditioningSettings())[0]
        for emg in (units, recording.emg - units)
    ]
    signal, rest = (part.emg[good, round(12 * RATE) : round(14 * RATE)].astype(float).var() for part in parts)
    assert 10 * np.log10(signal / rest) == pytest.approx(12.0, abs=0.7)


def test_shared_territories_make_potentials_similar(person):
    """Cosine over channels and time at the best lag; most pairs of one territory are above 0.9."""

    def most_alike(muscle):
        settings = replace(person.settings, muscle=muscle)
        potentials = list(SimulatedParticipant(settings, 7, "02").potentials.values())
        spectra = np.array([np.fft.rfft(p / np.linalg.norm(p), 256, axis=1) for p in potentials])
        cosines = np.fft.irfft(np.einsum("act,bct->abt", spectra.conj(), spectra), 256).max(axis=2)
        return np.count_nonzero(cosines[np.triu_indices(len(potentials), 1)] > 0.9)

    assert most_alike(MuscleSettings(shared_territories=6, velocity_sd=0.1)) > 10
    assert most_alike(MuscleSettings()) < 5


def test_noise_is_coloured_and_correlated_as_set():
    random = random_generator(1, "noise")
    noise = coloured_noise((64, 40960), RATE, random)
    power = (np.abs(np.fft.rfft(noise, axis=1)) ** 2).mean(axis=0)
    frequencies = np.fft.rfftfreq(40960, 1 / RATE)
    low, high = (power[(frequencies > f) & (frequencies < 1.2 * f)].mean() for f in (20, 200))
    assert low / high == pytest.approx(10, rel=0.1)
    mixing = spatial_mixing(ElectrodeGrid().positions, 15.0)
    correlation = np.corrcoef(mixing @ noise)
    assert correlation[20, 21] == pytest.approx(np.exp(-0.5 * (8 / 15) ** 2), abs=0.06)
    assert abs(correlation[0, 63]) < 0.1


def test_line_interference_has_odd_harmonics_only():
    line = line_interference(NoiseSettings(), 4, 4096, RATE, random_generator(1, "line"))
    power = np.abs(np.fft.rfft(line, axis=1)) ** 2
    frequencies = np.fft.rfftfreq(4096, 1 / RATE)
    assert set(frequencies[np.argsort(power[0])[-3:]]) == {50.0, 150.0, 250.0}
