"""Discharges of a source, and how good they are."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

#: Two discharges of one motor unit are at least this far apart when they are detected (s).
REFRACTORY_PERIOD = 0.01
#: A longer inter-spike interval is a pause, not variability (s).
LONGEST_INTERVAL = 0.5
#: A shorter interval is no firing of one motoneurone, doublets apart (s).
SHORTEST_INTERVAL = 0.025
#: So many of the highest peaks are levelled, and so many there must be.
EXTREME_PEAKS = 20
#: Standard deviation of a normal variable over the median of its absolute value.
NORMAL_DEVIATION = 1.4826
#: Most steps of the clustering: rounding can make two solutions alternate for ever.
MOST_STEPS = 50


@dataclass(frozen=True)
class Discharges:
    """Discharges detected in one source.

    Attributes
    ----------
    samples : ndarray of int64, shape (discharges,)
        Ascending sample indices.
    silhouette : float
        Silhouette over the peaks taken as discharges: ``(B - W) / max(B, W)`` with W and B the summed
        squared distances of their squared heights to the own centroid and to that of the other peaks.
    pulse_to_noise_ratio : float
        dB, ``10 log10`` of the mean squared source at the discharges over that elsewhere (Holobar,
        Minetto & Farina 2014, J Neural Eng 11:016008, eq. 8).
    height_variability : float
        Coefficient of variation of the source's heights at the discharges; NaN where it is unknown.
    """

    samples: np.ndarray
    silhouette: float
    pulse_to_noise_ratio: float
    height_variability: float = float("nan")


def detect_discharges(source: np.ndarray, sampling_rate: float) -> Discharges | None:
    """Split the peaks of the squared source into discharges and noise by two centroids.

    Parameters
    ----------
    source : ndarray, shape (samples,)
        Discharges point upwards.
    sampling_rate : float
        Hz.

    Returns
    -------
    Discharges or None
        None where the peaks do not fall into two classes.
    """
    power = np.square(np.maximum(source, 0))
    peaks = find_peaks(power, distance=max(1, int(REFRACTORY_PERIOD * sampling_rate)))[0]
    if len(peaks) < EXTREME_PEAKS:
        return None
    heights = power[peaks]
    is_discharge = two_classes(heights)
    if not 1 < is_discharge.sum() < len(peaks):
        return None
    samples = peaks[is_discharge].astype(np.int64)
    silhouette = silhouette_of_classes(heights, is_discharge)
    at_discharges = power[samples].sum()
    elsewhere = (np.square(source).sum() - at_discharges) / (len(source) - len(samples))
    ratio = 10 * np.log10(at_discharges / len(samples) / elsewhere)
    amplitudes = source[samples]
    return Discharges(samples, silhouette, float(ratio), float(amplitudes.std() / amplitudes.mean()))


def two_classes(heights: np.ndarray) -> np.ndarray:
    """Return which heights, shape (peaks,), are in the upper class of a one-dimensional 2-means clustering.

    The highest are levelled to their median first, or one artefact would be a class of its own.
    """
    ordered = np.sort(heights)
    level = float(np.median(ordered[-EXTREME_PEAKS:]))
    sums = np.cumsum(np.minimum(ordered, level), dtype=np.float64)
    low, high = min(float(np.median(ordered)), level), level
    for _ in range(MOST_STEPS):
        lower = int(np.searchsorted(ordered, (low + high) / 2, side="right"))
        if lower in (0, len(ordered)):
            break
        new = sums[lower - 1] / lower, (sums[-1] - sums[lower - 1]) / (len(ordered) - lower)
        if new == (low, high):
            break
        low, high = new
    return heights > (low + high) / 2


def silhouette_of_classes(heights: np.ndarray, upper: np.ndarray) -> float:
    """Return ``(B − W) / max(B, W)`` over the heights of the upper class; 0 where a class is empty.

    W and B are their summed squared distances to the own mean and to that of the other class.
    """
    if not upper.any() or upper.all():
        return 0.0
    within = np.sum((heights[upper] - heights[upper].mean()) ** 2)
    between = np.sum((heights[upper] - heights[~upper].mean()) ** 2)
    return float((between - within) / max(between, within))


def interval_variability(samples: np.ndarray, sampling_rate: float) -> tuple[float, float, float]:
    """Return the coefficient of variation of the inter-spike intervals: plain, successive and robust.

    The successive one takes half the mean squared difference of neighbouring intervals as variance
    (von Neumann et al. 1941, Ann Math Stat 12:153), so that a slow change of rate, as in a ramp, does
    not count. The robust one takes medians of the differences and of the intervals instead: wrong and missed
    discharges, which are few, do not count either. Pauses (longer than 0.5 s) are left out.

    Returns
    -------
    tuple of float
        NaN where there are fewer than three intervals.
    """
    intervals = np.diff(samples) / sampling_rate
    intervals = intervals[intervals <= LONGEST_INTERVAL]
    if len(intervals) < 3:
        return float("nan"), float("nan"), float("nan")
    mean, differences = intervals.mean(), np.diff(intervals)
    successive = np.sqrt(np.mean(differences**2) / 2)
    robust = NORMAL_DEVIATION * np.median(np.abs(differences)) / np.sqrt(2)
    return float(intervals.std(ddof=1) / mean), float(successive / mean), float(robust / np.median(intervals))


def short_interval_share(samples: np.ndarray, sampling_rate: float) -> float:
    """Return the share of inter-spike intervals below 25 ms: few are doublets, many are two units in one.

    Unlike the variability of the intervals it does not mistake an irregular unit for two. NaN where there is
    no interval.
    """
    intervals = np.diff(samples) / sampling_rate
    return float(np.mean(intervals < SHORTEST_INTERVAL)) if len(intervals) else float("nan")
