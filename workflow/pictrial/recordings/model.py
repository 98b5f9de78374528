"""What a recording is, everywhere in the package."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

GRID = "grid1"


@dataclass(frozen=True)
class Recording:
    """One contraction: surface EMG with torque and stimulation pulses.

    Attributes
    ----------
    name : str
        Its BIDS name without suffix, ``sub-01_ses-1_task-ramp_run-1``; others: the file's stem.
    sampling_rate : float
        Hz, the same for EMG and torque.
    emg : ndarray of float32, shape (channels, samples)
        EMG in µV.
    channel_names : tuple of str
        One per EMG channel.
    positions : ndarray, shape (channels, 2)
        Electrode positions in mm: x across and y along the muscle fibres; NaN where unknown.
    torque : ndarray, shape (samples,), or None
        Torque in `torque_unit`.
    torque_unit : str
        ``"N.m"`` or ``"% MVC"``.
    stimulation : ndarray, shape (pulses,)
        Onsets of nerve-stimulation pulses in s; empty where there are none.
    source : Path
        The file it was read from.
    groups : tuple of str
        Group of electrodes of each EMG channel: ``grid1`` holds the monopolar channels of a grid; any other,
        such as ``soleus``, is one bipolar channel. Empty: all channels are of one grid.
    """

    name: str
    sampling_rate: float
    emg: np.ndarray
    channel_names: tuple[str, ...]
    positions: np.ndarray
    torque: np.ndarray | None
    torque_unit: str
    stimulation: np.ndarray
    source: Path
    groups: tuple[str, ...] = ()

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.emg.shape[1]

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.n_samples / self.sampling_rate
