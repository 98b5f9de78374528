"""The flow as rows of the ARD: of participants by sequence and period, and below them by condition."""

from collections.abc import Mapping

import pandas as pd

from pictrial.statistics.analysis_results import ALL, ResultsBuilder, counts
from pictrial.trial.plan import TrialPlan
from pictrial.trial.planned_estimands import Population
from pictrial.trial.populations import in_population

#: Analyses of the ARD: flow of participants, and of recordings, motor units and pairs.
FLOW, ATTRITION = "flow", "attrition"
PARTICIPANTS, SESSIONS = "participants", "sessions"
#: The stage after those of ``attrition``: values of ΔF → those that the main analysis is given.
MODEL = "model"
_SESSION = ["participant", "session"]
_PAIRS = ("passing_pairs",)
_COUNT = "count"


def level_name(*parts: str) -> str:
    """Return what a count concerns, from the whole to the part: ``CSR, period 1, no_value``."""
    return ", ".join(parts)


def period_name(period: int) -> str:
    """Return what a period is called in the ARD."""
    return f"period {period}"


def of_part(analysis: str, experiment: str | None) -> str:
    """Return the name of a descriptive analysis: one for each experiment of the plan."""
    return f"{analysis}_{experiment}" if experiment else analysis


def same_words(texts: pd.Series) -> pd.Series:
    """Return free texts, those that differ in capitals or punctuation alone in one wording, the first."""
    texts = texts.astype("string")  # a column without any text may be read as numbers
    words = texts.str.casefold().str.findall(r"\w+").str.join(" ")
    return texts.groupby(words).transform("min")


def groups(plan: TrialPlan, experiment: str | None) -> dict[str, list[str]]:
    """Return the sequences behind each group of participants: every sequence, and all of them."""
    names = [name for name in plan.sequences_of(experiment) if name in plan.participants.values()]
    return {**{name: [name] for name in names}, ALL: names}


def flow_populations(plan: TrialPlan, outcome: str, experiment: str | None) -> list[str]:
    """Return the populations in which an outcome is analysed, and everyone, in the order of the plan."""
    used = {
        one.population
        for one in plan.analyses.values()
        if outcome in (one.outcome, one.other) and one.experiment == experiment
    }
    return [name for name in plan.populations if name in used or name == plan.everyone]


def participant_flow(
    plan: TrialPlan,
    experiment: str | None,
    delivery: pd.DataFrame,
    populations: pd.DataFrame,
    inputs_sha256: Mapping[str, str],
) -> list[dict]:
    """Count participants and sessions: allocated, planned, delivered, with a value, analysed; lost, and why.

    At each step what goes in is what stays and what is lost: planned = delivered + not delivered, delivered
    = with + without a value, planned (allocated) = analysed + not analysed in each population.

    Parameters
    ----------
    plan : TrialPlan
    experiment : str or None
    delivery, populations : DataFrame
        Schemas ``delivery`` and ``populations``.
    inputs_sha256 : mapping of str to str
        SHA-256 of the files of `delivery` and `populations`, by these names.

    Returns
    -------
    list of dict
        Rows of schema ``ard``.
    """
    name = of_part(FLOW, experiment)
    people = ResultsBuilder(name, "descriptive", PARTICIPANTS, plan.everyone, inputs_sha256["delivery"])
    sessions = ResultsBuilder(name, "descriptive", SESSIONS, plan.everyone, inputs_sha256["delivery"])
    of_each, rows = dict(list(populations.groupby(["outcome", "population"]))), []
    for group, sequences in groups(plan, experiment).items():
        planned = delivery[delivery["sequence"].isin(sequences)]
        n = int(planned["participant"].nunique())
        people.add("group", group, {"n_allocated": n}, _behind(planned), _COUNT)
        for period, here in planned.groupby("period"):
            _add_delivery(sessions, level_name(group, period_name(period)), here)
        for outcome in plan.outcomes:
            for population in flow_populations(plan, outcome, experiment):
                table = of_each.get((outcome, population), populations.iloc[:0])
                table = table[table["sequence"].isin(sequences)]
                results = ResultsBuilder(
                    name, "descriptive", outcome, population, inputs_sha256["populations"]
                )
                if len(table):
                    _add_analysed(results, group, table, population == plan.everyone)
                rows += results.rows
    return people.rows + sessions.rows + rows


