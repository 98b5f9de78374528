"""From raw to clean: EMG without stimulation artefacts, drift and line interference; torque in % MVC."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pictrial.errors import InputError
from pictrial.recordings.artefacts import (
    Pulses,
    blanked_samples,
    find_pulses,
    interpolate,
    subtract_artefacts,
)
from pictrial.recordings.model import Recording

ARTEFACT_TREATMENTS = ("blank", "subtract", "none")
CHANNEL_BLOCK = 16  # channels that are held in double precision at once
#: The mains may be this share away from their nominal frequency (EN 50160: 1 %).
LINE_DRIFT = 0.01
#: They are sought where they stand out by this many standard deviations; noise stayed below 4 in 120 trials.
LINE_DEVIATIONS = 6.0


@dataclass(frozen=True)
class ConditioningSettings:
    """How EMG and torque are conditioned.

    Attributes
    ----------
    band_low, band_high : float
        Edges of the EMG's band in Hz (20 and 500: the habit of HD-EMG decomposition).
    order : int
        Order of the Butterworth filters; run forwards and backwards, so that the lag is zero.
    line_frequency : float
        Frequency of the mains in Hz; 0 leaves line interference in.
    line_harmonics : int
        How many harmonics are removed, the first being `line_frequency`; those outside the band are not.
    line_window : float
        Length in s of the windows in which line interference is fitted; its inverse is the width in Hz
        of what is removed.
    torque_lowpass : float
        Edge of the torque's low-pass in Hz.
    rest_window : float
        Length in s of the window that defines rest.
    maximal_window : float
        Length in s of the window whose highest mean is the maximal torque.
    artefact : str
        What is done about stimulation artefacts: ``blank``, ``subtract`` or ``none``.
    artefact_sharpness : float
        How much sharper than the strongest EMG an artefact is; where a recording has no triggers.
    blank_before, blank_after : float
        What is blanked (or subtracted) before and after the onset of a stimulation pulse, in s.
    """

    band_low: float = 20.0
    band_high: float = 500.0
    order: int = 2
    line_frequency: float = 50.0
    line_harmonics: int = 10
    line_window: float = 1.0
    torque_lowpass: float = 15.0
    rest_window: float = 1.0
    maximal_window: float = 0.5
    artefact: str = "subtract"
    artefact_sharpness: float = 12.0
    blank_before: float = 0.001
    blank_after: float = 0.015

    def __post_init__(self):
        if self.artefact not in ARTEFACT_TREATMENTS:
            known = ", ".join(ARTEFACT_TREATMENTS)
            raise InputError("conditioning.artefact", f"{self.artefact!r} is unknown", f"Use {known}.")


def condition_emg(
    recording: Recording, good: np.ndarray, settings: ConditioningSettings
) -> tuple[Recording, float]:
    """Remove stimulation artefacts, band-pass the EMG, remove line interference, set bad channels to zero.

    Artefacts come first: one that reaches a filter rings far beyond its own length.

    Parameters
    ----------
    recording : Recording
        EMG (channels, samples) in µV.
    good : ndarray of bool, shape (channels,)
        Channels to keep.
    settings : ConditioningSettings
        Bands in Hz, windows in s.

    Returns
    -------
    Recording
        The same recording with conditioned EMG; `stimulation` holds the pulses that were found.
    float
        Share of the samples that were blanked, 0 to 1.

    Raises
    ------
    InputError
        Where the band does not fit the sampling rate, or the recording is too short to filter.
    """
    good = np.asarray(good, dtype=bool)
    if good.shape != (len(recording.channel_names),):
        raise ValueError(f"good has shape {good.shape}, not ({len(recording.channel_names)},)")
    raw, blanked, pulses = without_artefacts(recording, settings)
    conditioned = np.zeros_like(recording.emg, dtype=np.float32)
    for block in channel_blocks(np.flatnonzero(good)):
        emg = bandpass(interpolate(raw[block], blanked), recording, settings)
        conditioned[block] = emg - line_interference(emg, recording.sampling_rate, settings)
    return replace(recording, emg=conditioned, stimulation=pulses.onsets), float(blanked.mean())


def without_artefacts(
    recording: Recording, settings: ConditioningSettings
) -> tuple[np.ndarray, np.ndarray, Pulses]:
    """Return raw EMG (channels, samples), the samples (samples,) that are to be blanked, and the pulses."""
    pulses = find_pulses(recording, settings.artefact_sharpness)
    if settings.artefact == "none":
        return recording.emg, np.zeros(recording.n_samples, dtype=bool), pulses
    window = (pulses.onsets, settings.blank_before, settings.blank_after)
    if settings.artefact == "blank":
        return recording.emg, blanked_samples(recording, *window), pulses
    return *subtract_artefacts(recording, *window), pulses


def channel_blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the channels in blocks, so that memory does not grow with their number."""
    for start in range(0, len(rows), CHANNEL_BLOCK):
        yield rows[start : start + CHANNEL_BLOCK]


