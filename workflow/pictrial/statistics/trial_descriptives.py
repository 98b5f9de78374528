"""The trial described as rows of the ARD: baseline, outcomes by condition and period, harms, and the flow."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pictrial.statistics.analysis_results import ALL, ResultsBuilder, counts
from pictrial.statistics.trial_flow import (
    PARTICIPANTS,
    groups,
    level_name,
    of_part,
    participant_flow,
    period_name,
    same_words,
    unit_flow,
)
from pictrial.trial.plan import TrialPlan

#: Analyses of the ARD.
BASELINE, BY_PERIOD, HARMS = "baseline", "by_period", "harms"
ADVERSE_EVENTS = "adverse_events"
SEVERITIES = ("mild", "moderate", "severe")
#: How adverse events are related that may have been caused by the intervention.
RELATED = ("possible", "probable", "definite")
#: Condition of adverse events outside the sessions.
NO_SESSION = "no session"
NOT_RECORDED = "not recorded"
_ROLE, _COUNT = "descriptive", "count"


def describe_trial(
    plan: TrialPlan, tables: Mapping[str, pd.DataFrame], inputs_sha256: Mapping[str, str]
) -> pd.DataFrame:
    """Describe who took part, what was lost on the way, what was measured when, and what happened to them.

    Nothing is tested here: that groups differ at baseline is chance where they were randomised.

    Parameters
    ----------
    plan : TrialPlan
    tables : mapping of str to DataFrame
        ``outcomes``, ``participants`` (schema ``analysis_participants``), ``populations``, ``delivery`` and
        ``attrition``; ``recorded_events`` where the data set has a table of adverse events, else there is no
        count of them.
    inputs_sha256 : mapping of str to str
        SHA-256 of the file of each table.

    Returns
    -------
    DataFrame
        Schema ``ard``: analyses `baseline`, `by_period`, `flow`, `attrition` and `harms`, in a plan with
        experiments one of each for every experiment.
    """
    rows = []
    for experiment in plan.experiments or [None]:
        rows += _baseline(plan, experiment, tables["participants"], inputs_sha256["participants"])
        for outcome in plan.outcomes:
            inside = tables["outcomes"]["sequence"].isin(plan.sequences_of(experiment))
            of_outcome = tables["outcomes"][inside & (tables["outcomes"]["outcome"] == outcome)]
            if len(of_outcome):
                rows += _values(plan, experiment, outcome, of_outcome, inputs_sha256["outcomes"])
        flow = (tables["delivery"], tables["populations"], inputs_sha256)
        rows += participant_flow(plan, experiment, *flow)
        rows += unit_flow(plan, experiment, tables["attrition"], tables["outcomes"], inputs_sha256)
        rows += _harms(plan, experiment, tables["delivery"], tables.get("recorded_events"), inputs_sha256)
    return pd.DataFrame(rows)


def _baseline(
    plan: TrialPlan, experiment: str | None, participants: pd.DataFrame, inputs_sha256: str
) -> list[dict]:
    """Describe the participants of every sequence (arm) and of all."""
    name, everyone = of_part(BASELINE, experiment), plan.everyone
    people, age, sex = (
        ResultsBuilder(name, _ROLE, outcome, everyone, inputs_sha256)
        for outcome in (PARTICIPANTS, "age", "sex")
    )
    known = sorted(participants["sex"].dropna().astype(str).unique())
    for group, sequences in groups(plan, experiment).items():
        here = participants[participants["sequence"].isin(sequences)]
        people.add("group", group, {"n_participants": len(here)}, _people(here), _COUNT)
        ages = here["age"].dropna().astype(float)
        behind = _people(here[here["age"].notna()])
        age.add("group", group, {"n_values": len(ages)}, behind, _COUNT)
        spread = {"median": ages.median(), "minimum": ages.min(), "maximum": ages.max()}
        age.add("group", group, spread, behind, "median and range", warning=_too_few(len(ages), 1))
        _add_moments(age, "group", group, ages, behind, "participants")
        for one in known:
            those = here[here["sex"] == one]
            level = level_name(group, one)
            sex.add("group", level, {"n_participants": len(those)}, _people(those), _COUNT)
        unknown = here[here["sex"].isna()]
        level = level_name(group, NOT_RECORDED)
        sex.add("group", level, {"n_participants": len(unknown)}, _people(unknown), _COUNT)
    return people.rows + age.rows + sex.rows


def _values(
    plan: TrialPlan, experiment: str | None, outcome: str, rows: pd.DataFrame, inputs_sha256: str
) -> list[dict]:
    """Describe an outcome before (or without) any intervention by group, and in each condition and period."""
    baseline, by_period = (
        ResultsBuilder(of_part(name, experiment), _ROLE, outcome, plan.everyone, inputs_sha256)
        for name in (BASELINE, BY_PERIOD)
    )
    there = rows.dropna(subset=["value"])
    at_start = there[there["condition"] == (plan.baseline or plan.reference)]
    for group, sequences in groups(plan, experiment).items():
        if set(rows["sequence"]) & set(sequences):
            here = at_start[at_start["sequence"].isin(sequences)]
            _add_values(baseline, "group", group, here, units=False)
    units = plan.outcomes[outcome].level == "motor_unit"
    for condition in plan.conditions_of(experiment):
        of_condition = rows[rows["condition"] == condition]
        for period in sorted(of_condition["period"].unique()):
            cell = there[(there["condition"] == condition) & (there["period"] == period)]
            _add_values(by_period, "cell", level_name(condition, period_name(period)), cell, units)
    return baseline.rows + by_period.rows


def _add_values(results: ResultsBuilder, kind: str, level: str, rows: pd.DataFrame, units: bool) -> None:
    behind = counts(rows)
    numbers: dict[str, float] = {name: behind[name] for name in ("n_participants", "n_units")}
    results.add(kind, level, numbers | {"n_values": len(rows)}, behind, _COUNT)
    means = rows.groupby("participant")["value"].mean().astype(float)
    _add_moments(results, kind, level, means, behind, "participants' means")
    if units:
        _add_moments(
            results, kind, level, rows["value"].astype(float), behind, "motor units' values", "_of_units"
        )


def _add_moments(
    results: ResultsBuilder,
    kind: str,
    level: str,
    values: pd.Series,
    behind: dict[str, int],
    whose: str,
    suffix: str = "",
) -> None:
    n = len(values)
    moments = {
        f"mean{suffix}": float(values.mean()) if n else np.nan,
        f"sd{suffix}": float(values.std(ddof=1)) if n > 1 else np.nan,
    }
    results.add(kind, level, moments, behind, f"mean and SD of {whose}", warning=_too_few(n, 2))


def _harms(
    plan: TrialPlan,
    experiment: str | None,
    delivery: pd.DataFrame,
    recorded: pd.DataFrame | None,
    inputs_sha256: Mapping[str, str],
) -> list[dict]:
    """Count adverse events by the condition that was delivered, and participants who had any."""
    sha = inputs_sha256["delivery" if recorded is None else "recorded_events"]
    results = ResultsBuilder(of_part(HARMS, experiment), _ROLE, ADVERSE_EVENTS, plan.everyone, sha)
    held = delivery[delivery["status"] != "missing"]
    held = held[held["sequence"].isin(plan.sequences_of(experiment))]
    exposed = {one: held[held["delivered_condition"] == one] for one in plan.conditions_of(experiment)}
    exposed[ALL] = held
    if recorded is None:
        warning = "the data set has no table of adverse events"
        for condition, sessions in exposed.items():
            results.add("condition", condition, _exposed(sessions), _people(sessions), _COUNT)
            nothing = {"n_with_event": np.nan, "n_adverse_events": np.nan}
            results.add("condition", condition, nothing, _people(sessions), _COUNT, warning=warning)
        return results.rows
    events = recorded[recorded["kind"] == "adverse_event"]
    events = events.assign(code=same_words(events["code"]))
    events = events[events["sequence"].isin(plan.sequences_of(experiment))]
    for condition, sessions in exposed.items():
        here = events if condition == ALL else events[events["condition"] == condition]
        results.add("condition", condition, _exposed(sessions), _people(sessions), _COUNT)
        _add_events(results, condition, here, sorted(events["code"].unique()))
    outside = events[events["condition"].isna()]
    if len(outside):
        _add_events(results, NO_SESSION, outside, sorted(events["code"].unique()))
    return results.rows


def _exposed(sessions: pd.DataFrame) -> dict[str, float]:
    return {"n_exposed": sessions["participant"].nunique()}


def _add_events(results: ResultsBuilder, condition: str, events: pd.DataFrame, terms: list[str]) -> None:
    """Add the counts of all events, then of each class and term; none is a 0."""
    classes = {condition: events}
    for severity in SEVERITIES:
        classes[level_name(condition, severity)] = events[events["severity"] == severity]
    classes[level_name(condition, "serious")] = events[events["serious"] == "yes"]
    classes[level_name(condition, "related")] = events[events["relatedness"].isin(RELATED)]
    for term in terms:
        classes[level_name(condition, f"term {term}")] = events[events["code"] == term]
    for level, those in classes.items():
        numbers = {"n_with_event": those["participant"].nunique(), "n_adverse_events": len(those)}
        results.add("condition", level, numbers, _people(those), _COUNT)


def _people(rows: pd.DataFrame) -> dict[str, int]:
    return {"n_participants": int(rows["participant"].nunique()), "n_units": 0, "n_pairs": 0}


def _too_few(n: int, wanted: int) -> str:
    return "" if n >= wanted else f"n = {n}: no {'SD' if n else 'value'}"
