"""VibStim: what a person's soleus does under vibration and stimulation, without noise.

Achilles-tendon vibration with bouts of neuromuscular electrical stimulation (NMES) lets torque build up and
last beyond the vibration in some people (responders) and not in others.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.simulation.planted import of_condition


@dataclass(frozen=True)
class VibstimTiming:
    """Protocol, in s and Hz.

    Published are 33 s of vibration and five 2-s bouts of pulses at 20 Hz (Mesquita et al. 2022). Rest, the
    onsets of the bouts and the frequency of the vibration are not known and assumed.
    """

    rest: float = 5.0
    vibration: float = 33.0
    after: float = 12.0
    first_bout: float = 10.0  # after the vibration's onset
    bouts: int = 5
    bout: float = 2.0
    bout_interval: float = 4.0  # from onset to onset
    pulse_frequency: float = 20.0
    vibration_frequency: float = 100.0

    @property
    def duration(self) -> float:
        """Duration of the recording."""
        return self.rest + self.vibration + self.after

    @property
    def vibration_end(self) -> float:
        """End of the vibration."""
        return self.rest + self.vibration

    @property
    def bout_onsets(self) -> np.ndarray:
        """Onsets of the bouts, shape (bouts,)."""
        return self.rest + self.first_bout + self.bout_interval * np.arange(self.bouts)

    @property
    def pulses(self) -> np.ndarray:
        """Onsets of all pulses, shape (pulses,); the first of each bout at its onset."""
        within = np.arange(round(self.bout * self.pulse_frequency)) / self.pulse_frequency
        return (self.bout_onsets[:, None] + within).ravel()


@dataclass(frozen=True)
class TruthWindows:
    """Where the truth is taken, in s.

    The last `window` before the first bout and of the vibration, and one that begins `sustained_from` after
    the vibration's end. Torque lasts as long as it is at least `threshold` (% MVC).
    """

    window: float = 0.5
    sustained_from: float = 3.0
    threshold: float = 1.0

    def of(self, timing: VibstimTiming) -> dict[str, tuple[float, float]]:
        """Return start and end of each window."""
        sustained = timing.vibration_end + self.sustained_from
        return {
            "before_nmes": (timing.bout_onsets[0] - self.window, timing.bout_onsets[0]),
            "vibration": (timing.vibration_end - self.window, timing.vibration_end),
            "sustained": (sustained, sustained + self.window),
        }


@dataclass(frozen=True)
class ResponseSettings:
    """Torque of the population where the ratio is 1, in % MVC and s; conditions multiply it by their ratio.

    Mean and SD over all people come to about 10 ± 9 (end of vibration) and 5 ± 5 (sustained), as published
    (9.7 ± 9.0 and 5.4 ± 5.9, Mesquita et al. 2022). About half respond; with fewer than `responders`, and
    next to nothing in the others, the SD would be above the published one. The ratios hold for both.
    """

    responders: float = 0.6
    lowest: float = 8.0  # of a responder, at the end of vibration; a log-normal excess comes on top
    excess: float = 8.5
    excess_sd: float = 5.0
    sustained_share: tuple[float, float] = (0.25, 0.75)
    before_nmes: tuple[float, float] = (0.5, 2.5)
    of_non_responders: float = 0.2  # at most, at the end of vibration
    residual: float = 0.10  # relative SD from session to session, of each torque on its own
    ratios: dict[str, float] = field(
        default_factory=lambda: {"control": 1.0, "stimulation": 1.0, "relaxation": 0.75}
    )
    fall: float = 1.5  # from the level of the vibration to the sustained one
    hold: tuple[float, float] = (4.5, 7.0)  # how long after the vibration the sustained level ends
    decay: float = 3.0
    evoked: float = 20.0  # mean torque evoked by NMES
    contraction_time: float = 0.06  # of the twitch

    def __post_init__(self):
        # Lists from a configuration are as good as tuples.
        for name in ("sustained_share", "before_nmes", "hold"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def means(self) -> dict[str, float]:
        """Mean torque of all people in each window where the ratio is 1, % MVC."""
        respond, others = self.responders, 1 - self.responders
        before = respond * np.mean(self.before_nmes) + others * self.of_non_responders / 4
        vibration = respond * (self.lowest + self.excess) + others * self.of_non_responders / 2
        sustained = np.mean(self.sustained_share) * vibration
        return {"before_nmes": float(before), "vibration": float(vibration), "sustained": float(sustained)}

    def ratio(self, condition: str) -> float:
        """Return by what `condition` multiplies the torques at the end of vibration and sustained.

        Raises
        ------
        InputError
            Where no ratio is set for the condition.
        """
        return of_condition("vibstim_response.ratios", self.ratios, condition)


@dataclass(frozen=True)
class VibstimPerson:
    """What stays the same from session to session: torques in % MVC where the ratio is 1."""

    responder: bool
    before_nmes: float
    vibration: float
    sustained: float


@dataclass(frozen=True)
class VibstimLevels:
    """Torques of one session in % MVC, and how long (s) after the vibration the sustained level ends."""

    before_nmes: float
    vibration: float
    sustained: float
    hold: float


def draw_vibstim_person(settings: ResponseSettings, random: np.random.Generator) -> VibstimPerson:
    """Draw whether a person responds, and how much."""
    responder = bool(random.uniform() < settings.responders)
    share = random.uniform(*settings.sustained_share)
    if not responder:
        vibration = random.uniform(0, settings.of_non_responders)
        return VibstimPerson(False, vibration / 2, vibration, share * vibration)
    vibration = settings.lowest + settings.excess * log_normal(settings.excess_sd / settings.excess, random)
    return VibstimPerson(True, random.uniform(*settings.before_nmes), vibration, share * vibration)


def draw_vibstim_levels(
    person: VibstimPerson, settings: ResponseSettings, condition: str, random: np.random.Generator
) -> VibstimLevels:
    """Draw one session; the torque before NMES does not depend on the condition."""
    before, vibration, sustained = (log_normal(settings.residual, random) for _ in range(3))
    ratio = settings.ratio(condition)
    return VibstimLevels(
        before * person.before_nmes,
        vibration * ratio * person.vibration,
        sustained * ratio * person.sustained,
        random.uniform(*settings.hold),
    )


def log_normal(relative_sd: float, random: np.random.Generator) -> float:
    """Return a log-normal number of mean 1 and the given SD."""
    variance = np.log1p(relative_sd**2)
    return float(np.exp(np.sqrt(variance) * random.standard_normal() - variance / 2))


def sustained_torque(
    levels: VibstimLevels, timing: VibstimTiming, settings: ResponseSettings, sampling_rate: float
) -> np.ndarray:
    """Return the torque that is not evoked by NMES, in % MVC, shape (samples,), without noise.

    It rises from the vibration's onset, by equal steps in the bouts to its level at the end of the vibration,
    falls to the sustained level when the vibration ends, and later to 0. All transitions are half cosines.
    """
    times = np.arange(round(timing.duration * sampling_rate)) / sampling_rate
    step = (levels.vibration - levels.before_nmes) / timing.bouts
    end = timing.vibration_end
    transitions = [
        (timing.rest, 0.9 * timing.first_bout, levels.before_nmes),
        *((onset, timing.bout, step) for onset in timing.bout_onsets),
        (end, settings.fall, levels.sustained - levels.vibration),
        (end + levels.hold, settings.decay, -levels.sustained),
    ]
    torque = np.zeros(times.size)
    for onset, duration, change in transitions:
        torque += change * (0.5 - 0.5 * np.cos(np.pi * np.clip((times - onset) / duration, 0, 1)))
    return np.maximum(torque, 0)


def evoked_torque(timing: VibstimTiming, settings: ResponseSettings, sampling_rate: float) -> np.ndarray:
    """Return the torque evoked by NMES in % MVC, shape (samples,): one critically damped twitch per pulse.

    A twitch is ``(t / c) exp(−t / c)`` with the contraction time c (as in Fuglevand, Winter & Patla 1993).
    """
    torque = np.zeros(round(timing.duration * sampling_rate))
    lags = np.arange(round(12 * settings.contraction_time * sampling_rate)) / sampling_rate
    in_contraction_times = lags / settings.contraction_time
    twitch = in_contraction_times * np.exp(-in_contraction_times)
    twitch *= settings.evoked / (timing.pulse_frequency * settings.contraction_time)
    for onset in np.rint(timing.pulses * sampling_rate).astype(int):
        part = torque[onset : onset + twitch.size]
        part += twitch[: part.size]
    return torque


def true_vibstim(
    torque: np.ndarray,
    timing: VibstimTiming,
    windows: TruthWindows,
    sampling_rate: float,
    responder: bool,
) -> pd.DataFrame:
    """Return the true outcomes of one recording.

    Torques are means of the torque that is not evoked, EMG is the RMS of what follows that torque, over its
    RMS in the maximal contraction. EMG follows torque in proportion, so both hardly differ.

    Parameters
    ----------
    torque : ndarray, shape (samples,)
        What :func:`sustained_torque` returned.
    timing, windows : VibstimTiming, TruthWindows
        Protocol and windows.
    sampling_rate : float
        Hz.
    responder : bool
        Whether the person responds.

    Returns
    -------
    DataFrame
        Columns outcome, unit, value of schema ``true_vibstim``.
    """
    rows = []
    for name, limits in windows.of(timing).items():
        start, stop = np.rint(np.array(limits) * sampling_rate).astype(int)
        part = torque[start:stop]
        rows.append((f"torque_{name}", "% MVC", part.mean()))
        rows.append((f"emg_{name}", "% of MVC RMS", np.sqrt((part**2).mean())))
    torques = {outcome: value for outcome, _, value in rows}
    rise = torques["torque_vibration"] - torques["torque_before_nmes"]
    end = round(timing.vibration_end * sampling_rate)
    above = np.flatnonzero(torque[end:] >= windows.threshold)
    rows += [
        ("torque_rise", "% MVC", rise),
        ("sustained_duration", "s", (above[-1] + 1) / sampling_rate if above.size else 0.0),
        ("responder", "n/a", float(responder)),
    ]
    return pd.DataFrame(rows, columns=["outcome", "unit", "value"])
