"""The lock of a trial: fingerprints of data, plan, code and environment, taken before the truth is seen."""

import json
import platform
import re
from collections.abc import Iterable
from importlib.metadata import requires, version
from pathlib import Path

from pictrial.checked_json import read_json_object
from pictrial.errors import InputError
from pictrial.files import sha256, write_text

_WORKFLOW = Path(__file__).resolve().parents[2]
_CODE = (".py", ".smk", ".json", ".rst", ".yaml", ".typ", ".j2")
#: What is looked at again in every run; reading all recordings again would take too long for that.
QUICK = ("plan", "configuration", "code", "environment")


def take_lock(configuration: Path, content: dict, parts: Iterable[str] = ("data", *QUICK)) -> dict:
    """Return the fingerprints of what an analysis depends on.

    Parameters
    ----------
    configuration : Path
        The run's ``config.yaml``.
    content : dict
        What it says.
    parts : iterable of str
        Of ``data`` (data set, files to be imported, manual edits), ``plan``, ``configuration``, ``code``
        (workflow and package) and ``environment`` (the list of locked packages, and the versions that are
        installed of Python and of those that pictrial declares).

    Returns
    -------
    dict
        By part, then by path or package: SHA-256 or version.

    Raises
    ------
    InputError
        Where there is no data set, or a file is missing.
    """
    takers = {
        "data": lambda: _fingerprints(_data_files(content)),
        "plan": lambda: _fingerprints([Path(content["trial"])]),
        "configuration": lambda: {configuration.name: sha256(configuration)},
        "code": _code,
        "environment": _environment,
    }
    return {part: takers[part]() for part in parts}


def write_lock(path: Path, lock: dict) -> str:
    """Write a lock as JSON and return the SHA-256 of the file."""
    write_text(path, json.dumps(lock, indent=1, sort_keys=True) + "\n")
    return sha256(path)


def read_lock(path: Path, fingerprint: str) -> dict:
    """Read a lock.

    Raises
    ------
    InputError
        Where the file is missing, or is not the one whose SHA-256 is `fingerprint`.
    """
    if not path.is_file():
        raise InputError(path, "there is no such lock file", "Restore it, or lock again.")
    if sha256(path) != fingerprint:
        raise InputError(
            path, "the lock file is not the one in the log of stages", "Restore it, or lock again."
        )
    lock = read_json_object(path)
    for part in QUICK:
        if not isinstance(lock.get(part), dict):
            raise InputError(path, f"it has no {part!r}", "Restore it, or lock again.")
    return lock


def changes(before: dict, now: dict) -> list[str]:
    """Say what of `now` differs from the lock `before`, each as ``part: path (changed)``."""
    found = []
    for part, entries in now.items():
        old = before.get(part, {})
        for name in sorted(old.keys() | entries.keys()):
            if old.get(name) != entries.get(name):
                what = "removed" if name not in entries else "changed" if name in old else "added"
                found.append(f"{part}: {name} ({what})")
    return found


def data_set(content: dict) -> Path:
    """Return the folder of the data set that a configuration names."""
    return Path(content["data"].get("bids", f"{content['results']}/bids"))


def _data_files(content: dict) -> list[Path]:
    root = data_set(content)
    if not root.is_dir():
        raise InputError(root, "there is no data set to lock", "Run the stage before on it first.")
    folders = [root, *([Path(content["data"]["edits"])] if "edits" in content["data"] else [])]
    exports = [Path(entry["file"]) for entry in content["data"].get("import", [])]
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()] + exports


def _code() -> dict[str, str]:
    project = _WORKFLOW.parent
    files = [path for path in _WORKFLOW.rglob("*") if path.suffix in _CODE] + [project / "Snakefile"]
    there = [path for path in sorted(files) if path.is_file()]
    return {path.relative_to(project).as_posix(): sha256(path) for path in there}


def _environment() -> dict[str, str]:
    declared = [entry for entry in requires("pictrial") or [] if "extra ==" not in entry]
    names = sorted(match[0] for entry in declared if (match := re.match(r"[\w.-]+", entry)))
    packages = {name: version(name) for name in names}
    locked = _WORKFLOW.parent / "requirements.lock"
    listed = {locked.name: sha256(locked)} if locked.is_file() else {}
    return {"python": platform.python_version()} | listed | packages


def _fingerprints(paths: Iterable[Path]) -> dict[str, str]:
    paths = list(paths)
    for path in paths:
        if not path.is_file():
            raise InputError(path, "there is no such file", "Check the path.")
    return {path.as_posix(): sha256(path) for path in paths}
