"""pictrial: its conditioning and its decomposition, with their defaults."""

import dataclasses
import os
from pathlib import Path

import numpy as np
from protocol import Decompose, run


def load() -> Decompose:
    from pictrial.decomposition.candidates import DecompositionSettings
    from pictrial.decomposition.separation import decompose
    from pictrial.errors import InputError
    from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
    from pictrial.recordings.model import Recording

    def separate(emg: np.ndarray, rate: float, starts: int) -> list[np.ndarray]:
        settings, threads = DecompositionSettings(), int(os.environ["OMP_NUM_THREADS"])
        settings = dataclasses.replace(settings, starts=max(1, starts // settings.stages))
        names = tuple(f"EMG{i + 1:02d}" for i in range(len(emg)))
        positions = np.full((len(emg), 2), np.nan)
        recording = Recording("raw", rate, emg, names, positions, None, "% MVC", np.empty(0), Path("raw.npz"))
        good = np.ones(len(emg), dtype=bool)
        conditioned, _ = condition_emg(recording, good, ConditioningSettings())
        try:
            return list(decompose(conditioned, good, settings, threads).discharges.values())
        except InputError as error:
            if "no motor unit" not in str(error):
                raise
            return []

    return separate


run("pictrial", load)
