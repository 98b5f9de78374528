"""Trains of discharges whose instantaneous rate is exactly a given function of time."""

import numpy as np


def train_at_rate(rate, start, stop):
    """Return discharge times from `start` to `stop` with 1/ISI = rate(time of the later discharge)."""
    times = [start]
    while True:
        interval = 1 / rate(times[-1])
        for _ in range(40):
            interval = 1 / rate(times[-1] + interval)
        if times[-1] + interval > stop:
            return np.array(times)
        times.append(times[-1] + interval)


def arch(peak, curvature, middle):
    """Return the rate ``peak - curvature * (t - middle)**2``: a polynomial, so that the fit is exact."""
    return lambda times: peak - curvature * (np.asarray(times) - middle) ** 2


def noisy_units(seed, n_units):
    """Return units of a ramp with noise, recruited one after the other in shuffled order of names."""
    rng = np.random.default_rng(seed)
    units = {}
    for name in rng.permutation(n_units):
        start, stop = 6 + 6 * rng.random(), 18 + 6 * rng.random()
        intervals = 1 / (8 + 5 * rng.random()) * (1 + 0.15 * rng.standard_normal(400)).clip(0.3)
        times = start + np.cumsum(intervals)
        units[f"unit{name}"] = times[times < stop]
    return units
