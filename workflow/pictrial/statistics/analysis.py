"""From the table of outcomes to results: description, and each analysis of the plan."""

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.analysis_methods import answer
from pictrial.statistics.analysis_results import ALL, ResultsBuilder, contrast_name, counts
from pictrial.statistics.family_adjustment import adjust, adjustable
from pictrial.statistics.paired import no_comparison, participant_means
from pictrial.statistics.questions import Question, ResultTable
from pictrial.trial.plan import Family, TrialPlan
from pictrial.trial.populations import in_population, select_population

#: Analysis under which the outcomes are described; see `descriptive_of`.
DESCRIPTIVE = "descriptive"
#: Analysis under which a plan without analyses says why it has none.
NO_ANALYSIS = "comparison"
_NAMES = ("level", "minus", "detail", "warning")


def analyse_trial(
    plan: TrialPlan, outcomes: pd.DataFrame, inputs_sha256: str, seed: int
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Describe every outcome and run every analysis of the plan.

    Returns
    -------
    ard : DataFrame
        Schema ``ard``.
    records : dict of str to dict
        Of each analysis (see `run_analysis`).

    Raises
    ------
    InputError
        Where outcomes and plan do not fit each other.
    """
    tables, records = [describe(plan, outcomes, inputs_sha256)], {}
    for name in plan.analyses:
        table, records[name] = run_analysis(plan, name, outcomes, inputs_sha256, seed)
        tables.append(table)
    return join_results(tables), records


def join_results(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Join the results of several analyses, schema ``ard``; every name must occur once."""
    ard = pd.concat(tables, ignore_index=True)
    if ard["ard_id"].duplicated().any():
        twice = ard.loc[ard["ard_id"].duplicated(), "ard_id"].iloc[0]
        raise InputError("ARD", f"the result {twice!r} would be there twice", "Name each analysis once.")
    return ard


def descriptive_of(experiment: str | None) -> str:
    """Return the analysis under which outcomes are described: one for each experiment of the plan."""
    return f"{DESCRIPTIVE}_{experiment}" if experiment else DESCRIPTIVE


def describe(plan: TrialPlan, outcomes: pd.DataFrame, inputs_sha256: str) -> pd.DataFrame:
    """Describe every outcome; where the plan has no analysis, say why there is no comparison.

    Parameters
    ----------
    plan : TrialPlan
    outcomes : DataFrame
        Schema ``outcomes``.
    inputs_sha256 : str
        SHA-256 of the file that `outcomes` was read from.

    Returns
    -------
    DataFrame
        Schema ``ard``.

    Raises
    ------
    InputError
        Where a value is infinite.
    """
    _refuse_infinite(outcomes)
    rows = []
    for experiment in plan.experiments or [None]:
        name, here = descriptive_of(experiment), _of_experiment(plan, outcomes, experiment)
        for outcome in plan.outcomes:
            if not set(plan.sequences_of(experiment)) & set(plan.sequences_with(plan.task_of(outcome))):
                continue  # The experiment has no recordings of it.
            results = ResultsBuilder(name, DESCRIPTIVE, outcome, plan.everyone, inputs_sha256)
            units = plan.outcomes[outcome].level == "motor_unit"
            conditions = plan.conditions_of(experiment)
            _describe(results, here[here["outcome"] == outcome], conditions, units)
            rows += results.rows
    if not plan.analyses:
        first = next(iter(plan.outcomes))
        there = outcomes[(outcomes["outcome"] == first) & outcomes["value"].notna()]
        why = no_comparison(participant_means(there, list(plan.conditions))) or plan.no_comparison
        results = ResultsBuilder(NO_ANALYSIS, "primary", first, plan.everyone, inputs_sha256)
        warning = why or "the plan has no analysis"
        results.add("contrast", ALL, {"estimate": np.nan}, there, "none", warning=warning)
        rows += results.rows
    return pd.DataFrame(rows)


def run_analysis(
    plan: TrialPlan, name: str, outcomes: pd.DataFrame, inputs_sha256: str, seed: int
) -> tuple[pd.DataFrame, dict]:
    """Run one analysis of the plan.

    Parameters
    ----------
    plan : TrialPlan
    name : str
        Of the analysis.
    outcomes : DataFrame
        Schema ``outcomes``.
    inputs_sha256 : str
        SHA-256 of the file that `outcomes` was read from.
    seed : int
        Of the run.

    Returns
    -------
    results : DataFrame
        Schema ``ard``. What is not estimable is there too, without a value and with the reason.
    record : dict
        What a reader needs to judge or repeat the analysis, ready for JSON.

    Raises
    ------
    InputError
        Where outcomes and plan do not fit each other.
    """
    analysis, question = plan.analyses[name], ask(plan, name, outcomes, seed)
    answered = answer(question)
    results = ResultsBuilder(name, analysis.role, analysis.outcome, analysis.population, inputs_sha256)
    for table in answered.tables:
        _add(results, table, question.rows, families_of(plan, name))
    return pd.DataFrame(results.rows), {"analysis": name, "method": analysis.method, **answered.record}


def ask(plan: TrialPlan, name: str, outcomes: pd.DataFrame, seed: int) -> Question:
    """Return the question that an analysis of the plan puts to `outcomes`.

    Raises
    ------
    InputError
        Where a contrast is in two families of the analysis, or a value is infinite.
    """
    _refuse_infinite(outcomes)
    analysis = plan.analyses[name]
    population, conditions = plan.populations[analysis.population], plan.conditions_of(analysis.experiment)
    not_compared = (plan.reference, analysis.baseline)
    outcomes = _of_experiment(plan, outcomes, analysis.experiment)
    of_outcome = outcomes[outcomes["outcome"] == analysis.outcome]
    planned = [pair for family in families_of(plan, name) for pair in family.contrasts]
    if len(set(planned)) < len(planned):
        raise InputError(f"analysis {name}", "a contrast is in two of its families", "Name it in one family.")
    return Question(
        analysis=analysis,
        rows=select_population(of_outcome, population),
        conditions=conditions,
        # Without a family: every condition (arm) against the reference, exploratory.
        pairs=planned or [(level, plan.reference) for level in conditions if level not in not_compared],
        seed=seed,
        lost=of_outcome[of_outcome["value"].isna() & in_population(of_outcome, population)],
        other=select_population(outcomes[outcomes["outcome"] == analysis.other], population),
    )


def families_of(plan: TrialPlan, name: str) -> list[Family]:
    """Return the families of the plan that an analysis belongs to."""
    return [family for family in plan.families.values() if name in family.analyses]


def _of_experiment(plan: TrialPlan, outcomes: pd.DataFrame, experiment: str | None) -> pd.DataFrame:
    """Return the rows of the experiment's participants; all where the trial has no experiments."""
    return outcomes[outcomes["sequence"].isin(plan.sequences_of(experiment))] if experiment else outcomes


def _refuse_infinite(outcomes: pd.DataFrame) -> None:
    infinite = np.isinf(outcomes["value"].to_numpy(float))
    if infinite.any():
        row = outcomes[infinite].iloc[0]
        raise InputError(
            f"outcomes, row {outcomes.index[infinite][0]}",
            f"{row['outcome']} of participant {row['participant']}, session {row['session']} is infinite",
            "Correct the measurement, or leave the value empty.",
        )


def _describe(results: ResultsBuilder, rows: pd.DataFrame, conditions: list[str], units: bool) -> None:
    there = rows.dropna(subset=["value"])
    means = participant_means(there, conditions)
    total: dict[str, float] = {**counts(there), "n_values": len(there), "n_missing": len(rows) - len(there)}
    if units:
        total["n_matched_units"] = counts(there[there["matched"].astype(bool)])["n_units"]
    results.add("condition", ALL, total, there, "count")
    for condition in conditions:
        at = there[there["condition"] == condition]
        results.add("condition", condition, {**counts(at), "n_values": len(at)}, at, "count")
        described = [("", means[condition].dropna(), "participants' means")]
        if units:
            described.append(("_of_units", at["value"].astype(float), "motor units' values"))
        for suffix, values, whose in described:
            n = len(values)
            moments = {
                f"mean{suffix}": float(values.mean()) if n else np.nan,
                f"sd{suffix}": float(values.std(ddof=1)) if n > 1 else np.nan,
            }
            why = "" if n > 1 else f"n = {n}: no {'SD' if n else 'mean'}"
            results.add("condition", condition, moments, at, f"mean and SD of {whose}", warning=why)


def _add(results: ResultsBuilder, part: ResultTable, rows: pd.DataFrame, families: list[Family]) -> None:
    """Add a table of numbers; contrasts with their family and its adjusted P."""
    adjusted = {family.name: adjust(part, family) for family in families if adjustable(part, family)}
    for index, (_, row) in enumerate(part.table.iterrows()):
        numbers = {name: float(row[name]) for name in part.table if name not in _NAMES}
        values = {name: value if np.isfinite(value) else np.nan for name, value in numbers.items()}
        # An interval without an end (too few people to reject anything) has no limit to show.
        endless = [f"{name} is infinite" for name, value in numbers.items() if np.isinf(value)]
        warning = "; ".join(filter(None, (row["warning"], *endless)))
        level, family = str(row["level"]), None
        if "minus" in row:
            pair = (row["level"], row["minus"])
            level = contrast_name(*pair)
            family = next((family for family in families if pair in family.contrasts), None)
            if family and family.name in adjusted:
                values["p_adjusted"] = adjusted[family.name][index]
        if "detail" in row:
            level = f"{level}, {row['detail']}"
        names = (family.name, family.adjustment) if family else (None, None)
        behind = part.behind[index] if part.behind else rows
        results.add(part.kind, level, values, behind, part.method, part.df_method, warning, *names)
