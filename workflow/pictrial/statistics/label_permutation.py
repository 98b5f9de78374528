"""Permutation of the labels of conditions within participants: tests, and intervals by their inversion.

The order of conditions was randomised within each participant, so that is where labels are permuted: the
participant's session counts, not the motor unit. Participants weigh equally.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod

import numpy as np
import pandas as pd

from pictrial.seeds import random_generator
from pictrial.statistics.fitted_model import CONFIDENCE

#: All permutations are tried up to so many (six participants, three conditions: 46656).
EXACT_LIMIT = 50_000
#: Otherwise so many are drawn.
DRAWS = 9_999
_ALPHA = 1 - CONFIDENCE
#: Statistics closer than this are tied.
_TIED = 1e-12


@dataclass(frozen=True)
class PermutationTest:
    """P, the least P that these data can give, and which permutations were tried."""

    p_value: float
    least_p: float
    n_permutations: int
    method: str


def permutation_contrasts(means: pd.DataFrame, pairs: Sequence[tuple[str, str]], seed: int) -> pd.DataFrame:
    """Compare conditions by swapping the two of each participant.

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
        From `paired.participant_means`; NaN where a participant has none.
    pairs : sequence of tuple of str
        (level, minus).
    seed : int
        Of the run; needed where permutations are drawn.

    Returns
    -------
    DataFrame
        level, minus, estimate (mean difference of participants' means), p, least_p, ci_lower, ci_upper (by
        inversion of the test; infinite where the participants are too few for it to reject anything),
        n_participants, n_permutations, method, warning.
    """
    rows = []
    for level, minus in pairs:
        differences = means.reindex(columns=[level, minus]).dropna().to_numpy(float) @ [1.0, -1.0]
        rng = random_generator(seed, "label permutation", level, minus)
        row = {"level": level, "minus": minus, "n_participants": len(differences)}
        if len(differences):
            lower, upper = inverted_interval(differences, rng)
            row |= {"estimate": differences.mean(), "ci_lower": lower, "ci_upper": upper}
            test = permute_pairs(differences, rng)
            notes = [_left_out(means, len(differences)), low_power(test)]
            if np.isinf(lower):
                notes.append(f"no {CONFIDENCE:.0%} interval: no shift can be rejected")
            row |= _of_test(test, notes)
        else:
            row["warning"] = "not estimable: no participant has both conditions"
        rows.append(row)
    names = ["estimate", "p", "least_p", "ci_lower", "ci_upper", "n_participants", "n_permutations", "method"]
    return pd.DataFrame(rows, columns=["level", "minus", *names, "warning"])


def permutation_omnibus(means: pd.DataFrame, seed: int) -> dict:
    """Test all conditions at once by permuting each participant's means over the conditions they had.

    Parameters
    ----------
    means : DataFrame, shape (participants, conditions)
        As for `permutation_contrasts`; participants with one condition do not count.
    seed : int

    Returns
    -------
    dict
        estimate (SD of the conditions' means, each participant's mean taken away), p, least_p,
        n_participants, n_permutations, method, warning.
    """
    there = means[means.notna().sum(axis=1) > 1]
    if there.empty:
        nothing = dict.fromkeys(("estimate", "p", "least_p", "n_permutations", "method"), np.nan)
        return nothing | {"n_participants": 0, "warning": "not estimable: no participant has two conditions"}
    test = permute_conditions(there.to_numpy(float), random_generator(seed, "label permutation", "all"))
    centred = there.sub(there.mean(axis=1), axis=0)
    row = {"estimate": float(centred.mean().std(ddof=1)), "n_participants": len(there)}
    return row | _of_test(test, [_left_out(means, len(there)), low_power(test)])


def permute_conditions(values: np.ndarray, rng: np.random.Generator) -> PermutationTest:
    """Permute each participant's values over the conditions they had; statistic: variance of condition means.

    Parameters
    ----------
    values : ndarray, shape (participants, conditions)
        NaN where a participant has none; each has two at least. Their means are taken away first, so that a
        missing condition does not mix differences between participants into those between conditions.
    rng : Generator
        For more than `EXACT_LIMIT` permutations.
    """
    options = []
    for row in values - np.nanmean(values, axis=1, keepdims=True):
        there = np.flatnonzero(np.isfinite(row))
        orders = np.array(list(permutations(row[there])))
        option = np.zeros((len(orders), len(row)))
        option[:, there] = orders
        options.append(option)
    n = np.isfinite(values).sum(axis=0)
    return _permutation_test(options, lambda sums: np.var(sums[:, n > 0] / n[n > 0], axis=1, ddof=1), rng)


def permute_pairs(differences: np.ndarray, rng: np.random.Generator) -> PermutationTest:
    """Swap the two conditions of each participant; statistic: size of the mean difference.

    Parameters
    ----------
    differences : ndarray, shape (participants,)
    rng : Generator
        For more than `EXACT_LIMIT` permutations.
    """
    options = [np.array([[d], [-d]]) for d in differences]
    return _permutation_test(options, lambda sums: np.abs(sums[:, 0]) / len(differences), rng)


def inverted_interval(differences: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Return the shifts that swapping the conditions (`permute_pairs`) does not reject.

    Swapping a set S of the participants after a shift d raises the sum where the mean difference of S lies
    below d. So P(d) is counted in means of subsets, and the limits are order statistics of the means of all
    subsets (Hartigan 1969, J Am Stat Assoc 64:1303): with six participants the least and the greatest
    difference, the interval then having 1 - 2/64 = 96.9 %.

    Parameters
    ----------
    differences : ndarray, shape (participants,)
    rng : Generator
        Draws subsets where there are more than `EXACT_LIMIT`.

    Returns
    -------
    tuple of float
        Infinite where no shift can be rejected (five participants and fewer).
    """
    n = len(differences)
    if 2**n <= EXACT_LIMIT:
        swapped = (np.arange(1, 2**n)[:, None] >> np.arange(n)) & 1
    else:
        swapped = rng.integers(2, size=(DRAWS, n))
        swapped = swapped[swapped.any(axis=1)]
    # One more: the arrangement observed, in which nobody is swapped.
    rank = int(np.floor(_ALPHA / 2 * (len(swapped) + 1) + _TIED))
    if not rank:
        return -np.inf, np.inf
    ordered = np.sort(swapped @ differences / swapped.sum(axis=1))
    return float(ordered[rank - 1]), float(ordered[-rank])


