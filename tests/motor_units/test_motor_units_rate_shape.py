import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.motor_units.discharge_trains import SmoothedRate
from pictrial.motor_units.rate_shape import describe_shape
from pictrial.motor_units.smoothing import SMOOTHERS
from pictrial.seeds import random_generator
from pictrial.simulation.motoneurones import draw_discharges

RATE = 1000.0
TORQUE = np.interp(np.arange(20_000) / RATE, [0, 10, 20], [0, 20, 0])
START, PEAK, STOP = 4.0, 9.5, 17.0  # s; 8 % MVC at recruitment, 19 at the peak rate, 20 at 10 s
LOWEST, RISE = 6.0, 8.0  # pps


def bend(u_bend, v_bend):
    return lambda u: np.interp(u, [0, u_bend, 1], [0, v_bend, 1])


def saturating(k):
    return lambda u: -np.expm1(-k * u) / -np.expm1(-k)


def brace_of_saturating(k):
    u = np.log(k / -np.expm1(-k)) / k
    return 100 * (saturating(k)(u) - u)


def power(p):
    return lambda u: np.maximum(u, 0) ** p


def rate_of_shape(shape):
    """Return a rate that goes up by `shape`, against torque scaled to 0–1, and down linearly."""

    def formula(times):
        up = np.clip((times - START) / (PEAK - START), 0, 1)
        down = np.clip((times - PEAK) / (STOP - PEAK), 0, 1)
        return LOWEST + RISE * (shape(up) - 0.9 * down)

    return formula


def exact(formula, start=START, stop=STOP):
    return SmoothedRate(start, stop, formula)


def describe(shape):
    return describe_shape(exact(rate_of_shape(shape)), TORQUE, RATE)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (bend(0.25, 0.75), 50.0),
        (bend(0.07, 0.93), 86.0),
        (bend(0.6, 0.65), 5.0),
        (saturating(1.0), brace_of_saturating(1.0)),
        (saturating(12.0), brace_of_saturating(12.0)),
        (power(0.5), 25.0),
        (lambda u: u + 0.3 * np.sin(np.pi * u), 30.0),
    ],
)
def test_brace_height_of_noiseless_rates(shape, expected):
    measured = describe(shape)
    assert measured.brace_height == pytest.approx(expected, abs=0.1)
    assert measured.shape_excluded is None
    assert measured.peak_rate == pytest.approx(LOWEST + RISE, abs=0.1)


def test_slopes_and_angle_of_a_bend():
    measured = describe(bend(0.25, 0.75))
    assert measured.acceleration_slope == pytest.approx(0.75 * 8 / (0.25 * 11), rel=2e-3)
    assert measured.attenuation_slope == pytest.approx(0.25 * 8 / (0.75 * 11), rel=2e-3)
    assert measured.brace_angle == pytest.approx(180 - 2 * np.degrees(np.arctan(3)) + 90, abs=0.1)
    assert measured.peak_rate_time == pytest.approx(PEAK, abs=0.002)


def test_brace_height_is_the_distance_from_the_hypotenuse_over_that_of_the_right_angle():
    shape = saturating(5.0)
    u = np.linspace(0, 1, 20_001)
    points = np.column_stack([8 + 11 * u, LOWEST + RISE * shape(u)])
    hypotenuse = np.array([11, RISE]) / np.hypot(11, RISE)
    normal = np.array([-hypotenuse[1], hypotenuse[0]])
    distances = (points - points[0]) @ normal
    right_angle = np.array([0, RISE]) @ normal
    assert describe(shape).brace_height == pytest.approx(100 * distances.max() / right_angle, abs=0.1)


@given(
    rate_scale=st.floats(0.2, 5),
    rate_shift=st.floats(-5, 20),
    torque_scale=st.floats(0.2, 5),
    torque_shift=st.floats(-20, 20),
    k=st.floats(0.5, 20),
)
def test_units_do_not_matter_to_brace_height_and_angle(rate_scale, rate_shift, torque_scale, torque_shift, k):
    formula = rate_of_shape(saturating(k))
    plain = describe_shape(exact(formula), TORQUE, RATE)
    scaled = describe_shape(
        exact(lambda times: rate_scale * formula(times) + rate_shift),
        torque_scale * TORQUE + torque_shift,
        RATE,
    )
    assert scaled.brace_height == pytest.approx(plain.brace_height, abs=1e-6)
    assert scaled.brace_angle == pytest.approx(plain.brace_angle, abs=0.2)
    ratio = rate_scale / torque_scale
    assert scaled.acceleration_slope == pytest.approx(ratio * plain.acceleration_slope, rel=0.01)
    assert scaled.attenuation_slope == pytest.approx(ratio * plain.attenuation_slope, rel=0.01)


def test_the_start_time_does_not_matter():
    formula = rate_of_shape(bend(0.2, 0.6))
    sampling_rate, late = 10.0, 10_000.0
    plain = describe_shape(exact(formula), TORQUE[::100], sampling_rate)
    shifted = describe_shape(
        exact(lambda times: formula(times - late), START + late, STOP + late),
        np.concatenate([np.zeros(int(late * sampling_rate)), TORQUE[::100]]),
        sampling_rate,
    )
    assert shifted.peak_rate_time == pytest.approx(plain.peak_rate_time + late)
    for name in ("brace_height", "acceleration_slope", "attenuation_slope", "brace_angle"):
        assert getattr(shifted, name) == pytest.approx(getattr(plain, name), rel=1e-6)
    assert shifted.shape_excluded is None


