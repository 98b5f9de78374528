"""What is compared of a file: discrete facts exactly, floats by their value or by a summary of them."""

import hashlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import sha256
from pictrial.tables import MISSING

#: What is not compared: raw recordings, whose SHA-256 stand in `recordings/recordings.tsv`, and what tells
#: when, how long and on which machine something ran.
LEFT_OUT = (
    *("benchmarks", "bids", "lineage", "logs", "qc", "report", "verification"),
    *("codecheck.yml", "reviewers_guide.html", "ro-crate-metadata.json"),
)
ARD = "statistics/ard.tsv"
#: Columns that hash floats, which are compared themselves.
HASHES = ("inputs_sha256",)
#: Documents that are text; a PDF is what its pages draw. Others (PNG, DOCX, XLSX) are bytes.
TEXTS = (".css", ".csv", ".html", ".ipynb", ".js", ".json", ".pdf", ".rst", ".svg", ".tex", ".typ", ".yaml")
_LARGEST_STREAM = 2**26
_STREAM = re.compile(rb">>\s*stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
#: Of at most two digits of exponent: larger ones are limits, not results.
_DECIMAL = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d{1,2}(?!\d))?|-?\d+[eE][-+]\d{1,2}(?!\d)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Fact:
    """One part of a file: a column, an array, or all of it.

    Attributes
    ----------
    file : str
        Relative to the results.
    kind : str
        numbers, discharges, table, arrays, text or bytes.
    part : str
        Name of the column or array, else ``all``.
    count : int
        Values, motor units, decimals or bytes.
    missing : int or None
        Values that are missing, of floats.
    sha256 : str or None
        Of what is discrete.
    mean, trend, magnitude, least, greatest : float
        Of floats: mean; mean with weights that rise evenly from -1 at the first to 1 at the last; mean of the
        absolute values; extremes. NaN where there are none.
    """

    file: str
    kind: str
    part: str
    count: int
    missing: int | None = None
    sha256: str | None = None
    mean: float = float("nan")
    trend: float = float("nan")
    magnitude: float = float("nan")
    least: float = float("nan")
    greatest: float = float("nan")


def files_of(results: Path) -> list[str]:
    """Return the files that are compared, relative to the results, sorted."""
    files = (path.relative_to(results) for path in results.rglob("*") if path.is_file())
    return sorted(f.as_posix() for f in files if f.parts[0] not in LEFT_OUT and not f.name.startswith("."))


def kind_of(file: str) -> str:
    """Return the kind of comparison that a file gets by its name."""
    if file == ARD:
        return "numbers"
    if file.endswith("_events.tsv") and "_desc-" in file:
        return "discharges"
    suffix = Path(file).suffix
    return {".tsv": "table", ".npz": "arrays"}.get(suffix, "text" if suffix in TEXTS else "bytes")


def facts_of(results: Path, file: str) -> list[Fact]:
    """Return the facts of a file.

    Numbers and discharges are kept whole beside the facts (see `expectation`); here is how many there are.

    Raises
    ------
    OSError, ValueError, KeyError, zipfile.BadZipFile
        Where the file is not what its name says.
    """
    path, kind = results / file, kind_of(file)
    match kind:
        case "numbers":
            return [Fact(file, kind, "all", len(read_strings(path)))]
        case "discharges":
            return [Fact(file, kind, "all", len(trains_of(path)))]
        case "table":
            return _columns(path, file)
        case "arrays":
            with np.load(path, allow_pickle=False) as arrays:
                return [_array(file, name, arrays[name]) for name in sorted(arrays.files)]
        case "text":
            text = _pdf_text(path) if path.suffix == ".pdf" else path.read_text(encoding="utf-8")
            decimals = np.array([float(found) for found in _DECIMAL.findall(text)])
            return [_floats(file, kind, "all", decimals, _digest(_DECIMAL.sub("#", text).encode()))]
    return [Fact(file, kind, "all", path.stat().st_size, sha256=sha256(path))]


def read_strings(path: Path) -> pd.DataFrame:
    """Return a table as it is written: every value a string."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def trains_of(path: Path) -> dict[str, np.ndarray]:
    """Return the discharges of each motor unit of an events table, as sample indices in the table's order."""
    events = read_strings(path)
    samples = events["sample"].astype(np.int64)
    return {str(unit): own.to_numpy() for unit, own in samples.groupby(events["unit_id"], sort=True)}


def _pdf_text(path: Path) -> str:
    """Return the streams of a PDF (pages, fonts, pictures) without the offsets and lengths around them."""
    found = []
    for stream in _STREAM.findall(path.read_bytes()):
        if stream.startswith(b"<?xpacket"):  # what the program tells of the file
            continue
        unpacking = zlib.decompressobj()
        try:
            found.append(unpacking.decompress(stream, _LARGEST_STREAM))
        except zlib.error as error:
            raise ValueError(f"{path}: a stream is damaged ({error})") from error
        if unpacking.unconsumed_tail:
            raise ValueError(f"{path}: a stream is larger than {_LARGEST_STREAM} bytes")
    if not found:
        raise ValueError(f"{path} has no streams")
    return b"\n".join(found).decode("latin-1")


def _columns(path: Path, file: str) -> list[Fact]:
    frame, facts = read_strings(path), []
    for column in map(str, frame.columns.difference(HASHES, sort=False)):
        there = frame[column] != MISSING
        if there.any() and frame.loc[there, column].str.fullmatch(_NUMBER).all():
            floats = pd.to_numeric(frame[column].where(there)).to_numpy(float)
            if np.any(floats % 1 > 0):
                facts.append(_floats(file, "table", column, floats))
                continue
        digest = _digest("\n".join(frame[column]).encode())
        facts.append(Fact(file, "table", column, len(frame), sha256=digest))
    return facts


def _array(file: str, name: str, values: np.ndarray) -> Fact:
    if values.dtype.kind == "f":
        return _floats(file, "arrays", name, values.ravel().astype(float))
    return Fact(file, "arrays", name, values.size, sha256=_digest(np.ascontiguousarray(values).tobytes()))


def _floats(file: str, kind: str, part: str, values: np.ndarray, digest: str | None = None) -> Fact:
    """Return the fact of `values`, in their order; missing ones count as zero in the trend."""
    there = values[~np.isnan(values)]
    missing = values.size - there.size
    if not there.size:
        return Fact(file, kind, part, values.size, missing, digest)
    trend = np.mean(np.nan_to_num(values) * np.linspace(-1, 1, values.size))
    summary = (there.mean(), trend, np.abs(there).mean(), there.min(), there.max())
    # As many digits as tables are written with, so that what was written and read again is the same.
    return Fact(file, kind, part, values.size, missing, digest, *(float(f"{x:.10g}") for x in summary))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
