"""Import OT Bioelettronica recordings: exports (.mat) with the vendor's decomposition, and raw archives."""

import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.recordings.bids import bids_name
from pictrial.recordings.bids_writer import (
    BIDS_VERSION,
    UNKNOWN,
    write_bids_dataset,
    write_bids_recording,
    write_bids_sessions,
    write_json,
    write_tsv,
)
from pictrial.recordings.matlab_files import read_matlab
from pictrial.recordings.model import Recording
from pictrial.recordings.otb_archive import SUFFIXES, read_archive
from pictrial.tables import read_text_table, write_table

_EMG = re.compile(
    r"(?P<muscle>.+?) - .*(?P<grid>[A-Z]{2}\d{2}MM\d{4}) \((?P<number>[1-9]\d{0,2})\)\s*\[(?P<unit>.*)\]"
)
_DISCHARGES = re.compile(r"(.* - )?Decomposition of .*")
_TORQUE = re.compile(r"acquired data\s*\[(?P<unit>.*)\]")
_LEFT_OUT = re.compile(r"(.* - )?Source for decomposition of .*|(requested|performed) path.*")
_MICROVOLTS = {"uV": 1.0, "µV": 1.0, "mV": 1e3, "V": 1e6}
_LONGEST = 1000  # characters of a description: the time to match one grows with their square
_COLUMNS = "Export the grid's EMG, the acquired data and the decomposition only."
_ELECTRODES = 64  # of the grids below
_INTERELECTRODE_DISTANCE = {"GR08MM1305": 8.0, "GR04MM1305": 4.0}  # mm


def grid_positions(grid: str, numbers: np.ndarray) -> np.ndarray:
    """Return the electrodes' positions of a 13 x 5 grid that lacks one corner.

    Electrode 1 lies beside the missing corner; the numbers run down the first column of 13, up the
    second, and so on (GR08MM1305 with 8 mm, GR04MM1305 with 4 mm; OTBioelettronica's numbering, as
    openhdemg 0.2 lists it for the connector at 180°).

    Parameters
    ----------
    grid : str
        Model of the grid.
    numbers : ndarray of int, shape (channels,)
        Numbers of the electrodes, from 1.

    Returns
    -------
    ndarray, shape (channels, 2)
        x (column) and y (row) in mm; NaN for a grid whose numbering is not known here.
    """
    if grid not in _INTERELECTRODE_DISTANCE:
        return np.full((len(numbers), 2), np.nan)
    column, step = np.divmod(np.asarray(numbers), 13)
    row = np.where(column % 2 == 0, step, 12 - step)
    return np.column_stack([column, row]) * _INTERELECTRODE_DISTANCE[grid]


def read_otb(path: str | Path, require_torque: bool = True) -> tuple[Recording, dict[str, np.ndarray]]:
    """Read an OTBioLab+ export to MATLAB or a raw archive.

    Parameters
    ----------
    path : path
        The ``.mat`` file, with ``Data``, ``Description`` and ``SamplingFrequency``, or an ``.otb+`` or
        ``.otb4``, see :func:`pictrial.recordings.otb_archive.read_archive`.
    require_torque : bool
        Whether a file without torque is an error (in a ``.mat`` the column ``acquired data``).

    Returns
    -------
    Recording
        The grid's EMG in µV in the order of its electrodes, torque in % MVC or N.m.
    dict of str to ndarray of int64
        The vendor's discharges as sample indices, ``OTB1`` … in the order of the file; empty where the
        file holds no decomposition.

    Raises
    ------
    InputError
        Where the file is no such export, holds another number of grids than one, an unknown column or
        unit, values that are not finite, or no torque.
    """
    path = Path(path)
    recording, discharges, _ = _read(path, require_torque)
    return recording, discharges


