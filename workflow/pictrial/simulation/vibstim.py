"""One simulated VibStim recording, and what is true of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.recordings.model import Recording
from pictrial.simulation.contractions import SimulatedParticipant
from pictrial.simulation.soleus import (
    SOLEUS,
    SOLEUS_CHANNEL,
    soleus_emg,
    stimulation_responses,
    vibration_harmonics,
)
from pictrial.simulation.torque import measured_torque
from pictrial.simulation.vibstim_response import (
    VibstimTiming,
    draw_vibstim_levels,
    evoked_torque,
    sustained_torque,
    true_vibstim,
)


def simulate_vibstim(
    person: SimulatedParticipant, session: str, condition: str
) -> tuple[Recording, pd.DataFrame, pd.DataFrame]:
    """Simulate the VibStim recording of one session.

    Returns
    -------
    recording : Recording
        Bipolar EMG of soleus in µV, torque in N·m, NMES pulses.
    events : DataFrame
        Columns onset, duration (s), trial_type: the vibration and the NMES bouts.
    truth : DataFrame
        True outcomes, schema ``true_vibstim`` without participant and session.

    Raises
    ------
    InputError
        Where the condition has no planted effect.
    """
    settings, rate = person.settings.vibstim, person.settings.sampling_rate
    timing, response = settings.timing, settings.response
    levels = draw_vibstim_levels(
        person.vibstim, response, condition, person.random(session, "vibstim response")
    )
    sustained = sustained_torque(levels, timing, response, rate)
    truth = true_vibstim(sustained, timing, settings.windows, rate, person.vibstim.responder)
    percent = sustained + evoked_torque(timing, response, rate)
    name = f"sub-{person.participant}_ses-{session}_task-vibstim_run-1"
    recording = Recording(
        name=name,
        sampling_rate=rate,
        emg=_emg(person, session, sustained)[None].astype(np.float32),
        channel_names=(SOLEUS_CHANNEL,),
        positions=np.full((1, 2), np.nan),
        torque=_torque(person, session, percent),
        torque_unit="N.m",
        stimulation=timing.pulses,
        source=Path(f"{name}_emg.bdf"),
        groups=(SOLEUS,),
    )
    return recording, vibstim_events(timing), truth


def vibstim_events(timing: VibstimTiming) -> pd.DataFrame:
    """Return the vibration and the NMES bouts: onset and duration in s, trial_type."""
    rows = [(timing.rest, timing.vibration, "vibration")]
    rows += [(onset, timing.bout, "nmes") for onset in timing.bout_onsets]
    return pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])


def _emg(person: SimulatedParticipant, session: str, sustained: np.ndarray) -> np.ndarray:
    settings, rate = person.settings.vibstim, person.settings.sampling_rate
    soleus, timing, n_samples = settings.soleus, settings.timing, sustained.size
    random = person.random(session, "vibstim soleus")
    rms = person.maximal_soleus_emg * sustained / 100
    emg = soleus_emg(soleus, person.settings.noise, rms, rate, random)
    span = (timing.rest, timing.vibration_end)
    emg += vibration_harmonics(soleus, timing.vibration_frequency, span, n_samples, rate, random)
    return emg + stimulation_responses(soleus, timing.pulses, n_samples, rate, random)


def _torque(person: SimulatedParticipant, session: str, percent: np.ndarray) -> np.ndarray:
    """Return what the sensor shows; nobody follows a target, so there is no tracking error."""
    settings, rate = person.settings.vibstim, person.settings.sampling_rate
    timing, random = settings.timing, person.random(session, "vibstim torque")
    times = np.arange(percent.size) / rate
    vibrating = (times >= timing.rest) & (times < timing.vibration_end)
    ripple = settings.torque_ripple * np.sin(2 * np.pi * timing.vibration_frequency * times) * vibrating
    sensor = replace(person.settings.torque, tracking_error_percent=0.0)
    return measured_torque(sensor, person.maximal_torque * percent / 100 + ripple, rate, random)
