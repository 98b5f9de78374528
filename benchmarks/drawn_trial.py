"""Outcomes drawn straight from the primary mixed model, where every parameter is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.seeds import random_generator
from pictrial.trial.plan import PlannedSession


@dataclass(frozen=True)
class DrawnTrial:
    """Parameters of the draw, pps; the standard deviations are those of the sample trial."""

    units: int = 6
    matched: float = 0.8
    baseline: float = 3.0
    effects: dict[str, float] = field(default_factory=lambda: {"stimulation": -1.125, "relaxation": -1.0})
    period_effect: float = 0.1
    sd_participant: float = 0.7
    sd_participant_condition: float = 0.3
    sd_unit: float = 0.95
    sd_residual: float = 0.6


def draw_outcomes(sessions: Iterable[PlannedSession], settings: DrawnTrial, seed: int) -> pd.DataFrame:
    """Draw one trial, schema ``outcomes`` (only the rows that have a value).

    A unit is found in each session with probability `matched`, so that units are lost as in real data.
    """
    rng = random_generator(seed, "drawn trial")
    people: dict[str, tuple[float, np.ndarray]] = {}
    rows = []
    for session in sessions:
        if session.participant not in people:
            units = rng.normal(0, settings.sd_unit, settings.units)
            people[session.participant] = (rng.normal(0, settings.sd_participant), units)
        person, units = people[session.participant]
        mean = settings.baseline + settings.effects.get(session.condition, 0.0) + person
        mean += settings.period_effect * (session.period - 1) + rng.normal(
            0, settings.sd_participant_condition
        )
        values = mean + units + rng.normal(0, settings.sd_residual, settings.units)
        found = rng.random(settings.units) < settings.matched
        found[0] = True
        rows += [(*session, f"unit{unit:02d}", values[unit]) for unit in np.flatnonzero(found)]
    frame = pd.DataFrame(rows, columns=[*PlannedSession._fields, "unit_id", "value"])
    conditions = frame.groupby(["participant", "unit_id"])["condition"].transform("nunique")
    return frame.assign(
        outcome="delta_f",
        standard_error=np.nan,
        n_controls=rng.integers(1, 5, len(frame)),
        matched=conditions == frame["condition"].nunique(),
        left_out_for=None,
        previous="none",
    )
