"""From the table of outcomes to results: description, and each analysis of the plan."""

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.analysis_results import ALL, ResultsBuilder, contrast_name, counts
from pictrial.statistics.contrasts import DF_METHOD, contrasts, holm, marginal_means
from pictrial.statistics.mixed_model import MixedModelFit, NotEstimable, fit_mixed_model, fit_record
from pictrial.statistics.paired import METHOD as PAIRED_METHOD
from pictrial.statistics.paired import no_comparison, paired_comparison, participant_means
from pictrial.trial.analysis_tables import select_population
from pictrial.trial.plan import Analysis, Family, TrialPlan

MIXED_METHOD = "linear mixed model, REML (statsmodels MixedLM), generalised least squares"
#: Analysis under which a plan without analyses says why it has none.
NO_ANALYSIS = "comparison"
_MEAN = ("estimate", "standard_error", "df", "ci_lower", "ci_upper")
_CONTRAST = ("estimate", "standard_error", "df", "t", "ci_lower", "ci_upper", "p")
_PAIRED = (
    *("mean_difference", "sd_difference", "t", "df", "ci_lower", "ci_upper", "p"),
    *("hedges_g_av", "cohen_d_z"),
)


def analyse_trial(
    plan: TrialPlan, outcomes: pd.DataFrame, inputs_sha256: str
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Describe every outcome and run every analysis of the plan.

    Parameters
    ----------
    plan : TrialPlan
    outcomes : DataFrame
        Schema ``outcomes``: one row per test unit and session.
    inputs_sha256 : str
        SHA-256 of the file that `outcomes` was read from.

    Returns
    -------
    ard : DataFrame
        Schema ``ard``. What is not estimable is there too, without a value and with the reason.
    records : dict of str to dict
        For each mixed model of the plan the record of its fit, for JSON; where it could not be fitted,
        the reason.

    Raises
    ------
    InputError
        Where outcomes and plan do not fit each other.
    """
    builders, records = [], {}
    for outcome in plan.outcomes:
        rows = outcomes[outcomes["outcome"] == outcome]
        description = ResultsBuilder("descriptive", "descriptive", outcome, "all_units", inputs_sha256)
        _describe(description, rows, list(plan.conditions))
        builders.append(description)
    for analysis in plan.analyses.values():
        results = ResultsBuilder(
            analysis.name, analysis.role, analysis.outcome, analysis.population, inputs_sha256
        )
        record = run_analysis(results, plan, analysis, outcomes)
        if record:
            records[analysis.name] = record
        builders.append(results)
    if not plan.analyses:
        builders.append(_no_analysis(plan, outcomes.dropna(subset=["value"]), inputs_sha256))
    ard = pd.DataFrame([row for builder in builders for row in builder.rows])
    if ard["ard_id"].duplicated().any():
        twice = ard.loc[ard["ard_id"].duplicated(), "ard_id"].iloc[0]
        raise InputError(
            plan.path, f"the result {twice!r} would be there twice", "Name each contrast in one family."
        )
    return ard, records


def _no_analysis(plan: TrialPlan, rows: pd.DataFrame, inputs_sha256: str) -> ResultsBuilder:
    """Say why a plan without analyses has no result."""
    why = no_comparison(participant_means(rows, list(plan.conditions))) or plan.no_comparison
    results = ResultsBuilder(NO_ANALYSIS, "primary", next(iter(plan.outcomes)), "all_units", inputs_sha256)
    warning = why or "the plan has no analysis"
    results.add("contrast", ALL, {"estimate": np.nan}, rows, "none", warning=warning)
    return results


def run_analysis(
    results: ResultsBuilder, plan: TrialPlan, analysis: Analysis, outcomes: pd.DataFrame
) -> dict:
    """Add the numbers of one analysis to `results`; return the record of its fit, empty if it fits none."""
    chosen = select_population(outcomes[outcomes["outcome"] == analysis.outcome], analysis.population)
    conditions = list(plan.conditions)
    families = [family for family in plan.families.values() if analysis.name in family.analyses]
    if analysis.method == "paired_comparison":
        _paired(results, chosen, conditions, families)
        return {}
    return _mixed_model(results, chosen, conditions, families, analysis)


def model_frame(rows: pd.DataFrame) -> pd.DataFrame:
    """Return outcome rows as a formula names them: ``unit`` is unit_id; period and session are factors."""
    frame = rows.rename(columns={"unit_id": "unit"}).reset_index(drop=True)
    return frame.assign(
        value=frame["value"].astype(float),
        period=frame["period"].astype(str),
        session=frame["session"].astype(str),
    )


def _describe(results: ResultsBuilder, rows: pd.DataFrame, conditions: list[str]) -> None:
    there = rows.dropna(subset=["value"])
    means = participant_means(there, conditions)
    total: dict[str, float] = {
        **counts(there),
        "n_values": len(there),
        "n_missing": len(rows) - len(there),
        "n_matched_units": counts(there[there["matched"].astype(bool)])["n_units"],
    }
    results.add("condition", ALL, total, there, "count")
    for condition in conditions:
        at = there[there["condition"] == condition]
        results.add("condition", condition, {**counts(at), "n_values": len(at)}, at, "count")
        for suffix, values, whose in (
            ("", means[condition].dropna(), "participants' means"),
            ("_of_units", at["value"].astype(float), "motor units' values"),
        ):
            n = len(values)
            moments = {
                f"mean{suffix}": float(values.mean()) if n else np.nan,
                f"sd{suffix}": float(values.std(ddof=1)) if n > 1 else np.nan,
            }
            why = "" if n > 1 else f"n = {n}: no {'SD' if n else 'mean'}"
            results.add("condition", condition, moments, at, f"mean and SD of {whose}", warning=why)


def _mixed_model(
    results: ResultsBuilder,
    rows: pd.DataFrame,
    conditions: list[str],
    families: list[Family],
    analysis: Analysis,
) -> dict:
    if not analysis.reml:
        raise InputError(f"analysis {analysis.name}", "reml is false", "Only REML is fitted: set it to true.")
    try:
        if why := no_comparison(participant_means(rows, conditions)):
            raise NotEstimable(why)
        fit = fit_mixed_model(model_frame(rows), str(analysis.formula), {"condition": conditions})
    except NotEstimable as reason:
        for condition in conditions:
            _add(results, "mean", condition, dict.fromkeys(_MEAN, np.nan), rows, str(reason))
        for level, minus in (pair for family in families for pair in family.contrasts):
            _add(
                results,
                "contrast",
                contrast_name(level, minus),
                dict.fromkeys(_CONTRAST, np.nan),
                rows,
                str(reason),
            )
        return {
            "formula": analysis.formula,
            "status": "provisional",
            "estimable": False,
            "warnings": [str(reason)],
        }
    notes = "; ".join(fit.warnings)
    for row in marginal_means(fit, "condition", conditions).to_dict("records"):
        _add(
            results, "mean", row["level"], {name: row[name] for name in _MEAN}, rows, row["warning"] or notes
        )
    for family in families:
        table = contrasts(fit, "condition", family.contrasts)
        for row in _adjusted(table, family).to_dict("records"):
            values = {name: row[name] for name in (*_CONTRAST, "p_holm") if name in row}
            _add(
                results,
                "contrast",
                contrast_name(row["level"], row["minus"]),
                values,
                rows,
                row["warning"] or notes,
            )
    _add_components(results, rows, fit)
    return {"estimable": True, **fit_record(fit)}


def _add(
    results: ResultsBuilder, kind: str, level: str, values: dict, rows: pd.DataFrame, warning: str
) -> None:
    results.add(kind, level, values, rows, MIXED_METHOD, DF_METHOD, warning)


def _adjusted(table: pd.DataFrame, family: Family) -> pd.DataFrame:
    return table.assign(p_holm=holm(table["p"].to_numpy(float))) if family.adjustment == "holm" else table


def _add_components(results: ResultsBuilder, rows: pd.DataFrame, fit: MixedModelFit) -> None:
    for term, variance in fit.variances.items():
        values = {"variance": variance, "standard_deviation": variance**0.5}
        zero = "estimated as zero" if term in fit.singular else ""
        results.add("component", term, values, rows, MIXED_METHOD, warning=zero)
    for term, reason in fit.design.not_estimable.items():
        values = {"variance": np.nan, "standard_deviation": np.nan}
        results.add("component", term, values, rows, MIXED_METHOD, warning=f"not estimable: {reason}")
    deviance = {"reml_deviance": fit.reml_deviance}
    results.add("model", ALL, deviance, rows, MIXED_METHOD, warning="; ".join(fit.warnings))


def _paired(
    results: ResultsBuilder, rows: pd.DataFrame, conditions: list[str], families: list[Family]
) -> None:
    means = participant_means(rows, conditions)
    for family in families:
        table = pd.DataFrame([paired_comparison(means, *pair) for pair in family.contrasts])
        for row in _adjusted(table, family).to_dict("records"):
            pair = [row["level"], row["minus"]]
            both = means[pair].dropna().index
            behind = rows[rows["participant"].isin(both) & rows["condition"].isin(pair)]
            values = {name: row[name] for name in (*_PAIRED, "p_holm") if name in row}
            results.add(
                "contrast", contrast_name(*pair), values, behind, PAIRED_METHOD, "n - 1", row["warning"]
            )
