"""Which items of reporting guidelines the plan and the results answer, and which the authors have to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from pictrial.errors import InputError
from pictrial.reporting.report_table import Column, ReportTable, Row
from pictrial.reporting.shown import Shown

GUIDELINES = Path(__file__).resolve().parents[2] / "report" / "coverage"
AUTHOR = "author input needed"
#: Where an answer can be: a key of plan or configuration, a file or folder of the results, the raw data.
_KINDS = ("plan", "config", "file", "files", "raw")


def coverage_table(name: str, plan: Mapping, settings: Mapping, files: Collection[str]) -> ReportTable:
    """Return the items of a guideline, each with where it is answered.

    Parameters
    ----------
    name : str
        A file of ``workflow/report/coverage`` without suffix: ``sap``, ``consort`` or ``emg``.
    plan : mapping
        Content of ``trial.yaml``.
    settings : mapping
        The configuration with every default filled in.
    files : collection of str
        What the run writes, relative to its results.

    Returns
    -------
    ReportTable
        A key or file that this trial does not have is no answer: where none is left, the author's is needed.

    Raises
    ------
    InputError
        Where the guideline names a place in a way that is not known.
    """
    path = GUIDELINES / f"{name}.yaml"
    guideline = yaml.safe_load(path.read_text(encoding="utf-8"))
    design = plan["design"]["type"]
    rows = []
    for entry in guideline["items"]:
        if design not in entry.get("designs", [design]):
            continue
        places, wanted = [], []
        for where in entry["where"]:
            if isinstance(where, dict):
                wanted.append(where["author"])
            elif _is_there(path, where, {"plan": plan, "config": settings}, files):
                places.append(_place(where))
        needed = "; ".join(wanted) if wanted else "" if places else AUTHOR
        rows.append(Row(entry["id"], (Shown(entry["item"]), Shown("; ".join(places)), Shown(needed))))
    columns = (Column("item", "Item"), Column("where", "Where"), Column("author", "Author input needed"))
    notes = (Shown(guideline["source"] + "."),)
    return ReportTable(f"coverage_{name}", guideline["title"], "No.", columns, tuple(rows), notes)


def _is_there(path: Path, where: str, contents: Mapping[str, Mapping], files: Collection[str]) -> bool:
    kind, _, name = where.partition(":")
    if kind not in _KINDS:
        raise InputError(path, f"{where!r} is no place", f"Begin it with one of {', '.join(_KINDS)}.")
    if kind == "file":
        return name in files
    if kind == "files":
        return any(file.startswith(f"{name}/") for file in files)
    found: object = contents.get(kind, {})
    for part in name.split(".") if kind in contents else []:
        found = found.get(part) if isinstance(found, Mapping) else None
    return kind == "raw" or found not in (None, {}, [])


def _place(where: str) -> str:
    kind, _, name = where.partition(":")
    written = {"plan": "trial.yaml: {}", "config": "config.yaml: {}", "raw": "data set: *{}", "files": "{}/"}
    return written.get(kind, "{}").format(name)
