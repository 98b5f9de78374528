import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.seeds import random_generator
from pictrial.simulation.irregularities import IrregularitySettings, add_irregularities

END = 26.0


def trains(n_units: int, seed: int = 1) -> dict[str, np.ndarray]:
    """Trains of about 10 pps from 4 to at most 21 s; the last has too few discharges to be changed."""
    random = random_generator(seed, "irregular")
    result = {f"true{i:02d}": 4 + np.cumsum(0.1 + 0.01 * random.uniform(-1, 1, 150)) for i in range(n_units)}
    return result | {"short": np.arange(5.0, 6.0, 0.1)}


@pytest.fixture
def changed():
    regular = trains(30)
    settings_ = IrregularitySettings(pause_share=0.2, doublet_share=0.1, late_share=0.3)
    return regular, *add_irregularities(regular, settings_, END, random_generator(2, "x"))


def test_shares_are_kept_and_no_unit_has_two(changed):
    regular, new, table = changed
    assert table["kind"].value_counts().to_dict() == {"pause": 6, "doublet": 3, "late": 9}
    assert table["unit_id"].is_unique
    assert "short" not in set(table["unit_id"])
    untouched = set(regular) - set(table["unit_id"])
    assert len(untouched) == 13
    assert all(new[unit] is regular[unit] for unit in untouched)
    assert list(new) == list(regular)


def test_each_irregularity_is_where_the_table_says(changed):
    regular, new, table = changed
    for row in table.itertuples():
        before, after = regular[row.unit_id], new[row.unit_id]
        assert np.all(np.diff(after) > 0)
        if row.kind == "pause":
            assert 0.6 <= row.stop - row.start < 1.7
            removed = before[(before > row.start) & (before < row.stop)]
            assert removed.size >= 4
            np.testing.assert_array_equal(after, np.setdiff1d(before, removed))
        elif row.kind == "doublet":
            assert row.start == before[0] == after[0]
            assert 0.005 <= row.stop - row.start <= 0.02
            np.testing.assert_array_equal(np.delete(after, 1), before)
            assert after[1] == row.stop
        else:
            assert row.start == before[-1]
            assert 0.6 <= row.stop - row.start <= 1.5
            np.testing.assert_array_equal(after, [*before, row.stop])


def test_nothing_changes_by_default():
    regular = trains(5)
    new, table = add_irregularities(regular, IrregularitySettings(), END, random_generator(1, "x"))
    assert all(new[unit] is regular[unit] for unit in regular)
    assert table.empty
    assert table.columns.tolist() == ["unit_id", "kind", "start", "stop"]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), end=st.floats(19.5, 22))
def test_no_discharge_falls_behind_the_end(seed, end):
    regular = {unit: train[train < end] for unit, train in trains(6, seed).items()}
    only_late = IrregularitySettings(late_share=1.0)
    new, table = add_irregularities(regular, only_late, end, random_generator(seed, "x"))
    assert all(train[-1] < end for train in new.values())
    assert set(table["unit_id"]) == {unit for unit in new if new[unit].size > regular[unit].size}


def test_every_pause_of_short_trains_is_as_long_as_set():
    regular = {f"true{i}": 5 + 0.1 * np.arange(22) for i in range(60)}
    new, table = add_irregularities(
        regular, IrregularitySettings(pause_share=1.0), END, random_generator(1, "x")
    )
    assert 10 < len(table) < 60
    assert (table["stop"] - table["start"]).min() >= 0.6
    assert {unit for unit in new if new[unit].size < 22} == set(table["unit_id"])
