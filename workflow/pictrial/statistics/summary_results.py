"""Results of the stages beside the plan's analyses, as rows of the ARD: multiverse, unequal losses."""

import numpy as np
import pandas as pd

from pictrial.statistics.analysis_results import ResultsBuilder
from pictrial.statistics.trial_flow import of_part
from pictrial.trial.plan import TrialPlan

#: Analyses of the ARD; in a plan with experiments one of each for every experiment, see `of_part`.
MULTIVERSE, LOSSES = "multiverse", "differential_loss"
_OUTCOME = "delta_f"
#: Columns of the multiverse's summary that are numbers of its contrasts.
_MULTIVERSE = (
    *("n_analyses", "n_estimated", "lowest", "median", "highest"),
    *("n_below_zero", "n_above_zero", "share_off_zero"),
)
_LOSS = {
    name: name.replace("p_value", "p")
    for name in ("estimate", "ci_lower", "ci_upper", "p_value", "least_p", "n_permutations")
}


def multiverse_results(
    plan: TrialPlan, summary: pd.DataFrame, outcomes: pd.DataFrame, inputs_sha256: str
) -> pd.DataFrame:
    """Return the range of every contrast over all rules of ΔF.

    Parameters
    ----------
    plan : TrialPlan
    summary : DataFrame
        Schema ``multiverse_summary``.
    outcomes : DataFrame
        Schema ``outcomes``.
    inputs_sha256 : str
        SHA-256 of the file that `summary` was read from.

    Returns
    -------
    DataFrame
        Schema ``ard``; its contrasts are exploratory, none of its P is adjusted.
    """
    rows, values = [], outcomes[(outcomes["outcome"] == _OUTCOME) & outcomes["value"].notna()]
    method = "participants' means in pairs, by every rule of ΔF and aggregation"
    for row in summary.to_dict("records"):
        numbers = {name: _number(row[name]) for name in _MULTIVERSE}
        warning = "" if all(map(np.isfinite, numbers.values())) else "no rule leaves an estimate"
        level = f"{row['contrast']}, {row['measured_in']}"
        experiment = _experiment(row)
        name = of_part(MULTIVERSE, experiment)
        results = ResultsBuilder(name, "exploratory", _OUTCOME, plan.everyone, inputs_sha256)
        there = values[values["sequence"].isin(plan.sequences_of(experiment))]
        results.add("multiverse", level, numbers, there, method, warning=warning)
        rows += results.rows
    return pd.DataFrame(rows)


def loss_results(plan: TrialPlan, losses: pd.DataFrame, inputs_sha256: str) -> pd.DataFrame:
    """Return the tests of differential loss.

    Parameters
    ----------
    plan : TrialPlan
    losses : DataFrame
        Schema ``differential_loss``.
    inputs_sha256 : str
        SHA-256 of the file that `losses` was read from.

    Returns
    -------
    DataFrame
        Schema ``ard``; units (pairs) are those lost and kept.
    """
    rows = []
    for row in losses.to_dict("records"):
        warning = row["warning"] if isinstance(row["warning"], str) else ""
        numbers = {new: _number(row[name]) for name, new in _LOSS.items()}
        # A test of all conditions at once has no interval; what is not estimable says why.
        told = {name: value for name, value in numbers.items() if np.isfinite(value)} or numbers
        lost_and_kept = int(row["n_lost"]) + int(row["n_kept"])
        of_pairs = row["stage"] == "passing_pairs"
        behind = {
            "n_participants": int(row["n_participants"]),
            "n_units": 0 if of_pairs else lost_and_kept,
            "n_pairs": lost_and_kept if of_pairs else 0,
        }
        method = row["method"] if isinstance(row["method"], str) else "permutation"
        name = of_part(LOSSES, _experiment(row))
        results = ResultsBuilder(name, "supplementary", _OUTCOME, plan.everyone, inputs_sha256)
        results.add("loss", f"{row['contrast']}, {row['stage']}", told, behind, method, warning=warning)
        rows += results.rows
    return pd.DataFrame(rows)


def _experiment(row: dict) -> str | None:
    return row["experiment"] if isinstance(row["experiment"], str) else None


def _number(value: float | None) -> float:
    return np.nan if value is None or pd.isna(value) else float(value)
