"""The multiverse: the planned contrasts by every rule of ΔF and every way to aggregate pairs.

A sensitivity analysis: it shows how far the result hangs on choices that could have been others. No P is
adjusted, and no rule may be picked for its result.
"""

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.motor_units.aggregation import AGGREGATIONS
from pictrial.motor_units.sensitivity import MAIN
from pictrial.statistics.analysis_results import contrast_name, counts
from pictrial.statistics.paired import paired_comparison, participant_means
from pictrial.tables import load_schema
from pictrial.trial.plan import TrialPlan, schedule

_OUTCOME = "delta_f"
_ANALYSIS = ["rule", "aggregation"]


def compare_rules(plan: TrialPlan, rules: pd.DataFrame, multiverse: pd.DataFrame) -> pd.DataFrame:
    """Compare the conditions by every rule and aggregation, as participants' means in pairs.

    Parameters
    ----------
    plan : TrialPlan
    rules : DataFrame
        Schema ``delta_f_rules``.
    multiverse : DataFrame
        Schema ``delta_f_multiverse``.

    Returns
    -------
    DataFrame
        Schema ``multiverse_contrasts``: for each rule, aggregation and experiment with contractions a row
        per condition, then one per planned contrast of ΔF. What cannot be estimated, and who is left out, is
        said in `warning`.

    Raises
    ------
    InputError
        Where a value belongs to a session that is not in the plan, or to a rule that is not in `rules`.
    """
    found = {key: rows for key, rows in _with_conditions(plan, rules, multiverse).groupby(_ANALYSIS)}
    nothing = multiverse.iloc[:0].assign(condition="", value=np.nan)
    table = []
    for rule in rules["rule"]:
        for aggregation in AGGREGATIONS:
            rows = found.get((rule, aggregation), nothing)
            what = {"rule": rule, "aggregation": aggregation, "measured_in": measured_in(aggregation)}
            for experiment in plan.experiments_with(plan.task):
                table += [what | row for row in _compare(plan, experiment, rows)]
    return pd.DataFrame(table)[list(load_schema("multiverse_contrasts")["columns"])]


def measured_in(aggregation: str) -> str:
    """Return the scale on which an aggregation gives ΔF: ``"pps"`` or ``"share"``."""
    return "share" if aggregation == "normalised_mean" else "pps"


def delta_f_contrasts(plan: TrialPlan) -> list[tuple[str | None, str, str]]:
    """Return the contrasts of ΔF that the plan has, each once: (experiment, condition, minus condition).

    None of parallel groups: nobody is in two arms, so that there are no pairs to compare.
    """
    if plan.baseline:
        return []
    found = [
        (plan.analyses[name].experiment, *pair)
        for family in plan.families.values()
        for name in family.analyses
        if plan.analyses[name].outcome == _OUTCOME
        for pair in family.contrasts
    ]
    # By experiment, in the order of the plan; the order within one is that of the families.
    order = [*plan.experiments, None]
    return sorted(dict.fromkeys(found), key=lambda one: order.index(one[0]))


def of_experiment(rows: pd.DataFrame, experiment: str | None) -> pd.DataFrame:
    """Return the rows of an experiment; those of none where the trial is one."""
    return rows[rows["experiment"].isna() if experiment is None else rows["experiment"] == experiment]


