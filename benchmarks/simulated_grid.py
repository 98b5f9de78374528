"""A grid of simulated recordings with known truth, on which to choose and judge the decomposition.

Sixteen cells cross signal-to-noise ratio and peak force; grid, contraction, potentials and fat are set so
that each is balanced over both and over each other. Each cell exists twice, with its own person: once
for tuning, once held back.

    python benchmarks/simulated_grid.py --folder grid

Several contractions of one person with the same potentials, as tracking needs them:

    person = participant(cells("tuning")[0])
    sessions = {name: simulate_ramp(person, name, "control") for name in ("1", "2", "3")}
"""

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.separation import Separator
from pictrial.files import atomic_path
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.model import Recording
from pictrial.recordings.quality import QualitySettings, assess_channels
from pictrial.simulation.contractions import (
    SampleTrialSettings,
    SimulatedParticipant,
    TrueRecording,
    simulate_ramp,
)
from pictrial.simulation.electrodes import ElectrodeGrid
from pictrial.simulation.irregularities import IrregularitySettings
from pictrial.simulation.motoneurones import PoolSettings
from pictrial.simulation.muscle import MuscleSettings
from pictrial.simulation.noise import NoiseSettings
from pictrial.simulation.torque import RampSettings

GRIDS = {
    32: ElectrodeGrid(4, 8, 10.0, missing_corner=False),
    64: ElectrodeGrid(),
    128: ElectrodeGrid(8, 16, 4.0, missing_corner=False),
    256: ElectrodeGrid(16, 16, 4.0, missing_corner=False),
}
FAT = {"thin": 2.0, "thick": 8.0}  # mm
SIMILAR = {"shared_territories": 12, "velocity_sd": 0.1}  # muscle of the cells with similar potentials
NOISE = NoiseSettings(crosstalk=4.0)
IRREGULARITIES = IrregularitySettings(pause_share=0.1, doublet_share=0.1, late_share=0.1)
TABLES = ("units", "irregularities")  # of the truth
SEPARABLE = 0.9  # rate of agreement
ORACLE_DELAYS = np.arange(0.004, 0.021, 0.004)  # s after the discharge at the endplates


@dataclass(frozen=True)
class GridCell:
    """What one recording of the grid is like.

    Attributes
    ----------
    name : str
        Name of the recording.
    seed : int
        Seed of its person.
    signal_to_noise : float
        dB: power of the motor units' EMG over that of everything else, summed over the good channels and
        over the time in which the drive is above 90 % of its peak. Everything else is the noise of
        contacts, skin and amplifiers, and crosstalk (their proportions are those of `NOISE`). Only
        20–500 Hz count, without the harmonics of the line, which conditioning takes out.
    peak : float
        Peak force, % MVC.
    channels : int
        A key of `GRIDS`.
    contraction : str
        ``ramp`` (10 s up, 10 s down) or ``trapezoid`` (5 s up, 15 s hold, 5 s down); 3 s of rest around.
    potentials : str
        ``ordinary``, or ``similar``: units crowded into a few territories.
    fat : str
        A key of `FAT`.
    duration : float, optional
        Duration of the recording in s, by the hold of a trapezoid.
    interval_variability : float
        Coefficient of variation of the inter-spike intervals around the rate.
    """

    name: str
    seed: int
    signal_to_noise: float
    peak: float
    channels: int
    contraction: Literal["ramp", "trapezoid"]
    potentials: Literal["ordinary", "similar"]
    fat: Literal["thin", "thick"]
    duration: float | None = None
    interval_variability: float = 0.12


