"""EMG without what NMES, vibration and the mains leave in it.

Each pulse is blanked with its artefact and M-wave. Vibration and mains are sinusoids, fitted to what is not
blanked and subtracted: a notch filter would ring where vibration begins and ends and where EMG was blanked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pictrial.errors import InputError
from pictrial.recordings.artefacts import blanked_samples, interpolate
from pictrial.recordings.conditioning import ConditioningSettings, bandpass, mains_frequency
from pictrial.recordings.model import Recording
from pictrial.vibstim.settings import CleaningSettings
from pictrial.vibstim.timing import Timing

SEGMENT = 2.0  # s; spectra are means over stretches of this length
#: The vibration stands out where the spectrum exceeds so many times its median; EMG stayed below 3.
PROMINENCE = 6.0
#: Where the fit of the harmonics is tried on EMG alone, in notch widths from them.
BESIDE = (-2, 2)


@dataclass(frozen=True)
class CleanEmg:
    """EMG of a VibStim recording without artefacts.

    Attributes
    ----------
    emg : ndarray, shape (samples,)
        µV; straight lines where it was blanked.
    blanked : ndarray of bool, shape (samples,)
        From before each pulse to after its M-wave.
    frequency : float
        Of the vibration in Hz; NaN where it left nothing in the EMG.
    beside : ndarray, shape (fits, samples)
        The same EMG after one more fit, beside the harmonics of vibration and mains, see `power`.
    """

    emg: np.ndarray
    blanked: np.ndarray
    frequency: float
    beside: np.ndarray

    def power(self, window: slice) -> float:
        """Return the mean square of the EMG in a window in µV², without blanked samples; NaN without any.

        With the harmonics a fit takes some of the EMG. What it takes beside them is EMG only, and the
        power is corrected by that share.
        """
        kept = ~self.blanked[window]
        if not kept.any():
            return np.nan
        power = float(np.mean(self.emg[window][kept] ** 2))
        beside = float(np.mean(self.beside[:, window][:, kept] ** 2))
        return power**2 / beside if beside > 0 else power


def clean_emg(
    recording: Recording, timing: Timing, conditioning: ConditioningSettings, settings: CleaningSettings
) -> CleanEmg:
    """Remove vibration and mains, blank the pulses with their M-waves, and band-pass the EMG.

    Sinusoids come first, from raw EMG: after blanking they would be there in pieces.

    Parameters
    ----------
    recording : Recording
        One EMG channel in µV.
    timing : Timing
        When there was vibration.
    conditioning : ConditioningSettings
        Band and mains.
    settings : CleaningSettings
        Blanking and harmonics.
    """
    rate, raw = recording.sampling_rate, recording.emg[0].astype(np.float64)
    blanked = blanked_samples(recording, recording.stimulation, settings.blank_before, settings.blank_after)
    times = np.arange(recording.n_samples) / rate
    vibrated = (times >= timing.onset) & (times < timing.end)
    frequency = vibration_frequency(raw, rate, timing, conditioning, settings)
    orders = np.arange(1, settings.harmonics + 1)
    vibration = frequency * orders[frequency * orders < conditioning.band_high]  # none where it is NaN
    mains = _mains(recording, blanked | vibrated, conditioning)

    def sinusoids(emg: np.ndarray, shift: float = 0.0) -> np.ndarray:
        frequencies = np.concatenate([mains, vibration]) + shift
        sometimes = np.arange(len(frequencies)) >= len(mains)
        present = vibrated[:, None] | ~sometimes
        return fitted_sinusoids(emg, frequencies, present, ~blanked, settings.notch_width, rate)

    emg = interpolate((raw - sinusoids(raw))[None], blanked)
    emg = bandpass(emg, recording, conditioning)[0]
    beside = np.stack([emg - sinusoids(emg, shift * settings.notch_width) for shift in BESIDE])
    return CleanEmg(emg, blanked, frequency, beside)


def vibration_frequency(
    emg: np.ndarray,
    rate: float,
    timing: Timing,
    conditioning: ConditioningSettings,
    settings: CleaningSettings,
) -> float:
    """Return the frequency of the vibration in raw EMG (samples,), in Hz; NaN where none stands out.

    It is where the power spectrum under vibration, between the bouts, most exceeds that without vibration,
    so that what is always there, such as the mains, does not count.

    Raises
    ------
    InputError
        Where the range to search is not within the EMG's band, or the bouts leave no 2 s of vibration.
    """
    low, high = settings.frequency_low, settings.frequency_high
    if settings.vibration_frequency is not None:
        low, high = 0.98 * settings.vibration_frequency, 1.02 * settings.vibration_frequency
    if not 0 < low < high < conditioning.band_high:
        rule = f"a vibration from {low:g} to {high:g} Hz is not within the EMG's band"
        raise InputError("vibstim.cleaning", rule, "Correct the frequencies of vibration or band.")
    edges = [timing.onset, *timing.bouts.ravel(), timing.end]
    under = mean_spectrum(emg, rate, edges[::2], edges[1::2])
    calm = mean_spectrum(emg, rate, [0.0, timing.end], [timing.onset, len(emg) / rate])
    if under is None:
        rule = f"the bouts leave no {SEGMENT:g} s of vibration to find its frequency in"
        raise InputError("vibstim.cleaning", rule, "Leave the recording out, or correct its events.")
    frequencies = np.linspace(0, rate / 2, len(under))
    searched = (frequencies >= low) & (frequencies <= high)
    excess = (under if calm is None else under - calm)[searched]
    best = int(np.clip(np.argmax(excess), 1, len(excess) - 2))
    if not excess[best] > PROMINENCE * np.median(under[searched]):
        return np.nan
    before, peak, after = excess[best - 1 : best + 2]
    curvature = before - 2 * peak + after  # the top of a parabola through the three is the frequency
    beside = 0.5 * (before - after) / curvature if curvature < 0 else 0.0
    return float(frequencies[searched][best] + beside * frequencies[1])


def mean_spectrum(
    emg: np.ndarray, rate: float, starts: Sequence[float], ends: Sequence[float]
) -> np.ndarray | None:
    """Return the power spectrum of EMG (samples,) over all 2 s within these stretches (s), None without any.

    Its shape is (frequencies,), from 0 to half the sampling rate.
    """
    from scipy.signal import welch

    length, spectra, weights = round(SEGMENT * rate), [], []
    for start, end in zip(starts, ends, strict=True):
        part = emg[round(start * rate) : round(end * rate)]
        if len(part) >= length:
            spectra.append(welch(part, rate, nperseg=length, nfft=16 * length)[1])
            weights.append(len(part))
    return np.average(spectra, axis=0, weights=weights) if spectra else None


def fitted_sinusoids(
    emg: np.ndarray,
    frequencies: np.ndarray,
    present: np.ndarray,
    kept: np.ndarray,
    width: float,
    rate: float,
) -> np.ndarray:
    """Return sinusoids of these frequencies, fitted to the kept samples of EMG.

    They are fitted together, with a line for what is slower, by least squares in windows of 1 / `width` s
    that overlap by half, and joined by a Hann taper, as line interference is in other recordings.

    Parameters
    ----------
    emg : ndarray, shape (samples,)
        µV.
    frequencies : ndarray, shape (frequencies,)
        Hz.
    present : ndarray of bool, shape (samples, frequencies)
        Where there is which.
    kept : ndarray of bool, shape (samples,)
        Which samples count.
    width : float
        Hz.
    rate : float
        Sampling rate, Hz.

    Returns
    -------
    ndarray, shape (samples,)
        µV; 0 where too few samples count to fit anything.
    """
    length = min(2 * round(rate / width / 2), len(emg))
    half, last = length // 2, len(emg) - length
    angle = 2 * np.pi * np.arange(length)[:, None] / rate * frequencies
    cosines, sines = np.cos(angle), np.sin(angle)
    line = np.column_stack([np.ones(length), np.linspace(-1, 1, length)])
    taper = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    total, weight = np.zeros(len(emg)), np.zeros(len(emg))
    known: dict[bytes, tuple] = {}  # most windows have the same waves and no blanked samples
    for start in (*range(0, last, half), last):
        window = slice(start, start + length)
        here, key = kept[window], present[window].tobytes() + kept[window].tobytes()
        if key not in known:
            waves = np.hstack([cosines * present[window], sines * present[window], line])
            counted = waves[here]
            known[key] = waves, counted, np.linalg.pinv(counted.T @ counted, 1e-10, hermitian=True)
        waves, counted, inverse = known[key]
        if len(counted) > 2 * waves.shape[1]:
            fit = inverse @ (counted.T @ emg[window][here])
            total[window] += waves[:, :-2] @ fit[:-2] * taper
        weight[window] += taper
    return total / weight


def blanking_gain(blanked: np.ndarray, maximal: Recording, settings: ConditioningSettings) -> float:
    """Return by which factor blanking changes the power of the EMG between the blanked stretches.

    The band-pass mixes each sample with its neighbours, of which straight lines are left. What that does
    depends on the muscle's spectrum, so the maximal contraction is blanked alike, and both are compared.

    Parameters
    ----------
    blanked : ndarray of bool, shape (samples,)
        Blanked samples of a window; not all.
    maximal : Recording
        One EMG channel.
    settings : ConditioningSettings
        Band.
    """
    pattern = np.resize(blanked, maximal.n_samples)
    whole = bandpass(maximal.emg, maximal, settings)[0, ~pattern]
    left = bandpass(interpolate(maximal.emg, pattern), maximal, settings)[0, ~pattern]
    return float(np.sum(left**2) / np.sum(whole**2))


def _mains(recording: Recording, left_out: np.ndarray, settings: ConditioningSettings) -> np.ndarray:
    """Return the harmonics of the mains within the EMG's band in Hz, as many as are to be removed."""
    orders = np.arange(1, settings.line_harmonics + 1)
    nominal = settings.line_frequency
    orders = orders[(nominal * orders > settings.band_low / 2) & (nominal * orders < settings.band_high)]
    if not orders.size or np.sum(~left_out) < recording.sampling_rate:
        return nominal * orders  # less than 1 s without vibration: too little to see its frequency
    emg = bandpass(interpolate(recording.emg, left_out), recording, settings)[:, ~left_out]
    return mains_frequency(emg, recording.sampling_rate, nominal, orders) * orders
