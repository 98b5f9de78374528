"""What is measured of every ordered pair of motor units, before any criterion."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.motor_units.discharge_trains import SmoothedRate, clean_train
from pictrial.motor_units.smoothing import USUAL_RATES, RateSettings, smooth_units
from pictrial.motor_units.uncertainty import standard_errors

#: Points at which rates are compared, evenly from recruitment to derecruitment of the test unit.
GRID = 256


@dataclass(frozen=True)
class MeasuredPairs:
    """All that is measured of the pairs of one recording, before any criterion.

    Attributes
    ----------
    units : tuple of str
        Names, sorted.
    control_rate : ndarray, shape (controls, tests, instants)
        Smoothed rates in pps at :data:`GRID` instants from the test unit's recruitment to its
        derecruitment; NaN where the control is not active.
    table : DataFrame
        One row per ordered pair.
    """

    units: tuple[str, ...]
    control_rate: np.ndarray
    table: pd.DataFrame


def measure_pairs(discharges: dict[str, np.ndarray], rates: RateSettings = USUAL_RATES) -> MeasuredPairs:
    """Measure times, overlap, correlation, modulation and ΔF of every ordered pair.

    Parameters and errors are those of :func:`pictrial.motor_units.delta_f.estimate_delta_f`.
    """
    found = smooth_units(dict(sorted(discharges.items())), rates)
    smoothed = [rate if isinstance(rate, SmoothedRate) else None for rate in found.values()]
    n, units = len(found), tuple(found)
    start = np.array([rate.recruitment if rate else np.nan for rate in smoothed])
    stop = np.array([rate.derecruitment if rate else np.nan for rate in smoothed])
    instants = np.linspace(start, stop, GRID, axis=1)
    control_rate = np.array(
        [rate(instants) if rate else np.full((n, GRID), np.nan) for rate in smoothed]
    ).reshape(n, n, GRID)
    first, last = np.maximum.outer(start, start), np.minimum.outer(stop, stop)
    control, test = (~np.eye(n, dtype=bool)).nonzero()
    names = pd.array(units, dtype="string")
    columns = {
        "control_unit": names[control],
        "test_unit": names[test],
        "control_recruitment": start[control],
        "control_derecruitment": stop[control],
        "test_recruitment": start[test],
        "test_derecruitment": stop[test],
    }
    trains = [clean_train(discharges[unit], rates.limits).times for unit in units]
    matrices = {
        "overlap_duration": np.maximum(last - first, 0),
        "overlap_discharges": _discharges_between(trains, first, last),
        **_compare(control_rate),
        **_delta_f(control_rate),
    }
    ends = np.isfinite(control_rate[:, :, 0]) & np.isfinite(control_rate[:, :, -1])
    uncertainties = [rate.uncertainty if rate else None for rate in smoothed]
    own, shared = standard_errors(uncertainties, start, stop, ends)
    matrices |= {"own_standard_error": own, "shared_standard_error": shared}
    table = pd.DataFrame(columns | {name: matrix[control, test] for name, matrix in matrices.items()})
    return MeasuredPairs(units, control_rate, table)


def _discharges_between(trains: list[np.ndarray], first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return how many discharges of each test unit (columns) lie in the overlap with each control (rows)."""
    counts = np.zeros(first.shape)
    for test, times in enumerate(trains):
        until = np.searchsorted(times, last[:, test], "right")
        counts[:, test] = until - np.searchsorted(times, first[:, test])
    return np.maximum(counts, 0)


def _compare(control_rate: np.ndarray) -> dict[str, np.ndarray]:
    """Return the correlation of control and test unit, and the control's range, while both are active."""
    test_rate = np.broadcast_to(np.einsum("iik->ik", control_rate), control_rate.shape)
    highest = np.nanmax(control_rate, axis=2, initial=-np.inf)
    lowest = np.nanmin(control_rate, axis=2, initial=np.inf)
    return {
        "correlation": _correlation(control_rate, test_rate),
        "modulation": np.where(highest >= lowest, highest - lowest, np.nan),
    }


def _delta_f(control_rate: np.ndarray) -> dict[str, np.ndarray]:
    """Return ΔF, and as a share of the fall in the control's rate from there to its own derecruitment."""
    first, last = control_rate[:, :, 0], control_rate[:, :, -1]
    largest = first - np.diagonal(last)[:, None]
    share = np.divide(first - last, largest, out=np.full(first.shape, np.nan), where=largest > 0)
    return {"delta_f": first - last, "normalised_delta_f": share}


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Pearson's r along the last axis where both are numbers; NaN where it is undefined."""
    both = np.isfinite(a) & np.isfinite(b)
    n = np.maximum(both.sum(axis=-1, keepdims=True), 1)
    a = np.where(both, a, 0)
    b = np.where(both, b, 0)
    a = np.where(both, a - a.sum(axis=-1, keepdims=True) / n, 0)
    b = np.where(both, b - b.sum(axis=-1, keepdims=True) / n, 0)
    scale = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    return np.divide((a * b).sum(axis=-1), scale, out=np.full(scale.shape, np.nan), where=scale > 1e-12)
