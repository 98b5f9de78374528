"""Shares and their differences in the same participants, against published and exact results."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import multinomial, norm

from pictrial.errors import InputError
from pictrial.statistics.floor_share import (
    condition_shares,
    events_at_floor,
    share_contrasts,
    tango_interval,
)

Z = norm.ppf(0.975)


def pairs_of(both, level_only, minus_only, neither):
    counts = [(1, 1, both), (1, 0, level_only), (0, 1, minus_only), (0, 0, neither)]
    return pd.DataFrame([(x, y) for x, y, n in counts for _ in range(n)], columns=["after", "before"])


def test_published_example():
    # Airway hyper-responsiveness before and after transplantation (Bentur 2009; Fagerland, Lydersen & Laake
    # 2014, Stat Med 33:2850: Tango's interval -0.517 to -0.026).
    row = share_contrasts(pairs_of(1, 1, 7, 12), [("after", "before")]).iloc[0]
    assert row["n_participants"] == 21
    assert (row["n_level_only"], row["n_minus_only"]) == (1, 7)
    assert row["estimate"] == pytest.approx(-6 / 21)
    assert (row["ci_lower"], row["ci_upper"]) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert row["p"] == pytest.approx(2 * (1 + 8) / 2**8)


@pytest.mark.parametrize(("b", "c", "n"), [(5, 2, 20), (0, 4, 9), (3, 3, 6), (12, 0, 40)])
def test_bounds_are_where_the_score_is_that_of_the_confidence(b, c, n):
    for bound, side in zip(tango_interval(b, c, n), (1, -1), strict=True):

        def deviance(q, d=bound):
            terms = [(b, q + d), (c, q), (n - b - c, 1 - 2 * q - d)]
            return -sum(count * np.log(p) for count, p in terms if count)

        low, high = max(0.0, -bound) + 1e-12, (1 - bound) / 2 - 1e-12
        q = minimize_scalar(deviance, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
        z = (b - c - n * bound) / np.sqrt(n * (2 * q + bound * (1 - bound)))
        assert z == pytest.approx(side * Z, abs=1e-4)


@pytest.mark.parametrize("n", [1, 6, 50])
def test_closed_form_without_discordant_pairs(n):
    half = Z**2 / (n + Z**2)
    assert tango_interval(0, 0, n) == pytest.approx((-half, half))
    lower, upper = tango_interval(n, 0, n)
    assert upper == 1
    assert lower == pytest.approx((n - Z**2) / (n + Z**2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 15))
def test_interval_holds_its_estimate_and_mirrors(b, c, rest):
    n = b + c + rest + 1
    lower, upper = tango_interval(b, c, n)
    assert -1 <= lower <= (b - c) / n <= upper <= 1
    assert tango_interval(c, b, n) == pytest.approx((-upper, -lower), abs=1e-9)


@pytest.mark.parametrize(("more", "less"), [(0.3, 0.1), (0.5, 0.05), (0.15, 0.15)])
def test_coverage_over_every_possible_table(more, less):
    n, covered = 15, 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            lower, upper = tango_interval(b, c, n)
            if lower <= more - less <= upper:
                covered += multinomial.pmf([b, c, n - b - c], n, [more, less, 1 - more - less])
    assert 0.93 < covered < 0.985


def test_shares_of_conditions():
    events = pd.DataFrame({"a": [0.0] * 10, "b": [1.0] * 4 + [0.0] * 4 + [np.nan] * 2, "c": np.nan})
    table = condition_shares(events).set_index("level")
    assert table.loc["a", "ci_lower"] == 0
    assert table.loc["a", "ci_upper"] == pytest.approx(1 - 0.025**0.1)
    assert table.loc["b", ["n_participants", "n_events", "estimate"]].tolist() == [8, 4, 0.5]
    assert table.loc["b", "ci_lower"] == pytest.approx(1 - table.loc["b", "ci_upper"])
    assert table.loc["b", "ci_lower"] == pytest.approx(0.157013, abs=5e-7)
    assert table.loc["c", "warning"] == "not estimable: no participant has a value"


def test_differences_are_within_participants():
    events = pd.DataFrame({"a": [0, 0, 1, np.nan], "b": [0, 0, 1, 1], "c": [np.nan, np.nan, np.nan, 1]})
    table = share_contrasts(events, [("b", "a"), ("c", "a")])
    assert table["n_participants"].tolist() == [3, 0]
    assert (table["p"][0], table["estimate"][0]) == (1, 0)
    assert table["warning"].tolist() == [
        "no participant differs between the conditions",
        "not estimable: no participant has both conditions",
    ]
    assert np.isnan(table["p"][1])


def test_events_at_the_floor():
    values = pd.DataFrame({"a": [0.0, 0.5, np.nan], "b": [-0.1, 0.51, 3]})
    expected = pd.DataFrame({"a": [1.0, 1.0, np.nan], "b": [1.0, 0.0, 0.0]})
    pd.testing.assert_frame_equal(events_at_floor(values, 0.5), expected)


@pytest.mark.parametrize("function", [condition_shares, lambda e: share_contrasts(e, [("b", "a")])])
def test_what_is_no_event_is_an_error(function):
    events = pd.DataFrame({"a": [0, 1.0], "b": [1.0, 0.4]}, index=["01", "02"])
    with pytest.raises(InputError, match=r"participant 02, condition b: .*0\.4.* is neither 0 nor 1"):
        function(events)
