"""Tracking motor units across the recordings of one participant by reuse of separation filters.

Every recording is decomposed on its own. Then the filters of each are applied to all the others and
refined there, so that a unit found in any recording is looked for in every other one: no recording,
and hence no condition, is the reference. Units whose trains coincide in a recording are one unit.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.potentials import potential_similarity, spike_triggered_average
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.separation import (
    Candidate,
    DecompositionSettings,
    Separator,
    describe,
    rejection,
)
from pictrial.recordings.model import Recording


@dataclass(frozen=True)
class TrackingSettings:
    """Settings of the tracking.

    Attributes
    ----------
    minimal_similarity : float
        A unit found by a reused filter is the same unit when its potential on the grid correlates with
        the one in the recording of origin at least this much.
    """

    minimal_similarity: float = 0.8


@dataclass(frozen=True)
class Sighting:
    """A motor unit of one recording (`origin`), as its filter sees it in another (`recording`)."""

    origin: tuple[int, str]
    recording: int
    candidate: Candidate | None
    similarity: float
    reason: str


def track_units(
    recordings: list[Recording],
    good: list[np.ndarray],
    decompositions: list[Decomposition],
    settings: DecompositionSettings,
    tracking: TrackingSettings,
) -> list[Decomposition]:
    """Find the motor units of each recording in all the others, and give each unit one name.

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
    """
    separators = [Separator(r, g, settings) for r, g in zip(recordings, good, strict=True)]
    sightings = [
        sighting
        for index, separator in enumerate(separators)
        for sighting in _sightings(index, separator, recordings, decompositions, settings, tracking)
    ]
    groups = _group(sightings, recordings[0].sampling_rate, settings)
    return [
        _tracked(index, separator, recordings, groups, sightings, settings)
        for index, separator in enumerate(separators)
    ]


def _sightings(
    index: int,
    separator: Separator,
    recordings: list[Recording],
    decompositions: list[Decomposition],
    settings: DecompositionSettings,
    tracking: TrackingSettings,
) -> list[Sighting]:
    """Look in recording `index` for the units of every recording, its own included."""
    sightings = []
    rate = separator.recording.sampling_rate
    for origin, decomposition in enumerate(decompositions):
        for number, (unit, samples) in enumerate(decomposition.discharges.items()):
            if origin == index:
                candidate = separator.candidate_at(samples)
            else:
                candidate = separator.candidate_of(decomposition.filters[number])
            if candidate is None:
                sightings.append(Sighting((origin, unit), index, None, np.nan, "no discharges"))
                continue
            similarity = potential_similarity(
                spike_triggered_average(recordings[origin].emg, samples, rate),
                spike_triggered_average(separator.recording.emg, candidate.discharges.samples, rate),
                rate,
            )
            reason = rejection(candidate.discharges, rate, settings)
            if similarity < tracking.minimal_similarity:
                other = f"similarity of potentials {similarity:.2f}, {tracking.minimal_similarity} needed"
                reason = "; ".join(filter(None, [reason, other]))
            sightings.append(Sighting((origin, unit), index, candidate, similarity, reason))
    return sightings


def _group(
    sightings: list[Sighting], sampling_rate: float, settings: DecompositionSettings
) -> list[list[tuple[int, str]]]:
    """Join units whose accepted sightings coincide in a recording, the best agreement first.

    Two units of one recording are never joined: they were told apart there.
    """
    accepted = [s for s in sightings if not s.reason]
    links = []
    for number, a in enumerate(accepted):
        for b in accepted[number + 1 :]:
            if a.recording == b.recording and a.origin[0] != b.origin[0]:
                agreement = rate_of_agreement(_samples(a), _samples(b), sampling_rate)
                if agreement > settings.duplicate_agreement:
                    links.append((-agreement, a.origin, b.origin))
    group_of = {s.origin: [s.origin] for s in sightings}
    for _, one, other in sorted(links):
        joined = group_of[one] + group_of[other]
        if group_of[one] is not group_of[other] and len({origin for origin, _ in joined}) == len(joined):
            group_of.update(dict.fromkeys(joined, joined))
    groups = {id(group): sorted(group) for group in group_of.values()}
    first = {s.origin: _samples(s)[0] for s in sightings if s.origin[0] == s.recording}
    return sorted(groups.values(), key=lambda group: (min(first[unit] for unit in group), group))


def _tracked(
    index: int,
    separator: Separator,
    recordings: list[Recording],
    groups: list[list[tuple[int, str]]],
    sightings: list[Sighting],
    settings: DecompositionSettings,
) -> Decomposition:
    """Collect the best sighting of each group in recording `index`."""
    rate = separator.recording.sampling_rate
    rows: list[dict] = []
    units: dict[str, Candidate] = {}
    best = {f"MU{number:02d}": _best(group, index, sightings) for number, group in enumerate(groups, 1)}
    for name, sighting in sorted(best.items(), key=lambda item: -_silhouette(item[1])):
        reason = sighting.reason
        if not reason:
            rivals = [
                other
                for other, unit in units.items()
                if rate_of_agreement(_samples(sighting), unit.discharges.samples, rate)
                > settings.duplicate_agreement
            ]
            reason = f"duplicate of {rivals[0]} in this recording" if rivals else ""
        if not reason:
            assert sighting.candidate is not None
            units[name] = sighting.candidate
        discharges = (
            sighting.candidate.discharges
            if sighting.candidate
            else Discharges(np.empty(0, int), np.nan, np.nan)
        )
        origin = recordings[sighting.origin[0]].name
        rows.append(describe(name, discharges, rate, reason, origin, sighting.similarity))
    units = dict(sorted(units.items()))
    return Decomposition(
        recording=separator.recording.name,
        sampling_rate=rate,
        n_samples=separator.recording.n_samples,
        discharges={name: unit.discharges.samples for name, unit in units.items()},
        sources={name: unit.heights for name, unit in units.items()},
        filters=separator.signal_filters(list(units.values())),
        quality=pd.DataFrame(rows).sort_values("unit_id", ignore_index=True),
    )


def _best(group: list[tuple[int, str]], index: int, sightings: list[Sighting]) -> Sighting:
    members = [s for s in sightings if s.recording == index and s.origin in group]
    return max(members, key=lambda s: (not s.reason, _silhouette(s)))


def _silhouette(sighting: Sighting) -> float:
    return sighting.candidate.discharges.silhouette if sighting.candidate else -1.0


def _samples(sighting: Sighting) -> np.ndarray:
    assert sighting.candidate is not None
    return sighting.candidate.discharges.samples
