"""P adjusted by a graph that says where the significance level of a rejected hypothesis goes."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from pictrial.errors import InputError

#: By how much sums of weights may exceed 1: the rounding of 1/3 + 1/3 + 1/3.
_ROUNDING = 1e-9
Transitions = Mapping[str, Mapping[str, float]]


def graphical_adjusted_p(
    p: Mapping[str, float], weights: Mapping[str, float], transitions: Transitions
) -> dict[str, float]:
    """Adjust P by the sequentially rejective graphical procedure.

    A hypothesis is tested at its weight times alpha; when it is rejected, its weight goes to others by the
    shares in its row of `transitions`, and the graph closes over the gap. The familywise error rate is
    kept in the strong sense, whatever the dependence between the P. Bretz, Maurer, Brannath & Posch
    (2009), Stat Med 28:586: the updating algorithm and its adjusted P.

    Parameters
    ----------
    p : mapping of str to float
        P of every hypothesis. NaN (not estimable) cannot be rejected: it stays NaN and keeps its weight.
    weights : mapping of str to float
        Share of alpha at the start; zero for a name left out.
    transitions : mapping of str to mapping of str to float
        From a hypothesis to the shares of its weight that others receive once it is rejected; zero for
        names left out.

    Returns
    -------
    dict
        Adjusted P in the order of `p`: a hypothesis is rejected at any alpha that is not below it.

    Raises
    ------
    InputError
        As `check_graph`, or where a P does not lie between 0 and 1.
    """
    names = list(p)
    check_graph(names, weights, transitions)
    values = np.array([p[name] for name in names], float)
    for name, value in zip(names, values, strict=True):
        if value < 0 or value > 1:
            raise InputError(f"P of {name!r}", f"{value} is no probability", "Give a number from 0 to 1.")
    share = np.array([weights.get(name, 0.0) for name in names], float)
    moves = np.array([[transitions.get(a, {}).get(b, 0.0) for b in names] for a in names], float)
    adjusted, largest = np.ones(len(names)), 0.0
    waiting = ~np.isnan(values)
    while waiting.any():
        ratios = np.full(len(names), np.inf)
        np.divide(values, share, out=ratios, where=waiting & (share > 0))
        first = int(np.argmin(ratios))
        largest = max(largest, ratios[first])
        if largest >= 1:
            break
        adjusted[first] = largest
        waiting[first] = False
        share, moves = _without(first, share, moves)
    adjusted[np.isnan(values)] = np.nan
    return dict(zip(names, adjusted.tolist(), strict=True))


def fixed_sequence_adjusted_p(p: Mapping[str, float], order: Sequence[str]) -> dict[str, float]:
    """Adjust P of hypotheses that are tested one after the other, each at the full level.

    The first that is not rejected ends the sequence: the adjusted P is the largest so far (Maurer, Hothorn
    & Lehmacher 1995). It is the graph with all weight on the first and one arrow from each to the next.

    Parameters
    ----------
    p : mapping of str to float
        As `graphical_adjusted_p`; what follows a NaN cannot be rejected and has 1.
    order : sequence of str
        Every name of `p` once.

    Returns
    -------
    dict
        Adjusted P in the order of `p`.

    Raises
    ------
    InputError
        Where `order` is not the names of `p`.
    """
    if sorted(order) != sorted(p):
        raise InputError(
            f"fixed sequence {list(order)}",
            f"it must name each of {list(p)} once",
            "List every contrast of the family in the order of testing.",
        )
    following = {name: {after: 1.0} for name, after in pairwise(order)}
    return graphical_adjusted_p(p, {name: 1.0 for name in order[:1]}, following)


def check_graph(names: Sequence[str], weights: Mapping[str, float], transitions: Transitions) -> None:
    """Raise an InputError where weights and transitions are no graph over the hypotheses `names`.

    Weights and shares lie between 0 and 1, sum to no more than 1, and name hypotheses; none passes weight to
    itself; each has weight or can receive some.
    """
    rows = {"weights": weights, **{f"transitions of {name}": row for name, row in transitions.items()}}
    for where, row in rows.items():
        for name, value in row.items():
            if not 0 <= value <= 1:
                raise InputError(f"{where}, {name!r}", f"{value} is no share", "Give a number from 0 to 1.")
        total = sum(row.values())
        if total > 1 + _ROUNDING:
            raise InputError(where, f"they sum to {total:g}", "They must not sum to more than 1.")
    for name in (*transitions, *(name for row in rows.values() for name in row)):
        if name not in names:
            raise InputError(
                f"graph, {name!r}", f"it is not one of {list(names)}", "Name a contrast of the family."
            )
    for name, row in transitions.items():
        if row.get(name, 0) > 0:
            raise InputError(f"transitions of {name}", "it passes weight to itself", "Leave that out.")
    reached = {name for name in names if weights.get(name, 0) > 0}
    for _ in names:
        reached |= {to for name in reached for to, share in transitions.get(name, {}).items() if share > 0}
    if reached < set(names):
        never = next(name for name in names if name not in reached)
        raise InputError(
            f"graph, {never!r}", "no weight can ever reach it", "Give it a weight, or an arrow from another."
        )


def _without(gone: int, share: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and transitions when hypothesis `gone` is rejected (Bretz et al. 2009, algorithm 1)."""
    share = share + share[gone] * moves[gone]
    through = moves[:, gone]
    back = through * moves[gone]
    closed = np.zeros_like(moves)
    # Where all that a hypothesis passes on would come back to it, it keeps its weight.
    np.divide(
        moves + np.outer(through, moves[gone]),
        (1 - back)[:, None],
        out=closed,
        where=np.broadcast_to((back < 1 - _ROUNDING)[:, None], moves.shape),
    )
    np.fill_diagonal(closed, 0)
    share[gone] = 0
    closed[gone] = closed[:, gone] = 0
    return share, closed
