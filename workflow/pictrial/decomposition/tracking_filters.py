"""Tracking by reuse of separation filters: look for every recording's units in all others.

A unit's filter is ``C⁻¹ m``, with m the mean extended observation at its discharges and C a covariance of
the extended observation, of which only the components kept by the whitening count. m belongs to the unit;
C is what else there is, and that may differ between recordings. So it is a choice whose C a filter uses
elsewhere: that of its own recording (the filter as the decomposition left it), the mean over recordings,
or that of the recording to which it is applied.
"""

from dataclasses import dataclass, replace

import numpy as np

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.candidates import DecompositionSettings, rejection
from pictrial.decomposition.extension import ExtendedSignal, whitening_matrix
from pictrial.decomposition.interference import fit_potentials, potential_window, subtract_potentials
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import Discharges, detect_discharges
from pictrial.decomposition.separation import Separator
from pictrial.decomposition.tracking_sightings import (
    Origin,
    Potentials,
    Sighting,
    TrackingSettings,
    agreeing,
    join_units,
    own_sightings,
    potentials_of,
    similarities,
    stacked,
)
from pictrial.recordings.model import Recording

#: A silhouette that rises by less has stopped rising.
SMALLEST_RISE = 1e-3
#: Filters cannot tell these two apart: what was found under another name is no longer in the EMG.
ABSENT = "not recruited, or another unit here"


@dataclass(frozen=True)
class Start:
    """Where a reused filter leads: a train, and its median peak relative to the recording of origin."""

    train: np.ndarray | None = None
    height: float = 0.0


def reuse_filters(
    recordings: list[Recording],
    good: np.ndarray,
    decompositions: list[Decomposition],
    settings: DecompositionSettings,
    tracking: TrackingSettings,
) -> tuple[list[Sighting], list[list[Origin]]]:
    """Look for the units of every recording in all of them, and join those that coincide.

    Those of different recordings are joined only where their own potentials are similar, too.

    Parameters
    ----------
    recordings : list of Recording
        Conditioned recordings of one participant.
    good : ndarray of bool, shape (channels,)
        Channels that are good in all of them.
    decompositions : list of Decomposition
        One per recording.
    settings : DecompositionSettings
        Rules of acceptance.
    tracking : TrackingSettings
        Whose covariance the filters take, and what a unit found by them must fulfil.

    Returns
    -------
    sightings : list of Sighting
        One for every unit of every recording in every recording.
    groups : list of list of Origin
        Which of them are one motor unit of the participant.
    """
    rate = recordings[0].sampling_rate
    separators = [Separator(recording, good, settings) for recording in recordings]
    trains = [list(d.discharges.values()) for d in decompositions]
    names = [[(d.recording, unit) for unit in d.discharges] for d in decompositions]
    potentials = [potentials_of(r, good, t) for r, t in zip(recordings, trains, strict=True)]
    means = [_means(s.signal, t) * s.scale if t else None for s, t in zip(separators, trains, strict=True)]
    matrices = _whitenings(separators, tracking.whitening)
    sightings = []
    for target, separator in enumerate(separators):
        sightings += own_sightings(target, decompositions[target])
        others = [source for source in range(len(recordings)) if source != target]
        starts: list[Start] = []
        for source in others:
            mean = means[source]
            if mean is not None:
                matrix = matrices[{"source": source, "target": target}.get(tracking.whitening, 0)]
                starts += _applied(separator, matrix, mean)
        origins = [unit for source in others for unit in names[source]]
        own = stacked([potentials[source] for source in others])
        sightings += _sightings(target, separator, origins, starts, own, tracking)
    units = [unit for of_recording in names for unit in of_recording]
    similarity, ceiling = similarities(stacked(potentials), stacked(potentials), rate)
    alike = {
        (units[i], units[j]) for i, j in np.argwhere(similarity >= tracking.minimal_similarity * ceiling)
    }
    links = _links(sightings, settings, rate)
    return sightings, join_units(units, [link for link in links if link[1:] in alike])


def look_for_missing(
    recordings: list[Recording],
    good: np.ndarray,
    decompositions: list[Decomposition],
    groups: list[list[Origin]],
    settings: DecompositionSettings,
    tracking: TrackingSettings,
) -> list[Sighting]:
    """Look for the motor units of the participant in the recordings whose decomposition does not have them.

    The filters, with the covariance of the recording to which they are applied, are applied to its EMG
    without the units that were found there: a small unit is seen only once the others are gone.

    Parameters
    ----------
    groups : list of list of Origin
        Which units of the decompositions are one motor unit of the participant.
    recordings, good, decompositions, settings, tracking
        As for :func:`reuse_filters`.

    Returns
    -------
    list of Sighting
        One for every unit in every recording that has none of its group.
    """
    group_of = {unit: group for group in groups for unit in group}
    trains = [list(d.discharges.values()) for d in decompositions]
    names = [[(d.recording, unit) for unit in d.discharges] for d in decompositions]
    potentials = [potentials_of(r, good, t) for r, t in zip(recordings, trains, strict=True)]
    sightings = []
    for target, here in enumerate(names):
        missing = [
            (source, number)
            for source, there in enumerate(names)
            for number, unit in enumerate(there)
            if not set(group_of[unit]) & set(here)
        ]
        if not missing:
            continue
        separator = Separator(_without_units(recordings[target], trains[target], settings), good, settings)
        starts: list[Start] = []
        for source, recording in enumerate(recordings):
            wanted = [trains[source][number] for of, number in missing if of == source]
            if wanted:
                signal = ExtendedSignal(recording.emg[good], separator.extension)
                starts += _applied(separator, separator.whitening, _means(signal, wanted))
        origins = [names[source][number] for source, number in missing]
        own = stacked([potentials[source].of([number]) for source, number in missing])
        sightings += _sightings(target, separator, origins, starts, own, tracking)
    return sightings


