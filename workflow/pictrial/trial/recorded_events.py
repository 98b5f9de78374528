"""What happened: protocol deviations, intercurrent events and adverse events, as the data set records them.

Three tables of the data set's ``phenotype`` folder, each optional; without a table none of its kind is
recorded. A session may have several lines, and columns beyond the ones here may stand beside them.
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.tables import MISSING, load_schema
from pictrial.trial.delivery import read_listed
from pictrial.trial.plan import TrialPlan


class RecordedTable(NamedTuple):
    """A table of recorded events: what names an event, which of the plan's, and what else it says."""

    kind: str
    name: str
    recorded_as: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]


TABLES = (
    RecordedTable(
        "protocol_deviation",
        "protocol_deviations",
        ("protocol_deviation", "other_condition"),
        {"severity": ("minor", "major")},
    ),
    RecordedTable("intercurrent_event", "intercurrent_events", ("intercurrent_event",), {}),
    RecordedTable(
        "adverse_event",
        "adverse_events",
        (),
        {
            "severity": ("mild", "moderate", "severe"),
            "serious": ("yes", "no"),
            "relatedness": ("not_related", "unlikely", "possible", "probable", "definite"),
        },
    ),
)


def recorded_event_files(bids_root: str | Path) -> list[Path]:
    """Return those of the three tables that the data set has."""
    paths = [Path(bids_root) / "phenotype" / f"{table.name}.tsv" for table in TABLES]
    return [path for path in paths if path.is_file()]


def read_recorded_events(plan: TrialPlan, bids_root: str | Path) -> pd.DataFrame:
    """Read and check the recorded events of a data set.

    Parameters
    ----------
    plan : TrialPlan
        Its sessions and events; adverse events are not planned and have a term of their own.
    bids_root : str or Path
        Folder of the data set.

    Returns
    -------
    DataFrame
        Schema ``recorded_events``, in the order of `TABLES`, then by participant and session. What the
        delivery knows (`add_conditions`) is still missing.

    Raises
    ------
    InputError
        Where a column is missing, a line stands there twice, a session was not planned or did not take
        place, a code is not one of the plan's events of this kind, or a value is none of its column's levels.
    """
    parts = [
        _read(plan, table, path)
        for table in TABLES
        for path in recorded_event_files(bids_root)
        if path.stem == table.name
    ]
    columns = list(load_schema("recorded_events")["columns"])
    events = pd.concat(parts) if parts else pd.DataFrame()
    return events.reindex(columns=columns).astype("object").reset_index(drop=True)


def add_conditions(events: pd.DataFrame, delivery: pd.DataFrame) -> pd.DataFrame:
    """Add sequence, period and delivered condition, from the schema ``delivery``, to recorded events.

    The condition is the delivered one, also where the session is analysed as planned: harms belong to what
    was given.
    """
    sequences = delivery.drop_duplicates("participant").set_index("participant")["sequence"]
    sessions = delivery.set_index(["participant", "session"])
    keys = pd.MultiIndex.from_frame(events[["participant", "session"]])
    found = sessions[["period", "delivered_condition"]].reindex(keys)
    return events.assign(
        sequence=events["participant"].map(sequences),
        period=found["period"].to_numpy(),
        condition=found["delivered_condition"].to_numpy(),
    )


def nothing_recorded(bids_root: str | Path) -> list[str]:
    """Return the tables of recorded events that the data set does not have, for the log to say."""
    there = {path.stem for path in recorded_event_files(bids_root)}
    return [f"phenotype/{table.name}.tsv" for table in TABLES if table.name not in there]


def _read(plan: TrialPlan, table: RecordedTable, path: Path) -> pd.DataFrame:
    code = "code" if table.recorded_as else "term"
    key = ["participant_id", "session_id", code, *([] if table.recorded_as else ["text"])]
    rows = read_listed(path, key, [*table.levels, "text"])
    labels = {name: one.label for name, one in plan.events.items() if one.recorded_as in table.recorded_as}
    for line, row in enumerate(rows.to_dict("records"), start=2):
        where = f"{path}, line {line}"
        _check_session(plan, where, row["participant_id"], row["session_id"], bool(table.recorded_as))
        if table.recorded_as and row[code] not in labels:
            rule = f"code {row[code]!r} is no event of the plan {plan.path} that is recorded here"
            remedy = did_you_mean(row[code], list(labels)) if labels else "Name it under events of the plan."
            raise InputError(where, rule, remedy)
        if row[code] in ("", MISSING):
            raise InputError(where, f"the {code} is missing", "Say what happened.")
        for column, levels in table.levels.items():
            if row[column] not in levels:
                rule = f"{column} {row[column]!r} is not one of {', '.join(levels)}"
                raise InputError(where, rule, "Correct the value.")
    kept = rows.rename(columns={"participant_id": "participant", "session_id": "session", code: "code"})
    kept["label"] = kept["code"].map(labels) if labels else kept["code"]
    kept["participant"] = kept["participant"].str.removeprefix("sub-")
    kept["session"] = kept["session"].str.removeprefix("ses-")
    kept = kept.replace({"session": MISSING, "text": MISSING}, pd.NA).replace({"text": ""}, pd.NA)
    return kept.assign(kind=table.kind).sort_values(["participant", "session"], kind="stable")


def _check_session(plan: TrialPlan, where: str, person: str, session: str, needed: bool) -> None:
    people = [f"sub-{name}" for name in sorted(plan.participants)]
    if person not in people:
        raise InputError(
            where, f"participant {person!r} is not in the plan {plan.path}", did_you_mean(person, people)
        )
    if session == MISSING and not needed:
        return
    held = [f"ses-{one.session}" for one in plan.sessions if f"sub-{one.participant}" == person]
    if session not in held:
        rule = f"{person} has no session {session!r} that took place"
        remedy = f"Name one of {', '.join(held)}; why a session was not held stands under missing_sessions."
        raise InputError(where, rule, remedy)
