import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from motor_unit_trains import arch, noisy_units, train_at_rate
from sklearn.svm import SVR

from pictrial.errors import InputError
from pictrial.motor_units.discharge_trains import (
    DischargeLimits,
    SmoothedRate,
    TooFewDischarges,
    clean_train,
    instantaneous_rate,
)
from pictrial.motor_units.smoothing import (
    SMOOTHERS,
    RateSettings,
    smooth_hanning,
    smooth_polynomial,
    smooth_units,
)
from pictrial.motor_units.spline_rate import smooth_spline
from pictrial.motor_units.support_vector_rate import smooth_svr
from pictrial.seeds import random_generator


def test_the_rate_belongs_to_the_later_discharge():
    times, rate = instantaneous_rate(np.array([1.0, 1.1, 1.3]))
    np.testing.assert_allclose(times, [1.1, 1.3])
    np.testing.assert_allclose(rate, [10, 5])


@pytest.mark.parametrize("times", [[1.0, 1.0, 1.2], [1.0, 1.2, 1.1]])
def test_discharges_that_do_not_ascend_are_refused(times):
    with pytest.raises(InputError, match="not later than the one before"):
        instantaneous_rate(np.array(times))


def test_isolated_discharges_at_the_ends_are_left_out_and_counted():
    times = np.concatenate([[0.0, 1.0], np.arange(2.0, 4.0, 0.1), [6.0]])
    train = clean_train(times)
    assert train.n_isolated == 3
    assert (train.times[0], train.times[-1]) == (2.0, times[-2])


def test_short_and_long_intervals_are_counted_and_their_discharges_stay():
    times = np.array([0.0, 0.1, 0.11, 0.2, 0.9, 1.0])
    train = clean_train(times, DischargeLimits(isi_min=0.02, isi_max=0.5))
    assert (train.n_isolated, train.n_isi_short, train.n_isi_long) == (0, 1, 1)
    np.testing.assert_array_equal(train.times, times)
    np.testing.assert_array_equal(train.regular, [0.0, 0.1, 0.2, 0.9, 1.0])
    np.testing.assert_array_equal(train.rate_times, [0.1, 0.2, 1.0])
    np.testing.assert_allclose(train.rates, [10, 1 / 0.09, 10])


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 3.0, 5.0]])
def test_a_train_without_two_neighbours_is_empty(times):
    train = clean_train(np.array(times))
    assert train.times.size == train.rates.size == 0
    assert train.n_isolated == len(times)


@given(st.integers(0, 10_000))
def test_every_interval_is_accounted_for(seed):
    for times in noisy_units(seed, 2).values():
        train = clean_train(times, DischargeLimits(0.06, 0.13))
        assert train.times.size + train.n_isolated == times.size
        assert train.rates.size + train.n_isi_short + train.n_isi_long == max(train.times.size - 1, 0)


def test_the_polynomial_recovers_a_polynomial_rate():
    rate = arch(peak=14, curvature=0.06, middle=10)
    times = train_at_rate(rate, start=2.0, stop=18.0)
    smoothed = smooth_polynomial(times, interval_share=1.0)
    inside = np.linspace(times[0], times[-1], 100)
    np.testing.assert_allclose(smoothed(inside), rate(inside), atol=1e-8)


def test_the_polynomial_is_accurate_far_from_the_origin_of_time():
    rate = arch(peak=14, curvature=0.06, middle=10)
    times = train_at_rate(rate, start=2.0, stop=18.0)
    far = smooth_polynomial(times + 1e4, interval_share=1.0)
    np.testing.assert_allclose(far(times + 1e4), rate(times), atol=1e-6)


@pytest.mark.parametrize("smoother", SMOOTHERS)
def test_the_rate_exists_from_first_to_last_discharge_and_nowhere_else(smoother):
    times = np.arange(1.0, 4.05, 0.1)
    first = times[1] if smoother == "svr" else times[0]
    smoothed = SMOOTHERS[smoother](times)
    assert np.isfinite(smoothed(np.array([first, 2.0, times[-1]]))).all()
    assert np.isnan(smoothed(np.array([first - 1e-6, times[-1] + 1e-6]))).all()


