"""What else reaches the electrodes: noise, power line, a bad contact, stimulation artefacts."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NoiseSettings:
    """Disturbances of the EMG; amplitudes in µV, frequencies in Hz, times in s.

    Where `signal_to_noise` (dB, see :func:`signal_to_noise`) is given, noise, crosstalk and line
    interference of a ramp are scaled by one factor to it: the amplitudes are then their proportions.
    """

    contact_noise: float = 6.0
    shared_noise: float = 4.0
    correlation_length: float = 15.0
    amplifier_noise: float = 1.5
    crosstalk: float = 40.0
    crosstalk_length: float = 80.0
    line_frequency: float = 50.0
    line_amplitude: float = 4.0
    line_harmonics: tuple[float, ...] = (1.0, 0.3, 0.2)
    bad_contact_noise: float = 300.0
    maximal_emg: float = 250.0
    stimulation_interval: float = 1.0
    stimulation_jitter: float = 0.1
    artefact_amplitude: float = 3000.0
    artefact_decay: float = 0.0015
    signal_to_noise: float | None = None


def coloured_noise(
    shape: tuple[int, int],
    sampling_rate: float,
    random: np.random.Generator,
    lowest: float = 5.0,
    highest: float = np.inf,
) -> np.ndarray:
    """Return noise of SD 1 with power ∝ 1/f between two frequencies in Hz, float32, (channels, samples)."""
    frequencies = np.fft.rfftfreq(shape[1], 1 / sampling_rate)
    within = (frequencies >= lowest) & (frequencies <= highest)
    gain = np.where(within, 1 / np.sqrt(np.maximum(frequencies, lowest)), 0).astype(np.float32)
    spectrum = np.fft.rfft(random.standard_normal(shape, dtype=np.float32), axis=1) * gain
    noise = np.fft.irfft(spectrum, shape[1], axis=1).astype(np.float32)
    return noise / noise.std(axis=1, keepdims=True)


def spatial_mixing(positions: np.ndarray, length: float) -> np.ndarray:
    """Return the matrix, (channels, channels), that correlates channels by ``exp(−d² / 2 length²)``."""
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    values, vectors = np.linalg.eigh(np.exp(-0.5 * (distances / length) ** 2))
    # Symmetric root: eigenvalues that are zero but for rounding cannot spoil it, as they would Cholesky's.
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root.astype(np.float32)


def electrode_noise(
    settings: NoiseSettings,
    positions: np.ndarray,
    n_samples: int,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return background noise in µV, float32, shape (channels, samples).

    The sum of 1/f noise of each contact, 1/f noise shared by neighbours, and white noise of the
    amplifiers.
    """
    shape = (len(positions), n_samples)
    mixing = spatial_mixing(positions, settings.correlation_length)
    noise = settings.contact_noise * coloured_noise(shape, sampling_rate, random)
    noise += settings.shared_noise * (mixing @ coloured_noise(shape, sampling_rate, random))
    noise += settings.amplifier_noise * random.standard_normal(shape, dtype=np.float32)
    return noise


def crosstalk(
    settings: NoiseSettings,
    positions: np.ndarray,
    effort: np.ndarray,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the EMG of muscles below and beside, spatially smooth: µV, float32, (channels, samples).

    Coloured noise whose amplitude follows `effort`, shape (samples,), 1 at the ramp's peak.
    """
    noise = coloured_noise((len(positions), effort.size), sampling_rate, random, lowest=15, highest=150)
    mixing = spatial_mixing(positions, settings.crosstalk_length)
    return settings.crosstalk * effort.astype(np.float32) * (mixing @ noise)


def line_interference(
    settings: NoiseSettings,
    n_channels: int,
    n_samples: int,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return interference of the power line and its odd harmonics in µV, float32, (channels, samples)."""
    times = np.arange(n_samples) / sampling_rate
    interference = np.zeros((n_channels, n_samples), dtype=np.float32)
    strength = settings.line_amplitude * random.uniform(0.5, 1.5, n_channels)
    for order, share in zip((1, 3, 5), settings.line_harmonics, strict=True):
        phase = 2 * np.pi * (order * settings.line_frequency * times + random.uniform())
        interference += np.outer(share * strength, np.sin(phase)).astype(np.float32)
    return interference


def signal_to_noise(
    emg: np.ndarray, rest: np.ndarray, settings: NoiseSettings, sampling_rate: float
) -> float:
    """Return the power of the motor units' EMG over that of everything else, in dB.

    Both summed over the given channels and samples, in the band that a decomposition uses (20–500 Hz),
    without the harmonics of the line, which conditioning removes.

    Parameters
    ----------
    emg, rest : ndarray, shape (channels, samples)
        What the motor units give, and what is added to it, in µV.
    settings : NoiseSettings
        Frequency of the line.
    sampling_rate : float
        Hz.
    """
    frequencies = np.fft.rfftfreq(emg.shape[1], 1 / sampling_rate)
    used = (frequencies >= 20) & (frequencies <= 500)
    for order in range(1, len(settings.line_harmonics) * 2, 2):
        used &= np.abs(frequencies - order * settings.line_frequency) > 1.5
    signal, noise = (float((np.abs(np.fft.rfft(part, axis=1)[:, used]) ** 2).sum()) for part in (emg, rest))
    return 10 * np.log10(signal / noise)


def stimulation_pulses(settings: NoiseSettings, duration: float, random: np.random.Generator) -> np.ndarray:
    """Return onsets of nerve-stimulation pulses in s, shape (pulses,)."""
    regular = np.arange(0.5, duration - 0.5, settings.stimulation_interval)
    return regular + settings.stimulation_jitter * random.uniform(-1, 1, regular.size)


def stimulation_artefact(
    settings: NoiseSettings,
    positions: np.ndarray,
    pulses: np.ndarray,
    n_samples: int,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the artefact of each pulse in µV, float32, shape (channels, samples).

    Biphasic, larger towards the stimulating electrode (low y), decayed after 8–10 ms.
    """
    artefact = np.zeros((len(positions), n_samples), dtype=np.float32)
    lags = np.arange(round(0.02 * sampling_rate)) / sampling_rate
    decay = np.exp(-lags / settings.artefact_decay)
    shape = (decay * np.cos(np.pi * lags / (2 * settings.artefact_decay))).astype(np.float32)
    nearness = 1 - 0.7 * (positions[:, 1] - positions[:, 1].min()) / np.ptp(positions[:, 1])
    strength = settings.artefact_amplitude * nearness * random.uniform(0.8, 1.2, len(positions))
    for onset in np.round(pulses * sampling_rate).astype(int):
        stop = min(onset + lags.size, n_samples)
        size = strength * random.uniform(0.95, 1.05)
        artefact[:, onset:stop] += np.outer(size, shape[: stop - onset]).astype(np.float32)
    return artefact
