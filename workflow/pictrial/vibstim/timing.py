"""When vibration and NMES bouts were, and where the windows lie."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.recordings.model import Recording
from pictrial.vibstim.settings import Window


@dataclass(frozen=True)
class Timing:
    """What was done when in a VibStim recording, in s from its beginning.

    Attributes
    ----------
    onset, end : float
        Of the vibration.
    bouts : ndarray, shape (bouts, 2)
        Beginning and end of every NMES bout, in order.
    """

    onset: float
    end: float
    bouts: np.ndarray


def read_timing(recording: Recording, events: pd.DataFrame) -> Timing:
    """Return what was done when, checked.

    Parameters
    ----------
    recording : Recording
        A VibStim recording.
    events : DataFrame
        Its events, with onset and duration in s and trial_type ``vibration`` (one) and ``nmes`` (each bout).

    Raises
    ------
    InputError
        Where there is not one vibration within the recording, there are no bouts, they overlap or leave the
        vibration, or a bout has no pulse or a pulse no bout.
    """
    times = {
        kind: np.column_stack([rows["onset"], rows["onset"] + rows["duration"]]).astype(float)
        for kind, rows in events.groupby("trial_type")
    }

    def refuse(rule: str, remedy: str = "Correct its events.") -> None:
        raise InputError(recording.source, rule, remedy)

    vibrations, bouts = times.get("vibration", np.empty((0, 2))), times.get("nmes", np.empty((0, 2)))
    if len(vibrations) != 1:
        refuse(f"it has {len(vibrations)} events 'vibration', not one")
    (onset, end), bouts = vibrations[0], bouts[np.argsort(bouts[:, 0])]
    if not 0 <= onset < end <= recording.duration:
        refuse(f"vibration from {onset:g} to {end:g} s is not within its {recording.duration:g} s")
    if not len(bouts):
        refuse("it has no events 'nmes'")
    if not ((bouts[:, 0] < bouts[:, 1]).all() and (bouts[1:, 0] >= bouts[:-1, 1]).all()):
        refuse("its NMES bouts overlap or have no length")
    if bouts[0, 0] < onset or bouts[-1, 1] > end:
        refuse(
            f"NMES from {bouts[0, 0]:g} to {bouts[-1, 1]:g} s is not within vibration ({onset:g}, {end:g})"
        )
    sample = 1 / recording.sampling_rate  # events and triggers may be rounded differently
    inside = np.array(
        [
            (recording.stimulation >= first - sample) & (recording.stimulation <= last + sample)
            for first, last in bouts
        ]
    )
    if not inside.any(axis=1).all():
        bout = bouts[~inside.any(axis=1)][0]
        remedy = "Record triggers, or correct its events."
        refuse(f"the NMES bout from {bout[0]:g} to {bout[1]:g} s has no stimulation pulse", remedy)
    if not inside.any(axis=0).all():
        pulse = recording.stimulation[~inside.any(axis=0)][0]
        refuse(f"the stimulation pulse at {pulse:g} s is in no NMES bout")
    return Timing(float(onset), float(end), bouts)


def window_limits(window: Window, timing: Timing) -> tuple[float, float]:
    """Return where a window begins and ends, in s from the beginning of the recording."""
    anchor = {
        "vibration_onset": timing.onset,
        "first_bout": timing.bouts[0, 0],
        "last_bout_end": timing.bouts[-1, 1],
        "vibration_end": timing.end,
    }[window.anchor]
    return float(anchor + window.start), float(anchor + window.end)


def samples_between(recording: Recording, start: float, end: float) -> slice:
    """Return the samples from `start` to `end` (s); empty where the recording does not have them all."""
    first, stop = round(start * recording.sampling_rate), round(end * recording.sampling_rate)
    return slice(first, stop) if 0 <= first < stop <= recording.n_samples else slice(0, 0)
