import numpy as np
import pandas as pd
import pytest
from motor_unit_trains import arch, noisy_units, train_at_rate

from pictrial.errors import InputError
from pictrial.motor_units.units import describe_units
from pictrial.tables import check_table

RATE = 1000.0
TORQUE = np.interp(np.arange(20_000) / RATE, [0, 10, 20], [0, 20, 0])


def test_a_unit_with_known_rate_and_torque():
    rate = arch(peak=14, curvature=0.06, middle=10)
    times = train_at_rate(rate, start=4.0, stop=17.0)
    units = check_table(describe_units({"a": times}, TORQUE, RATE), "units", "test")
    row = units.iloc[0]
    assert row["n_discharges"] == times.size and row["n_rates"] == times.size - 1
    assert row["recruitment_time"] == 4.0 and row["derecruitment_time"] == times[-1]
    assert row["recruitment_threshold"] == pytest.approx(8.0)
    assert row["derecruitment_threshold"] == pytest.approx(2 * (20 - times[-1]), abs=0.002)
    assert row["mean_rate"] == pytest.approx(rate(times[1:]).mean())
    assert row["peak_rate"] == pytest.approx(14, abs=1e-3)
    assert row["peak_rate_time"] == pytest.approx(10, abs=0.06)
    intervals = np.diff(times)
    assert row["cov_isi"] == pytest.approx(100 * intervals.std(ddof=1) / intervals.mean())
    assert pd.isna(row["excluded"])


def test_what_is_left_out_is_counted():
    times = np.concatenate([[0.5], np.arange(4.0, 8.05, 0.1), [8.005 + 0.0], [8.8, 8.9]])
    units = describe_units({"a": np.unique(times)}, TORQUE, RATE)
    assert units[["n_isolated", "n_isi_short", "n_isi_long"]].iloc[0].tolist() == [1, 1, 1]
    assert units["recruitment_threshold"][0] == pytest.approx(8.0)


def test_a_unit_that_cannot_be_smoothed_keeps_its_row():
    units = check_table(
        describe_units({"b": np.array([5.0, 5.1, 5.2]), "a": np.array([5.0])}, TORQUE, RATE), "units", "test"
    )
    assert units["unit_id"].tolist() == ["a", "b"]
    assert units["excluded"].tolist() == [
        "too_few_discharges: 0 rates of 10",
        "too_few_discharges: 2 rates of 10",
    ]
    assert units["peak_rate"].isna().all() and units["n_isolated"].tolist() == [1, 0]


def test_no_units_give_an_empty_table():
    assert check_table(describe_units({}, TORQUE, RATE), "units", "test").empty


def test_discharges_beyond_the_torque_are_refused():
    with pytest.raises(InputError, match=r"motor unit unit0.*the torque lasts 5 s"):
        describe_units(noisy_units(0, 1), TORQUE[:5000], RATE)
