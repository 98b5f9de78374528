"""Motor-unit action potentials on the grid, by spike-triggered averaging."""

import numpy as np

#: Window of a potential around the discharge (s): as short as a potential, for the rest is noise.
BEFORE, AFTER = 0.01, 0.02
#: Discharges of one unit in two recordings may sit at different points of the potential, up to this (s).
LARGEST_SHIFT = 0.015


def spike_triggered_average(emg: np.ndarray, samples: np.ndarray, sampling_rate: float) -> np.ndarray:
    """Return the mean EMG around the discharges, each channel's mean removed.

    Parameters
    ----------
    emg : ndarray, shape (channels, samples)
        Conditioned EMG in µV.
    samples : ndarray of int64, shape (discharges,)
        Those whose window does not lie inside the recording are left out.
    sampling_rate : float
        Hz.

    Returns
    -------
    ndarray, shape (channels, window)
        µV.
    """
    before, after = round(BEFORE * sampling_rate), round(AFTER * sampling_rate)
    inside = samples[(samples >= before) & (samples < emg.shape[1] - after)]
    potential = np.zeros((len(emg), before + after))
    for sample in inside:
        potential += emg[:, sample - before : sample + after]
    return (potential - potential.mean(axis=1, keepdims=True)) / max(1, len(inside))


def potential_similarity(a: np.ndarray, b: np.ndarray, sampling_rate: float) -> float:
    """Return the highest normalised correlation of two potentials over channels and time.

    The potentials may be shifted in time against each other, all channels alike.

    Parameters
    ----------
    a, b : ndarray, shape (channels, window)

    Returns
    -------
    float
        At most 1; 0 where a potential is zero.
    """
    energy = np.sqrt(np.sum(a**2) * np.sum(b**2))
    if energy == 0:
        return 0.0
    window = a.shape[1]
    length = 2 * window
    spectra = np.fft.rfft(a, length) * np.conj(np.fft.rfft(b, length))
    correlation = np.fft.irfft(spectra.sum(axis=0), length)
    shift = round(LARGEST_SHIFT * sampling_rate)
    return float(max(correlation[: shift + 1].max(), correlation[-shift:].max()) / energy)
