"""Units whose discharges are given, by an editor or another tool: filter, source and quality follow."""

from dataclasses import replace

import numpy as np

from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import REFRACTORY_PERIOD, Discharges
from pictrial.decomposition.separation import Candidate, Separator
from pictrial.errors import InputError


def units_at(separator: Separator, discharges: dict[str, np.ndarray]) -> dict[str, Candidate]:
    """Return units with exactly these discharges: filter, quality and heights follow from them.

    Parameters
    ----------
    separator : Separator
        The recording.
    discharges : dict of str to ndarray of int64
        Ascending sample indices, at least one in each unit.

    Raises
    ------
    InputError
        Where the source at a unit's discharges has no peaks that stand out.
    """
    vectors = np.stack([separator.mean_vector(samples) for samples in discharges.values()], axis=1)
    units: dict[str, Candidate] = {}
    for unit, candidate in zip(discharges, separator.candidates(vectors), strict=True):
        if candidate is None:
            rule = f"the discharges given for {unit} are not those of a source in this recording"
            raise InputError(separator.recording.source, rule, "Remove the unit, or correct its discharges.")
        units[unit] = candidate
    sources = _sources(separator.signal_filters(list(units.values())), separator.recording.emg)
    for (unit, samples), source in zip(discharges.items(), sources, strict=True):
        found = quality_at(source, samples, separator.recording.sampling_rate)
        units[unit] = replace(units[unit], discharges=found, heights=source[samples])
    return units


def quality_at(source: np.ndarray, samples: np.ndarray, sampling_rate: float) -> Discharges:
    """Return silhouette and pulse-to-noise ratio of a source whose discharges are given.

    As `detect_discharges` defines them; the other peaks are those not within half the refractory
    period of a discharge. For discharges that it detected, the values are the same.
    """
    from scipy.signal import find_peaks

    power = np.square(np.maximum(source, 0))
    gap = max(1, int(REFRACTORY_PERIOD * sampling_rate))
    peaks = find_peaks(power, distance=gap)[0]
    bounds = np.concatenate([[-np.inf], samples, [np.inf]])
    right = np.searchsorted(samples, peaks) + 1
    others = power[peaks[np.minimum(peaks - bounds[right - 1], bounds[right] - peaks) > gap // 2]]
    heights = power[samples]
    within = np.sum((heights - heights.mean()) ** 2)
    between = np.sum((heights - others.mean()) ** 2) if len(others) else np.nan
    elsewhere = (np.square(source).sum() - heights.sum()) / (len(source) - len(samples))
    with np.errstate(divide="ignore"):
        ratio = 10 * np.log10(heights.mean() / elsewhere)
    return Discharges(samples, float((between - within) / max(between, within)), float(ratio))


def pulse_trains_of(decomposition: Decomposition, emg: np.ndarray) -> np.ndarray:
    """Return the squared sources with their sign, shape (units, samples), 1 high at a mean discharge."""
    sources = _sources(decomposition.filters, emg)
    trains = sources * np.abs(sources)
    heights = [train[s].mean() for train, s in zip(trains, decomposition.discharges.values(), strict=True)]
    return trains / np.array(heights, np.float32)[:, None]


def _sources(filters: np.ndarray, emg: np.ndarray) -> np.ndarray:
    """Return ``source[t] = sum_{c,r} filter[c, r] * emg[c, t - r]``, shape (units, samples)."""
    sources = np.zeros((len(filters), emg.shape[1]), np.float32)
    for delay in range(filters.shape[2]):
        sources[:, delay:] += filters[:, :, delay] @ emg[:, : emg.shape[1] - delay]
    return sources
