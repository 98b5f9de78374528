"""Ramps and maximal contractions: the common drive to the motoneurones, and the torque."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class RampSettings:
    """Drive of one ramp: rest, rise, hold, fall, rest; times in s, torque in % MVC, drive in pps.

    The drive passes 0 where the ramp begins and ends. At rest it falls below 0 (`resting_drive`), so
    that a motoneurone of low threshold is derecruited after the ramp even with a large hysteresis.
    """

    rest: float = 3.0
    rise: float = 10.0
    hold: float = 0.0
    peak_torque: float = 20.0
    peak_drive: float = 8.0
    resting_drive: float = -7.0
    smoothing: float = 0.5

    @property
    def duration(self) -> float:
        """Duration of the contraction in s."""
        return 2 * (self.rest + self.rise) + self.hold

    @property
    def drive_per_torque(self) -> float:
        """Drive in pps per % MVC."""
        return self.peak_drive / self.peak_torque


def ramp_drive(settings: RampSettings, sampling_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times in s and the common drive in pps, both of shape (samples,), without noise.

    Straight lines smoothed by a Gaussian of SD `smoothing`: rising to the peak, held, falling.
    """
    times = np.arange(round(settings.duration * sampling_rate)) / sampling_rate
    rest, top = settings.rest, settings.rest + settings.rise
    slope_at_rest = -settings.resting_drive / rest
    end = settings.duration
    corners = np.array([-rest, 0, rest, top, top + settings.hold, end - rest, end, end + rest])
    beyond, peak = settings.resting_drive - slope_at_rest * rest, settings.peak_drive
    levels = np.array([beyond, settings.resting_drive, 0, peak, peak, 0, settings.resting_drive, beyond])
    half = int(4 * settings.smoothing * sampling_rate)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / (settings.smoothing * sampling_rate)) ** 2)
    padded = np.interp((np.arange(-half, times.size + half)) / sampling_rate, corners, levels)
    return times, np.convolve(padded, kernel / kernel.sum(), mode="valid")


def low_pass_noise(
    n_samples: int, sampling_rate: float, cutoff: float, random: np.random.Generator
) -> np.ndarray:
    """Return noise of SD 1, shape (samples,), with a Gaussian roll-off from about `cutoff` Hz."""
    spectrum = np.fft.rfft(random.standard_normal(n_samples))
    frequencies = np.fft.rfftfreq(n_samples, 1 / sampling_rate)
    noise = np.fft.irfft(spectrum * np.exp(-0.5 * (frequencies / cutoff) ** 2), n_samples)
    return noise / noise.std()


@dataclass(frozen=True)
class TorqueSettings:
    """Torque and its sensor; torques in N·m or, where said, in % of the momentary torque."""

    weakest: float = 80.0
    strongest: float = 140.0
    offset_sd: float = 2.0
    sensor_noise: float = 0.05
    tracking_error_percent: float = 2.0
    tremor_percent: float = 0.5
    maximal_duration: float = 7.5


def ramp_torque(
    settings: TorqueSettings,
    ramp: RampSettings,
    maximal: float,
    sampling_rate: float,
    random: np.random.Generator,
) -> np.ndarray:
    """Return the sensor's torque in a ramp in N·m, shape (samples,): drive above 0, tremor, offset, noise."""
    _, drive = ramp_drive(ramp, sampling_rate)
    percent = np.maximum(drive, 0) / ramp.drive_per_torque
    return measured_torque(settings, maximal * percent / 100, sampling_rate, random)


def maximal_effort(settings: TorqueSettings, sampling_rate: float) -> np.ndarray:
    """Return the effort of a maximal contraction from 0 to 1, shape (samples,): rest, plateau, rest."""
    duration = settings.maximal_duration
    times = np.arange(round(duration * sampling_rate)) / sampling_rate
    corners = np.array([0, 0.16, 0.28, 0.76, 0.84, 1.0]) * duration
    return np.interp(times, corners, [0, 0, 1, 1, 0, 0])


def maximal_torque(
    settings: TorqueSettings, maximal: float, sampling_rate: float, random: np.random.Generator
) -> np.ndarray:
    """Return the sensor's torque in a maximal contraction in N·m, shape (samples,); no target is tracked."""
    torque = maximal * maximal_effort(settings, sampling_rate)
    return measured_torque(replace(settings, tracking_error_percent=0.0), torque, sampling_rate, random)


def measured_torque(
    settings: TorqueSettings, torque: np.ndarray, sampling_rate: float, random: np.random.Generator
) -> np.ndarray:
    """Return what the sensor shows of a torque, N·m: with tracking error, tremor, offset and noise."""
    tracking = low_pass_noise(torque.size, sampling_rate, 0.5, random)
    times = np.arange(torque.size) / sampling_rate
    tremor = low_pass_noise(torque.size, sampling_rate, 1, random) * np.sin(2 * np.pi * 9.5 * times)
    wobble = 1 + settings.tracking_error_percent / 100 * tracking + settings.tremor_percent / 100 * tremor
    offset = settings.offset_sd * random.standard_normal()
    return torque * wobble + offset + settings.sensor_noise * random.standard_normal(torque.size)
