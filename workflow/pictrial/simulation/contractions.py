"""One simulated contraction: its recording, and what is true of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.recordings.model import Recording
from pictrial.seeds import random_generator
from pictrial.simulation.electrodes import ElectrodeGrid
from pictrial.simulation.irregularities import (
    IrregularitySettings,
    add_irregularities,
    irregularity_table,
)
from pictrial.simulation.motoneurones import (
    HysteresisSettings,
    MotoneuronePool,
    PoolSettings,
    TrueContraction,
    draw_hysteresis,
    draw_pool,
    simulate_discharges,
)
from pictrial.simulation.noise import (
    NoiseSettings,
    coloured_noise,
    crosstalk,
    electrode_noise,
    line_interference,
    signal_to_noise,
    spatial_mixing,
    stimulation_artefact,
    stimulation_pulses,
)
from pictrial.simulation.potentials import MuscleSettings, draw_fibres, surface_potential
from pictrial.simulation.recorded_events import EventSettings, configured_events
from pictrial.simulation.scores import ScoreSettings, planned_scores
from pictrial.simulation.soleus import SoleusSettings, only_soleus, soleus_emg, with_soleus
from pictrial.simulation.torque import (
    RampSettings,
    TorqueSettings,
    maximal_effort,
    maximal_torque,
    ramp_drive,
    ramp_torque,
)
from pictrial.simulation.vibstim_response import (
    ResponseSettings,
    TruthWindows,
    VibstimPerson,
    VibstimTiming,
    draw_vibstim_person,
)


@dataclass(frozen=True)
class VibstimSettings:
    """Everything that shapes the VibStim recordings, and soleus in the maximal contraction.

    `torque_ripple` is what the vibration puts into the torque, N·m.
    """

    timing: VibstimTiming = field(default_factory=VibstimTiming)
    response: ResponseSettings = field(default_factory=ResponseSettings)
    windows: TruthWindows = field(default_factory=TruthWindows)
    soleus: SoleusSettings = field(default_factory=SoleusSettings)
    torque_ripple: float = 0.1


@dataclass(frozen=True)
class SampleTrialSettings:
    """Everything that shapes a simulated trial; `stimulated` are the conditions with nerve stimulation.

    Without `with_ramp` there are no ramps and no grid, without `with_vibstim` no VibStim recordings and no
    soleus. `source` says where the planted effects come from; `scores` are clinical scores by
    ``<table>.<column>``, `recorded_events` what may happen in a session, by table.
    """

    sampling_rate: float = 2048.0
    stimulated: tuple[str, ...] = ("stimulation",)
    pool: PoolSettings = field(default_factory=PoolSettings)
    hysteresis: HysteresisSettings = field(default_factory=HysteresisSettings)
    ramp: RampSettings = field(default_factory=RampSettings)
    torque: TorqueSettings = field(default_factory=TorqueSettings)
    muscle: MuscleSettings = field(default_factory=MuscleSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    grid: ElectrodeGrid = field(default_factory=ElectrodeGrid)
    irregularities: IrregularitySettings = field(default_factory=IrregularitySettings)
    with_ramp: bool = True
    with_vibstim: bool = True
    vibstim: VibstimSettings = field(default_factory=VibstimSettings)
    scores: Mapping[str, ScoreSettings] = field(default_factory=dict)
    recorded_events: Mapping[str, tuple[EventSettings, ...]] = field(default_factory=dict)
    source: str = "scaled to Orssatto et al. 2022, times 2.5 so that six people can show them"

    @classmethod
    def configured(
        cls,
        simulation: Mapping,
        conditions: Iterable[str],
        measures: Iterable[str] = (),
        *,
        with_ramp: bool = True,
        with_vibstim: bool = True,
    ) -> "SampleTrialSettings":
        """Return the settings of the configuration's section ``simulation``, held against the plan.

        Parameters
        ----------
        simulation : mapping
            Section ``simulation``; what it does not say is as in the sample trial.
        conditions : iterable of str
            Levels of the plan.
        measures : iterable of str
            Measures of the plan's outcomes; ``scores.<table>.<column>`` are simulated.
        with_ramp, with_vibstim : bool
            What is recorded.

        Raises
        ------
        InputError
            Where nothing is said of a condition for something that is simulated, or of a score of the plan.
        """
        conditions = list(conditions)
        for name in simulation.get("stimulated", ()):
            if name not in conditions:
                rule = f"condition {name!r} is unknown to the plan"
                raise InputError("config, key simulation.stimulated", rule, did_you_mean(name, conditions))
        sample = cls()
        settings = cls(
            source=simulation.get("source", sample.source),
            stimulated=tuple(simulation.get("stimulated", sample.stimulated)),
            hysteresis=HysteresisSettings(**simulation.get("hysteresis", {})),
            vibstim=VibstimSettings(response=ResponseSettings(**simulation.get("vibstim_response", {}))),
            with_ramp=with_ramp,
            with_vibstim=with_vibstim,
            scores=planned_scores(simulation.get("scores", {}), measures),
            recorded_events=configured_events(simulation.get("recorded_events", {}), conditions),
        )
        for condition in conditions:
            if with_ramp:
                settings.hysteresis.planted_effect(condition)
            if with_vibstim:
                settings.vibstim.response.ratio(condition)
            for name, score in settings.scores.items():
                score.planted_effect(name, condition)
        return settings


@dataclass(frozen=True)
class SimulatedParticipant:
    """A participant: all that stays the same from session to session.

    Attributes
    ----------
    settings : SampleTrialSettings
        Settings.
    seed : int
        Seed of the trial.
    participant : str
        Label.
    """

    settings: SampleTrialSettings
    seed: int
    participant: str

    def random(self, *names: object) -> np.random.Generator:
        """Return the generator of one purpose of this participant."""
        return random_generator(self.seed, "simulation", self.participant, *names)

    @cached_property
    def pool(self) -> MotoneuronePool:
        """The motoneurones."""
        return draw_pool(self.settings.pool, self.settings.hysteresis, self.random("pool"))

    @cached_property
    def maximal_torque(self) -> float:
        """Torque of the maximal voluntary contraction in N·m."""
        torque = self.settings.torque
        return float(self.random("strength").uniform(torque.weakest, torque.strongest))

    @cached_property
    def bad_channel(self) -> int:
        """Index of the channel with a bad contact."""
        return int(self.random("bad channel").integers(len(self.settings.grid.positions)))

    @cached_property
    def potentials(self) -> dict[str, np.ndarray]:
        """Surface potential of each motor unit that the ramp can recruit, µV, (channels, samples)."""
        settings, pool = self.settings, self.pool
        positions = settings.grid.positions
        centre = (positions.max(axis=0) + positions.min(axis=0)) / 2
        size = np.linspace(0, 1, len(pool.unit_ids))
        fibres = draw_fibres(settings.muscle, size, centre, self.random("muscle"))
        return {
            unit: surface_potential(fibres[i], positions, settings.muscle, settings.sampling_rate)
            for i, unit in enumerate(pool.unit_ids)
            if pool.thresholds[i] < settings.ramp.peak_torque
        }

    @cached_property
    def vibstim(self) -> VibstimPerson:
        """How the person responds to VibStim."""
        return draw_vibstim_person(self.settings.vibstim.response, self.random("vibstim"))

    @cached_property
    def maximal_soleus_emg(self) -> float:
        """RMS of the EMG of soleus in the maximal contraction in µV."""
        soleus = self.settings.vibstim.soleus
        return float(soleus.maximal_emg * (1 + soleus.spread * self.random("soleus").uniform(-1, 1)))

    def contraction(self, session: str, condition: str) -> TrueContraction:
        """Simulate the discharges of the ramp in `session`, without EMG."""
        hysteresis = draw_hysteresis(
            self.pool,
            self.settings.hysteresis,
            condition,
            self.random("condition", condition),
            self.random(session, "hysteresis"),
        )
        random = self.random(session, "discharges")
        return simulate_discharges(self.pool, hysteresis, self.settings.pool, self.settings.ramp, random)

    def irregular(self, session: str, regular: TrueContraction) -> tuple[TrueContraction, pd.DataFrame]:
        """Return the contraction with the irregular discharges that the settings ask for, and their table."""
        settings, random = self.settings, self.random(session, "irregularities")
        discharges, table = add_irregularities(
            regular.discharges, settings.irregularities, settings.ramp.duration, random
        )
        units = regular.units.assign(n_discharges=[train.size for train in discharges.values()])
        return TrueContraction(units, discharges), table


@dataclass(frozen=True)
class TrueRecording:
    """What is true of one recording.

    Attributes
    ----------
    units : DataFrame
        One row per motor unit that discharges; schema ``true_units`` without participant and session.
    discharges : dict of str to ndarray of int64
        For each of them its discharges as ascending sample indices. A discharge is the moment at which
        the action potentials leave the endplates.
    irregularities : DataFrame
        Pauses, doublets and late discharges, see :mod:`~pictrial.simulation.irregularities`.
    """

    units: pd.DataFrame
    discharges: dict[str, np.ndarray]
    irregularities: pd.DataFrame = field(default_factory=irregularity_table)


def simulate_ramp(
    person: SimulatedParticipant, session: str, condition: str
) -> tuple[Recording, TrueRecording]:
    """Simulate the ramp of one session.

    Returns
    -------
    recording : Recording
        EMG in µV, torque in N·m, stimulation pulses where the condition has them.
    truth : TrueRecording
        Its motor units and their discharges.
    """
    settings, rate = person.settings, person.settings.sampling_rate
    positions = settings.grid.positions
    truth, irregularities = person.irregular(session, person.contraction(session, condition))
    n_samples = round(settings.ramp.duration * rate)
    samples = {unit: np.rint(times * rate).astype(np.int64) for unit, times in truth.discharges.items()}
    emg = sum_potentials(person.potentials, samples, n_samples)
    units = truth.units.assign(
        amplitude=[float(np.ptp(person.potentials[unit], axis=1).max()) for unit in samples],
        signal_to_interference=[
            signal_to_interference(person.potentials[unit], train, emg) for unit, train in samples.items()
        ],
    )
    random = person.random(session, "ramp")
    background = disturbances(person, n_samples, random)
    effort = np.maximum(ramp_drive(settings.ramp, rate)[1], 0) / settings.ramp.peak_drive
    others = crosstalk(settings.noise, positions, effort, rate, random)
    factor = 1.0
    if settings.noise.signal_to_noise is not None:
        used = np.ix_(np.arange(len(emg)) != person.bad_channel, effort >= 0.9 * effort.max())
        measured = signal_to_noise(emg[used], background[used] + others[used], settings.noise, rate)
        factor = float(10 ** ((measured - settings.noise.signal_to_noise) / 20))
    emg += factor * background
    emg += factor * others
    pulses = np.array([])
    if condition in settings.stimulated:
        pulses = stimulation_pulses(settings.noise, settings.ramp.duration, random)
        emg += stimulation_artefact(settings.noise, positions, pulses, n_samples, rate, random)
    spoil_channel(emg, person, random)
    torque = ramp_torque(settings.torque, settings.ramp, person.maximal_torque, rate, random)
    recording = _recording(
        person, f"sub-{person.participant}_ses-{session}_task-ramp_run-1", emg, torque, pulses
    )
    return recording, TrueRecording(units, samples, irregularities)


def simulate_maximal_contraction(person: SimulatedParticipant, session: str) -> Recording:
    """Simulate the maximal contraction of one session; its EMG is modulated coloured noise, no units.

    With VibStim, soleus is a further channel beside the grid; without ramps it is the only one.
    """
    settings, rate = person.settings, person.settings.sampling_rate
    random = person.random(session, "mvc")
    effort = maximal_effort(settings.torque, rate)
    emg = disturbances(person, effort.size, random)
    interference = coloured_noise(emg.shape, rate, random, lowest=20, highest=150)
    mixing = spatial_mixing(settings.grid.positions, settings.noise.correlation_length)
    emg += settings.noise.maximal_emg * effort.astype(np.float32) * (mixing @ interference)
    spoil_channel(emg, person, random)
    torque = maximal_torque(settings.torque, person.maximal_torque, rate, random)
    name = f"sub-{person.participant}_ses-{session}_task-mvc_run-1"
    recording = _recording(person, name, emg, torque, np.array([]))
    if not settings.with_vibstim:
        return recording
    rms = person.maximal_soleus_emg * effort
    random = person.random(session, "mvc soleus")
    soleus = soleus_emg(settings.vibstim.soleus, settings.noise, rms, rate, random)
    both = with_soleus(recording, soleus)
    return both if settings.with_ramp else only_soleus(both)


def sum_potentials(
    potentials: dict[str, np.ndarray], discharges: dict[str, np.ndarray], n_samples: int
) -> np.ndarray:
    """Sum the potentials of all units at their discharges (samples): µV, float32, (channels, samples)."""
    emg = np.zeros((len(next(iter(potentials.values()))), n_samples), dtype=np.float32)
    for unit, samples in discharges.items():
        potential = potentials[unit].astype(np.float32)
        for start in samples:
            stop = min(start + potential.shape[1], n_samples)
            emg[:, start:stop] += potential[:, : stop - start]
    return emg


def signal_to_interference(potential: np.ndarray, samples: np.ndarray, emg: np.ndarray) -> float:
    """Return a unit's energy over that of all other units while it discharges, all channels, in dB."""
    own = samples.size * float((potential**2).sum())
    everything = float((emg[:, samples[0] : samples[-1] + potential.shape[1]].astype(np.float64) ** 2).sum())
    return 10 * np.log10(own / max(everything - own, 1e-9 * everything))


