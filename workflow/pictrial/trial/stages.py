"""Stages of a trial: dummy, masked, locked, unmasked. The log of who entered which is the state.

Without the section `masking` in ``config.yaml`` a trial is analysed unmasked, and says so. Paths are those of
the configuration: relative to the folder in which the workflow runs.
"""

import csv
import hashlib
import io
import json
import secrets
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pictrial.checked_yaml import check_content, read_checked_yaml
from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.trial.lock import QUICK, changes, read_lock, take_lock, write_lock
from pictrial.trial.plan import SCHEMA, TrialPlan, read_plan

if TYPE_CHECKING:
    from pictrial.trial.masking import StagedTrial

CONFIGURATION_SCHEMA = SCHEMA.with_name("config.schema.json")
#: The stages that may follow each; ``""`` is the start.
FOLLOWING = {
    "": ("dummy", "masked"),
    "dummy": ("masked",),
    "masked": ("locked",),
    "locked": ("locked", "unmasked"),
    "unmasked": (),
}
#: The columns of the log, schema ``stages``.
COLUMNS = ("stage", "who", "when", "commit", "lock", "note", "before")
_KEY_BYTES = 16
_SENTENCES = {
    "": "Unmasked; no stage of masking or lock was used.",
    "dummy": "Dummy labels: conditions were dealt anew by a keyed draw. Nothing here is a result.",
    "masked": "Masked: conditions and sequences have other names by a keyed draw. Nothing is locked yet.",
    "locked": "Masked: conditions and sequences have other names by a keyed draw. "
    "Data, plan, code and environment are locked.",
    "unmasked": "Unmasked after data, plan, code and environment had been locked under masking.",
}


@dataclass(frozen=True)
class Stage:
    """The stage of a trial, as readers are told.

    Attributes
    ----------
    stage : str
        ``dummy``, ``masked``, ``locked`` or ``unmasked``; the last also without masking.
    masking : bool
        Whether the configuration has a section `masking`.
    sentence : str
        For the report.
    who, when, commit, lock : str or None
        Of the last row of the log.
    changed : tuple of str
        Of an unmasked trial: what of plan, configuration, code and environment differs from the lock.
    """

    stage: str
    masking: bool
    sentence: str
    who: str | None = None
    when: str | None = None
    commit: str | None = None
    lock: str | None = None
    changed: tuple[str, ...] = ()

    @property
    def truth_is_open(self) -> bool:
        """Whether labels are the true ones."""
        return self.stage == "unmasked"


def current_stage(masking: dict | None) -> Stage:
    """Return the stage of a trial by its configuration's section `masking`; None: there is no such section.

    Raises
    ------
    InputError
        Where the log is missing or was changed.
    """
    if masking is None:
        return Stage("unmasked", False, _SENTENCES[""])
    rows = read_log(masking["log"])
    if not rows:
        remedy = "Enter the first: pictrial stage CONFIG dummy --by NAME (or masked)."
        raise InputError(masking["log"], "the trial has no stage yet", remedy)
    last = rows[-1]
    who, when, commit, lock = (last[name] or None for name in ("who", "when", "commit", "lock"))
    return Stage(last["stage"], True, _SENTENCES[last["stage"]], who, when, commit, lock)


def stage_trial(path: str | Path, masking: dict | None, seed: int) -> "StagedTrial | None":
    """Return the plan as the trial's stage may see it; None where that is the plan as it is.

    Parameters
    ----------
    path : str or Path
        The trial plan.
    masking : dict or None
        Section `masking` of the configuration: `log`, `key`.
    seed : int
        That of the run.

    Raises
    ------
    InputError
        Where log, key or plan do not serve.
    """
    stage = current_stage(masking)
    if masking is None or stage.truth_is_open:
        return None
    return _staged(Path(path), stage.stage, _read_key(masking["key"]), seed)


