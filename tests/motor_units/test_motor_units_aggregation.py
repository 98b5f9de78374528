import numpy as np
import pandas as pd
import pytest
from motor_unit_trains import arch, noisy_units, train_at_rate

from pictrial.motor_units.aggregation import (
    AGGREGATIONS,
    common_course,
    composite_delta_f,
    every_unit_delta_f,
    unit_delta_f,
)
from pictrial.motor_units.delta_f import USUAL_CRITERIA, PairCriteria, estimate_delta_f, judge_pairs
from pictrial.motor_units.pair_measures import measure_pairs
from pictrial.motor_units.smoothing import RateSettings
from pictrial.tables import check_table, load_schema

PAIRS = pd.DataFrame(
    [
        ("01", "1", "a", "c", 2.0, 0.5, 0.3, 0.1, True),
        ("01", "1", "b", "c", 5.0, 0.9, 0.4, 0.1, True),
        ("01", "1", "d", "c", 9.0, 0.2, 0.4, 0.1, False),
        ("01", "2", "a", "c", 1.0, 0.1, 0.2, 0.2, True),
        ("01", "2", "b", "c", 4.0, 0.1, 0.2, 0.2, False),
        ("01", "2", "a", "e", 3.0, np.nan, 0.2, 0.2, True),
    ],
    columns=[
        *("participant", "session", "control_unit", "test_unit", "delta_f", "normalised_delta_f"),
        *("own_standard_error", "shared_standard_error", "passed"),
    ],
)


def values(table):
    check_table(table, "unit_delta_f", "test")
    return {(row.session, row.unit_id): row.delta_f for row in table.itertuples()}


def test_mean_median_and_normalised_mean_over_passing_controls():
    assert values(unit_delta_f(PAIRS)) == {("1", "c"): 3.5, ("2", "c"): 1.0, ("2", "e"): 3.0}
    more = pd.concat([PAIRS, PAIRS.iloc[[1]].assign(control_unit="f", delta_f=6.0)])
    median = unit_delta_f(more, "median_over_passing_controls")
    assert values(median)["1", "c"] == 5.0
    assert median["standard_error"].isna().all()
    assert values(unit_delta_f(PAIRS, "normalised_mean")) == {("1", "c"): pytest.approx(0.7), ("2", "c"): 0.1}


def test_same_pairs_are_those_that_pass_in_every_session():
    same = unit_delta_f(PAIRS, "mean_over_same_pairs")
    assert values(same) == {("1", "c"): 2.0, ("2", "c"): 1.0}
    assert same["n_controls"].tolist() == [1, 1]
    # A third session in which there were no pairs: no pair passed in all of them.
    assert unit_delta_f(PAIRS, "mean_over_same_pairs", n_sessions=3).empty
    others = PAIRS.assign(participant="02").query("session == '1'")
    both = unit_delta_f(pd.concat([PAIRS, others]), "mean_over_same_pairs")
    # The other participant has one session: all of theirs pass in every one.
    assert both.query("participant == '02'")["delta_f"].tolist() == [3.5]


def test_own_noise_averages_out_over_controls_and_shared_noise_does_not():
    error = unit_delta_f(PAIRS).set_index(["session", "unit_id"])["standard_error"]
    assert error["1", "c"] == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 4 + 0.1**2))
    assert error["2", "c"] == pytest.approx(np.hypot(0.2, 0.2))


def test_the_common_course_leaves_no_step_where_a_unit_comes_or_goes():
    course = np.array([0.0, 1.0, 3.0, 2.0, 0.5])
    rates = course + np.array([[5.0], [8.0], [2.0]])
    rates[0, 3:] = np.nan
    rates[1, :2] = np.nan
    np.testing.assert_allclose(np.diff(common_course(rates)), np.diff(course), atol=1e-12)


def test_courses_that_nothing_joins_have_no_common_course():
    apart = np.array([[1.0, 2.0, np.nan, np.nan], [np.nan, np.nan, 3.0, 4.0]])
    assert common_course(apart) is None
    assert common_course(np.array([[1.0, np.nan, 2.0]])) is None


def test_a_composite_control_takes_in_a_control_that_stops_early():
    rate = arch(peak=14, curvature=0.06, middle=10)
    # A polynomial gives an arch back exactly.
    exact = RateSettings("polynomial", {"polynomial": {"interval_share": 1.0}})
    units = {
        "early": train_at_rate(lambda t: rate(t) + 1, 2.0, 14.0),
        "late": train_at_rate(lambda t: rate(t) - 2, 3.0, 18.5),
        "test": train_at_rate(arch(peak=11, curvature=0.06, middle=10), 6.0, 16.0),
    }
    measured = measure_pairs(units, exact)
    pairs = judge_pairs(measured, USUAL_CRITERIA)
    assert (
        "test_outlasts_control" in pairs.set_index(["control_unit", "test_unit"])["reason"]["early", "test"]
    )
    composite = composite_delta_f(measured, pairs).set_index("unit_id").loc["test"]
    expected = rate(units["test"][0]) - rate(units["test"][-1])
    assert (composite["n_controls"], composite["delta_f"]) == (2, pytest.approx(expected, abs=1e-6))


def test_with_all_controls_active_throughout_the_composite_is_the_mean():
    measured = measure_pairs(noisy_units(8, 8))
    pairs = judge_pairs(
        measured, PairCriteria(correlation=-1, saturation_margin=-np.inf, derecruitment_gap=0.0)
    )
    composite = composite_delta_f(measured, pairs).set_index("unit_id")["delta_f"]
    compared = 0
    suited = pairs[pairs["recruitment_gap_pass"] & pairs["overlap_duration_pass"] & pairs["modulation_pass"]]
    for unit, controls in suited.groupby("test_unit"):
        if controls["passed"].all():
            compared += 1
            assert composite[unit] == pytest.approx(controls["delta_f"].mean(), abs=1e-9)
    assert compared


def test_every_aggregation_of_a_participant_is_in_one_table():
    units = {
        "control": train_at_rate(arch(peak=14, curvature=0.06, middle=10), 2.0, 18.5),
        "test": train_at_rate(arch(peak=12, curvature=0.07, middle=10), 5.0, 16.0),
    }
    sessions = [measure_pairs(units) for _ in range(2)]
    ledgers = [
        judge_pairs(pairs, USUAL_CRITERIA).assign(participant="01", session=str(number))
        for number, pairs in enumerate(sessions)
    ]
    table = check_table(every_unit_delta_f(sessions, ledgers), "unit_delta_f", "test")
    assert (
        set(table["aggregation"])
        == set(AGGREGATIONS)
        == set(load_schema("unit_delta_f")["columns"]["aggregation"]["Levels"])
    )
    assert not table.duplicated(["participant", "session", "unit_id", "aggregation"]).any()


def test_no_passing_pair_gives_an_empty_table():
    pairs = estimate_delta_f({"a": np.array([1.0])})
    for aggregation in AGGREGATIONS:
        if aggregation != "composite_control":
            assert check_table(unit_delta_f(pairs, aggregation), "unit_delta_f", "test").empty
    measured = measure_pairs({})
    assert every_unit_delta_f([measured], [judge_pairs(measured, USUAL_CRITERIA)]).empty
