"""Analysis tables of any plan, drawn at random, with sessions, values and motor units lost on the way."""

from dataclasses import replace

import numpy as np
import pandas as pd

from pictrial.seeds import random_generator
from pictrial.tables import check_table, load_schema
from pictrial.trial.plan import MissingSession, TrialPlan
from pictrial.trial.populations import build_populations

SESSION = ["participant", "sequence", "session", "period"]
REASONS = {
    "accepted": ["duplicate", "silhouette"],
    "tracking": ["not_confirmed"],
    "usable_rate": ["too_few_discharges"],
    "test_units": ["recruitment_gap", "no_other_unit"],
    "passing_pairs": ["test_recruited_first", "saturation"],
}


def losing(plan: TrialPlan, n: int = 2) -> TrialPlan:
    """Return the plan without n of its last sessions, one of each participant, for one of two reasons."""
    people = sorted(plan.participants)[:n]
    last = {one: max(s.period for s in plan.sessions if s.participant == one) for one in people}
    gone = [s for s in plan.sessions if last.get(s.participant) == s.period and s.condition != plan.reference]
    missing = tuple(MissingSession(s, ("ill", "lost, by post")[i % 2]) for i, s in enumerate(gone))
    held = tuple(s for s in plan.sessions if s not in gone)
    return replace(plan, sessions=held, missing_sessions=plan.missing_sessions + missing)


def made_up_tables(plan: TrialPlan, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Return every table that `describe_trial` takes."""
    rng = random_generator(seed, "made-up trial")
    delivery, outcomes = _delivery(plan), _outcomes(plan, rng)
    events = _events(plan, rng)
    tables = {
        "outcomes": check_table(outcomes, "outcomes", "test"),
        "delivery": check_table(delivery, "delivery", "test"),
        "recorded_events": check_table(events, "recorded_events", "test"),
        "attrition": check_table(_attrition(plan, outcomes, rng), "attrition", "test"),
    }
    populations = build_populations(plan, outcomes, delivery, events)
    people = pd.DataFrame(sorted(plan.participants.items()), columns=["participant", "sequence"])
    people["sex"] = rng.choice(np.array(["F", "M", None], dtype=object), len(people))
    people["age"] = rng.integers(20, 60, len(people)).astype(float)
    people.loc[people.index[-1], "age"] = np.nan if len(people) > 1 else 30.0
    return tables | {"populations": populations, "participants": people}


def _delivery(plan):
    held = [(s, "as_planned", s.condition, None) for s in plan.sessions]
    rows = [*held, *((m.planned, "missing", None, m.reason) for m in plan.missing_sessions)]
    table = [
        s._asdict()
        | {"planned_condition": s.condition, "delivered_condition": given, "condition": given}
        | {"status": status, "reason": reason}
        for s, status, given, reason in rows
    ]
    frame = pd.DataFrame(table).sort_values(["participant", "period"], ignore_index=True)
    return frame[list(load_schema("delivery")["columns"])]


def _outcomes(plan, rng):
    parts = []
    for name, outcome in plan.outcomes.items():
        units = [f"MU{n:02}" for n in range(5)] if outcome.level == "motor_unit" else [None]
        rows = pd.DataFrame(
            [
                s._asdict() | {"unit_id": unit}
                for s in plan.sessions_with(plan.task_of(name))
                for unit in units
            ]
        )
        if rows.empty:
            continue
        rows["value"] = np.where(rng.random(len(rows)) < 0.25, np.nan, rng.normal(3, 1, len(rows)))
        # The first session of the second participant gives nothing at all.
        second = sorted(rows["participant"].unique())[1:2]
        rows.loc[rows["participant"].isin(second) & (rows["session"] == "1"), "value"] = np.nan
        rows["n_controls"] = rows["value"].notna() * (2 if name == "delta_f" else 0)
        found = rows["condition"].where(rows["value"].notna())
        found = found.groupby([rows["participant"], rows["unit_id"]], dropna=False).transform("nunique")
        rows["matched"] = found == rows["sequence"].map(lambda one: len(plan.sequences[one]))
        deviates = (rows["session"] == "2") & rows["participant"].isin(sorted(plan.participants)[::3])
        rows["left_out_for"] = np.where(deviates, "protocol_deviation", None)
        parts.append(rows.assign(outcome=name, standard_error=np.nan, previous="none"))
    table = pd.concat(parts, ignore_index=True)
    return table[list(load_schema("outcomes")["columns"])]


def _attrition(plan, outcomes, rng):
    values = outcomes[(outcomes["outcome"] == "delta_f") & outcomes["value"].notna()]
    n_values = values.groupby(["participant", "session"]).size()
    rows = []

    def add(s, stage, n_in, lost, gained=0):
        keep = n_in - sum(lost.values()) + gained
        reasons = [(why, n, 0) for why, n in lost.items() if n] + [("found_by_tracking", 0, gained)] * (
            gained > 0
        )
        for why, n_lost, n_gained in reasons or [(None, 0, 0)]:
            rows.append((*s[:1], s.session, s.period, s.condition, stage, n_in, why, n_lost, n_gained, keep))
        return keep

    with_ramps = plan.sequences_with(plan.task)
    for missing in plan.missing_sessions:
        if missing.planned.sequence in with_ramps:
            add(missing.planned, "recordings", 1, {missing.reason: 1})
    for s in plan.sessions_with(plan.task):
        add(s, "recordings", 1, {})
        # From the end, so that the test units are those of the outcomes.
        n = int(n_values.get((s.participant, s.session), 0))
        steps = {}
        for stage in ("test_units", "usable_rate", "tracking", "accepted"):
            gained = int(rng.integers(0, 2)) if stage == "tracking" and n else 0
            lost = {why: int(rng.integers(0, 3)) for why in REASONS[stage]}
            steps[stage] = (n + sum(lost.values()) - gained, lost, gained)
            n = steps[stage][0]
        for stage in reversed(steps):
            add(s, stage, *steps[stage])
        lost = {why: int(rng.integers(5, 20)) for why in REASONS["passing_pairs"]}
        add(s, "passing_pairs", sum(lost.values()) + int(rng.integers(0, 9)), lost)
    columns = list(load_schema("attrition")["columns"])
    return pd.DataFrame(rows, columns=["participant", *columns[1:]]).astype({"reason": object})


def _events(plan, rng):
    columns = list(load_schema("recorded_events")["columns"])
    rows = []
    for s in list(plan.sessions)[::3]:
        for _ in range(int(rng.integers(1, 3))):
            term = str(rng.choice(["muscle soreness", "headache"]))
            said = ("mild", "no", "possible") if rng.random() < 0.7 else ("severe", "yes", "unlikely")
            rows.append(("adverse_event", *s, term, term, *said, None))
    frame = pd.DataFrame(rows, columns=columns)
    return frame.drop_duplicates(ignore_index=True)
