"""What was delivered against what was planned.

The plan says who should get which condition in which session; ``sub-<id>/sub-<id>_sessions.tsv`` in
the data set says what they got. Nothing is analysed until the two agree.
"""

from pathlib import Path

import pandas as pd

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.trial.plan import PlannedSession, TrialPlan


def check_delivered(plan: TrialPlan, bids_root: str | Path) -> pd.DataFrame:
    """Compare the sessions in the data set with the plan.

    Parameters
    ----------
    plan : TrialPlan
        From :func:`pictrial.trial.plan.load_plan`.
    bids_root : str or Path
        Folder of the EMG-BIDS data set.

    Returns
    -------
    DataFrame
        Schema ``delivery``: one row per planned session, those that the plan knows to be missing
        included, with the reason.

    Raises
    ------
    InputError
        Where a participant of the data set is not in the plan or the other way round, a session is
        missing, was not planned or is listed twice, or a condition is unknown to the plan, is not the
        planned one, or the reference of a crossover was never delivered. The message names file and row.
    """
    root = Path(bids_root)
    _check_participants(plan, root)
    for participant in plan.participants:
        path = root / f"sub-{participant}" / f"sub-{participant}_sessions.tsv"
        planned = [session for session in plan.sessions if session.participant == participant]
        delivered = read_listed(path, ["session_id"], ["period", "condition"])
        _check_conditions(plan, participant, path, delivered)
        _check_sessions(path, planned, delivered)
    rows: list[tuple] = [(*session, "delivered", None) for session in plan.sessions]
    rows += [(*entry.planned, "missing", entry.reason) for entry in plan.missing_sessions]
    columns = [*PlannedSession._fields, "status", "reason"]
    return pd.DataFrame(sorted(rows, key=lambda row: (row[0], row[3])), columns=columns)


def read_listed(path: Path, key: list[str], columns: list[str]) -> pd.DataFrame:
    """Return a TSV of the data set as text; row n of the frame is line n + 2 of the file.

    Raises
    ------
    InputError
        Where there is no file, `key` or one of `columns` is missing, or two lines share their key.
    """
    if not path.is_file():
        raise InputError(path, "there is no such file", "Add it to the data set, see BIDS.")
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    for column in (*key, *columns):
        if column not in table:
            raise InputError(path, f"column {column!r} is missing", did_you_mean(column, list(table)))
    repeated = table.duplicated(key)
    if repeated.any():
        row = int(repeated.idxmax())
        rule = f"{', '.join(map(repr, table.loc[row, key]))} is listed twice"
        raise InputError(f"{path}, line {row + 2}", rule, "Keep one of the two lines.")
    return table


def _check_participants(plan: TrialPlan, root: Path) -> None:
    path = root / "participants.tsv"
    delivered = read_listed(path, ["participant_id"], [])["participant_id"]
    planned = [f"sub-{participant}" for participant in plan.participants]
    for row, name in delivered.items():
        if name not in planned:
            raise InputError(
                f"{path}, line {row + 2}",
                f"participant {name!r} is not in the plan {plan.path}",
                did_you_mean(name, planned),
            )
    for name in planned:
        if name not in set(delivered):
            rule = f"participant {name!r} of the plan {plan.path} is missing"
            raise InputError(path, rule, "Add the participant here, or remove them from the plan.")


def _check_conditions(plan: TrialPlan, participant: str, path: Path, delivered: pd.DataFrame) -> None:
    known = list(plan.conditions)
    for row, condition in delivered["condition"].items():
        if condition not in known:
            rule = f"condition {condition!r} is unknown to the plan {plan.path}"
            raise InputError(f"{path}, line {row + 2}", rule, did_you_mean(condition, known))
    if not plan.baseline and plan.reference not in set(delivered["condition"]):
        rule = f"participant {participant} has no session in the reference condition {plan.reference!r}"
        raise InputError(path, rule, "Add it, or remove the participant from the plan.")


def _check_sessions(path: Path, planned: list[PlannedSession], delivered: pd.DataFrame) -> None:
    expected = {f"ses-{session.session}": session for session in planned}
    for row, entry in delivered.iterrows():
        where = f"{path}, line {row + 2}"
        session = expected.pop(entry["session_id"], None)
        if session is None:
            rule = f"session {entry['session_id']!r} is not planned for participant {planned[0].participant}"
            raise InputError(where, rule, "Correct it, or the plan (is it listed under missing_sessions?).")
        for column in ("period", "condition"):
            if entry[column] != str(getattr(session, column)):
                rule = (
                    f"{column} {entry[column]!r} of {entry['session_id']} is not the planned "
                    f"{str(getattr(session, column))!r} (sequence {session.sequence})"
                )
                raise InputError(where, rule, "Correct the table, or the allocation in the plan.")
    for name in expected:
        rule = f"the planned session {name!r} is missing"
        raise InputError(path, rule, "Add it, or list it with its reason under missing_sessions in the plan.")
