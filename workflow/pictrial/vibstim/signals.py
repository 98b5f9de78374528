"""The signals of a measured VibStim recording as a file, for the figures of it."""

from pathlib import Path

import numpy as np

from pictrial.files import atomic_path
from pictrial.recordings.model import Recording
from pictrial.recordings.packed_files import read_arrays
from pictrial.vibstim.outcomes import VibstimMeasures

_SIGNALS = ("sampling_rate", "torque", "raw", "clean", "blanked", "vibration", "bouts")


def write_signals(recording: Recording, measures: VibstimMeasures, path: str | Path) -> None:
    """Write torque (% MVC), raw and clean EMG (µV), what was blanked, and when there was what (s).

    A NumPy archive: `sampling_rate`; `torque`, `raw`, `clean`, `blanked` of shape (samples,); `vibration` of
    shape (2,); `bouts` of shape (bouts, 2).
    """
    timing = measures.timing
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            sampling_rate=recording.sampling_rate,
            torque=measures.torque.astype(np.float32),
            raw=recording.emg[0],
            clean=measures.emg.emg.astype(np.float32),
            blanked=measures.emg.blanked,
            vibration=[timing.onset, timing.end],
            bouts=timing.bouts,
        )


def read_signals(path: str | Path) -> dict[str, np.ndarray]:
    """Read what :func:`write_signals` wrote; InputError where it is missing or damaged."""
    return read_arrays(Path(path), _SIGNALS)
