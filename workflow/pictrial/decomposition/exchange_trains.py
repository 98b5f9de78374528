"""What other tools' decompositions are, once read: checked discharges, from sample 0."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pictrial.errors import InputError


@dataclass(frozen=True)
class ForeignDecomposition:
    """Discharges that another tool found or edited in one recording.

    Attributes
    ----------
    source : Path
        The file.
    tool : str
        Who wrote it.
    sampling_rate : float
        Hz.
    n_samples : int
        Length of the recording as that tool saw it.
    discharges : dict of str to ndarray of int64
        For each motor unit its discharges as ascending sample indices, from 0.
    left_out : dict of str to str
        Units of the file that are not in `discharges`, with the reason.
    repaired : dict of str to str
        What was put right in a unit that is.
    """

    source: Path
    tool: str
    sampling_rate: float
    n_samples: int
    discharges: dict[str, np.ndarray]
    left_out: dict[str, str]
    repaired: dict[str, str]


def foreign_decomposition(
    path: Path,
    tool: str,
    sampling_rate: float,
    n_samples: int,
    trains: Sequence[np.ndarray],
    first_index: int,
    flagged: dict[int, str] | None = None,
) -> ForeignDecomposition:
    """Check the trains of a file and name its units MU01, MU02, … in their order.

    Parameters
    ----------
    path : Path
        The file, for errors.
    tool : str
        Who wrote it.
    sampling_rate, n_samples : float, int
        As the file has them.
    trains : sequence of array
        Discharges of each unit as sample indices.
    first_index : int
        Index of the first sample in this format: 1 in MATLAB's, otherwise 0.
    flagged : dict of int to str, optional
        Units, by their place in `trains`, that the tool marks as deleted, with the reason.

    Returns
    -------
    ForeignDecomposition
        A unit without discharges is left out; unsorted and repeated discharges are put in order.

    Raises
    ------
    InputError
        Where the sampling rate is not positive, or a discharge is no whole number or not a sample of
        the recording.
    """
    if not (np.isfinite(sampling_rate) and sampling_rate > 0):
        raise InputError(
            path, f"the sampling rate is {sampling_rate}", "Correct it in the tool that wrote it."
        )
    discharges: dict[str, np.ndarray] = {}
    left_out: dict[str, str] = {}
    repaired: dict[str, str] = {}
    for index, train in enumerate(trains):
        name = f"MU{index + 1:02d}"
        if index in (flagged or {}):
            left_out[name] = (flagged or {})[index]
            continue
        given = _samples(f"{path}, motor unit {index + 1}", np.ravel(train), n_samples, first_index)
        ascending = np.unique(given)
        if not len(ascending):
            left_out[name] = "no discharges"
            continue
        discharges[name] = ascending
        faults = []
        if np.any(np.diff(given) < 0):
            faults.append("its discharges were not in order")
        if len(ascending) < len(given):
            faults.append(f"{len(given) - len(ascending)} discharges were listed more than once")
        if faults:
            repaired[name] = "; ".join(faults)
    return ForeignDecomposition(path, tool, float(sampling_rate), n_samples, discharges, left_out, repaired)


def _samples(where: str, values: np.ndarray, n_samples: int, first_index: int) -> np.ndarray:
    """Return the sample indices from 0; raise InputError where one cannot be a sample."""
    remedy = "Correct the unit in the tool that wrote the file, or delete it there."
    if not len(values):
        return np.empty(0, np.int64)
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise InputError(where, "its discharges are not numbers", remedy)
    whole = np.isfinite(values) & (values == np.floor(values))
    if not whole.all():
        rule = f"discharge {values[~whole][0]} is not a whole number of samples"
        raise InputError(where, rule, remedy)
    last = n_samples - 1 + first_index
    outside = (values < first_index) | (values > last)
    if outside.any():
        rule = f"discharge {values[outside][0]:g} is not among the samples {first_index} to {last}"
        raise InputError(where, rule, remedy)
    return values.astype(np.int64) - first_index


def scalar(path: Path, name: str, value: object) -> float:
    """Return the one number that a field of a file holds.

    Raises
    ------
    InputError
        Where the field is missing or is not one number.
    """
    numbers = np.ravel(np.asarray([] if value is None else value))
    if len(numbers) != 1 or not np.issubdtype(numbers.dtype, np.number):
        raise InputError(path, f"its field {name!r} is not one number", "Save it again in the tool.")
    return float(numbers[0])


def whole_number(path: Path, name: str, value: object) -> int:
    """Return the one whole number, not below zero, that a field of a file holds; errors as of `scalar`."""
    number = scalar(path, name, value)
    if not (number.is_integer() and 0 <= number < 2**53):
        raise InputError(path, f"its field {name!r} is {number:g}, no count", "Save it again in the tool.")
    return int(number)


def interelectrode_distance(positions: np.ndarray) -> float:
    """Return the distance in mm of neighbouring electrodes; NaN where `positions` are not known."""
    steps = np.diff(np.unique(positions[:, 1]))
    return float(steps.min()) if len(steps) and np.isfinite(positions).all() else float("nan")
