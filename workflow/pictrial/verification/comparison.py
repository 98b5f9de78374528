"""A run held against an expectation: OK, DIFF, MISSING or EXTRA for all that is compared."""

import math
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.tables import MISSING
from pictrial.verification.expectation import Expectation
from pictrial.verification.facts import ARD, HASHES, Fact, facts_of, files_of, read_strings, trains_of

#: Largest difference of a number of the results, relative to the expected one, and beside it absolute.
RELATIVE = 1e-6
ABSOLUTE = 1e-12
#: Largest difference of a mean over a column, relative to the column's mean magnitude. It is smaller, for one
#: wrong value among many moves the mean little, and rounding even less.
RELATIVE_OF_MEANS = 2e-9
#: Most differing discharges of a train that are named.
NAMED = 3


@dataclass(frozen=True)
class Finding:
    """What became of one thing that is compared.

    `deviation` is the largest relative difference of its floats, NaN where it has none.
    """

    file: str
    part: str
    kind: str
    status: str
    expected: str = MISSING
    found: str = MISSING
    deviation: float = math.nan


def compare(results: Path, expectation: Expectation) -> pd.DataFrame:
    """Compare the results with the expectation.

    Returns
    -------
    DataFrame
        The fields of `Finding`, a row for each number of the results, each motor unit in each recording, each
        column of other tables, each array and each document; files sorted.

    Raises
    ------
    InputError
        Where there is no folder of results.
    """
    if not results.is_dir():
        raise InputError(results, "there is no such folder", "Name the results of a run.")
    there = set(files_of(results))
    findings: list[Finding] = []
    for file in sorted(there | expectation.facts.keys()):
        facts = expectation.facts.get(file, {})
        kind = next((fact.kind for fact in facts.values()), "file")
        if not facts:
            findings.append(Finding(file, "all", kind, "EXTRA", found="a file"))
        elif file not in there:
            findings.append(Finding(file, "all", kind, "MISSING", "a file"))
        else:
            try:
                findings += _compare_file(results, file, kind, expectation)
            except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
                found = f"cannot be read: {' '.join(str(error).split())}"
                findings.append(Finding(file, "all", kind, "DIFF", "a file that can be read", found))
    return pd.DataFrame([asdict(finding) for finding in findings])


def _compare_file(results: Path, file: str, kind: str, expectation: Expectation) -> list[Finding]:
    if kind == "numbers":
        return list(_numbers(expectation.numbers, read_strings(results / file)))
    if kind == "discharges":
        return list(_trains(file, expectation.trains.get(file, {}), trains_of(results / file)))
    facts = {fact.part: fact for fact in facts_of(results, file)}
    expected = expectation.facts[file]
    findings = []
    for part in [*expected, *(part for part in facts if part not in expected)]:
        if part not in facts:
            findings.append(Finding(file, part, kind, "MISSING", _there(expected[part])))
        elif part not in expected:
            findings.append(Finding(file, part, kind, "EXTRA", found=_there(facts[part])))
        else:
            findings.append(_fact(expected[part], facts[part]))
    return findings


def _numbers(expected: pd.DataFrame, found: pd.DataFrame) -> Iterator[Finding]:
    """Compare row by row: the value within the tolerance, all else but hashes exactly."""
    repeated = found["ard_id"].duplicated()
    rows = found[~repeated].set_index("ard_id").to_dict("index")
    wanted = expected.set_index("ard_id").to_dict("index")
    for name in [*found["ard_id"][repeated], *(name for name in rows if name not in wanted)]:
        yield Finding(ARD, name, "numbers", "EXTRA", found=rows[name]["value"])
    for name, row in wanted.items():
        if name not in rows:
            yield Finding(ARD, name, "numbers", "MISSING", row["value"])
            continue
        other = rows[name]
        value, new = _number(row["value"]), _number(other["value"])
        deviation = _deviation(value, new, abs(value))
        columns = [key for key in row | other if key != "value" and row.get(key) != other.get(key)]
        columns = [key for key in columns if key not in HASHES]
        if not _close(value, new, RELATIVE * abs(value)):
            yield Finding(ARD, name, "numbers", "DIFF", row["value"], other["value"], deviation)
        elif columns:
            key = columns[0]
            shown = (f"{key} {row.get(key)}", f"{key} {other.get(key)}")
            yield Finding(ARD, name, "numbers", "DIFF", *shown, deviation)
        else:
            yield Finding(ARD, name, "numbers", "OK", deviation=deviation)


def _trains(file: str, expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> Iterator[Finding]:
    """Compare the discharges of each motor unit, sample by sample."""
    for unit in sorted(expected.keys() | found.keys()):
        if unit not in found:
            yield Finding(file, unit, "discharges", "MISSING", f"{len(expected[unit])} discharges")
        elif unit not in expected:
            yield Finding(file, unit, "discharges", "EXTRA", found=f"{len(found[unit])} discharges")
        elif np.array_equal(expected[unit], found[unit]):
            yield Finding(file, unit, "discharges", "OK")
        else:
            shown = (_differing(expected[unit], found[unit]), _differing(found[unit], expected[unit]))
            yield Finding(file, unit, "discharges", "DIFF", *shown)


def _differing(own: np.ndarray, other: np.ndarray) -> str:
    differing = np.setdiff1d(own, other)
    if not differing.size:
        return f"{len(own)} discharges"
    named = ", ".join(map(str, differing[:NAMED])) + (", …" if differing.size > NAMED else "")
    return f"{len(own)} discharges, {differing.size} of them only here: sample {named}"


def _fact(expected: Fact, found: Fact) -> Finding:
    """Compare counts and hashes exactly, summaries of floats within the tolerance of means."""
    where = (expected.file, expected.part, expected.kind)
    for name in ("count", "missing", "sha256"):
        wanted, there = getattr(expected, name), getattr(found, name)
        if wanted != there:
            return Finding(*where, "DIFF", f"{name} {wanted}", f"{name} {there}")
    largest = math.nan
    for name in ("mean", "trend", "magnitude", "least", "greatest"):
        old, new = getattr(expected, name), getattr(found, name)
        extreme = name in ("least", "greatest")
        scale = abs(old) if extreme else expected.magnitude
        largest = float(np.fmax(largest, _deviation(old, new, scale)))
        if not _close(old, new, scale * (RELATIVE if extreme else RELATIVE_OF_MEANS)):
            return Finding(*where, "DIFF", f"{name} {old:.10g}", f"{name} {new:.10g}", largest)
    return Finding(*where, "OK", deviation=largest)


def _there(fact: Fact) -> str:
    return f"{fact.count} values"


def _number(text: str) -> float:
    return math.nan if text == MISSING else float(text)


def _close(expected: float, found: float, allowed: float) -> bool:
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    return expected == found or abs(found - expected) <= ABSOLUTE + allowed


def _deviation(expected: float, found: float, scale: float) -> float:
    """Return the difference relative to the scale, absolute where that is zero; NaN where there is none."""
    difference = abs(found - expected)
    return difference / scale if scale > 0 else difference