def unit_flow(
    plan: TrialPlan,
    experiment: str | None,
    attrition: pd.DataFrame,
    outcomes: pd.DataFrame,
    inputs_sha256: Mapping[str, str],
) -> list[dict]:
    """Count recordings, motor units and pairs at every stage in each condition, and what was lost, and why.

    At every stage n_in − Σ n_lost + Σ n_gained = n_kept, as in the sessions that are summed.

    Parameters
    ----------
    plan : TrialPlan
    experiment : str or None
    attrition, outcomes : DataFrame
        Schemas ``attrition`` and ``outcomes``.
    inputs_sha256 : mapping of str to str
        SHA-256 of the files of `attrition` and `outcomes`, by these names.

    Returns
    -------
    list of dict
        Rows of schema ``ard``; one outcome for every stage.
    """
    people = [one for one, sequence in plan.participants.items() if sequence in plan.sequences_of(experiment)]
    stages = attrition[attrition["participant"].isin(people)]
    conditions = plan.conditions_of(experiment)
    name, rows = of_part(ATTRITION, experiment), []
    for stage, of_stage in stages.groupby("stage", sort=False):
        results = ResultsBuilder(name, "descriptive", str(stage), plan.everyone, inputs_sha256["attrition"])
        for condition in [*conditions, ALL]:
            _add_stage(results, condition, _at(of_stage, condition))
        rows += results.rows
    analysed = analysis_of_delta_f(plan, experiment)
    if analysed and len(stages):
        outcome, population = analysed
        results = ResultsBuilder(name, "descriptive", MODEL, population.name, inputs_sha256["outcomes"])
        given = _given(outcomes[outcomes["participant"].isin(people)], outcome, population)
        for condition in [*conditions, ALL]:
            _add_given(results, condition, _at(given, condition))
        rows += results.rows
    return rows


def analysis_of_delta_f(plan: TrialPlan, experiment: str | None) -> tuple[str, Population] | None:
    """Return outcome and population of the analysis of ΔF: the primary one, else the first; None without."""
    found = [
        one
        for one in plan.analyses.values()
        if one.experiment == experiment and plan.outcomes[one.outcome].measure == "delta_f"
    ]
    chosen = next((one for one in found if one.role == "primary"), next(iter(found), None))
    return (chosen.outcome, plan.populations[chosen.population]) if chosen else None


def _add_delivery(results: ResultsBuilder, level: str, sessions: pd.DataFrame) -> None:
    missing = sessions[sessions["status"] == "missing"]
    numbers: dict[str, float] = {
        "n_planned": len(sessions),
        "n_delivered": len(sessions) - len(missing),
        "n_other_condition": int((sessions["status"] == "other_condition").sum()),
        "n_not_delivered": len(missing),
    }
    results.add("sessions", level, numbers, _behind(sessions), _COUNT)
    for reason, those in missing.groupby(same_words(missing["reason"])):
        results.add(
            "reason", level_name(level, str(reason)), {"n_not_delivered": len(those)}, _behind(those), _COUNT
        )


