"""Units whose discharges are given, by an editor or another tool: filters, sources and quality follow."""

from dataclasses import replace

import numpy as np
import pandas as pd

from pictrial.decomposition.candidates import Candidate, describe
from pictrial.decomposition.joint import sources_of
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import REFRACTORY_PERIOD, Discharges, silhouette_of_classes
from pictrial.decomposition.separation import Separator


def decomposition_at(separator: Separator, discharges: dict[str, np.ndarray]) -> Decomposition:
    """Return the decomposition with exactly these discharges: each unit in the EMG without the others.

    Parameters
    ----------
    separator : Separator
        The recording.
    discharges : dict of str to ndarray of int64
        Ascending sample indices of all units, at least one in each and at least one unit.

    Returns
    -------
    Decomposition
        All units count as accepted, whatever their quality.
    """
    recording = separator.recording
    nothing = np.empty(0)
    given = [Candidate(nothing, Discharges(s, np.nan, np.nan), nothing) for s in discharges.values()]
    units = separator.with_joint_filters(given)
    decomposition = Decomposition(
        recording=recording.name,
        sampling_rate=recording.sampling_rate,
        n_samples=recording.n_samples,
        discharges=discharges,
        sources={name: unit.heights for name, unit in zip(discharges, units, strict=True)},
        filters=separator.signal_filters(units),
        quality=pd.DataFrame(),
    )
    rows = []
    sources = sources_of(decomposition, recording.emg)
    for (name, samples), source in zip(discharges.items(), sources, strict=True):
        found = quality_at(source, samples, recording.sampling_rate)
        rows.append(describe(name, found, recording.sampling_rate, "", recording.name))
    return replace(decomposition, quality=pd.DataFrame(rows))


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
    others = peaks[np.minimum(peaks - bounds[right - 1], bounds[right] - peaks) > gap // 2]
    both = np.concatenate([samples, others])
    silhouette = silhouette_of_classes(power[both], np.arange(len(both)) < len(samples))
    at_discharges = power[samples].mean()
    elsewhere = (np.square(source).sum() - power[samples].sum()) / (len(source) - len(samples))
    with np.errstate(divide="ignore"):
        ratio = 10 * np.log10(at_discharges / elsewhere)
    return Discharges(samples, silhouette, float(ratio))


def pulse_trains_of(decomposition: Decomposition, emg: np.ndarray) -> np.ndarray:
    """Return the squared sources with their sign, shape (units, samples), 1 high at a mean discharge."""
    sources = sources_of(decomposition, emg)
    trains = sources * np.abs(sources)
    heights = [train[s].mean() for train, s in zip(trains, decomposition.discharges.values(), strict=True)]
    return trains / np.array(heights)[:, None]
