"""The search for motor units, on the instants of high activity alone.

A sparse source is made of its discharges, and these are among the local maxima of the activity: some
thousand instants of the tens of thousands of samples. Searched there, a hundred starts cost what one costs
on the whole signal; only what comes out is tried on it.
"""

import numpy as np

from pictrial.decomposition.quality import silhouette_of_classes, two_classes

#: Most instants to search, the most active ones.
MOST_INSTANTS = 8000
#: Filters with a cosine above this have met.
SAME_FILTER = 0.95
#: Filters that share more than this of their instants have found the same unit.
SAME_INSTANTS = 0.3
#: Fewer instants than this are no unit.
FEWEST_INSTANTS = 15
#: Refinements of a filter on its own instants.
REFINEMENTS = 2


def active_instants(emg: np.ndarray, margin: int) -> np.ndarray:
    """Return the local maxima of the spatially whitened EMG's energy, the most active ones.

    Parameters
    ----------
    emg : ndarray, shape (channels, samples)
    margin : int
        Samples to leave out at both ends.

    Returns
    -------
    ndarray of int64, shape (instants,)
        Sample indices, ascending; at most `MOST_INSTANTS`.
    """
    from scipy.signal import find_peaks

    variances, components = np.linalg.eigh(np.cov(emg))
    floor = 1e-3 * variances.mean()
    whitened = (components / np.sqrt(variances + floor)).T @ emg
    # Nine samples smooth over the phases of one potential, not over two discharges.
    activity = np.convolve(np.square(whitened).sum(axis=0), np.ones(9) / 9, mode="same")
    activity[:margin] = activity[-margin:] = 0
    peaks = find_peaks(activity)[0]
    most_active = peaks[np.argsort(-activity[peaks], kind="stable")][:MOST_INSTANTS]
    return np.sort(most_active)


def search_instants(observations: np.ndarray, starts: int, iterations: int, most: int) -> np.ndarray:
    """Search sparse sources among whitened observations.

    FastICA's fixed point with the contrast of skewness (Negro et al. 2016, eq. 9) from many instants at once;
    only the positive side of each source counts, for discharges point upwards. Then each filter becomes the
    mean of its own instants. Few iterations, on purpose: with many, all starts end at the largest units.

    Parameters
    ----------
    observations : ndarray, shape (components, instants)
        Whitened extended EMG.
    starts : int
        Number of instants to start from, evenly spaced in the order of their length.
    iterations : int
        Of the fixed point.
    most : int
        Most filters to return.

    Returns
    -------
    ndarray, shape (components, filters)
        Of unit length, the most promising first; they share few of their instants.
    """
    order = np.argsort(-np.linalg.norm(observations, axis=0), kind="stable")
    vectors = unit_length(observations[:, order[:: max(1, len(order) // starts)][:starts]])
    for _ in range(iterations):
        sources = np.maximum(vectors.T @ observations, 0)
        vectors = unit_length(observations @ np.square(sources).T)
    vectors = vectors[:, _distinct(np.abs(vectors.T @ vectors), SAME_FILTER)]
    for _ in range(REFINEMENTS):
        vectors = unit_length(observations @ _members(vectors.T @ observations).T)
    sources = vectors.T @ observations
    members = _members(sources)
    numbers = members.sum(axis=1)
    promise = np.array([_silhouette(*pair) for pair in zip(sources, members, strict=True)]) * np.sqrt(numbers)
    promising = np.argsort(-promise, kind="stable")
    promising = promising[numbers[promising] >= FEWEST_INSTANTS]
    members = members[promising]
    common = members @ members.T
    sizes = numbers[promising]
    agreement = common / (sizes[:, None] + sizes - common)
    return vectors[:, promising[_distinct(agreement, SAME_INSTANTS)[:most]]]


def split_in_two(observations: np.ndarray) -> np.ndarray:
    """Tell two units that a filter finds alike apart, by the first principal component of how they look.

    Parameters
    ----------
    observations : ndarray, shape (components, discharges)
        Whitened extended EMG at the discharges of both.

    Returns
    -------
    ndarray of bool, shape (discharges,)
    """
    deviations = observations - observations.mean(axis=1, keepdims=True)
    scores = np.linalg.eigh((deviations.T @ deviations).astype(np.float64))[1][:, -1]
    # The sign of an eigenvector is arbitrary.
    return two_classes(scores * np.sign(scores[np.argmax(np.abs(scores))]))


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Return each column divided by its length."""
    return vectors / np.linalg.norm(vectors, axis=0)


def _members(sources: np.ndarray) -> np.ndarray:
    """Return 1 where an instant belongs to a source's upper class, else 0, shape (filters, instants)."""
    return np.array([two_classes(np.square(np.maximum(s, 0))) for s in sources]).astype(np.float64)


def _silhouette(source: np.ndarray, members: np.ndarray) -> float:
    return silhouette_of_classes(np.square(np.maximum(source, 0)), members > 0)


def _distinct(likeness: np.ndarray, limit: float) -> list[int]:
    """Return the indices of those that are not more alike than `limit` to one before them."""
    kept: list[int] = []
    for index, row in enumerate(likeness):
        if not kept or row[kept].max() < limit:
            kept.append(index)
    return kept
