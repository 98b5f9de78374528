"""The discharges of a motor unit, what does not belong to its rate, and what a smoothed rate is.

A smoothed rate is defined from the unit's first discharge (or its first rate) to its last and nowhere
else: outside it is NaN, never an extrapolation. Discharges are never deleted silently: interspike
intervals beyond the limits are left out of the rates and counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pictrial.errors import InputError


class TooFewDischarges(ValueError):
    """The motor unit has too few usable discharges for its rate to be smoothed."""


@dataclass(frozen=True)
class DischargeLimits:
    """Interspike intervals that count as the regular firing of one motor unit.

    Attributes
    ----------
    isi_min, isi_max : float
        Shortest and longest interspike interval in s. A shorter one is a doublet or a false
        detection, a longer one a pause or a missed discharge.
    """

    isi_min: float = 0.02
    isi_max: float = 0.5


USUAL_LIMITS = DischargeLimits()


@dataclass(frozen=True)
class DischargeTrain:
    """The discharges of a motor unit, with what is left out of its rate counted.

    Attributes
    ----------
    times : ndarray, shape (discharges,)
        Ascending times in s, without duplicates and isolated discharges at either end.
    regular : ndarray, shape (regular discharges,)
        Those of `times` that do not follow another within `isi_min`.
    rate_times, rates : ndarray, shape (accepted intervals,)
        Time in s of the later discharge and rate in pps of every accepted interspike interval.
    n_duplicates : int
        Discharges left out because they have the time of the one before.
    n_isolated : int
        Discharges left out at either end because more than `isi_max` separates them from the rest.
    n_isi_short, n_isi_long : int
        Intervals between `times` left out of the rates as shorter than `isi_min` or longer than
        `isi_max`.
    """

    times: np.ndarray
    regular: np.ndarray
    rate_times: np.ndarray
    rates: np.ndarray
    n_duplicates: int
    n_isolated: int
    n_isi_short: int
    n_isi_long: int


@dataclass(frozen=True)
class RateUncertainty:
    """How a smoothed rate depends on the noise of the rates that it was fitted to.

    Attributes
    ----------
    times : ndarray, shape (rates,)
        In s, of the accepted rates.
    residuals : ndarray, shape (rates,)
        Of the accepted rates from the smoothed one, pps.
    noise : ndarray, shape (rates,)
        Their standard deviation by the fit, pps.
    weights : callable
        At times in s, shape (times,), how much the smoothed rate changes with each accepted rate;
        shape (times, rates).
    spread : callable
        At times in s, shape (times,), what gives the covariance of the smoothed rate, in pps²,
        when multiplied with its own transpose; shape (times, directions).
    """

    times: np.ndarray
    residuals: np.ndarray
    noise: np.ndarray
    weights: Callable[[np.ndarray], np.ndarray]
    spread: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SmoothedRate:
    """The smoothed discharge rate of one motor unit: call it with times.

    Attributes
    ----------
    recruitment, derecruitment : float
        Times of the first and last discharge in s; the first one with a rate where the smoother says so.
    formula : callable
        Rate in pps at times in s, trusted only between recruitment and derecruitment.
    uncertainty : RateUncertainty or None
        None where the smoother is not linear in the rates or is no fit.
    """

    recruitment: float
    derecruitment: float
    formula: Callable[[np.ndarray], np.ndarray]
    uncertainty: RateUncertainty | None = None

    def __call__(self, times: np.ndarray) -> np.ndarray:
        """Return the rate in pps at `times` (s, any shape); NaN where the unit is not active."""
        times = np.asarray(times, dtype=float)
        active = (times >= self.recruitment) & (times <= self.derecruitment)
        rate = np.full(times.shape, np.nan)
        rate[active] = self.formula(times[active])
        return rate


def instantaneous_rate(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the instantaneous discharge rate, 1/ISI, at the later discharge of each interval.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.

    Returns
    -------
    times : ndarray, shape (discharges - 1,)
        In s.
    rate : ndarray, shape (discharges - 1,)
        In pps.

    Raises
    ------
    InputError
        Where two discharges share a time or the times do not ascend.

    Examples
    --------
    >>> times, rate = instantaneous_rate(np.array([1.0, 1.1, 1.3]))
    >>> rate.round(3).tolist()
    [10.0, 5.0]
    """
    times = np.asarray(times, dtype=float)
    intervals = np.diff(times)
    if (intervals <= 0).any():
        place = f"discharge {int(np.argmax(intervals <= 0)) + 2} at {times[1:][intervals <= 0][0]:g} s"
        raise InputError(place, "it is not later than the one before", "Sort the times; drop the doubles.")
    return times[1:], 1 / intervals


def clean_train(times: np.ndarray, limits: DischargeLimits = USUAL_LIMITS) -> DischargeTrain:
    """Separate the regular firing of a motor unit from what does not belong to its rate.

    A motor unit cannot discharge twice at a time: duplicates are left out and counted. Discharges at
    the start or end that more than `isi_max` separates from the rest are isolated: one of them would
    move the recruitment or derecruitment time by seconds. They are left out and counted. Between
    the remaining discharges, intervals beyond the limits are left out of the rates and counted; the
    discharges stay.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    limits : DischargeLimits
        What counts as regular.

    Returns
    -------
    DischargeTrain
        With no `times` where no two discharges lie within `isi_max`.

    Raises
    ------
    InputError
        Where the times descend.
    """
    times = np.asarray(times, dtype=float)
    n_discharges = times.size
    times = times[np.diff(times, prepend=-np.inf) != 0]
    connected = np.flatnonzero(np.diff(times) <= limits.isi_max)
    active = times[connected[0] : connected[-1] + 2] if connected.size else times[:0]
    rate_times, rates = instantaneous_rate(active)
    intervals = np.diff(active)
    short, long = intervals < limits.isi_min, intervals > limits.isi_max
    accepted = ~(short | long)
    return DischargeTrain(
        times=active,
        regular=np.delete(active, np.flatnonzero(short) + 1),
        rate_times=rate_times[accepted],
        rates=rates[accepted],
        n_duplicates=n_discharges - times.size,
        n_isolated=times.size - active.size,
        n_isi_short=int(short.sum()),
        n_isi_long=int(long.sum()),
    )


def train_with_rates(times: np.ndarray, limits: DischargeLimits, needed: int) -> DischargeTrain:
    """Return :func:`clean_train` of a unit whose rate can be smoothed.

    Raises
    ------
    TooFewDischarges
        Where there are fewer than `needed` accepted rates.
    """
    train = clean_train(times, limits)
    if train.rates.size < needed:
        raise TooFewDischarges(f"too_few_discharges: {train.rates.size} rates of {needed}")
    return train
