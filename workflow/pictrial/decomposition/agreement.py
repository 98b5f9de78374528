"""Agreement of discharge trains: whether two belong to the same motor unit."""

import numpy as np
import pandas as pd

#: Trains of one motor unit may differ by a constant lag up to this (s): a filter's delay, and the way
#: of the action potential from the endplates to the end of the fibres, where it can be detected too.
LARGEST_LAG = 0.06
#: Discharges at most this far apart agree (s).
TOLERANCE = 0.0005


def common_lag(a: np.ndarray, b: np.ndarray, sampling_rate: float, tolerance: float = TOLERANCE) -> int:
    """Return the constant lag (samples) that, added to `b`, makes most discharges agree with `a`."""
    return _best_lag(a, b, sampling_rate, tolerance)[0]


def _best_lag(a: np.ndarray, b: np.ndarray, sampling_rate: float, tolerance: float) -> tuple[int, int]:
    """Return the lag, and how many pairs of discharges, not one-to-one, are then within the tolerance."""
    largest = round(LARGEST_LAG * sampling_rate)
    width = max(1, round(tolerance * sampling_rate))
    counts = np.bincount(differences(b, a, largest) + largest, minlength=2 * largest + 1)
    # Among equally good lags the middle of the window counts, hence the triangular weights.
    window = np.convolve(np.ones(width + 1), np.ones(width + 1))
    best = int(np.argmax(np.convolve(counts, window, mode="same")))
    return best - largest, int(counts[max(0, best - width) : best + width + 1].sum())


def differences(a: np.ndarray, b: np.ndarray, largest: int) -> np.ndarray:
    """Return all differences `b` − `a` of discharges of two ascending trains, up to `largest` samples."""
    first = np.searchsorted(b, a - largest)
    number = np.searchsorted(b, a + largest, side="right") - first
    # Index of every pair's second discharge: a run of consecutive ones for each first discharge.
    runs = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    return (b[np.repeat(first, number) + runs] - np.repeat(a, number)).astype(np.int64)


def count_common(a: np.ndarray, b: np.ndarray, tolerance: int) -> int:
    """Count one-to-one matches of two ascending trains of sample indices within `tolerance` samples."""
    first = np.searchsorted(b, a - tolerance)
    last = np.searchsorted(b, a + tolerance, side="right")
    common = taken = 0
    for start, stop in zip(first[first < last].tolist(), last[first < last].tolist(), strict=True):
        partner = max(start, taken)
        if partner < stop:
            common, taken = common + 1, partner + 1
    return common


def rate_of_agreement(
    a: np.ndarray, b: np.ndarray, sampling_rate: float, tolerance: float = TOLERANCE
) -> float:
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
    return _rate_at(a, b + common_lag(a, b, sampling_rate, tolerance), sampling_rate, tolerance)


def _rate_at(a: np.ndarray, b: np.ndarray, sampling_rate: float, tolerance: float) -> float:
    """Return the rate of agreement of two trains as they are."""
    common = count_common(a, b, max(1, round(tolerance * sampling_rate)))
    return common / (len(a) + len(b) - common)


def agree(a: np.ndarray, b: np.ndarray, sampling_rate: float, limit: float) -> bool:
    """Return whether the rate of agreement of two trains is above `limit`."""
    total = len(a) + len(b)
    # With so different numbers of discharges it cannot be, nor with so few pairs at the best lag.
    if min(len(a), len(b)) <= limit * max(len(a), len(b)):
        return False
    lag, pairs = _best_lag(a, b, sampling_rate, TOLERANCE)
    return pairs > limit * (total - pairs) and _rate_at(a, b + lag, sampling_rate, TOLERANCE) > limit


def match_units(
    estimated: dict[str, np.ndarray],
    reference: dict[str, np.ndarray],
    sampling_rate: float,
    tolerance: float = TOLERANCE,
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