def bandpass(emg: np.ndarray, recording: Recording, settings: ConditioningSettings) -> np.ndarray:
    """Return EMG (channels, samples) after the zero-lag Butterworth band-pass, in float64."""
    from scipy.signal import butter, sosfiltfilt

    rate, edges = recording.sampling_rate, (settings.band_low, settings.band_high)
    if not 0 < edges[0] < edges[1] < rate / 2:
        rule = f"a band of {edges[0]:g} to {edges[1]:g} Hz does not fit a sampling rate of {rate:g} Hz"
        raise InputError(recording.source, rule, "Change band_low and band_high.")
    if recording.duration < 1:
        raise InputError(
            recording.source, f"it lasts {recording.duration:g} s, less than 1 s", "Record longer."
        )
    sections = butter(settings.order, edges, "bandpass", fs=rate, output="sos")
    return sosfiltfilt(sections, emg, axis=-1)


def line_interference(emg: np.ndarray, rate: float, settings: ConditioningSettings) -> np.ndarray:
    """Return the line interference in EMG (channels, samples).

    Its frequency is estimated first, see :func:`mains_frequency`: 0.3 % off is beside the eighth harmonic.
    In windows that overlap by half, sinusoids are fitted by least squares at the harmonics of the line
    and, to know what EMG has there anyway, at four frequencies beside each. Per channel and harmonic
    the fit is weighted by Wiener's rule, ``1 - background / power`` but not below 0, so that EMG
    without interference is left as it is; a Hann taper joins the windows. Nothing rings beyond a window.
    """
    interference = np.zeros_like(emg)
    orders = np.arange(1, settings.line_harmonics + 1)
    nominal = settings.line_frequency * orders
    orders = orders[(nominal > settings.band_low / 2) & (nominal < min(settings.band_high, rate / 2))]
    n_samples, half = emg.shape[-1], round(settings.line_window * rate / 2)
    if not orders.size or settings.line_frequency <= 0 or n_samples < 2 * half:
        return interference
    harmonics = mains_frequency(emg, rate, settings.line_frequency, orders) * orders
    beside = np.array([0, -3, -2, 2, 3])[:, None] / settings.line_window
    angle = 2 * np.pi * np.arange(2 * half)[:, None] / rate * (harmonics + beside).ravel()
    waves = np.hstack([np.cos(angle), np.sin(angle)])
    fit = np.linalg.pinv(waves).T
    windows = [slice(n, n + 2 * half) for n in (*range(0, n_samples - 2 * half, half), n_samples - 2 * half)]
    amplitudes = np.stack([emg[:, window] @ fit for window in windows])
    amplitudes = amplitudes.reshape(len(windows), len(emg), 2, len(beside), len(harmonics))
    power = np.mean(amplitudes**2, axis=(0, 2))
    at_line, background = power[:, 0], power[:, 1:].mean(axis=1)
    share = np.divide(background, at_line, out=np.ones_like(at_line), where=at_line > 0)
    fitted = amplitudes[..., 0, :] * np.maximum(1 - share, 0)[None, :, None, :]
    fitted = fitted.reshape(len(windows), len(emg), -1)
    at_line_waves = waves.reshape(2 * half, 2, len(beside), -1)[:, :, 0].reshape(2 * half, -1).T
    taper = np.sin(np.pi * (np.arange(2 * half) + 0.5) / (2 * half)) ** 2
    weight = np.zeros(n_samples)
    for window, amplitude in zip(windows, fitted, strict=True):
        interference[:, window] += amplitude @ at_line_waves * taper
        weight[window] += taper
    return interference / weight


