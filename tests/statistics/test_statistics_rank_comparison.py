"""Signed ranks, Hodges-Lehmann shift and Friedman's test against published results, scipy and inversion."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import PermutationMethod, wilcoxon

from pictrial.statistics.rank_comparison import friedman_test, rank_contrasts, signed_rank_distribution

# Hamilton depression scores, Hollander & Wolfe 1973, p. 29; example of R's `wilcox.test`.
FIRST = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
SECOND = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
# Times to first base, Hollander & Wolfe 1973, p. 140; example of R's `friedman.test`.
ROUNDING = """
5.40 5.50 5.55 5.85 5.70 5.75 5.20 5.60 5.50 5.55 5.50 5.40 5.90 5.85 5.70 5.45 5.55 5.60 5.40 5.40
5.35 5.45 5.50 5.35 5.25 5.15 5.00 5.85 5.80 5.70 5.25 5.20 5.10 5.65 5.55 5.45 5.60 5.35 5.45 5.05
5.00 4.95 5.50 5.50 5.40 5.45 5.55 5.50 5.55 5.55 5.35 5.45 5.50 5.55 5.50 5.45 5.25 5.65 5.60 5.40
5.70 5.65 5.55 6.30 6.30 6.25
"""


def compare(differences):
    means = pd.DataFrame({"a": 0.0, "b": differences})
    return rank_contrasts(means, [("b", "a")]).iloc[0]


def test_published_example_of_signed_ranks():
    row = rank_contrasts(pd.DataFrame({"x": FIRST, "y": SECOND}), [("x", "y")]).iloc[0]
    assert row["rank_sum"] == 40
    assert row["p"] == pytest.approx(0.0390625, abs=1e-12)
    assert row["estimate"] == pytest.approx(0.46, abs=1e-12)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((0.010, 0.786), abs=1e-12)
    assert row["achieved_confidence"] == pytest.approx(1 - 2 * 10 / 512, abs=1e-12)
    assert row["rank_biserial"] == pytest.approx((40 - 5) / 45)
    assert row["warning"] == ""


def test_distribution_of_three_ranks():
    # Sums 0 to 6 of the ranks 1, 2, 3; 3 comes about in two ways.
    np.testing.assert_allclose(signed_rank_distribution(np.array([1, 2, 3]))[::2] * 8, [1, 1, 1, 2, 1, 1, 1])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=3, max_size=9).filter(any))
def test_p_is_that_of_all_sign_changes(differences):
    expected = wilcoxon(differences, zero_method="pratt", method=PermutationMethod(n_resamples=np.inf)).pvalue
    assert compare(differences)["p"] == pytest.approx(expected, abs=1e-12)


def test_p_without_ties_is_scipys_exact():
    differences = np.random.default_rng(2).normal(0.3, 1, 15)
    assert compare(differences)["p"] == pytest.approx(wilcoxon(differences, method="exact").pvalue, abs=1e-12)


@pytest.mark.parametrize("n", [6, 7, 12])
def test_interval_inverts_the_test(n):
    differences = np.random.default_rng(n).normal(1, 1, n)
    row = compare(differences)
    inside, outside = 1e-6, -1e-6
    for bound, inwards in ((row["ci_lower"], 1), (row["ci_upper"], -1)):
        assert compare(differences - bound - inwards * inside)["p"] > 0.05
        assert compare(differences - bound - inwards * outside)["p"] <= 0.05
    assert 0.95 <= row["achieved_confidence"] < 1


def test_interval_covers_with_ties():
    rng = np.random.default_rng(4)
    rows = [compare(rng.integers(-2, 3, 10) + 1) for _ in range(300)]
    assert np.mean([row["ci_lower"] <= 1 <= row["ci_upper"] for row in rows]) >= 0.95


def test_swapped_conditions_mirror():
    means = pd.DataFrame({"x": FIRST, "y": SECOND})
    table = rank_contrasts(means, [("x", "y"), ("y", "x")])
    for name in ("estimate", "rank_biserial"):
        assert table[name][0] == pytest.approx(-table[name][1])
    assert table["ci_lower"][0] == pytest.approx(-table["ci_upper"][1])
    assert table["p"][0] == table["p"][1]


def test_rounding_errors_do_not_break_ties():
    # 0.3 - 0.1 and 0.2 are equal but for rounding, and so are two of the zeros.
    means = pd.DataFrame({"a": [0.1, 0.0, 0.1, 0.0, 0.3], "b": [0.3, 0.2, 0.3, 0.2, 0.1 + 0.2]})
    row = rank_contrasts(means, [("b", "a")]).iloc[0]
    assert row["n_zero"] == 1
    assert row["rank_sum"] == 2 + 3 + 4 + 5
    assert row["p"] == pytest.approx(2 / 16)


def test_few_participants():
    five = compare([1, 2, 3, 4, 5.5])
    assert five["p"] == five["least_p"] == 2 / 32
    assert np.isnan(five["ci_lower"]) and five["estimate"] == 3
    assert five["warning"] == (
        "no interval: six participants are needed for 95%; P cannot fall below 0.0625 with these data"
    )
    two = compare([1, 2, np.nan])
    assert np.isnan(two["p"]) and np.isnan(two["estimate"])
    assert two["warning"] == "not estimable: 2 participants in both conditions, 3 are needed"


def test_no_difference_at_all():
    row = compare([0.0] * 7)
    assert (row["p"], row["estimate"], row["rank_biserial"]) == (1, 0, 0)


def test_published_example_of_friedman():
    means = pd.DataFrame(np.reshape([float(x) for x in ROUNDING.split()], (22, 3)), columns=list("abc"))
    found = friedman_test(means, seed=1)
    assert found["chi_square"] == pytest.approx(11.143, abs=5e-4)
    assert found["p_chi_square"] == pytest.approx(0.003805, abs=5e-7)
    assert found["p"] == pytest.approx(0.0038, abs=0.0025)
    assert found["kendall_w"] == pytest.approx(11.143 / 44, abs=1e-4)
    assert found == friedman_test(means, seed=1)


def test_friedman_is_exact_for_few():
    means = pd.DataFrame([[1, 2, 3.0]] * 3, columns=list("abc"), index=list("123"))
    found = friedman_test(means, seed=1)
    assert (found["chi_square"], found["kendall_w"]) == pytest.approx((6, 1))
    assert found["p"] == pytest.approx(6 / 6**3)


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ([[1, 2.0]] * 4, "2 conditions, 3 are needed"),
        ([[1, 2, 3.0], [1, 2, np.nan], [3, 1, 2]], "2 participants in all conditions, 3 are needed"),
        ([[1, 1, 1.0]] * 4, "every participant has the same value in all conditions"),
    ],
)
def test_friedman_says_why_not(values, warning):
    found = friedman_test(pd.DataFrame(values), seed=1)
    assert found["warning"] == f"not estimable: {warning}"
    assert np.isnan(found["p"])
