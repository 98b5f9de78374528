"""Decompositions on disk: discharges, filters, quality."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.model import Decomposition
from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.recordings.packed_files import REMEDY, read_arrays
from pictrial.tables import read_table, write_table

#: Arrays of a ``…_filters.npz``: kind of their type, and dimensions.
_ARRAYS = {
    "recording": ("U", 0),
    "sampling_rate": ("f", 0),
    "n_samples": ("i", 0),
    "unit_ids": ("U", 1),
    "n_discharges": ("i", 1),
    "discharges": ("i", 1),
    "sources": ("f", 1),
    "filters": ("f", 3),
}


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
    """Read what :func:`write_decomposition` wrote.

    Raises
    ------
    InputError
        Where a file is missing, damaged, or does not fit itself.
    """
    stem = Path(folder) / f"{recording}_desc-{description}"
    found = read_filters(Path(f"{stem}_filters.npz"))
    return replace(found, quality=read_table(f"{stem}_units.tsv", "quality_units"))


def read_filters(path: Path) -> Decomposition:
    """Read the ``…_filters.npz`` of a decomposition, all but its quality; errors as above."""
    found = read_arrays(path, _ARRAYS)
    if reason := _contradiction(found):
        raise InputError(path, reason, REMEDY)
    names, ends = [str(name) for name in found["unit_ids"]], np.cumsum(found["n_discharges"])[:-1]
    return Decomposition(
        recording=str(found["recording"]),
        sampling_rate=float(found["sampling_rate"]),
        n_samples=int(found["n_samples"]),
        discharges=dict(zip(names, np.split(found["discharges"], ends), strict=False)),
        sources=dict(zip(names, np.split(found["sources"], ends), strict=False)),
        filters=found["filters"],
        quality=pd.DataFrame(),
    )


def _contradiction(found: dict[str, np.ndarray]) -> str:
    """Return why arrays are not those of a decomposition; empty where they are."""
    for name, (kind, dimensions) in _ARRAYS.items():
        if found[name].dtype.kind != kind or found[name].ndim != dimensions:
            return f"array {name!r} has {found[name].ndim} dimensions and the type {found[name].dtype}"
    units, counts, discharges = (found[name] for name in ("unit_ids", "n_discharges", "discharges"))
    if not len(units) == len(set(units)) == len(counts) == len(found["filters"]):
        return "its arrays are not of the same motor units, each once"
    if (
        (counts < 0).any()
        or sum(counts.tolist()) != len(discharges)
        or len(discharges) != len(found["sources"])
    ):
        return "the numbers of discharges do not add up"
    steps = np.diff(discharges)[np.diff(np.repeat(np.arange(len(units)), counts)) == 0]
    outside = (discharges < 0) | (discharges >= found["n_samples"])
    if outside.any() or (steps <= 0).any() or discharges.dtype != np.int64:
        return "its discharges are not ascending samples of the recording"
    if not 0 < found["sampling_rate"] < np.inf or not np.isfinite(found["filters"]).all():
        return "it has values that are not finite"
    return ""


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
    if not np.isfinite(events["onset"].to_numpy(float)).all():
        raise InputError(path, "an onset is not finite", "Give the times in s.")
    return {
        str(unit): np.sort(times.to_numpy(float))
        for unit, times in events.groupby("unit_id", sort=True)["onset"]
    }


def _joined(arrays: dict[str, np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(list(arrays.values()) or [np.empty(0, dtype)]).astype(dtype)