def dip(rate_at_dip, torque_at_dip):
    """Return shape measures where the torque dips from 8 % MVC after recruitment."""
    torque = np.interp(np.arange(20_000) / RATE, [0, 4, 5, 9, 10, 20], [0, 8, torque_at_dip, 20, 21, 0])
    return describe_shape(
        exact(lambda times: np.interp(times, [4, 5, 9, 17], [6, rate_at_dip, 14, 6])), torque, RATE
    )


def test_brace_height_above_200_is_excluded_with_its_value():
    measured = dip(rate_at_dip=5.0, torque_at_dip=-20.0)
    assert measured.brace_height == pytest.approx(100 * (-1 / 8 + 28 / 12), abs=0.1)
    assert measured.shape_excluded == "brace_height_above_200"


def test_negative_acceleration_is_excluded_with_its_value():
    measured = dip(rate_at_dip=7.0, torque_at_dip=4.0)
    assert measured.acceleration_slope == pytest.approx(1 / -4, rel=0.01)
    assert measured.brace_angle < 90
    assert measured.shape_excluded == "negative_acceleration"


def test_a_peak_after_peak_torque_is_excluded_with_its_value():
    measured = describe_shape(
        exact(lambda times: np.interp(times, [4, 5, 12, 17], [6, 10, 14, 6])), TORQUE, RATE
    )
    assert measured.peak_rate_time == pytest.approx(12, abs=0.002)
    # From 8 to 16 % MVC, of which 2 at the bend, where half of the rate is reached.
    assert measured.brace_height == pytest.approx(100 * (0.5 - 2 / 8), abs=0.1)
    assert measured.shape_excluded == "peak_rate_after_peak_torque"


def test_a_gap_on_the_way_up_is_excluded_with_its_value():
    formula = rate_of_shape(bend(0.25, 0.75))
    measured = describe_shape(exact(lambda t: np.where((t > 7) & (t < 8), np.nan, formula(t))), TORQUE, RATE)
    assert measured.brace_height == pytest.approx(50, abs=0.1)
    assert measured.shape_excluded == "rate_missing"
    later = describe_shape(exact(lambda t: np.where((t > 12) & (t < 13), np.nan, formula(t))), TORQUE, RATE)
    assert later.shape_excluded is None


def test_a_rate_below_the_line_has_brace_height_0_and_no_slopes():
    measured = describe_shape(exact(rate_of_shape(power(2.0)), stop=PEAK), TORQUE, RATE)
    assert measured.brace_height == 0
    assert np.isnan([measured.acceleration_slope, measured.attenuation_slope, measured.brace_angle]).all()
    assert measured.shape_excluded == "no_brace_point"


@pytest.mark.parametrize(
    ("rates", "torque", "reason"),
    [
        ([14, 6, 6], [0, 20, 0], "no_rise"),
        ([6, 14, 6], [20, 0, 0], "torque_not_rising;peak_rate_after_peak_torque"),
        ([6, 14, 6], [5, 5, 5], "torque_not_rising;peak_rate_after_peak_torque"),
        ([6, 7, 14], [1, 20, 0], "torque_not_rising;peak_rate_after_peak_torque"),
    ],
)
def test_no_shape_without_a_rise(rates, torque, reason):
    measured = describe_shape(
        exact(lambda times: np.interp(times, [0, 10, 20], rates), 0.0, 19.99),
        np.interp(np.arange(20_000) / RATE, [0, 10, 20], torque),
        RATE,
    )
    assert measured.shape_excluded == reason
    values = dataclasses.asdict(measured)
    assert np.isnan([values[n] for n in values if n.startswith(("brace", "acc", "att"))]).all()
    assert measured.peak_rate == pytest.approx(14, abs=0.05)


def measured_from_discharges(smoother, shape, n_trains):
    """Return brace heights and reasons from discharges whose intervals vary by 12 %."""
    random = random_generator(1, "brace height", smoother)
    times = np.linspace(START, STOP, 6000)
    rate = rate_of_shape(shape)(times)
    trains = [draw_discharges(times, rate, START, STOP, 0.12, random) for _ in range(n_trains)]
    shapes = [describe_shape(SMOOTHERS[smoother](train), TORQUE, RATE) for train in trains]
    return np.array([shape.brace_height for shape in shapes]), [shape.shape_excluded for shape in shapes]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("smoother", "error", "sd"),
    [("polynomial", -12, 3.5), ("hanning", -4, 9), ("svr", -8, 10), ("spline", -13, 7)],
)
def test_smoothing_flattens_a_bend_as_documented(smoother, error, sd):
    heights, excluded = measured_from_discharges(smoother, saturating(4.0), 100)
    usable = heights[[reason is None for reason in excluded]]
    assert usable.size >= 85
    assert usable.mean() - brace_of_saturating(4.0) == pytest.approx(error, abs=3)
    assert usable.std() == pytest.approx(sd, abs=2)
