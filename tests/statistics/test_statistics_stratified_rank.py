"""Van Elteren's test, win probabilities and their intervals against scipy, statsmodels and enumeration."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu, norm, rankdata
from statsmodels.stats.nonparametric import rank_compare_2indep

from pictrial.errors import InputError
from pictrial.statistics.stratified_rank import stratified_rank_contrasts, win_probability_contrasts

PAIR = [("stimulation", "control")]


def table_of(strata):
    rows = [
        {"site": str(site), "condition": arm, "value": value}
        for site, arms in enumerate(strata)
        for arm, values in zip(("stimulation", "control"), arms, strict=True)
        for value in values
    ]
    return pd.DataFrame(rows).assign(participant=lambda x: x.index.astype(str))


def compare(strata, stratum="site"):
    return stratified_rank_contrasts(table_of(strata), PAIR, stratum=stratum).iloc[0]


def statistic(ranks, chosen):
    centred = [ranks[k][list(c)].sum() - len(c) * ranks[k].mean() for k, c in enumerate(chosen)]
    return sum(w / (len(r) + 1) for w, r in zip(centred, ranks, strict=True))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 4), min_size=1, max_size=3),
            st.lists(st.integers(0, 4), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=3,
    ).filter(lambda strata: any(len({*x, *y}) > 1 for x, y in strata))
)
def test_p_is_that_of_every_arrangement(strata):
    ranks = [rankdata([*x, *y]) for x, y in strata]
    places = [combinations(range(len(x) + len(y)), len(x)) for x, y in strata]
    all_of_them = np.array([statistic(ranks, chosen) for chosen in product(*places)])
    observed = statistic(ranks, [range(len(x)) for x, _ in strata])
    row = compare(strata)
    assert row["exact"]
    assert row["p"] == pytest.approx(np.mean(np.abs(all_of_them) >= abs(observed) - 1e-9), abs=1e-12)
    # The variance of all arrangements is that of the formula.
    assert row["z"] == pytest.approx(observed / all_of_them.std(), abs=1e-9)


def test_one_stratum_is_the_rank_sum_test():
    rng = np.random.default_rng(1)
    x, y = rng.normal(0.5, 1, 9), rng.normal(0, 1, 12)
    row = compare([(x, y)], stratum=None)
    assert row["p"] == pytest.approx(mannwhitneyu(x, y, method="exact").pvalue, abs=1e-12)
    brunner_munzel = rank_compare_2indep(x, y)
    assert row["estimate"] == pytest.approx(brunner_munzel.prob1)
    assert row["standard_error"] == pytest.approx(np.sqrt(brunner_munzel.var_prob))
    # On the scale of the logit, by the delta method.
    p, half = row["estimate"], norm.ppf(0.975) * row["standard_error"]
    logit = np.log(p / (1 - p)) + half / (p * (1 - p)) * np.array([-1, 1])
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx(1 / (1 + np.exp(-logit)))


def test_too_many_arrangements_are_normal():
    rng = np.random.default_rng(2)
    strata = [(rng.normal(0.2, 1, n), rng.normal(0, 1, n + 1)) for n in (12, 14, 16, 18)]
    row = compare(strata)
    assert not row["exact"]
    assert row["p"] == pytest.approx(2 * norm.sf(abs(row["z"])), abs=1e-12)


def test_strata_are_compared_within():
    # Sites differ by more than the arms do, and one has most of one arm: pooled, stimulation seems lower.
    strata = [([1.1, 2.1, 3.1, 4.1], [1, 2]), ([11.1], [10, 11, 12, 13])]
    row, pooled = compare(strata), compare(strata, stratum=None)
    wins, weights = np.array([7 / 8, 2 / 4]), np.array([8 / 7, 4 / 6])
    assert row["estimate"] == pytest.approx(wins @ weights / weights.sum())
    assert pooled["estimate"] < 0.5 < row["estimate"]
    assert row["warning"] == "no interval: a stratum has one participant of an arm"
    assert np.isnan(row["ci_lower"])


def test_strata_with_one_arm_do_not_count():
    strata = [([3, 4, 5.0], [1, 2, 4.5]), ([9.0, 8.0], [])]
    row = compare(strata)
    assert (row["n_level"], row["n_minus"], row["n_strata"]) == (3, 3, 1)
    assert row["warning"] == "2 participants left out: the other arm is not in their stratum"
    assert row["p"] == compare(strata[:1])["p"]


def test_what_cannot_be_told():
    separated = compare([([3, 4.0], [1, 2.0])])
    assert separated["estimate"] == 1 and separated["p"] == pytest.approx(2 / 6)
    assert separated["warning"] == "no interval: the arms are separated in every stratum"
    tied = compare([([1, 1.0], [1, 1.0])])
    assert np.isnan(tied["p"]) and tied["warning"] == "not estimable: all values are the same"
    alone = compare([([1, 2.0], [])])
    assert np.isnan(alone["p"]) and alone["warning"].endswith("not estimable: no stratum has both arms")


def test_two_rows_of_a_participant_are_an_error():
    table = table_of([([1, 2.0], [3, 4.0])]).assign(participant=["01", "02", "03", "01"])
    with pytest.raises(InputError, match="participant 01: has more than one row"):
        stratified_rank_contrasts(table, PAIR)


def test_coverage_of_the_win_probability():
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(200):
        # P(x > y) is 0.75 where two exponentials have the ratio 3 of means, in each of two strata.
        strata = [(rng.exponential(3, 8) + 5 * k, rng.exponential(1, 8) + 5 * k) for k in range(2)]
        row = compare(strata)
        covered.append(row["ci_lower"] <= 0.75 <= row["ci_upper"])
    assert 0.92 <= np.mean(covered) <= 0.99


def test_within_participants_it_is_the_sign_test():
    means = pd.DataFrame({"control": [1, 2, 3, 4, 5, 6, 7.0], "stimulation": [2, 3, 4, 5, 6, 5, 7.0]})
    row = win_probability_contrasts(means, PAIR).iloc[0]
    assert (row["n_participants"], row["n_higher"], row["n_lower"]) == (7, 5, 1)
    assert row["p"] == pytest.approx(binomtest(5, 6).pvalue)
    assert row["estimate"] == pytest.approx((5 + 0.5) / 7)
    assert 0 < row["ci_lower"] < row["estimate"] < row["ci_upper"] < 1
    # The same by van Elteren's test, every participant a stratum.
    long = means.reset_index().melt(id_vars="index", var_name="condition").rename(columns={"index": "site"})
    long = long.assign(participant=long.index.astype(str))
    other = stratified_rank_contrasts(long, PAIR, stratum="site").iloc[0]
    assert other["p"] == pytest.approx(row["p"])
    assert other["estimate"] == pytest.approx(row["estimate"])
    # Only order counts.
    again = win_probability_contrasts(means**3, PAIR).iloc[0]
    assert again.equals(row)


def test_within_few_participants():
    means = pd.DataFrame({"control": [1, 2, 3, 4, np.nan], "stimulation": [2, 3, 4, 4, 1.0]})
    row = win_probability_contrasts(means, PAIR).iloc[0]
    assert row["n_participants"] == 4
    assert row["p"] == row["least_p"] == 0.25
    assert row["warning"] == "P cannot fall below 0.25 with these data"
    none = win_probability_contrasts(means.iloc[4:], PAIR).iloc[0]
    assert none["warning"] == "not estimable: no participant has both conditions"
    same = win_probability_contrasts(means.assign(stimulation=means["control"]), PAIR).iloc[0]
    assert (same["p"], same["estimate"]) == (1, 0.5)