def mains_frequency(emg: np.ndarray, rate: float, nominal: float, orders: np.ndarray) -> float:
    """Return the frequency of the mains in EMG (channels, samples), in Hz as the recorder's clock counts it.

    It is the one whose harmonics (`orders`) have the highest mean log power, in spectra of windows of 8 s.
    Where it does not stand out from the others within four times as far, it is the nominal one.
    """
    from scipy.signal import welch

    steps = np.arange(-400, 401) / 100 * LINE_DRIFT
    candidates = nominal * (1 + steps)
    frequencies, power = welch(emg, rate, nperseg=min(round(8 * rate), emg.shape[-1]))
    levels = np.log(power + np.finfo(float).tiny).mean(axis=0)
    at_harmonics = np.stack([np.interp(order * candidates, frequencies, levels) for order in orders])
    score = np.mean(at_harmonics - np.median(at_harmonics, axis=1, keepdims=True), axis=0)
    score -= np.median(score)
    deviation = 1.4826 * np.median(np.abs(score))
    score[np.abs(steps) > LINE_DRIFT] = -np.inf
    best = np.argmax(score)
    return float(candidates[best]) if score[best] > LINE_DEVIATIONS * deviation else nominal


def condition_torque(
    recording: Recording, settings: ConditioningSettings, maximal_torque: float | None = None
) -> np.ndarray:
    """Low-pass the torque, remove its rest offset, and express it in % MVC.

    Rest is the quietest window (smallest SD) of ``rest_window`` s among those whose mean lies in the
    lowest fifth of the range; the offset is its mean.

    Parameters
    ----------
    recording : Recording
        Torque (samples,) in N.m or % MVC.
    settings : ConditioningSettings
        Low-pass in Hz, windows in s.
    maximal_torque : float or None
        Torque of the maximal voluntary contraction in N.m; not needed for torque in % MVC.

    Returns
    -------
    ndarray, shape (samples,)
        Torque in % MVC.

    Raises
    ------
    InputError
        Where there is no torque, or it is in N.m and there is no positive maximal torque.
    """
    torque = _at_rest_zero(recording, settings)
    if recording.torque_unit == "% MVC":
        return torque
    if maximal_torque is None or not maximal_torque > 0:
        rule = f"torque is in {recording.torque_unit} and the maximal torque is {maximal_torque}"
        raise InputError(recording.source, rule, "Give an MVC recording of the session.")
    return 100 * torque / maximal_torque


def maximal_torque(recording: Recording, settings: ConditioningSettings) -> float:
    """Return the maximal torque in N.m: the highest mean over ``maximal_window`` s of an MVC recording.

    Raises
    ------
    InputError
        Where there is no torque in N.m, or it never rises above rest.
    """
    if recording.torque is not None and recording.torque_unit != "N.m":
        rule = f"torque of the MVC is in {recording.torque_unit}, not in N.m"
        raise InputError(recording.source, rule, "An MVC that is already scaled cannot scale others.")
    highest = float(
        _moving_mean(_at_rest_zero(recording, settings), recording, settings.maximal_window).max()
    )
    if not highest > 0:
        raise InputError(recording.source, "torque never rises above rest", "Check the sign of the torque.")
    return highest


def _at_rest_zero(recording: Recording, settings: ConditioningSettings) -> np.ndarray:
    from scipy.signal import butter, sosfiltfilt

    if recording.torque is None:
        raise InputError(
            recording.source, "there is no torque", "Record torque, or leave this recording out."
        )
    edge = settings.torque_lowpass
    sections = butter(settings.order, edge, "lowpass", fs=recording.sampling_rate, output="sos")
    torque = sosfiltfilt(sections, np.asarray(recording.torque, dtype=np.float64))
    mean = _moving_mean(torque, recording, settings.rest_window)
    variance = _moving_mean((torque - torque.mean()) ** 2, recording, settings.rest_window)
    variance -= (mean - torque.mean()) ** 2
    low = mean <= mean.min() + 0.2 * np.ptp(mean)
    return torque - mean[low][np.argmin(variance[low])]


def _moving_mean(values: np.ndarray, recording: Recording, seconds: float) -> np.ndarray:
    length = round(seconds * recording.sampling_rate)
    if len(values) < length:
        raise InputError(recording.source, f"it is shorter than {seconds:g} s", "Record longer.")
    total = np.concatenate([[0.0], np.cumsum(values)])
    return (total[length:] - total[:-length]) / length
