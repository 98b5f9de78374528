from dataclasses import replace
from itertools import combinations, pairwise, product

import numpy as np
import pandas as pd
import pytest
from decomposition_recordings import CHANNELS, RATE, SETTINGS, recording, trains
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.decomposition.agreement import match_units, rate_of_agreement
from pictrial.decomposition.candidates import describe
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.potentials import (
    potential_reliability,
    potential_similarity,
    spike_triggered_average,
)
from pictrial.decomposition.quality import detect_discharges
from pictrial.decomposition.separation import Separator, decompose
from pictrial.decomposition.tracking import TrackingSettings, track_units
from pictrial.decomposition.tracking_sightings import agreeing, join_units
from pictrial.errors import InputError
from pictrial.recordings.model import Recording
from pictrial.seeds import random_generator

GOOD = np.ones(CHANNELS, bool)
WAYS = {
    "combined": TrackingSettings("combined"),
    "potentials": TrackingSettings("potentials"),
    "source": TrackingSettings("filters", "source"),
    "pooled": TrackingSettings("filters", "pooled"),
    "target": TrackingSettings("filters", "target"),
}


def session(name: str, units: list[int], noise: float = 3.0):
    truth = {f"true{unit}": train for unit, train in enumerate(trains(6, 14, name).values()) if unit in units}
    return truth, recording(truth, 14, name, noise)


def true_decomposition(measured: Recording, discharges: dict[str, np.ndarray]) -> Decomposition:
    """What a decomposition gives that finds these trains, without the search."""
    separator = Separator(measured, GOOD, SETTINGS)
    found = {
        unit: separator.refine(separator.mean_vector(samples)[:, None])[0]
        for unit, samples in discharges.items()
    }
    rows = [describe(unit, c.discharges, RATE, "", measured.name) for unit, c in found.items()]
    return Decomposition(
        measured.name,
        RATE,
        measured.n_samples,
        {unit: candidate.discharges.samples for unit, candidate in found.items()},
        {unit: candidate.heights for unit, candidate in found.items()},
        separator.signal_filters(list(found.values())),
        pd.DataFrame(rows),
    )


@pytest.fixture(scope="module")
def three():
    """Three recordings with different units; the second decomposition misses true2, which is there."""
    truths, recordings = zip(
        session("first", [0, 1, 2, 3]),
        session("second", [1, 2, 3, 4]),
        session("third", [0, 1, 4]),
        strict=True,
    )
    found = [truths[0], {unit: truths[1][unit] for unit in ("true1", "true3", "true4")}, truths[2]]
    # Other names in each recording: what tracking has to find out.
    found = [{f"MU{number}": train for number, train in enumerate(one.values())} for one in found]
    decompositions = [true_decomposition(r, f) for r, f in zip(recordings, found, strict=True)]
    return truths, list(recordings), decompositions


def track(three, way: TrackingSettings) -> list[Decomposition]:
    _, recordings, decompositions = three
    return track_units(recordings, [GOOD] * len(recordings), decompositions, SETTINGS, way)


@pytest.fixture(scope="module")
def tracked(three):
    return {name: track(three, way) for name, way in WAYS.items()}


