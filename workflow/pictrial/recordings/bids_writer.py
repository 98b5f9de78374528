"""Write EMG-BIDS (BIDS 1.11): a data set, its sessions, its recordings as 24-bit BDF with all sidecars.

The same input gives the same bytes: no file holds a date, a path or a time of day.
"""

import json
from importlib.metadata import version
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.recordings.bdf import STIMULATION_CHANNEL, TORQUE_CHANNEL, TORQUE_UNITS, write_bdf
from pictrial.recordings.bids import STIMULATION_EVENT, bids_name, recording_path, session_file
from pictrial.recordings.model import GRID, Recording

BIDS_VERSION = "1.11.1"
REFERENCE = "R1"

SESSIONS_DICTIONARY = {
    "session_id": {"Description": "Session: one visit of the participant, numbered by period"},
    "period": {"Description": "Period of the crossover, 1 is the first"},
    "condition": {"Description": "Condition delivered in this session, a level of the trial plan"},
    "sequence": {"Description": "Sequence of conditions to which the participant was assigned"},
    "washout": {"Description": "Time since the preceding session", "Units": "day"},
    "dose": {"Description": "Dose of the condition as delivered"},
}

EVENTS_DICTIONARY = {
    "onset": {"Description": "Onset from the start of the recording", "Units": "s"},
    "duration": {"Description": "Duration; 0 for a pulse shorter than a sample", "Units": "s"},
    "sample": {"Description": "Sample of the onset, the first sample is 0"},
    "trial_type": {"Description": "Kind of event"},
}
EVENT_KINDS = {
    STIMULATION_EVENT: "Pulse of electrical nerve stimulation",
    "nmes": "Bout of neuromuscular electrical stimulation; each pulse is an event of its own",
    "vibration": "Tendon vibration",
}

UNKNOWN = "n/a"
_EMG_JSON_DEFAULTS = {
    "TaskDescription": UNKNOWN,
    "Instructions": UNKNOWN,
    "InstitutionName": UNKNOWN,
    "InstitutionAddress": UNKNOWN,
    "InstitutionalDepartmentName": UNKNOWN,
    "Manufacturer": UNKNOWN,
    "ManufacturersModelName": UNKNOWN,
    "SoftwareVersions": UNKNOWN,
    "DeviceSerialNumber": UNKNOWN,
    "EMGPlacementScheme": "Other",
    "EMGPlacementSchemeDescription": "High-density grid; see the channels and electrodes tables.",
    "EMGReference": UNKNOWN,
    "EMGGround": UNKNOWN,
    "PowerLineFrequency": UNKNOWN,
    "HardwareFilters": UNKNOWN,
    "SoftwareFilters": UNKNOWN,
    "RecordingType": "continuous",
    "ElectrodeManufacturer": UNKNOWN,
    "ElectrodeManufacturersModelName": UNKNOWN,
    "ElectrodeType": UNKNOWN,
    "ElectrodeMaterial": UNKNOWN,
    "SubjectArtefactDescription": UNKNOWN,
}
_FROM_THE_RECORDING = (
    "TaskName",
    "SamplingFrequency",
    "RecordingDuration",
    "EMGChannelCount",
    "MISCChannelCount",
    "TriggerChannelCount",
)
COORDINATE_SYSTEM = {
    "EMGCoordinateSystem": "Other",
    "EMGCoordinateUnits": "mm",
    "EMGCoordinateSystemDescription": (
        "Plane of the electrode grid: x across and y along the columns of the grid, "
        "which lie along the muscle fibres; the origin is a corner of the grid."
    ),
}
_CHANNEL_COLUMNS = {"target_muscle": UNKNOWN, "low_cutoff": UNKNOWN, "high_cutoff": UNKNOWN}


