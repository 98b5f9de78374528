"""Smoothed discharge rates by a penalised spline, with their uncertainty."""

import numpy as np

from pictrial.motor_units.discharge_trains import (
    USUAL_LIMITS,
    DischargeLimits,
    RateUncertainty,
    SmoothedRate,
    train_with_rates,
)

#: A spline needs so many rates,
LEAST_RATES = 10
#: ... is fitted in so many steps at most, until its logarithm changes by less than the tolerance,
STEPS, TOLERANCE = 50, 1e-6
#: ... and tries these weights of the penalty.
PENALTIES = np.logspace(-6, 8, 57)


def smooth_spline(
    times: np.ndarray, knot_distance: float = 0.5, limits: DischargeLimits = USUAL_LIMITS
) -> SmoothedRate:
    """Fit the logarithm of the discharge rate by a penalised spline, from the likelihood of the intervals.

    Interspike intervals vary in proportion to their mean, the inverse of the rate: a gamma distribution with
    a logarithmic link. Their mean is fitted in the middle of each interval, where it belongs; 1/ISI at the
    later discharge is half an interval late and, on average, too high. Cubic B-splines with a penalty on
    second differences of their coefficients (Eilers & Marx 1996, Stat Sci 11:89), its weight by restricted
    maximum likelihood in every step of the iteration (Wood 2011, J R Stat Soc B 73:3). The covariance is the
    posterior one, which counts what the penalty smooths away (Wahba 1983, J R Stat Soc B 45:133).

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
        Where there are fewer than :data:`LEAST_RATES` accepted rates.
    """
    from scipy.interpolate import BSpline

    train = train_with_rates(times, limits, LEAST_RATES)
    recruitment, derecruitment = train.times[0], train.times[-1]
    intervals = 1 / train.rates
    middles = train.rate_times - intervals / 2 - recruitment
    n_pieces = max(4, int(np.ceil((derecruitment - recruitment) / knot_distance)))
    knots = (derecruitment - recruitment) / n_pieces * np.arange(-3, n_pieces + 4)
    basis, coefficients, roughness = _smooth_directions(middles, knots)
    logarithm = np.full(intervals.size, np.log(intervals.mean()))
    for _ in range(STEPS):
        # With a logarithmic link the weights of a gamma likelihood are all 1.
        working = logarithm + intervals / np.exp(logarithm) - 1
        kept, dispersion = _reml(basis.T @ working, float(working @ working), roughness, working.size)
        change = basis @ (kept * (basis.T @ working)) - logarithm
        logarithm = logarithm + change
        if np.abs(change).max() < TOLERANCE:
            break
    fitted = np.exp(-logarithm)
    curves = BSpline(knots, np.column_stack([coefficients @ (kept * (basis.T @ working)), coefficients]), 3)

    def rate(times: np.ndarray) -> np.ndarray:
        return np.exp(-curves(times - recruitment)[:, 0])

    def directions(times: np.ndarray) -> np.ndarray:
        values = curves(times - recruitment)
        return np.exp(-values[:, :1]) * values[:, 1:]

    uncertainty = RateUncertainty(
        times=middles + recruitment,
        residuals=fitted * (1 - intervals * fitted),
        noise=fitted * np.sqrt(dispersion),
        weights=lambda times: directions(times) @ (basis * kept).T / fitted,
        spread=lambda times: directions(times) * np.sqrt(kept * dispersion),
    )
    return SmoothedRate(float(recruitment), float(derecruitment), rate, uncertainty)


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


def _reml(projection: np.ndarray, square: float, roughness: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """Return what the penalty of the highest restricted likelihood keeps of each direction.

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

    Returns
    -------
    kept : ndarray, shape (directions,)
        Shares between 0 and 1.
    dispersion : float
        Variance of the data about the curve.
    """
    kept = 1 / (1 + PENALTIES[:, None] * roughness)
    penalised = roughness > 0
    residual = np.maximum(square - (kept * projection**2).sum(axis=1), np.finfo(float).tiny)
    criterion = (n - 2) * np.log(residual) - np.log(1 - kept[:, penalised]).sum(axis=1)
    best = np.argmin(criterion)
    return kept[best], float(residual[best] / (n - 2))
