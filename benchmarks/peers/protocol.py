"""What all runners share: EMG in, discharges and times out.

It runs in the environment of each tool, so it imports nothing but numpy.
"""

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np

#: From EMG (channels, samples) in µV, its rate in Hz and a number of starts to the accepted trains (samples).
Decompose = Callable[[np.ndarray, float, int], list[np.ndarray]]


def run(distribution: str, load: Callable[[], Decompose]) -> None:
    """Import a tool, read a recording, decompose it, and write what came out.

    Parameters
    ----------
    distribution : str
        Name under which the tool is installed.
    load : callable
        Imports the tool and returns its decomposition, from raw EMG and with the tool's own filters.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("recording", help="npz with emg (channels, samples) and sampling_rate")
    parser.add_argument("output", help="npz with the trains, the tool's version, and times in s")
    parser.add_argument("--starts", type=int, required=True)
    options = parser.parse_args()
    marks = [time.perf_counter()]
    decompose = load()
    marks.append(time.perf_counter())
    with np.load(options.recording) as arrays:
        emg, rate = arrays["emg"], float(arrays["sampling_rate"])
    marks.append(time.perf_counter())
    trains = decompose(emg, rate, options.starts)
    marks.append(time.perf_counter())
    names = ("wall_import", "wall_read", "wall_decompose")
    times = dict(zip(names, np.diff(marks), strict=True))
    units = {f"unit{i:03d}": np.unique(np.asarray(train, dtype=np.int64)) for i, train in enumerate(trains)}
    np.savez(options.output, version=np.array(version(distribution)), **times, **units)