def low_power(test: PermutationTest) -> str:
    """Say that P cannot reach 0.05, where that is so."""
    few = test.least_p > _ALPHA + _TIED
    return f"P cannot fall below {test.least_p:.3g} with these data" if few else ""


def _of_test(test: PermutationTest, notes: Sequence[str]) -> dict:
    return {
        "p": test.p_value,
        "least_p": test.least_p,
        "n_permutations": test.n_permutations,
        "method": test.method,
        "warning": "; ".join(filter(None, notes)),
    }


def _left_out(means: pd.DataFrame, n: int) -> str:
    left_out = int(means.notna().any(axis=1).sum()) - n
    return f"{left_out} of {n + left_out} participants left out: a condition is missing" if left_out else ""


def _permutation_test(
    options: list[np.ndarray], statistic: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator
) -> PermutationTest:
    """Test the sum of every participant's first option against the sums of all, or of drawn, options.

    P counts the observed arrangement itself: it is one of all, and is added to those drawn, (b + 1)/(m + 1)
    (Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39).
    """
    total = prod(len(option) for option in options)
    exact = total <= EXACT_LIMIT
    if exact:
        sums = np.zeros((1, options[0].shape[1]))
        for option in options:
            sums = (sums[:, None] + option[None]).reshape(-1, option.shape[1])
    else:
        sums = np.sum([option[rng.integers(len(option), size=DRAWS)] for option in options], axis=0)
    values, observed = statistic(sums), statistic(np.sum([option[:1] for option in options], axis=0))[0]
    extreme = np.count_nonzero(values >= observed - _TIED)
    if exact:
        least = np.count_nonzero(values >= values.max() - _TIED) / total
        return PermutationTest(extreme / total, least, total, "labels within participants, all permutations")
    return PermutationTest(
        (extreme + 1) / (DRAWS + 1), 1 / (DRAWS + 1), DRAWS, "labels within participants, drawn permutations"
    )
