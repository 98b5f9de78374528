import numpy as np
import pytest

from pictrial.decomposition.extension import ExtendedSignal, whitening_matrix
from pictrial.seeds import random_generator

CHANNELS, SAMPLES, EXTENSION = 3, 500, 4


@pytest.fixture
def emg():
    return random_generator(0, "extension").standard_normal((CHANNELS, SAMPLES)).astype(np.float32)


def explicit(emg: np.ndarray) -> np.ndarray:
    """The extended observation as a matrix, delay by delay."""
    rows = []
    for delay in range(EXTENSION):
        delayed = np.zeros_like(emg)
        delayed[:, delay:] = emg[:, : SAMPLES - delay]
        rows.append(delayed)
    return np.concatenate(rows)


def test_covariance_is_that_of_the_explicit_matrix_edges_apart(emg):
    matrix = explicit(emg).astype(float)
    expected = matrix @ matrix.T / SAMPLES
    np.testing.assert_allclose(ExtendedSignal(emg, EXTENSION).covariance(), expected, atol=0.05)
    inner = matrix[:CHANNELS] @ matrix[2 * CHANNELS : 3 * CHANNELS].T / SAMPLES
    got = ExtendedSignal(emg, EXTENSION).covariance()[:CHANNELS, 2 * CHANNELS : 3 * CHANNELS]
    np.testing.assert_allclose(got, inner, rtol=1e-5, atol=1e-6)


def test_sources_and_columns_are_those_of_the_explicit_matrix(emg):
    matrix, signal = explicit(emg), ExtendedSignal(emg, EXTENSION)
    random = random_generator(0, "filters")
    filters = random.standard_normal((CHANNELS * EXTENSION, 5)).astype(np.float32)
    np.testing.assert_allclose(signal.apply(filters), matrix.T @ filters, atol=1e-4)
    instants = np.array([0, 2, 77, SAMPLES - 1])
    np.testing.assert_array_equal(signal.at(instants), matrix[:, instants].T)


def test_whitening_gives_unit_covariance_and_leaves_out_the_noise_floor():
    random = random_generator(0, "whitening")
    mixing = random.standard_normal((10, 3))
    covariance = mixing @ mixing.T + np.diag(np.linspace(1e-3, 2e-3, 10))
    matrix = whitening_matrix(covariance).astype(float)
    np.testing.assert_allclose(matrix.T @ covariance @ matrix, np.eye(matrix.shape[1]), atol=1e-3)
    assert 3 <= matrix.shape[1] < 10


def test_what_is_left_of_a_signal_is_whitened_within_what_that_one_kept():
    random = random_generator(0, "whitening")
    mixing = random.standard_normal((10, 3))
    noise = np.diag(np.linspace(1e-3, 2e-3, 10))
    within = whitening_matrix(mixing @ mixing.T + noise)
    left = mixing[:, :2] @ mixing[:, :2].T + noise
    matrix = whitening_matrix(left, within).astype(float)
    assert matrix.shape == within.shape
    np.testing.assert_allclose(matrix.T @ left @ matrix, np.eye(matrix.shape[1]), atol=1e-2)
    outside = matrix - within @ np.linalg.lstsq(within, matrix)[0]
    np.testing.assert_allclose(outside, 0, atol=1e-4 * np.abs(matrix).max())


def test_directions_in_which_nothing_is_left_are_left_out():
    within = np.eye(4, 3, dtype=np.float32)
    assert whitening_matrix(np.diag([1.0, 0.5, 0.0, 7.0]), within).shape == (4, 2)
    assert whitening_matrix(np.zeros((4, 4)), within).shape == (4, 0)
