"""Tracking motor units across the recordings of one participant: the same unit, the same name.

Several ways lead to the same result: matched potentials, reused filters, both, and joint decomposition. In
none is a recording the reference, so no condition is: what is found in any recording is matched or looked for
in every other one, and the order of the recordings does not matter.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from pictrial.decomposition.candidates import DecompositionSettings, describe
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.potentials import potential_similarity
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.tracking_filters import look_for_missing, reuse_filters
from pictrial.decomposition.tracking_joint import decompose_jointly
from pictrial.decomposition.tracking_potentials import match_potentials
from pictrial.decomposition.tracking_sightings import (
    Origin,
    Sighting,
    TrackingSettings,
    agreeing,
    potentials_of,
)
from pictrial.errors import InputError
from pictrial.recordings.model import Recording


def track_units(
    recordings: list[Recording],
    good: list[np.ndarray],
    decompositions: list[Decomposition],
    settings: DecompositionSettings,
    tracking: TrackingSettings,
) -> list[Decomposition]:
    """Find the motor units of each recording in all the others, and give each unit one name.

    Channels that are bad in one recording are used in none.

    Parameters
    ----------
    recordings : list of Recording
        Conditioned recordings of one participant with the same channels.
    good : list of ndarray of bool, shape (channels,)
        Channels to use in each.
    decompositions : list of Decomposition
        One per recording.
    settings : DecompositionSettings
        Rules of acceptance and of duplicates, the same as in the decomposition.
    tracking : TrackingSettings

    Returns
    -------
    list of Decomposition
        One per recording; the same unit name means the same motor unit. `quality` has a row for every
        unit of the participant, with the reason where it is not accepted in a recording.

    Raises
    ------
    InputError
        Where fewer than half of the channels are good in all recordings.
    """
    common = _common_channels(recordings, good)
    # Ties are broken by names, so the recordings' order cannot matter once they are sorted.
    order = sorted(range(len(recordings)), key=lambda index: recordings[index].name)
    recordings = [recordings[index] for index in order]
    decompositions = [decompositions[index] for index in order]
    sightings, groups = _follow(recordings, common, decompositions, settings, tracking)
    units = _named(sightings, groups, len(recordings))
    units = _without_duplicates(units, recordings, settings)
    tracked = _collect(units, recordings, common, decompositions)
    return [tracked[order.index(index)] for index in range(len(order))]


def _follow(
    recordings: list[Recording],
    good: np.ndarray,
    decompositions: list[Decomposition],
    settings: DecompositionSettings,
    tracking: TrackingSettings,
) -> tuple[list[Sighting], list[list[Origin]]]:
    """Follow the units in the way that is set."""
    if tracking.method == "filters":
        return reuse_filters(recordings, good, decompositions, settings, tracking)
    if tracking.method == "joint":
        return decompose_jointly(recordings, good, settings)
    sightings, groups = match_potentials(recordings, good, decompositions, tracking)
    if tracking.method == "combined":
        # The later sighting of a unit in a recording is the one that counts.
        sightings += look_for_missing(recordings, good, decompositions, groups, settings, tracking)
    return sightings, groups


def _common_channels(recordings: list[Recording], good: list[np.ndarray]) -> np.ndarray:
    common = np.logical_and.reduce(good)
    if common.mean() < 0.5:
        raise InputError(
            ", ".join(recording.name for recording in recordings),
            f"only {common.sum()} of {common.size} channels are good in all recordings of the participant",
            "Exclude the recording with the most bad channels in the plan, with a reason.",
        )
    return common


def _named(
    sightings: list[Sighting], groups: list[list[Origin]], n_recordings: int
) -> dict[str, list[Sighting]]:
    """Name each group by its first discharge, and take its best sighting in each recording."""
    at: dict[tuple[Origin, int], Sighting] = {(s.origin, s.recording): s for s in sightings}
    best = []
    for group in groups:
        chosen = []
        for recording in range(n_recordings):
            there = [at[unit, recording] for unit in sorted(group)]
            chosen.append(max(there, key=lambda s: (not s.reason, s.silhouette, s.similarity)))
        best.append(chosen)
    best.sort(key=lambda chosen: (_first_discharge(chosen), chosen[0].origin))
    return {f"MU{number:02d}": chosen for number, chosen in enumerate(best, 1)}


def _first_discharge(chosen: list[Sighting]) -> float:
    return min((s.samples[0] for s in chosen if not s.reason), default=np.inf)


def _without_duplicates(
    units: dict[str, list[Sighting]], recordings: list[Recording], settings: DecompositionSettings
) -> dict[str, list[Sighting]]:
    """Refuse in each recording the units that share their discharges with one of higher silhouette."""
    result = {name: list(chosen) for name, chosen in units.items()}
    for index, recording in enumerate(recordings):
        names = [name for name, chosen in units.items() if not chosen[index].reason]
        names.sort(key=lambda name: -units[name][index].silhouette)
        trains = [units[name][index].samples for name in names]
        kept = list(names)
        for better, worse, _ in agreeing(trains, recording.sampling_rate, settings.duplicate_agreement):
            if names[better] in kept and names[worse] in kept:
                kept.remove(names[worse])
                reason = f"duplicate of {names[better]} in this recording"
                result[names[worse]][index] = replace(result[names[worse]][index], reason=reason)
    return result


def _collect(
    units: dict[str, list[Sighting]],
    recordings: list[Recording],
    good: np.ndarray,
    decompositions: list[Decomposition],
) -> list[Decomposition]:
    """Make one decomposition per recording, with a row for every unit."""
    similarity = _similarity_elsewhere(units, recordings, good)
    result = []
    for index, (recording, decomposition) in enumerate(zip(recordings, decompositions, strict=True)):
        rows = []
        accepted: dict[str, Sighting] = {}
        for number, (name, chosen) in enumerate(units.items()):
            sighting = chosen[index]
            if not sighting.reason:
                accepted[name] = sighting
            discharges = sighting.discharges or Discharges(sighting.samples, np.nan, np.nan)
            rate, origin = recording.sampling_rate, sighting.origin[0]
            rows.append(describe(name, discharges, rate, sighting.reason, origin, similarity[number, index]))
        filters = [sighting.signal_filter for sighting in accepted.values()]
        result.append(
            Decomposition(
                recording=recording.name,
                sampling_rate=recording.sampling_rate,
                n_samples=recording.n_samples,
                discharges={name: sighting.samples for name, sighting in accepted.items()},
                sources={name: sighting.heights for name, sighting in accepted.items()},
                filters=np.stack(filters) if filters else decomposition.filters[:0],
                quality=pd.DataFrame(rows),
            )
        )
    return result


def _similarity_elsewhere(
    units: dict[str, list[Sighting]], recordings: list[Recording], good: np.ndarray
) -> np.ndarray:
    """Return how similar each unit's potential is to those in the other recordings that have the unit.

    Returns
    -------
    ndarray, shape (units, recordings)
        Means over the other recordings; NaN where there is none or the unit has no discharge here.
    """
    rate = recordings[0].sampling_rate
    averages = [
        potentials_of(recording, good, [chosen[index].samples for chosen in units.values()]).averages
        for index, recording in enumerate(recordings)
    ]
    result = np.full((len(units), len(recordings)), np.nan)
    for number, chosen in enumerate(units.values()):
        for here, sighting in enumerate(chosen):
            others = [i for i, other in enumerate(chosen) if i != here and not other.reason]
            if others and len(sighting.samples):
                elsewhere = np.stack([averages[i][number] for i in others])
                result[number, here] = potential_similarity(averages[here][number], elsewhere, rate).mean()
    return result
