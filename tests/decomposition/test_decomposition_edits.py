"""Edits: exactly the discharges that a person left, on exactly the decomposition that was edited."""

import numpy as np
import pandas as pd
import pytest
from decomposition_recordings import CHANNELS, RATE, recording, trains
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.edits import (
    append_edits,
    apply_edits,
    difference,
    files_of_recordings,
    fingerprint,
    read_edits,
    replay_edits,
)
from pictrial.decomposition.exchange_foreign import import_decomposition
from pictrial.decomposition.exchange_trains import ForeignDecomposition
from pictrial.decomposition.given_discharges import pulse_trains_of, quality_at
from pictrial.decomposition.joint import sources_of
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import detect_discharges
from pictrial.decomposition.storage import read_decomposition, write_decomposition
from pictrial.errors import InputError
from pictrial.tables import check_table, read_table, write_table

GOOD = np.ones(CHANNELS, dtype=bool)
SETTINGS = DecompositionSettings(extended_channels=240)
SECONDS = 12.0
SAMPLES = round(SECONDS * RATE)


@pytest.fixture(scope="module")
def signal():
    return recording(trains(4, SECONDS, "edited"), SECONDS, "rec-1")


@pytest.fixture(scope="module")
def found(signal) -> Decomposition:
    """The known trains, detected in the middle of their potentials, and a rejected candidate."""
    known = {f"MU{n:02d}": train + 20 for n, train in enumerate(trains(4, SECONDS, "edited").values(), 1)}
    rejected = {"rejected01": "silhouette 0.500, 0.9 needed"}
    foreign = ForeignDecomposition(signal.source, "the test", RATE, SAMPLES, known, rejected, {})
    return import_decomposition(foreign, signal, GOOD, SETTINGS)


def bare(discharges: dict[str, np.ndarray]) -> Decomposition:
    """A decomposition of which only the discharges and names matter."""
    quality = pd.DataFrame({"unit_id": [*discharges, "rejected01"]})
    return Decomposition("rec-1", RATE, SAMPLES, discharges, {}, np.zeros((0, 1, 1)), quality)


def rows(before: Decomposition, *changes: tuple, **columns) -> pd.DataFrame:
    """A table of edits: (unit, operation, sample or None) each."""
    table = pd.DataFrame(changes, columns=["unit_id", "operation", "onset"])
    given = {"recording": before.recording, "decomposition": fingerprint(before.discharges)}
    given |= {"editor": "A. B.", "date": "2024-05-01", "reason": "seen"} | columns
    table = table.assign(onset=[None if n is None else n / RATE for n in table["onset"]], **given)
    return check_table(table, "edits", "edits")


def reread(table: pd.DataFrame, folder, name: str = "rec-1") -> pd.DataFrame:
    write_table(table, folder / "e.tsv", "edits")
    return read_edits([folder / "e.tsv"], name)


def marked(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(where=[f"e.tsv, row {number}" for number in range(1, len(table) + 1)])


def test_fingerprint_is_of_units_and_samples():
    one = {"MU01": np.array([5, 9]), "MU02": np.array([7])}
    assert fingerprint(one) == fingerprint({"MU02": np.array([7], np.int32), "MU01": one["MU01"]})
    assert len(fingerprint(one)) == 16
    others = [
        {"MU01": np.array([5, 9])},
        {"MU01": np.array([5, 9]), "MU03": np.array([7])},
        {"MU01": np.array([5, 9]), "MU02": np.array([8])},
        {"MU01": np.array([59]), "MU02": np.array([7])},
        {},
    ]
    assert len({fingerprint(other) for other in [one, *others]}) == 6


TRAIN = st.sets(st.integers(0, SAMPLES - 1), min_size=1, max_size=40).map(
    lambda samples: np.array(sorted(samples))
)
UNITS = st.lists(TRAIN, max_size=5)


@settings(max_examples=30, deadline=None)
@given(
    old=UNITS, new=UNITS, kept=st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 39))), max_size=5)
)
def test_difference_applied_to_before_gives_after(old, new, kept):
    before = bare({f"MU{number:02d}": train for number, train in enumerate(old, 1)})
    partly = [np.delete(old[n], [i for i in gone if i < len(old[n])]) for n, gone in kept if n < len(old)]
    after = {f"x{number}": train for number, train in enumerate([*new, *(t for t in partly if len(t))])}
    edits = marked(difference(before, after, 0.3, "A. B.", "2024-05-01", "seen"))
    result = apply_edits(before.discharges, edits, RATE, SAMPLES)
    assert sorted(map(tuple, result.values())) == sorted(map(tuple, after.values()))
    assert apply_edits(before.discharges, edits[::-1], RATE, SAMPLES).keys() == result.keys()
    again = difference(bare(result), after, 0.3, "A. B.", "2024-05-01", "seen")
    assert len(again) == 0


