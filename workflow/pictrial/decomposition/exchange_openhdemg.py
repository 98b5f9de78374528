"""openhdemg's ``.json``: gzip of a JSON object whose values are JSON texts themselves.

``MUPULSES`` counts from 0; tables are pandas' ``orient="split"``. The layout is the same in 0.1 and 0.2.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.exchange_trains import (
    ForeignDecomposition,
    foreign_decomposition,
    interelectrode_distance,
    scalar,
    whole_number,
)
from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.recordings.model import Recording
from pictrial.recordings.packed_files import most_unpacked


def read_openhdemg(path: Path) -> ForeignDecomposition:
    """Read an openhdemg file (.json).

    Raises
    ------
    InputError
        Where it is no such file or holds no decomposition.
    """
    remedy = "Save the file with openhdemg's save_json_emgfile."
    most = most_unpacked(path.stat().st_size)
    try:
        with gzip.open(path) as stream:
            text = stream.read(most + 1)
        if len(text) > most:
            raise InputError(path, "it unpacks to far more than its size", remedy)
        content = json.loads(text)
        fields = {key: json.loads(content[key]) for key in ("MUPULSES", "FSAMP", "EMG_LENGTH")}
        trains = [np.asarray(train) for train in fields["MUPULSES"]]
    except InputError:
        raise
    except KeyError as error:
        raise InputError(path, f"it has no {error.args[0]!r}, so no decomposition", remedy) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(path, f"it is not openhdemg's JSON ({error})", remedy) from error
    rate = scalar(path, "FSAMP", fields["FSAMP"])
    n_samples = whole_number(path, "EMG_LENGTH", fields["EMG_LENGTH"])
    return foreign_decomposition(path, "openhdemg", rate, n_samples, trains, 0)


def write_openhdemg(
    path: Path,
    recording: Recording,
    pulse_trains: np.ndarray,
    discharges: dict[str, np.ndarray],
    silhouettes: np.ndarray,
) -> None:
    """Write a file (.json) that openhdemg's ``emg_from_json`` opens.

    Parameters
    ----------
    path : Path
    recording : Recording
        Conditioned EMG.
    pulse_trains : ndarray, shape (units, samples)
        Height 1 at a typical discharge.
    discharges : dict of str to ndarray of int64
        In the order of `pulse_trains`.
    silhouettes : ndarray, shape (units,)
        Shown as accuracy.
    """
    binary = np.zeros(pulse_trains.shape, np.int8)
    for row, train in zip(binary, discharges.values(), strict=True):
        row[train] = 1
    torque = pd.DataFrame(columns=[0]) if recording.torque is None else pd.DataFrame(recording.torque)
    content = {
        # openhdemg accepts its own names of sources only.
        "SOURCE": json.dumps("CUSTOMCSV"),
        "FILENAME": json.dumps(recording.name),
        "RAW_SIGNAL": _table(recording.emg.T),
        "REF_SIGNAL": _table(torque),
        "ACCURACY": _table(np.asarray(silhouettes, float)),
        "IPTS": _table(pulse_trains.T),
        "MUPULSES": json.dumps([train.tolist() for train in discharges.values()]),
        "FSAMP": json.dumps(recording.sampling_rate),
        "IED": json.dumps(interelectrode_distance(recording.positions)),
        "EMG_LENGTH": json.dumps(recording.n_samples),
        "NUMBER_OF_MUS": json.dumps(len(discharges)),
        "BINARY_MUS_FIRING": _table(binary.T),
        "EXTRAS": _table(pd.DataFrame(columns=[0])),
    }
    with atomic_path(path) as temporary:
        # No time of day in the header: the same content gives the same bytes.
        temporary.write_bytes(gzip.compress(json.dumps(content).encode(), compresslevel=4, mtime=0))


def _table(values: np.ndarray | pd.DataFrame) -> str:
    return pd.DataFrame(values).to_json(orient="split", double_precision=6)
