"""Simulated participants with several sessions, decomposed, for the benchmark of tracking.

A scenario says what differs between the sessions. The true motor units have the same names in all of them.
"""

import pickle
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.separation import decompose
from pictrial.files import atomic_path
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.model import Recording
from pictrial.recordings.quality import QualitySettings, assess_channels
from pictrial.simulation.contractions import (
    SampleTrialSettings,
    SimulatedParticipant,
    simulate_ramp,
)
from pictrial.simulation.motoneurones import HysteresisSettings
from pictrial.simulation.noise import NoiseSettings
from pictrial.simulation.potentials import draw_fibres, surface_potential
from pictrial.simulation.torque import RampSettings

SEED = 11


@dataclass(frozen=True)
class Change:
    """What differs from the sample trial in one session.

    Attributes
    ----------
    shift, rotation : float
        Standard deviations of the grid's shift (mm, along and across) and rotation (degrees).
    amplitude, velocity : float
        Largest relative change of each unit's amplitude and conduction velocity.
    noise : float
        Factor of all noise and crosstalk.
    ramp : RampSettings
        The contraction.
    """

    shift: float = 0.0
    rotation: float = 0.0
    amplitude: float = 0.0
    velocity: float = 0.0
    noise: float = 1.0
    ramp: RampSettings = field(default_factory=RampSettings)


SAME = Change()
REAPPLIED = Change(shift=1.0, rotation=2.0, amplitude=0.1, velocity=0.03)
WEAKER = Change(ramp=RampSettings(peak_torque=14.0, peak_drive=5.6))
SHORTER = Change(ramp=RampSettings(rise=6.0))
#: For each scenario its sessions: condition and change. In `no_effect` the conditions have no effect.
SCENARIOS = {
    "trial": {"control": SAME, "stimulation": SAME, "relaxation": SAME},
    "reapplied": {"control": SAME, "stimulation": REAPPLIED, "relaxation": REAPPLIED},
    "noise": {"control": SAME, "stimulation": Change(noise=1.5), "relaxation": Change(noise=0.67)},
    "no_effect": {"control": SAME, "label": SAME, "stimulation": SAME, "weaker": WEAKER, "shorter": SHORTER},
}


@dataclass(frozen=True)
class Session:
    """One conditioned recording with its decomposition and its truth (samples of discharges by unit)."""

    condition: str
    recording: Recording
    good: np.ndarray
    decomposition: Decomposition
    truth: dict[str, np.ndarray]


@dataclass(frozen=True)
class ChangedParticipant(SimulatedParticipant):
    """A participant as the grid of one session sees them."""

    change: Change
    session: str

    @cached_property
    def potentials(self) -> dict[str, np.ndarray]:
        """Surface potentials (µV) under the grid of this session."""
        change, random = self.change, self.random("change", self.session)
        positions, settings = self.settings.grid.positions, self.settings
        centre = (positions.max(axis=0) + positions.min(axis=0)) / 2
        angle = np.deg2rad(change.rotation * random.standard_normal())
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved = centre + (positions - centre) @ turn.T + change.shift * random.standard_normal(2)
        size = np.linspace(0, 1, len(self.pool.unit_ids))
        fibres = draw_fibres(settings.muscle, size, centre, self.random("muscle"))
        potentials = {}
        for unit, own, threshold in zip(self.pool.unit_ids, fibres, self.pool.thresholds, strict=True):
            amplitude, velocity = 1 + np.array([change.amplitude, change.velocity]) * random.uniform(-1, 1, 2)
            if threshold < settings.ramp.peak_torque:
                own = replace(own, weight=own.weight * amplitude, velocity=own.velocity * velocity)
                potentials[unit] = surface_potential(own, moved, settings.muscle, settings.sampling_rate)
        return potentials


def simulated_session(scenario: str, participant: str, condition: str) -> Session:
    """Simulate, condition and decompose one session."""
    change = SCENARIOS[scenario][condition]
    hysteresis = HysteresisSettings()
    if scenario == "no_effect":
        hysteresis = replace(hysteresis, effects=dict.fromkeys(SCENARIOS[scenario], 0.0))
    quiet = NoiseSettings()
    levels = {
        name: getattr(quiet, name) * change.noise for name in ("contact_noise", "shared_noise", "crosstalk")
    }
    settings = SampleTrialSettings(ramp=change.ramp, hysteresis=hysteresis, noise=replace(quiet, **levels))
    person = ChangedParticipant(settings, SEED, participant, change, condition)
    recording, truth = simulate_ramp(person, condition, condition)
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(dtype=bool)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings())
    decomposition = decompose(conditioned, good, DecompositionSettings())
    return Session(condition, conditioned, good, decomposition, truth.discharges)


def sessions_of(scenario: str, participant: str, cache: Path | None) -> list[Session]:
    """Return all sessions of a participant, from `cache` where they are there."""
    sessions = []
    for condition in SCENARIOS[scenario]:
        path = cache / f"{scenario}_{participant}_{condition}.pickle" if cache else None
        if path and path.is_file():
            sessions.append(pickle.loads(path.read_bytes()))
            continue
        sessions.append(simulated_session(scenario, participant, condition))
        if path:
            with atomic_path(path) as temporary:
                temporary.write_bytes(pickle.dumps(sessions[-1]))
    return sessions
