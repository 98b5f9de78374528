"""The extended observation, never held in memory.

Convolutive mixtures are separated by extending each channel with its delayed copies (Negro et al.
2016, J Neural Eng 13:026027, eq. 3). The extended observation of 64 channels and 16 delays has 1024
rows, all of them shifted copies of the channels; so the channels are kept once and a bank of filters
is applied block by block.

All sums are in double precision. The search takes many decisions by thresholds and order; in single precision
the rounding of one processor's kernels or another's decided some of them, and other motor units were found.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Samples of the extended observation that are held at a time.
BLOCK = 256
#: Samples that a thread takes at a time.
STRIP = 16 * BLOCK
#: Variance, of 1, that is nothing.
RESOLUTION = 1e-5


class ExtendedSignal:
    """EMG with `extension` delayed copies of each channel.

    Rows of the extended observation are ordered delay by delay: row ``r * channels + c`` at sample
    ``t`` is ``emg[c, t - r]``; before the first sample it is zero.

    Parameters
    ----------
    emg : ndarray, shape (channels, samples)
        Conditioned EMG.
    extension : int
        Number of delays, the zero delay included.
    threads : int
        Threads to work on. The results do not depend on it.
    """

    def __init__(self, emg: np.ndarray, extension: int, threads: int = 1):
        self.channels, self.samples = emg.shape
        self.extension, self.threads = extension, threads
        self._padded = np.zeros((self.samples + extension - 1, self.channels))
        self._padded[extension - 1 :] = emg.T

    def each(self, task: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return the task's result for each item, worked out on the threads."""
        if self.threads == 1:
            return [task(item) for item in items]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(task, items))

    def _delayed(self, delay: int) -> np.ndarray:
        start = self.extension - 1 - delay
        return self._padded[start : start + self.samples]

    def covariance(self) -> np.ndarray:
        """Return the covariance of the extended observation, shape (rows, rows), in µV².

        It is block-Toeplitz (edges apart), so `extension` lagged correlations hold all of it.
        """
        now = self._delayed(0).T
        products = self.each(lambda delay: now @ self._delayed(delay), range(self.extension))
        lagged = [product / self.samples for product in products]
        blocks = np.empty((self.extension, self.channels, self.extension, self.channels))
        for row in range(self.extension):
            for column in range(self.extension):
                block = lagged[column - row] if column >= row else lagged[row - column].T
                blocks[row, :, column, :] = block
        rows = self.extension * self.channels
        return blocks.reshape(rows, rows)

    def apply(self, filters: np.ndarray) -> np.ndarray:
        """Return the sources of a bank of filters.

        Parameters
        ----------
        filters : ndarray, shape (rows, filters)

        Returns
        -------
        ndarray, shape (samples, filters)
        """
        # In memory the extended observation of a sample is one run of numbers, the oldest delay first.
        bank = filters.reshape(self.extension, self.channels, -1)[::-1].reshape(len(filters), -1)
        view = as_strided(self._padded, (self.samples, len(filters)), self._padded.strides)
        sources = np.empty((self.samples, bank.shape[1]))

        def multiply(first: int) -> None:
            # A block is copied so that it can be multiplied, and is small enough for the processor's cache.
            for start in range(first, min(first + STRIP, self.samples), BLOCK):
                block = np.ascontiguousarray(view[start : start + BLOCK])
                np.matmul(block, bank, out=sources[start : start + BLOCK])

        self.each(multiply, range(0, self.samples, STRIP))
        return sources

    def at(self, instants: np.ndarray) -> np.ndarray:
        """Return the extended observation at `instants` (sample indices), shape (instants, rows)."""
        rows = instants[:, None] + (self.extension - 1 - np.arange(self.extension))
        return self._padded[rows].reshape(len(instants), -1)


def whitening_matrix(covariance: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """Return the matrix that whitens the extended observation by principal components.

    Components whose variance is not above the mean of the smaller half of the eigenvalues are noise
    and are left out (Negro et al. 2016, section 2.3).

    Parameters
    ----------
    covariance : ndarray, shape (rows, rows)
    within : ndarray, shape (rows, directions), optional
        Whitening matrix of the signal that this one is the rest of: what that kept is whitened anew,
        without looking at noise again, which takes less than half the time.

    Returns
    -------
    ndarray, shape (rows, components)
        ``matrix.T @ observation`` has unit covariance.
    """
    if within is not None:
        kept_covariance = within.T @ (covariance @ within)
        variances, components = np.linalg.eigh(kept_covariance)
        kept = variances > RESOLUTION
        return within @ (components[:, kept] / np.sqrt(variances[kept]))
    variances, components = np.linalg.eigh(covariance)
    kept = variances > variances[: len(variances) // 2].mean()
    return components[:, kept] / np.sqrt(variances[kept])