def disturbances(person: SimulatedParticipant, n_samples: int, random: np.random.Generator) -> np.ndarray:
    """Return noise and line interference of one recording: µV, float32, (channels, samples)."""
    noise, rate = person.settings.noise, person.settings.sampling_rate
    positions = person.settings.grid.positions
    background = electrode_noise(noise, positions, n_samples, rate, random)
    return background + line_interference(noise, len(positions), n_samples, rate, random)


def spoil_channel(emg: np.ndarray, person: SimulatedParticipant, random: np.random.Generator) -> None:
    """Give the participant's bad channel, in place, hardly any EMG and the noise of a bad contact."""
    noise = person.settings.noise.bad_contact_noise * random.standard_normal(emg.shape[1], dtype=np.float32)
    emg[person.bad_channel] = 0.05 * emg[person.bad_channel] + noise


def _recording(
    person: SimulatedParticipant, name: str, emg: np.ndarray, torque: np.ndarray, pulses: np.ndarray
) -> Recording:
    return Recording(
        name=name,
        sampling_rate=person.settings.sampling_rate,
        emg=emg,
        channel_names=tuple(f"EMG{i + 1:02d}" for i in range(len(emg))),
        positions=person.settings.grid.positions,
        torque=torque,
        torque_unit="N.m",
        stimulation=pulses,
        source=Path(f"{name}_emg.bdf"),
    )
