"""The outcomes of one VibStim recording: a row each; where there is no value, the row says why."""

from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.recordings.conditioning import (
    ConditioningSettings,
    bandpass,
    condition_torque,
    line_interference,
    maximal_torque,
)
from pictrial.recordings.model import Recording
from pictrial.vibstim.cleaning import CleanEmg, blanking_gain, clean_emg
from pictrial.vibstim.settings import CleaningSettings, ResponseSettings, WindowSettings
from pictrial.vibstim.timing import Timing, read_timing, samples_between, window_limits

#: Outcomes that are the mean torque, or the root mean square of the EMG, in a window.
TORQUE = {
    "torque_before_nmes": "before_nmes",
    "torque_vibration": "vibration",
    "torque_sustained": "sustained",
}
EMG = {
    "emg_before_nmes": "before_nmes",
    "emg_nmes": "nmes",
    "emg_vibration": "vibration",
    "emg_sustained": "sustained",
}
BEFORE_BOUT = 0.5  # s before each bout; torque there is taken from that of the bout


@dataclass(frozen=True)
class VibstimSettings:
    """All that VibStim is measured with: a section of the configuration each."""

    windows: WindowSettings = field(default_factory=WindowSettings)
    cleaning: CleaningSettings = field(default_factory=CleaningSettings)
    response: ResponseSettings = field(default_factory=ResponseSettings)
    conditioning: ConditioningSettings = field(default_factory=ConditioningSettings)

    @classmethod
    def from_configuration(cls, vibstim: dict, conditioning: dict) -> "VibstimSettings":
        """Return the settings that the sections ``vibstim`` and ``conditioning`` state."""
        return cls(
            WindowSettings(**vibstim.get("windows", {})),
            CleaningSettings(**vibstim.get("cleaning", {})),
            ResponseSettings(**vibstim.get("response", {})),
            ConditioningSettings(**conditioning),
        )


@dataclass(frozen=True)
class VibstimMeasures:
    """What was measured of one recording.

    Attributes
    ----------
    outcomes : DataFrame
        Schema ``vibstim_outcomes`` without participant and session.
    timing : Timing
        Vibration and bouts.
    emg : CleanEmg
        EMG without artefacts, µV.
    torque : ndarray, shape (samples,)
        Low-passed, % MVC above the rest window or, where that is missing, above the quietest stretch.
    """

    outcomes: pd.DataFrame
    timing: Timing
    emg: CleanEmg
    torque: np.ndarray


def measure_vibstim(
    recording: Recording, events: pd.DataFrame, maximal: Recording, settings: VibstimSettings
) -> VibstimMeasures:
    """Measure one VibStim recording.

    Parameters
    ----------
    recording : Recording
        One EMG channel (1, samples) in µV, torque in N.m or % MVC, NMES pulses.
    events : DataFrame
        Vibration and NMES bouts, see :func:`pictrial.vibstim.timing.read_timing`.
    maximal : Recording
        The session's maximal contraction, with the same EMG channel.
    settings : VibstimSettings
        Windows and rules.

    Raises
    ------
    InputError
        Where a recording has not just one EMG channel, events and pulses do not fit, or the maximal
        contraction lacks torque or EMG.
    """
    for each in (recording, maximal):
        if len(each.channel_names) != 1:
            rule = f"it has {len(each.channel_names)} EMG channels of the muscle, not one"
            raise InputError(each.source, rule, "Correct the groups in channels.tsv.")
    conditioning = settings.conditioning
    timing = read_timing(recording, events)
    highest = maximal_torque(maximal, conditioning)
    smooth = condition_torque(recording, conditioning, highest)
    emg = clean_emg(recording, timing, conditioning, settings.cleaning)
    limits = {
        part.name: window_limits(getattr(settings.windows, part.name), timing)
        for part in fields(settings.windows)
    }
    rest = samples_between(recording, *limits["rest"])
    # Means are of torque as recorded: the low-pass would carry the rise of a bout into the window before it.
    torque = np.asarray(recording.torque, float) * (100 / highest if recording.torque_unit == "N.m" else 1)
    smooth, torque = (each - (each[rest].mean() if rest.stop else 0) for each in (smooth, torque))
    rows = _Rows(recording, limits)
    _torque_rows(rows, torque, rest, timing)
    _response_rows(rows, smooth, timing, settings.response)
    full = maximal_emg(maximal, conditioning, settings.response.maximal_window)
    _emg_rows(rows, emg, rest, full, maximal, conditioning)
    return VibstimMeasures(pd.DataFrame(rows.rows), timing, emg, smooth)


def maximal_emg(maximal: Recording, settings: ConditioningSettings, window: float) -> float:
    """Return the RMS in µV of the EMG of a maximal contraction over the `window` (s) of its highest torque.

    The highest RMS would be the largest of many noisy ones, 5 to 10 % too high in simulated EMG.

    Raises
    ------
    InputError
        Where there is no EMG.
    """
    emg = bandpass(maximal.emg, maximal, settings)
    emg = emg - line_interference(emg, maximal.sampling_rate, settings)
    length = min(round(window * maximal.sampling_rate), maximal.n_samples - 1)
    total = np.concatenate([[0.0], np.cumsum(condition_torque(maximal, settings, 1.0))])
    start = int(np.argmax(total[length:] - total[:-length]))
    rms = float(np.sqrt(np.mean(emg[0, start : start + length] ** 2)))
    if not rms > 0:
        raise InputError(maximal.source, "there is no EMG at the highest torque", "Check the electrodes.")
    return rms


