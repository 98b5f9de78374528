"""Manual editing as an input: tables of edits, bound to one decomposition, and replayed on it.

A table names every discharge and motor unit that a person added or removed. The discharges become exactly
what the table says; the filter of each edited unit is estimated again from those of all units.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.candidates import DecompositionSettings, rejection
from pictrial.decomposition.given_discharges import decomposition_at
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.separation import Separator
from pictrial.errors import InputError
from pictrial.recordings.model import Recording
from pictrial.tables import check_table, load_schema, read_table, read_text_table, write_table

#: In this order the rows of a table are applied, whatever their order in the file.
_ORDER = ("add_unit", "remove_discharges", "add_discharges", "remove_unit")
_ANEW = (
    "Edit this decomposition, or go back to the settings and the version of that one; see docs/editing.md."
)


def fingerprint(discharges: dict[str, np.ndarray]) -> str:
    """Return what binds edits to a decomposition: 16 digits of the SHA-256 of its units and samples."""
    lines = [f"{unit}\t{','.join(map(str, discharges[unit].tolist()))}\n" for unit in sorted(discharges)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def files_of_recordings(folder: str | Path, recordings: Iterable[str]) -> dict[str, list[str]]:
    """Return, for each recording, the tables in `folder` that edit it.

    Raises
    ------
    InputError
        Where there is no such folder, or a row names a recording that is not among `recordings`.
    """
    if not Path(folder).is_dir():
        raise InputError(folder, "there is no such folder", "Make it, or remove the key data.edits.")
    files: dict[str, list[str]] = {name: [] for name in recordings}
    for path in sorted(Path(folder).glob("*.tsv")):
        for number, row in enumerate(read_text_table(path).to_dict("records"), start=1):
            name = row.get("recording", "")
            if name not in files:
                rule = f"recording {name!r} is not in the trial plan"
                raise InputError(f"{path}, row {number}", rule, "Correct its name, or move the table away.")
            if str(path) not in files[name]:
                files[name].append(str(path))
    return files


def read_edits(paths: Iterable[str | Path], recording: str) -> pd.DataFrame:
    """Read the edits of one recording.

    Returns
    -------
    DataFrame
        Rows of schema ``edits``, with the further column ``where``: file and row.

    Raises
    ------
    InputError
        Where a table breaks its schema, a date is none, or a time is missing or too much.
    """
    tables = [pd.DataFrame(columns=[*load_schema("edits")["columns"], "where"])]
    for path in paths:
        table = read_table(path, "edits")
        table["where"] = [f"{path}, row {number}" for number in range(1, len(table) + 1)]
        for row in table.itertuples():
            _check_row(row)
        tables.append(table[table["recording"] == recording])
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _check_row(row) -> None:
    for name in ("unit_id", "editor", "reason"):
        if not getattr(row, name).strip():
            raise InputError(row.where, f"{name!r} is empty", "Fill it in.")
    try:
        date.fromisoformat(row.date)
    except ValueError:
        raise InputError(row.where, f"{row.date!r} is no date", "Write it as YYYY-MM-DD.") from None
    if row.operation.endswith("_discharges") and pd.isna(row.onset):
        raise InputError(row.where, f"{row.operation} needs the onset", "Give the time of the discharge.")
    if not pd.isna(row.onset) and not np.isfinite(row.onset):
        raise InputError(row.where, f"the onset is {row.onset}", "Give it in s.")
    if row.operation.endswith("_unit") and not pd.isna(row.onset):
        raise InputError(row.where, f"{row.operation} has no onset", "Write n/a.")


def apply_edits(
    discharges: dict[str, np.ndarray], edits: pd.DataFrame, sampling_rate: float, n_samples: int
) -> dict[str, np.ndarray]:
    """Return the discharges after `edits`, which are all of the decomposition given.

    Parameters
    ----------
    discharges : dict of str to ndarray of int64
        Before.
    edits : DataFrame
        As :func:`read_edits` returns them; the order of the rows does not matter.
    sampling_rate : float
        Hz.
    n_samples : int
        Length of the recording.

    Returns
    -------
    dict of str to ndarray of int64
        Units in the order given, new ones last.

    Raises
    ------
    InputError
        Where a row names a unit or discharge that is not there, one that is there already, or a time
        beyond the recording; where a removed unit is edited too; where a unit has no discharge left.
    """
    units = {unit: set(samples.tolist()) for unit, samples in discharges.items()}
    places = {unit: "" for unit in units}
    for row in sorted(edits.itertuples(), key=lambda row: _ORDER.index(row.operation)):
        if (row.unit_id in units) == (row.operation == "add_unit"):
            rule = f"motor unit {row.unit_id!r} is {'already' if row.unit_id in units else 'not'} there"
            raise InputError(row.where, rule, f"There are: {', '.join(units) or 'none'}.")
        if row.operation == "remove_unit":
            if places[row.unit_id]:
                rule = f"{row.unit_id} is removed here and edited in {places[row.unit_id]}"
                raise InputError(row.where, rule, "Keep one of the two.")
            del units[row.unit_id]
            continue
        places[row.unit_id] = row.where
        if row.operation == "add_unit":
            units[row.unit_id] = set()
        else:
            sample = round(row.onset * sampling_rate)
            _edit_discharge(row, sample, units[row.unit_id], discharges.get(row.unit_id), n_samples)
    for unit, samples in units.items():
        if not samples:
            raise InputError(places[unit], f"{unit} has no discharge left", "Use remove_unit.")
    return {unit: np.array(sorted(samples), np.int64) for unit, samples in units.items()}


def _edit_discharge(row, sample: int, samples: set[int], before: np.ndarray | None, n_samples: int) -> None:
    if row.operation == "remove_discharges":
        if sample not in samples:
            rule = f"{row.unit_id} has no discharge at {row.onset:.6f} s"
            raise InputError(row.where, rule, "Give the time as the events table has it, once.")
        samples.remove(sample)
    elif sample >= n_samples:
        raise InputError(row.where, f"{row.onset} s is after the end of the recording", "Correct the time.")
    elif sample in samples or (before is not None and sample in before):
        rule = f"{row.unit_id} already has a discharge at {row.onset:.6f} s"
        raise InputError(row.where, rule, "Remove this row.")
    else:
        samples.add(sample)


def difference(
    before: Decomposition,
    after: dict[str, np.ndarray],
    same_unit: float,
    editor: str,
    day: str,
    reason: str,
) -> pd.DataFrame:
    """Return the edits that turn `before` into the trains `after`, whatever these are called.

    Editors rename units, so each train is matched one to one with the unit of `before` it agrees with
    best; where the rate of agreement is not above `same_unit`, it is a new unit.

    Returns
    -------
    DataFrame
        Schema ``edits``; empty where nothing was edited.
    """
    names = _match(before, after, same_unit)
    changes: list[tuple[str, str, float | None]] = []
    for unit in before.discharges:
        if unit not in names:
            changes.append((unit, "remove_unit", None))
    for unit, train in names.items():
        old = before.discharges.get(unit, np.empty(0, np.int64))
        if unit not in before.discharges:
            changes.append((unit, "add_unit", None))
        removed, added = np.setdiff1d(old, after[train]), np.setdiff1d(after[train], old)
        changes += [(unit, "remove_discharges", sample / before.sampling_rate) for sample in removed]
        changes += [(unit, "add_discharges", sample / before.sampling_rate) for sample in added]
    table = pd.DataFrame(changes, columns=["unit_id", "operation", "onset"])
    table = table.assign(
        recording=before.recording,
        decomposition=fingerprint(before.discharges),
        editor=editor,
        date=day,
        reason=reason,
    )
    return check_table(table, "edits", f"edits of {before.recording}")


def append_edits(path: str | Path, edits: pd.DataFrame) -> None:
    """Write the edits of one decomposition, after those of others that the table at `path` has.

    Raises
    ------
    InputError
        Where the table has edits of the same decomposition already.
    """
    if Path(path).is_file():
        before = read_table(path, "edits")
        if before["decomposition"].isin(edits["decomposition"]).any():
            rule = f"it already has edits of decomposition {edits['decomposition'].iloc[0]}"
            raise InputError(
                path, rule, "Remove these rows, or export the edited decomposition and edit that."
            )
        edits = pd.concat([before, edits], ignore_index=True)
    for row in edits.assign(where=f"edits for {path}").itertuples():
        _check_row(row)
    write_table(edits, path, "edits")


def _match(before: Decomposition, after: dict[str, np.ndarray], same_unit: float) -> dict[str, str]:
    """Return, for each unit after editing by its name here, the train of `after` that it is."""
    links = []
    for number, (unit, samples) in enumerate(before.discharges.items()):
        for place, (train, others) in enumerate(after.items()):
            agreement = rate_of_agreement(samples, others, before.sampling_rate)
            if agreement > same_unit:
                # Equal trains first, so that of two duplicates each stays itself.
                links.append((-agreement, not np.array_equal(samples, others), number, place, unit, train))
    names: dict[str, str] = {}
    for *_, unit, train in sorted(links):
        if unit not in names and train not in names.values():
            names[unit] = train
    taken = [int(unit[2:]) for unit in before.quality["unit_id"] if unit[:2] == "MU" and unit[2:].isdigit()]
    new = [train for train in after if train not in names.values()]
    ordered = {unit: names[unit] for unit in before.discharges if unit in names}
    return ordered | {f"MU{number:02d}": train for number, train in enumerate(new, max(taken, default=0) + 1)}


def replay_edits(
    decomposition: Decomposition,
    edits: pd.DataFrame,
    recording: Recording,
    good: np.ndarray,
    settings: DecompositionSettings,
) -> tuple[Decomposition, pd.DataFrame]:
    """Apply edits to a decomposition and describe its units anew.

    Edits of an edited decomposition follow those that made it: rows are applied in rounds, each to the
    decomposition whose fingerprint they name.

    Parameters
    ----------
    decomposition : Decomposition
    edits : DataFrame
        As :func:`read_edits` returns them.
    recording : Recording
        Conditioned EMG.
    good : ndarray of bool, shape (channels,)
        Channels to use.
    settings : DecompositionSettings

    Returns
    -------
    Decomposition
        Discharges exactly as edited; units that were not edited are as they were. An edited unit counts
        as accepted, whatever its quality: a person decided.
    DataFrame
        Schema ``edit_log``.

    Raises
    ------
    InputError
        As :func:`apply_edits`; where edits were made for another decomposition; where no unit is left;
        where an added unit has the name of a candidate.
    """
    before, after = decomposition.discharges, _in_rounds(decomposition, edits)
    edited = [u for u, samples in after.items() if not np.array_equal(samples, before.get(u, []))]
    sources, filters = dict(decomposition.sources), dict(zip(before, decomposition.filters, strict=True))
    quality = {row["unit_id"]: row for row in decomposition.quality.to_dict("records")}
    for row in edits[edits["operation"] == "remove_unit"].itertuples():
        if row.unit_id in quality and row.unit_id not in after:
            reason = f"removed in editing by {row.editor}: {row.reason}"
            quality[row.unit_id] |= {"accepted": False, "reason": reason}
    if edited:
        # All units count, since each one's filter is for the EMG without the others; only edited ones change.
        anew = decomposition_at(Separator(recording, good, settings), after)
        rows = zip(after, anew.filters, anew.quality.to_dict("records"), strict=True)
        for unit, unit_filter, row in rows:
            if unit in edited:
                sources[unit], filters[unit], quality[unit] = anew.sources[unit], unit_filter, row
    result = replace(
        decomposition,
        discharges=after,
        sources={unit: sources[unit] for unit in after},
        filters=np.stack([filters[unit] for unit in after]),
        quality=pd.DataFrame(list(quality.values())),
    )
    return result, _log(decomposition, result, edits, settings)


def _in_rounds(decomposition: Decomposition, edits: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the discharges after all edits, each applied to the trains that it was made for."""
    after, pending = decomposition.discharges, edits
    while len(pending):
        current = fingerprint(after)
        applies = pending["decomposition"] == current
        if not applies.any():
            row = pending.iloc[0]
            rule = f"it was made for decomposition {row['decomposition']}, but this one is {current}"
            raise InputError(row["where"], rule, _ANEW)
        after = apply_edits(after, pending[applies], decomposition.sampling_rate, decomposition.n_samples)
        pending = pending[~applies]
    if not after:
        remedy = "Keep one, or exclude the recording in the plan with a reason."
        raise InputError(edits.iloc[-1]["where"], "no motor unit is left", remedy)
    for row in edits[edits["operation"] == "add_unit"].itertuples():
        if row.unit_id in set(decomposition.quality["unit_id"]):
            rule = f"{row.unit_id!r} is already the name of a candidate"
            raise InputError(row.where, rule, "Give the new unit another name.")
    return after


def _log(
    before: Decomposition, after: Decomposition, edits: pd.DataFrame, settings: DecompositionSettings
) -> pd.DataFrame:
    groups = ["recording", "unit_id", "operation", "editor", "date", "reason"]
    old, new = (each.quality.set_index("unit_id")["silhouette"] for each in (before, after))
    rows = []
    for key, group in edits.groupby(groups, sort=False):
        row = dict(zip(groups, key, strict=True))
        unit = row["unit_id"]
        counts = [len(each.discharges.get(unit, ())) for each in (before, after)]
        kept = unit in after.discharges
        remark = ""
        if kept:
            quality = after.quality.set_index("unit_id").loc[unit]
            found = Discharges(after.discharges[unit], quality["silhouette"], quality["pulse_to_noise_ratio"])
            remark = rejection(found, after.sampling_rate, settings)
        row |= {"n_edits": len(group), "n_discharges_before": counts[0], "n_discharges_after": counts[1]}
        row |= {"silhouette_before": old.get(unit), "silhouette_after": new[unit] if kept else None}
        rows.append(row | {"remark": remark or None})
    return pd.DataFrame(rows, columns=list(load_schema("edit_log")["columns"]))