def write_bids_dataset(
    root: str | Path,
    name: str,
    description: str,
    participants: pd.DataFrame,
    participants_dictionary: dict,
    *,
    dataset_type: str = "raw",
    details: dict | None = None,
) -> None:
    """Write ``dataset_description.json``, ``README.md``, ``participants.tsv`` and its dictionary.

    Parameters
    ----------
    root : path
        Folder of the data set.
    name, description : str
        Its name, and the text of its README.
    participants : DataFrame
        One row per participant; first column ``participant_id`` with values such as ``sub-01``.
    participants_dictionary : dict
        For every other column of `participants` its BIDS description.
    dataset_type : {"raw", "derivative"}
        BIDS DatasetType.
    details : dict, optional
        Further keys of ``dataset_description.json`` (Authors, License, SourceDatasets, …).

    Raises
    ------
    InputError
        Where an identifier lacks its ``sub-`` or repeats, or a column has no description.
    """
    root = Path(root)
    record = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": dataset_type,
        "GeneratedBy": [{"Name": "pictrial", "Version": version("pictrial")}],
        **(details or {}),
    }
    dictionary = {"participant_id": {"Description": "Participant"}, **participants_dictionary}
    _check_identifiers(participants, "participant_id", "sub-", root / "participants.tsv")
    _check_described(participants, dictionary, root / "participants.tsv")
    write_json(root / "dataset_description.json", record)
    write_text(root / "README.md", f"# {name}\n\n{description}\n")
    write_tsv(root / "participants.tsv", participants)
    write_json(root / "participants.json", dictionary)


def write_bids_sessions(
    root: str | Path, subject: str, sessions: pd.DataFrame, dictionary: dict | None = None
) -> Path:
    """Write ``sub-<id>/sub-<id>_sessions.tsv`` and the data set's ``sessions.json``.

    Parameters
    ----------
    root : path
        Folder of the data set.
    subject : str
        Label of the participant, without ``sub-``.
    sessions : DataFrame
        One row per session; column ``session_id`` with values such as ``ses-1``, then ``period``,
        ``condition`` and others.
    dictionary : dict, optional
        Descriptions of columns that `SESSIONS_DICTIONARY` does not know.

    Raises
    ------
    InputError
        Where an identifier lacks its ``ses-`` or repeats, or a column has no description.
    """
    path = Path(root) / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
    described = {**SESSIONS_DICTIONARY, **(dictionary or {})}
    _check_identifiers(sessions, "session_id", "ses-", path)
    _check_described(sessions, described, path)
    write_tsv(path, sessions)
    write_json(Path(root) / "sessions.json", described)
    return path


def write_bids_recording(
    root: str | Path,
    recording: Recording,
    subject: str,
    session: str,
    task: str,
    run: int = 1,
    metadata: dict | None = None,
    events: pd.DataFrame | None = None,
) -> Path:
    """Write one recording: BDF, ``emg.json``, channels, electrodes, coordinate system, events.

    Parameters
    ----------
    root : path
        Folder of the data set.
    recording : Recording
        EMG in µV; torque becomes a MISC channel, stimulation pulses a TRIG channel and events. Each channel
        of a group other than ``grid1`` is bipolar, with two electrodes of unknown position.
    subject, session, task : str
        BIDS labels without their prefixes.
    run : int
        Number of the run.
    metadata : dict, optional
        Keys of ``emg.json`` (``Manufacturer``, ``EMGReference``, …); the lower-case keys
        ``target_muscle``, ``low_cutoff`` and ``high_cutoff`` go to every EMG row of the channels; where the
        recording has several groups they may be dicts with a value for each.
    events : DataFrame, optional
        Columns onset, duration (s) and trial_type (``vibration`` or ``nmes``): events beside the pulses.

    Returns
    -------
    Path
        The BDF file.

    Raises
    ------
    InputError
        Where names do not fit a BDF header, values are not finite or beyond 80 mV, pulses or events lie
        outside the recording, a kind of event is unknown, `metadata` sets what the recording itself
        states, or another recording of the session has an electrode at another place.
    """
    path = recording_path(root, subject, session, task, run)
    metadata = dict(metadata or {})
    _check_metadata(metadata, path)
    columns = {key: metadata.pop(key, default) for key, default in _CHANNEL_COLUMNS.items()}
    pulses = _pulse_samples(recording, path)
    timeline = _events(recording, pulses, events, path)
    groups = _groups(recording, path)
    write_bdf(path, recording, pulses)
    stem = path.parent / bids_name(subject, session, task, run)
    write_json(f"{stem}_emg.json", _emg_json(recording, task, pulses, metadata))
    write_tsv(f"{stem}_channels.tsv", _channels(recording, groups, pulses, columns))
    _add_electrodes(session_file(root, subject, session, "electrodes.tsv"), _electrodes(recording, groups))
    write_json(session_file(root, subject, session, f"space-{GRID}_coordsystem.json"), COORDINATE_SYSTEM)
    if len(timeline):
        write_tsv(f"{stem}_events.tsv", timeline)
        write_json(f"{stem}_events.json", _events_dictionary(timeline))
    return path


