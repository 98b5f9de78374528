"""Rates and ΔF beside openhdemg 0.2.0b2, an independent implementation: equal where it is right."""

import numpy as np
import openhdemg_oracle as oracle
import pandas as pd
import pytest

from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import PairCriteria, estimate_delta_f
from pictrial.motor_units.discharge_trains import DischargeLimits
from pictrial.motor_units.smoothing import RateSettings, smooth_units

#: openhdemg's constants: every interval counts, and it has three criteria.
RATES = RateSettings("svr", limits=DischargeLimits(0, np.inf))
CRITERIA = PairCriteria(saturation_margin=-np.inf, overlap_duration=0, overlap_discharges=0)
CASES = oracle.frozen_cases()
STEP = oracle.SAMPLING_RATE // 2
#: In pps; what is found is below 0.00001 (its answers are rounded to 0.000001).
TOLERANCE = 0.0001


@pytest.fixture(params=[name for name in CASES if "error" not in CASES[name]["answer"]])
def case(request) -> dict:
    """A contraction with openhdemg's frozen answer."""
    if request.param == oracle.REAL:
        path = request.getfixturevalue("otb_testfile")
        return CASES[request.param] | oracle.real_contraction(path)
    return CASES[request.param]


def discharges(case: dict) -> dict[str, np.ndarray]:
    return {f"{unit}": np.array(train) / oracle.SAMPLING_RATE for unit, train in enumerate(case["trains"])}


def ledger(case: dict) -> pd.DataFrame:
    """Return our pairs, by openhdemg's number of control and test unit."""
    pairs = estimate_delta_f(discharges(case), CRITERIA, RATES)
    pairs.index = pd.MultiIndex.from_frame(pairs[["control_unit", "test_unit"]].astype(int))
    return pairs


def unit_means(case: dict) -> list[float]:
    means = unit_delta_f(estimate_delta_f(discharges(case), CRITERIA, RATES)).set_index("unit_id")["delta_f"]
    return [float(means.get(unit, np.nan)) for unit in discharges(case)]


def differences_of_rates(case: dict, answer: dict, step: int) -> np.ndarray:
    """Return ours less openhdemg's at every instant at which it has a rate; elsewhere we must have none."""
    found = []
    for train, rate, theirs in zip(
        case["trains"], smooth_units(discharges(case), RATES).values(), answer["rates"], strict=True
    ):
        if theirs:
            instants = np.append(np.arange(train[1], train[-1], step), train[-1])
            theirs = np.array(theirs, dtype=float)
            ours = rate(instants / oracle.SAMPLING_RATE)
            # After a pause openhdemg has no rate at the last discharge, nor at those beside the pause.
            inside = ~np.isin(instants, train)
            np.testing.assert_array_equal(np.isnan(ours[inside]), np.isnan(theirs[inside]))
            found.append((ours - theirs)[~np.isnan(theirs)])
    return np.concatenate(found)


def test_rates_are_those_of_openhdemg(case):
    assert np.abs(differences_of_rates(case, case["answer"], STEP)).max() < TOLERANCE


def test_every_pair_is_judged_as_by_openhdemg_unless_its_control_stops_first(case):
    pairs = ledger(case)
    compared = 0
    for first, second, delta_f, valid in case["answer"]["pairs"]:
        both = pairs.loc[[(first, second), (second, first)]]
        of = both.sort_values("control_recruitment").iloc[0]
        if of["test_derecruitment"] > of["control_derecruitment"]:  # openhdemg's answer is clamped
            assert np.isnan(of["delta_f"])
            continue
        assert of["passed"] == (valid is not None)
        assert np.isnan(of["delta_f"]) == (delta_f is None)
        if delta_f is not None:
            assert of["delta_f"] == pytest.approx(delta_f, abs=TOLERANCE)
            compared += 1
    assert compared >= 2


def test_the_frozen_answers_hold_enough():
    simulated = [case for name, case in CASES.items() if name.startswith("simulated")]
    assert len(simulated) == 20
    pairs = [pair for case in simulated for pair in case["answer"]["pairs"]]
    assert sum(valid is not None for *_, valid in pairs) > 300
    assert all(np.diff(train).min() > 0 for case in simulated for train in case["trains"])


def test_the_valid_pairs_of_the_real_recording():
    valid = [pair[-1] for pair in CASES[oracle.REAL]["answer"]["pairs"] if pair[-1] is not None]
    assert valid == pytest.approx([2.13, 1.55, 2.71], abs=0.005)


def pair_value(name: str, control: int, test: int) -> float:
    return ledger(CASES[name]).loc[(control, test), "delta_f"]


# Units of the awkward contractions: their true means, whatever else was recorded.
MIDDLE, LATE = 2.232672, (1.392667 + 1.368153) / 2


