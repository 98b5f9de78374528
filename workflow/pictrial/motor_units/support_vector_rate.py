"""Smoothed discharge rates by support-vector regression."""

import numpy as np

from pictrial.motor_units.discharge_trains import (
    USUAL_LIMITS,
    DischargeLimits,
    SmoothedRate,
    train_with_rates,
)

#: Grid on which the regression is evaluated (s): with a kernel of 0.9 s the spline is within 1e-5 pps of it.
SVR_STEP = 0.05


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
    would fall back to its mean. It is solved to libsvm's usual tolerance, as elsewhere, evaluated on a grid
    of :data:`SVR_STEP` and joined by a cubic spline.

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
    from sklearn.svm import SVR

    n_end = end_discharges - 1
    train = train_with_rates(times, limits, max(2 * n_end, 2))
    weights = np.ones(train.rates.size)
    weights[:n_end] = weights[train.rates.size - n_end :] = end_weight
    first, last = train.rate_times[0], train.rate_times[-1]
    samples = train.rate_times - first
    epsilon = epsilon_share * np.subtract(*np.quantile(train.rates, [0.75, 0.25]))
    model = SVR(kernel="rbf", gamma=gamma, C=regularisation, epsilon=epsilon)
    model.fit(samples[:, None], train.rates, sample_weight=weights)
    grid = np.linspace(0, last - first, max(4, round((last - first) / SVR_STEP) + 1))
    # What model.predict gives; that evaluates one instant after the other.
    kernel = np.exp(-gamma * np.subtract.outer(grid, samples[model.support_]) ** 2)
    spline = CubicSpline(grid, kernel @ model.dual_coef_[0] + model.intercept_[0])
    before_gap = np.flatnonzero(np.diff(train.times) > longest_gap)

    def formula(times: np.ndarray) -> np.ndarray:
        rate = spline(times - first)
        for start, stop in zip(train.times[before_gap], train.times[before_gap + 1], strict=True):
            rate[(times > start) & (times < stop)] = np.nan
        return rate

    return SmoothedRate(float(first), float(last), formula)
