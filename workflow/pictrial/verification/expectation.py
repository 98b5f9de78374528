"""An expectation of a run: a small folder to ship, and a run is held against it.

`manifest.tsv` has the facts of every file, `ard.tsv.gz` every number of the results and `discharges.tsv.gz`
every discharge. All three are the same bytes for the same results.
"""

import gzip
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.tables import read_table, write_table
from pictrial.verification.facts import ARD, Fact, facts_of, files_of, kind_of, read_strings, trains_of

MANIFEST = "manifest.tsv"
NUMBERS = "ard.tsv.gz"
DISCHARGES = "discharges.tsv.gz"


@dataclass(frozen=True)
class Expectation:
    """What is expected: facts by file and part, numbers as written, trains by file and motor unit."""

    facts: dict[str, dict[str, Fact]]
    numbers: pd.DataFrame
    trains: dict[str, dict[str, np.ndarray]]


def write_expectation(results: Path, folder: Path, replace: bool = False) -> int:
    """Write what the results hold as what is expected from now on; return how many files that are.

    Raises
    ------
    InputError
        Where the run is not finished, or the folder holds an expectation that is not to be replaced.
    """
    if not (results / ARD).is_file():
        raise InputError(results, f"there is no {ARD}", "Name the results of a finished run.")
    if (folder / MANIFEST).exists() and not replace:
        raise InputError(folder, "it already holds an expectation", "Give --replace to overwrite it.")
    files = files_of(results)
    facts = pd.DataFrame([asdict(fact) for file in files for fact in facts_of(results, file)])
    trains = [
        (file, unit, len(samples), " ".join(map(str, np.diff(samples, prepend=0))))
        for file in files
        if kind_of(file) == "discharges"
        for unit, samples in trains_of(results / file).items()
    ]
    columns = ["file", "unit_id", "n_discharges", "intervals"]
    # The manifest comes last: where it is, all is there.
    _compressed(folder / NUMBERS, (results / ARD).read_bytes())
    write_table(pd.DataFrame(trains, columns=columns), folder / "discharges.tsv", "expected_discharges")
    _compressed(folder / DISCHARGES, (folder / "discharges.tsv").read_bytes())
    (folder / "discharges.tsv").unlink()
    write_table(facts, folder / MANIFEST, "expected_facts")
    return len(files)


def read_expectation(folder: Path) -> Expectation:
    """Read an expectation.

    Raises
    ------
    InputError
        Where there is none.
    """
    for name in (MANIFEST, NUMBERS, DISCHARGES):
        if not (folder / name).is_file():
            remedy = "Check the path, or write it with --write from results that you trust."
            raise InputError(folder / name, "there is no such file", remedy)
    facts: dict[str, dict[str, Fact]] = {}
    names = [field.name for field in fields(Fact)]
    for row in read_table(folder / MANIFEST, "expected_facts")[names].itertuples(index=False):
        values = {key: _plain(key, value) for key, value in zip(names, row, strict=True)}
        facts.setdefault(values["file"], {})[values["part"]] = Fact(**values)
    trains: dict[str, dict[str, np.ndarray]] = {}
    for row in read_strings(folder / DISCHARGES).itertuples(index=False):
        intervals = np.array(row.intervals.split(), np.int64)
        trains.setdefault(row.file, {})[row.unit_id] = intervals.cumsum()
    return Expectation(facts, read_strings(folder / NUMBERS), trains)


def _plain(column: str, value):
    if not pd.isna(value):
        return value
    return None if column in ("missing", "sha256") else float("nan")


def _compressed(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        # Without a time and a name inside, the same content gives the same bytes.
        temporary.write_bytes(gzip.compress(content, mtime=0))
