"""Swapped conditions: P by enumeration and Fisher's own count, intervals by inverting the test by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.seeds import random_generator
from pictrial.statistics.label_permutation import (
    inverted_interval,
    permutation_contrasts,
    permutation_omnibus,
    permute_conditions,
    permute_pairs,
)

RNG = random_generator(1, "label permutation")
# Darwin's maize, crossed minus self-fertilised, eighths of an inch (Fisher 1935, The Design of Experiments).
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])


def means_of(differences, third=0.0):
    """Return participants' means with these differences between b and a."""
    base = np.linspace(2, 4, len(differences))
    table = pd.DataFrame({"a": base, "b": base + differences, "c": base + third})
    return table.set_index(pd.Index([f"{n:02d}" for n in range(len(base))], name="participant"))


def test_fishers_count_of_darwins_maize():
    test = permute_pairs(DARWIN, RNG)
    assert (test.p_value, test.n_permutations) == (1726 / 32768, 32768)
    lower, upper = inverted_interval(DARWIN, RNG)
    assert lower < 0 < upper  # P is 0.053
    assert (lower, upper) == pytest.approx((-0.17, 41.0), abs=0.5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=6, max_size=9, unique=True))
def test_the_interval_holds_the_shifts_that_the_test_does_not_reject(differences):
    differences = np.array(differences) / 100
    lower, upper = inverted_interval(differences, RNG)
    for inside, outside in ((lower + 1e-7, lower - 1e-7), (upper - 1e-7, upper + 1e-7)):
        assert permute_pairs(differences - inside, RNG).p_value > 0.05
        assert permute_pairs(differences - outside, RNG).p_value <= 0.05
    moved = inverted_interval(3 - 2 * differences, RNG)
    assert moved == pytest.approx((3 - 2 * upper, 3 - 2 * lower))


def test_six_participants_give_their_least_and_greatest_difference():
    differences = np.array([-1.2, -0.4, -0.9, -1.4, -0.7, -1.1])
    row = permutation_contrasts(means_of(differences), [("b", "a")], 1).iloc[0]
    assert row["estimate"] == pytest.approx(differences.mean())
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((-1.4, -0.4))
    assert (row["p"], row["least_p"], row["n_permutations"]) == (2 / 64, 2 / 64, 64)
    assert (row["n_participants"], row["warning"]) == (6, "")


def test_five_participants_reject_nothing_and_that_is_said():
    means = means_of(np.array([-1.2, -0.4, -0.9, -1.4, -0.7, -1.1]))
    means.loc["02", "a"] = np.nan
    table = permutation_contrasts(means, [("b", "a"), ("b", "c"), ("b", "d")], 1)
    first, second, third = (row for _, row in table.iterrows())
    assert first["p"] == 2 / 32 and (first["ci_lower"], first["ci_upper"]) == (-np.inf, np.inf)
    assert "1 of 6 participants left out" in first["warning"]
    assert "P cannot fall below 0.0625" in first["warning"]
    assert "no shift can be rejected" in first["warning"]
    assert second["p"] == 2 / 64 and second["warning"] == ""
    assert np.isnan(third["estimate"]) and third["warning"].startswith("not estimable")


def test_many_participants_agree_with_students_t():
    rng = random_generator(2, "many")
    differences = rng.normal(0.5, 1, 40)
    lower, upper = inverted_interval(differences, rng)
    half = 2.0227 * differences.std(ddof=1) / np.sqrt(40)
    assert (lower, upper) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.05)
    row = permutation_contrasts(means_of(differences), [("b", "a")], 1).iloc[0]
    assert row["n_permutations"] == 9_999 and "drawn" in row["method"]
    again = permutation_contrasts(means_of(differences), [("b", "a")], 1).iloc[0]
    pd.testing.assert_series_equal(row, again)


def test_the_interval_covers_as_often_as_promised():
    """Of six: 1 - 2/64, whatever the (symmetric) distribution."""
    rng = random_generator(3, "coverage")
    drawn = rng.standard_t(2, size=(1500, 6))
    hit = np.mean([lower <= 0 <= upper for lower, upper in (inverted_interval(d, rng) for d in drawn)])
    assert hit == pytest.approx(1 - 2 / 64, abs=3 * np.sqrt(0.03 / 1500))


def test_all_conditions_at_once():
    means = means_of(np.array([0.3, 0.5, 0.2, 0.6, 0.4]), third=np.array([1.0, 1.2, 0.9, 1.1, 1.3]))
    means.loc["03", "c"] = np.nan
    means.loc["04", ["b", "c"]] = np.nan
    found = permutation_omnibus(means, 1)
    there = means.loc[:"03"]
    test = permute_conditions(there.to_numpy(), RNG)
    assert (found["p"], found["n_permutations"]) == (test.p_value, 2 * 6**3)
    assert found["estimate"] == pytest.approx(there.sub(there.mean(axis=1), axis=0).mean().std(ddof=1))
    assert found["n_participants"] == 4 and "1 of 5 participants left out" in found["warning"]
    nothing = permutation_omnibus(means[["a"]], 1)
    assert np.isnan(nothing["p"]) and nothing["warning"].startswith("not estimable")
