"""What was delivered against what was planned.

The plan says who should get which condition in which session; ``sub-<id>/sub-<id>_sessions.tsv`` in
the data set says what they got. Nothing is analysed until the two agree, or the recorded protocol deviations
say that they do not.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.recordings.bids_sidecars import inside_data_set
from pictrial.tables import read_text_table
from pictrial.trial.plan import PlannedSession, TrialPlan


def check_delivered(
    plan: TrialPlan, bids_root: str | Path, events: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Compare the sessions in the data set with the plan.

    Parameters
    ----------
    plan : TrialPlan
        From :func:`pictrial.trial.plan.load_plan`.
    bids_root : str or Path
        Folder of the EMG-BIDS data set.
    events : DataFrame, optional
        From :func:`pictrial.trial.recorded_events.read_recorded_events`; without them, no deviation is
        recorded.

    Returns
    -------
    DataFrame
        Schema ``delivery``: one row per planned session, those that the plan knows to be missing
        included, with the reason.

    Raises
    ------
    InputError
        Where a participant of the data set is not in the plan or the other way round, a session is
        missing, was not planned or is listed twice, a condition is unknown to the plan, is not the
        planned one although no deviation records it (or is although one does), is analysed as delivered
        and was delivered twice, or the reference of a crossover was never delivered. The message names
        file and row.
    """
    root = Path(bids_root)
    _check_participants(plan, root)
    swapped = _recorded_swaps(plan, events)
    rows: list[tuple] = [
        (*entry.planned, None, None, "missing", entry.reason) for entry in plan.missing_sessions
    ]
    for participant in plan.participants:
        path = root / f"sub-{participant}" / f"sub-{participant}_sessions.tsv"
        planned = [session for session in plan.sessions if session.participant == participant]
        delivered = read_listed(path, ["session_id"], ["period", "condition"])
        deviating = {session for name, session in swapped if name == participant}
        _check_conditions(plan, participant, path, delivered, deviating)
        _check_sessions(path, planned, delivered, deviating)
        given = dict(zip(delivered["session_id"], delivered["condition"], strict=True))
        of_participant = [
            _row(plan, session, given[f"ses-{session.session}"], swapped) for session in planned
        ]
        _refuse_repeated(path, of_participant)
        rows += of_participant
    columns = [*PlannedSession._fields[:4], "planned_condition", "delivered_condition", "condition"]
    return pd.DataFrame(
        sorted(rows, key=lambda row: (row[0], row[3])), columns=[*columns, "status", "reason"]
    )


def analysed_schedule(delivery: pd.DataFrame) -> pd.DataFrame:
    """Return the sessions that took place, as what they are analysed: schema ``schedule``."""
    held = delivery[delivery["status"] != "missing"]
    return held[list(PlannedSession._fields)].reset_index(drop=True)


def as_analysed(plan: TrialPlan, delivery: pd.DataFrame) -> TrialPlan:
    """Return the plan with the conditions that its sessions are analysed as: what `schedule` then gives."""
    rows = analysed_schedule(delivery).itertuples(index=False, name=None)
    return replace(plan, sessions=tuple(PlannedSession(*row) for row in rows))


def _recorded_swaps(plan: TrialPlan, events: pd.DataFrame | None) -> dict[tuple[str, str], str]:
    """Return the sessions in which another condition was delivered, with the deviation's words."""
    codes = [name for name, event in plan.events.items() if event.recorded_as == "other_condition"]
    if events is None:
        return {}
    rows = events[(events["kind"] == "protocol_deviation") & events["code"].isin(codes)]
    return {
        (row.participant, row.session): row.label if pd.isna(row.text) else f"{row.label}: {row.text}"
        for row in rows.itertuples()
    }


def _row(plan: TrialPlan, planned: PlannedSession, given: str, swapped: dict[tuple[str, str], str]) -> tuple:
    why = swapped.get((planned.participant, planned.session))
    analysed = given if plan.analysed_as == "delivered" else planned.condition
    return (*planned, given, analysed, "other_condition" if why else "as_planned", why)


def _refuse_repeated(path: Path, rows: list[tuple]) -> None:
    """Raise where two sessions would be analysed as one condition: which of them is meant is not known."""
    sessions: dict[str, str] = {}
    for _, _, session, _, _, _, condition, *_ in rows:
        if condition in sessions:
            rule = f"{condition!r} was delivered in sessions {sessions[condition]} and {session}"
            remedy = "Analyse as planned (design.other_condition), or list one under missing_sessions."
            raise InputError(path, f"{rule}, and both would be analysed as it", remedy)
        sessions[condition] = session


def read_listed(path: Path, key: list[str], columns: list[str]) -> pd.DataFrame:
    """Return a TSV of the data set as text; row n of the frame is line n + 2 of the file.

    Raises
    ------
    InputError
        Where there is no file, `key` or one of `columns` is missing, or two lines share their key.
    """
    if not path.is_file():
        raise InputError(path, "there is no such file", "Add it to the data set, see BIDS.")
    table = read_text_table(inside_data_set(path))
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


def _check_conditions(
    plan: TrialPlan, participant: str, path: Path, delivered: pd.DataFrame, swapped: set[str]
) -> None:
    # What is analysed as delivered must be a condition of the participant's own experiment.
    experiment = plan.experiment_of(participant) if plan.analysed_as == "delivered" else None
    known = plan.conditions_of(experiment)
    for row, condition in delivered["condition"].items():
        if condition not in known:
            rule = f"condition {condition!r} is unknown to the plan {plan.path}"
            raise InputError(f"{path}, line {row + 2}", rule, did_you_mean(condition, known))
    allocated = swapped and plan.analysed_as == "planned"
    if not (plan.baseline or allocated) and plan.reference not in set(delivered["condition"]):
        rule = f"participant {participant} has no session in the reference condition {plan.reference!r}"
        raise InputError(path, rule, "Add it, or remove the participant from the plan.")


def _check_sessions(
    path: Path, planned: list[PlannedSession], delivered: pd.DataFrame, swapped: set[str]
) -> None:
    expected = {f"ses-{session.session}": session for session in planned}
    for row, entry in delivered.iterrows():
        where = f"{path}, line {row + 2}"
        session = expected.pop(entry["session_id"], None)
        if session is None:
            rule = f"session {entry['session_id']!r} is not planned for participant {planned[0].participant}"
            raise InputError(where, rule, "Correct it, or the plan (is it listed under missing_sessions?).")
        if session.session in swapped and entry["condition"] == session.condition:
            rule = f"condition {entry['condition']!r} is the planned one, and a deviation records another"
            raise InputError(where, rule, "Correct the table, or phenotype/protocol_deviations.tsv.")
        for column in ("period",) if session.session in swapped else ("period", "condition"):
            if entry[column] != str(getattr(session, column)):
                rule = (
                    f"{column} {entry[column]!r} of {entry['session_id']} is not the planned "
                    f"{str(getattr(session, column))!r} (sequence {session.sequence})"
                )
                remedy = "Correct the table or the plan's allocation, or record it as a protocol deviation."
                raise InputError(where, rule, remedy)
    for name in expected:
        rule = f"the planned session {name!r} is missing"
        raise InputError(path, rule, "Add it, or list it with its reason under missing_sessions in the plan.")
