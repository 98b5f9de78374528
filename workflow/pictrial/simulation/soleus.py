"""The bipolar EMG of soleus: what follows the torque, and what vibration, stimulation and sensor add."""

from dataclasses import dataclass, replace

import numpy as np

from pictrial.recordings.model import GRID, Recording
from pictrial.simulation.noise import NoiseSettings, coloured_noise, line_interference

SOLEUS = "soleus"
SOLEUS_CHANNEL = "SOL"


@dataclass(frozen=True)
class SoleusSettings:
    """Amplitudes in µV, frequencies in Hz, times in s; all assumed.

    EMG is coloured noise between `lowest` and `highest` whose RMS is in proportion to the torque, with
    `maximal_emg` (spread from person to person by ± `spread`) at 100 % MVC: about 3 µV per % MVC.
    """

    maximal_emg: float = 300.0
    spread: float = 0.4
    lowest: float = 30.0
    highest: float = 350.0
    sensor_noise: float = 1.5
    contact_noise: float = 1.5
    harmonics: tuple[float, ...] = (30.0, 20.0, 10.0)
    artefact_amplitude: float = 3000.0
    artefact_decay: float = 0.001
    m_wave_amplitude: float = 3000.0
    m_wave: tuple[float, float] = (0.005, 0.025)
    jitter: float = 0.05  # relative, of artefact and M-wave from pulse to pulse


def soleus_emg(
    settings: SoleusSettings,
    noise: NoiseSettings,
    rms: np.ndarray,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return EMG of the given RMS (µV, shape (samples,)) with noise and line interference, same shape."""
    shape = (1, rms.size)
    emg = rms * coloured_noise(shape, sampling_rate, random, settings.lowest, settings.highest)[0]
    emg += settings.contact_noise * coloured_noise(shape, sampling_rate, random)[0]
    emg += settings.sensor_noise * random.standard_normal(rms.size)
    return emg + line_interference(noise, 1, rms.size, sampling_rate, random)[0]


def vibration_harmonics(
    settings: SoleusSettings,
    frequency: float,
    span: tuple[float, float],
    n_samples: int,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return what a vibrator of `frequency`, on during `span`, puts into the EMG: µV, shape (samples,)."""
    times = np.arange(n_samples) / sampling_rate
    interference = np.zeros(n_samples)
    for order, amplitude in enumerate(settings.harmonics, start=1):
        phase = 2 * np.pi * (order * frequency * times + random.uniform())
        interference += amplitude * np.sin(phase)
    return interference * ((times >= span[0]) & (times < span[1]))


def stimulation_responses(
    settings: SoleusSettings,
    pulses: np.ndarray,
    n_samples: int,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return artefact and M-wave of each pulse in µV, shape (samples,).

    The artefact is biphasic and has decayed after 8 ms; the M-wave is a windowed sine between the two
    times of `m_wave`, and exactly 0 outside.
    """
    begin, end = settings.m_wave
    lags = np.arange(round(end * sampling_rate)) / sampling_rate
    decay = np.exp(-lags / settings.artefact_decay)
    artefact = settings.artefact_amplitude * decay * np.cos(np.pi * lags / (2 * settings.artefact_decay))
    place = np.clip((lags - begin) / (end - begin), 0, 1)
    m_wave = np.sin(np.pi * place) ** 2 * np.sin(2 * np.pi * place)
    m_wave *= settings.m_wave_amplitude / m_wave.max()
    emg = np.zeros(n_samples)
    for onset in np.rint(pulses * sampling_rate).astype(int):
        sizes = 1 + settings.jitter * random.uniform(-1, 1, 2)
        part = emg[onset : onset + lags.size]
        part += (sizes[0] * artefact + sizes[1] * m_wave)[: part.size]
    return emg


def with_soleus(recording: Recording, emg: np.ndarray) -> Recording:
    """Return the recording of a grid with the EMG of soleus, µV, shape (samples,), as a further channel."""
    return replace(
        recording,
        emg=np.vstack([recording.emg, emg[None].astype(np.float32)]),
        channel_names=(*recording.channel_names, SOLEUS_CHANNEL),
        positions=np.vstack([recording.positions, np.full((1, 2), np.nan)]),
        groups=(GRID,) * len(recording.emg) + (SOLEUS,),
    )


def only_soleus(recording: Recording) -> Recording:
    """Return what :func:`with_soleus` returned without the grid."""
    return replace(
        recording,
        emg=recording.emg[-1:],
        channel_names=recording.channel_names[-1:],
        positions=recording.positions[-1:],
        groups=recording.groups[-1:],
    )
