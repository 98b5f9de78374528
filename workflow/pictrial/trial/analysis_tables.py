"""The tables that statistics read: who is analysed where, and why not.

All joins of measurements with the plan happen here; from here on conditions are known.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.tables import load_schema, read_table
from pictrial.trial.plan import TrialPlan
from pictrial.trial.populations import reasons_of_rows

_SESSION = ["participant", "session"]
_MEASURED = ["participant", "unit_id"]


def read_of_sessions(schedule: pd.DataFrame, paths: Sequence[str], schema: str) -> pd.DataFrame:
    """Read a table of each session, in the order of `schedule`, and say whose each row is."""
    sessions = list(schedule[_SESSION].itertuples(index=False, name=None))
    if not sessions:  # in a trial without ramps
        return pd.DataFrame(columns=[*load_schema(schema)["columns"], *_SESSION])
    tables = [read_table(path, schema) for path in paths]
    whose = zip(sessions, tables, strict=True)
    return pd.concat(
        [table.assign(participant=who, session=session) for (who, session), table in whose], ignore_index=True
    )


def measured_outcomes(
    plan: TrialPlan,
    unit_delta_f: pd.DataFrame,
    units: pd.DataFrame,
    vibstim: pd.DataFrame | None,
    scores: Mapping[str, pd.DataFrame] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the values of every outcome of the plan, by its name, as `build_outcomes` takes them.

    Parameters
    ----------
    plan : TrialPlan
    unit_delta_f : DataFrame
        Schema ``unit_delta_f`` with participant and session, every aggregation.
    units : DataFrame
        Schema ``units``; those that are excluded have no value.
    vibstim : DataFrame or None
        Schema ``vibstim_outcomes``, where the trial has VibStim.
    scores : mapping of str to DataFrame, optional
        From :func:`pictrial.trial.clinical_scores.clinical_scores`, where the trial has them.

    Raises
    ------
    InputError
        Where a table has no such measure.
    """
    values = {}
    for outcome in plan.outcomes.values():
        source, _, name = outcome.measure.partition(".")
        where = f"{plan.path}, key outcomes.{outcome.name}.measure"
        if source == "delta_f":
            chosen = unit_delta_f[unit_delta_f["aggregation"] == outcome.aggregation]
            values[outcome.name] = chosen.rename(columns={"delta_f": "value"})
        elif source == "units":
            usable = units[units["excluded"].isna()]
            if name not in units or not pd.api.types.is_numeric_dtype(units[name]):
                rule = f"units.tsv has no column of numbers {name!r}"
                raise InputError(where, rule, did_you_mean(name, units.columns))
            usable = usable.assign(value=usable[name].astype(float)).dropna(subset=["value"])
            values[outcome.name] = usable.assign(standard_error=np.nan, n_controls=0)
        elif source == "scores" and scores is not None:
            values[outcome.name] = scores[outcome.name]
        elif source == "vibstim" and vibstim is not None:
            known = vibstim["outcome"].unique()
            if name not in known:
                raise InputError(where, f"VibStim has no outcome {name!r}", did_you_mean(name, known))
            values[outcome.name] = vibstim.loc[vibstim["outcome"] == name, [*_SESSION, "value"]]
    return values


