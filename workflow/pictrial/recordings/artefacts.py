"""Artefacts of electrical stimulation: when the pulses were, and EMG without what they leave in it."""

from dataclasses import dataclass

import numpy as np

from pictrial.recordings.model import Recording

LEVEL_WINDOW = 0.25  # s; the sharpness of the EMG itself is the highest median over a window of this length
REFRACTORY = 0.005  # s; a pulse begins before which nothing was sharp for so long
AGREEMENT = 0.005  # s; a trigger and an artefact at most this far apart are one pulse
NEIGHBOURS = 101  # pulses in a template, the pulse itself among them; with 21 their EMG became false units
FEWEST = 5  # pulses that make a template
LIKE_EMG = (1 / 3, 3.0)  # what is left over the EMG before the pulses, as ratio of RMS
TOLERATED = 0.1  # share of the channels that fail at a lag, above which all are blanked; of saturated pulses


@dataclass(frozen=True)
class Pulses:
    """The stimulation pulses of one recording.

    Attributes
    ----------
    onsets : ndarray, shape (pulses,)
        Ascending, in s: the triggers where the recording has some, otherwise the detected artefacts.
    source : str
        ``triggers``, ``detected`` or ``none``.
    artefacts : ndarray, shape (artefacts,)
        Onsets in s of the artefacts found in the signal.
    """

    onsets: np.ndarray
    source: str
    artefacts: np.ndarray

    @property
    def silent_triggers(self) -> np.ndarray:
        """Triggers without an artefact, in s; none where the pulses are detected artefacts."""
        return _without_match(self.onsets, self.artefacts)

    @property
    def stray_artefacts(self) -> np.ndarray:
        """Artefacts without a trigger, in s; none where the pulses are detected artefacts."""
        return _without_match(self.artefacts, self.onsets)


def find_pulses(recording: Recording, sharpness: float) -> Pulses:
    """Return the pulses of a recording: its triggers, or else the artefacts in its EMG.

    Parameters
    ----------
    recording : Recording
        Raw EMG (channels, samples).
    sharpness : float
        See :func:`detect_artefacts`.
    """
    artefacts = detect_artefacts(recording, sharpness)
    if recording.stimulation.size:
        return Pulses(recording.stimulation, "triggers", artefacts)
    return Pulses(artefacts, "detected" if artefacts.size else "none", artefacts)


