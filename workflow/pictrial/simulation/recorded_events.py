"""Deviations, intercurrent events and adverse events, each with a probability in a session of a condition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pictrial.recordings.bids_writer import write_json, write_tsv
from pictrial.seeds import random_generator
from pictrial.simulation.planted import of_condition

#: Tables of the phenotype folder, and what their columns beside participant_id and session_id are.
TABLES: dict[str, dict[str, dict]] = {
    "protocol_deviations": {
        "code": {"Description": "Event of the trial plan"},
        "severity": {"Description": "Severity", "Levels": {"minor": "minor", "major": "major"}},
        "text": {"Description": "What happened"},
    },
    "intercurrent_events": {
        "code": {"Description": "Event of the trial plan"},
        "text": {"Description": "What happened"},
    },
    "adverse_events": {
        "term": {"Description": "What happened, in few words"},
        "severity": {
            "Description": "Severity",
            "Levels": {"mild": "mild", "moderate": "moderate", "severe": "severe"},
        },
        "serious": {"Description": "Whether it is serious", "Levels": {"yes": "yes", "no": "no"}},
        "relatedness": {
            "Description": "Relation to the condition",
            "Levels": {
                "not_related": "not related",
                "unlikely": "unlikely",
                "possible": "possible",
                "probable": "probable",
                "definite": "definite",
            },
        },
        "text": {"Description": "Further words"},
    },
}
_COLUMNS = {
    "participant_id": {"Description": "Participant"},
    "session_id": {"Description": "Session"},
}


@dataclass(frozen=True)
class EventSettings:
    """Something that may happen in a session.

    Attributes
    ----------
    row : dict of str to str
        Its columns in the table, see `TABLES`.
    probability : dict of str to float
        That it happens in a session of each condition.
    """

    row: dict[str, str]
    probability: dict[str, float]


def configured_events(
    configured: Mapping[str, Iterable[Mapping]], conditions: Iterable[str]
) -> dict[str, tuple[EventSettings, ...]]:
    """Return the events of each table, each with its probability in every condition.

    Parameters
    ----------
    configured : mapping of str to iterable of mapping
        For each table its events: the columns and ``probability``.
    conditions : iterable of str
        Levels of the plan.

    Raises
    ------
    InputError
        Where an event has no probability for a condition.
    """
    conditions = list(conditions)
    events = {}
    for table, entries in configured.items():
        rows = []
        for entry in entries:
            columns = {column: entry[column] for column in TABLES[table]}
            name = f"recorded_events.{table}.{entry.get('code', entry.get('term'))}.probability"
            probability = {level: of_condition(name, entry["probability"], level) for level in conditions}
            rows.append(EventSettings(columns, probability))
        events[table] = tuple(rows)
    return events


def draw_events(
    table: str, events: Iterable[EventSettings], schedule: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Draw which events of a table happen.

    Parameters
    ----------
    table : str
        One of `TABLES`.
    events : iterable of EventSettings
        What may happen; one does not depend on the others.
    schedule : DataFrame
        Columns participant, session, condition; one row per session.
    seed : int
        Seed of the trial.

    Returns
    -------
    DataFrame
        Columns participant_id, session_id and those of the table, one row per event that happened.
    """
    rows = []
    for number, event in enumerate(events):
        for session in schedule.itertuples():
            names = (session.participant, session.session, table, number)
            chance = random_generator(seed, "simulation", *names).uniform()
            if chance < event.probability[session.condition]:
                rows.append((f"sub-{session.participant}", f"ses-{session.session}", *event.row.values()))
    columns = [*_COLUMNS, *TABLES[table]]
    drawn = pd.DataFrame(rows, columns=columns)
    return drawn.sort_values(["participant_id", "session_id"], kind="stable", ignore_index=True)


def write_events(
    events: Mapping[str, Iterable[EventSettings]], schedule: pd.DataFrame, seed: int, bids_root: str | Path
) -> None:
    """Write ``phenotype/<table>.tsv`` and its data dictionary for every table of `events`."""
    for table, entries in events.items():
        path = Path(bids_root) / "phenotype" / f"{table}.tsv"
        write_tsv(path, draw_events(table, entries, schedule, seed))
        write_json(path.with_suffix(".json"), {**_COLUMNS, **TABLES[table]})
