"""A whole trial at the level of discharges, without EMG: for coverage over many seeds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant


@dataclass(frozen=True)
class YieldSettings:
    """How many of the discharging units a decomposition finds.

    `units` are found on average in a session; one found in a session is found in any other with the
    probability `matched`.
    """

    units: float = 12.0
    matched: float = 0.8


@dataclass(frozen=True)
class DischargeTrial:
    """Found discharges of a trial and their truth.

    Attributes
    ----------
    discharges : dict of (str, str) to dict of str to ndarray
        By participant and session, for each found unit its discharge times in s.
    units : DataFrame
        The true values of the found units, schema ``true_units`` (amplitudes are missing).
    """

    discharges: dict[tuple[str, str], dict[str, np.ndarray]]
    units: pd.DataFrame


def simulate_discharge_trial(
    schedule: pd.DataFrame,
    settings: SampleTrialSettings,
    seed: int,
    found: YieldSettings | None = None,
) -> DischargeTrial:
    """Simulate the discharges of every ramp of a trial, and which units are found.

    Parameters
    ----------
    schedule : DataFrame
        Columns participant, session, condition; one row per ramp.
    settings : SampleTrialSettings
        Settings; those of EMG and torque are not used.
    seed : int
        Seed of the trial.
    found : YieldSettings, optional
        Yield of the decomposition; by default about 12 units of a session, 80 % matched.
    """
    found = found or YieldSettings()
    discharges, tables = {}, []
    people: dict[str, SimulatedParticipant] = {}
    for row in schedule.itertuples():
        person = people.setdefault(row.participant, SimulatedParticipant(settings, seed, row.participant))
        truth = person.contraction(row.session, row.condition)
        units = findable_units(person, found)
        chance = person.random(row.session, "yield").uniform(size=len(units))
        seen = {unit for unit, u in zip(units, chance, strict=True) if u < found.matched}
        discharges[row.participant, row.session] = {
            unit: times for unit, times in truth.discharges.items() if unit in seen
        }
        table = truth.units[truth.units["unit_id"].isin(seen)]
        tables.append(table.assign(participant=row.participant, session=row.session))
    units = pd.concat(tables, ignore_index=True)
    return DischargeTrial(discharges, units.assign(amplitude=np.nan, signal_to_interference=np.nan))


def findable_units(person: SimulatedParticipant, found: YieldSettings) -> list[str]:
    """Return the units that a decomposition can find, drawn at random, the same in all sessions."""
    below_peak = person.pool.thresholds < person.settings.ramp.peak_torque
    candidates = np.array(person.pool.unit_ids)[below_peak]
    n = min(candidates.size, round(found.units / found.matched))
    return sorted(person.random("yield").choice(candidates, n, replace=False).tolist())
