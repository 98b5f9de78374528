"""Graphical procedures: published examples, special cases, and the sequential algorithm itself."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.statistics.gatekeeping import check_graph, fixed_sequence_adjusted_p, graphical_adjusted_p
from pictrial.statistics.multiplicity import adjusted_by_p

FOUR = ("H1", "H2", "H3", "H4")


def graph(names, weights, matrix):
    transitions = {
        a: {b: share for b, share in zip(names, row, strict=True) if share}
        for a, row in zip(names, matrix, strict=True)
    }
    return dict(zip(names, weights, strict=True)), transitions


def test_published_example_of_two_doses_and_two_endpoints():
    """The worked example in the documentation of R's graphicalMCP (shortcut testing)."""
    weights, transitions = graph(
        FOUR, [0.5, 0.5, 0, 0], [[0, 0.5, 0.5, 0], [0.5, 0, 0, 0.5], [0, 1, 0, 0], [1, 0, 0, 0]]
    )
    p = dict(zip(FOUR, [0.018, 0.01, 0.105, 0.006], strict=True))
    adjusted = graphical_adjusted_p(p, weights, transitions)
    assert list(adjusted) == list(FOUR)
    assert list(adjusted.values()) == pytest.approx([0.024, 0.020, 0.105, 0.024], abs=1e-12)


def test_published_example_of_three_endpoints_with_epsilon_edges():
    """The worked example in the documentation of R's graphicalMCP (closed testing)."""
    names, e = [f"H{i}" for i in range(1, 7)], 1e-5
    weights, transitions = graph(
        names,
        [0.5, 0.5, 0, 0, 0, 0],
        [
            [0, 0.5, 0.25, 0, 0.25, 0],
            [0.5, 0, 0, 0.25, 0, 0.25],
            [0, 0, 0, 0, 1, 0],
            [e, 0, 0, 0, 0, 1 - e],
            [0, e, 1 - e, 0, 0, 0],
            [0, 0, 0, 1, 0, 0],
        ],
    )
    p = dict(zip(names, [0.015, 0.013, 0.010, 0.007, 0.1, 0.0124], strict=True))
    adjusted = graphical_adjusted_p(p, weights, transitions)
    assert list(adjusted.values()) == pytest.approx([0.026, 0.026, 0.028, 0.028, 0.1, 0.028], abs=1e-12)


@settings(deadline=None, max_examples=20)  # statsmodels takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_graph_of_equal_shares(p):
    names = [f"H{i}" for i in range(len(p))]
    n = len(p)
    weights = dict.fromkeys(names, 1 / n)
    transitions = {a: {b: 1 / (n - 1) for b in names if b != a} for a in names}
    adjusted = graphical_adjusted_p(dict(zip(names, p, strict=True)), weights, transitions)
    assert list(adjusted.values()) == pytest.approx(adjusted_by_p("holm", np.array(p)).tolist(), abs=1e-9)


