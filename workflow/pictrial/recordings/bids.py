"""Read EMG-BIDS: BDF or EDF with its sidecars, each checked against the other.

The BIDS validator does not open the signals; the content checks here do.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.checked_json import read_json_object
from pictrial.errors import InputError
from pictrial.recordings.bdf import STIMULATION_CHANNEL, TORQUE_CHANNEL, read_signals
from pictrial.recordings.bids_sidecars import inside_data_set, read_sidecar, read_sidecar_table, sidecars
from pictrial.recordings.model import Recording

STIMULATION_EVENT = "stimulation"

_TORQUE_UNITS_READ = {
    "N.m": "N.m",
    "Nm": "N.m",
    "N·m": "N.m",
    "%": "% MVC",
    "% MVC": "% MVC",
    "%MVC": "% MVC",
}
_MICROVOLTS = {"uV": 1.0, "µV": 1.0, "μV": 1.0, "mV": 1e3, "V": 1e6}
_LARGEST = 1e30  # of a value: volts of it are still a number in µV as float32
RATE_TOLERANCE = 1e-5  # a record duration of 8 characters cannot hold a rate more exactly


def bids_name(subject: str, session: str, task: str, run: int = 1) -> str:
    """Return the BIDS name of a recording without its suffix, ``sub-01_ses-1_task-ramp_run-1``.

    Raises
    ------
    InputError
        Where a label is not made of letters and digits.
    """
    for entity, label in (("sub", subject), ("ses", session), ("task", task), ("run", run)):
        if not re.fullmatch("[0-9a-zA-Z]+", str(label)):
            raise InputError(f"{entity}-{label}", "a BIDS label has only letters and digits", "Rename it.")
    return f"sub-{subject}_ses-{session}_task-{task}_run-{run}"


def recording_path(bids_root: str | Path, subject: str, session: str, task: str, run: int = 1) -> Path:
    """Return where the BDF of a recording is kept in an EMG-BIDS data set."""
    folder = Path(bids_root) / f"sub-{subject}" / f"ses-{session}" / "emg"
    return folder / f"{bids_name(subject, session, task, run)}_emg.bdf"


def session_file(bids_root: str | Path, subject: str, session: str, suffix: str) -> Path:
    """Return where a sidecar that all recordings of a session share is kept."""
    return (
        Path(bids_root)
        / f"sub-{subject}"
        / f"ses-{session}"
        / "emg"
        / f"sub-{subject}_ses-{session}_{suffix}"
    )


def read_bids_recording(path: str | Path, require_torque: bool = True, group: str | None = None) -> Recording:
    """Read a recording of an EMG-BIDS data set and check its header against its sidecars.

    Parameters
    ----------
    path : path
        ``…_emg.bdf`` or ``…_emg.edf``; sidecars are found beside it and, by BIDS inheritance, above it.
    require_torque : bool
        Whether a recording without torque is an error.
    group : str, optional
        Only the EMG channels of this group of electrodes, by ``channels.tsv``; by default all.

    Returns
    -------
    Recording
        EMG in µV, torque in N.m or % MVC. Positions are NaN where the electrodes are in more than one
        coordinate system, for then nothing says how these lie to each other.

    Raises
    ------
    InputError
        Where a file is missing or truncated; header and sidecars disagree on sampling rate, channels or
        their order, units or duration; rates differ between channels; values are not finite; torque is
        missing or its unit unknown; stimulation events and trigger channel disagree; no channel is of
        `group`.
    """
    path = inside_data_set(Path(path))
    header = read_signals(path)
    metadata = read_sidecar(path)
    channels = _read_channels(path)
    rate = _check_rate(path, header, metadata, channels)
    _check_channels(path, header, metadata, channels)
    n_samples = _check_duration(path, header, metadata, rate)
    rows = _emg_rows(path, channels, group)
    torque, unit = _read_torque(path, header, channels, n_samples, require_torque)
    return Recording(
        name=path.stem.removesuffix("_emg"),
        sampling_rate=rate,
        emg=_read_emg(path, header, channels, rows, n_samples),
        channel_names=tuple(channels["name"].iloc[rows]),
        positions=_read_positions(path, channels.iloc[rows]),
        torque=torque,
        torque_unit=unit,
        stimulation=_read_stimulation(path, header, channels, rate, n_samples),
        source=path,
        groups=tuple(channels["group"].iloc[rows]) if "group" in channels else (),
    )


def read_events(path: str | Path) -> pd.DataFrame:
    """Read the events of a recording of an EMG-BIDS data set.

    Parameters
    ----------
    path : path
        The recording, as of :func:`read_bids_recording`.

    Returns
    -------
    DataFrame
        Columns onset and duration (s; NaN where the duration is ``n/a``) and trial_type, sorted by onset.

    Raises
    ------
    InputError
        Where there is no ``events.tsv``, a time is no number, or an event lies outside the recording.
    """
    path = Path(path)
    header = read_signals(path)
    metadata = read_sidecar(path)
    rate = _check_rate(path, header, metadata, _read_channels(path))
    events = read_sidecar_table(path, "events.tsv", ("onset", "duration", "trial_type"))
    duration = _check_duration(path, header, metadata, rate) / rate
    return _check_events(sidecars(path, "events.tsv")[-1], events, duration)


def channels_marked_bad(path: str | Path) -> tuple[str, ...]:
    """Return the names of the channels that a recording's ``channels.tsv`` marks as ``bad``."""
    channels = _read_channels(Path(path))
    if "status" not in channels:
        return ()
    return tuple(channels.loc[channels["status"] == "bad", "name"])


