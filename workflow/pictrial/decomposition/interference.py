"""The units' potentials all at once, and the EMG without them.

Discharges of different units overlap in time, so a unit's plain spike-triggered average holds parts of
the others. Here the potentials of all units are fitted together by least squares; what they do not
explain is the residual, in which further units can be found.
"""

import numpy as np

from pictrial.decomposition.agreement import differences

#: Length of a fitted potential (s), from first to last sample.
POTENTIAL_LENGTH = 0.04
#: Ridge, as a share of the mean number of discharges: two units that always discharge together
#: could not be told apart without it.
RIDGE = 1e-3


def potential_window(extension: int, sampling_rate: float) -> tuple[int, int]:
    """Return how many samples a fitted potential begins before its discharge and ends after it.

    A filter looks from the discharge `extension` samples back; the potential is centred on what it sees.
    """
    length = round(POTENTIAL_LENGTH * sampling_rate)
    before = (length + extension) // 2
    return before, length - before


def fit_potentials(emg: np.ndarray, trains: list[np.ndarray], before: int, after: int) -> np.ndarray:
    """Fit the potentials of all units to the EMG by least squares.

    Parameters
    ----------
    emg : ndarray, shape (channels, samples)
        Any unit.
    trains : list of ndarray of int64
        Discharges of each unit as sample indices.
    before, after : int
        Samples before and after a discharge that a potential covers.

    Returns
    -------
    ndarray, shape (units, channels, before + after)
        In the unit of `emg`.
    """
    from scipy.linalg import solve

    length = before + after
    padded = _padded(emg, length)
    sums = np.zeros((len(trains), length, len(emg)))
    for total, train in zip(sums, trains, strict=True):
        for start in train + length - before:
            total += padded[start : start + length]
    gram = _coincidences(trains, length)
    gram[np.diag_indices(len(gram))] += RIDGE * gram.diagonal().mean()
    fitted = solve(gram, sums.reshape(len(gram), -1), assume_a="pos", overwrite_a=True, check_finite=False)
    return fitted.reshape(sums.shape).transpose(0, 2, 1)


def subtract_potentials(
    emg: np.ndarray, trains: list[np.ndarray], potentials: np.ndarray, before: int
) -> np.ndarray:
    """Return the EMG, shape (channels, samples), without the units' potentials at their discharges."""
    length = potentials.shape[2]
    padded = _padded(emg, length)
    for potential, train in zip(np.ascontiguousarray(potentials.transpose(0, 2, 1)), trains, strict=True):
        for start in train + length - before:
            padded[start : start + length] -= potential
    return padded[length:-length].T


def _padded(emg: np.ndarray, margin: int) -> np.ndarray:
    """Return the EMG with samples first and `margin` zeros at both ends, so that no potential sticks out."""
    padded = np.zeros((emg.shape[1] + 2 * margin, len(emg)))
    padded[margin:-margin] = emg.T
    return padded


def _coincidences(trains: list[np.ndarray], length: int) -> np.ndarray:
    """Return the normal equations' matrix: how often two units' discharges coincide at each pair of lags."""
    units = len(trains)
    gram = np.empty((units, length, units, length))
    lags = np.arange(length)[:, None] - np.arange(length) + length - 1
    for i, one in enumerate(trains):
        for j, other in enumerate(trains[: i + 1]):
            counts = np.bincount(differences(one, other, length - 1) + length - 1, minlength=2 * length - 1)
            gram[i, :, j, :] = counts[lags]
            gram[j, :, i, :] = counts[lags].T
    return gram.reshape(units * length, units * length)
