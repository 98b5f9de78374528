"""Which files the results come from, and the hash of each."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pictrial.errors import InputError
from pictrial.files import sha256

_NAME = re.compile(
    r"sub-(?P<participant>[0-9A-Za-z]+)_ses-(?P<session>[0-9A-Za-z]+)_task-(?P<task>[0-9A-Za-z]+)_"
)
_COLUMNS = ["participant", "session", "task", "file", "size", "sha256"]


def recording_files(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Return name, size and SHA-256 of recordings, schema ``recording_files``, by participant and session.

    Raises
    ------
    InputError
        Where a file is missing, or its name does not say of whom, when and of which task it is.
    """
    rows = []
    for path in map(Path, paths):
        named = _NAME.match(path.name)
        if not named:
            raise InputError(path, "the name has no sub-, ses- and task-", "Name it as BIDS does.")
        if not path.is_file():
            raise InputError(path, "there is no such file", "Check the path, or bring the recording in.")
        rows.append(
            named.groupdict() | {"file": path.name, "size": path.stat().st_size, "sha256": sha256(path)}
        )
    return pd.DataFrame(rows, columns=_COLUMNS).sort_values(_COLUMNS[:4], ignore_index=True)
