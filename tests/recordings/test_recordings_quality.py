"""Bad channels of each kind are found, with their reason, and good ones are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from pictrial.errors import InputError
from pictrial.recordings.otb import grid_positions, read_otb
from pictrial.recordings.quality import QualitySettings, assess_channels
from pictrial.seeds import random_generator
from pictrial.tables import read_table, write_table

RATE = 2048.0
SETTINGS = QualitySettings()


@pytest.fixture
def grid(recording):
    """64 channels of 6 s: 2 s of rest, then common activity, each with noise of its own."""
    random = random_generator(0, "grid")
    n_samples = 6 * int(RATE)
    activity = 60 * random.standard_normal(n_samples) * (np.arange(n_samples) > 2 * RATE)
    emg = activity * np.linspace(0.6, 1.4, 64)[:, None] + 6 * random.standard_normal((64, n_samples))
    return replace(
        recording,
        sampling_rate=RATE,
        emg=emg.astype(np.float32),
        channel_names=tuple(f"EMG{number}" for number in range(1, 65)),
        positions=grid_positions("GR08MM1305", np.arange(1, 65)),
        stimulation=np.empty(0),
    )


def changed(grid, row, signal):
    emg = grid.emg.copy()
    emg[row] = signal
    return replace(grid, emg=emg)


def hum(grid, amplitude):
    return amplitude * np.sin(2 * np.pi * 50 * np.arange(grid.n_samples) / RATE)


def noise(grid, sd):
    return sd * random_generator(0, "bad").standard_normal(grid.n_samples)


KINDS = {
    "dead": lambda g, x: 0 * x,
    "saturated": lambda g, x: np.clip(x, -40, 40),
    "line": lambda g, x: x + hum(g, 400),
    "noisy": lambda g, x: 0.05 * x + noise(g, 300),
    "weak": lambda g, x: 0.05 * x + noise(g, 3),
    "uncorrelated": lambda g, x: np.roll(x, g.n_samples // 2)[::-1] * 0.6 + noise(g, 6),
}


def test_good_grid(grid):
    table = assess_channels(grid, SETTINGS)
    assert list(table["channel"]) == list(grid.channel_names)
    assert set(table["status"]) == {"good"}
    assert table["reason"].isna().all()
    assert table["baseline_rms"].median() == pytest.approx(
        3.8, abs=0.2
    )  # 6 µV, the band holds 40 % of its power


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", [0, 30, 63])
def test_bad_channel(grid, kind, row):
    table = assess_channels(changed(grid, row, KINDS[kind](grid, grid.emg[row])), SETTINGS)
    assert list(np.flatnonzero(table["status"] == "bad")) == [row]
    assert table["reason"][row] == kind


def test_several_bad_neighbours(grid):
    for row in (0, 1, 24):
        grid = changed(grid, row, noise(grid, 300))
    table = assess_channels(grid, SETTINGS)
    assert list(np.flatnonzero(table["status"] == "bad")) == [0, 1, 24]


def test_positions_may_be_unknown(grid):
    lost = replace(grid, positions=np.full((64, 2), np.nan))
    table = assess_channels(changed(lost, 5, noise(grid, 300)), SETTINGS)
    assert list(np.flatnonzero(table["status"] == "bad")) == [5]


def test_hum_of_the_whole_grid_at_rest_is_no_reason(grid):
    table = assess_channels(replace(grid, emg=grid.emg + hum(grid, 10).astype(np.float32)), SETTINGS)
    assert set(table["status"]) == {"good"}


def test_stimulation_artefacts_are_no_reason(grid):
    pulses = np.arange(2.5, 5.5, 0.05)
    emg = grid.emg.copy()
    for pulse in (pulses * RATE).astype(int):
        emg[20, pulse : pulse + 20] = 5000
    table = assess_channels(replace(grid, emg=emg, stimulation=pulses), SETTINGS)
    assert table["status"][20] == "good"
    assert assess_channels(replace(grid, emg=emg), SETTINGS)["status"][20] == "bad"


def test_marked_channels(grid):
    table = assess_channels(grid, SETTINGS, marked_bad=("EMG3",))
    assert (table["status"][2], table["reason"][2]) == ("bad", "marked")
    with pytest.raises(InputError, match="'EMG99' does not exist"):
        assess_channels(grid, SETTINGS, marked_bad=("EMG99",))


def test_half_of_the_channels_must_be_good(grid):
    emg = grid.emg.copy()
    emg[:32] = 0
    table = assess_channels(replace(grid, emg=emg), SETTINGS)
    assert (table["status"] == "good").sum() == 32
    emg[:33] = 0
    with pytest.raises(InputError, match=r"only 31 of 64 channels are good \(33 dead\)"):
        assess_channels(replace(grid, emg=emg), SETTINGS)


def test_table_keeps_its_schema(tmp_path, grid):
    table = assess_channels(changed(grid, 7, 0), SETTINGS)
    write_table(table, tmp_path / "quality.tsv", "quality_channels")
    read = read_table(tmp_path / "quality.tsv", "quality_channels")
    assert read["reason"][7] == "dead"
    assert read["reason"].isna().sum() == 63
    np.testing.assert_allclose(read["rms"].astype(float), table["rms"], rtol=1e-9)


def test_real_recording_is_good_but_for_what_is_planted(otb_testfile):
    recording, _ = read_otb(otb_testfile)
    assert set(assess_channels(recording, SETTINGS)["status"]) == {"good"}
    planted = changed(recording, 40, 0.05 * recording.emg[40] + noise(recording, 300))
    planted = changed(planted, 10, 0)
    table = assess_channels(planted, SETTINGS)
    assert table[table["status"] == "bad"]["reason"].to_dict() == {10: "dead", 40: "noisy"}