def import_otb(
    path: str | Path,
    bids_root: str | Path,
    subject: str,
    session: str,
    task: str,
    run: int = 1,
    condition: str | None = None,
) -> Path:
    """Import an OTBioLab+ export or a raw archive into an EMG-BIDS data set, which is created or extended.

    The vendor's discharges become the derivative ``derivatives/otbiolab``.

    Parameters
    ----------
    path : path
        The ``.mat``, ``.otb+`` or ``.otb4`` file.
    bids_root : path
        Folder of the data set.
    subject, session, task : str
        BIDS labels without their prefixes; a session that is a number is also the period.
    run : int
        Number of the run.
    condition : str, optional
        Condition delivered in this session; ``n/a`` in the sessions table where it is not given.

    Returns
    -------
    Path
        The BDF file.

    Raises
    ------
    InputError
        As :func:`read_otb`; where the session is known with another condition.
    """
    path, root = Path(path), Path(bids_root)
    name = bids_name(subject, session, task, run)
    recording, discharges, grid = _read(path, require_torque=True)
    _add_participant(root, subject)
    _add_session(root, subject, session, condition)
    metadata: dict[str, object] = {
        "Manufacturer": "OTBioelettronica",
        "ManufacturersModelName": grid["device"],
        "SoftwareVersions": "OTBioLab+ (version not stated in the export)",
        "ElectrodeManufacturer": "OTBioelettronica",
        "ElectrodeManufacturersModelName": grid["grid"],
        "EMGPlacementSchemeDescription": f"Grid {grid['grid']} over {grid['muscle']}.{grid['left_out']}",
        "target_muscle": grid["muscle"],
    }
    if grid["grid"] in _INTERELECTRODE_DISTANCE:
        metadata["InterelectrodeDistance"] = _INTERELECTRODE_DISTANCE[grid["grid"]]
    written = write_bids_recording(root, recording, subject, session, task, run, metadata)
    if discharges:
        folder = root / "derivatives" / "otbiolab" / f"sub-{subject}" / f"ses-{session}" / "emg"
        _describe_derivative(root)
        write_table(
            _events(discharges, recording.sampling_rate),
            folder / f"{name}_desc-decomposed_events.tsv",
            "events",
        )
    return written


def _read(path: Path, require_torque: bool) -> tuple[Recording, dict[str, np.ndarray], dict[str, str]]:
    """Return the recording, the vendor's discharges, and names for the sidecar."""
    if path.suffix.lower() not in SUFFIXES:
        return _read_export(path, require_torque)
    raw = read_archive(path, require_torque)
    numbers = np.arange(1, len(raw.emg) + 1)
    recording = Recording(
        name=path.stem,
        sampling_rate=raw.sampling_rate,
        emg=raw.emg,
        channel_names=tuple(f"EMG{number}" for number in numbers),
        positions=grid_positions(raw.grid, numbers),
        torque=raw.torque,
        torque_unit=raw.torque_unit,
        stimulation=np.empty(0),
        source=path,
    )
    left_out = f" Not imported: {'; '.join(raw.left_out)}." if raw.left_out else ""
    names = {"grid": raw.grid, "muscle": raw.muscle.lower() or UNKNOWN, "device": raw.device}
    return recording, {}, names | {"left_out": left_out}


def _read_export(path: Path, require_torque: bool) -> tuple[Recording, dict[str, np.ndarray], dict[str, str]]:
    data, columns, rate = _load(path)
    roles = [_role(path, number, text) for number, text in enumerate(columns, start=1)]
    matches = [match for role, match in roles if role == "emg"]
    grid = _one_grid(path, matches)
    numbers = np.array([int(match["number"]) for match in matches])
    emg = np.empty((len(matches), len(data)), dtype=np.float32)
    for target, column in enumerate(n for n, (role, _) in enumerate(roles) if role == "emg"):
        with np.errstate(over="ignore"):
            emg[target] = data[:, column] * _MICROVOLTS[matches[target]["unit"]]
    if not np.isfinite(emg).all():
        raise InputError(path, "its EMG goes beyond 10^38 µV", "Export the recording again.")
    torque, unit = _read_torque(path, data, roles, require_torque)
    recording = Recording(
        name=path.stem,
        sampling_rate=rate,
        emg=emg,
        channel_names=tuple(f"EMG{number}" for number in numbers),
        positions=grid_positions(grid["grid"], numbers),
        torque=torque,
        torque_unit=unit,
        stimulation=np.empty(0),
        source=path,
    )
    trains = [data[:, n] for n, (role, _) in enumerate(roles) if role == "discharges"]
    discharges = {
        f"OTB{n}": np.flatnonzero(train > 0.5).astype(np.int64) for n, train in enumerate(trains, 1)
    }
    return recording, discharges, grid


