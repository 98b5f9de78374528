"""A small recording with known motor units, made without the simulation room."""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.recordings.model import Recording
from pictrial.seeds import random_generator

RATE = 2048.0
CHANNELS = 24
SETTINGS = DecompositionSettings(extended_channels=240, stages=3, starts=60)


def potentials(n_units: int) -> np.ndarray:
    """Random smooth potentials, shape (units, channels, 40)."""
    random = random_generator(1, "potentials")
    return 60 * gaussian_filter1d(random.standard_normal((n_units, CHANNELS, 40)), 3, axis=2)


def trains(n_units: int, seconds: float, name: str) -> dict[str, np.ndarray]:
    """Trains of about 10 pps that start one after the other."""
    result = {}
    for unit in range(n_units):
        random = random_generator(1, name, unit)
        intervals = 0.1 * (1 + 0.12 * random.standard_normal(400))
        times = 0.5 + 0.3 * unit + np.cumsum(intervals)
        result[f"true{unit}"] = np.round(times[times < seconds - 0.5] * RATE).astype(np.int64)
    return result


def recording(discharges: dict[str, np.ndarray], seconds: float, name: str, noise: float = 3.0) -> Recording:
    """A recording of the given trains with white noise."""
    emg = noise * random_generator(2, name).standard_normal((CHANNELS, round(seconds * RATE)))
    shapes = potentials(8)
    for unit, samples in discharges.items():
        for sample in samples:
            emg[:, sample : sample + 40] += shapes[int(unit[4:])]
    return Recording(
        name,
        RATE,
        emg.astype(np.float32),
        tuple(f"E{channel}" for channel in range(CHANNELS)),
        np.full((CHANNELS, 2), np.nan),
        None,
        "N.m",
        np.empty(0),
        Path(f"{name}_emg.bdf"),
    )