@pytest.mark.parametrize(
    ("name", "theirs", "right"),
    [
        # A pair that does not overlap has no place in openhdemg's list of test units: all later pairs
        # are counted for the wrong unit.
        ("pair_without_overlap", [None, None, None, None], [None, None, MIDDLE, LATE]),
        ("empty_unit_first", [None, None, None, None], [None, None, MIDDLE, LATE]),
        ("empty_unit_between", [None, None, None, 1.81267], [None, None, MIDDLE, LATE]),
        ("empty_unit_last", [None, MIDDLE, 1.392667, None], [None, MIDDLE, LATE, None]),
    ],
)
def test_a_pair_without_overlap_does_not_shift_the_others(name, theirs, right):
    assert CASES[name]["answer"]["units"] == pytest.approx(theirs, abs=1e-6, nan_ok=True)
    expected = [np.nan if value is None else value for value in right]
    assert unit_means(CASES[name]) == pytest.approx(expected, abs=TOLERANCE, nan_ok=True)


def test_empty_units_keep_their_pairs_with_the_reason():
    for name, empty in (("empty_unit_first", 0), ("empty_unit_between", 1), ("empty_unit_last", 3)):
        pairs = ledger(CASES[name])
        assert len(pairs) == 12
        assert (pairs.xs(empty, level=0)["reason"] == "control_too_few_discharges").all()
        assert (pairs.xs(empty, level=1)["reason"] == "test_too_few_discharges").all()
        assert pairs["passed"].sum() == 3


def test_control_and_test_do_not_depend_on_the_order_of_units():
    # Units: late, early, middle. openhdemg calls the first of a pair the control ("reporter").
    answer = CASES["unsorted_units"]["answer"]
    assert answer["pairs"][0] == [0, 1, 1.392667, 1.392667]
    pairs = ledger(CASES["unsorted_units"])
    assert sorted(pairs.index[pairs["passed"]]) == [(1, 0), (1, 2), (2, 0)]
    assert pairs.loc[(1, 0), "delta_f"] == pytest.approx(1.392667, abs=TOLERANCE)
    assert "test_recruited_first" in pairs.loc[(0, 1), "reason"]


def test_a_unit_of_one_discharge_does_not_take_the_others_away():
    case = CASES["one_discharge"]
    assert case["answer"]["error"].startswith("InvalidParameterError: The 'epsilon' parameter")
    assert unit_means(case) == pytest.approx([np.nan, MIDDLE, LATE, np.nan], abs=TOLERANCE, nan_ok=True)
    assert ledger(case).loc[(0, 3), "reason"] == "test_too_few_discharges"


def test_a_control_that_stops_early_gives_no_value():
    # Units: early, stopping, late. openhdemg moves the derecruitment of the third to that of the second.
    case = CASES["control_stops_early"]
    clamped = {(first, second): delta_f for first, second, delta_f, _ in case["answer"]["pairs"]}[1, 2]
    control, test = (smooth_units(discharges(case), RATES)[unit] for unit in "12")
    at = np.array([test.recruitment, control.derecruitment])
    assert control(at)[0] - control(at)[1] == pytest.approx(clamped, abs=TOLERANCE)
    row = ledger(case).loc[(1, 2)]
    assert np.isnan(row["delta_f"])
    assert "test_outlasts_control" in row["reason"]


def test_clamped_pairs_count_as_valid_in_openhdemg_and_not_here():
    kept = []
    for name, case in CASES.items():
        if name.startswith("simulated_0"):
            pairs = ledger(case)
            valid = [
                (first, second) for first, second, _, value in case["answer"]["pairs"] if value is not None
            ]
            kept += pairs.loc[valid, "reason"].dropna().tolist()
    assert len(kept) > 10
    assert all(reason.startswith("test_outlasts_control") for reason in kept)


@pytest.mark.slow
def test_openhdemg_says_what_was_frozen(otb_testfile):
    if not oracle.PYTHON.is_file():
        pytest.skip("needs openhdemg: make oracle")
    cases = {
        name: oracle.real_contraction(otb_testfile) if name == oracle.REAL else case
        for name, case in CASES.items()
    }
    questions = {
        name: {key: case[key] for key in ("sampling_rate", "length", "trains")}
        for name, case in cases.items()
    }
    fine = 16
    said = oracle.ask(questions, fine)
    assert said["version"] == "0.2.0b2"
    for name, answer in said["cases"].items():
        frozen = CASES[name]["answer"]
        assert answer.get("error") == frozen.get("error")
        if "error" in answer:
            continue
        # Every 8 ms now, every half second in the frozen answer, and the last discharge in both.
        for rates, kept in zip(answer["rates"], frozen["rates"], strict=True):
            assert [*rates[: -1 : STEP // fine], *rates[-1:]] == pytest.approx(kept, abs=0.001, nan_ok=True)
        pairs = (np.array(of["pairs"], dtype=float) for of in (answer, frozen))
        np.testing.assert_allclose(*pairs, atol=0.001)
        assert answer["units"] == pytest.approx(frozen["units"], abs=0.001)
        assert np.abs(differences_of_rates(cases[name], answer, fine)).max() < 0.001
