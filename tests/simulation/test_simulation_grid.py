from collections import Counter
from dataclasses import astuple, replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from simulated_grid import cells, load_cell, oracle, participant, scaling_cell, simulate_cell

from pictrial.simulation.contractions import simulate_ramp

FACTORS = ("signal_to_noise", "peak", "channels", "contraction", "potentials", "fat")


@pytest.fixture(scope="module")
def cell():
    """A short cell, not one of the grid's."""
    return replace(scaling_cell(32, 17.0), name="short", signal_to_noise=25.0)


@pytest.fixture(scope="module")
def simulated(cell):
    return simulate_cell(cell)


def test_every_pair_of_factors_is_balanced():
    for one, two in combinations(FACTORS, 2):
        counts = Counter((getattr(cell, one), getattr(cell, two)) for cell in cells("tuning"))
        levels = [len({getattr(cell, name) for cell in cells("tuning")}) for name in (one, two)]
        assert len(counts) == np.prod(levels)
        assert len(set(counts.values())) == 1, (one, two)


def test_held_back_cells_differ_in_name_and_seed_only():
    tuning, held_back = cells("tuning"), cells("held_back")
    assert len({cell.seed for cell in tuning + held_back}) == 32
    assert len({cell.name for cell in tuning + held_back}) == 32
    assert [astuple(cell)[2:] for cell in tuning] == [astuple(cell)[2:] for cell in held_back]


@pytest.mark.parametrize("number", range(16))
def test_settings_are_those_of_the_cell(number):
    cell = cells("tuning")[number]
    settings = participant(cell).settings
    assert len(settings.grid.positions) == cell.channels
    assert settings.ramp.duration == {"ramp": 26.0, "trapezoid": 31.0}[cell.contraction]
    assert settings.ramp.peak_torque == cell.peak
    assert settings.noise.signal_to_noise == cell.signal_to_noise
    assert settings.muscle.thinnest_fat == settings.muscle.thickest_fat == {"thin": 2, "thick": 8}[cell.fat]
    assert (settings.muscle.shared_territories > 0) == (cell.potentials == "similar")


def test_scaling_cell_has_the_channels_and_the_duration_asked_for():
    cell = scaling_cell(256, 60.0)
    settings = participant(cell).settings
    assert settings.grid.positions.shape == (256, 2)
    assert settings.ramp.duration == 60.0


def test_cache_holds_recording_and_truth_exactly(cell, simulated, tmp_path):
    recording, truth = simulated
    for _ in range(2):
        read, known = load_cell(cell, tmp_path)
        np.testing.assert_array_equal(read.emg, recording.emg)
        np.testing.assert_array_equal(read.torque, recording.torque)
        np.testing.assert_array_equal(read.positions, recording.positions)
        assert read.emg.dtype == np.float32
        assert read.channel_names == recording.channel_names
        pd.testing.assert_frame_equal(known.units, truth.units, rtol=1e-12)
        pd.testing.assert_frame_equal(known.irregularities, truth.irregularities, rtol=1e-12)
        assert list(known.discharges) == list(truth.discharges)
        for unit, samples in truth.discharges.items():
            np.testing.assert_array_equal(known.discharges[unit], samples)
    assert [path.name for path in tmp_path.iterdir()] == ["short.npz"]


def test_truth_holds_its_irregularities(simulated):
    recording, truth = simulated
    assert set(truth.irregularities["kind"]) == {"pause", "doublet", "late"}
    table = truth.units.set_index("unit_id")
    for row in truth.irregularities.itertuples():
        samples = truth.discharges[row.unit_id]
        both = np.rint(np.array([row.start, row.stop]) * recording.sampling_rate)
        assert np.isin(both, samples).all()
        assert np.flatnonzero(samples == both[1]) - np.flatnonzero(samples == both[0]) == 1
        assert table.loc[row.unit_id, "n_discharges"] == samples.size
        if row.kind == "late":
            assert table.loc[row.unit_id, "derecruitment_time"] == pytest.approx(row.start, abs=1e-9)


def test_oracle_separates_large_units_of_a_clean_recording_and_no_random_trains(simulated):
    recording, truth = simulated
    largest = truth.units.nlargest(3, "signal_to_interference")["unit_id"]
    trains = {unit: truth.discharges[unit] for unit in largest}
    trains["none"] = np.sort(np.random.default_rng(1).choice(recording.n_samples - 100, 150, replace=False))
    table = oracle(recording, replace(truth, discharges=trains)).set_index("unit_id")
    assert table.loc[largest, "rate_of_agreement"].max() >= 0.95
    assert table.loc[largest, "separable"].any()
    assert not table.loc["none", "separable"]


def test_contractions_of_a_participant_share_potentials_and_not_discharges(cell, simulated):
    _, first = simulated
    _, second = simulate_ramp(participant(cell), "2", "control")
    one, two = (truth.units.set_index("unit_id")["amplitude"] for truth in (first, second))
    shared = one.index.intersection(two.index)
    assert len(shared) > 20
    pd.testing.assert_series_equal(one[shared], two[shared])
    assert not any(np.array_equal(first.discharges[unit], second.discharges[unit]) for unit in shared)