def names(truth, result):
    matches = match_units(result.discharges, truth, RATE)
    assert matches["rate_of_agreement"].min() > 0.97
    return dict(zip(matches["reference_unit"], matches["unit_id"], strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_the_same_name_is_the_same_unit_in_every_recording(three, tracked, way):
    truths, _, decompositions = three
    results = tracked[way]
    name_of = {}
    for index, (truth, result) in enumerate(zip(truths, results, strict=True)):
        found = names(truth, result)
        # Matching alone cannot find what a decomposition missed.
        expected = set(truth) - ({"true2"} if index == 1 and way == "potentials" else set())
        assert set(found) == expected
        for unit, name in found.items():
            assert name_of.setdefault(unit, name) == name
        assert list(result.sources) == list(result.discharges)
        assert [len(s) for s in result.sources.values()] == [len(s) for s in result.discharges.values()]
        assert result.filters.shape == (len(found), *decompositions[0].filters.shape[1:])
    assert sorted(name_of.values()) == [f"MU{number:02d}" for number in range(1, 6)]


@pytest.mark.parametrize("way", WAYS)
def test_every_unit_has_a_row_in_every_recording_and_a_reason_where_it_is_not_seen(three, tracked, way):
    truths, results = three[0], tracked[way]
    for truth, result in zip(truths, results, strict=True):
        rows = result.quality.set_index("unit_id")
        assert list(rows.index) == [f"MU{number:02d}" for number in range(1, 6)]
        assert set(rows.index[rows["accepted"]]) == set(result.discharges)
        assert rows.loc[~rows["accepted"], "reason"].str.len().gt(0).all()
        assert rows.loc[rows["accepted"], "reason"].isna().all()
        assert rows.loc[rows["accepted"], "potential_similarity"].dropna().gt(0.9).all()
        assert rows.loc[names(truth, result)["true1"], "potential_similarity"] > 0.9


@pytest.mark.parametrize("way", ["combined", "source", "pooled", "target"])
def test_a_unit_missed_in_a_recording_is_found_there_by_the_filter_of_another(three, tracked, way):
    results = tracked[way]
    name = names(three[0][1], results[1])["true2"]
    row = results[1].quality.set_index("unit_id").loc[name]
    assert row["accepted"] and row["origin"] == "first" and row["potential_similarity"] > 0.9


def test_a_silent_unit_is_not_made_up_and_the_reason_says_so(three, tracked):
    for way in ("combined", "target"):
        results = tracked[way]
        silent = names(three[0][1], results[1])["true4"]
        row = results[0].quality.set_index("unit_id").loc[silent]
        assert row["reason"].startswith("not recruited") and silent not in results[0].discharges


def test_a_unit_whose_peaks_are_too_low_counts_as_not_recruited(three):
    results = track(three, TrackingSettings(minimal_height=2.0))
    rows = results[1].quality.set_index("unit_id").loc[names(three[0][0], results[0])["true2"]]
    assert rows["reason"].startswith("not recruited") and rows["reason"].endswith("200% needed")


def test_the_found_filter_gives_the_found_discharges(three, tracked):
    emg, result = three[1][1].emg, tracked["target"][1]
    unit = names(three[0][1], result)["true2"]
    signal_filter = result.filters[list(result.discharges).index(unit)]
    source = sum(
        np.convolve(emg[channel], signal_filter[channel])[: emg.shape[1]] for channel in range(CHANNELS)
    )
    found = detect_discharges(source, RATE)
    np.testing.assert_array_equal(found.samples, result.discharges[unit])
    np.testing.assert_allclose(source[found.samples], result.sources[unit], rtol=1e-3)


@pytest.mark.parametrize("way", WAYS)
def test_the_order_of_the_recordings_does_not_matter(three, tracked, way):
    _, recordings, decompositions = three
    expected = {result.recording: result for result in tracked[way]}
    for order in [(2, 0, 1), (1, 0, 2), (2, 1, 0)] if way == "combined" else [(2, 0, 1)]:
        shuffled = [recordings[i] for i in order], [GOOD] * 3, [decompositions[i] for i in order]
        for index, result in zip(order, track_units(*shuffled, SETTINGS, WAYS[way]), strict=True):
            assert result.recording == recordings[index].name
            same = expected[result.recording]
            assert list(result.discharges) == list(same.discharges)
            for unit, samples in result.discharges.items():
                np.testing.assert_array_equal(samples, same.discharges[unit])
            pd.testing.assert_frame_equal(result.quality, same.quality)


@pytest.mark.parametrize("way", ["combined", "potentials", "target"])
def test_no_recording_is_favoured_by_its_name(three, tracked, way):
    """Recordings are processed in the order of their names: other names, the same units."""
    _, recordings, decompositions = three
    other = ["second", "third", "first"]
    renamed = track_units(
        [replace(r, name=name) for r, name in zip(recordings, other, strict=True)],
        [GOOD] * 3,
        [replace(d, recording=name) for d, name in zip(decompositions, other, strict=True)],
        SETTINGS,
        WAYS[way],
    )
    for result, same in zip(renamed, tracked[way], strict=True):
        assert list(result.discharges) == list(same.discharges)
        for unit, samples in result.discharges.items():
            np.testing.assert_array_equal(samples, same.discharges[unit])


def test_a_condition_with_fewer_discharges_is_matched_as_often():
    """A null trial: one condition has more noise and a pause, and each decomposition misses a unit.

    What is missed in either must be recovered from the other, whatever the direction.
    """
    recovered = {"plain": [], "poor": []}
    for participant in range(4):
        truths = {name: trains(6, 14, f"{name}{participant}") for name in recovered}
        truths["poor"] = {unit: np.delete(t, np.s_[10:30]) for unit, t in truths["poor"].items()}
        noise = {"plain": 3.0, "poor": 6.0}
        measured = {name: recording(t, 14, f"{name}{participant}", noise[name]) for name, t in truths.items()}
        missed = dict(zip(recovered, ("true1", "true4"), strict=True))
        found = [
            true_decomposition(measured[name], {u: t for u, t in truths[name].items() if u != missed[name]})
            for name in recovered
        ]
        results = track_units(list(measured.values()), [GOOD] * 2, found, SETTINGS, TrackingSettings())
        for name, result in zip(recovered, results, strict=True):
            recovered[name].append(len(names(truths[name], result)) - 5)
            assert set(results[0].discharges) == set(results[1].discharges)
    assert recovered == {"plain": [1] * 4, "poor": [1] * 4}


def test_units_of_the_joint_decomposition_are_split_by_recording(three, monkeypatch):
    truths, recordings, decompositions = three
    starts = np.cumsum([0] + [measured.n_samples for measured in recordings])
    whole_truth = {
        unit: np.concatenate(
            [truth[unit] + start for truth, start in zip(truths, starts, strict=False) if unit in truth]
        )
        for unit in ("true0", "true1", "true2", "true3", "true4")
    }
    seen = []

    def found(whole, good, settings):
        seen.append(whole)
        return true_decomposition(whole, whole_truth)

    monkeypatch.setattr("pictrial.decomposition.tracking_joint.decompose", found)
    shuffled = [2, 0, 1]
    results = track_units(
        [recordings[i] for i in shuffled],
        [GOOD] * 3,
        [decompositions[i] for i in shuffled],
        SETTINGS,
        TrackingSettings("joint"),
    )
    np.testing.assert_array_equal(seen[0].emg[:, starts[1] : starts[2]], recordings[1].emg)
    name_of = {}
    for index, result in zip(shuffled, results, strict=True):
        matched = names(truths[index], result)
        assert set(matched) == set(truths[index])
        for unit, name in matched.items():
            assert name_of.setdefault(unit, name) == name
        silent = result.quality[~result.quality["accepted"]]
        assert silent["reason"].str.contains("discharges, 20 needed").all()
        assert len(result.quality) == 5


def test_a_channel_that_is_bad_in_one_recording_does_not_matter(three):
    _, recordings, decompositions = three
    bad = GOOD.copy()
    bad[[3, 7]] = False
    noisy = recordings[1].emg.copy()
    noisy[[3, 7]] = 1e4 * random_generator(1, "bad contact").standard_normal((2, noisy.shape[1]))
    spoilt = [recordings[0], replace(recordings[1], emg=noisy), recordings[2]]
    results = track_units(spoilt, [GOOD, bad, GOOD], decompositions, SETTINGS, TrackingSettings())
    for truth, result in zip(three[0], results, strict=True):
        assert set(names(truth, result)) == set(truth)
    found = list(results[1].discharges).index(names(three[0][1], results[1])["true2"])
    assert not results[1].filters[found, [3, 7]].any() and results[1].filters[found].any()


@pytest.mark.parametrize("way", ["combined", "potentials", "target"])
def test_a_recording_without_units_of_its_own(three, way):
    _, recordings, decompositions = three
    none = replace(
        decompositions[1],
        discharges={},
        sources={},
        filters=decompositions[1].filters[:0],
        quality=decompositions[1].quality[:0],
    )
    results = track_units(recordings[:2], [GOOD] * 2, [decompositions[0], none], SETTINGS, WAYS[way])
    assert set(names(three[0][0], results[0])) == set(three[0][0])
    found = {} if way == "potentials" else names(three[0][1], results[1])
    assert set(found) == (set() if way == "potentials" else {"true1", "true2", "true3"})
    assert results[1].quality["reason"].notna().sum() == 4 - len(found)


def test_recordings_with_hardly_a_common_channel_are_refused(three):
    _, recordings, decompositions = three
    halves = [np.arange(CHANNELS) < 18, np.arange(CHANNELS) >= 8, GOOD]
    with pytest.raises(InputError, match="only 10 of 24 channels are good in all recordings"):
        track_units(recordings, halves, decompositions, SETTINGS, TrackingSettings())


@pytest.mark.parametrize(("name", "value"), [("method", "filter"), ("whitening", "mean")])
def test_unknown_way_is_refused(name, value):
    with pytest.raises(InputError, match=f"tracking.{name}: '{value}' is unknown"):
        TrackingSettings(**{name: value})


def test_potentials_that_look_alike_but_differ_are_not_matched(three):
    """Two units of different recordings only: the best match there is, and still none."""
    _, recordings, decompositions = three
    only = []
    for decomposition, unit in ((decompositions[0], "MU0"), (decompositions[1], "MU0")):
        only.append(
            replace(
                decomposition,
                discharges={unit: decomposition.discharges[unit]},
                sources={unit: decomposition.sources[unit]},
                filters=decomposition.filters[:1],
            )
        )
    results = track_units(recordings[:2], [GOOD] * 2, only, SETTINGS, TrackingSettings("potentials"))
    assert [len(result.discharges) for result in results] == [1, 1]
    assert set(results[0].discharges).isdisjoint(results[1].discharges)
    assert "no match: similarity of potentials" in results[0].quality["reason"].dropna().item()


def test_reliability_tells_how_similar_noisy_averages_of_one_unit_are():
    truth = trains(1, 14, "reliability")["true0"]
    averages, reliabilities = [], []
    for name in ("one", "other"):
        emg = recording({"true0": truth}, 14, name, noise=150).emg
        halves = [spike_triggered_average(emg, truth[start::2], RATE) for start in (0, 1)]
        averages.append((halves[0] + halves[1]) / 2)
        reliabilities.append(potential_reliability(*halves))
    assert 0.3 < reliabilities[0] < 0.9
    similarity = np.sum(averages[0] * averages[1]) / np.sqrt(
        np.sum(averages[0] ** 2) * np.sum(averages[1] ** 2)
    )
    assert similarity == pytest.approx(np.sqrt(np.prod(reliabilities)), abs=0.05)
    assert potential_reliability(halves[0], np.zeros_like(halves[0])) == 0
    assert potential_reliability(halves[0], halves[0]) == pytest.approx(1)


def test_similarity_of_stacks_is_that_of_each_pair():
    stack = random_generator(3, "stack").standard_normal((3, 5, 61))
    matrix = potential_similarity(stack[:, None], stack[None], RATE)
    assert matrix.shape == (3, 3)
    for i, j in product(range(3), repeat=2):
        assert matrix[i, j] == pytest.approx(float(potential_similarity(stack[i], stack[j], RATE)))


trains_of_samples = st.lists(
    st.lists(st.integers(0, 4000), max_size=40, unique=True).map(lambda t: np.array(sorted(t), np.int64)),
    max_size=5,
)


@given(trains_of_samples, st.integers(-40, 40), st.sampled_from([0.1, 0.3]))
@settings(max_examples=60, deadline=None)
def test_agreeing_pairs_are_all_that_agree(some, lag, limit):
    some = some + [np.unique(np.maximum(train + lag, 0)) for train in some[:2]]
    expected = [
        (i, j, rate)
        for i in range(len(some))
        for j in range(i + 1, len(some))
        if (rate := rate_of_agreement(some[i], some[j], RATE)) > limit
    ]
    assert agreeing(some, RATE, limit) == expected


units_and_links = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.sampled_from(list(product("abc", "12"))),
        st.sampled_from(list(product("abc", "12"))),
    ),
    max_size=12,
)


