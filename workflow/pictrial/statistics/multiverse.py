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
        Schema ``multiverse_contrasts``: for each rule and aggregation a row per condition, then one per
        planned contrast of ΔF. What cannot be estimated, and who is left out, is said in `warning`.

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
            table += [what | row for row in _compare(plan, rows)]
    return pd.DataFrame(table)[list(load_schema("multiverse_contrasts")["columns"])]


def measured_in(aggregation: str) -> str:
    """Return the scale on which an aggregation gives ΔF: ``"pps"`` or ``"share"``."""
    return "share" if aggregation == "normalised_mean" else "pps"


def delta_f_contrasts(plan: TrialPlan) -> list[tuple[str, str]]:
    """Return the contrasts (condition, minus condition) of ΔF that the plan has, each once."""
    families = [
        family
        for family in plan.families.values()
        if any(plan.analyses[name].outcome == _OUTCOME for name in family.analyses)
    ]
    return list(dict.fromkeys(pair for family in families for pair in family.contrasts))


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
        Schema ``multiverse_summary``: one row per planned contrast and scale.
    """
    numbers = dict.fromkeys(("estimate", "ci_lower", "ci_upper"), float)
    values = contrasts[contrasts["kind"] == "contrast"].astype(numbers)
    table = [
        _summary(plan, values[(values["contrast_or_level"] == name) & (values["measured_in"] == scale)])
        | {"contrast": name, "measured_in": scale}
        for name in (contrast_name(*pair) for pair in delta_f_contrasts(plan))
        for scale in ("pps", "share")
    ]
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


def _compare(plan: TrialPlan, rows: pd.DataFrame) -> list[dict]:
    """Return the rows of one analysis: the mean of every condition, then every contrast."""
    everyone = participant_means(rows, list(plan.conditions)).reindex(sorted(plan.participants))
    table = []
    for condition in plan.conditions:
        means = everyone.loc[_allocated(plan, condition)]
        values = means[condition].dropna()
        estimate = {"estimate": values.mean(), "ci_lower": np.nan, "ci_upper": np.nan, "p": np.nan}
        why = "" if len(values) else "no value"
        table.append(_row("condition", condition, estimate, rows, means[[condition]], why))
    for pair in delta_f_contrasts(plan):
        means = everyone.loc[_allocated(plan, *pair)]
        test = paired_comparison(means, *pair)
        test["estimate"] = test["mean_difference"]
        estimate = {name: test[name] for name in ("estimate", "ci_lower", "ci_upper", "p")}
        table.append(
            _row("contrast", contrast_name(*pair), estimate, rows, means[list(pair)], test["warning"])
        )
    return table


def _allocated(plan: TrialPlan, *conditions: str) -> list[str]:
    """Return who has contractions and every one of the conditions by the plan."""
    with_ramps = plan.sequences_with(plan.task)
    return [
        participant
        for participant, sequence in sorted(plan.participants.items())
        if sequence in with_ramps and set(conditions) <= set(plan.sequences[sequence])
    ]


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
