"""Sidecars of an EMG-BIDS recording: which apply to it, and what they say."""

import json
from pathlib import Path

import pandas as pd

from pictrial.errors import InputError


def sidecars(path: Path, suffix: str, any_space: bool = False) -> list[Path]:
    """Return the sidecars that apply to a recording, from the data set's root down to its folder.

    BIDS inheritance: a sidecar applies when it lies in the recording's folder or above it, up to the
    folder of ``dataset_description.json``, and each of its entities is one of the recording's.

    Parameters
    ----------
    path : Path
        The recording.
    suffix : str
        Such as ``emg.json`` or ``channels.tsv``.
    any_space : bool
        Whether an entity ``space-`` may come on top.
    """
    entities = set(path.stem.split("_")[:-1])
    folders = [path.parent, *path.parent.resolve().parents]
    above = [n for n, folder in enumerate(folders) if (folder / "dataset_description.json").is_file()]
    found = []
    for folder in reversed(folders[: above[0] + 1 if above else 1]):
        applying = []
        for candidate in folder.glob(f"*{suffix}"):
            own = set(candidate.name.removesuffix(suffix).split("_")[:-1])
            extra = {entity for entity in own - entities if not (any_space and entity.startswith("space-"))}
            if candidate.name.removesuffix(suffix)[-1:] in ("", "_") and not extra:
                applying.append((len(own), candidate))
        found += [candidate for _, candidate in sorted(applying)]
    return found


def read_sidecar(path: Path) -> dict:
    """Return the keys of ``emg.json`` that apply to a recording; the nearest file wins."""
    files = sidecars(path, "emg.json")
    if not files:
        raise InputError(path, "its sidecar emg.json is missing", "Write one beside it.")
    metadata: dict = {}
    for file in files:
        try:
            metadata.update(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise InputError(file, "this is not a JSON object", "Correct the file.") from error
    return metadata


def read_sidecar_table(path: Path, suffix: str, required: tuple[str, ...]) -> pd.DataFrame:
    """Return the table that applies to a recording as text; the nearest file wins."""
    files = sidecars(path, suffix)
    if not files:
        raise InputError(path, f"its sidecar {suffix} is missing", "Write one beside it.")
    table = pd.read_csv(files[-1], sep="\t", dtype=str, keep_default_na=False)
    for column in required:
        if column not in table:
            raise InputError(files[-1], f"column {column!r} is missing", "Add it as BIDS states.")
    return table