def _read_channels(path: Path) -> pd.DataFrame:
    return read_sidecar_table(path, "channels.tsv", ("name", "type", "units"))


def _channel(path: Path, channels: pd.DataFrame, row: int | np.integer) -> str:
    return f"{path}, channel {channels.loc[row, 'name']!r} (row {row + 1})"


def _check_rate(path: Path, header, metadata: dict, channels: pd.DataFrame) -> float:
    rates = [signal.sampling_frequency for signal in header.signals]
    if not rates or any(rate != rates[0] for rate in rates):
        raise InputError(path, "its channels differ in sampling rate", "Write one file per sampling rate.")
    remedy = "Correct the one that is wrong."
    stated = metadata.get("SamplingFrequency")
    if not isinstance(stated, int | float) or isinstance(stated, bool) or stated <= 0:
        raise InputError(path, "emg.json has no SamplingFrequency", "Add it, in Hz.")
    if abs(rates[0] / stated - 1) > RATE_TOLERANCE:
        rule = f"the header says {rates[0]:.10g} Hz, emg.json {stated:.10g} Hz"
        raise InputError(path, rule, remedy)
    if "sampling_frequency" in channels:
        for row, value in enumerate(pd.to_numeric(channels["sampling_frequency"], errors="coerce")):
            if np.isfinite(value) and abs(value / stated - 1) > RATE_TOLERANCE:
                rule = f"channels.tsv says {value:.10g} Hz, header and emg.json {stated:.10g} Hz"
                raise InputError(_channel(path, channels, row), rule, remedy)
    return float(stated)


def _check_channels(path: Path, header, metadata: dict, channels: pd.DataFrame) -> None:
    remedy = "Let channels.tsv have one row per channel of the file, in its order."
    if len(header.signals) != len(channels):
        raise InputError(path, f"it has {len(header.signals)} channels, channels.tsv {len(channels)}", remedy)
    for row in channels.index[channels["name"].duplicated()]:
        raise InputError(_channel(path, channels, row), "the name occurs twice", "Name every channel once.")
    for row, signal in enumerate(header.signals):
        name, unit = channels.loc[row, "name"], channels.loc[row, "units"]
        if signal.label != name:
            raise InputError(_channel(path, channels, row), f"the header calls it {signal.label!r}", remedy)
        if _unit(signal.physical_dimension) != _unit(unit):
            rule = f"the header's unit is {signal.physical_dimension!r}, that of channels.tsv {unit!r}"
            raise InputError(_channel(path, channels, row), rule, "Correct the one that is wrong.")
    kinds = channels["type"].str.upper()
    for key, kind in (
        ("EMGChannelCount", "EMG"),
        ("MISCChannelCount", "MISC"),
        ("TriggerChannelCount", "TRIG"),
    ):
        count = int((kinds == kind).sum())
        if key in metadata and metadata[key] != count:
            raise InputError(path, f"emg.json has {key} {metadata[key]}, channels.tsv {count}", remedy)


def _unit(text: str) -> str:
    return _TORQUE_UNITS_READ.get(text, "uV" if text in ("µV", "μV") else text)


