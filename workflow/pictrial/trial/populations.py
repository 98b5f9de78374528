"""Populations: which rows of outcomes each holds, and why a session is in none.

Every reason stands beside the row that it concerns (`left_out_for`, `matched`), so that a population of the
plan is the rows without the reasons that it names.
"""

import pandas as pd

from pictrial.tables import load_schema
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_estimands import REASONS, Population

_SESSION = ["participant", "session"]


def select_population(outcomes: pd.DataFrame, population: Population) -> pd.DataFrame:
    """Return the rows of a population of the plan that have a value."""
    return outcomes[outcomes["value"].notna() & in_population(outcomes, population)]


def in_population(outcomes: pd.DataFrame, population: Population) -> pd.Series:
    """Say of each row whether it belongs to a population, with a value or without."""
    return _left_out_by(outcomes, population).isna()


def reasons_of_rows(plan: TrialPlan, rows: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """Return why populations may leave each row out: codes joined by ``;``, missing where there is none.

    Parameters
    ----------
    plan : TrialPlan
    rows : DataFrame
        Rows of one outcome: participant, session, condition, value.
    events : DataFrame
        Schema ``recorded_events``. A minor protocol deviation has its own code only, a major one and an
        intercurrent event also that of their kind.
    """
    start = plan.baseline or plan.reference
    there = rows[rows["value"].notna()]
    at_start = there["condition"] == start
    codes = pd.DataFrame(
        {
            "not_in_reference": ~rows["participant"].isin(there.loc[at_start, "participant"]),
            "in_reference_only": ~rows["participant"].isin(there.loc[~at_start, "participant"]),
        }
    )
    sessions = pd.MultiIndex.from_frame(rows[_SESSION])
    of_kind = {
        "protocol_deviation": (events["kind"] == "protocol_deviation") & (events["severity"] == "major"),
        "intercurrent_event": events["kind"] == "intercurrent_event",
    }
    of_event = {name: (events["code"] == name) & (events["kind"] != "adverse_event") for name in plan.events}
    for name, of in (of_kind | of_event).items():
        codes[name] = sessions.isin(pd.MultiIndex.from_frame(events.loc[of, _SESSION]))
    names = [name for name in (*REASONS, *plan.events) if name in codes]
    rows_of_codes = codes[names].itertuples(index=False, name=None)
    joined = [";".join(name for name, said in zip(names, row, strict=True) if said) for row in rows_of_codes]
    return pd.Series(joined, rows.index, dtype="string").replace("", pd.NA)


def build_populations(
    plan: TrialPlan, outcomes: pd.DataFrame, delivery: pd.DataFrame, events: pd.DataFrame
) -> pd.DataFrame:
    """Return for every outcome, population and planned session whether it is analysed, and why not.

    Parameters
    ----------
    plan : TrialPlan
    outcomes, delivery, events : DataFrame
        Schemas ``outcomes``, ``delivery`` and ``recorded_events``.

    Returns
    -------
    DataFrame
        Schema ``populations``. A session without recordings of an outcome by plan has no row of it.
    """
    parts = []
    for outcome in plan.outcomes:
        task = plan.task_of(outcome)
        planned = delivery[delivery["sequence"].isin(plan.sequences_with(task))]
        of_outcome = outcomes[outcomes["outcome"] == outcome]
        for population in plan.populations.values():
            sessions = _of_sessions(plan, planned, of_outcome, population, events)
            parts.append(sessions.assign(outcome=outcome, population=population.name))
    return pd.concat(parts, ignore_index=True)[list(load_schema("populations")["columns"])]


def _left_out_by(outcomes: pd.DataFrame, population: Population) -> pd.Series:
    """Return the first reason of the population that leaves each row out; missing where it is in."""
    codes = outcomes["left_out_for"].fillna("").str.split(";")
    found = pd.Series(pd.NA, outcomes.index, dtype="string")
    # That a unit is unmatched comes last: the other reasons concern its whole session.
    for reason in sorted(reversed(population.leaves_out), key="unit_unmatched".__ne__):
        said = [reason in of_row for of_row in codes]
        found[~outcomes["matched"].astype(bool) if reason == "unit_unmatched" else said] = reason
    return found


def _of_sessions(
    plan: TrialPlan,
    planned: pd.DataFrame,
    outcomes: pd.DataFrame,
    population: Population,
    events: pd.DataFrame,
) -> pd.DataFrame:
    there = outcomes[outcomes["value"].notna()]
    why = _left_out_by(there, population)
    sessions = planned.set_index(_SESSION)
    counts = {
        "n_values": there[why.isna()].groupby(_SESSION).size(),
        "n_left_out": there[why.notna()].groupby(_SESSION).size(),
    }
    for column, count in counts.items():
        sessions[column] = count.reindex(sessions.index, fill_value=0)
    sessions["included"] = sessions["n_values"] > 0
    code = pd.Series("no_value", sessions.index, dtype="string")
    code.update(why.groupby([there[column] for column in _SESSION]).first())
    code[sessions["status"] == "missing"] = "session_missing"
    sessions["reason_code"] = code.mask(sessions["included"])
    stated = sessions["reason"]
    sessions["reason"] = [
        _in_words(plan, reason, stated[session], events, session)
        for session, reason in sessions["reason_code"].items()
    ]
    return sessions.reset_index()


def _in_words(
    plan: TrialPlan, code: str, stated: str, events: pd.DataFrame, session: tuple[str, str]
) -> str | None:
    """Return a reason as readers are told it, in the words of the plan or of the recorded events."""
    if pd.isna(code):
        return None
    if code == "session_missing":
        return stated
    if code == "no_value":
        return "no value of this outcome in this session"
    here = events[(events["participant"] == session[0]) & (events["session"] == session[1])]
    major = (here["kind"] == "protocol_deviation") & (here["severity"] == "major")
    chosen = {"protocol_deviation": major, "intercurrent_event": here["kind"] == "intercurrent_event"}
    recorded = here[chosen.get(code, (here["code"] == code) & (here["kind"] != "adverse_event"))]
    told = [row.label if pd.isna(row.text) else f"{row.label}: {row.text}" for row in recorded.itertuples()]
    return "; ".join(told) or REASONS[code]
