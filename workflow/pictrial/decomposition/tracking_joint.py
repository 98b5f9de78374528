"""Tracking by joint decomposition: all recordings of a participant, one after the other, are one.

One whitening and one search; a unit's discharges are then those within each recording.
"""

from dataclasses import replace

import numpy as np

from pictrial.decomposition.candidates import DecompositionSettings, rejection
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.separation import decompose
from pictrial.decomposition.tracking_sightings import Origin, Sighting
from pictrial.recordings.model import Recording


def decompose_jointly(
    recordings: list[Recording], good: np.ndarray, settings: DecompositionSettings
) -> tuple[list[Sighting], list[list[Origin]]]:
    """Decompose the concatenated recordings of one participant.

    A unit is accepted in the whole first, by the rules of the decomposition; in one recording its
    discharges there must satisfy them, too (silhouette, pulse-to-noise ratio and variability of the heights
    are those of the whole).

    Parameters
    ----------
    recordings : list of Recording
        Conditioned recordings of one participant.
    good : ndarray of bool, shape (channels,)
        Channels that are good in all of them.
    settings : DecompositionSettings
        Settings of the decomposition.

    Returns
    -------
    sightings : list of Sighting
        One for every unit in every recording.
    groups : list of list of Origin
        Every unit is a group of its own.
    """
    name = "all recordings"
    whole = replace(
        recordings[0], name=name, emg=np.concatenate([recording.emg for recording in recordings], axis=1)
    )
    decomposition = decompose(whole, good, settings)
    quality = decomposition.quality.set_index("unit_id")
    ends = np.cumsum([recording.n_samples for recording in recordings])
    sightings = []
    for number, (unit, samples) in enumerate(decomposition.discharges.items()):
        columns = ("silhouette", "pulse_to_noise_ratio", "height_variability")
        values = [float(quality.at[unit, column]) for column in columns]
        for index, (recording, end) in enumerate(zip(recordings, ends, strict=True)):
            start = end - recording.n_samples
            inside = (samples >= start) & (samples < end)
            discharges = Discharges(samples[inside] - start, *values)
            sightings.append(
                Sighting(
                    (name, unit),
                    index,
                    rejection(discharges, recording.sampling_rate, settings),
                    discharges,
                    decomposition.sources[unit][inside],
                    decomposition.filters[number],
                )
            )
    return sightings, [[(name, unit)] for unit in decomposition.discharges]
