"""Differential loss: whether conditions lose unequal shares of motor units and pairs, and which units.

What was randomised is the order of the conditions within each participant, so labels are permuted there:
the participant's session counts, not the motor unit. Participants weigh equally.
"""

from math import comb, prod

import numpy as np
import pandas as pd

from pictrial.seeds import random_generator
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.label_permutation import (
    DRAWS,
    PermutationTest,
    low_power,
    permute_conditions,
    permute_pairs,
)
from pictrial.statistics.paired import MINIMUM_PARTICIPANTS
from pictrial.tables import load_schema
from pictrial.trial.attrition import stage_counts
from pictrial.trial.plan import TrialPlan

#: Stages whose shares are compared. But for the pairs, what enters is the same in all conditions.
STAGES = ("decomposed", "found", "delta_f", "test_units_of_every_session", "passing_pairs")
#: The motor units with a ΔF in the reference: those that have none in the condition are lost.
LOST_UNITS = "delta_f_of_lost_units"


def compare_losses(
    plan: TrialPlan, attrition: pd.DataFrame, outcomes: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Test whether conditions keep unequal shares in the stages, and whether loss goes with ΔF.

    Parameters
    ----------
    plan : TrialPlan
    attrition : DataFrame
        Schema ``attrition``.
    outcomes : DataFrame
        Schema ``outcomes``.
    seed : int
        Of the run; needed where permutations are drawn.

    Returns
    -------
    DataFrame
        Schema ``differential_loss``: of each experiment with contractions, per stage all conditions together
        and each against the reference; then the ΔF of lost units. What cannot be estimated is a row whose
        warning says why.
    """
    rows = []
    for experiment in plan.experiments_with(plan.task):
        people = [name for name in plan.participants if plan.experiment_of(name) == experiment]
        stages, values = (table[table["participant"].isin(people)] for table in (attrition, outcomes))
        found = _compare(plan, experiment, stages, values, seed, len(people))
        rows += [{"experiment": experiment} | row for row in found]
    return pd.DataFrame(rows, columns=list(load_schema("differential_loss")["columns"]))


def compared_conditions(plan: TrialPlan, experiment: str | None) -> list[str]:
    """Return the conditions of an experiment that are compared with the reference."""
    not_compared = (plan.reference, plan.baseline)
    return [condition for condition in plan.conditions_of(experiment) if condition not in not_compared]


def _compare(
    plan: TrialPlan,
    experiment: str | None,
    attrition: pd.DataFrame,
    outcomes: pd.DataFrame,
    seed: int,
    planned: int,
) -> list[dict]:
    """Return the rows of one experiment, of which so many participants are planned."""
    conditions, levels = plan.conditions_of(experiment), compared_conditions(plan, experiment)
    stream = ("differential loss", *([experiment] if experiment else []))
    rows = []
    for stage in STAGES:
        counts = stage_counts(attrition, stage)
        shares = _shares(counts, conditions)
        kept = _totals(counts, conditions)
        rng = random_generator(seed, *stream, stage)
        rows.append({"stage": stage, "contrast": ALL} | kept | _compare_all(plan, shares, rng, planned))
        for level in levels:
            name = {"stage": stage, "contrast": contrast_name(level, plan.reference)}
            rng = random_generator(seed, *stream, stage, level)
            rows.append(name | _totals(counts, [level]) | _compare_two(plan, shares, level, rng, planned))
    for level in levels:
        name = {"stage": LOST_UNITS, "contrast": contrast_name(level, plan.reference)}
        rng = random_generator(seed, *stream, LOST_UNITS, level)
        rows.append(name | _lost_units(plan, outcomes, level, rng))
    return rows


def permute_units(
    values: list[np.ndarray], n_lost: list[int], observed: float, rng: np.random.Generator
) -> PermutationTest:
    """Draw which of each participant's motor units are lost; statistic: size of the mean difference.

    Parameters
    ----------
    values : list of ndarray, shape (units,)
        ΔF of the motor units of each participant.
    n_lost : list of int
        How many of them were lost; neither none nor all.
    observed : float
        Mean over participants of mean of lost minus mean of kept.
    rng : Generator
    """
    drawn = np.zeros(DRAWS)
    for units, lost in zip(values, n_lost, strict=True):
        order = rng.permuted(np.tile(units, (DRAWS, 1)), axis=1)
        drawn += order[:, :lost].mean(axis=1) - order[:, lost:].mean(axis=1)
    extreme = np.count_nonzero(np.abs(drawn) / len(values) >= abs(observed) - 1e-12)
    number = prod(comb(len(units), lost) for units, lost in zip(values, n_lost, strict=True))
    least = max(1 / number, 1 / (DRAWS + 1))
    return PermutationTest(
        (extreme + 1) / (DRAWS + 1), least, DRAWS, "lost and kept units of participants, drawn"
    )


def _shares(counts: pd.DataFrame, conditions: list[str]) -> pd.DataFrame:
    """Return the share kept, participants by conditions; missing where nothing entered."""
    share = counts["n_kept"].astype(float) / counts["n_in"].astype(float).replace(0, np.nan)
    table = counts.assign(share=share).pivot_table(index="participant", columns="condition", values="share")
    return table.reindex(columns=conditions)


def _totals(counts: pd.DataFrame, conditions: list[str]) -> dict[str, int]:
    there = counts[counts["condition"].isin(conditions)]
    kept = int(there["n_kept"].sum())
    return {"n_lost": int(there["n_in"].sum()) - kept, "n_kept": kept}


def _compare_all(plan: TrialPlan, shares: pd.DataFrame, rng: np.random.Generator, planned: int) -> dict:
    there = shares[shares.notna().sum(axis=1) > 1]
    row = {"measure": "sd_of_shares", "n_participants": len(there)}
    if why := _why_not(plan, len(there)):
        return row | {"warning": why}
    centred = there.sub(there.mean(axis=1), axis=0)
    return row | _tested(
        float(centred.mean().std(ddof=1)),
        permute_conditions(there.to_numpy(), rng),
        _left_out(planned, len(there)),
    )


def _compare_two(
    plan: TrialPlan, shares: pd.DataFrame, level: str, rng: np.random.Generator, planned: int
) -> dict:
    differences = (shares[level] - shares[plan.reference]).dropna().to_numpy(float)
    row = {"measure": "difference_in_share", "n_participants": len(differences)}
    if why := _why_not(plan, len(differences)):
        return row | {"warning": why}
    test = permute_pairs(differences, rng)
    return row | _estimated(differences, test, _left_out(planned, len(differences)))


def _lost_units(plan: TrialPlan, outcomes: pd.DataFrame, level: str, rng: np.random.Generator) -> dict:
    """Compare the reference's ΔF of units without a ΔF at `level` with that of the units that have one."""
    unit = ["participant", "unit_id"]
    outcomes = outcomes[outcomes["outcome"] == "delta_f"]
    rows = outcomes[outcomes["participant"].isin(outcomes.loc[outcomes["condition"] == level, "participant"])]
    mean = rows.astype({"value": float}).pivot_table(index=unit, columns="condition", values="value")
    mean = mean.reindex(columns=list(plan.conditions)).dropna(subset=[plan.reference])
    mean["lost"] = mean[level].isna()
    values, n_lost, differences = [], [], []
    for _, units in mean.groupby("participant"):
        delta_f, lost = units[plan.reference].to_numpy(float), units["lost"].to_numpy(bool)
        if lost.any() and not lost.all():
            values.append(delta_f)
            n_lost.append(int(lost.sum()))
            differences.append(float(delta_f[lost].mean() - delta_f[~lost].mean()))
    row = {
        "n_lost": int(mean["lost"].sum()),
        "n_kept": int((~mean["lost"]).sum()),
        "measure": "difference_in_delta_f",
        "n_participants": len(differences),
    }
    if why := _why_not(plan, len(differences), "with units lost and kept"):
        return row | {"warning": why}
    test = permute_units(values, n_lost, float(np.mean(differences)), rng)
    return row | _estimated(np.array(differences), test)


def _why_not(plan: TrialPlan, n: int, what: str = "to compare") -> str:
    if plan.no_comparison:
        return plan.no_comparison
    if plan.design == "parallel":
        return "not estimable: arms of a parallel group trial are not exchanged within participants"
    if n >= MINIMUM_PARTICIPANTS:
        return ""
    have = "1 participant" if n == 1 else f"{n or 'no'} participants"
    return f"not estimable: {have} {what}, {MINIMUM_PARTICIPANTS} are needed"


def _left_out(planned: int, n: int) -> str:
    return f"{planned - n} of {planned} participants left out: no share to compare" if n < planned else ""


def _tested(estimate: float, test: PermutationTest, *notes: str) -> dict:
    return {
        "estimate": round(estimate, 12),
        **vars(test),
        "warning": "; ".join(filter(None, (*notes, low_power(test)))) or None,
    }


def _estimated(differences: np.ndarray, test: PermutationTest, *notes: str) -> dict:
    """Return mean difference, its interval by Student's t over participants, and the test."""
    from scipy.special import stdtrit

    mean, error = differences.mean(), np.std(differences, ddof=1) / np.sqrt(len(differences))
    if error <= 1e-12:
        return _tested(float(mean), test, *notes, "no interval: every participant has the same difference")
    half = float(stdtrit(len(differences) - 1, (1 + CONFIDENCE) / 2)) * error
    return _tested(float(mean), test, *notes) | {"ci_lower": mean - half, "ci_upper": mean + half}
