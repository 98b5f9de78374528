"""Participants' means, and conditions compared between them: one number per participant and condition."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import CONFIDENCE

#: With two pairs one degree of freedom is left and the 95 % interval spans 12.7 standard errors each way.
MINIMUM_PARTICIPANTS = 3
METHOD = "paired t test of participants' means (pingouin.ttest)"


def participant_means(outcomes: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame:
    """Average the motor units of each participant in each condition.

    Parameters
    ----------
    outcomes : DataFrame
        Schema ``outcomes``; rows without a value do not count.
    conditions : sequence of str
        Conditions in order, the reference first.

    Returns
    -------
    DataFrame
        Shape (participants, conditions); NaN where a participant has no unit in a condition.

    Raises
    ------
    InputError
        Where a condition is not among `conditions`, or a unit has two values in one condition.
    """
    there = outcomes.dropna(subset=["value"])
    for row, condition in there["condition"].items():
        if condition not in conditions:
            raise InputError(
                f"outcomes, row {row}",
                f"condition {condition!r} is not one of {list(conditions)}",
                "Name it in the plan.",
            )
    key = ["participant", "condition", "unit_id"]
    if there.duplicated(key).any():
        row = there.index[there.duplicated(key)][0]
        raise InputError(
            f"outcomes, row {row}",
            f"second value for {tuple(there.loc[row, key])}",
            "Keep one row per unit and session.",
        )
    means = there.assign(value=there["value"].astype(float)).pivot_table(
        index="participant", columns="condition", values="value", aggfunc="mean"
    )
    return means.reindex(columns=list(conditions)).sort_index(kind="stable")


def paired_comparison(means: pd.DataFrame, level: str, minus: str) -> dict:
    """Compare two conditions over the participants who have both.

    The test is Student's paired t; the effect sizes are Hedges' g_av (difference over the root of the
    mean variance of the two conditions, corrected for small samples; Cumming 2012) and Cohen's d_z
    (difference over the standard deviation of the differences), both by ``pingouin.compute_effsize``.
    Periods are not adjusted for: that is what the mixed model is for.

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
        From `participant_means`.
    level, minus : str
        The difference is `level` minus `minus`.

    Returns
    -------
    dict
        level, minus, n_participants, mean_difference, sd_difference, t, df, ci_lower, ci_upper, p,
        hedges_g_av, cohen_d_z, warning. Where fewer than `MINIMUM_PARTICIPANTS` have both conditions,
        or all differ by the same amount, the values are NaN and the warning says why.
    """
    both = means[[level, minus]].dropna()
    x, y = both[level].to_numpy(float), both[minus].to_numpy(float)
    warning = no_comparison(means) or _why_not(x - y)
    names = (
        "mean_difference",
        "sd_difference",
        "t",
        "df",
        "ci_lower",
        "ci_upper",
        "p",
        "hedges_g_av",
        "cohen_d_z",
    )
    # A mean difference of one or two people is not shown as if it were a result.
    values = dict.fromkeys(names, np.nan) if warning else _test(x, y)
    return {"level": level, "minus": minus, "n_participants": len(both), **values, "warning": warning}


def _test(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    import pingouin

    pingouin.options["round.column.CI95"] = None  # its default rounds the interval to two decimals
    result = pingouin.ttest(x, y, paired=True, confidence=CONFIDENCE).iloc[0]
    lower, upper = result["CI95"]
    return {
        "mean_difference": float(np.mean(x - y)),
        "sd_difference": float(np.std(x - y, ddof=1)),
        "t": float(result["T"]),
        "df": float(result["dof"]),
        "ci_lower": float(lower),
        "ci_upper": float(upper),
        "p": float(result["p_val"]),
        "hedges_g_av": float(pingouin.compute_effsize(x, y, paired=True, eftype="hedges")),
        "cohen_d_z": float(pingouin.compute_effsize(x, y, paired=True, eftype="cohen_dz")),
    }


def _why_not(differences: np.ndarray) -> str:
    n = len(differences)
    if n < MINIMUM_PARTICIPANTS:
        have = _counted(n, "participant")
        return f"not estimable: {have} in both conditions, {MINIMUM_PARTICIPANTS} are needed"
    if np.std(differences, ddof=1) <= 1e-12 * max(1.0, float(np.abs(differences).max())):
        return "not estimable: every participant has the same difference"
    return ""


def no_comparison(means: pd.DataFrame) -> str:
    """Say why conditions cannot be compared at all, or return an empty text."""
    participants = int(means.notna().any(axis=1).sum())
    present = [condition for condition in means if means[condition].notna().any()]
    if participants < 2:
        return f"{_counted(participants, 'participant')}: no comparison between conditions"
    if len(present) < 2:
        return f"{_counted(len(present), 'condition')}: no comparison between conditions"
    if means.columns[0] not in present:
        return f"no value in the reference condition {means.columns[0]}: no comparison between conditions"
    return ""


def _counted(n: int, noun: str) -> str:
    return f"one {noun}" if n == 1 else f"{n or 'no'} {noun}s"
