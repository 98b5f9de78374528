"""From the discharges of a motor unit to its smoothed discharge rate.

A smoothed rate is defined from the unit's first discharge (or its first rate) to its last and nowhere
else: outside it is NaN, never an extrapolation. Discharges are never deleted silently: interspike
intervals beyond the limits are left out of the fit and counted.
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
#: Grid on which a support-vector regression is evaluated (s): its kernel is a hundred times wider.
SVR_STEP = 0.02


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
        Times of the first and last discharge in s; the first one with a rate where the smoother says so.
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


def smooth_svr(
    times: np.ndarray,
    gamma: float = 1 / 1.6,
    regularisation: float = 1 / 0.370,
    epsilon_share: float = 1 / 11,
    end_discharges: int = 5,
    end_weight: float = 5.0,
    longest_gap: float = 1.0,
    limits: DischargeLimits = USUAL_LIMITS,
) -> SmoothedRate:
    """Fit the instantaneous discharge rate by support-vector regression with a Gaussian kernel.

    After Beauchamp et al. 2022 (J Neural Eng 19:016001), with the constants in use there. The fit is read
    from the first rate, which belongs to the second discharge, to the last: before its first sample it
    would fall back to its mean. It is evaluated on a grid of :data:`SVR_STEP` and joined by a cubic spline.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    gamma : float
        Of the kernel ``exp(-gamma (t - t')²)``, s⁻².
    regularisation : float
        C of the regression, pps⁻¹.
    epsilon_share : float
        Half width of the tube without loss, as a share of the rates' interquartile range.
    end_discharges : int
        Discharges at either end whose rates weigh more: one rate fewer than discharges.
    end_weight : float
        Their weight, a factor of `regularisation`.
    longest_gap : float
        s; in a longer pause there is no rate.
    limits : DischargeLimits
        Interspike intervals that enter the fit, see :func:`clean_train`.

    Returns
    -------
    SmoothedRate
        In pps; `recruitment` is the time of the first rate.

    Raises
    ------
    TooFewDischarges
        Where there are fewer accepted rates than twice those with `end_weight`.
    """
    from scipy.interpolate import CubicSpline
    from scipy.stats import iqr
    from sklearn.svm import SVR

    train = clean_train(times, limits)
    n_end = end_discharges - 1
    if train.rates.size < max(2 * n_end, 2):
        raise TooFewDischarges(f"too_few_discharges: {train.rates.size} rates of {max(2 * n_end, 2)}")
    weights = np.ones(train.rates.size)
    weights[:n_end] = weights[train.rates.size - n_end :] = end_weight
    first, last = train.rate_times[0], train.rate_times[-1]
    model = SVR(kernel="rbf", gamma=gamma, C=regularisation, epsilon=epsilon_share * iqr(train.rates))
    model.fit((train.rate_times - first)[:, None], train.rates, sample_weight=weights)
    grid = np.linspace(0, last - first, max(4, round((last - first) / SVR_STEP)))
    spline = CubicSpline(grid, model.predict(grid[:, None]))
    before_gap = np.flatnonzero(np.diff(train.times) > longest_gap)

    def formula(times: np.ndarray) -> np.ndarray:
        rate = spline(times - first)
        for start, stop in zip(train.times[before_gap], train.times[before_gap + 1], strict=True):
            rate[(times > start) & (times < stop)] = np.nan
        return rate

    return SmoothedRate(float(first), float(last), formula)


SMOOTHERS: dict[str, Callable[..., SmoothedRate]] = {
    "polynomial": smooth_polynomial,
    "hanning": smooth_hanning,
    "svr": smooth_svr,
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
