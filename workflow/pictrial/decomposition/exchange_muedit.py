"""MUedit's files: MATLAB structs (both MUedits) and ``.npz`` (MUedit2, read only).

In MATLAB files discharges count from 1: ``Dischargetimes{grid, unit}`` beside ``Pulsetrain{grid}``, of
shape (units, samples), both in ``signal`` (decomposed) and in ``edition`` (edited, which counts). In
``.npz`` files they count from 0: ``discharge_times``, ``fsamp``, ``total_samples`` (MUedit2 2.1.0).
"""

from pathlib import Path

import numpy as np

from pictrial.decomposition.exchange_trains import (
    ForeignDecomposition,
    foreign_decomposition,
    interelectrode_distance,
    scalar,
    whole_number,
)
from pictrial.decomposition.pickled_arrays import read_array_of_arrays
from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.recordings.matlab_files import read_matlab
from pictrial.recordings.model import Recording
from pictrial.recordings.otb import grid_positions
from pictrial.recordings.packed_files import read_arrays

#: Grids that MUedit knows and whose positions are known here.
_GRIDS = ("GR08MM1305", "GR04MM1305")


def read_muedit_matlab(path: Path) -> ForeignDecomposition:
    """Read a MUedit file (.mat); `edition` counts where there is one.

    Raises
    ------
    InputError
        Where it was not decomposed, or its fields do not fit each other.
    """
    content = read_matlab(path, ["signal", "edition"])
    signal = content["signal"]
    part = content.get("edition", signal)
    pulse_trains, times = _field(path, part, "Pulsetrain"), _field(path, part, "Dischargetimes")
    trains: list[np.ndarray] = []
    flagged: dict[int, str] = {}
    for grid, block in enumerate(np.ravel(pulse_trains)):
        if grid >= len(times) or len(block) > times.shape[1]:
            rule = f"grid {grid + 1} has {len(block)} pulse trains, but fewer cells of discharges"
            raise InputError(path, rule, "Save it again in MUedit.")
        for unit, pulse_train in enumerate(block):
            if not np.any(pulse_train):
                flagged[len(trains)] = "flagged for deletion in MUedit"
            trains.append(times[grid, unit])
    rate = scalar(path, "signal.fsamp", _field(path, signal, "fsamp"))
    n_samples = _field(path, signal, "data").shape[1]
    return foreign_decomposition(path, "MUedit", rate, n_samples, trains, 1, flagged)


def _field(path: Path, struct: np.ndarray, name: str) -> np.ndarray:
    fields = struct.item() if struct.size == 1 else None
    if not isinstance(fields, dict) or name not in fields:
        raise InputError(path, f"it has no field {name!r}", "Decompose the recording in MUedit and save it.")
    return fields[name]


def read_muedit_npz(path: Path) -> ForeignDecomposition:
    """Read a MUedit2 file (.npz).

    Raises
    ------
    InputError
        Where a field is missing or holds more than arrays and numbers.
    """
    content = read_arrays(path, ["fsamp", "total_samples"])
    rate = scalar(path, "fsamp", content["fsamp"])
    n_samples = whole_number(path, "total_samples", content["total_samples"])
    trains = read_array_of_arrays(path, "discharge_times")
    return foreign_decomposition(path, "MUedit2", rate, n_samples, trains, 0)


def write_muedit(
    path: Path,
    recording: Recording,
    good: np.ndarray,
    pulse_trains: np.ndarray,
    discharges: dict[str, np.ndarray],
) -> None:
    """Write a file (.mat) that MUedit and MUedit2 open for editing.

    Parameters
    ----------
    path : Path
    recording : Recording
        Conditioned EMG.
    good : ndarray of bool, shape (channels,)
        The other channels are masked.
    pulse_trains : ndarray, shape (units, samples)
        Height 1 at a typical discharge.
    discharges : dict of str to ndarray of int64
        In the order of `pulse_trains`.
    """
    from scipy.io import savemat

    torque = np.zeros(recording.n_samples) if recording.torque is None else recording.torque
    signal = {
        "data": recording.emg.astype(np.float64),
        "fsamp": recording.sampling_rate,
        "nChan": float(len(recording.emg)),
        "ngrid": 1.0,
        "gridname": _cells([_grid_name(recording.positions)]),
        "muscle": _cells([recording.name]),
        "auxiliary": torque[None, :].astype(np.float64),
        "auxiliaryname": _cells(["torque"]),
        "target": torque[None, :].astype(np.float64),
        "path": torque[None, :].astype(np.float64),
        "coordinates": _cells([_rows_and_columns(recording.positions)]),
        "IED": interelectrode_distance(recording.positions),
        "EMGmask": _cells([(~good).astype(np.float64)[:, None]]),
        "emgtype": 1.0,
        "Pulsetrain": _cells([pulse_trains.astype(np.float64)]),
        "Dischargetimes": _cells([(train + 1.0)[None, :] for train in discharges.values()]),
    }
    parameters = {"nbextchan": 1000.0, "duplicatesthresh": 0.3}
    with atomic_path(path) as temporary:
        savemat(temporary, {"signal": signal, "parameters": parameters}, do_compression=True)
        # scipy writes the time of day into the header's text.
        with open(temporary, "r+b") as stream:
            stream.write(b"MATLAB 5.0 MAT-file, written by pictrial".ljust(116))


def _cells(items: list) -> np.ndarray:
    """Return a MATLAB cell array of one row."""
    cells = np.empty((1, len(items)), dtype=object)
    for index, item in enumerate(items):
        cells[0, index] = item
    return cells


def _grid_name(positions: np.ndarray) -> str:
    numbers = np.arange(1, len(positions) + 1)
    known = [grid for grid in _GRIDS if np.array_equal(positions, grid_positions(grid, numbers))]
    return known[0] if known else "unknown"


def _rows_and_columns(positions: np.ndarray) -> np.ndarray:
    """Return row and column of each electrode, from 1, shape (channels, 2); one column where unknown."""
    if not np.isfinite(positions).all():
        return np.column_stack([np.arange(1.0, len(positions) + 1), np.ones(len(positions))])
    columns, rows = (np.unique(axis, return_inverse=True)[1] + 1.0 for axis in positions.T)
    return np.column_stack([rows, columns])