def _add_analysed(results: ResultsBuilder, group: str, table: pd.DataFrame, everyone: bool) -> None:
    """Add who is analysed in one population: participants of the group, then sessions of each period."""
    included = table.groupby("participant")["included"].any()
    out = table[~table["participant"].map(included)]
    why = out.groupby("participant")["reason_code"].agg(lambda codes: " and ".join(dict.fromkeys(codes)))
    level = level_name(group, results.population)
    numbers: dict[str, float] = {
        "n_analysed": int(included.sum()),
        "n_not_analysed": int((~included).sum()),
        "n_values": int(table["n_values"].sum()),
    }
    results.add("group", level, numbers, _behind(table[table["included"]]), _COUNT)
    for reason, n in why.value_counts().sort_index().items():
        results.add("reason", level_name(level, str(reason)), {"n_not_analysed": int(n)}, _nobody(n), _COUNT)
    for period, here in table.groupby("period"):
        there = here[here["included"]]
        missed = here[~here["included"]]
        if everyone:
            held = here["reason_code"] != "session_missing"
            with_and_without: dict[str, float] = {
                "n_with_value": len(there),
                "n_without_value": int((held & ~here["included"]).sum()),
            }
            cell = level_name(group, period_name(period))
            results.add("sessions", cell, with_and_without, _behind(there), _COUNT)
        cell = level_name(group, period_name(period), results.population)
        numbers = {"n_analysed": len(there), "n_not_analysed": len(missed)}
        results.add("sessions", cell, numbers, _behind(there), _COUNT)
        for reason, those in missed.groupby("reason_code"):
            level = level_name(cell, str(reason))
            results.add("reason", level, {"n_not_analysed": len(those)}, _behind(those), _COUNT)


def _add_stage(results: ResultsBuilder, condition: str, rows: pd.DataFrame) -> None:
    sessions = rows.drop_duplicates(_SESSION)
    kept = sessions[sessions["n_kept"] > 0]
    columns = ("n_in", "n_lost", "n_gained", "n_kept")
    numbers: dict[str, float] = {
        name: int((rows if name in ("n_lost", "n_gained") else sessions)[name].sum()) for name in columns
    }
    unit = "n_pairs" if results.outcome in _PAIRS else "n_units"
    of_units = results.outcome != "recordings"
    behind = _nobody(kept["participant"].nunique()) | ({unit: int(numbers["n_kept"])} if of_units else {})
    results.add("stage", condition, numbers, behind, _COUNT)
    lost = rows.dropna(subset=["reason"])
    for reason, those in lost.groupby(same_words(lost["reason"])):
        number: dict[str, float] = {
            name: int(those[name].sum()) for name in columns[1:3] if those[name].any()
        }
        people = _nobody(those["participant"].nunique())
        results.add("reason", level_name(condition, str(reason)), number, people, _COUNT)


def _given(outcomes: pd.DataFrame, outcome: str, population: Population) -> pd.DataFrame:
    """Return every value of ΔF in any aggregation, and why the analysis is not given it (`why`).

    An aggregation may have no value where another has one: of pairs that passed in every condition, say.
    """
    key = [*_SESSION, "unit_id"]
    of_outcome = outcomes[outcomes["outcome"] == outcome]
    tested = outcomes[(outcomes["outcome"] == "delta_f") & outcomes["value"].notna()]
    chosen = of_outcome.assign(inside=in_population(of_outcome, population))[[*key, "value", "inside"]]
    given = tested.drop(columns="value").merge(chosen, how="left", on=key)
    why = pd.Series("no_value", given.index, dtype="string").mask(given["value"].notna())
    outside = given["value"].notna() & ~given["inside"].fillna(False).astype(bool)
    return given.assign(why=why.mask(outside, f"not in {population.name}"))


def _add_given(results: ResultsBuilder, condition: str, given: pd.DataFrame) -> None:
    kept = given[given["why"].isna()]
    n, n_kept = len(given), len(kept)
    numbers: dict[str, float] = {"n_in": n, "n_lost": n - n_kept, "n_gained": 0, "n_kept": n_kept}
    results.add("stage", condition, numbers, counts(kept), _COUNT)
    for reason, those in given.dropna(subset=["why"]).groupby("why"):
        level = level_name(condition, str(reason))
        results.add("reason", level, {"n_lost": len(those)}, counts(those), _COUNT)


def _at(rows: pd.DataFrame, condition: str) -> pd.DataFrame:
    return rows if condition == ALL else rows[rows["condition"] == condition]


def _behind(rows: pd.DataFrame) -> dict[str, int]:
    return _nobody(rows["participant"].nunique())


def _nobody(n_participants: int) -> dict[str, int]:
    """Return the counts behind a number of participants that no motor unit stands behind."""
    return {"n_participants": int(n_participants), "n_units": 0, "n_pairs": 0}
