import numpy as np
import pandas as pd
import pytest
from motor_unit_trains import arch, noisy_units, train_at_rate

from pictrial.errors import InputError
from pictrial.motor_units.smoothing import RateSettings
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
    assert row["torque_hysteresis"] == pytest.approx(8 - 2 * (20 - times[-1]), abs=0.002)
    assert row["ascending_duration"] == pytest.approx(6.0)
    assert row["descending_duration"] == pytest.approx(times[-1] - 10)
    # On the way down the torque is 8 % MVC at 16 s.
    assert row["self_sustained_duration"] == pytest.approx(times[-1] - 16, abs=0.002)
    assert not row["doublet_at_onset"] and row["n_doublets"] == 0


def test_the_shape_of_the_smoothed_rate_is_in_the_table():
    times = train_at_rate(arch(peak=14, curvature=0.15, middle=9.5), start=4.0, stop=15.0)
    settings = RateSettings("polynomial")
    row = check_table(describe_units({"a": times}, TORQUE, RATE, settings), "units", "test").iloc[0]
    # Up a parabola the scaled rate is 1 - (1 - u)², highest above u at the half: 25 %, slopes 3:1.
    assert row["brace_height"] == pytest.approx(25, abs=0.1)
    rises = 0.15 * 5.5**2 * np.array([0.75, 0.25])
    assert row["acceleration_slope"] == pytest.approx(rises[0] / 5.5, rel=0.02)
    assert row["attenuation_slope"] == pytest.approx(rises[1] / 5.5, rel=0.02)
    assert row["brace_angle"] == pytest.approx(180 - np.degrees(np.arctan(1.5) - np.arctan(0.5)), abs=0.2)
    assert pd.isna(row["shape_excluded"])


def test_durations_have_a_sign():
    regular = np.arange(0, 3, 0.1)
    units = describe_units({"early": 2.05 + regular, "late": 12.05 + regular}, TORQUE, RATE).set_index(
        "unit_id"
    )
    assert units.loc["early", "ascending_duration"] == pytest.approx(7.95)
    assert units.loc["early", "descending_duration"] == pytest.approx(4.95 - 10)
    assert units.loc["early", "self_sustained_duration"] == pytest.approx(4.95 - (20 - 2.05), abs=0.002)
    assert units.loc["early", "torque_hysteresis"] == pytest.approx(2 * 2.05 - 2 * 4.95)
    assert units.loc["late", "ascending_duration"] == pytest.approx(-2.05)
    assert units.loc["late", "descending_duration"] == pytest.approx(4.95)
    assert np.isnan(units.loc["late", "self_sustained_duration"])


def test_torque_that_does_not_come_back_gives_no_self_sustained_duration():
    units = describe_units({"a": np.arange(4, 15, 0.1)}, TORQUE[:15_500], RATE)
    assert np.isnan(units["self_sustained_duration"][0])
    assert units["descending_duration"][0] == pytest.approx(4.9)


def test_doublets_are_intervals_of_their_length():
    regular = np.arange(4.0, 8.05, 0.1)
    trains = {
        "onset": np.append(regular, 4.005),
        "inside": np.append(regular, [5.018, 6.025, 7.001]),
        "twice": np.append(regular, [5.005, 5.01]),
        "none": regular,
        "single": regular[:1],
    }
    units = describe_units({name: np.sort(times) for name, times in trains.items()}, TORQUE, RATE)
    units = check_table(units, "units", "test").set_index("unit_id")
    assert units.loc[list(trains), "n_doublets"].tolist() == [1, 1, 2, 0, 0]
    assert units.loc[list(trains)[:4], "doublet_at_onset"].tolist() == [True, False, False, False]
    assert pd.isna(units.loc["single", "doublet_at_onset"])
    assert units.loc["inside", "n_isi_short"] == 2


def test_a_duplicate_discharge_counts_once():
    times = np.arange(4.0, 8.05, 0.1)
    plain, doubled = (describe_units({"a": t}, TORQUE, RATE).iloc[0] for t in (times, np.repeat(times, 2)))
    assert (plain["n_duplicates"], doubled["n_duplicates"]) == (0, times.size)
    pd.testing.assert_series_equal(plain.drop("n_duplicates"), doubled.drop("n_duplicates"))


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
    assert (units["shape_excluded"] == "rate_missing").all()
    assert units["peak_rate"].isna().all() and units["n_isolated"].tolist() == [1, 0]


def test_no_units_give_an_empty_table():
    assert check_table(describe_units({}, TORQUE, RATE), "units", "test").empty


def test_discharges_beyond_the_torque_are_refused():
    with pytest.raises(InputError, match=r"motor unit unit0.*the torque lasts 5 s"):
        describe_units(noisy_units(0, 1), TORQUE[:5000], RATE)
