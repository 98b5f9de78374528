"""Agreement of discharge trains: whether two belong to the same motor unit."""

import numpy as np
import pandas as pd

#: Trains of one motor unit may differ by a constant lag up to this (s), the delay of a filter.
LARGEST_LAG = 0.03


def common_lag(a: np.ndarray, b: np.ndarray, sampling_rate: float, tolerance: float = 0.0005) -> int:
    """Return the constant lag (samples) that, added to `b`, makes most discharges agree with `a`."""
    largest = round(LARGEST_LAG * sampling_rate)
    width = max(1, round(tolerance * sampling_rate))
    starts = np.searchsorted(b, a - largest)
    ends = np.searchsorted(b, a + largest, side="right")
    differences = np.concatenate(
        [time - b[start:end] for time, start, end in zip(a, starts, ends, strict=True)] or [np.empty(0, int)]
    )
    counts = np.bincount(differences.astype(np.int64) + largest, minlength=2 * largest + 1)
    # Among equally good lags the middle of the window counts, hence the triangular weights.
    window = np.convolve(np.ones(width + 1), np.ones(width + 1))
    return int(np.argmax(np.convolve(counts, window, mode="same"))) - largest


def count_common(a: np.ndarray, b: np.ndarray, tolerance: int) -> int:
    """Count one-to-one matches of two ascending trains of sample indices within `tolerance` samples."""
    common = i = j = 0
    while i < len(a) and j < len(b):
        difference = a[i] - b[j]
        if abs(difference) <= tolerance:
            common, i, j = common + 1, i + 1, j + 1
        elif difference < 0:
            i += 1
        else:
            j += 1
    return common


def rate_of_agreement(a: np.ndarray, b: np.ndarray, sampling_rate: float, tolerance: float = 0.0005) -> float:
    """Return common / (common + only a + only b) after aligning a constant lag.

    Parameters
    ----------
    a, b : ndarray of int64
        Ascending sample indices of two trains.
    sampling_rate : float
        Hz.
    tolerance : float
        s; discharges at most this far apart agree.

    Returns
    -------
    float
        Between 0 and 1; 0 where a train is empty.
    """
    if len(a) == 0 or len(b) == 0:
        return 0.0
    lag = common_lag(a, b, sampling_rate, tolerance)
    common = count_common(a, b + lag, max(1, round(tolerance * sampling_rate)))
    return common / (len(a) + len(b) - common)


def match_units(
    estimated: dict[str, np.ndarray],
    reference: dict[str, np.ndarray],
    sampling_rate: float,
    tolerance: float = 0.0005,
) -> pd.DataFrame:
    """Match each estimated motor unit with the reference unit it agrees with best.

    Parameters
    ----------
    estimated, reference : dict of str to ndarray of int64
        Discharges as ascending sample indices.

    Returns
    -------
    DataFrame
        Columns unit_id, reference_unit (missing where nothing agrees), rate_of_agreement, lag (s, to
        add to the reference's discharges); one row per estimated unit, in the order of `estimated`.
    """
    rows: list[tuple[str, str | None, float, float]] = []
    for unit, train in estimated.items():
        rates = {
            name: rate_of_agreement(train, other, sampling_rate, tolerance)
            for name, other in reference.items()
        }
        best = max(rates, key=lambda name: rates[name], default="")
        if rates.get(best, 0) == 0:
            rows.append((unit, None, 0.0, float("nan")))
        else:
            lag = common_lag(train, reference[best], sampling_rate, tolerance) / sampling_rate
            rows.append((unit, best, rates[best], lag))
    return pd.DataFrame(rows, columns=["unit_id", "reference_unit", "rate_of_agreement", "lag"])
