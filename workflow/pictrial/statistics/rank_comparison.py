"""Conditions compared by ranks within participants: signed ranks, Hodges-Lehmann shift, Friedman's test."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pictrial.seeds import random_generator
from pictrial.statistics.differential_loss import permute_conditions
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.paired import MINIMUM_PARTICIPANTS

METHOD = "Wilcoxon's signed-rank test of participants' means, exact"
_COLUMNS = [
    *("level", "minus", "n_participants", "n_zero", "rank_sum", "p", "least_p"),
    *("estimate", "ci_lower", "ci_upper", "achieved_confidence", "rank_biserial", "warning"),
]


def rank_contrasts(means: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Compare conditions over the participants who have both, by the ranks of their differences.

    P is that of Wilcoxon's signed-rank test, exact also with ties (mean ranks) and zeros (Pratt 1959: they
    are ranked, then left out), twice the smaller tail. The estimate is the Hodges-Lehmann shift, the median
    of the Walsh averages (d_i + d_j) / 2, i <= j; its interval reaches from the k-th smallest to the k-th
    largest of them (Hodges & Lehmann 1963; Hollander, Wolfe & Chicken, Nonparametric Statistical Methods,
    section 3.3). With ties the closed interval covers at least as often as it says (Noether 1967,
    J Am Stat Assoc 62:184).

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
        From `paired.participant_means`.
    pairs : sequence of tuple of str
        (level, minus).

    Returns
    -------
    DataFrame
        level, minus, n_participants, n_zero, rank_sum (of the positive differences), p, least_p (that this
        many differences can give), estimate, ci_lower, ci_upper, achieved_confidence,
        rank_biserial (matched pairs, ``pingouin.wilcoxon``), warning; one row per pair.
    """
    rows = []
    for level, minus in pairs:
        both = means.reindex(columns=[level, minus]).dropna()
        row = {"level": level, "minus": minus, "n_participants": len(both)}
        if len(both) < MINIMUM_PARTICIPANTS:
            have = f"not estimable: {len(both)} participants in both conditions"
            rows.append(row | {"warning": f"{have}, {MINIMUM_PARTICIPANTS} are needed"})
        else:
            rows.append(row | _compare(*both.to_numpy(float).T))
    return pd.DataFrame(rows, columns=_COLUMNS)


def friedman_test(means: pd.DataFrame, seed: int) -> dict:
    """Test whether any condition differs, by Friedman's test over the participants who have all.

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
    seed : int
        Of the run; needed where permutations are drawn, not all tried.

    Returns
    -------
    dict
        n_participants, n_conditions, chi_square (corrected for ties), df, p (of the permutations of each
        participant's ranks, all of them where there are no more than 50,000), p_chi_square
        (``scipy.stats.friedmanchisquare``, asymptotic), kendall_w (chi_square / (n_participants df)),
        warning.
    """
    from scipy.stats import friedmanchisquare, rankdata

    whole = means.dropna().to_numpy(float)
    n, k = whole.shape
    row: dict = {"n_participants": n, "n_conditions": k}
    names = ("chi_square", "df", "p", "p_chi_square", "kendall_w")
    ranks = rankdata(whole, axis=1) if n else whole
    if k < 3:
        warning = f"not estimable: {k} conditions, 3 are needed"
    elif n < MINIMUM_PARTICIPANTS:
        warning = f"not estimable: {n} participants in all conditions, {MINIMUM_PARTICIPANTS} are needed"
    elif np.all(ranks == ranks[:, :1]):
        warning = "not estimable: every participant has the same value in all conditions"
    else:
        chi_square, asymptotic = friedmanchisquare(*whole.T)
        permuted = permute_conditions(ranks, random_generator(seed, "friedman", *means.columns))
        values = (chi_square, k - 1, permuted.p_value, asymptotic, chi_square / (n * (k - 1)))
        return row | dict(zip(names, map(float, values), strict=True)) | {"warning": ""}
    return row | dict.fromkeys(names, np.nan) | {"warning": warning}


def signed_rank_distribution(ranks: np.ndarray) -> np.ndarray:
    """Return the probability of every sum of positive ranks, signs being fair coins.

    Parameters
    ----------
    ranks : ndarray, shape (differences,)
        Multiples of one half.

    Returns
    -------
    ndarray, shape (1 + twice the sum of the ranks,)
        Probability of the sum s / 2 at index s, by convolution (Streitberg & Roehmel's shift algorithm).
    """
    probability = np.ones(1)
    for rank in np.rint(2 * ranks).astype(int):
        shifted = np.zeros(len(probability) + rank)
        shifted[: len(probability)] = probability / 2
        shifted[rank:] += probability / 2
        probability = shifted
    return probability


def _compare(x: np.ndarray, y: np.ndarray) -> dict:
    import pingouin
    from scipy.stats import rankdata

    differences, n = x - y, len(x)
    # Rounding errors must not break ties, nor make a zero a difference.
    rounded = np.round(differences / max(np.abs([x, y]).max(), np.finfo(float).tiny), 12)
    nonzero = rounded != 0
    # The interval ends at the k-th Walsh average from either end; at none where k is 0.
    tail = np.cumsum(signed_rank_distribution(np.arange(1, n + 1.0))[::2])
    k = int(np.searchsorted(tail, (1 - CONFIDENCE) / 2, side="right"))
    walsh = np.sort((differences[:, None] + differences)[np.triu_indices(n)] / 2)
    ranks = rankdata(np.abs(rounded))
    rank_sum = float(ranks[rounded > 0].sum())
    probability = signed_rank_distribution(ranks[nonzero])
    at = round(2 * rank_sum)
    found = {
        "n_zero": int(n - nonzero.sum()),
        "rank_sum": rank_sum,
        "p": float(min(1.0, 2 * min(probability[: at + 1].sum(), probability[at:].sum()))),
        "least_p": float(min(1.0, 2 * probability[0])),
        "estimate": float(np.median(walsh)),
        "rank_biserial": 0.0,
    }
    if nonzero.any():
        # Its P is not used; "asymptotic" only spares its permutations.
        effect = pingouin.wilcoxon(rounded, method="asymptotic")
        found["rank_biserial"] = float(effect["RBC"].iloc[0])
    if k:
        found |= {"ci_lower": float(walsh[k - 1]), "ci_upper": float(walsh[-k])}
        found["achieved_confidence"] = float(1 - 2 * tail[k - 1])
    notes = [
        "" if k else f"no interval: six participants are needed for {CONFIDENCE:.0%}",
        f"P cannot fall below {found['least_p']:.3g} with these data"
        if found["least_p"] > 1 - CONFIDENCE
        else "",
    ]
    return found | {"warning": "; ".join(filter(None, notes))}
