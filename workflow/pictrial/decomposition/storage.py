"""Decompositions on disk: discharges, filters, quality."""

from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.model import Decomposition
from pictrial.files import atomic_path
from pictrial.tables import read_table, write_table


def write_decomposition(decomposition: Decomposition, folder: str | Path, description: str) -> None:
    """Write discharges, filters, quality and corrections of a decomposition.

    Parameters
    ----------
    decomposition : Decomposition
    folder : path
        Folder of the recording's derivatives.
    description : str
        BIDS entity ``desc``: ``decomposed`` or ``tracked``; goes into the names
        ``<recording>_desc-<description>_{events.tsv,filters.npz,units.tsv}``; where discharges were looked
        through for corrections, ``…_corrections.tsv``, too.
    """
    stem = Path(folder) / f"{decomposition.recording}_desc-{description}"
    events = events_table(decomposition.discharges, decomposition.sampling_rate)
    write_table(events, f"{stem}_events.tsv", "events")
    write_table(decomposition.quality, f"{stem}_units.tsv", "quality_units")
    if len(decomposition.corrections.columns):
        write_table(decomposition.corrections, f"{stem}_corrections.tsv", "corrections")
    with atomic_path(f"{stem}_filters.npz") as temporary:
        np.savez_compressed(
            temporary,
            recording=decomposition.recording,
            sampling_rate=decomposition.sampling_rate,
            n_samples=decomposition.n_samples,
            unit_ids=np.array(list(decomposition.discharges), dtype=str),
            n_discharges=np.array([len(s) for s in decomposition.discharges.values()], dtype=np.int64),
            discharges=_joined(decomposition.discharges, np.int64),
            sources=_joined(decomposition.sources, np.float32),
            filters=decomposition.filters,
        )


def read_decomposition(folder: str | Path, recording: str, description: str) -> Decomposition:
    """Read what :func:`write_decomposition` wrote."""
    stem = Path(folder) / f"{recording}_desc-{description}"
    with np.load(f"{stem}_filters.npz", allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["unit_ids"]]
        ends = np.cumsum(arrays["n_discharges"])[:-1]
        return Decomposition(
            recording=str(arrays["recording"]),
            sampling_rate=float(arrays["sampling_rate"]),
            n_samples=int(arrays["n_samples"]),
            discharges=dict(zip(names, np.split(arrays["discharges"], ends), strict=False)),
            sources=dict(zip(names, np.split(arrays["sources"], ends), strict=False)),
            filters=arrays["filters"],
            quality=read_table(f"{stem}_units.tsv", "quality_units"),
        )


def events_table(discharges: dict[str, np.ndarray], sampling_rate: float) -> pd.DataFrame:
    """Return discharges (sample indices) as a BIDS events table, schema ``events``, in order of time."""
    units = np.repeat(np.array(list(discharges), dtype=str), [len(s) for s in discharges.values()])
    samples = _joined(discharges, np.int64)
    events = pd.DataFrame(
        {
            "onset": samples / sampling_rate,
            "duration": 0.0,
            "sample": samples,
            "unit_id": units,
            "event_type": "motor-unit-spike",
        }
    )
    return events.sort_values(["sample", "unit_id"], kind="stable", ignore_index=True)


def read_discharges(path: str | Path) -> dict[str, np.ndarray]:
    """Read the discharges of an events table as times.

    Returns
    -------
    dict of str to ndarray, shape (discharges,)
        Ascending times in s, by motor unit, in the order of the units' names.

    Raises
    ------
    InputError
        Where the table breaks the schema ``events``.
    """
    events = read_table(path, "events")
    return {
        str(unit): np.sort(times.to_numpy(float))
        for unit, times in events.groupby("unit_id", sort=True)["onset"]
    }


def _joined(arrays: dict[str, np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(list(arrays.values()) or [np.empty(0, dtype)]).astype(dtype)
