"""Outcomes of a crossover trial drawn from the mixed model itself, where every parameter is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.trial.plan import PlannedSession


@dataclass(frozen=True)
class StandardDeviations:
    """Random parts of an outcome, in its unit; the defaults are those of the sample trial (pps).

    Attributes
    ----------
    participant : float
        Of participants' levels.
    participant_condition : float
        Of what a condition does to a participant beyond its mean effect, in each condition.
    participant_unit : float
        Of the motor units of a participant.
    residual : float
        Of a unit's value in one condition.
    """

    participant: float = 0.7
    participant_condition: float = 0.3
    participant_unit: float = 0.95
    residual: float = 0.6

    def __post_init__(self):
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"standard deviation of {name}", f"{value} is not >= 0", "Correct it.")


@dataclass(frozen=True)
class OutcomeModel:
    """What outcomes are drawn from: value = baseline + effect + period effect + random parts.

    Attributes
    ----------
    standard_deviations : StandardDeviations
    baseline : float
        Mean of the conditions without an effect, in the first period.
    effects : mapping of str to float
        By condition; 0 where it is not named.
    period_effects : sequence of float
        Of the first, second, ... period; 0 for later ones.
    units : int or tuple of int
        Motor units of a participant, or the least and the largest number, drawn evenly.
    lost_units : float or mapping of str to float
        Probability that a unit has no value in a session; or by condition, 0 where it is not named.
    lost_sessions : float
        Probability that a session does not take place.
    """

    standard_deviations: StandardDeviations = field(default_factory=StandardDeviations)
    baseline: float = 3.0
    effects: Mapping[str, float] = field(default_factory=dict)
    period_effects: Sequence[float] = ()
    units: int | tuple[int, int] = 10
    lost_units: float | Mapping[str, float] = 0.0
    lost_sessions: float = 0.0

    def __post_init__(self):
        least, largest = self.range_of_units
        if not 1 <= least <= largest:
            raise InputError("motor units", f"{self.units} is no number of units", "Give 1 or more.")
        lost = self.lost_units.values() if isinstance(self.lost_units, Mapping) else [self.lost_units]
        for share in (*lost, self.lost_sessions):
            if not 0 <= share < 1:
                raise InputError("loss", f"{share} is no share", "Give 0 or more, and less than 1.")

    @property
    def range_of_units(self) -> tuple[int, int]:
        """Least and largest number of motor units of a participant."""
        return (self.units, self.units) if isinstance(self.units, int) else self.units


def williams_sequences(conditions: Sequence[str]) -> list[tuple[str, ...]]:
    """Return sequences in which each condition stands once in each period, and follows each other one alike.

    Williams (1949), Aust J Sci Res 2:149. One Latin square for an even number of conditions, two for an odd.

    Returns
    -------
    list of tuple of str
        k sequences of k conditions, 2k where k is odd and above 1.
    """
    k = len(conditions)
    # 0, 1, k-1, 2, k-2, ...: all steps between neighbours differ, modulo k.
    zigzag = [(step + 1) // 2 if step % 2 else -(step // 2) % k for step in range(k)]
    square = [tuple(conditions[(place + shift) % k] for place in zigzag) for shift in range(k)]
    return square if k % 2 == 0 or k == 1 else [*square, *(row[::-1] for row in square)]


def crossover_sessions(participants: int, sequences: Sequence[Sequence[str]]) -> list[PlannedSession]:
    """Return the sessions of `participants` people, who take the sequences in turn."""
    return [
        PlannedSession(f"{person + 1:03d}", f"S{number + 1}", str(period), period, condition)
        for person in range(participants)
        for number in [person % len(sequences)]
        for period, condition in enumerate(sequences[number], start=1)
    ]


def draw_outcomes(
    sessions: Iterable[PlannedSession], model: OutcomeModel, random: np.random.Generator
) -> pd.DataFrame:
    """Draw the outcomes of one trial.

    The same generator draws the same random parts whatever the baseline and the effects are.

    Parameters
    ----------
    sessions : iterable of PlannedSession
    model : OutcomeModel
    random : Generator

    Returns
    -------
    DataFrame
        Schema ``outcomes``, only the rows that have a value; outcome is ``delta_f``.
    """
    table = pd.DataFrame(list(sessions), columns=list(PlannedSession._fields))
    table["previous"] = table.groupby("participant")["condition"].shift().fillna("none")
    person, people = pd.factorize(table["participant"])
    sd = model.standard_deviations
    least, largest = model.range_of_units
    n_units = random.integers(least, largest, len(people), endpoint=True)
    levels = random.normal(0, sd.participant, len(people))[person]
    levels = levels + random.normal(0, sd.participant_condition, len(table))
    units = random.normal(0, sd.participant_unit, (len(people), largest))[person]
    residuals = random.normal(0, sd.residual, units.shape)
    period = table["period"].to_numpy() - 1
    of_period = np.zeros(max(period.max() + 1, len(model.period_effects)))
    of_period[: len(model.period_effects)] = model.period_effects
    means = model.baseline + table["condition"].map(lambda name: model.effects.get(name, 0.0)).to_numpy()
    values = (means + of_period[period] + levels)[:, None] + units + residuals

    there = np.arange(largest) < n_units[person][:, None]
    there &= (random.random(len(table)) >= model.lost_sessions)[:, None]
    lost = model.lost_units
    share = table["condition"].map(lambda name: lost.get(name, 0.0) if isinstance(lost, Mapping) else lost)
    there &= random.random(units.shape) >= share.to_numpy(float)[:, None]
    row, unit = np.nonzero(there)
    rows = table.iloc[row].reset_index(drop=True)
    rows["unit_id"] = np.array([f"MU{number + 1:02d}" for number in range(largest)])[unit]
    found = rows.groupby(["participant", "unit_id"])["condition"].transform("nunique")
    of_sequence = table.groupby("sequence")["condition"].nunique()
    return rows.assign(
        outcome="delta_f",
        value=values[row, unit],
        standard_error=np.nan,
        n_controls=1,
        matched=found == rows["sequence"].map(of_sequence),
        left_out_for=None,
    )