def test_an_isolated_last_discharge_does_not_extend_the_rate():
    times = np.append(np.arange(1.0, 4.05, 0.1), 9.0)
    assert smooth_polynomial(times).derecruitment == pytest.approx(4.0)


def test_a_false_detection_does_not_bend_the_fit():
    times = np.arange(1.0, 4.05, 0.1)
    smoothed = smooth_polynomial(np.sort(np.append(times, 2.505)))
    # Its two intervals of 5 and 95 ms: the short one is left out, the other is nearly right.
    np.testing.assert_allclose(smoothed(times), 10, atol=0.3)


def test_the_hanning_window_has_unit_area():
    times = np.arange(0.0, 10.05, 0.1)
    smoothed = smooth_hanning(times)
    inside = np.linspace(0.3, 9.7, 500)
    np.testing.assert_allclose(smoothed(inside), 10, atol=1e-9)
    assert smoothed(np.array([0.0]))[0] == pytest.approx(7.5)  # weights 2, 1, 0 over the width


def test_the_hanning_rate_is_the_sum_of_its_windows():
    times = uneven_train(2)
    at = np.linspace(times[0], times[-1], 333)
    distance = at[:, None] - times
    window = np.where(np.abs(distance) <= 0.15, (1 + np.cos(2 * np.pi * distance / 0.3)) / 0.3, 0)
    np.testing.assert_allclose(smooth_hanning(times, width=0.3)(at), window.sum(axis=1), atol=1e-9)


def uneven_train(seed: int) -> np.ndarray:
    intervals = 0.1 * (1 + 0.15 * random_generator(seed, "svr").standard_normal(120))
    return 3 + np.cumsum(intervals)


def test_the_regression_is_that_of_the_library_at_every_instant():
    times = uneven_train(1)
    rates = 1 / np.diff(times)
    weights = np.ones(rates.size)
    weights[:4] = weights[-4:] = 5
    epsilon = np.subtract(*np.quantile(rates, [0.75, 0.25])) / 11
    model = SVR(gamma=1 / 1.6, C=1 / 0.370, epsilon=epsilon)
    model.fit(times[1:, None], rates, sample_weight=weights)
    instants = np.linspace(times[1], times[-1], 777)
    np.testing.assert_allclose(smooth_svr(times)(instants), model.predict(instants[:, None]), atol=0.005)


@given(st.integers(0, 1000))
def test_the_regression_does_not_depend_on_the_start_of_time(seed):
    times = uneven_train(seed)
    far = smooth_svr(times + 1e4)
    assert far.recruitment == pytest.approx(times[1] + 1e4)
    np.testing.assert_allclose(far(times[1:-1] + 1e4), smooth_svr(times)(times[1:-1]), atol=0.005)


def test_the_regression_has_no_rate_in_a_long_pause_and_one_in_a_short_one():
    for pause, there in ((0.9, True), (1.2, False)):
        times = np.concatenate([np.arange(0, 4, 0.1), np.arange(3.9 + pause, 8, 0.1)])
        rate = smooth_svr(times)(np.array([2.0, 3.9, 3.9 + pause / 2, 3.9 + pause, 6.0]))
        assert np.isfinite(rate).tolist() == [True, True, there, True, True]


def test_a_regression_needs_the_rates_of_both_ends():
    with pytest.raises(TooFewDischarges, match="7 rates of 8"):
        smooth_svr(np.arange(8) * 0.1)
    assert smooth_svr(np.arange(9) * 0.1)(np.array([0.5]))[0] == pytest.approx(10, abs=0.01)


def train_that_integrates(rate, start: float, stop: float) -> np.ndarray:
    """Discharges at every whole number of the rate's integral, so that a rate belongs to a whole interval."""
    grid = np.linspace(start, stop, 20001)
    rates = rate(grid)
    integral = np.concatenate([[0], np.cumsum((rates[1:] + rates[:-1]) / 2 * np.diff(grid))])
    return np.interp(np.arange(int(integral[-1]) + 1), integral, grid)