def _load(path: Path) -> tuple[np.ndarray, list[str], float]:
    """Return the table (samples, columns), its columns' descriptions, and the sampling rate in Hz."""
    remedy = "Export the recording from OTBioLab+ as MATLAB file (.mat)."
    keys = ("Data", "Description", "SamplingFrequency")
    content = read_matlab(path, keys)
    for key in keys:
        if key not in content:
            raise InputError(path, f"it has no {key!r}", remedy)
    data, rate = _unwrapped(content["Data"]), _unwrapped(content["SamplingFrequency"])
    texts = [np.ravel(text) for text in np.ravel(_unwrapped(content["Description"]))]
    columns = [" ".join(map(str, text[:2])).strip() for text in texts]
    if data.ndim != 2 or not data.size or data.dtype.kind not in "iuf":
        raise InputError(path, "'Data' is not one table of numbers", remedy)
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not 0 < rate.item() < np.inf:
        raise InputError(path, "'SamplingFrequency' is not one positive number", remedy)
    if data.shape[1] != len(columns):
        raise InputError(path, f"{data.shape[1]} columns of Data, {len(columns)} of Description", remedy)
    for number, text in enumerate(columns, start=1):
        if not np.isfinite(data[:, number - 1]).all():
            raise InputError(f"{path}, column {number} ({text})", "it has values that are not finite", remedy)
    return data, columns, float(rate.item())


def _unwrapped(value: np.ndarray) -> np.ndarray:
    """Return what is in a cell array of one cell; anything else as it is."""
    while value.dtype == object and value.size == 1 and isinstance(value.item(), np.ndarray):
        value = value.item()
    return value


def _role(path: Path, number: int, text: str) -> tuple[str, re.Match[str]]:
    """Return what a column is, by its description, and the match of that."""
    if len(text) > _LONGEST:
        raise InputError(f"{path}, column {number}", f"its description has {len(text)} characters", _COLUMNS)
    rules = {"left out": _LEFT_OUT, "discharges": _DISCHARGES, "torque": _TORQUE, "emg": _EMG}
    for role, rule in rules.items():
        if match := rule.fullmatch(text):
            return role, match
    raise InputError(f"{path}, column {number}", f"its description {text!r} is unknown", _COLUMNS)


def _one_grid(path: Path, matches: list[re.Match[str]]) -> dict[str, str]:
    grids = {(match["muscle"], match["grid"]) for match in matches}
    if len(grids) != 1:
        raise InputError(path, f"it holds {len(grids)} grids of EMG", "Export one grid per file.")
    numbers = [int(match["number"]) for match in matches]
    if len(set(numbers)) != len(numbers):
        raise InputError(path, "an electrode occurs twice", "Export each electrode once.")
    if max(numbers) > _ELECTRODES and matches[0]["grid"] in _INTERELECTRODE_DISTANCE:
        rule = f"there is no electrode {max(numbers)} of {_ELECTRODES}"
        raise InputError(path, rule, "Correct the descriptions of the columns.")
    for match in matches:
        if match["unit"] not in _MICROVOLTS:
            raise InputError(f"{path}, {match[0]!r}", "its unit is no voltage", "Export the EMG in uV.")
    muscle, grid = grids.pop()
    return {"muscle": muscle.lower(), "grid": grid, "device": UNKNOWN, "left_out": ""}