def cells(half: Literal["tuning", "held_back"]) -> list[GridCell]:
    """Return the sixteen cells; those of the other half differ in name and seed only.

    The two-level factors are products of the two bits of signal-to-noise ratio with those of peak force:
    an orthogonal array of strength 2.
    """
    first_seed = {"tuning": 1000, "held_back": 2000}[half]
    result = []
    for number in range(16):
        s1, s0, p1, p0 = (number >> bit & 1 for bit in (3, 2, 1, 0))
        ratio, peak = (10.0, 15.0, 20.0, 30.0)[2 * s1 + s0], (10.0, 20.0, 35.0, 50.0)[2 * p1 + p0]
        channels = (32, 64)[s0 ^ p0]
        contraction = ("ramp", "trapezoid")[s1 ^ p1]
        potentials = ("ordinary", "similar")[s1 ^ s0 ^ p0]
        fat = ("thin", "thick")[s1 ^ p1 ^ p0]
        levels = (f"{ratio:.0f}dB", f"{peak:.0f}mvc", f"{channels}ch", contraction, potentials, fat)
        name = "_".join([f"{half}{number + 1:02d}", *levels])
        result.append(
            GridCell(name, first_seed + number, ratio, peak, channels, contraction, potentials, fat)
        )
    return result


def irregular_cells(half: Literal["tuning", "held_back"]) -> list[GridCell]:
    """Return eight more cells whose units discharge as irregularly as some do near threshold."""
    seed = {"tuning": 1100, "held_back": 2100}[half]
    name = f"{half}_irregular"
    return [
        GridCell(f"{name}1", seed, 15, 20, 64, "trapezoid", "ordinary", "thin", None, 0.35),
        GridCell(f"{name}2", seed + 1, 20, 10, 64, "ramp", "ordinary", "thin", None, 0.3),
        GridCell(f"{name}3", seed + 2, 20, 35, 64, "trapezoid", "similar", "thick", None, 0.25),
        GridCell(f"{name}4", seed + 3, 30, 20, 32, "ramp", "similar", "thin", None, 0.35),
        GridCell(f"{name}5", seed + 4, 15, 20, 64, "trapezoid", "similar", "thick", None, 0.45),
        GridCell(f"{name}6", seed + 5, 15, 35, 32, "trapezoid", "ordinary", "thin", None, 0.45),
        GridCell(f"{name}7", seed + 6, 20, 10, 64, "ramp", "similar", "thin", None, 0.4),
        GridCell(f"{name}8", seed + 7, 30, 20, 64, "trapezoid", "ordinary", "thick", None, 0.45),
    ]


def scaling_cell(channels: int = 256, duration: float = 60.0) -> GridCell:
    """Return a cell for the benchmark of time and memory: a trapezoid of any duration from 16 s on."""
    name = f"scaling_{channels}ch_{duration:.0f}s"
    return GridCell(name, 3000, 20.0, 20.0, channels, "trapezoid", "ordinary", "thin", duration)


def participant(cell: GridCell) -> SimulatedParticipant:
    """Return the person of a cell; all their contractions have the same units and potentials."""
    grid = GRIDS[cell.channels]
    # The rate rises less than in proportion to the force, up to about 20 pps at 50 % MVC.
    drive = 8 * np.sqrt(cell.peak / 20)
    rise, hold = (10.0, 0.0) if cell.contraction == "ramp" else (5.0, 15.0)
    if cell.duration is not None:
        hold = cell.duration - 2 * (RampSettings().rest + rise)
    muscle = {
        "thinnest_fat": FAT[cell.fat],
        "thickest_fat": FAT[cell.fat],
        "fat_conductivity": 0.03,
        "endplate_position": grid.positions[:, 1].max() / 2 - 4,
    }
    if cell.potentials == "similar":
        muscle |= SIMILAR
    settings = SampleTrialSettings(
        pool=PoolSettings(n_units=60, isi_cov=cell.interval_variability),
        ramp=RampSettings(rise=rise, hold=hold, peak_torque=cell.peak, peak_drive=drive),
        muscle=MuscleSettings(**muscle),
        noise=replace(NOISE, signal_to_noise=cell.signal_to_noise),
        grid=grid,
        irregularities=IRREGULARITIES,
    )
    return SimulatedParticipant(settings, cell.seed, cell.name)


