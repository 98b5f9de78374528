import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from motor_unit_trains import noisy_units

from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.motor_units.discharge_trains import RateUncertainty, instantaneous_rate
from pictrial.motor_units.smoothing import RateSettings, smooth_polynomial
from pictrial.motor_units.spline_rate import smooth_spline
from pictrial.motor_units.uncertainty import STEP, shared_covariance, standard_errors, step_of
from pictrial.seeds import random_generator
from pictrial.simulation.motoneurones import draw_contraction

TRAIN = noisy_units(3, 1)["unit0"]
INSTANTS = np.array([TRAIN[4], TRAIN[30], TRAIN[-5]])


def uncertainty_of(times, residuals):
    nothing = np.zeros((1, times.size))
    return RateUncertainty(times, residuals, np.ones(times.size), lambda at: nothing, lambda at: nothing)


def test_weights_give_the_rate_back():
    polynomial, spline = smooth_polynomial(TRAIN), smooth_spline(TRAIN)
    _, rates = instantaneous_rate(TRAIN)
    np.testing.assert_allclose(
        polynomial.uncertainty.weights(INSTANTS) @ rates, polynomial(INSTANTS), atol=1e-9
    )
    # A spline of the logarithm keeps a constant, so its weights give back what it was fitted to be.
    fitted = spline(spline.uncertainty.times)
    np.testing.assert_allclose(spline.uncertainty.weights(INSTANTS) @ fitted, spline(INSTANTS), rtol=1e-6)


def test_weights_of_the_spline_are_its_derivative():
    intervals = np.diff(TRAIN)
    spline = smooth_spline(TRAIN)
    longer = intervals.copy()
    longer[30] *= 1.001
    # Two intervals change, so that no later discharge moves.
    longer[31] -= longer[30] - intervals[30]
    moved = smooth_spline(TRAIN[0] + np.concatenate([[0], np.cumsum(longer)]))
    fitted = spline(spline.uncertainty.times)
    change = -(longer - intervals) * fitted**2
    at = np.array([TRAIN[31]])
    np.testing.assert_allclose(moved(at) - spline(at), spline.uncertainty.weights(at) @ change, rtol=0.3)


def test_the_error_of_a_polynomial_is_that_of_least_squares():
    times, rates = instantaneous_rate(TRAIN)
    centre, half = (TRAIN[0] + TRAIN[-1]) / 2, (TRAIN[-1] - TRAIN[0]) / 2
    powers = lambda at: np.vander((at - centre) / half, 6)  # noqa: E731 (a line reads best where it is used)
    fit = sm.OLS(rates, powers(times - 0.5 / rates)).fit()
    contrast = powers(INSTANTS[:1]) - powers(INSTANTS[2:])
    own, shared = standard_errors(
        [smooth_polynomial(TRAIN).uncertainty], INSTANTS[:1], INSTANTS[2:], np.array([[True]])
    )
    assert own[0, 0] == pytest.approx(np.sqrt((contrast @ fit.cov_params() @ contrast.T)[0, 0]), rel=1e-9)
    # A polynomial smooths nothing away, and one unit shares nothing.
    assert shared[0, 0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("variance", [0.0, 0.25])
def test_shared_noise_is_found_and_own_noise_is_not(variance):
    random = random_generator(1, "shared noise")
    grid = np.arange(0, 40, STEP)
    common = random.standard_normal(grid.size)
    common *= np.sqrt(variance / np.mean(common**2))
    units = []
    for _ in range(12):
        times = np.sort(random.uniform(0, 39.99, 350))
        residuals = common[step_of(times, 0.0)] + random.standard_normal(350)
        units.append(uncertainty_of(times, residuals))
    covariance = shared_covariance(units, 0.0, 39.99)
    assert covariance.shape == (800, 800)
    np.testing.assert_allclose(covariance, covariance.T)
    assert covariance[0, 0] == pytest.approx(variance, abs=0.04)
    assert abs(covariance[0, 1:]).max() < 0.04
    assert not shared_covariance(units[:1], 0.0, 39.99).any()


def test_no_errors_where_the_smoother_gives_none():
    pairs = estimate_delta_f(noisy_units(1, 4), rates=RateSettings("hanning"))
    assert pairs["delta_f"].notna().any()
    assert pairs[["own_standard_error", "shared_standard_error"]].isna().all(axis=None)


def units_with_truth(number):
    """Return ΔF of the units of a simulated contraction, with the truth of the same pairs."""
    random = random_generator(11, "coverage", number)
    contraction = draw_contraction(random)
    true = contraction.units.set_index("unit_id")
    found = dict(list(contraction.discharges.items())[::2])
    pairs = estimate_delta_f(found).query("passed")
    pairs = pairs.assign(
        true=true["gain"][pairs["control_unit"]].to_numpy()
        * true["hysteresis"][pairs["test_unit"]].to_numpy()
    )
    units = unit_delta_f(pairs).set_index("unit_id")
    own = unit_delta_f(pairs.assign(shared_standard_error=0.0)).set_index("unit_id")["standard_error"]
    return units.assign(true=pairs.groupby("test_unit")["true"].mean(), own=own)


def test_intervals_of_units_hold_the_truth():
    units = pd.concat([units_with_truth(number) for number in range(50)])
    error = (units["delta_f"] - units["true"]).abs()
    assert len(units) > 300
    assert 0.93 <= (error <= 1.96 * units["standard_error"]).mean() <= 0.985
    # What the controls share does not average out: without it the intervals are too short.
    assert (error <= 1.96 * units["own"]).mean() < 0.93