def _check_duration(path: Path, header, metadata: dict, rate: float) -> int:
    """Return the number of samples: the header's, less what pads the last data record."""
    n_samples = len(header.signals[0].digital)
    stated = metadata.get("RecordingDuration")
    if not isinstance(stated, int | float) or isinstance(stated, bool):
        return n_samples
    expected = round(stated * rate)
    if not n_samples - header.signals[0].samples_per_data_record < expected <= n_samples:
        rule = f"it lasts {n_samples / rate:.10g} s, by emg.json {stated:.10g} s"
        raise InputError(path, rule, "Correct RecordingDuration, or copy the file again.")
    return expected


def _read_channel(
    path: Path, header, channels: pd.DataFrame, row: int | np.integer, n_samples: int
) -> np.ndarray:
    """Return a channel in its unit; without a valid range edfio would return bare counts."""
    signal, remedy = header.signals[row], "Correct its ranges in the header."
    try:
        physical, digital = np.diff(signal.physical_range)[0], np.diff(signal.digital_range)[0]
    except ValueError as error:
        raise InputError(
            _channel(path, channels, row), "its range in the header is no number", remedy
        ) from error
    if not np.isfinite(physical) or physical == 0 or digital <= 0:
        raise InputError(_channel(path, channels, row), "its range in the header is empty", remedy)
    values = signal.data[:n_samples]
    if not np.abs(values).max(initial=0) < _LARGEST:
        raise InputError(_channel(path, channels, row), "it has values that are not finite", remedy)
    return values


def _emg_rows(path: Path, channels: pd.DataFrame, group: str | None) -> np.ndarray:
    emg = channels["type"].str.upper() == "EMG"
    if not emg.any():
        raise InputError(path, "there is no channel of type EMG", "Check the types in its channels.tsv.")
    if group is None:
        return np.flatnonzero(emg)
    groups = channels.get("group", pd.Series("", index=channels.index))
    if not (emg & (groups == group)).any():
        rule = f"no EMG channel is of the group {group!r} (there are {sorted(set(groups[emg]))})"
        raise InputError(path, rule, "Correct the column group of its channels.tsv.")
    return np.flatnonzero(emg & (groups == group))


def _read_emg(path: Path, header, channels: pd.DataFrame, rows: np.ndarray, n_samples: int) -> np.ndarray:
    emg = np.empty((rows.size, n_samples), dtype=np.float32)
    for target, row in enumerate(rows):
        unit = channels.loc[row, "units"]
        if unit not in _MICROVOLTS:
            raise InputError(_channel(path, channels, row), f"unit {unit!r} is no voltage", "Use uV.")
        emg[target] = _read_channel(path, header, channels, row, n_samples) * _MICROVOLTS[unit]
    return emg


def _read_torque(path: Path, header, channels: pd.DataFrame, n_samples: int, required: bool):
    kinds, names = channels["type"].str.upper(), channels["name"].str.lower()
    candidates = np.flatnonzero((kinds == "MISC") & (names.isin([TORQUE_CHANNEL, "force"])))
    if not candidates.size:
        candidates = np.flatnonzero((kinds == "MISC") & channels["units"].isin(list(_TORQUE_UNITS_READ)))
    if candidates.size > 1:
        raise InputError(path, "more than one channel may be torque", f"Name one {TORQUE_CHANNEL!r}.")
    if not candidates.size:
        if required:
            remedy = f"Add a MISC channel named {TORQUE_CHANNEL!r} in N.m or %."
            raise InputError(path, "there is no torque channel", remedy)
        return None, "N.m"
    row = candidates[0]
    unit = channels.loc[row, "units"]
    if unit not in _TORQUE_UNITS_READ:
        raise InputError(
            _channel(path, channels, row), f"torque is in {unit!r}", "Use 'N.m' or '%' (of MVC)."
        )
    return _read_channel(path, header, channels, row, n_samples), _TORQUE_UNITS_READ[unit]


