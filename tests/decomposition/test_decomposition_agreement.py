import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.decomposition.agreement import agree, match_units, rate_of_agreement
from pictrial.decomposition.potentials import potential_similarity, spike_triggered_average
from pictrial.seeds import random_generator

RATE = 2048.0
TRAIN = np.cumsum(random_generator(6, "train").integers(150, 260, 120))


def test_rate_of_agreement_counts_common_over_all():
    other = np.concatenate([TRAIN[:90], [TRAIN[-1] + 400, TRAIN[-1] + 700]])
    assert rate_of_agreement(TRAIN, other, RATE) == 90 / (120 + 92 - 90)


def test_tolerance_is_one_sample_at_half_a_millisecond_and_each_discharge_counts_once():
    jitter = np.where(np.arange(120) % 3 == 0, 1, 0)
    assert rate_of_agreement(TRAIN, TRAIN + jitter, RATE) == 1
    late = TRAIN.copy()
    late[:30] += 3
    assert rate_of_agreement(TRAIN, late, RATE) == 90 / 150
    assert rate_of_agreement(np.array([100, 300]), np.array([100, 101, 300, 301]), RATE) == 2 / 4


@given(st.integers(-40, 40))
def test_a_constant_lag_does_not_count_and_the_rate_is_symmetric(lag):
    thinned = TRAIN[random_generator(7, "thin").random(120) < 0.8]
    expected = rate_of_agreement(TRAIN, thinned, RATE)
    assert rate_of_agreement(TRAIN, thinned + lag, RATE) == expected
    assert rate_of_agreement(thinned + lag, TRAIN, RATE) == expected


def test_empty_trains_do_not_agree():
    assert rate_of_agreement(TRAIN, np.empty(0, np.int64), RATE) == 0


def test_units_are_matched_with_the_best_and_the_lag_is_given():
    other = np.cumsum(random_generator(8, "other").integers(150, 260, 120))
    matches = match_units({"a": TRAIN, "b": np.array([5])}, {"x": other, "y": TRAIN - 4}, RATE)
    assert matches["reference_unit"].tolist()[0] == "y"
    assert matches["rate_of_agreement"][0] == 1
    assert matches["lag"][0] == pytest.approx(4 / RATE)


def test_similarity_ignores_shift_and_scale_but_not_place():
    random = random_generator(9, "potential")
    potential = np.zeros((6, 100))
    potential[:, 40:60] = random.standard_normal((6, 20))
    assert potential_similarity(potential, 3 * np.roll(potential, 12, axis=1), RATE) == pytest.approx(1)
    assert potential_similarity(potential, np.roll(potential, 3, axis=0), RATE) < 0.6
    assert potential_similarity(potential, np.zeros_like(potential), RATE) == 0


def test_spike_triggered_average_recovers_the_potential_and_skips_cut_windows():
    emg = np.zeros((2, 5000))
    samples = np.array([3, 1000, 2000, 4990])
    emg[1, samples[1:3] + 10] = 5.0
    average = spike_triggered_average(emg, samples, RATE)
    assert average.shape == (2, round(0.01 * RATE) + round(0.02 * RATE))
    assert np.argmax(average[1]) == round(0.01 * RATE) + 10
    assert average[1].max() == pytest.approx(5, abs=0.1)


@given(st.integers(0, 10**6))
def test_agreeing_is_a_rate_above_the_limit(seed):
    random = random_generator(seed, "agree")
    a, b = (np.unique(random.integers(0, 4000, random.integers(1, 60))) for _ in range(2))
    assert agree(a, b, 2048.0, 0.3) == (rate_of_agreement(a, b, 2048.0) > 0.3)
    both = np.unique(np.concatenate([a, b]))
    assert agree(a, both, 2048.0, 0.3) == (rate_of_agreement(a, both, 2048.0) > 0.3)