def build_outcomes(
    plan: TrialPlan,
    schedule: pd.DataFrame,
    measured: dict[str, pd.DataFrame],
    events: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the values of every outcome in every session.

    Parameters
    ----------
    plan : TrialPlan
    schedule : DataFrame
        Schema ``schedule``, with the conditions that sessions are analysed as.
    measured : dict of str to DataFrame
        For each outcome of the plan its values: participant, session, value; for one of motor units also
        unit_id, standard_error and n_controls.
    events : DataFrame, optional
        Schema ``recorded_events``; without it nothing happened.

    Returns
    -------
    DataFrame
        Schema ``outcomes``, in the order of `measured`, then by participant, motor unit and period.
        `matched` marks units (participants) that have a value in every condition of their sequence.

    Raises
    ------
    InputError
        Where a value belongs to a session that is not in the schedule or has no such recording, or a unit
        has two in one.
    """
    wanted = {name: len(conditions) for name, conditions in plan.sequences.items()}
    if events is None:
        events = pd.DataFrame(columns=list(load_schema("recorded_events")["columns"]), dtype="object")
    parts = []
    for name, values in measured.items():
        planned = schedule[schedule["sequence"].isin(plan.sequences_with(plan.task_of(name)))]
        _refuse_unscheduled(values, planned, name)
        rows = _of_motor_units(planned, values) if "unit_id" in values else _of_participants(planned, values)
        there = rows["condition"].where(rows["value"].notna())
        found = there.groupby([rows[column] for column in _MEASURED], dropna=False).transform("nunique")
        rows = rows.assign(outcome=name, matched=found == rows["sequence"].map(wanted))
        parts.append(rows.assign(left_out_for=reasons_of_rows(plan, rows, events)))
    outcomes = pd.concat(parts, ignore_index=True).merge(_previous(schedule), on=_SESSION)
    return outcomes[list(load_schema("outcomes")["columns"])]


def _of_motor_units(planned: pd.DataFrame, unit_delta_f: pd.DataFrame) -> pd.DataFrame:
    """Return every test unit's ΔF in every session of its participant.

    A test unit has a value in at least one session. Where it has none, because it was not found or no
    control passed, its row is there with the value missing: units lost in one condition are counted,
    not forgotten.
    """
    repeated = unit_delta_f.duplicated([*_SESSION, "unit_id"])
    if repeated.any():
        entry = unit_delta_f[repeated].iloc[0]
        where = f"unit_delta_f, participant {entry['participant']}, session {entry['session']}"
        raise InputError(
            where, f"motor unit {entry['unit_id']} has two values", "Keep one recording a session."
        )
    test_units = unit_delta_f[["participant", "unit_id"]].drop_duplicates()
    measured = unit_delta_f[[*_SESSION, "unit_id", "value", "standard_error", "n_controls"]]
    rows = planned.merge(test_units, on="participant").merge(measured, how="left", on=[*_SESSION, "unit_id"])
    rows["n_controls"] = rows["n_controls"].fillna(0).astype(int)
    return rows.sort_values(["participant", "unit_id", "period"], kind="stable", ignore_index=True)


def _of_participants(planned: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Return one value per session; where it could not be measured, the row is there without it."""
    rows = planned.merge(values[[*_SESSION, "value"]], how="left", on=_SESSION, validate="one_to_one")
    missing = pd.Series(np.nan, rows.index, dtype="str")
    rows = rows.assign(unit_id=missing, standard_error=np.nan, n_controls=0)
    return rows.sort_values(["participant", "period"], kind="stable", ignore_index=True)


def _previous(planned: pd.DataFrame) -> pd.DataFrame:
    """Return for each session the condition of the one before it, ``none`` for a participant's first."""
    ordered = planned.sort_values(["participant", "period"], kind="stable")
    previous = ordered.groupby("participant")["condition"].shift().fillna("none")
    return ordered[_SESSION].assign(previous=previous)


def build_periods(
    schedule: pd.DataFrame,
    quality: pd.DataFrame,
    units: pd.DataFrame,
    pairs: pd.DataFrame,
    outcomes: pd.DataFrame,
) -> pd.DataFrame:
    """Count what each session gave, from motor units found to test units with a ΔF.

    Parameters
    ----------
    schedule, outcomes : DataFrame
        Schemas ``schedule`` and ``outcomes``.
    quality : DataFrame
        Schema ``quality_units`` with participant and session: candidates of every session.
    units, pairs : DataFrame
        Schemas ``units`` and ``pairs`` with participant and session.

    Returns
    -------
    DataFrame
        Schema ``analysis_periods``: one row per planned session, also where nothing was found.

    Raises
    ------
    InputError
        Where rows belong to a session that is not in the schedule.
    """
    for name, frame in (("quality", quality), ("units", units), ("pairs", pairs)):
        _refuse_unscheduled(frame, schedule, name)
    sessions = schedule.groupby("participant")["session"].nunique()
    per_unit = units.groupby(["participant", "unit_id"])["session"].nunique().reset_index(name="found")
    everywhere = per_unit[per_unit["found"] == per_unit["participant"].map(sessions)]
    tracked = units.merge(everywhere[["participant", "unit_id"]], on=["participant", "unit_id"])
    values = outcomes[outcomes["value"].notna()]
    counted = {
        "n_units_rejected": quality[~quality["accepted"].astype(bool)],
        "n_units": units,
        "n_units_tracked": tracked,
        "n_pairs": pairs,
        "n_pairs_passed": pairs[pairs["passed"].astype(bool)],
        "n_test_units": values,
    }
    periods = schedule.set_index(_SESSION)
    for column, frame in counted.items():
        periods[column] = frame.groupby(_SESSION).size().reindex(periods.index, fill_value=0)
    periods["mean_delta_f"] = values.groupby(_SESSION)["value"].mean().reindex(periods.index)
    return periods.reset_index()[list(load_schema("analysis_periods")["columns"])]


def build_participants(
    plan: TrialPlan, schedule: pd.DataFrame, participants: pd.DataFrame, outcomes: pd.DataFrame
) -> pd.DataFrame:
    """Describe every planned participant and what they give to the analysis.

    Parameters
    ----------
    plan : TrialPlan
    schedule, outcomes : DataFrame
        Schemas ``schedule`` and ``outcomes``, the latter with every outcome; conditions and motor units are
        counted by ΔF.
    participants : DataFrame
        The data set's ``participants.tsv``; `sex` and `age` are taken where it has them.

    Returns
    -------
    DataFrame
        Schema ``analysis_participants``.

    Raises
    ------
    InputError
        Where an age is not a number.
    """
    table = schedule.groupby(["participant", "sequence"])["session"].nunique().reset_index(name="n_sessions")
    described = participants.reindex(columns=["participant_id", "sex", "age"]).replace("n/a", pd.NA)
    described.index = pd.Index(described["participant_id"].str.removeprefix("sub-"))
    table["sex"] = table["participant"].map(described["sex"])
    table["age"] = table["participant"].map(_ages(described["age"]))
    table["experiment"] = table["participant"].map(plan.experiment_of).astype("string")
    there = outcomes[outcomes["value"].notna()]
    delta_f = there[there["outcome"] == "delta_f"]
    values, matched = delta_f.groupby("participant"), delta_f[delta_f["matched"]].groupby("participant")
    for column, count in {
        "n_conditions": values["condition"].nunique(),
        "n_test_units": values["unit_id"].nunique(),
        "n_matched_units": matched["unit_id"].nunique(),
    }.items():
        table[column] = count.reindex(table["participant"], fill_value=0).to_numpy()
    table["analysed"] = table["participant"].isin(there["participant"])
    return table[list(load_schema("analysis_participants")["columns"])]


def build_exclusions(
    plan: TrialPlan,
    channels: pd.DataFrame,
    quality: pd.DataFrame,
    units: pd.DataFrame,
    pairs: pd.DataFrame,
    outcomes: pd.DataFrame,
    vibstim: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Collect all exclusions in the order of the flow.

    Parameters
    ----------
    plan : TrialPlan
        For its participants and the sessions that are known to be missing.
    channels, quality : DataFrame
        Schemas ``quality_channels`` and ``quality_units``, each with participant and session.
    units, pairs, outcomes : DataFrame
        Schemas ``units``, ``pairs`` and ``outcomes``, the latter with every outcome.
    vibstim : DataFrame or None
        Schema ``vibstim_outcomes``, where the trial has VibStim.

    Returns
    -------
    DataFrame
        Schema ``exclusions``. Sessions, channels, motor units and participants have a row each. Pairs
        are counted per session by the first criterion that they fail; the ledger holds every one.
    """
    bad_channels = channels[channels["status"] == "bad"].rename(columns={"channel": "item"})
    rejected = quality[~quality["accepted"].astype(bool)].rename(columns={"unit_id": "item"})
    unusable = units[units["excluded"].notna()].rename(columns={"unit_id": "item"})
    parts = [
        _rows("trial", "session", _missing_sessions(plan)),
        _rows("recordings", "channel", bad_channels),
        _rows("decomposition", "motor unit", rejected),
        _rows("motor_units", "motor unit", unusable.assign(reason=unusable["excluded"])),
        _rows("motor_units", "pairs", _failed_pairs(pairs)),
        _rows("motor_units", "motor unit", _units_without_control(units, pairs)),
    ]
    if vibstim is not None:
        unmeasured = vibstim[vibstim["excluded"].notna()].rename(columns={"outcome": "item"})
        parts.append(_rows("vibstim", "outcome window", unmeasured.assign(reason=unmeasured["excluded"])))
    parts.append(_rows("trial", "participant", _participants_without_outcome(plan, outcomes)))
    return pd.concat(parts, ignore_index=True)


def _ages(ages: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(ages, errors="coerce")
    wrong = numbers.isna() & ages.notna()
    if wrong.any():
        where = f"participants.tsv, participant {wrong.idxmax()}"
        raise InputError(where, f"age {ages[wrong].iloc[0]!r} is not a number", "Give it in years, or n/a.")
    return numbers


def _refuse_unscheduled(frame: pd.DataFrame, schedule: pd.DataFrame, name: str) -> None:
    """Raise where a row of `frame` belongs to no session of the schedule: a join would lose it."""
    known = pd.MultiIndex.from_frame(schedule[_SESSION].astype(str))
    foreign = ~pd.MultiIndex.from_frame(frame[_SESSION].astype(str)).isin(known)
    if foreign.any():
        entry = frame[foreign].iloc[0]
        raise InputError(
            f"{name}, row {int(foreign.argmax())}",
            f"participant {entry['participant']}, session {entry['session']} is not in the schedule",
            "Correct the plan, or remove the results of an earlier plan.",
        )


def _rows(stage: str, what: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` in the layout of ``exclusions``; without a count each row counts once."""
    rows = table.assign(stage=stage, what=what)
    rows["count"] = table.get("count", 1)
    rows = rows.reindex(columns=list(load_schema("exclusions")["columns"]))
    return rows.sort_values(["participant", "session", "item"], kind="stable").astype(object)


def _missing_sessions(plan: TrialPlan) -> pd.DataFrame:
    entries = [
        (entry.planned.participant, entry.planned.session, entry.reason) for entry in plan.missing_sessions
    ]
    return pd.DataFrame(entries, columns=[*_SESSION, "reason"])


def _failed_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    failed = pairs[~pairs["passed"].astype(bool)]
    first = failed["reason"].str.split(";").str[0]
    counts = failed.assign(reason=first).groupby([*_SESSION, "reason"], sort=True).size()
    return counts.reset_index(name="count")


def _units_without_control(units: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return usable motor units that no control passed for, so that they have no ΔF."""
    usable = units[units["excluded"].isna()]
    passed = pairs[pairs["passed"].astype(bool)]
    tested = pd.MultiIndex.from_frame(passed[[*_SESSION, "test_unit"]])
    without = usable[~pd.MultiIndex.from_frame(usable[[*_SESSION, "unit_id"]]).isin(tested)]
    return without.rename(columns={"unit_id": "item"}).assign(reason="no_passing_control")


def _participants_without_outcome(plan: TrialPlan, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return who has no value of ΔF, or, in an experiment without its contractions, of any outcome."""
    there = outcomes[outcomes["value"].notna()]
    of_delta_f = plan.sequences_with(plan.task)
    counted = there[~there["sequence"].isin(of_delta_f) | (there["outcome"] == "delta_f")]
    without = sorted(set(plan.participants) - set(counted["participant"]))
    return pd.DataFrame({"participant": without, "reason": "no_outcome"})