def simulate_cell(cell: GridCell) -> tuple[Recording, TrueRecording]:
    """Simulate the recording of a cell: raw EMG and its truth."""
    return simulate_ramp(participant(cell), "1", "control")


def load_cell(cell: GridCell, folder: str | Path) -> tuple[Recording, TrueRecording]:
    """Return the recording and truth of a cell from ``<folder>/<name>.npz``, made where it is missing."""
    path = Path(folder) / f"{cell.name}.npz"
    if not path.is_file():
        recording, truth = simulate_cell(cell)
        with atomic_path(path) as temporary:
            np.savez(temporary, **_arrays(recording, truth))
    with np.load(path) as arrays:
        return _from_arrays(cell.name, arrays)


def oracle(recording: Recording, truth: TrueRecording) -> pd.DataFrame:
    """Tell which true motor units are separable in principle, by a filter that knows their discharges.

    The recording is conditioned; a unit's filter is the mean whitened extended observation at its true
    discharges, later by the one of `ORACLE_DELAYS` that agrees best; discharges are detected in its source
    as in every other.

    Returns
    -------
    DataFrame
        One row per unit of the truth: unit_id, rate_of_agreement, silhouette, separable (by the rate).
    """
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(dtype=bool)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings())
    separator = Separator(conditioned, good, DecompositionSettings())
    delays = np.round(ORACLE_DELAYS * recording.sampling_rate).astype(np.int64)
    rows = []
    for unit, samples in truth.discharges.items():
        trains = [(samples + delay)[samples + delay < recording.n_samples] for delay in delays]
        vectors = np.stack([separator.mean_vector(train) for train in trains], axis=1)
        found = [candidate.discharges for candidate in separator.candidates(vectors) if candidate]
        rates = [rate_of_agreement(f.samples, samples, recording.sampling_rate) for f in found]
        best = int(np.argmax(rates)) if rates else None
        rows.append((unit, *((rates[best], found[best].silhouette) if best is not None else (0.0, np.nan))))
    table = pd.DataFrame(rows, columns=["unit_id", "rate_of_agreement", "silhouette"])
    return table.assign(separable=table["rate_of_agreement"] >= SEPARABLE)


def _arrays(recording: Recording, truth: TrueRecording) -> dict[str, np.ndarray]:
    tables = {
        name: getattr(truth, name).to_json(orient="table", index=False, double_precision=15)
        for name in TABLES
    }
    return {
        "sampling_rate": np.array(recording.sampling_rate),
        "emg": recording.emg,
        "positions": recording.positions,
        "torque": recording.torque,
        **{name: np.array(text) for name, text in tables.items()},
        **{f"discharges_{unit}": samples for unit, samples in truth.discharges.items()},
    }


def _from_arrays(name: str, arrays: np.lib.npyio.NpzFile) -> tuple[Recording, TrueRecording]:
    recording = Recording(
        name=name,
        sampling_rate=float(arrays["sampling_rate"]),
        emg=arrays["emg"],
        channel_names=tuple(f"EMG{i + 1:02d}" for i in range(len(arrays["emg"]))),
        positions=arrays["positions"],
        torque=arrays["torque"],
        torque_unit="N.m",
        stimulation=np.array([]),
        source=Path(f"{name}.npz"),
    )
    units, irregularities = (
        pd.read_json(io.StringIO(str(arrays[table])), orient="table", precise_float=True) for table in TABLES
    )
    discharges = {unit: arrays[f"discharges_{unit}"] for unit in units["unit_id"]}
    return recording, TrueRecording(units, discharges, irregularities)


def main() -> None:
    """Write every recording of the grid into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    for half in ("tuning", "held_back"):
        for cell in cells(half) + irregular_cells(half):
            load_cell(cell, folder)


if __name__ == "__main__":
    main()