class _Rows:
    """The table as it grows; each row has a value or the reason why not."""

    def __init__(self, recording: Recording, limits: dict[str, tuple[float, float]]):
        self.recording, self.limits = recording, limits
        self.rows: list[dict] = []

    def missing(self, *windows: str) -> str | None:
        """Say which of the windows is not in the recording; None where all are."""
        for window in windows:
            start, end = self.limits[window]
            if not samples_between(self.recording, start, end).stop:
                here = f"the recording (0 to {self.recording.duration:g} s)"
                return f"window {window}, {start:g} to {end:g} s, is not within {here}"
        return None

    def value(self, outcome: str) -> float:
        """Return the value of an outcome that has its row; NaN where it was excluded."""
        value = next(row["value"] for row in self.rows if row["outcome"] == outcome)
        return np.nan if value is None else value

    def add(
        self, outcome: str, unit: str | None, limits: tuple | None, excluded: str | None, **measured
    ) -> None:
        """Add a row; `measured` are its other columns, which count where nothing is `excluded`."""
        start, end = limits or (None, None)
        row = {"outcome": outcome, "value": None, "unit": unit, "window_start": start, "window_end": end}
        row |= {"n_samples": 0, "blanked_share": None, "rest_level": None, "quality": None}
        self.rows.append(row | ({} if excluded else measured) | {"excluded": excluded})


def _torque_rows(rows: _Rows, torque: np.ndarray, rest: slice, timing: Timing) -> None:
    """Add the mean torques; `torque` (samples,) is in % MVC above rest."""
    spread = {"rest_level": float(torque[rest].std()) if rest.stop else None}
    for outcome, window in TORQUE.items():
        limits = rows.limits[window]
        part = torque[samples_between(rows.recording, *limits)]
        value = float(part.mean()) if part.size else None
        excluded = rows.missing("rest", window)
        rows.add(outcome, "% MVC", limits, excluded, value=value, n_samples=part.size, **spread)
    excluded = rows.missing("rest", "before_nmes", "vibration")
    rise = rows.value("torque_vibration") - rows.value("torque_before_nmes")
    rows.add("torque_rise", "% MVC", None, excluded, value=rise, **spread)
    evoked = []
    for start, end in timing.bouts:
        before = torque[samples_between(rows.recording, start - BEFORE_BOUT, start)]
        during = torque[samples_between(rows.recording, start, end)]
        evoked.append(during.mean() - before.mean() if before.size and during.size else np.nan)
    excluded = None if np.isfinite(evoked).all() else f"a bout has no {BEFORE_BOUT:g} s before it"
    limits = (timing.bouts[0, 0], timing.bouts[-1, 1])
    rows.add("evoked_torque", "% MVC", limits, excluded, value=float(np.mean(evoked)), **spread)


def _response_rows(rows: _Rows, torque: np.ndarray, timing: Timing, rule: ResponseSettings) -> None:
    """Add how long low-passed torque was sustained after vibration, and whether the person responded."""
    rate = rows.recording.sampling_rate
    below = torque[round(timing.end * rate) :] < rule.sustained_torque
    hold = max(1, round(rule.sustained_hold * rate))
    total = np.concatenate([[0], np.cumsum(below)])
    held = total[hold:] - total[:-hold] == hold
    ended = bool(held.any())
    duration = (int(np.argmax(held)) if ended else below.size) / rate
    excluded = rows.missing("rest")
    if not excluded and below.size < hold:
        excluded = f"the recording ends {below.size / rate:g} s after vibration, within the hold time"
    rows.add(
        *("sustained_duration", "s", (timing.end, rows.recording.duration), excluded),
        value=duration,
        n_samples=below.size,
        quality=None if ended else "censored",
    )
    excluded = rows.missing("rest", "before_nmes", "vibration", "sustained")
    limits = {"torque_rise": rule.responder_rise, "torque_sustained": rule.responder_sustained}
    responds = all(rows.value(outcome) >= limit for outcome, limit in limits.items())
    rows.add("responder", None, None, excluded, value=float(responds))


def _emg_rows(
    rows: _Rows,
    emg: CleanEmg,
    rest: slice,
    full: float,
    maximal: Recording,
    settings: ConditioningSettings,
) -> None:
    """Add the RMS of the EMG above rest in % of `full`; negative where there is less power than at rest."""
    at_rest = emg.power(rest)
    for outcome, window in EMG.items():
        limits = rows.limits[window]
        part = samples_between(rows.recording, *limits)
        blanked = emg.blanked[part]
        excluded = rows.missing("rest", window)
        if not excluded and np.isnan(at_rest):
            excluded = "all of the window rest is blanked"
        if not excluded and at_rest == 0:
            excluded = "the EMG is flat at rest"
        if not excluded and blanked.all():
            excluded = f"all of the window {window} is blanked"
        above = np.nan
        if not excluded:
            above = emg.power(part) / blanking_gain(blanked, maximal, settings) - at_rest
        rows.add(
            *(outcome, "% of MVC RMS", limits, excluded),
            value=100 * float(np.sign(above) * np.sqrt(abs(above))) / full,
            n_samples=int(np.sum(~blanked)),
            blanked_share=float(blanked.mean()) if blanked.size else None,
            rest_level=100 * float(np.sqrt(at_rest)) / full,
            quality="below_rest" if above < 0 else None,
        )