def _without_units(
    recording: Recording, trains: list[np.ndarray], settings: DecompositionSettings
) -> Recording:
    if not trains:
        return recording
    extension = round(settings.extended_channels / len(recording.emg))
    before, after = potential_window(extension, recording.sampling_rate)
    potentials = fit_potentials(recording.emg, trains, before, after)
    return replace(recording, emg=subtract_potentials(recording.emg, trains, potentials, before))


def _whitenings(separators: list[Separator], whitening: str) -> list[np.ndarray]:
    """Return one whitening matrix per recording, or a single one for all."""
    if whitening != "pooled":
        return [separator.whitening for separator in separators]
    # Separators scale each recording to unit power, so that each has the same weight in the mean.
    return [whitening_matrix(np.mean([s.signal.covariance() for s in separators], axis=0))]


def _means(signal: ExtendedSignal, trains: list[np.ndarray]) -> np.ndarray:
    """Return the mean extended observation at the discharges of each train, shape (rows, trains)."""
    return np.stack([signal.at(train).mean(axis=0) for train in trains], axis=1)


def _applied(separator: Separator, matrix: np.ndarray, means: np.ndarray) -> list[Start]:
    """Apply the filters of units whose mean extended observations (µV) are the columns of `means`.

    The filters are scaled such that their sources are 1 on average at the discharges they come from.
    """
    vectors = matrix.T @ means
    filters = matrix @ (vectors / np.square(vectors).sum(axis=0))
    starts = []
    for source in np.ascontiguousarray(separator.signal.apply(filters * separator.scale).T):
        found = detect_discharges(source, separator.recording.sampling_rate)
        starts.append(Start(found.samples, float(np.median(source[found.samples]))) if found else Start())
    return starts


def _refined(
    separator: Separator, starts: list[Start]
) -> list[tuple[Discharges, np.ndarray, np.ndarray] | None]:
    """Refine each train on its own discharges until its silhouette stops rising, all as one bank.

    A step that leads to the train of another unit is not taken.

    Returns
    -------
    list of (Discharges, ndarray, ndarray) or None
        Discharges, heights of the source there, filter of shape (rows,).
    """
    rate, limit = separator.recording.sampling_rate, separator.settings.duplicate_agreement
    best: list[tuple[Discharges, np.ndarray, np.ndarray] | None] = [None] * len(starts)
    given = {index: start.train for index, start in enumerate(starts) if start.train is not None}
    trains = given
    for _ in range(separator.settings.refinements):
        if not trains:
            break
        vectors = separator.whitening.T @ _means(separator.signal, list(trains.values()))
        filters = separator.whitening @ (vectors / np.linalg.norm(vectors, axis=0))
        sources = np.ascontiguousarray(separator.signal.apply(filters).T)
        better = {}
        for index, row, source in zip(trains, filters.T, sources, strict=True):
            new, old = detect_discharges(source, rate), best[index]
            if not new or (old and new.silhouette <= old[0].silhouette + SMALLEST_RISE):
                continue
            if rate_of_agreement(new.samples, given[index], rate) > limit:
                best[index] = new, source[new.samples], row
                better[index] = new.samples
        trains = better
    return best


def _sightings(
    target: int,
    separator: Separator,
    origins: list[Origin],
    starts: list[Start],
    own: Potentials,
    tracking: TrackingSettings,
) -> list[Sighting]:
    """Refine and judge what was found in recording `target`, one start per unit of every other recording."""
    recording, settings = separator.recording, separator.settings
    refined = _refined(separator, starts)
    trains = [found[0].samples if found else np.empty(0, np.int64) for found in refined]
    similarity, ceiling = similarities(
        own, potentials_of(recording, separator.good, trains), recording.sampling_rate
    )
    sightings = []
    for number, (origin, start, found) in enumerate(zip(origins, starts, refined, strict=True)):
        if found is None:
            sightings.append(Sighting(origin, target, f"{ABSENT}: its filter finds no discharges"))
            continue
        discharges, heights, row = found
        similar, needed = similarity[number, number], tracking.minimal_similarity * ceiling[number, number]
        reasons = []
        if start.height < tracking.minimal_height:
            least = tracking.minimal_height
            reasons.append(f"{ABSENT}: peaks of its filter at {start.height:.0%}, {least:.0%} needed")
        if similar < needed:
            reasons.append(f"potentials differ: similarity {similar:.2f}, {needed:.2f} needed")
        reasons.append(rejection(discharges, recording.sampling_rate, settings))
        signal_filter = np.zeros((len(separator.good), separator.extension), np.float32)
        signal_filter[separator.good] = row.reshape(separator.extension, -1).T / separator.scale
        reason = "; ".join(filter(None, reasons))
        sightings.append(Sighting(origin, target, reason, discharges, heights, signal_filter, similar))
    return sightings


def _links(
    sightings: list[Sighting], settings: DecompositionSettings, sampling_rate: float
) -> list[tuple[float, Origin, Origin]]:
    """Link units of different recordings whose accepted sightings coincide in a recording."""
    links = []
    for target in sorted({sighting.recording for sighting in sightings}):
        accepted = [s for s in sightings if s.recording == target and not s.reason]
        trains = [sighting.samples for sighting in accepted]
        for i, j, agreement in agreeing(trains, sampling_rate, settings.duplicate_agreement):
            one, other = accepted[i].origin, accepted[j].origin
            if one[0] != other[0]:
                links.append((agreement, one, other))
    return links
