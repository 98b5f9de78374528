"""Who scores higher: win probabilities of arms, by strata, and of conditions within participants."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.floor_share import tango_interval

#: Above so many sums in one step the distribution of the stratified rank sum is taken as normal.
EXACT_LIMIT = 200_000
_COLUMNS = [
    *("level", "minus", "n_level", "n_minus", "n_strata", "estimate", "standard_error"),
    *("ci_lower", "ci_upper", "z", "p", "exact", "warning"),
]


def stratified_rank_contrasts(
    table: pd.DataFrame, pairs: Sequence[tuple[str, str]], arm: str = "condition", stratum: str | None = None
) -> pd.DataFrame:
    """Compare parallel groups by van Elteren's test: Wilcoxon's rank-sum test within strata, combined.

    The statistic is the sum over strata of (W_k - E W_k) / (N_k + 1), W_k the rank sum of `level` among
    the N_k of both arms (van Elteren 1960, Bull Int Stat Inst 37:351; as SAS's NPAR1WAY), which is
    that of the mean of the strata's win probabilities P(level > minus) + P(equal) / 2 with weights
    n_level n_minus / (N_k + 1). P is exact, over all arms that the participants of each stratum could have
    had; where there are too many, normal. The variance is that of Brunner & Munzel (2000, Biom J 42:17),
    combined over the strata; the interval is normal on the scale of the logit.

    Parameters
    ----------
    table : DataFrame
        One row per participant: participant, value, the arm, and the stratum.
    pairs : sequence of tuple of str
        (level, minus), levels of `arm`.
    arm : str
    stratum : str, optional
        Column of the strata; without it there is one.

    Returns
    -------
    DataFrame
        level, minus, n_level, n_minus, n_strata (with both arms; only their participants count), estimate
        (win probability of level, 0.5: none), standard_error, ci_lower, ci_upper, z, p, exact (whether P is),
        warning; one row per pair.

    Raises
    ------
    InputError
        Where a participant has two rows.
    """
    there = table.dropna(subset=["value"])
    if there["participant"].duplicated().any():
        twice = there.loc[there["participant"].duplicated(), "participant"].iloc[0]
        raise InputError(
            f"participant {twice}",
            "has more than one row",
            "Give one value per participant, such as the mean.",
        )
    groups = there[stratum] if stratum else pd.Series("all", there.index)
    rows = []
    for level, minus in pairs:
        strata = []
        for _, part in there.groupby(groups, sort=True):
            samples = [part.loc[part[arm] == name, "value"].to_numpy(float) for name in (level, minus)]
            if len(samples[0]) and len(samples[1]):
                strata.append((samples[0], samples[1]))
        used = sum(len(x) + len(y) for x, y in strata)
        left_out = int(there[arm].isin([level, minus]).sum()) - used
        note = f"{left_out} participants left out: the other arm is not in their stratum" if left_out else ""
        rows.append({"level": level, "minus": minus} | _van_elteren(strata, note))
    return pd.DataFrame(rows, columns=_COLUMNS)


def win_probability_contrasts(means: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Compare conditions within participants by who scores higher in which: every participant is a stratum.

    With one value per participant and condition van Elteren's test is the sign test, exact here. The
    win probability is (1 + P(higher) - P(lower)) / 2; its interval is Tango's of that difference.

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
        From `paired.participant_means`; only order counts.
    pairs : sequence of tuple of str
        (level, minus).

    Returns
    -------
    DataFrame
        level, minus, n_participants, n_higher, n_lower, estimate, ci_lower, ci_upper, p, least_p,
        warning; one row per pair.
    """
    from scipy.stats import binomtest

    rows = []
    for level, minus in pairs:
        both = means.reindex(columns=[level, minus]).dropna()
        n = len(both)
        row: dict = {"level": level, "minus": minus, "n_participants": n}
        if n == 0:
            rows.append(row | {"warning": "not estimable: no participant has both conditions"})
            continue
        higher, lower = int((both[level] > both[minus]).sum()), int((both[level] < both[minus]).sum())
        discordant = higher + lower
        bounds = tango_interval(higher, lower, n)
        least = min(1.0, 2 * 0.5**discordant)
        row |= {"n_higher": higher, "n_lower": lower, "estimate": (1 + (higher - lower) / n) / 2}
        row |= {"ci_lower": (1 + bounds[0]) / 2, "ci_upper": (1 + bounds[1]) / 2}
        row |= {"p": float(binomtest(higher, discordant).pvalue) if discordant else 1.0, "least_p": least}
        few = f"P cannot fall below {least:.3g} with these data" if least > 1 - CONFIDENCE else ""
        rows.append(row | {"warning": few})
    counts = ["level", "minus", "n_participants", "n_higher", "n_lower"]
    return pd.DataFrame(
        rows, columns=[*counts, "estimate", "ci_lower", "ci_upper", "p", "least_p", "warning"]
    )


def _van_elteren(strata: list[tuple[np.ndarray, np.ndarray]], note: str) -> dict:
    from scipy.special import ndtr
    from scipy.stats import rankdata

    row: dict = {
        "n_level": sum(len(x) for x, _ in strata),
        "n_minus": sum(len(y) for _, y in strata),
        "n_strata": len(strata),
    }
    if not strata:
        return row | {"warning": "not estimable: no stratum has both arms"}
    ranks = [rankdata(np.concatenate(pair)) for pair in strata]
    sizes = [len(x) for x, _ in strata]
    sums = [r[:n].sum() - n * r.mean() for r, n in zip(ranks, sizes, strict=True)]
    weights = [1 / (len(r) + 1) for r in ranks]
    # Of a sum of n ranks out of N drawn without replacement.
    variances = [n * (len(r) - n) / len(r) * r.var(ddof=1) for r, n in zip(ranks, sizes, strict=True)]
    statistic, variance = np.dot(weights, sums), np.dot(np.square(weights), variances)
    if variance == 0:
        return row | {"warning": "; ".join(filter(None, (note, "not estimable: all values are the same")))}
    z = float(statistic / np.sqrt(variance))
    p = _exact_p(ranks, sizes, weights, float(statistic))
    row |= {"z": z, "p": float(2 * ndtr(-abs(z))) if p is None else p, "exact": p is not None}
    interval = _win_probability(strata)
    interval["warning"] = "; ".join(filter(None, (note, interval["warning"])))
    return row | interval


def _exact_p(
    ranks: list[np.ndarray], sizes: list[int], weights: list[float], statistic: float
) -> float | None:
    """Return the exact two-sided P, or None where the statistic has too many possible values.

    The statistic is centred; as or more extreme is what lies as far from 0 or farther.
    """
    values: np.ndarray = np.zeros(1)
    probability: np.ndarray = np.ones(1)
    for rank, size, weight in zip(ranks, sizes, weights, strict=True):
        sums, chances = _rank_sum_distribution(rank, size)
        if len(values) * len(sums) > EXACT_LIMIT:
            return None
        added = np.round(values[:, None] + weight * (sums - size * rank.mean()), 9)
        values, place = np.unique(added.ravel(), return_inverse=True)
        probability = np.bincount(place, (probability[:, None] * chances).ravel())
    return float(min(1.0, probability[np.abs(values) >= abs(statistic) - 1e-7].sum()))


def _rank_sum_distribution(ranks: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of `size` of the ranks drawn without replacement, and their probabilities.

    Ranks are multiples of one half; subsets are counted by number and doubled sum.
    """
    doubled = np.rint(2 * ranks).astype(int)
    counts = np.zeros((size + 1, int(doubled.sum()) + 1))
    counts[0, 0] = 1
    for rank in doubled:
        counts[1:, rank:] += counts[:-1, : counts.shape[1] - rank].copy()
    possible = np.flatnonzero(counts[size])
    return possible / 2, counts[size, possible] / counts[size].sum()


def _win_probability(strata: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Return the weighted win probability, its interval, and why there is none."""
    from scipy.special import expit, logit, ndtri

    weights = np.array([len(x) * len(y) / (len(x) + len(y) + 1) for x, y in strata])
    weights = weights / weights.sum()
    wins, variances = [], []
    for x, y in strata:
        # The placements of every value among those of the other arm; half of a tie is a win.
        score = (np.sign(x[:, None] - y) + 1) / 2
        wins.append(score.mean())
        placements = (score.mean(axis=1), score.mean(axis=0))
        variances.append(sum(v.var(ddof=1) / len(v) if len(v) > 1 else np.nan for v in placements))
    estimate, variance = float(weights @ wins), float(weights**2 @ variances)
    if np.isnan(variance):
        return {"estimate": estimate, "warning": "no interval: a stratum has one participant of an arm"}
    if variance == 0:
        return {"estimate": estimate, "warning": "no interval: the arms are separated in every stratum"}
    half = float(ndtri((1 + CONFIDENCE) / 2) * np.sqrt(variance) / (estimate * (1 - estimate)))
    return {
        "estimate": estimate,
        "standard_error": float(np.sqrt(variance)),
        "ci_lower": float(expit(logit(estimate) - half)),
        "ci_upper": float(expit(logit(estimate) + half)),
        "warning": "",
    }