def _read_positions(path: Path, channels: pd.DataFrame) -> np.ndarray:
    unknown = np.full((len(channels), 2), np.nan)
    if not sidecars(path, "electrodes.tsv"):
        return unknown
    electrodes = read_sidecar_table(path, "electrodes.tsv", ("name", "x", "y"))
    electrodes = electrodes.assign(
        group=electrodes.get("group", ""), space=electrodes.get("coordinate_system", "")
    )
    keys = zip(electrodes["name"], electrodes["group"], strict=True)
    rows = {key: row for row, key in enumerate(keys)}
    names = channels["signal_electrode"] if "signal_electrode" in channels else channels["name"]
    groups = channels["group"] if "group" in channels else [""] * len(channels)
    wanted = []
    for name, group in zip(names, groups, strict=True):
        if (name, group) not in rows:
            raise InputError(
                path, f"electrode {name!r} of {group!r} is not in electrodes.tsv", "Add its row."
            )
        wanted.append(rows[name, group])
    chosen = electrodes.iloc[wanted]
    if (chosen["space"] != chosen["space"].iloc[0]).any():
        return unknown
    return chosen[["x", "y"]].apply(pd.to_numeric, errors="coerce").to_numpy() * _millimetres(path, chosen)


def _millimetres(path: Path, electrodes: pd.DataFrame) -> float:
    """Return the length in mm of one unit of the electrodes' coordinates; NaN where it is no length."""
    space = electrodes["space"].iloc[0]
    files = sidecars(path, "coordsystem.json", any_space=True)
    named = [file for file in files if f"space-{space}" in file.name.split("_")] if space else files
    if not named:
        raise InputError(
            path, f"its coordsystem.json {space!r} is missing", "Write it beside electrodes.tsv."
        )
    unit = read_json_object(named[-1]).get("EMGCoordinateUnits")
    return {"mm": 1.0, "cm": 10.0, "m": 1000.0}.get(str(unit), np.nan)


def _check_events(file: Path, events: pd.DataFrame, duration: float) -> pd.DataFrame:
    """Return the events, rows of `file`, with times as numbers; each within a recording of `duration` s."""
    checked = events[["onset", "duration", "trial_type"]].copy()
    for column in ("onset", "duration"):
        checked[column] = pd.to_numeric(events[column], errors="coerce")
        unknown = (column == "duration") & (events[column] == "n/a")
        for row in events.index[~(np.isfinite(checked[column]) | unknown)]:
            rule = f"{column} {events.loc[row, column]!r} is no number"
            raise InputError(f"{file}, line {row + 2}", rule, "Give it in s.")
    end = checked["onset"] + checked["duration"].fillna(0)
    tolerance = 1e-6  # s: a decimal of the sum
    outside = (checked["onset"] < 0) | (checked["duration"] < 0) | (end > duration + tolerance)
    for row in checked.index[outside | (checked["onset"] >= duration)]:
        rule = f"the event lies outside the recording (0 to {duration:.10g} s)"
        raise InputError(f"{file}, line {row + 2}", rule, "Correct its onset or duration.")
    return checked.sort_values("onset", kind="stable", ignore_index=True)


def _read_stimulation(path: Path, header, channels: pd.DataFrame, rate: float, n_samples: int) -> np.ndarray:
    """Return the onsets of the pulses in s; where there are both, events and trigger channel must agree."""
    remedy = "Correct the one that is wrong."
    triggers = onsets = None
    rows = np.flatnonzero(channels["name"].str.lower() == STIMULATION_CHANNEL)
    if rows.size:
        high = header.signals[rows[0]].data[:n_samples] > 0.5
        triggers = np.flatnonzero(high & ~np.concatenate([[False], high[:-1]])) / rate
    if sidecars(path, "events.tsv"):
        events = read_sidecar_table(path, "events.tsv", ("onset", "duration"))
        kinds = events.get("trial_type", pd.Series("", index=events.index))
        pulses = events.assign(trial_type=kinds)[kinds == STIMULATION_EVENT]
        checked = _check_events(sidecars(path, "events.tsv")[-1], pulses, n_samples / rate)
        onsets = checked["onset"].to_numpy()
        if np.any(np.diff(onsets) <= 0):
            raise InputError(path, "events.tsv has two stimulation pulses at the same time", remedy)
    if triggers is not None and onsets is not None:
        if len(onsets) != len(triggers):
            rule = f"events.tsv has {len(onsets)} stimulation pulses, the trigger channel {len(triggers)}"
            raise InputError(path, rule, remedy)
        if np.any(np.abs(onsets - triggers) * rate > 1):
            raise InputError(path, "events.tsv and trigger channel are more than a sample apart", remedy)
    if onsets is not None:
        return onsets
    return np.empty(0) if triggers is None else triggers