def staged_plan(path: str | Path, masking: dict | None, seed: int) -> TrialPlan:
    """Return the plan of `stage_trial`, read and checked as any other."""
    staged = stage_trial(path, masking, seed)
    content = staged.content if staged else read_checked_yaml(path, SCHEMA)
    return read_plan(Path(path), check_content(content, SCHEMA, path))


def write_staged_plan(
    configuration: str | Path, content: dict, plan: str | Path, stage_file: str | Path
) -> Stage:
    """Write the plan as the trial's stage may see it, and what readers are told of the stage.

    Parameters
    ----------
    configuration : str or Path
        The run's ``config.yaml``.
    content : dict
        What it says.
    plan, stage_file : str or Path
        Files to write. Where the truth is open, the plan is a copy, byte by byte.

    Returns
    -------
    Stage
        In which changes since the lock are told.
    """
    masking = content.get("masking")
    stage, staged = current_stage(masking), stage_trial(content["trial"], masking, content["seed"])
    if staged:
        text = yaml.safe_dump(staged.content, sort_keys=False, allow_unicode=True, width=110)
    else:
        text = Path(content["trial"]).read_bytes().decode("utf-8")
    if masking and stage.truth_is_open:
        stage = _with_changes(stage, Path(configuration), content)
    write_text(plan, text)
    write_text(stage_file, json.dumps(asdict(stage), indent=2, ensure_ascii=False) + "\n")
    return stage


def enter_stage(configuration: str | Path, stage: str, who: str, when: str, note: str | None = None) -> Stage:
    """Enter a stage: check that it may follow, lock or compare with the lock, and add a row to the log.

    Parameters
    ----------
    configuration : str or Path
        The run's ``config.yaml``.
    stage : str
        ``dummy``, ``masked``, ``locked`` or ``unmasked``.
    who, when, note : str
        For the log; `when` is in UTC, as in ``2026-01-31T12:00:00Z``.

    Raises
    ------
    InputError
        Where the configuration has no masking, the stage may not follow the current one, locking again has
        no note, the plan cannot be masked, or something that was locked has changed.
    """
    path = Path(configuration)
    content = read_checked_yaml(path, CONFIGURATION_SCHEMA)
    if "masking" not in content:
        raise InputError(path, "there is no section masking", "Add it: docs/masking.md.")
    masking, log = content["masking"], Path(content["masking"]["log"])
    rows = read_log(log)
    _check_transition(log, rows[-1]["stage"] if rows else "", stage, note)
    lock = None
    if stage in ("dummy", "masked"):
        _make_key(Path(masking["key"]))
        staged = _staged(Path(content["trial"]), stage, _read_key(masking["key"]), content["seed"])
        read_plan(Path(content["trial"]), check_content(staged.content, SCHEMA, content["trial"]))
    elif stage == "locked":
        lock = write_lock(lock_file(log, rows, 1), take_lock(path, content) | _key_lock(masking))
    else:
        lock = rows[-1]["lock"]
        _refuse_changes(read_lock(lock_file(log, rows), lock), take_lock(path, content) | _key_lock(masking))
    _append(log, (stage, who, when, _commit(path.resolve().parent), lock or "", note or ""))
    return current_stage(masking)


def read_log(path: str | Path) -> list[dict[str, str]]:
    """Return the rows of a log of stages, schema ``stages``; none where there is no such file.

    Raises
    ------
    InputError
        Where it is no such log, a row was changed after the next was added, or stages do not follow.
    """
    path, before = Path(path), b""
    rows: list[dict[str, str]] = []
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        where = f"{path}, line {number}"
        try:
            values = next(csv.reader([line.decode("utf-8").rstrip("\n")], delimiter="\t"), [])
        except (UnicodeDecodeError, csv.Error):
            values = []
        if (number == 1 and tuple(values) != COLUMNS) or len(values) != len(COLUMNS):
            raise InputError(where, "it is no log of stages", "Restore the file that `pictrial stage` wrote.")
        row = dict(zip(COLUMNS, values, strict=True))
        if number > 1:
            if row["before"] != hashlib.sha256(before).hexdigest():
                raise InputError(where, "a row before it was changed or removed", "Restore the log.")
            _check_transition(Path(where), rows[-1]["stage"] if rows else "", row["stage"], row["note"])
            rows.append({name: "" if value == "n/a" else value for name, value in row.items()})
        before += line
    return rows


