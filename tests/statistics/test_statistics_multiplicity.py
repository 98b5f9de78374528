"""Adjusted P: against closed forms, against each other, and how they fail."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.statistics.multiplicity import (
    ADJUSTMENTS,
    adjusted_p,
    check_adjustment,
    dunnett_p,
    margins,
    multivariate_t_p,
    tukey_p,
    two_sided_p,
)

#: All pairwise differences of three, and of four, independent means.
PAIRS = np.array([[1, -1, 0], [1, 0, -1], [0, 1, -1.0]])
PAIRS_OF_FOUR = np.array(
    [[1, -1, 0, 0], [1, 0, -1, 0], [1, 0, 0, -1], [0, 1, -1, 0], [0, 1, 0, -1], [0, 0, 1, -1.0]]
)


def adjusted(method: str, p: list[float]) -> list[float]:
    """Adjust P that come from normal statistics."""
    from scipy.stats import norm

    t = norm.isf(np.array(p) / 2)
    return adjusted_p(method, t, np.full(len(t), np.inf), 3).tolist()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [0.01, 0.04, 0.03]),
        ("bonferroni", [0.03, 0.12, 0.09]),
        ("holm", [0.03, 0.06, 0.06]),
        ("hochberg", [0.03, 0.04, 0.04]),
        ("hommel", [0.03, 0.04, 0.04]),
        ("sidak", [1 - 0.99**3, 1 - 0.96**3, 1 - 0.97**3]),
        ("BH", [0.03, 0.04, 0.04]),
    ],
)
def test_methods_of_p_by_hand(method, expected):
    assert adjusted(method, [0.01, 0.04, 0.03]) == pytest.approx(expected, rel=1e-9)


def test_tukey_of_two_means_is_the_t_test_and_of_three_is_that_of_tables():
    t, df = np.array([2.1]), np.array([12.3])
    assert tukey_p(t, df, 2) == pytest.approx(two_sided_p(t, df))
    # q(0.05; 3, 10) = 3.877 (Pearson & Hartley, table 29).
    assert tukey_p(np.array([3.877 / np.sqrt(2)]), np.array([10.0]), 3) == pytest.approx(0.05, abs=2e-5)
    assert margins("tukey", np.array([10.0]), 3, 0.95) == pytest.approx(3.877 / np.sqrt(2), abs=2e-4)


def test_each_row_has_its_own_df():
    p = adjusted_p("tukey", np.array([2.5, 2.5]), np.array([5.0, 50.0]), 3)
    assert p[0] > 1.5 * p[1]
    reach = margins("tukey", np.array([5.0, np.inf, np.nan]), 3, 0.95)
    assert reach[0] > reach[1] == pytest.approx(3.3145 / np.sqrt(2), abs=1e-4)
    assert np.isnan(reach[2])


def test_interval_and_p_agree():
    df = np.array([7.7])
    for method in ("none", "tukey"):
        reach = margins(method, df, 4, 0.95)
        assert adjusted_p(method, reach, df, 4) == pytest.approx(0.05, abs=1e-7)


def test_multivariate_t_of_all_pairs_of_equal_means_is_tukey():
    for pairs in (PAIRS, PAIRS_OF_FOUR):
        size = len(pairs)
        t, df = np.linspace(0.5, 4, size), np.full(size, 9.0)
        tolerance = 2e-6 if size == 3 else 2e-4
        assert multivariate_t_p(t, df, pairs @ pairs.T) == pytest.approx(
            tukey_p(t, df, pairs.shape[1]), abs=tolerance
        )


def test_multivariate_t_of_independent_normal_statistics_is_sidak():
    t = np.array([1.0, 2.0])
    single = two_sided_p(t, np.full(2, np.inf))
    found = multivariate_t_p(t, np.full(2, np.inf), np.diag([1.0, 9.0]))
    assert found == pytest.approx(1 - (1 - single) ** 2, abs=1e-6)


def test_multivariate_t_of_one_comparison_told_twice_is_that_of_one():
    t, df = np.array([2.2, 2.2]), np.array([11.0, 11.0])
    assert multivariate_t_p(t, df, np.ones((2, 2))) == pytest.approx(two_sided_p(t, df))


def test_dunnett_is_near_the_exact_one():
    # Dunnett 1964, Biometrics 20:482, two-sided 5 %, 10 df: 2 treatments 2.57, 5 treatments 3.02.
    for treatments, critical in ((2, 2.57), (5, 3.02)):
        p = dunnett_p(np.array([critical]), np.array([10.0]), treatments)
        assert p == pytest.approx(0.05, abs=0.003)
    assert dunnett_p(np.array([2.0]), np.array([5.0]), 1) == pytest.approx(
        two_sided_p(np.array([2.0]), np.array([5.0]))
    )


def test_what_is_not_estimable_stays_so_and_does_not_count():
    t, df = np.array([2.0, np.nan, 3.0]), np.array([10.0, np.nan, 10.0])
    covariance = np.diag([1.0, np.nan, 2.0])
    for method in ADJUSTMENTS:
        with_gap = adjusted_p(method, t, df, 3, covariance)
        without = adjusted_p(method, t[[0, 2]], df[[0, 2]], 3, np.diag([1.0, 2.0]))
        assert np.isnan(with_gap[1])
        assert with_gap[[0, 2]].tolist() == without.tolist()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.05, 6), min_size=3, max_size=3), st.floats(1, 200))
def test_adjusting_never_lowers_p_nor_changes_the_order(t, df):
    t, dfs = np.array(t), np.full(3, df)
    single = two_sided_p(t, dfs)
    order = np.argsort(single, kind="stable")
    # (mvt rounds the degrees of freedom.)
    for method in (name for name in ADJUSTMENTS if name != "mvt"):
        p = adjusted_p(method, t, dfs, 3)
        assert (p >= single * (1 - 1e-6)).all() and (p <= 1 + 1e-9).all(), method
        assert (np.diff(p[order]) >= -1e-9).all(), method


def test_unknown_adjustments_are_refused():
    with pytest.raises(InputError, match="'scheffe'"):
        check_adjustment("scheffe")
    with pytest.raises(InputError, match="no interval"):
        margins("holm", np.array([3.0]), 3, 0.95)