@given(units_and_links, st.booleans(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_joined_units_never_share_a_recording_and_do_not_depend_on_the_order_of_links(links, most, random):
    units = list(product("abc", "12"))
    links = [link for link in links if link[1][0] != link[2][0]]
    groups = join_units(units, links, most)
    assert sorted(unit for group in groups for unit in group) == units
    linked = {frozenset(link[1:]) for link in links}
    for group in groups:
        assert len({recording for recording, _ in group}) == len(group)
        if most and len(group) == 3:
            assert sum(frozenset(pair) in linked for pair in combinations(group, 2)) == 3
    shuffled = [(score, *random.sample(pair, 2)) for score, *pair in random.sample(links, len(links))]
    assert sorted(join_units(units, shuffled, most)) == sorted(groups)


def test_the_strongest_link_counts_first():
    a1, a2, b1 = ("a", "1"), ("a", "2"), ("b", "1")
    assert sorted(join_units([a1, a2, b1], [(0.5, a1, b1), (0.9, a2, b1)])) == [[a1], [a2, b1]]


def test_a_failed_match_of_one_pair_does_not_split_a_unit_of_many_recordings():
    units = [(recording, "1") for recording in "abcd"]
    links = [(0.9, *pair) for pair in combinations(units, 2) if pair != (units[0], units[3])]
    assert join_units(units, links, most_pairs=True) == [units]
    chain = [(0.9, *pair) for pair in pairwise(units)]
    assert len(join_units(units, chain, most_pairs=True)) > 1
    assert join_units(units, chain) == [units]


@pytest.mark.slow
def test_tracking_of_real_decompositions(three):
    truths, recordings, _ = three
    decompositions = [decompose(measured, GOOD, SETTINGS) for measured in recordings]
    results = track_units(recordings, [GOOD] * 3, decompositions, SETTINGS, TrackingSettings())
    assert [set(names(t, r)) for t, r in zip(truths, results, strict=True)] == [set(t) for t in truths]
