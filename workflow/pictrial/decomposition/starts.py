"""Where to start the search for motor units.

A motor unit discharges a hundred times or more, and each time the whitened observation points the
same way, up to noise. So instants are compared with each other: those with many look-alikes are
discharges of one unit, and the mean of the look-alikes is already close to its separation vector.
Large units do not crowd out small ones, as they do where the most active instants are taken.
"""

import numpy as np

#: Most instants to compare, the most active ones; their comparison takes memory of this squared.
MOST_INSTANTS = 5000
#: Two instants look alike when their cosine is above this many standard deviations of chance.
ALIKE = 3.5
#: Fewer look-alikes than this are chance.
FEWEST_ALIKE = 6


class Starts:
    """Instants of high activity and which of them look alike.

    Parameters
    ----------
    instants : ndarray of int64, shape (instants,)
        Sample indices, ascending.
    observations : ndarray of float32, shape (components, instants)
        Whitened observation at the instants.
    """

    def __init__(self, instants: np.ndarray, observations: np.ndarray):
        self.instants = instants
        self._lengths = np.linalg.norm(observations, axis=0)
        self._directions = observations / self._lengths
        # The cosine of two random directions in n dimensions has the standard deviation 1/√n.
        self._alike = self._directions.T @ self._directions > ALIKE / np.sqrt(len(observations))
        self._free = np.ones(len(instants), bool)

    def exclude(self, samples: np.ndarray, before: int, after: int) -> None:
        """Exclude the instants from `before` samples before to `after` samples after each sample."""
        first = np.searchsorted(self.instants, samples - before)
        last = np.searchsorted(self.instants, samples + after)
        for start, stop in zip(first, last, strict=True):
            self._free[start:stop] = False

    def take(self, number: int) -> np.ndarray:
        """Take up to `number` starting vectors, each instant once.

        Half of them are the means of the largest groups of look-alikes; the others are single instants,
        those with the longest whitened observation, for units that discharge too seldom or too often
        with others to make a group.

        Returns
        -------
        ndarray of float32, shape (components, starts)
            Of unit length.
        """
        groups = self._take_groups(number // 2)
        free = np.flatnonzero(self._free)
        singles = free[np.argsort(-self._lengths[free], kind="stable")][: number - number // 2]
        self._free[singles] = False
        return np.concatenate([groups, self._directions[:, singles]], axis=1)

    def _take_groups(self, number: int) -> np.ndarray:
        vectors: list[np.ndarray] = []
        counts = self._alike[:, self._free].sum(axis=1) * self._free
        while len(vectors) < number and counts.max(initial=0) >= FEWEST_ALIKE:
            members = np.flatnonzero(self._alike[counts.argmax()] & self._free)
            mean = self._directions[:, members].mean(axis=1)
            vectors.append(mean / np.linalg.norm(mean))
            self._free[members] = False
            counts = (counts - self._alike[:, members].sum(axis=1)) * self._free
        return np.stack(vectors, axis=1) if vectors else self._directions[:, :0]


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
    whitened = (components / np.sqrt(variances + floor)).T.astype(np.float32) @ emg
    # Nine samples smooth over the phases of one potential, not over two discharges.
    activity = np.convolve(np.square(whitened).sum(axis=0), np.ones(9) / 9, mode="same")
    activity[:margin] = activity[-margin:] = 0
    peaks = find_peaks(activity)[0]
    most_active = peaks[np.argsort(-activity[peaks], kind="stable")][:MOST_INSTANTS]
    return np.sort(most_active)