def _read_torque(path: Path, data: np.ndarray, roles: list[tuple[str, re.Match[str]]], required: bool):
    found = [(n, match) for n, (role, match) in enumerate(roles) if role == "torque"]
    if len(found) > 1:
        raise InputError(path, f"it has {len(found)} columns of acquired data", "Export one force or torque.")
    if not found:
        if required:
            raise InputError(
                path, "it has no torque ('acquired data')", "Export the acquired force or torque."
            )
        return None, "N.m"
    column, match = found[0]
    unit = re.sub(r"[^a-zA-Z%]", "", match["unit"])
    units = {"%MVC": "% MVC", "MVC": "% MVC", "Nm": "N.m"}
    if unit not in units:
        rule = f"the unit of {match[0]!r} is neither % MVC nor N.m"
        raise InputError(f"{path}, column {column + 1}", rule, "Export the torque in one of these.")
    return data[:, column].astype(np.float64), units[unit]


def _events(discharges: dict[str, np.ndarray], rate: float) -> pd.DataFrame:
    samples = np.concatenate(list(discharges.values()))
    units = np.repeat(list(discharges), [len(train) for train in discharges.values()])
    order = np.lexsort((units, samples))
    return pd.DataFrame(
        {
            "onset": samples[order] / rate,
            "duration": 0.0,
            "sample": samples[order],
            "unit_id": units[order],
            "event_type": "motor-unit-spike",
        }
    )


def _describe_derivative(root: Path) -> None:
    """Describe the derivative data set; BIDS 1.11 has no rule yet for ``desc-`` in events of EMG."""
    folder = root / "derivatives" / "otbiolab"
    generated_by = [
        {"Name": "OTBioLab+", "Description": "Decomposition found in the export"},
        {"Name": "pictrial", "Version": version("pictrial"), "Description": "Import"},
    ]
    record = {
        "Name": "Motor-unit discharges by OTBioLab+",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": generated_by,
    }
    readme = (
        "# Motor-unit discharges by OTBioLab+\n\n"
        "The decomposition that the exports hold, unit by unit as found; nothing was edited. Units are "
        "numbered in the order of each export: the same number in two recordings is not the same unit.\n"
    )
    write_json(folder / "dataset_description.json", record)
    write_text(folder / "README.md", readme)
    write_text(folder / ".bidsignore", "*_desc-decomposed_events.*\n")


def _add_participant(root: Path, subject: str) -> None:
    path = root / "participants.tsv"
    if not path.is_file():
        description = (
            "High-density surface EMG with torque, imported from OTBioLab+ exports by pictrial. Each "
            "recording holds one contraction: the monopolar EMG of one electrode grid, and the torque as "
            "a MISC channel."
        )
        first = pd.DataFrame({"participant_id": [f"sub-{subject}"]})
        write_bids_dataset(root, "Imported HD-EMG recordings", description, first, {})
        return
    table = read_text_table(path)
    if "participant_id" not in table:
        raise InputError(path, "column 'participant_id' is missing", "Add it, see BIDS.")
    if f"sub-{subject}" not in set(table["participant_id"]):
        added = pd.DataFrame({"participant_id": [f"sub-{subject}"]})
        write_tsv(path, pd.concat([table, added], ignore_index=True))


def _add_session(root: Path, subject: str, session: str, condition: str | None) -> None:
    path = root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
    period = int(session) if session.isdigit() else UNKNOWN
    row = {"session_id": f"ses-{session}", "period": period, "condition": condition or UNKNOWN}
    table = pd.DataFrame([row])
    if path.is_file():
        known = read_text_table(path)
        for column in row:
            if column not in known:
                raise InputError(path, f"column {column!r} is missing", "Add it, see BIDS.")
        same = known[known["session_id"] == row["session_id"]]
        if condition and len(same) and same.iloc[0]["condition"] not in (condition, UNKNOWN):
            rule = f"{row['session_id']} has the condition {same.iloc[0]['condition']!r}, not {condition!r}"
            raise InputError(path, rule, "Correct the condition, or import into another session.")
        if len(same):
            known.loc[same.index, "condition"] = condition or same.iloc[0]["condition"]
            table = known
        else:
            table = pd.concat([known, table], ignore_index=True)
    write_bids_sessions(root, subject, table)
