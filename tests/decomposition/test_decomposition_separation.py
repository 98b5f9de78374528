from dataclasses import replace

import numpy as np
import pytest
from decomposition_recordings import CHANNELS, RATE, SETTINGS, recording, trains

from pictrial.decomposition.agreement import match_units
from pictrial.decomposition.candidates import Candidate
from pictrial.decomposition.joint import sources_of
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.separation import Separator, decompose
from pictrial.decomposition.storage import read_decomposition, read_discharges, write_decomposition
from pictrial.errors import InputError
from pictrial.seeds import random_generator

TRUTH = trains(6, 14, "one")
GOOD = np.arange(CHANNELS) != 5


@pytest.fixture(scope="module")
def contraction():
    made = recording(TRUTH, 14, "one")
    made.emg[5] = 4000 * random_generator(1, "bad").standard_normal(made.n_samples)
    return made


@pytest.fixture(scope="module")
def decomposition(contraction):
    return decompose(contraction, GOOD, SETTINGS)


def test_every_unit_is_found_and_nothing_else(decomposition):
    matches = match_units(decomposition.discharges, TRUTH, RATE)
    assert sorted(matches["reference_unit"]) == sorted(TRUTH)
    assert matches["rate_of_agreement"].min() > 0.97
    first = [samples[0] for samples in decomposition.discharges.values()]
    assert first == sorted(first)


def test_every_candidate_has_a_row_and_every_rejected_one_a_reason(decomposition):
    quality = decomposition.quality
    assert quality["accepted"].sum() == len(TRUTH)
    assert quality.loc[~quality["accepted"], "reason"].str.len().gt(0).all()
    assert quality.loc[quality["accepted"], "reason"].isna().all()
    assert (quality.loc[quality["accepted"], "silhouette"] >= 0.9).all()


def test_stored_filters_give_the_sources_in_the_emg_without_the_other_units(contraction, decomposition):
    assert np.all(decomposition.filters[:, 5] == 0)
    sources = sources_of(decomposition, contraction.emg)
    for source, (unit, samples) in zip(sources, decomposition.discharges.items(), strict=True):
        np.testing.assert_allclose(source[samples], decomposition.sources[unit], rtol=1e-3)
        # Without the others, noise has the standard deviation 1, or less by what was expected in vain.
        quiet = np.ones(source.size, bool)
        for sample in samples:
            quiet[max(0, sample - 60) : sample + 60] = False
        assert 0.3 < source[quiet].std() < 1.05


def test_a_second_decomposition_is_identical(contraction, decomposition):
    again = decompose(contraction, GOOD, SETTINGS)
    assert again.discharges.keys() == decomposition.discharges.keys()
    for unit, samples in decomposition.discharges.items():
        np.testing.assert_array_equal(again.discharges[unit], samples)
    np.testing.assert_array_equal(again.filters, decomposition.filters)


def test_gain_of_the_amplifier_does_not_matter(contraction, decomposition):
    louder = decompose(replace(contraction, emg=1000 * contraction.emg), GOOD, SETTINGS)
    for unit, samples in decomposition.discharges.items():
        np.testing.assert_array_equal(louder.discharges[unit], samples)


def test_noise_alone_is_a_clear_error():
    with pytest.raises(InputError, match=r"silent_emg.bdf: no motor unit was found .*0\.9 needed"):
        decompose(recording({}, 14, "silent"), np.ones(CHANNELS, bool), SETTINGS)


def test_what_is_written_is_what_is_read(decomposition, tmp_path):
    write_decomposition(decomposition, tmp_path, "decomposed")
    back = read_decomposition(tmp_path, "one", "decomposed")
    assert back.discharges.keys() == decomposition.discharges.keys()
    for unit, samples in decomposition.discharges.items():
        np.testing.assert_array_equal(back.discharges[unit], samples)
        np.testing.assert_array_equal(back.sources[unit], decomposition.sources[unit])
    np.testing.assert_array_equal(back.filters, decomposition.filters)
    times = read_discharges(tmp_path / "one_desc-decomposed_events.tsv")
    np.testing.assert_allclose(times["MU01"] * RATE, decomposition.discharges["MU01"], atol=1e-5)


def test_a_broken_events_file_names_its_row(tmp_path):
    path = tmp_path / "events.tsv"
    header = "onset\tduration\tsample\tunit_id\tevent_type\n"
    path.write_text(header + "0.1\t0\t205\tMU01\tmotor-unit-spike\n-2\t0\t9\tMU01\tmotor-unit-spike\n")
    with pytest.raises(InputError, match=r"events.tsv: row 2, column 'onset': value '-2.0'"):
        read_discharges(path)


def test_the_number_of_threads_does_not_matter(contraction, decomposition):
    on_two = decompose(contraction, GOOD, SETTINGS, threads=2)
    assert on_two.discharges.keys() == decomposition.discharges.keys()
    np.testing.assert_array_equal(on_two.filters, decomposition.filters)


def test_two_units_in_one_train_are_told_apart(contraction):
    separator = Separator(contraction, GOOD, SETTINGS)
    two = {name: TRUTH[name] for name in ("true1", "true4")}
    merged = Discharges(np.sort(np.concatenate(list(two.values()))), 0.95, 30.0)
    given = Candidate(np.ones(1, np.float32), merged, np.ones(1, np.float32))
    found = separator.with_halves([given])
    halves = {str(number): half.discharges.samples for number, half in enumerate(found[1:])}
    matches = match_units(halves, TRUTH, RATE)
    assert found[0] is given
    assert all(half.split for half in found[1:])
    assert sorted(matches["reference_unit"]) == ["true1", "true4"]
    assert matches["rate_of_agreement"].min() > 0.95


@pytest.mark.parametrize("silhouette, units", [(0.5, ["true1", "true4"]), (0.95, ["true1"])])
def test_a_poor_train_and_one_of_a_single_unit_are_not_split(contraction, silhouette, units):
    separator = Separator(contraction, GOOD, SETTINGS)
    train = np.concatenate([TRUTH[unit] for unit in units])
    given = Candidate(np.ones(1, np.float32), Discharges(np.sort(train), silhouette, 30.0), np.ones(1))
    assert separator.with_halves([given]) == [given]
