"""A VibStim recording made of known parts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.recordings.model import Recording

RATE, DURATION = 2048.0, 40.0
ONSET, END = 4.0, 30.0
BOUTS = ((12.0, 14.0), (18.0, 20.0))


@dataclass
class Parts:
    """What a recording is made of; `torque` in N.m and `emg` in µV are functions of time in s."""

    torque: Callable = lambda times: np.zeros_like(times)
    emg: Callable = lambda times: np.zeros_like(times)
    duration: float = DURATION
    events: list = field(
        default_factory=lambda: [
            (ONSET, END - ONSET, "vibration"),
            *((start, end - start, "nmes") for start, end in BOUTS),
        ]
    )
    pulses: np.ndarray = field(
        default_factory=lambda: np.concatenate([start + np.arange(40) * 0.05 for start, _ in BOUTS])
    )

    def recording(self) -> Recording:
        times = np.arange(round(self.duration * RATE)) / RATE
        return Recording(
            name="sub-01_ses-1_task-vibstim_run-1",
            sampling_rate=RATE,
            emg=self.emg(times)[None].astype(np.float32),
            channel_names=("SOL",),
            positions=np.full((1, 2), np.nan),
            torque=self.torque(times),
            torque_unit="N.m",
            stimulation=np.asarray(self.pulses),
            source=Path("vibstim_emg.bdf"),
            groups=("soleus",),
        )

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.events, columns=["onset", "duration", "trial_type"])


def noise(n_samples: int, seed: int = 1, highest: float = 350.0) -> np.ndarray:
    """Noise from 30 Hz to `highest` with RMS 1, shape (samples,)."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(4, (30, highest), "bandpass", fs=RATE, output="sos")
    raw = sosfiltfilt(sections, np.random.default_rng(seed).standard_normal(n_samples))
    return raw / raw.std()


def maximal(torque: float = 100.0, rms: float = 300.0, highest: float = 350.0) -> Recording:
    """A maximal contraction from 2 to 6 s of 8."""

    def effort(times):
        return ((times > 2) & (times < 6)).astype(float)

    return Parts(
        torque=lambda times: torque * effort(times),
        emg=lambda times: rms * effort(times) * noise(len(times), 2, highest),
        duration=8.0,
        pulses=np.empty(0),
    ).recording()
