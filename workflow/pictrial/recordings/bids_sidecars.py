"""Sidecars of an EMG-BIDS recording: which apply to it, and what they say."""

from pathlib import Path

import pandas as pd

from pictrial.checked_json import read_json_object
from pictrial.errors import InputError
from pictrial.tables import read_text_table


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
        found += [inside_data_set(candidate) for _, candidate in sorted(applying)]
    return found


def describing_files(path: Path) -> list[Path]:
    """Return every sidecar that is read along with a recording, in an order of their own."""
    kinds = ("channels.tsv", "coordsystem.json", "electrodes.tsv", "emg.json", "events.tsv")
    return [file for kind in kinds for file in sidecars(path, kind, any_space=kind.startswith("coord"))]


def inside_data_set(path: Path) -> Path:
    """Return the path of a file of a data set, unless it is a link that leads out of the data set.

    The data set is the nearest folder above that has a ``dataset_description.json``; without one, the
    file's folder.

    Raises
    ------
    InputError
        Where it leads out.
    """
    folders = path.absolute().parents
    root = next((one for one in folders if (one / "dataset_description.json").is_file()), folders[0])
    if not path.resolve().is_relative_to(root.resolve()):
        rule = f"this is a link that leads out of the data set {root}"
        raise InputError(path, rule, "Copy the file into the data set.")
    return path


def read_sidecar(path: Path) -> dict:
    """Return the keys of ``emg.json`` that apply to a recording; the nearest file wins."""
    files = sidecars(path, "emg.json")
    if not files:
        raise InputError(path, "its sidecar emg.json is missing", "Write one beside it.")
    metadata: dict = {}
    for file in files:
        metadata.update(read_json_object(file))
    return metadata


def read_sidecar_table(path: Path, suffix: str, required: tuple[str, ...]) -> pd.DataFrame:
    """Return the table that applies to a recording as text; the nearest file wins."""
    files = sidecars(path, suffix)
    if not files:
        raise InputError(path, f"its sidecar {suffix} is missing", "Write one beside it.")
    table = read_text_table(files[-1])
    for column in required:
        if column not in table:
            raise InputError(files[-1], f"column {column!r} is missing", "Add it as BIDS states.")
    return table
