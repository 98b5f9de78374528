import numpy as np
import pytest
from decomposition_recordings import CHANNELS, RATE, SETTINGS, recording, trains

from pictrial.decomposition.agreement import match_units
from pictrial.decomposition.separation import decompose
from pictrial.decomposition.tracking import TrackingSettings, track_units

GOOD = np.ones(CHANNELS, bool)


def session(name: str, units: list[int], n: int = 6):
    truth = {f"true{unit}": train for unit, train in enumerate(trains(n, 14, name).values()) if unit in units}
    return truth, recording(truth, 14, name)


@pytest.fixture(scope="module")
def tracked():
    truths, recordings = zip(
        session("first", [0, 1, 2, 3]),
        session("second", [1, 2, 3, 4]),
        session("third", [0, 1, 4]),
        strict=True,
    )
    decompositions = [decompose(r, GOOD, SETTINGS) for r in recordings]
    # The second session's decomposition misses a unit that is there.
    missed = decompositions[1]
    lost = match_units(missed.discharges, truths[1], RATE).set_index("reference_unit").loc["true2", "unit_id"]
    keep = [unit != lost for unit in missed.discharges]
    decompositions[1] = type(missed)(
        missed.recording,
        missed.sampling_rate,
        missed.n_samples,
        {unit: samples for unit, samples in missed.discharges.items() if unit != lost},
        missed.sources,
        missed.filters[keep],
        missed.quality,
    )
    results = track_units(list(recordings), [GOOD] * 3, decompositions, SETTINGS, TrackingSettings())
    return truths, results


def names(truth, result):
    matches = match_units(result.discharges, truth, RATE)
    assert matches["rate_of_agreement"].min() > 0.97
    return dict(zip(matches["reference_unit"], matches["unit_id"], strict=True))


def test_the_same_name_is_the_same_unit_in_every_recording(tracked):
    truths, results = tracked
    name_of = {}
    for truth, result in zip(truths, results, strict=True):
        found = names(truth, result)
        assert sorted(found) == sorted(truth)
        for unit, name in found.items():
            assert name_of.setdefault(unit, name) == name
    assert len(set(name_of.values())) == 5


def test_a_unit_missed_in_a_recording_is_found_there_by_the_filter_of_another(tracked):
    truths, results = tracked
    name = names(truths[1], results[1])["true2"]
    row = results[1].quality.set_index("unit_id").loc[name]
    assert row["accepted"] and row["origin"] != "second" and row["potential_similarity"] > 0.9


def test_a_silent_unit_is_not_made_up_and_has_a_reason(tracked):
    truths, results = tracked
    silent = names(truths[1], results[1])["true4"]
    row = results[0].quality.set_index("unit_id").loc[silent]
    assert not row["accepted"] and row["reason"]
    assert silent not in results[0].discharges
    for result in results:
        assert sorted(result.quality["unit_id"]) == [f"MU{n:02d}" for n in range(1, 6)]
