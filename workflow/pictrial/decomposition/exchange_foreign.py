"""Decompositions of other tools: the format is found by content, the filters on our recording."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.candidates import DecompositionSettings, describe
from pictrial.decomposition.exchange_demuse import read_demuse
from pictrial.decomposition.exchange_muedit import read_muedit_matlab, read_muedit_npz, write_muedit
from pictrial.decomposition.exchange_openhdemg import read_openhdemg, write_openhdemg
from pictrial.decomposition.exchange_trains import ForeignDecomposition
from pictrial.decomposition.given_discharges import decomposition_at, pulse_trains_of
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.separation import Separator
from pictrial.decomposition.storage import read_filters
from pictrial.errors import InputError
from pictrial.recordings.matlab_files import variable_names
from pictrial.recordings.model import Recording
from pictrial.recordings.otb import read_otb
from pictrial.recordings.packed_files import check_archive

#: Formats that :func:`export_for_editing` writes, with the suffix of their files.
EDITORS = {"muedit": ".mat", "openhdemg": ".json"}
_KNOWN = "Known are DEMUSE, MUedit and OTBioLab+ (.mat), MUedit2 and pictrial (.npz), openhdemg (.json)."


def read_foreign(path: str | Path) -> ForeignDecomposition:
    """Read the discharges of another tool's file, or of our own ``…_filters.npz``.

    Raises
    ------
    InputError
        Where the file is of no known format, or its content cannot be right.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    try:
        return _reader(path)(path)
    except InputError:
        raise
    except Exception as error:  # parsers meet damage with errors of many kinds
        raise InputError(path, f"it cannot be read ({error})", "Copy or save it again.") from error


def _reader(path: Path) -> Callable[[Path], ForeignDecomposition]:
    """Return the reader of the format that the file's content has."""
    with open(path, "rb") as stream:
        start = stream.read(6)
    if start.startswith(b"\x1f\x8b"):
        return read_openhdemg
    readers: dict[str, Callable[[Path], ForeignDecomposition]] = {}
    names: set[str] = set()
    if start.startswith(b"PK"):
        names = check_archive(path)
        readers = {"discharge_times.npy": read_muedit_npz, "n_discharges.npy": _read_own}
    elif start.startswith(b"MATLAB"):
        names = variable_names(path)
        readers = {"MUPulses": read_demuse, "signal": read_muedit_matlab, "Description": _read_otb}
    for name, reader in readers.items():
        if name in names:
            return reader
    raise InputError(path, "its format is unknown", _KNOWN)


def _read_own(path: Path) -> ForeignDecomposition:
    found = read_filters(path)
    rate, n_samples = found.sampling_rate, found.n_samples
    return ForeignDecomposition(path, "pictrial", rate, n_samples, found.discharges, {}, {})


def _read_otb(path: Path) -> ForeignDecomposition:
    recording, trains = read_otb(path, require_torque=False)
    discharges = {unit: train for unit, train in trains.items() if len(train)}
    left_out = {unit: "no discharges" for unit, train in trains.items() if not len(train)}
    rate, n_samples = recording.sampling_rate, recording.n_samples
    return ForeignDecomposition(path, "OTBioLab+", rate, n_samples, discharges, left_out, {})


def check_same_recording(foreign: ForeignDecomposition, sampling_rate: float, n_samples: int) -> None:
    """Raise InputError unless `foreign` can be of a recording with this sampling rate and length.

    A tool that read our BDF may have seen its padding, up to 1 s longer than the recording.
    """
    remedy = "Give the file that was made from this recording, whole."
    if abs(foreign.sampling_rate / sampling_rate - 1) > 1e-5:
        rule = f"its sampling rate is {foreign.sampling_rate:g} Hz, the recording's {sampling_rate:g} Hz"
        raise InputError(foreign.source, rule, remedy)
    last = max((train[-1] for train in foreign.discharges.values()), default=0)
    if not n_samples <= foreign.n_samples <= n_samples + sampling_rate or last >= n_samples:
        rule = f"it has {foreign.n_samples} samples, the recording {n_samples}"
        raise InputError(foreign.source, rule, remedy)


def import_decomposition(
    foreign: ForeignDecomposition, recording: Recording, good: np.ndarray, settings: DecompositionSettings
) -> Decomposition:
    """Make a foreign decomposition ours: discharges as they are, filters and quality from the recording.

    Parameters
    ----------
    foreign : ForeignDecomposition
    recording : Recording
        Conditioned EMG of the same recording.
    good : ndarray of bool, shape (channels,)
        Channels to use.
    settings : DecompositionSettings

    Returns
    -------
    Decomposition
        All its units count as accepted, whatever their quality; `quality` also has a row for each unit
        that was left out, with the reason.

    Raises
    ------
    InputError
        Where the file does not fit the recording, or has no discharges.
    """
    rate, name = recording.sampling_rate, recording.name
    check_same_recording(foreign, rate, recording.n_samples)
    if not foreign.discharges:
        raise InputError(foreign.source, "it has no motor unit with discharges", "Give another file.")
    decomposition = decomposition_at(Separator(recording, good, settings), foreign.discharges)
    nothing = Discharges(np.empty(0, np.int64), np.nan, np.nan)
    rows = decomposition.quality.to_dict("records")
    rows += [describe(unit, nothing, rate, reason, name) for unit, reason in foreign.left_out.items()]
    return replace(decomposition, quality=pd.DataFrame(rows))


def export_for_editing(
    path: str | Path, editor: str, decomposition: Decomposition, recording: Recording, good: np.ndarray
) -> None:
    """Write conditioned EMG, pulse trains and discharges as a file that an editor opens.

    Parameters
    ----------
    path : path
        The file, with the suffix of its format.
    editor : str
        A key of `EDITORS`.
    decomposition : Decomposition
    recording : Recording
        Conditioned EMG, from which the decomposition was made.
    good : ndarray of bool, shape (channels,)
        Channels that were used.

    Raises
    ------
    InputError
        Where the suffix is another one, or the decomposition is of another recording.
    """
    path = Path(path)
    if path.suffix != EDITORS[editor]:
        raise InputError(path, f"{editor} opens {EDITORS[editor]} files", "Change the name.")
    same = (decomposition.sampling_rate, decomposition.n_samples, decomposition.filters.shape[1])
    if same != (recording.sampling_rate, recording.n_samples, len(recording.emg)):
        rule = f"it is not the recording of which {decomposition.recording} was decomposed"
        raise InputError(recording.source, rule, "Give that recording.")
    trains = pulse_trains_of(decomposition, recording.emg)
    if editor == "muedit":
        write_muedit(path, recording, good, trains, decomposition.discharges)
    else:
        silhouettes = decomposition.quality.set_index("unit_id")["silhouette"]
        ordered = silhouettes[list(decomposition.discharges)].to_numpy(float)
        write_openhdemg(path, recording, trains, decomposition.discharges, ordered)
