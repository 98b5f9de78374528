import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.motor_units.discharge_exclusions import discharge_exclusions
from pictrial.motor_units.discharge_trains import DischargeLimits, clean_train
from pictrial.tables import check_table


def test_every_kind_is_a_row_with_its_value_and_reason():
    regular = np.arange(40, 81) / 10
    times = np.sort(np.concatenate([[0.5], regular, [5.0, 6.005, 8.8, 8.9, 9.6]]))
    rows = check_table(discharge_exclusions({"b": times, "a": regular}), "discharge_exclusions", "test")
    assert set(rows["unit_id"]) == {"b"}
    assert rows["what"].tolist() == [
        "isolated discharge",
        "duplicate discharge",
        "short interval",
        "long interval",
        "isolated discharge",
    ]
    assert rows["time"].to_numpy() == pytest.approx([0.5, 5.0, 6.005, 8.8, 9.6])
    assert rows["value"].to_numpy() == pytest.approx([3.5, 0.0, 0.005, 0.8, 0.7])
    assert rows["reason"].tolist() == [
        "more than 0.5 s from the rest",
        "a discharge at this time is there already",
        "shorter than 0.02 s",
        "longer than 0.5 s",
        "more than 0.5 s from the rest",
    ]
    stay = "the interval gives no rate; both discharges stay"
    gone = "the discharge is left out"
    assert rows["effect"].tolist() == [gone, gone, stay, stay, gone]
    assert rows[["participant", "session"]].isna().all(axis=None)


@given(
    intervals=st.lists(st.sampled_from([0.0, 0.003, 0.02, 0.1, 0.4, 0.5, 0.7, 3.0]), min_size=1, max_size=40),
    isi_max=st.sampled_from([0.3, 0.6]),
)
def test_rows_account_for_everything_that_is_left_out(intervals, isi_max):
    limits = DischargeLimits(0.01, isi_max)
    times = np.cumsum(intervals)
    train = clean_train(times, limits)
    rows = discharge_exclusions({"a": times}, limits)
    counts = rows["what"].value_counts()
    assert counts.get("duplicate discharge", 0) == train.n_duplicates
    assert counts.get("isolated discharge", 0) == train.n_isolated
    assert counts.get("short interval", 0) == train.n_isi_short
    assert counts.get("long interval", 0) == train.n_isi_long
    assert train.times.size + train.n_duplicates + train.n_isolated == times.size
    assert train.rates.size == max(train.times.size - 1, 0) - train.n_isi_short - train.n_isi_long
    assert rows["time"].is_monotonic_increasing
    assert (rows.loc[rows["what"] == "isolated discharge", "value"].dropna() > isi_max).all()


def test_a_motor_unit_that_discharged_once_has_no_interval():
    rows = check_table(discharge_exclusions({"a": np.array([5.0])}), "discharge_exclusions", "test")
    assert rows["what"].tolist() == ["isolated discharge"]
    assert pd.isna(rows["value"][0])


@pytest.mark.parametrize("discharges", [{}, {"a": np.array([])}, {"a": np.arange(1, 3, 0.1)}])
def test_nothing_left_out_gives_an_empty_table(discharges):
    assert check_table(discharge_exclusions(discharges), "discharge_exclusions", "test").empty


def test_duplicates_do_not_change_the_train():
    times = np.arange(1, 3, 0.1)
    plain, doubled = clean_train(times), clean_train(np.repeat(times, 3))
    assert (doubled.times == plain.times).all() and (doubled.rates == plain.rates).all()
    assert (plain.n_duplicates, doubled.n_duplicates) == (0, 40)


def test_descending_discharges_are_refused():
    with pytest.raises(InputError, match="not later than the one before"):
        discharge_exclusions({"a": np.array([1.0, 1.1, 1.05, 1.2])})
