"""From the discharges of a motor unit to its smoothed discharge rate."""

from collections.abc import Callable

import numpy as np
from numpy.polynomial import polynomial

from pictrial.errors import InputError
from pictrial.motor_units.discharge_trains import (
    USUAL_LIMITS,
    DischargeLimits,
    DischargeTrain,
    SmoothedRate,
    TooFewDischarges,
    clean_train,
)

#: Grid on which a support-vector regression is evaluated (s): its kernel is a hundred times wider.
SVR_STEP = 0.02
#: A penalised spline needs so many rates,
SPLINE_RATES = 10
#: ... is fitted in so many steps at most, until its logarithm changes by less than the tolerance,
SPLINE_STEPS, SPLINE_TOLERANCE = 50, 1e-6
#: ... and tries these weights of the penalty.
PENALTIES = np.logspace(-6, 8, 57)


def _train_with_rates(times: np.ndarray, limits: DischargeLimits, needed: int) -> DischargeTrain:
    train = clean_train(times, limits)
    if train.rates.size < needed:
        raise TooFewDischarges(f"too_few_discharges: {train.rates.size} rates of {needed}")
    return train


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
    train = _train_with_rates(times, limits, order + 2)
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

    n_end = end_discharges - 1
    train = _train_with_rates(times, limits, max(2 * n_end, 2))
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


def smooth_spline(
    times: np.ndarray, knot_distance: float = 0.5, limits: DischargeLimits = USUAL_LIMITS
) -> SmoothedRate:
    """Fit the logarithm of the discharge rate by a penalised spline, from the likelihood of the intervals.

    Interspike intervals vary in proportion to their mean, the inverse of the rate: a gamma distribution with
    a logarithmic link. Their mean is fitted in the middle of each interval, where it belongs; 1/ISI at the
    later discharge is half an interval late and, on average, too high. Cubic B-splines with a penalty on
    second differences of their coefficients (Eilers & Marx 1996, Stat Sci 11:89), its weight by restricted
    maximum likelihood in every step of the iteration (Wood 2011, J R Stat Soc B 73:3).

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    knot_distance : float
        s, about; the penalty smooths, so that it matters little.
    limits : DischargeLimits
        Interspike intervals that enter the fit, see :func:`clean_train`.

    Returns
    -------
    SmoothedRate
        In pps.

    Raises
    ------
    TooFewDischarges
        Where there are fewer than :data:`SPLINE_RATES` accepted rates.
    """
    from scipy.interpolate import BSpline

    train = _train_with_rates(times, limits, SPLINE_RATES)
    recruitment, derecruitment = train.times[0], train.times[-1]
    intervals = 1 / train.rates
    middles = train.rate_times - intervals / 2 - recruitment
    n_pieces = max(4, int(np.ceil((derecruitment - recruitment) / knot_distance)))
    knots = (derecruitment - recruitment) / n_pieces * np.arange(-3, n_pieces + 4)
    basis, coefficients, roughness = _smooth_directions(middles, knots)
    logarithm = np.full(intervals.size, np.log(intervals.mean()))
    for _ in range(SPLINE_STEPS):
        # With a logarithmic link the weights of a gamma likelihood are all 1.
        working = logarithm + intervals / np.exp(logarithm) - 1
        weights = _reml_weights(basis.T @ working, float(working @ working), roughness, working.size)
        change = basis @ weights - logarithm
        logarithm = logarithm + change
        if np.abs(change).max() < SPLINE_TOLERANCE:
            break
    spline = BSpline(knots, coefficients @ weights, 3)
    return SmoothedRate(
        float(recruitment), float(derecruitment), lambda times: np.exp(-spline(times - recruitment))
    )


def _smooth_directions(times: np.ndarray, knots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return orthonormal directions of a spline's values, sorted by how rough they are.

    Returns
    -------
    values : ndarray, shape (times, directions)
        Of each direction at `times`; orthonormal.
    coefficients : ndarray, shape (coefficients, directions)
        The B-spline coefficients of each direction.
    roughness : ndarray, shape (directions,)
        Summed squared second differences of the coefficients; 0 for the two smoothest.
    """
    from scipy.interpolate import BSpline
    from scipy.linalg import eigh

    design = BSpline.design_matrix(times, knots, 3).toarray()
    n = design.shape[1]
    differences = np.diff(np.eye(n), 2, axis=0)
    # A pause leaves coefficients without data; the ridge keeps their directions apart from zero.
    gram = design.T @ design + 1e-8 * len(times) / n * np.eye(n)
    roughness, coefficients = eigh(differences.T @ differences, gram)
    roughness[:2] = 0
    return design @ coefficients, coefficients, np.maximum(roughness, 0)


def _reml_weights(projection: np.ndarray, square: float, roughness: np.ndarray, n: int) -> np.ndarray:
    """Return the weight of each direction at the penalty of the highest restricted likelihood.

    Parameters
    ----------
    projection : ndarray, shape (directions,)
        Of the data on the directions.
    square : float
        Sum of squares of the data.
    roughness : ndarray, shape (directions,)
        0 for the directions without penalty.
    n : int
        Number of data.
    """
    kept = 1 / (1 + PENALTIES[:, None] * roughness)
    penalised = roughness > 0
    residual = square - (kept * projection**2).sum(axis=1)
    deviance = (n - 2) * np.log(np.maximum(residual, np.finfo(float).tiny))
    criterion = deviance - np.log(1 - kept[:, penalised]).sum(axis=1)
    return kept[np.argmin(criterion)] * projection


SMOOTHERS: dict[str, Callable[..., SmoothedRate]] = {
    "polynomial": smooth_polynomial,
    "hanning": smooth_hanning,
    "svr": smooth_svr,
    "spline": smooth_spline,
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