def test_difference_is_exactly_what_was_edited_whatever_the_order_and_names():
    old = bare(
        {"MU01": np.arange(100, 4000, 200), "MU02": np.arange(150, 4000, 170), "MU03": np.array([9, 99])}
    )
    after = {
        "a": np.arange(50, 4000, 333),
        "b": np.delete(old.discharges["MU02"], [2, 4]),
        "c": np.sort(np.append(old.discharges["MU01"], 201)),
    }
    edits = difference(old, after, 0.3, "A. B.", "2024-05-01", "seen")
    listed = [
        (unit, operation, None if pd.isna(onset) else round(onset * RATE))
        for unit, operation, onset in edits[["unit_id", "operation", "onset"]].itertuples(index=False)
    ]
    assert listed == [
        ("MU03", "remove_unit", None),
        ("MU01", "add_discharges", 201),
        ("MU02", "remove_discharges", 490),
        ("MU02", "remove_discharges", 830),
        ("MU04", "add_unit", None),
        *[("MU04", "add_discharges", sample) for sample in range(50, 4000, 333)],
    ]
    assert set(edits["decomposition"]) == {fingerprint(old.discharges)}
    assert set(edits["recording"]) == {"rec-1"} and set(edits["reason"]) == {"seen"}


@pytest.mark.parametrize(
    ("changes", "row", "message"),
    [
        ([("MU09", "add_discharges", 5)], 1, "motor unit 'MU09' is not there.*There are: MU01, MU02"),
        ([("MU09", "remove_unit", None)], 1, "motor unit 'MU09' is not there"),
        ([("MU01", "add_unit", None)], 1, "motor unit 'MU01' is already there"),
        (
            [("MU01", "remove_discharges", 200), ("MU01", "remove_discharges", 11)],
            2,
            "no discharge at 0.005371",
        ),
        (
            [("MU01", "remove_discharges", 200), ("MU01", "remove_discharges", 200)],
            2,
            "no discharge at 0.097656",
        ),
        ([("MU01", "add_discharges", 200)], 1, "already has a discharge at 0.097656"),
        ([("MU01", "add_discharges", 5), ("MU01", "add_discharges", 5)], 2, "already has a discharge"),
        ([("MU01", "add_discharges", 200), ("MU01", "remove_discharges", 200)], 1, "already has a discharge"),
        ([("MU01", "add_discharges", SAMPLES)], 1, "12.0 s is after the end of the recording"),
        ([("MU02", "remove_discharges", 7)], 1, "MU02 has no discharge left.*Use remove_unit"),
        ([("MU03", "add_unit", None)], 1, "MU03 has no discharge left"),
        (
            [("MU01", "add_discharges", 5), ("MU01", "remove_unit", None)],
            2,
            r"removed here .* in e.tsv, row 1",
        ),
    ],
)
def test_edits_that_do_not_fit_are_refused_with_file_and_row(changes, row, message):
    before = bare({"MU01": np.array([100, 200]), "MU02": np.array([7])})
    with pytest.raises(InputError, match=message) as error:
        apply_edits(before.discharges, marked(rows(before, *changes)), RATE, SAMPLES)
    assert error.value.where == f"e.tsv, row {row}"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("date", "1.5.2024", "'1.5.2024' is no date"),
        ("onset", None, "add_discharges needs the onset"),
        ("operation", "remove_unit", "remove_unit has no onset"),
        ("editor", " ", "'editor' is empty"),
        ("operation", "shift", "value 'shift' breaks the rule"),
        ("onset", -0.5, "value '-0.5' breaks the rule"),
    ],
)
def test_tables_that_break_a_rule_are_refused_with_file_and_row(tmp_path, column, value, message):
    table = rows(bare({"MU01": np.array([1])}), ("MU01", "add_discharges", 5), ("MU01", "add_discharges", 6))
    table = table.astype(object)
    table.loc[1, column] = value
    table.to_csv(tmp_path / "e.tsv", sep="\t", index=False, na_rep="n/a")
    with pytest.raises(InputError, match=message) as error:
        read_edits([tmp_path / "e.tsv"], "rec-1")
    assert "row 2" in str(error.value) and str(tmp_path / "e.tsv") in error.value.where


