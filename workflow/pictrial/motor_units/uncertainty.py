"""Standard errors of ΔF: a control's own noise, and what all controls of a recording share.

The smoothed rate of a control is uncertain because its intervals vary; that averages out over controls. Two
things do not. Synaptic noise common to the motoneurones moves all their rates together: it is seen in
the residuals of the smoothed rates, which are correlated between units that discharge at about the same time.
And all controls follow the same drive, so that what smoothing takes off its bends it takes off all of them.
"""

import numpy as np

from pictrial.motor_units.discharge_trains import RateUncertainty

#: Steps of time in which residuals of different units are compared (s).
STEP = 0.05
#: Shared noise is looked for up to this lag (s); common synaptic noise lies mostly above 1 Hz.
LONGEST_LAG = 0.5


def standard_errors(
    controls: list[RateUncertainty | None], starts: np.ndarray, stops: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard errors of every control's rate at `starts` minus that at `stops`.

    Parameters
    ----------
    controls : list of RateUncertainty or None
        Of the units of one recording; None where it is not known.
    starts, stops : ndarray, shape (tests,)
        Recruitment and derecruitment of the test units in s.
    active : ndarray of bool, shape (controls, tests)
        Whether the control is active at both.

    Returns
    -------
    own, shared : ndarray, shape (controls, tests)
        In pps: from the control's own noise, and from what all controls share; NaN where the control is not
        active or its uncertainty unknown.
    """
    own, shared = np.full((2, *active.shape), np.nan)
    known = [unit for unit in controls if unit is not None]
    if not known:
        return own, shared
    begin, end = min(unit.times[0] for unit in known), max(unit.times[-1] for unit in known)
    covariance = shared_covariance(known, begin, end)
    for row, unit in enumerate(controls):
        tests = np.flatnonzero(active[row])
        if unit is None or not tests.size:
            continue
        first, last = starts[tests], stops[tests]
        weights = unit.weights(first) - unit.weights(last)
        whole = ((unit.spread(first) - unit.spread(last)) ** 2).sum(axis=1)
        noise = weights**2 @ unit.noise**2
        steps = np.zeros((len(covariance), tests.size))
        np.add.at(steps, step_of(unit.times, begin), weights.T)
        common = (steps * (covariance @ steps)).sum(axis=0)
        own[row, tests] = np.sqrt(noise)
        # Products of few residuals may leave a variance below 0, as may rounding.
        shared[row, tests] = np.sqrt(np.maximum(whole - noise, 0) + np.maximum(common, 0))
    return own, shared


def shared_covariance(uncertainties: list[RateUncertainty], start: float, stop: float) -> np.ndarray:
    """Return the covariance over time of the noise that motor units share, from their residuals.

    The mean product of two units' residuals at each lag, over all pairs of units, tapered by Parzen's window,
    whose spectrum is nowhere negative (Priestley 1981, Spectral Analysis and Time Series, section 6.2.3).

    Parameters
    ----------
    uncertainties : list of RateUncertainty
        Of the units of one recording.
    start, stop : float
        Span in s of all their rates.

    Returns
    -------
    ndarray, shape (steps, steps)
        In pps², of steps of :data:`STEP` from `start`; 0 with fewer than two units.
    """
    n_steps = int(step_of(stop, start)) + 1
    sums, counts = np.zeros((2, len(uncertainties), n_steps))
    for row, unit in enumerate(uncertainties):
        steps = step_of(unit.times, start)
        np.add.at(sums[row], steps, unit.residuals)
        np.add.at(counts[row], steps, 1)
    by_lag = np.zeros(n_steps)
    for lag in range(min(round(LONGEST_LAG / STEP), n_steps)):
        pairs = _products_of_others(counts, lag)
        share = lag * STEP / LONGEST_LAG
        taper = 1 - 6 * share**2 + 6 * share**3 if share < 0.5 else 2 * (1 - share) ** 3
        by_lag[lag] = taper * _products_of_others(sums, lag) / max(pairs, 1)
    between = np.abs(np.subtract.outer(np.arange(n_steps), np.arange(n_steps)))
    return by_lag[between]


def step_of(times: np.ndarray | float, start: float) -> np.ndarray:
    """Return the number of the step of :data:`STEP` from `start` in which times (s) lie."""
    return np.floor_divide(np.asarray(times) - start, STEP).astype(int)


def _products_of_others(values: np.ndarray, lag: int) -> float:
    """Return the sum over steps of all products of two different rows, one `lag` steps later."""
    early, late = values[:, : values.shape[1] - lag], values[:, lag:]
    return float((early.sum(axis=0) * late.sum(axis=0)).sum() - (early * late).sum())