def summarise_rules(plan: TrialPlan, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return how far the contrasts differ between analyses, and where the main one is among them.

    The main analysis, the configured rule with the plan's aggregation, is not among those counted: it is
    compared with them.

    Parameters
    ----------
    contrasts : DataFrame
        Schema ``multiverse_contrasts``.

    Returns
    -------
    DataFrame
        Schema ``multiverse_summary``: one row per experiment, planned contrast and scale.
    """
    numbers = dict.fromkeys(("estimate", "ci_lower", "ci_upper"), float)
    values = contrasts[contrasts["kind"] == "contrast"].astype(numbers)
    table = []
    for experiment, *pair in delta_f_contrasts(plan):
        name, here = contrast_name(*pair), of_experiment(values, experiment)
        for scale in ("pps", "share"):
            rows = here[(here["contrast_or_level"] == name) & (here["measured_in"] == scale)]
            what = {"experiment": experiment, "contrast": name, "measured_in": scale}
            table.append(what | _summary(plan, rows))
    return pd.DataFrame(table, columns=list(load_schema("multiverse_summary")["columns"]))


def main_analysis(plan: TrialPlan, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the main analysis: the configured rule, aggregated as the plan says."""
    return rows[(rows["rule"] == MAIN) & (rows["aggregation"] == plan.outcomes[_OUTCOME].aggregation)]


def _summary(plan: TrialPlan, rows: pd.DataFrame) -> dict:
    varied = rows[rows["rule"] != MAIN]
    there = varied.dropna(subset=["estimate"])
    below, above = int((there["ci_upper"] < 0).sum()), int((there["ci_lower"] > 0).sum())
    estimates = there["estimate"]
    summary = {
        "n_analyses": len(varied),
        "n_estimated": len(there),
        "lowest": estimates.min(),
        "median": estimates.median(),
        "highest": estimates.max(),
        "n_below_zero": below,
        "n_above_zero": above,
        "share_off_zero": (below + above) / len(there) if len(there) else np.nan,
        "least_participants": there["n_participants"].min() if len(there) else None,
    }
    main = main_analysis(plan, rows).dropna(subset=["estimate"])
    if main.empty:
        return summary
    row = main.iloc[0]
    return summary | {
        "main_estimate": row["estimate"],
        "main_ci_lower": row["ci_lower"],
        "main_ci_upper": row["ci_upper"],
        # A rule of the grid that is the main one again is not below it by a rounding error.
        "n_below_main": int((estimates < row["estimate"] - 1e-9).sum()),
    }


def _with_conditions(plan: TrialPlan, rules: pd.DataFrame, multiverse: pd.DataFrame) -> pd.DataFrame:
    planned = schedule(plan)[["participant", "session", "condition"]]
    rows = multiverse.merge(planned, how="left", on=["participant", "session"])
    for known, wrong in (
        (rows["condition"].notna(), "its session is not in the plan"),
        (rows["rule"].isin(rules["rule"]), "its rule is not in rules.tsv"),
    ):
        if not known.all():
            row = rows[~known].iloc[0]
            where = f"multiverse, {row['rule']}, participant {row['participant']}, session {row['session']}"
            raise InputError(where, wrong, "Remove the results of an earlier plan or configuration.")
    # Hundreds of small tables are cut from this one: object columns are much the faster.
    rows = rows.astype(dict.fromkeys(("participant", "unit_id", "condition"), object))
    return rows.assign(value=rows["delta_f"].astype(float))


def _compare(plan: TrialPlan, experiment: str | None, rows: pd.DataFrame) -> list[dict]:
    """Return the rows of one analysis of one experiment: every condition's mean, then every contrast."""
    everyone = participant_means(rows, list(plan.conditions)).reindex(sorted(plan.participants))
    table = []
    for condition in plan.conditions_of(experiment):
        means = everyone.loc[_planned(plan, experiment, condition)]
        values = means[condition].dropna()
        estimate = {"estimate": values.mean(), "ci_lower": np.nan, "ci_upper": np.nan, "p": np.nan}
        why = "" if len(values) else "no value"
        table.append(_row("condition", condition, estimate, rows, means[[condition]], why))
    for of, *pair in delta_f_contrasts(plan):
        if of != experiment:
            continue
        means = everyone.loc[_planned(plan, experiment, *pair)]
        test = paired_comparison(means, *pair)
        test["estimate"] = test["mean_difference"]
        estimate = {name: test[name] for name in ("estimate", "ci_lower", "ci_upper", "p")}
        table.append(_row("contrast", contrast_name(*pair), estimate, rows, means[pair], test["warning"]))
    return [{"experiment": experiment} | row for row in table]


def _planned(plan: TrialPlan, experiment: str | None, *conditions: str) -> list[str]:
    """Return who of an experiment is to have every one of the conditions, as their sessions are analysed."""
    sequences = plan.sequences_of(experiment)
    theirs: dict[str, set[str]] = {}
    for session in (*plan.sessions, *(entry.planned for entry in plan.missing_sessions)):
        if session.sequence in sequences:
            theirs.setdefault(session.participant, set()).add(session.condition)
    return sorted(name for name, there in theirs.items() if set(conditions) <= there)


def _row(kind: str, name: str, estimate: dict, rows: pd.DataFrame, means: pd.DataFrame, why: str) -> dict:
    """Return a row; who has no value in one of the columns of `means` is left out, and named."""
    there = means.notna().all(axis=1)
    left_out = [
        f"{participant} (no value in {' and '.join(means.columns[~has])})"
        for participant, has in means[~there].notna().iterrows()
    ]
    behind = rows[rows["participant"].isin(means.index[there]) & rows["condition"].isin(means.columns)]
    number = counts(behind)
    warnings = [why, f"left out: {', '.join(left_out)}" if left_out else ""]
    return {
        "kind": kind,
        "contrast_or_level": name,
        **estimate,
        "n_participants": number["n_participants"],
        "n_units": number["n_units"],
        "warning": "; ".join(filter(None, warnings)) or None,
    }