@given(st.permutations(FOUR), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_fixed_sequence_is_the_running_maximum(order, p):
    adjusted = fixed_sequence_adjusted_p(dict(zip(order, p, strict=True)), order)
    assert list(adjusted.values()) == pytest.approx(np.maximum.accumulate(p).tolist())


def test_fixed_sequence_returns_the_order_of_p_and_stops_at_what_is_not_estimable():
    p = {"c": 0.001, "a": 0.02, "b": float("nan")}
    adjusted = fixed_sequence_adjusted_p(p, ["a", "b", "c"])
    assert list(adjusted) == ["c", "a", "b"]
    assert adjusted["a"] == 0.02
    assert adjusted["c"] == 1
    assert np.isnan(adjusted["b"])
    assert fixed_sequence_adjusted_p({}, []) == {}


@st.composite
def graphs(draw, n=4):
    """Weights and transitions that may sum to less than 1."""
    units = st.lists(st.integers(0, 4), min_size=n, max_size=n)
    names = FOUR[:n]
    weights = np.array(draw(units)) + np.eye(n)[0]
    matrix = np.array([draw(units) for _ in names]) * (1 - np.eye(n))
    matrix[0, 1:] += 1  # everything can be reached
    lost = np.array([draw(st.integers(0, 2)) for _ in range(n + 1)])
    weights = weights / (weights.sum() + lost[-1])
    totals = np.maximum(matrix.sum(axis=1) + lost[:-1], 1)
    return graph(names, weights.tolist(), (matrix / totals[:, None]).tolist())


def sequential_rejections(p, weights, transitions, alpha):
    """Algorithm 1 of Bretz et al. 2009 as it stands in the paper, with the last name first."""
    left = list(p)
    w = {a: weights.get(a, 0) for a in left}
    g = {(a, b): transitions.get(a, {}).get(b, 0) for a in left for b in left}
    while True:
        rejected = [a for a in reversed(left) if w[a] > 0 and p[a] <= w[a] * alpha]
        if not rejected:
            return set(p) - set(left)
        j = rejected[0]
        left.remove(j)
        w = {a: w[a] + w[j] * g[j, a] for a in left}
        g = {
            (a, b): (g[a, b] + g[a, j] * g[j, b]) / (1 - g[a, j] * g[j, a])
            if a != b and g[a, j] * g[j, a] < 1 - 1e-9
            else 0
            for a in left
            for b in left
        }


small = st.lists(st.floats(0, 0.2), min_size=4, max_size=4)


@given(graphs(), small, st.floats(0.001, 0.5))
def test_rejections_are_those_of_the_sequential_algorithm(drawn, values, alpha):
    weights, transitions = drawn
    p = dict(zip(FOUR, values, strict=True))
    adjusted = graphical_adjusted_p(p, weights, transitions)
    rejected = {name for name, value in adjusted.items() if value <= alpha}
    on_the_edge = {name for name, value in adjusted.items() if abs(value - alpha) < 1e-9}
    if not on_the_edge:
        assert rejected == sequential_rejections(p, weights, transitions, alpha)


@given(graphs(), small, small)
def test_adjusted_p_is_no_smaller_and_monotone(drawn, values, more):
    weights, transitions = drawn
    p = dict(zip(FOUR, values, strict=True))
    larger = dict(zip(FOUR, np.add(values, more).tolist(), strict=True))
    adjusted, then = (graphical_adjusted_p(each, weights, transitions) for each in (p, larger))
    for name in FOUR:
        assert p[name] - 1e-12 <= adjusted[name] <= 1
        assert adjusted[name] <= then[name] + 1e-9


@given(graphs(), small)
def test_it_is_a_closed_test(drawn, values):
    """Each adjusted P is the largest weighted Bonferroni P over all intersections with it."""
    weights, transitions = drawn
    p = dict(zip(FOUR, values, strict=True))
    largest = dict.fromkeys(FOUR, 0.0)
    for size in range(1, 5):
        for subset in combinations(FOUR, size):
            w = weights_of(subset, weights, transitions)
            bonferroni = min([p[a] / w[a] for a in subset if w[a] > 0], default=1.0)
            for name in subset:
                largest[name] = max(largest[name], min(bonferroni, 1.0))
    adjusted = graphical_adjusted_p(p, weights, transitions)
    assert list(adjusted.values()) == pytest.approx([largest[name] for name in FOUR], abs=1e-9)


def weights_of(subset, weights, transitions):
    """Weights of an intersection: where weight that starts anywhere is first caught by `subset`."""
    out = [name for name in FOUR if name not in subset]
    g = np.array([[transitions.get(a, {}).get(b, 0) for b in FOUR] for a in FOUR], float)
    at, into = [FOUR.index(a) for a in out], [FOUR.index(a) for a in subset]
    inside = g[np.ix_(at, at)]
    # Cycles outside that nothing leaves have no inverse; the pseudo-inverse gives them nothing to pass on.
    caught = np.linalg.pinv(np.eye(len(at)) - inside) @ g[np.ix_(at, into)]
    w = np.array([weights.get(a, 0) for a in FOUR])
    return dict(zip(subset, w[into] + w[at] @ caught, strict=True))


def test_p_of_zero_without_weight_waits_for_its_gate():
    adjusted = graphical_adjusted_p({"a": 0.04, "b": 0.0}, {"a": 1}, {"a": {"b": 1}})
    assert adjusted == {"a": 0.04, "b": 0.04}


@pytest.mark.parametrize(
    ("weights", "transitions", "message"),
    [
        ({"a": 0.7, "b": 0.4}, {}, "weights: they sum to 1.1"),
        ({"a": 1.2, "b": -0.2}, {}, "no share"),
        ({"a": float("nan"), "b": 1}, {}, "no share"),
        ({"a": 1}, {"a": {"b": 0.8, "a": 0.4}}, "transitions of a: they sum to 1.2"),
        ({"a": 1}, {"a": {"b": 0.5, "a": 0.5}}, "passes weight to itself"),
        ({"a": 0.5, "c": 0.5}, {"a": {"b": 1}}, "'c': it is not one of"),
        ({"a": 1}, {"a": {"b": 0.5, "d": 0.5}}, "'d': it is not one of"),
        ({"a": 1}, {"a": {"b": 1}, "e": {"a": 1}}, "'e': it is not one of"),
        ({"a": 1}, {"b": {"a": 1}}, "'b': no weight can ever reach it"),
    ],
)
def test_what_is_no_graph(weights, transitions, message):
    with pytest.raises(InputError, match=message):
        check_graph(["a", "b"], weights, transitions)
    with pytest.raises(InputError, match=message):
        graphical_adjusted_p({"a": 0.1, "b": 0.2}, weights, transitions)


def test_wrong_p_and_wrong_order():
    with pytest.raises(InputError, match="no probability"):
        graphical_adjusted_p({"a": 1.5}, {"a": 1}, {})
    for order in (["a"], ["a", "b", "b"], ["a", "c"]):
        with pytest.raises(InputError, match="must name each of"):
            fixed_sequence_adjusted_p({"a": 0.1, "b": 0.2}, order)
