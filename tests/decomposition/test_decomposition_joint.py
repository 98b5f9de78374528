"""Potentials of overlapping units, and the search in what they leave."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.decomposition.interference import RIDGE, fit_potentials, subtract_potentials
from pictrial.decomposition.joint import JointSources
from pictrial.decomposition.search import search_instants
from pictrial.seeds import random_generator

BEFORE, AFTER, SAMPLES, CHANNELS = 12, 20, 3000, 4


def mixture(trains, potentials):
    emg = np.zeros((CHANNELS, SAMPLES + 200), np.float32)
    for train, potential in zip(trains, potentials, strict=True):
        for sample in train:
            emg[:, 100 + sample - BEFORE : 100 + sample + AFTER] += potential
    return emg[:, 100 : 100 + SAMPLES]


def ridge_solution(emg, trains):
    """Return the potentials by the whole design matrix; the signal is zero before and after."""
    length = BEFORE + AFTER
    design = np.zeros((SAMPLES + 2 * length, len(trains) * length))
    for unit, train in enumerate(trains):
        for lag in range(length):
            design[train + length - BEFORE + lag, unit * length + lag] = 1
    gram = design.T @ design
    gram += RIDGE * gram.diagonal().mean() * np.eye(len(gram))
    padded = np.pad(emg, ((0, 0), (length, length)))
    solved = np.linalg.solve(gram, design.T @ padded.T)
    return solved.reshape(len(trains), length, CHANNELS).transpose(0, 2, 1)


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_overlapping_potentials_are_told_apart_and_subtracted(seed):
    random = random_generator(seed, "overlap")
    trains = [np.sort(random.choice(SAMPLES, 60, replace=False)) for _ in range(3)]
    potentials = random.standard_normal((3, CHANNELS, BEFORE + AFTER))
    emg = mixture(trains, potentials)
    fitted = fit_potentials(emg, trains, BEFORE, AFTER)
    np.testing.assert_allclose(fitted, ridge_solution(emg, trains), atol=1e-3)
    assert np.sqrt(np.mean((fitted - potentials) ** 2)) < 0.05
    residual = subtract_potentials(emg, trains, fitted, BEFORE)
    assert np.square(residual).sum() < 1e-3 * np.square(emg).sum()
    average = np.mean(
        [emg[:, t - BEFORE : t + AFTER] for t in trains[0][1:-1] if 50 < t < SAMPLES - 50], axis=0
    )
    assert np.abs(average - potentials[0]).max() > 0.3, "the plain average mixes them"


def test_a_source_without_the_others_does_not_see_them():
    random = random_generator(1, "sources")
    trains = [np.arange(100, 2900, 97), np.arange(150, 2900, 97)]
    potentials = random.standard_normal((2, CHANNELS, BEFORE + AFTER))
    rate, extension = 800.0, 4
    emg = mixture(trains, potentials) + 0.1 * random.standard_normal((CHANNELS, SAMPLES)).astype(np.float32)
    joint = JointSources(emg, trains, extension, rate)
    assert joint.potentials.shape[2] == 32
    filters = joint.matched_filters(joint.signal.covariance(), 0)
    assert filters.shape == (extension * CHANNELS, 2)
    sources = joint.sources(filters)
    at_own, at_other = sources[0, trains[0]], sources[0, trains[1]]
    assert at_own.min() > 10 and np.abs(at_other).max() < 5
    # What is subtracted from one source and kept in the other adds up to the EMG.
    whole = joint.signal.__class__(emg, extension).apply(filters).T
    alone = JointSources(emg, trains[:1], extension, rate)
    assert np.abs(whole[0, trains[1]]).max() > 2 * np.abs(at_other).max()
    assert alone.potentials.shape[0] == 1


def test_the_search_finds_the_common_directions_of_the_instants():
    random = random_generator(1, "search")
    directions = np.linalg.qr(random.standard_normal((200, 3)))[0]
    members = np.repeat([0, 1, 2], [150, 80, 40])
    noise = random.standard_normal((200, 2000))
    noise[:, : members.size] += 14 * directions[:, members]
    found = search_instants(noise.astype(np.float32), 60, 4, 10)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, rtol=1e-5)
    assert np.abs(found.T @ directions).max(axis=0).min() > 0.95
    assert found.shape[1] <= 10
    np.testing.assert_array_equal(found, search_instants(noise.astype(np.float32), 60, 4, 10))