def test_the_spline_recovers_a_rate_that_is_no_polynomial():
    def rate(t):
        return 9 + 3 * np.sin(t / 2) + 2 * np.tanh(t - 10)

    times = train_that_integrates(rate, start=2.0, stop=18.0)
    inside = np.linspace(times[0], times[-1], 200)
    np.testing.assert_allclose(smooth_spline(times)(inside), rate(inside), atol=0.05)


def test_the_spline_is_not_misled_by_variable_intervals_as_their_inverse_is():
    intervals = random_generator(1, "gamma").gamma(25, 0.1 / 25, 4000)
    times = np.cumsum(intervals)
    inside = np.linspace(times[0], times[-1], 500)
    assert smooth_spline(times)(inside).mean() == pytest.approx(10, rel=0.01)
    assert instantaneous_rate(times)[1].mean() > 10.3


def test_spline_and_polynomial_are_not_half_an_interval_late():
    rising = train_that_integrates(lambda t: 5 + 0.5 * t, start=0.0, stop=20.0)
    middle = rising[20:-20]
    late = smooth_polynomial(rising, order=1, interval_share=1.0)(middle) - (5 + 0.5 * middle)
    assert late.mean() < -0.02
    np.testing.assert_allclose(smooth_polynomial(rising, order=1)(middle), 5 + 0.5 * middle, atol=0.005)
    np.testing.assert_allclose(smooth_spline(rising)(middle), 5 + 0.5 * middle, atol=0.005)


@given(st.integers(0, 1000))
def test_the_spline_does_not_depend_on_the_start_of_time(seed):
    times = uneven_train(seed)
    np.testing.assert_allclose(
        smooth_spline(times + 1e4)(times + 1e4), smooth_spline(times)(times), atol=1e-4
    )


def test_the_distance_of_the_knots_matters_little():
    trains = [uneven_train(seed) for seed in range(20)]
    changes = [smooth_spline(t, knot_distance=0.35)(t) - smooth_spline(t)(t) for t in trains]
    assert np.median([np.abs(change).max() for change in changes]) < 0.1


def test_a_spline_needs_ten_rates():
    with pytest.raises(TooFewDischarges, match="9 rates of 10"):
        smooth_spline(np.arange(10) * 0.1)
    np.testing.assert_allclose(smooth_spline(np.arange(11) * 0.1)(np.array([0.0, 0.55, 1.0])), 10, rtol=1e-6)


@pytest.mark.parametrize("n_rates", [6, 7])
def test_a_polynomial_needs_its_order_and_two_more_rates(n_rates):
    times = np.arange(n_rates + 1) * 0.1
    if n_rates == 7:
        assert smooth_polynomial(times, order=5).derecruitment == pytest.approx(0.7)
    else:
        with pytest.raises(TooFewDischarges, match="6 rates of 7"):
            smooth_polynomial(times, order=5)


def test_units_that_cannot_be_smoothed_carry_the_reason():
    smoothed = smooth_units({"good": np.arange(0, 2, 0.1), "short": np.array([1.0, 1.1])})
    assert isinstance(smoothed["good"], SmoothedRate)
    assert str(smoothed["short"]) == "too_few_discharges: 1 rates of 10"


def test_errors_name_the_motor_unit_and_the_smoothers():
    with pytest.raises(InputError, match=r"motor unit b, discharge 2 at 0.9 s"):
        smooth_units({"a": np.arange(0, 2, 0.1), "b": np.array([1.0, 0.9])})
    with pytest.raises(InputError, match="Choose from polynomial, hanning"):
        RateSettings("splines")
    with pytest.raises(InputError, match=r"no constant 'degree'. Choose from order, interval_share"):
        RateSettings("polynomial", {"polynomial": {"degree": 4}})


def test_configured_constants_reach_the_smoother():
    times = uneven_train(1)
    settings = {
        "smoother": "polynomial",
        "smoothers": {"polynomial": {"order": 2}},
        "limits": {"isi_max": 0.12},
    }
    configured = RateSettings.configured(settings)
    expected = smooth_polynomial(times, order=2, limits=DischargeLimits(isi_max=0.12))
    np.testing.assert_array_equal(configured.smooth(times)(times), expected(times))
    assert not np.allclose(RateSettings("polynomial").smooth(times)(times[5:-5]), expected(times[5:-5]))
