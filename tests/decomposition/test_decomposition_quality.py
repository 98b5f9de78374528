import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.decomposition.quality import detect_discharges, interval_variability
from pictrial.seeds import random_generator

RATE = 2048.0


def source_of(samples, heights, n=20480, noise=0.05):
    source = noise * random_generator(3, "source").standard_normal(n)
    source[samples] = heights
    return source


def test_all_discharges_of_a_clear_source_are_found():
    samples = np.arange(200, 20000, 205)
    found = detect_discharges(source_of(samples, 1.0), RATE)
    np.testing.assert_array_equal(found.samples, samples)
    assert found.silhouette > 0.99
    # 0 dB at the discharges over 0.05² elsewhere.
    assert found.pulse_to_noise_ratio == pytest.approx(10 * np.log10(1 / 0.05**2), abs=0.1)


def test_silhouette_follows_its_definition():
    samples = np.arange(200, 20000, 205)
    heights = np.where(np.arange(len(samples)) % 2, 1.0, 0.8)
    source = source_of(samples, heights, noise=0)
    source[samples + 100] = 0.2
    found = detect_discharges(source, RATE)
    power = heights**2
    within = np.sum((power - power.mean()) ** 2)
    between = np.sum((power - 0.2**2) ** 2)
    assert found.silhouette == pytest.approx((between - within) / between, rel=1e-9)


def test_one_artefact_does_not_hide_the_discharges():
    samples = np.arange(200, 20000, 205)
    source = source_of(samples, 1.0)
    source[10001] = 30.0
    found = detect_discharges(source, RATE)
    assert set(samples) <= set(found.samples)


def test_noise_has_a_low_silhouette_and_a_flat_source_none():
    noise = random_generator(4, "noise").standard_normal(20480)
    assert detect_discharges(noise, RATE).silhouette < 0.85
    assert detect_discharges(np.zeros(1000), RATE) is None


def test_variability_of_a_ramp_is_a_trend_and_not_successive_variability():
    intervals = np.linspace(0.05, 0.15, 100)
    samples = np.round(np.cumsum(intervals) * 1e6).astype(np.int64)
    plain, successive, robust = interval_variability(samples, 1e6)
    assert plain == pytest.approx(intervals[1:].std(ddof=1) / intervals[1:].mean(), rel=1e-3)
    assert successive < 0.01
    assert robust < 0.02


def test_robust_variability_is_that_of_the_intervals_without_wrong_discharges():
    intervals = 0.1 * (1 + 0.2 * random_generator(5, "robust").standard_normal(2000))
    samples = np.round(np.cumsum(intervals) * 1e6).astype(np.int64)
    missed = np.delete(samples, np.arange(10, 2000, 33))
    _, successive, robust = interval_variability(missed, 1e6)
    assert successive > 0.24
    assert robust == pytest.approx(0.2, abs=0.02)


def test_pauses_do_not_count_and_few_intervals_give_nothing():
    samples = np.concatenate([np.arange(0, 10000, 200), np.arange(30000, 40000, 200)])
    assert interval_variability(samples, RATE) == (0.0, 0.0, 0.0)
    assert np.isnan(interval_variability(np.array([0, 200, 400]), RATE)).all()


@given(st.integers(0, 10**6), st.integers(1, 50))
def test_variability_depends_neither_on_start_nor_on_unit_of_time(start, factor):
    samples = np.cumsum(random_generator(5, "train").integers(150, 250, 60))
    expected = interval_variability(samples, RATE)
    assert interval_variability(start + samples * factor, RATE * factor) == pytest.approx(expected)