def detect_artefacts(recording: Recording, sharpness: float) -> np.ndarray:
    """Return the onsets (s) of stimulation artefacts in raw EMG.

    What is measured is the third difference of the signal: an artefact begins within a sample, a
    motor-unit potential, however large, does not. A sample is sharp where the median channel's third
    difference, each over its own median, is `sharpness` times what it is in the recording's strongest
    EMG (the highest median over 0.25 s), so what only some channels see is none. In a real
    contraction the sharpest sample reaches 5 times that level, simulated artefacts of 3 mV 350 times.
    An artefact begins at a sharp sample before which none was for 5 ms.

    Parameters
    ----------
    recording : Recording
        Raw EMG (channels, samples) in any unit; channels without signal do not count.
    sharpness : float
        Threshold.
    """
    rough = np.abs(np.diff(recording.emg, n=3, axis=1))
    usual = np.median(rough, axis=1)
    alive = usual > 0
    if not alive.any():
        return np.empty(0)
    relative = np.sort(rough[alive] / usual[alive, None], axis=0)  # much faster than a median
    common = relative[len(relative) // 2]
    length = max(1, min(len(common), round(LEVEL_WINDOW * recording.sampling_rate)))
    whole = common[: len(common) // length * length].reshape(-1, length)
    level = np.median(whole, axis=1).max()
    sharp = np.flatnonzero(common > sharpness * level) + 3
    first = np.diff(sharp, prepend=-np.inf) > REFRACTORY * recording.sampling_rate
    return sharp[first] / recording.sampling_rate


def blanked_samples(recording: Recording, onsets: np.ndarray, before: float, after: float) -> np.ndarray:
    """Return which samples (samples,) lie from `before` (s) before to `after` (s) after a pulse."""
    rate = recording.sampling_rate
    steps = np.zeros(recording.n_samples + 1, dtype=np.int64)
    first = np.floor((onsets - before) * rate).astype(np.int64)
    last = np.ceil((onsets + after) * rate).astype(np.int64)
    np.add.at(steps, np.clip(first, 0, recording.n_samples), 1)
    np.add.at(steps, np.clip(last + 1, 0, recording.n_samples), -1)
    return np.cumsum(steps[:-1]) > 0


def interpolate(signals: np.ndarray, blanked: np.ndarray) -> np.ndarray:
    """Return float64 signals (channels, samples), linear over the blanked samples.

    A blanked stretch at an end of the recording takes the nearest value.
    """
    signals = np.asarray(signals, dtype=np.float64).copy()
    kept = np.flatnonzero(~blanked)
    if not blanked.any() or not kept.size:
        return signals
    gaps = np.flatnonzero(blanked)
    after = np.searchsorted(kept, gaps)
    left, right = kept[np.maximum(after - 1, 0)], kept[np.minimum(after, len(kept) - 1)]
    weight = np.divide(gaps - left, right - left, out=np.zeros(len(gaps)), where=right > left)
    signals[:, gaps] = signals[:, left] * (1 - weight) + signals[:, right] * weight
    return signals


def subtract_artefacts(
    recording: Recording, onsets: np.ndarray, before: float, after: float
) -> tuple[np.ndarray, np.ndarray]:
    """Subtract from each pulse its channels' templates, and tell where that did not work.

    A template is the median of the 101 nearest pulses' signal, each from its mean over the 10 ms before
    the pulse, and fades out over the last quarter of the window. For each pulse one factor, and one
    for the template's derivative (a pulse between two samples), are fitted to all channels by least
    squares. This fails at lags at which a channel is left with less than a third or more than three
    times the RMS of the 10 ms before the pulses (an artefact that varies) or is at its own extremes (an
    amplifier in saturation): there the channel becomes a straight line, and where a tenth of them do,
    all are to be blanked. A pulse that leaves more than three times the RMS is blanked whole.

    Parameters
    ----------
    recording : Recording
        Raw EMG (channels, samples).
    onsets : ndarray, shape (pulses,)
        In s.
    before, after : float
        Window around each pulse, in s.

    Returns
    -------
    emg : ndarray of float32, shape (channels, samples)
        EMG without the templates.
    blanked : ndarray of bool, shape (samples,)
        Samples at which the artefact is not gone.
    """
    rate, n_samples = recording.sampling_rate, recording.n_samples
    first, stop, rest = -int(np.ceil(before * rate)), int(np.ceil(after * rate)) + 1, round(0.01 * rate)
    starts = np.round(onsets * rate).astype(np.int64)
    inside = (starts + first - rest >= 0) & (starts + stop <= n_samples)
    blanked = blanked_samples(recording, onsets[~inside], before, after)
    starts = starts[inside]
    if len(starts) < FEWEST:
        return recording.emg, blanked_samples(recording, onsets, before, after)
    window = starts[:, None] + np.arange(first, stop)
    quiet = recording.emg[:, starts[:, None] + np.arange(first - rest, first)].astype(np.float64)
    offset = quiet.mean(axis=2, keepdims=True)
    quiet -= offset
    segments = recording.emg[:, window] - offset
    fade = np.minimum(1, np.arange(window.shape[1])[::-1] / (window.shape[1] / 4))
    left = np.empty_like(segments)
    for pulse in range(len(starts)):
        near = np.argsort(np.abs(starts - starts[pulse]), kind="stable")[:NEIGHBOURS]
        template = np.median(segments[:, near], axis=1) * fade
        waves = np.stack([template, np.gradient(template, axis=1)]).reshape(2, -1)
        factors = np.linalg.lstsq(waves.T, segments[:, pulse].ravel(), rcond=None)[0]
        left[:, pulse] = segments[:, pulse] - (factors @ waves).reshape(template.shape)
    emg = recording.emg.copy()
    emg[:, window] = left + offset
    odd, failed = _failures(recording.emg[:, window], left, quiet, recording)
    everywhere = failed.mean(axis=0) > TOLERATED
    blanked[window[odd]] = blanked[window[:, everywhere]] = True
    for channel in np.flatnonzero((failed & ~everywhere).any(axis=1)):
        gaps = np.zeros(n_samples, dtype=bool)
        gaps[window[:, failed[channel]]] = True
        emg[channel] = interpolate(emg[channel : channel + 1], gaps)[0]
    return emg, blanked


def _failures(
    raw: np.ndarray, left: np.ndarray, quiet: np.ndarray, recording: Recording
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pulses (pulses,) and which lags of which channels (channels, lags) are not rid of it.

    All but the recording have the shape (channels, pulses, lags). EMG before each pulse scales what is
    left of it, so that no pulse outweighs those in weaker EMG. Channels without signal do not fail.
    """
    low, high = (edge(axis=1)[:, None, None] for edge in (recording.emg.min, recording.emg.max))
    alive = (high > low)[:, 0, 0]
    size = np.maximum(quiet[alive].std(axis=(0, 2)), 1e-9)[:, None]
    odd = np.sqrt(np.mean((left[alive] / size) ** 2, axis=(0, 2))) > LIKE_EMG[1]
    kept = ~odd if not odd.all() else odd
    usual = np.sqrt(np.mean((quiet / size)[:, kept] ** 2, axis=(1, 2)))[:, None]
    ratio = np.sqrt(np.mean((left / size)[:, kept] ** 2, axis=1)) / np.maximum(usual, 1e-9)
    # One sample of each channel is at its extreme in any case, be it saturated or not.
    saturated = np.mean((raw <= low) | (raw >= high), axis=1) > max(TOLERATED, 2 / raw.shape[1])
    failed = (ratio < LIKE_EMG[0]) | (ratio > LIKE_EMG[1]) | saturated
    return odd, failed & alive[:, None]


def _without_match(onsets: np.ndarray, others: np.ndarray) -> np.ndarray:
    if not others.size:
        return onsets
    after = np.searchsorted(others, onsets)
    nearest = np.minimum(
        np.abs(onsets - others[np.maximum(after - 1, 0)]),
        np.abs(onsets - others[np.minimum(after, len(others) - 1)]),
    )
    return onsets[nearest > AGREEMENT]
