"""Tracking by matching of potentials: units of two recordings whose potentials look most alike.

The habit of the field where no filter is kept (e.g. Martinez-Valdes et al. 2017, J Physiol 595:1479). Only
what the decompositions found is matched; nothing new is looked for.
"""

from itertools import combinations

import numpy as np

from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.tracking_sightings import (
    Origin,
    Sighting,
    TrackingSettings,
    join_units,
    own_sightings,
    potentials_of,
    similarities,
)
from pictrial.recordings.model import Recording


def match_potentials(
    recordings: list[Recording],
    good: np.ndarray,
    decompositions: list[Decomposition],
    tracking: TrackingSettings,
) -> tuple[list[Sighting], list[list[Origin]]]:
    """Match the units of every two recordings one to one by their potentials.

    The assignment of two recordings maximises the summed similarity of the potentials (Kuhn 1955). A pair
    counts where its similarity reaches the set share of the noise ceiling, and groups of three or
    more recordings are joined only where most of the pairs between them were matched.

    Parameters
    ----------
    recordings : list of Recording
        Conditioned recordings of one participant.
    good : ndarray of bool, shape (channels,)
        Channels that are good in all of them.
    decompositions : list of Decomposition
        One per recording.
    tracking : TrackingSettings
        How similar potentials must be.

    Returns
    -------
    sightings : list of Sighting
        One for every unit of every recording in every recording.
    groups : list of list of Origin
        Which of them are one motor unit of the participant.
    """
    from scipy.optimize import linear_sum_assignment

    rate = recordings[0].sampling_rate
    names = [[(d.recording, unit) for unit in d.discharges] for d in decompositions]
    potentials = [
        potentials_of(recording, good, list(d.discharges.values()))
        for recording, d in zip(recordings, decompositions, strict=True)
    ]
    sightings = [s for index, d in enumerate(decompositions) for s in own_sightings(index, d)]
    links = []
    for a, b in combinations(range(len(recordings)), 2):
        similarity, ceiling = similarities(potentials[a], potentials[b], rate)
        needed = tracking.minimal_similarity * ceiling
        for i, j in zip(*linear_sum_assignment(similarity, maximize=True), strict=True):
            if similarity[i, j] >= needed[i, j]:
                links.append((float(similarity[i, j]), names[a][i], names[b][j]))
        sightings += _not_seen(names[a], b, similarity, needed)
        sightings += _not_seen(names[b], a, similarity.T, needed.T)
    units = [unit for of_recording in names for unit in of_recording]
    return sightings, join_units(units, links, most_pairs=True)


def _not_seen(
    units: list[Origin], recording: int, similarity: np.ndarray, needed: np.ndarray
) -> list[Sighting]:
    """Say for each unit of another recording how similar the most similar unit of `recording` is."""
    if not needed.size:
        return [Sighting(unit, recording, "no motor units here to match") for unit in units]
    sightings = []
    for row, unit in enumerate(units):
        best = int(np.argmax(similarity[row] - needed[row]))
        reason = f"no match: similarity of potentials {similarity[row, best]:.2f}"
        if similarity[row, best] < needed[row, best]:
            reason += f", {needed[row, best]:.2f} needed"
        else:
            reason += ", but another unit is matched"
        sightings.append(Sighting(unit, recording, reason, similarity=float(similarity[row, best])))
    return sightings
