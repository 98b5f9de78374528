"""Motor-unit action potentials on the grid, by spike-triggered averaging."""

import numpy as np

#: Window of a potential around the discharge (s): as short as a potential, for the rest is noise.
BEFORE, AFTER = 0.01, 0.02
#: Discharges of one unit in two recordings may sit at different points of the potential, up to this (s).
LARGEST_SHIFT = 0.015


def spike_triggered_average(
    emg: np.ndarray, samples: np.ndarray, sampling_rate: float, margin: float = 0.0
) -> np.ndarray:
    """Return the mean EMG around the discharges, each channel's mean removed.

    Parameters
    ----------
    emg : ndarray, shape (channels, samples)
        Conditioned EMG in µV.
    samples : ndarray of int64, shape (discharges,)
        Those whose window does not lie inside the recording are left out.
    sampling_rate : float
        Hz.
    margin : float
        s by which the window is longer at both ends.

    Returns
    -------
    ndarray, shape (channels, window)
        µV.
    """
    before, after = (round((end + margin) * sampling_rate) for end in (BEFORE, AFTER))
    inside = samples[(samples >= before) & (samples < emg.shape[1] - after)]
    potential = np.zeros((len(emg), before + after))
    for sample in inside:
        potential += emg[:, sample - before : sample + after]
    return (potential - potential.mean(axis=1, keepdims=True)) / max(1, len(inside))


def potential_similarity(a: np.ndarray, b: np.ndarray, sampling_rate: float) -> np.ndarray:
    """Return the highest normalised correlation of potentials over channels and time.

    The potentials may be shifted in time against each other, all channels alike.

    Parameters
    ----------
    a, b : ndarray, shape (..., channels, window)
        One potential each, or stacks whose leading axes are broadcast against each other.

    Returns
    -------
    ndarray, shape (...)
        At most 1; 0 where a potential is zero.
    """
    energy = np.sqrt(np.sum(a**2, axis=(-2, -1)) * np.sum(b**2, axis=(-2, -1)))
    length = 2 * a.shape[-1]
    spectra = np.einsum("...cf,...cf->...f", np.fft.rfft(a, length), np.conj(np.fft.rfft(b, length)))
    correlation = np.fft.irfft(spectra, length)
    shift = round(LARGEST_SHIFT * sampling_rate)
    highest = np.maximum(correlation[..., : shift + 1].max(axis=-1), correlation[..., -shift:].max(axis=-1))
    return np.divide(highest, energy, out=np.zeros_like(highest), where=energy > 0)


def potential_reliability(odd: np.ndarray, even: np.ndarray) -> float:
    """Return the split-half reliability of a spike-triggered average, between 0 and 1.

    The averages over every other discharge correlate by r; that over all has the reliability 2 r / (1 + r)
    (Spearman 1910, Br J Psychol 3:271). Noise lowers the correlation of two averages of one unit to about
    the root of the product of their reliabilities.

    Parameters
    ----------
    odd, even : ndarray, shape (channels, window)
        Averages over the first, third, … and over the second, fourth, … discharge.
    """
    energy = np.sqrt(np.sum(odd**2) * np.sum(even**2))
    r = max(0.0, float(np.sum(odd * even) / energy)) if energy > 0 else 0.0
    return 2 * r / (1 + r)
