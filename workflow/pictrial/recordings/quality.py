"""Which EMG channels can be trusted: measures of each channel, and a reason for each that is bad."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.recordings.artefacts import blanked_samples, find_pulses, interpolate
from pictrial.recordings.conditioning import (
    ConditioningSettings,
    bandpass,
    channel_blocks,
    line_interference,
)
from pictrial.recordings.model import Recording

GRID_CORRELATION = (
    0.3  # below it the grid has no common signal, and a channel cannot stand out for lacking it
)


@dataclass(frozen=True)
class QualitySettings:
    """When a channel is bad. Ratios are to the median of the nearest channels.

    Attributes
    ----------
    dead_rms : float
        RMS in µV below which a channel is dead; amplifiers alone have about 1 µV.
    saturated_share : float
        Share of samples at the channel's own extremes above which it is saturated.
    line_share : float
        Share of the power that is line interference above which it dominates.
    noise_ratio : float
        Ratio of the RMS, overall or at rest, above which a channel is noisy.
    weak_ratio : float
        Ratio of the RMS below which a channel is weak.
    correlation_ratio : float
        Correlation with the nearest channels over the grid's median of it, below which it is uncorrelated.
    neighbours : int
        How many nearest channels a channel is compared with; all others where positions are unknown.
    good_share : float
        Share of the channels that must be good.
    conditioning : ConditioningSettings
        Blanking, band and line frequency in which the measures are taken.
    """

    dead_rms: float = 0.5
    saturated_share: float = 0.001
    line_share: float = 0.5
    noise_ratio: float = 3.0
    weak_ratio: float = 0.33
    correlation_ratio: float = 0.25
    neighbours: int = 8
    good_share: float = 0.5
    conditioning: ConditioningSettings = field(default_factory=ConditioningSettings)


def assess_channels(
    recording: Recording, settings: QualitySettings, marked_bad: Collection[str] = ()
) -> pd.DataFrame:
    """Measure every EMG channel and mark the bad ones with the first reason that holds.

    Parameters
    ----------
    recording : Recording
        Raw EMG (channels, samples) in µV.
    settings : QualitySettings
        Limits.
    marked_bad : collection of str
        Channels that someone has marked as bad, see :func:`pictrial.recordings.bids.channels_marked_bad`.

    Returns
    -------
    DataFrame
        One row per channel in the order of the recording, schema ``quality_channels``.

    Raises
    ------
    InputError
        Where fewer channels than ``good_share`` are good, or a marked channel does not exist.
    """
    for name in sorted(set(marked_bad) - set(recording.channel_names)):
        raise InputError(recording.source, f"the marked channel {name!r} does not exist", "Correct its name.")
    table = _measure(recording, settings)
    grid = table["correlation"].median()
    lowest = settings.correlation_ratio * grid if grid >= GRID_CORRELATION else -np.inf
    rules = {
        "marked": table["channel"].isin(list(marked_bad)),
        "dead": table["rms"] < settings.dead_rms,
        "saturated": table["saturated_share"] > settings.saturated_share,
        "line": table["line_share"] > settings.line_share,
        "noisy": (table[["rms_ratio", "baseline_ratio"]] > settings.noise_ratio).any(axis=1),
        "weak": table["rms_ratio"] < settings.weak_ratio,
        "uncorrelated": table["correlation"] < lowest,
    }
    reason = np.select(list(rules.values()), list(rules), default="")
    table.insert(1, "status", np.where(reason == "", "good", "bad"))
    table.insert(2, "reason", pd.array(reason, dtype="string"))
    table["reason"] = table["reason"].mask(table["reason"] == "")
    _check_enough(recording, table, settings)
    return table


def _check_enough(recording: Recording, table: pd.DataFrame, settings: QualitySettings) -> None:
    bad = table[table["status"] == "bad"]
    if len(table) - len(bad) >= settings.good_share * len(table):
        return
    counts = ", ".join(f"{count} {reason}" for reason, count in bad["reason"].value_counts().items())
    rule = f"only {len(table) - len(bad)} of {len(table)} channels are good ({counts})"
    raise InputError(
        recording.source, rule, "Look at the signals; leave this recording out or change the limits."
    )


def _measure(recording: Recording, settings: QualitySettings) -> pd.DataFrame:
    conditioning, rate = settings.conditioning, recording.sampling_rate
    pulses = find_pulses(recording, conditioning.artefact_sharpness)
    blanked = blanked_samples(recording, pulses.onsets, conditioning.blank_before, conditioning.blank_after)
    emg, line_power = np.empty_like(recording.emg, dtype=np.float32), np.empty(len(recording.emg))
    for block in channel_blocks(np.arange(len(recording.emg))):
        filtered = bandpass(interpolate(recording.emg[block], blanked), recording, conditioning)
        line_power[block] = np.mean(line_interference(filtered, rate, conditioning) ** 2, axis=1)
        emg[block] = filtered
    power = np.mean(emg**2, axis=1, dtype=np.float64)
    rms, baseline = np.sqrt(power), _rest_rms(emg, rate, conditioning.rest_window)
    neighbours = _nearest(recording.positions, settings.neighbours)
    return pd.DataFrame(
        {
            "channel": recording.channel_names,
            "rms": rms,
            "rms_ratio": _ratio(rms, neighbours),
            "baseline_rms": baseline,
            "baseline_ratio": _ratio(baseline, neighbours),
            "line_share": np.divide(line_power, power, out=np.zeros_like(power), where=power > 0),
            "saturated_share": _saturated_share(recording.emg[:, ~blanked]),
            "correlation": _correlation(emg, rms, neighbours),
        }
    )


def _rest_rms(emg: np.ndarray, rate: float, seconds: float) -> np.ndarray:
    """Return the RMS (channels,) in the window in which the median channel is quietest."""
    length = round(seconds * rate)
    n_windows = emg.shape[1] // length
    windows = emg[:, : n_windows * length].reshape(len(emg), n_windows, length)
    rms = np.sqrt(np.mean(windows**2, axis=2, dtype=np.float64))
    return rms[:, np.argmin(np.median(rms, axis=0))]


def _nearest(positions: np.ndarray, count: int) -> list[np.ndarray]:
    """Return for each channel its nearest channels; all others where a position is unknown."""
    n_channels = len(positions)
    if not np.isfinite(positions).all():
        return [np.delete(np.arange(n_channels), channel) for channel in range(n_channels)]
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return list(np.argsort(distances, axis=1, kind="stable")[:, : min(count, n_channels - 1)])


def _ratio(values: np.ndarray, neighbours: list[np.ndarray]) -> np.ndarray:
    around = np.array([np.median(values[near]) if near.size else np.nan for near in neighbours])
    return np.divide(values, around, out=np.full_like(values, np.nan), where=around > 0)


def _correlation(emg: np.ndarray, rms: np.ndarray, neighbours: list[np.ndarray]) -> np.ndarray:
    """Return the median correlation of each channel with its nearest; NaN for a channel without signal."""
    scaled = emg / np.where(rms > 0, rms, np.nan)[:, None]
    correlation = scaled @ scaled.T / emg.shape[1]
    found = [correlation[channel, near] for channel, near in enumerate(neighbours)]
    return np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in found])


def _saturated_share(emg: np.ndarray) -> np.ndarray:
    """Return the share of samples at a channel's own smallest or largest value."""
    low, high = emg.min(axis=1, keepdims=True), emg.max(axis=1, keepdims=True)
    return np.mean((emg == low) | (emg == high), axis=1)
