"""From the discharges of a motor unit to its smoothed discharge rate.

A smoothed rate is defined from the unit's first to its last discharge and nowhere else: outside it
is NaN, never an extrapolation. Discharges are never deleted silently: interspike intervals beyond the
limits are left out of the fit and counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import polynomial

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
        Ascending times in s, without isolated discharges at either end.
    regular : ndarray, shape (regular discharges,)
        Those of `times` that do not follow another within `isi_min`.
    rate_times, rates : ndarray, shape (accepted intervals,)
        Time in s of the later discharge and rate in pps of every accepted interspike interval.
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
    n_isolated: int
    n_isi_short: int
    n_isi_long: int


@dataclass(frozen=True)
class SmoothedRate:
    """The smoothed discharge rate of one motor unit: call it with times.

    Attributes
    ----------
    recruitment, derecruitment : float
        Times of the first and last discharge in s.
    formula : callable
        Rate in pps at times in s, trusted only between recruitment and derecruitment.
    """

    recruitment: float
    derecruitment: float
    formula: Callable[[np.ndarray], np.ndarray]

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

    Discharges at the start or end that more than `isi_max` separates from the rest are isolated: one
    of them would move the recruitment or derecruitment time by seconds. They are left out and counted.
    Between the remaining discharges, intervals beyond the limits are left out of the rates and
    counted; the discharges stay.

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
    """
    times = np.asarray(times, dtype=float)
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
        n_isolated=times.size - active.size,
        n_isi_short=int(short.sum()),
        n_isi_long=int(long.sum()),
    )


def smooth_polynomial(
    times: np.ndarray, order: int = 5, limits: DischargeLimits = USUAL_LIMITS
) -> SmoothedRate:
    """Fit a polynomial in time to the instantaneous discharge rate by least squares.

    Time is centred and scaled to -1…1 between the first and last discharge before the fit; in raw
    seconds high powers of time lose their digits. The first rate belongs to the second discharge, so
    at the first discharge the polynomial is read one interspike interval before its first sample. That
    is allowed, because the unit is active there; anything earlier is NaN.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    order : int
        Of the polynomial; 5 is the habit for paired motor units.
    limits : DischargeLimits
        Interspike intervals that enter the fit, see :func:`clean_train`.

    Returns
    -------
    SmoothedRate
        In pps.

    Raises
    ------
    TooFewDischarges
        Where there are fewer than ``order + 2`` accepted rates.
    """
    train = clean_train(times, limits)
    if train.rates.size < order + 2:
        raise TooFewDischarges(f"too_few_discharges: {train.rates.size} rates of {order + 2}")
    recruitment, derecruitment = train.times[0], train.times[-1]
    centre, half = (recruitment + derecruitment) / 2, (derecruitment - recruitment) / 2
    design = polynomial.polyvander((train.rate_times - centre) / half, order)
    coefficients = np.linalg.lstsq(design, train.rates, rcond=None)[0]

    def formula(times: np.ndarray) -> np.ndarray:
        return polynomial.polyval((times - centre) / half, coefficients)

    return SmoothedRate(float(recruitment), float(derecruitment), formula)


def smooth_hanning(
    times: np.ndarray, width: float = 0.4, limits: DischargeLimits = USUAL_LIMITS
) -> SmoothedRate:
    """Smooth the train of discharges with a Hanning window of unit area.

    ``rate(t) = sum_i (1 + cos(2 pi (t - t_i) / width)) / width`` over the discharges within half a
    width of t. Within half a width of the first and last discharge the window is partly empty and the
    rate too low.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    width : float
        Full width of the window in s; 400 ms is the habit.
    limits : DischargeLimits
        A discharge that follows another within `isi_min` is not counted.

    Returns
    -------
    SmoothedRate
        In pps.

    Raises
    ------
    TooFewDischarges
        Where the train is shorter than the window.
    """
    train = clean_train(times, limits)
    if train.times.size < 2 or train.times[-1] - train.times[0] < width:
        raise TooFewDischarges(f"too_few_discharges: they span less than the window of {width:g} s")

    def formula(times: np.ndarray) -> np.ndarray:
        distance = times[:, None] - train.regular
        weights = np.where(np.abs(distance) <= width / 2, 1 + np.cos(2 * np.pi * distance / width), 0)
        return weights.sum(axis=1) / width

    return SmoothedRate(float(train.times[0]), float(train.times[-1]), formula)


SMOOTHERS: dict[str, Callable[..., SmoothedRate]] = {
    "polynomial": smooth_polynomial,
    "hanning": smooth_hanning,
}


def smooth_units(
    discharges: dict[str, np.ndarray], smoother: str = "polynomial", limits: DischargeLimits = USUAL_LIMITS
) -> dict[str, SmoothedRate | TooFewDischarges]:
    """Smooth the rate of every motor unit; a unit that cannot be smoothed carries the reason instead.

    Parameters
    ----------
    discharges : dict of str to ndarray
        For each motor unit its ascending discharge times in s.
    smoother : str
        A name in :data:`SMOOTHERS`.
    limits : DischargeLimits
        See :func:`clean_train`.

    Raises
    ------
    InputError
        Where the smoother is unknown or discharges do not ascend.
    """
    if smoother not in SMOOTHERS:
        raise InputError(f"smoother {smoother!r}", "it is unknown", f"Choose from {', '.join(SMOOTHERS)}.")
    smoothed: dict[str, SmoothedRate | TooFewDischarges] = {}
    for unit, times in discharges.items():
        try:
            smoothed[unit] = SMOOTHERS[smoother](times, limits=limits)
        except TooFewDischarges as reason:
            smoothed[unit] = reason
        except InputError as error:
            raise InputError(f"motor unit {unit}, {error.where}", error.rule, error.remedy) from error
    return smoothed
