"""All units of a recording at once: each one's source in the EMG without the others.

A filter that works on the whole EMG has to suppress every other unit, which small units do not survive. Once
the others' potentials are subtracted, it only has to tell one potential from what is left.
"""

import numpy as np

from pictrial.decomposition.extension import ExtendedSignal
from pictrial.decomposition.interference import fit_potentials, potential_window, subtract_potentials
from pictrial.decomposition.model import Decomposition


class JointSources:
    """The potentials of all units of a recording, given their discharges, and what is left without them.

    Parameters
    ----------
    emg : ndarray, shape (channels, samples)
        Conditioned EMG.
    trains : list of ndarray of int64
        Discharges of each unit.
    extension : int
        Delays of a filter.
    sampling_rate : float
        Hz.
    threads : int
        Threads to work on.

    Attributes
    ----------
    potentials : ndarray, shape (units, channels, window)
        In the unit of the EMG.
    residual : ndarray, shape (channels, samples)
        EMG without the units.
    """

    def __init__(
        self,
        emg: np.ndarray,
        trains: list[np.ndarray],
        extension: int,
        sampling_rate: float,
        threads: int = 1,
    ):
        self.trains, self.extension = trains, extension
        self.before, after = potential_window(extension, sampling_rate)
        self.potentials = fit_potentials(emg, trains, self.before, after)
        self.residual = subtract_potentials(emg, trains, self.potentials, self.before)
        self.signal = ExtendedSignal(self.residual, extension, threads)

    def matched_filters(self, covariance: np.ndarray, largest_move: int) -> np.ndarray:
        """Return the matched filter ``C⁻¹ m`` of each unit, m its extended potential.

        Parameters
        ----------
        covariance : ndarray, shape (rows, rows)
            C: that of the extended residual, and of what else is to be expected beside a unit.
        largest_move : int
            Furthest that the source's peak may be moved from the given discharges (samples), so that the
            filter's window holds most of the potential's energy.

        Returns
        -------
        ndarray, shape (rows, units)
            So scaled that noise of this covariance has the standard deviation 1.
        """
        from scipy.linalg import cho_factor, cho_solve

        energy = np.square(self.potentials).sum(axis=1)
        held = np.stack([np.convolve(row, np.ones(self.extension)) for row in energy])
        first = self.before - largest_move
        peaks = held[:, first : self.before + largest_move + 1].argmax(axis=1) + first
        delays = np.arange(self.extension)
        seen = np.stack([p[:, t - delays].T for p, t in zip(self.potentials, peaks, strict=True)], axis=-1)
        seen = seen.reshape(len(covariance), -1)
        matched = cho_solve(cho_factor(covariance), seen)
        return matched / np.sqrt(np.sum(seen * matched, axis=0))

    def sources(self, filters: np.ndarray) -> np.ndarray:
        """Return each unit's source in the EMG without the other units, shape (units, samples).

        Parameters
        ----------
        filters : ndarray, shape (rows, units)
            For the extended signal.
        """
        sources = np.ascontiguousarray(self.signal.apply(filters).T)
        samples = sources.shape[1]
        for source, response, train in zip(sources, self._responses(filters), self.trains, strict=True):
            for start in train - self.before:
                first, last = max(0, start), min(samples, start + len(response))
                source[first:last] += response[first - start : last - start]
        return sources

    def _responses(self, filters: np.ndarray) -> np.ndarray:
        """Return each filter's response to its own unit's potential, shape (units, window + extension)."""
        units, channels, length = self.potentials.shape
        responses = np.zeros((units, length + self.extension))
        for delay, weights in enumerate(filters.reshape(self.extension, channels, units)):
            responses[:, delay : delay + length] += np.einsum("cu,uct->ut", weights, self.potentials)
        return responses


def sources_of(decomposition: Decomposition, emg: np.ndarray) -> np.ndarray:
    """Return the sources of a decomposition's units, each in the EMG without the others.

    Parameters
    ----------
    decomposition : Decomposition
    emg : ndarray, shape (channels, samples)
        Conditioned EMG of its recording, all channels, in µV.

    Returns
    -------
    ndarray, shape (units, samples)
    """
    units, _, extension = decomposition.filters.shape
    if units == 0:
        return np.zeros((0, emg.shape[1]))
    trains = list(decomposition.discharges.values())
    rows = decomposition.filters.transpose(2, 1, 0).reshape(-1, units)
    # Channels that were left out have no weight, and whatever they hold must not disturb the fit.
    used = np.any(decomposition.filters != 0, axis=(0, 2))
    joint = JointSources(np.where(used[:, None], emg, 0), trains, extension, decomposition.sampling_rate)
    return joint.sources(np.ascontiguousarray(rows))