def lock_file(log: str | Path, rows: list[dict[str, str]], later: int = 0) -> Path:
    """Return the lock file beside a log: that of its last row with a lock, or of one `later`."""
    number = sum(row["stage"] == "locked" for row in rows) + later
    return Path(log).with_name(f"{Path(log).stem}_lock-{number}.json")


def _staged(path: Path, stage: str, key: bytes, seed: int) -> "StagedTrial":
    from pictrial.trial.masking import dummy_trial, masked_trial

    content = read_checked_yaml(path, SCHEMA)
    return dummy_trial(content, key, seed) if stage == "dummy" else masked_trial(content, key)


def _check_transition(log: Path, now: str, stage: str, note: str | None) -> None:
    allowed = FOLLOWING[now]
    if stage not in allowed:
        rule = f"{stage} cannot follow {now or 'the start'}"
        remedy = f"What may follow: {', '.join(allowed)}." if allowed else "Once seen, the truth stays seen."
        raise InputError(log, rule, remedy)
    if now == stage and not note:
        raise InputError(log, f"{stage} again needs a reason", "Add --note.")


def _make_key(path: Path) -> None:
    """Write a new random key that only its owner may read, unless there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")


def _read_key(path: str | Path) -> bytes:
    if not Path(path).is_file():
        raise InputError(path, "there is no such key", "Restore it: without it labels cannot be told again.")
    key = Path(path).read_bytes().strip()
    if len(key) < _KEY_BYTES:
        raise InputError(
            path, f"the key is shorter than {_KEY_BYTES} bytes", "Take a random one of 32 bytes."
        )
    return key


def _key_lock(masking: dict) -> dict:
    """Return the fingerprint of the key: another key would be another masking."""
    return {"key": {str(masking["key"]): hashlib.sha256(_read_key(masking["key"])).hexdigest()}}


def _refuse_changes(before: dict, now: dict) -> None:
    found = changes(before, now)
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        rule = f"changed since the lock: {'; '.join(found[:5])}{more}"
        raise InputError("unmasked", rule, "Undo it, or lock again with a reason (--note).")


def _with_changes(stage: Stage, configuration: Path, content: dict) -> Stage:
    rows = read_log(content["masking"]["log"])
    lock = read_lock(lock_file(content["masking"]["log"], rows), stage.lock or "")
    found = changes({part: lock[part] for part in QUICK}, take_lock(configuration, content, QUICK))
    parts = ", ".join(part for part in QUICK if any(one.startswith(part) for one in found))
    sentence = f"{stage.sentence} Changed since: {parts}." if found else stage.sentence
    return Stage(**asdict(stage) | {"changed": tuple(found), "sentence": sentence})


def _append(log: Path, values: tuple[str, ...]) -> None:
    """Add a row; what the log has already is not written again."""
    new = not log.exists()
    log.parent.mkdir(parents=True, exist_ok=True)
    if new:
        from pictrial.tables import load_schema

        dictionary = json.dumps(load_schema("stages")["columns"], indent=2, ensure_ascii=False)
        write_text(log.with_suffix(".json"), dictionary + "\n")
    header = "\t".join(COLUMNS) + "\n"
    before = header.encode() if new else log.read_bytes()
    line = io.StringIO()
    texts = [" ".join(value.split()) or "n/a" for value in values]
    csv.writer(line, delimiter="\t", lineterminator="\n").writerow(
        [*texts, hashlib.sha256(before).hexdigest()]
    )
    with open(log, "a", encoding="utf-8", newline="") as stream:
        stream.write((header if new else "") + line.getvalue())


def _commit(folder: Path) -> str:
    """Return the commit that a folder is at, or that there is none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "not under version control"
    return said.stdout.strip()