def test_every_recording_gets_its_rows_and_an_unknown_one_is_refused(tmp_path):
    units = {"MU01": np.array([1])}
    table = rows(bare(units), ("MU01", "add_discharges", 5), ("MU01", "add_discharges", 9))
    mixed = table.assign(recording=["rec-1", "rec-2"])
    write_table(mixed, tmp_path / "b.tsv", "edits")
    write_table(table, tmp_path / "a.tsv", "edits")
    files = files_of_recordings(tmp_path, ["rec-1", "rec-2", "rec-3"])
    assert files == {
        "rec-1": [str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv")],
        "rec-2": [str(tmp_path / "b.tsv")],
        "rec-3": [],
    }
    read = read_edits(files["rec-1"], "rec-1")
    assert list(read["where"]) == [
        f"{tmp_path}/a.tsv, row 1",
        f"{tmp_path}/a.tsv, row 2",
        f"{tmp_path}/b.tsv, row 1",
    ]
    assert len(read_edits([], "rec-3")) == 0
    with pytest.raises(InputError, match="recording 'rec-2' is not in the trial plan") as error:
        files_of_recordings(tmp_path, ["rec-1"])
    assert error.value.where == f"{tmp_path / 'b.tsv'}, row 2"
    with pytest.raises(InputError, match="no such folder"):
        files_of_recordings(tmp_path / "none", ["rec-1"])


def test_quality_at_detected_discharges_is_that_of_the_detection(signal, found):
    for train in pulse_trains_of(found, signal.emg):
        source = np.sqrt(np.maximum(train, 0))
        detected = detect_discharges(source, RATE)
        given = quality_at(source, detected.samples, RATE)
        assert given.silhouette == pytest.approx(detected.silhouette, rel=1e-6)
        assert given.pulse_to_noise_ratio == pytest.approx(detected.pulse_to_noise_ratio, rel=1e-6)
        # A missed discharge counts as noise, a wrong one as a discharge.
        missed = quality_at(source, detected.samples[1:], RATE)
        assert missed.pulse_to_noise_ratio < detected.pulse_to_noise_ratio
        wrong = np.unique([*detected.samples, 5000])
        assert quality_at(source, wrong, RATE).silhouette < detected.silhouette


def test_no_edits_change_nothing(signal, found):
    edited, log = replay_edits(found, read_edits([], "rec-1"), signal, GOOD, SETTINGS)
    assert fingerprint(edited.discharges) == fingerprint(found.discharges)
    np.testing.assert_array_equal(edited.filters, found.filters)
    pd.testing.assert_frame_equal(edited.quality, found.quality)
    assert len(log) == 0


def test_replay_keeps_the_editors_discharges_and_estimates_the_filter_from_them(signal, found, tmp_path):
    first, second, third, *others = found.discharges
    samples = found.discharges[first]
    late = SAMPLES - 700
    table = rows(
        found,
        *[(first, "remove_discharges", sample) for sample in samples[5:9]],
        (first, "add_discharges", late),
        (second, "remove_unit", None),
        ("MU77", "add_unit", None),
        *[("MU77", "add_discharges", sample) for sample in found.discharges[second][::2]],
        ("few", "add_unit", None),
        *[("few", "add_discharges", sample) for sample in found.discharges[second][5:25:2]],
    )
    edited, log = replay_edits(found, reread(table, tmp_path), signal, GOOD, SETTINGS)
    assert list(edited.discharges) == [first, third, *others, "MU77", "few"]
    np.testing.assert_array_equal(edited.discharges[first], [*samples[:5], *samples[9:], late])
    np.testing.assert_array_equal(edited.discharges["MU77"], found.discharges[second][::2])

    old, new = list(found.discharges), list(edited.discharges)
    for unit in [third, *others]:
        np.testing.assert_array_equal(edited.filters[new.index(unit)], found.filters[old.index(unit)])
        np.testing.assert_array_equal(edited.sources[unit], found.sources[unit])
    sources = sources_of(edited, signal.emg)
    for unit in [first, "MU77", "few"]:
        source = sources[new.index(unit)]
        np.testing.assert_allclose(
            edited.sources[unit], source[edited.discharges[unit]], rtol=1e-3, atol=1e-3
        )
    # The filter follows the discharges: that of half the train still finds the other half.
    source = sources[new.index("MU77")]
    other_half = np.setdiff1d(found.discharges[second][1::2], edited.discharges["few"])
    assert source[other_half].mean() > 0.8 * edited.sources["MU77"].mean()
    assert np.quantile(source, 0.98) < 0.5 * edited.sources["MU77"].mean()

    quality = edited.quality.set_index("unit_id")
    assert quality.loc[second, "reason"] == "removed in editing by A. B.: seen"
    assert not quality.loc[second, "accepted"]
    assert quality.loc[first, "accepted"] and quality.loc["MU77", "accepted"]
    assert quality.loc[first, "n_discharges"] == len(samples) - 3
    before = found.quality.set_index("unit_id")
    assert quality.loc[first, "silhouette"] < before.loc[first, "silhouette"]
    in_edited = quality_at(sources[0], edited.discharges[first], RATE)
    assert quality.loc[first, "silhouette"] == pytest.approx(in_edited.silhouette)
    assert quality.loc[third].equals(before.loc[third])

    log = log.set_index(["unit_id", "operation"])
    assert list(log["n_edits"]) == [4, 1, 1, 1, len(edited.discharges["MU77"]), 1, 10]
    row = log.loc[(first, "remove_discharges")]
    assert (row["n_discharges_before"], row["n_discharges_after"]) == (len(samples), len(samples) - 3)
    assert row["silhouette_before"] == before.loc[first, "silhouette"]
    assert row["silhouette_after"] == quality.loc[first, "silhouette"]
    assert (row["editor"], row["date"], row["reason"]) == ("A. B.", "2024-05-01", "seen")
    assert pd.isna(log.loc[(second, "remove_unit"), "silhouette_after"])
    assert log.loc[(second, "remove_unit"), "n_discharges_after"] == 0
    assert log.loc[("few", "add_unit"), "remark"].startswith("10 discharges, 20 needed")
    assert quality.loc["few", "accepted"], "a person decided"
    check_table(log.reset_index(), "edit_log", "log")

    write_decomposition(edited, tmp_path, "edited")
    read = read_decomposition(tmp_path, "rec-1", "edited")
    assert fingerprint(read.discharges) == fingerprint(edited.discharges)


def test_edits_of_an_edited_decomposition_follow_in_rounds(signal, found, tmp_path):
    first, second, *_ = found.discharges
    samples = found.discharges[first]
    one = rows(found, (first, "remove_discharges", samples[0]))
    middle, _ = replay_edits(found, reread(one, tmp_path), signal, GOOD, SETTINGS)
    two = rows(middle, (first, "add_discharges", samples[0]), (second, "remove_unit", None), editor="C. D.")
    append_edits(tmp_path / "all.tsv", two)
    append_edits(tmp_path / "all.tsv", one)
    edits = read_edits([tmp_path / "all.tsv"], "rec-1")
    edited, log = replay_edits(found, edits, signal, GOOD, SETTINGS)
    assert second not in edited.discharges
    np.testing.assert_array_equal(edited.discharges[first], samples)
    np.testing.assert_array_equal(
        edited.filters[0], found.filters[0], "nothing is left of the first unit's edits"
    )
    assert sorted(log["editor"]) == ["A. B.", "C. D.", "C. D."]
    with pytest.raises(InputError, match="already has edits of decomposition"):
        append_edits(tmp_path / "all.tsv", one)
    assert len(read_table(tmp_path / "all.tsv", "edits")) == 3


def test_edits_of_another_decomposition_are_refused(signal, found, tmp_path):
    first = next(iter(found.discharges))
    table = rows(found, (first, "remove_unit", None), decomposition="0123456789abcdef")
    with pytest.raises(InputError, match="made for decomposition 0123456789abcdef, but this one is") as error:
        replay_edits(found, reread(table, tmp_path), signal, GOOD, SETTINGS)
    assert error.value.where == f"{tmp_path}/e.tsv, row 1"
    assert fingerprint(found.discharges) in error.value.rule


def test_added_unit_cannot_take_the_name_of_a_candidate(signal, found, tmp_path):
    rejected = found.quality.loc[~found.quality["accepted"].astype(bool), "unit_id"].iloc[0]
    table = rows(found, (rejected, "add_unit", None), (rejected, "add_discharges", 700))
    with pytest.raises(InputError, match="already the name of a candidate"):
        replay_edits(found, reread(table, tmp_path), signal, GOOD, SETTINGS)


def test_last_unit_cannot_be_removed(signal, found, tmp_path):
    table = rows(found, *[(unit, "remove_unit", None) for unit in found.discharges])
    with pytest.raises(InputError, match="no motor unit is left"):
        replay_edits(found, reread(table, tmp_path), signal, GOOD, SETTINGS)