def write_tsv(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a BIDS table: tabs, LF, missing values as ``n/a``."""
    write_text(path, tsv_text(frame))


def write_json(path: str | Path, record: dict) -> None:
    """Write a BIDS sidecar with the keys in the given order."""
    write_text(path, json_text(record))


def tsv_text(frame: pd.DataFrame) -> str:
    """Return the text of a BIDS table."""
    return frame.to_csv(sep="\t", index=False, na_rep=UNKNOWN, float_format="%.10g", lineterminator="\n")


def json_text(record: dict) -> str:
    """Return the text of a BIDS sidecar."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _add_electrodes(path: Path, electrodes: pd.DataFrame) -> None:
    """Add a recording's electrodes to those of its session, within which BIDS keeps them fixed."""
    if path.is_file():
        texts = [path.read_text(encoding="utf-8"), tsv_text(electrodes)]
        tables = [pd.read_csv(StringIO(text), sep="\t", dtype=str, keep_default_na=False) for text in texts]
        electrodes = pd.concat(tables).drop_duplicates(ignore_index=True)
        if electrodes.duplicated(["name", "group"]).any():
            rule = "another recording of this session has other electrodes"
            raise InputError(path, rule, "Use another session, or delete the file when the layout was wrong.")
    write_tsv(path, electrodes)


def _check_identifiers(frame: pd.DataFrame, column: str, prefix: str, where: Path) -> None:
    remedy = f"Give one row per {column} with values such as {prefix}01."
    if column not in frame or frame.columns[0] != column:
        raise InputError(where, f"the first column is not {column!r}", remedy)
    values = frame[column].astype(str)
    for value in values[~values.str.fullmatch(prefix + "[0-9a-zA-Z]+")]:
        raise InputError(where, f"{column} {value!r} is not {prefix}<letters and digits>", remedy)
    for value in values[values.duplicated()]:
        raise InputError(where, f"{column} {value!r} occurs twice", remedy)


def _check_described(frame: pd.DataFrame, dictionary: dict, where: Path) -> None:
    for column in frame:
        if column not in dictionary:
            raise InputError(where, f"column {column!r} has no description", "Add it to the dictionary.")


def _check_metadata(metadata: dict, where: Path) -> None:
    for key in metadata:
        if key in _FROM_THE_RECORDING:
            raise InputError(where, f"metadata sets {key}", "Leave it out: it is taken from the recording.")
        if key[:1].islower() and key not in _CHANNEL_COLUMNS:
            known = ", ".join(_CHANNEL_COLUMNS)
            raise InputError(where, f"metadata has the unknown key {key!r}", f"Columns are {known}.")


def _pulse_samples(recording: Recording, where: Path) -> np.ndarray:
    onsets = np.asarray(recording.stimulation, dtype=float)
    pulses = np.rint(onsets * recording.sampling_rate).astype(np.int64)
    if pulses.size and (pulses.min() < 0 or pulses.max() >= recording.n_samples):
        raise InputError(where, "a stimulation pulse lies outside the recording", "Correct its onset.")
    if np.any(np.diff(pulses) < 2):
        raise InputError(
            where,
            "stimulation pulses are not ascending or less than 2 samples apart",
            "Correct their onsets.",
        )
    return pulses


def _emg_json(recording: Recording, task: str, pulses: np.ndarray, metadata: dict) -> dict:
    return {
        "TaskName": task,
        **_EMG_JSON_DEFAULTS,
        "SamplingFrequency": recording.sampling_rate,
        "RecordingDuration": recording.duration,
        "EMGChannelCount": len(recording.channel_names),
        "MISCChannelCount": int(recording.torque is not None),
        "TriggerChannelCount": int(pulses.size > 0),
        **metadata,
    }


def _groups(recording: Recording, where: Path) -> pd.Series:
    """Return the group of each EMG channel, by channel name."""
    groups = pd.Series(recording.groups or GRID, index=list(recording.channel_names))
    for group in groups[groups.duplicated() & (groups != GRID)]:
        rule = f"several channels are of the group {group!r}"
        raise InputError(where, rule, f"Only {GRID} has several; give each bipolar channel its own group.")
    return groups


def _channels(recording: Recording, groups: pd.Series, pulses: np.ndarray, columns: dict) -> pd.DataFrame:
    def row(name: str, kind: str, units: str, description: str, **more: object) -> dict:
        shared = {"sampling_frequency": recording.sampling_rate, "status": UNKNOWN}
        return {"name": name, "type": kind, "units": units, "description": description, **shared, **more}

    rows = []
    for number, (name, group) in enumerate(groups.items(), start=1):
        montage = "Monopolar" if group == GRID else "Bipolar"
        first, second = (f"E{number}", REFERENCE) if group == GRID else (f"{name}1", f"{name}2")
        own = {key: value[group] if isinstance(value, dict) else value for key, value in columns.items()}
        electrodes = {"signal_electrode": first, "reference": second, "group": group}
        rows.append(row(str(name), "EMG", "uV", f"{montage} surface EMG", **electrodes, **own))
    if recording.torque is not None:
        unit = TORQUE_UNITS[recording.torque_unit]
        rows.append(row(TORQUE_CHANNEL, "MISC", unit, f"Joint torque in {recording.torque_unit}"))
    if pulses.size:
        rows.append(row(STIMULATION_CHANNEL, "TRIG", "V", "1 at the first sample of each stimulation pulse"))
    initial = ["name", "type", "units", "description", "sampling_frequency", "signal_electrode", "reference"]
    return pd.DataFrame(rows, columns=[*initial, "group", *columns, "status"])


def _electrodes(recording: Recording, groups: pd.Series) -> pd.DataFrame:
    positions = np.asarray(recording.positions, dtype=float)
    rows = []
    for number, (name, group) in enumerate(groups.items()):
        if group == GRID:
            rows.append((f"E{number + 1}", *positions[number], group))
        else:
            rows += [(f"{name}{end}", np.nan, np.nan, group) for end in (1, 2)]
    if (groups == GRID).any():
        rows.append((REFERENCE, np.nan, np.nan, np.nan))
    electrodes = pd.DataFrame(rows, columns=["name", "x", "y", "group"])
    electrodes.insert(3, "coordinate_system", GRID)  # BIDS wants one even where the position is unknown
    return electrodes


def _events(
    recording: Recording, pulses: np.ndarray, events: pd.DataFrame | None, where: Path
) -> pd.DataFrame:
    """Return pulses and further events in the order of their onsets, columns as in the file."""
    onsets = np.asarray(recording.stimulation, dtype=float)
    timeline = pd.DataFrame(
        {"onset": onsets, "duration": 0, "sample": pulses, "trial_type": STIMULATION_EVENT}
    )
    if events is None:
        return timeline
    for row in events.itertuples():
        remedy = "Correct the events."
        if row.trial_type not in EVENT_KINDS or row.trial_type == STIMULATION_EVENT:
            raise InputError(where, f"kind of event {row.trial_type!r} is unknown", remedy)
        if not 0 <= row.onset <= row.onset + row.duration <= recording.duration + 1e-6:
            raise InputError(where, f"{row.trial_type!r} lies outside the recording", remedy)
    sample = np.rint(events["onset"] * recording.sampling_rate).astype(np.int64)
    further = events[["onset", "duration", "trial_type"]].assign(sample=sample)
    return pd.concat([further, timeline]).sort_values("onset", kind="stable")[list(timeline)]


def _events_dictionary(timeline: pd.DataFrame) -> dict:
    kinds = sorted(set(timeline["trial_type"]))
    kind = {**EVENTS_DICTIONARY["trial_type"], "Levels": {name: EVENT_KINDS[name] for name in kinds}}
    return {**EVENTS_DICTIONARY, "trial_type": kind}
