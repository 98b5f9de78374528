"""Irregular discharges: pauses, doublets at recruitment, late isolated ones; none in the sample trial."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEWEST_DISCHARGES = 20  # of a train that may become irregular
COLUMNS = ["unit_id", "kind", "start", "stop"]


@dataclass(frozen=True)
class IrregularitySettings:
    """Share of the motor units with each irregularity, and its range; times in s.

    A unit has at most one. A pause takes out discharges in the middle half of a train, a doublet adds
    one soon after the first, a late discharge one after the last.
    """

    pause_share: float = 0.0
    doublet_share: float = 0.0
    late_share: float = 0.0
    pause: tuple[float, float] = (0.6, 1.5)
    doublet: tuple[float, float] = (0.005, 0.02)
    late: tuple[float, float] = (0.6, 1.5)


def add_irregularities(
    discharges: dict[str, np.ndarray],
    settings: IrregularitySettings,
    end: float,
    random: np.random.Generator,
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Make some trains irregular.

    Parameters
    ----------
    discharges : dict of str to ndarray
        Ascending discharge times in s by motor unit.
    settings : IrregularitySettings
        Shares and ranges.
    end : float
        End of the recording in s. A late discharge that would not fall before it is left out, and so is
        a pause for which a train is too short.
    random : Generator
        Source of random numbers.

    Returns
    -------
    discharges : dict of str to ndarray
        The same units with their new trains.
    irregularities : DataFrame
        One row per irregularity: unit_id, kind (pause, doublet, late), start and stop (s): the
        discharges before and after the pause, those of the doublet, the last regular and the late one.
    """
    candidates = [unit for unit, train in discharges.items() if train.size >= FEWEST_DISCHARGES]
    order = iter(random.permutation(np.array(candidates, dtype=object)))
    changed, rows = dict(discharges), []
    for kind in ("pause", "doublet", "late"):
        for _ in range(round(getattr(settings, f"{kind}_share") * len(candidates))):
            unit = next(order)
            train, (start, stop) = _CHANGES[kind](
                discharges[unit], random.uniform(*getattr(settings, kind)), random
            )
            if stop < end and stop - start >= getattr(settings, kind)[0]:
                changed[unit] = train
                rows.append((unit, kind, start, stop))
    return changed, irregularity_table(rows)


def irregularity_table(rows: Iterable[tuple[str, str, float, float]] = ()) -> pd.DataFrame:
    """Return the table of irregularities of `rows`."""
    types = {"unit_id": str, "kind": str, "start": float, "stop": float}
    return pd.DataFrame(rows, columns=COLUMNS).astype(types)


def _pause(train: np.ndarray, duration: float, random: np.random.Generator) -> tuple[np.ndarray, tuple]:
    first = train.size // 4 + int(random.integers(train.size // 2))
    last = min(int(np.searchsorted(train, train[first] + duration)), train.size - 1)
    return np.delete(train, np.arange(first + 1, last)), (train[first], train[last])


def _doublet(train: np.ndarray, interval: float, random: np.random.Generator) -> tuple[np.ndarray, tuple]:
    return np.insert(train, 1, train[0] + interval), (train[0], train[0] + interval)


def _late(train: np.ndarray, gap: float, random: np.random.Generator) -> tuple[np.ndarray, tuple]:
    return np.append(train, train[-1] + gap), (train[-1], train[-1] + gap)


_CHANGES = {"pause": _pause, "doublet": _doublet, "late": _late}
