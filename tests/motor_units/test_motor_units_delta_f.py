import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motor_unit_trains import arch, noisy_units, train_at_rate

from pictrial.errors import InputError
from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import PairCriteria, estimate_delta_f
from pictrial.motor_units.pair_measures import GRID
from pictrial.motor_units.smoothing import SMOOTHERS, USUAL_RATES, RateSettings
from pictrial.tables import check_table, read_table, write_table

CONTROL_RATE = arch(peak=14, curvature=0.06, middle=10)
CONTROL = train_at_rate(CONTROL_RATE, start=2.0, stop=18.5)
TEST = train_at_rate(arch(peak=12, curvature=0.07, middle=10), start=5.0, stop=16.0)


#: Reproduces the rates of an arch exactly, so that ΔF is known in closed form.
EXACT = RateSettings("polynomial", {"polynomial": {"interval_share": 1.0}})


#: In pps: a solver's and an iteration's own; closed forms.
TOLERANCE = {"svr": 0.005, "spline": 1e-4, "polynomial": 1e-6, "hanning": 1e-6}


def pair(discharges, control="control", test="test", **criteria):
    pairs = estimate_delta_f(discharges, PairCriteria(**criteria), EXACT)
    return pairs[(pairs["control_unit"] == control) & (pairs["test_unit"] == test)].iloc[0]


def test_delta_f_of_units_with_known_rates():
    row = pair({"control": CONTROL, "test": TEST})
    assert row["delta_f"] == pytest.approx(CONTROL_RATE(TEST[0]) - CONTROL_RATE(TEST[-1]), abs=1e-8)
    # Highest at the middle, lowest at the test unit's last discharge.
    assert row["modulation"] == pytest.approx(14 - CONTROL_RATE(TEST[-1]), abs=1e-3)
    assert row["saturation_margin"] == pytest.approx(row["modulation"] - row["delta_f"])
    assert row["recruitment_gap"] == pytest.approx(3.0)
    assert row["derecruitment_gap"] == pytest.approx(CONTROL[-1] - TEST[-1])
    assert row["overlap_duration"] == pytest.approx(TEST[-1] - TEST[0])
    assert row["overlap_discharges"] == TEST.size
    assert row["correlation"] == pytest.approx(1, abs=1e-9)
    assert row["passed"] and pd.isna(row["reason"])


def test_delta_f_of_linearly_rising_rates_is_negative_and_kept():
    # A line of a formula reads best where it is used, hence E731.
    rising = lambda times: 6 + 0.4 * np.asarray(times)  # noqa: E731 (a line reads best where it is used)
    control, test = train_at_rate(rising, 0.0, 20.0), train_at_rate(rising, 5.0, 15.0)
    row = pair({"control": control, "test": test})
    assert row["delta_f"] == pytest.approx(-0.4 * (test[-1] - test[0]), abs=1e-8)
    assert row["passed"]


def test_every_ordered_pair_has_its_row():
    units = noisy_units(1, 5)
    pairs = estimate_delta_f(units)
    expected = [(control, test) for control in sorted(units) for test in sorted(units) if control != test]
    assert list(zip(pairs["control_unit"], pairs["test_unit"], strict=True)) == expected


def test_the_reversed_pair_has_no_delta_f_and_says_why():
    row = pair({"control": CONTROL, "test": TEST}, control="test", test="control")
    assert np.isnan(row["delta_f"])
    assert row["reason"] == "test_recruited_first;test_outlasts_control;recruitment_gap;saturation"


def test_a_test_unit_that_outlasts_its_control_is_not_clamped():
    longer = train_at_rate(arch(peak=12, curvature=0.03, middle=10), start=5.0, stop=19.5)
    row = pair({"control": CONTROL, "test": longer})
    assert np.isnan(row["delta_f"]) and not row["test_stops_first"] and not row["passed"]
    assert row["reason"].startswith("test_outlasts_control")
    assert row["overlap_duration"] == pytest.approx(CONTROL[-1] - 5.0)
    assert row["overlap_discharges"] == (longer <= CONTROL[-1]).sum()


@pytest.mark.parametrize(
    ("criteria", "reason"),
    [
        ({"recruitment_gap": 3.01}, "recruitment_gap"),
        ({"derecruitment_gap": 5.0}, "derecruitment_gap"),
        ({"overlap_duration": 12.0}, "overlap_duration"),
        ({"overlap_discharges": 1000}, "overlap_discharges"),
        ({"modulation": 3.0}, "modulation"),
        ({"saturation_margin": 3.0}, "saturation"),
    ],
)
def test_each_criterion_alone_can_fail_the_pair(criteria, reason):
    row = pair({"control": CONTROL, "test": TEST}, **criteria)
    assert (row["passed"], row["reason"]) == (False, reason)
    assert np.isfinite(row["delta_f"])


def test_the_two_correlation_rules_differ_and_a_negative_r_fails_both():
    units = noisy_units(4, 6)
    for rule in ("r", "r2"):
        pairs = estimate_delta_f(units, criteria=PairCriteria(correlation=0.5, correlation_rule=rule))
        value = pairs["correlation"] if rule == "r" else pairs["r_squared"]
        wanted = (value >= 0.5) & (pairs["correlation"] > 0)
        assert pairs["correlation_pass"].astype(bool).tolist() == wanted.tolist()
    assert ((pairs["correlation"] < 0) & (pairs["r_squared"] >= 0.5)).any()
    with pytest.raises(InputError, match="Choose r or r2"):
        PairCriteria(correlation_rule="spearman")


def test_units_that_never_overlap():
    late = train_at_rate(arch(peak=12, curvature=0.07, middle=30), start=25.0, stop=35.0)
    row = pair({"control": CONTROL, "test": late})
    assert row["overlap_duration"] == 0 and row["overlap_discharges"] == 0
    assert np.isnan(row["correlation"]) and np.isnan(row["modulation"])
    assert "overlap_duration;overlap_discharges;correlation;modulation;saturation" in row["reason"]


def test_a_unit_with_too_few_discharges_is_a_reason_not_a_gap():
    units = {"control": CONTROL, "test": TEST, "short": np.array([8.0, 8.1, 8.2])}
    row = pair(units, test="short")
    assert row["reason"] == "test_too_few_discharges"
    assert pd.isna(row["correlation_pass"]) and pd.isna(row["overlap_discharges"])
    assert pair(units, control="short")["reason"] == "control_too_few_discharges"
    assert pair(units)["passed"]


@pytest.mark.parametrize("units", [{}, {"only": CONTROL}, {"a": np.array([1.0]), "b": np.array([2.0])}])
def test_few_units_give_a_valid_ledger(units, tmp_path):
    pairs = estimate_delta_f(units)
    assert len(pairs) == len(units) * (len(units) - 1)
    write_table(pairs, tmp_path / "pairs.tsv", "pairs")
    assert len(read_table(tmp_path / "pairs.tsv", "pairs")) == len(pairs)
    check_table(unit_delta_f(pairs), "unit_delta_f", "test")


def test_the_ledger_survives_its_file(tmp_path):
    pairs = estimate_delta_f(noisy_units(2, 5)).assign(participant="01", session="1")
    write_table(pairs, tmp_path / "pairs.tsv", "pairs")
    again = read_table(tmp_path / "pairs.tsv", "pairs")
    np.testing.assert_allclose(again["delta_f"].astype(float), pairs["delta_f"], rtol=1e-9)
    assert again["reason"].isna().equals(pairs["reason"].isna())
    assert again["participant"].eq("01").all()


def test_against_one_pair_at_a_time():
    units = noisy_units(3, 6)
    pairs = estimate_delta_f(units)
    for row in pairs.to_dict("records"):
        control, test = (USUAL_RATES.smooth(units[row[unit]]) for unit in ("control_unit", "test_unit"))
        ends = control(np.array([test.recruitment, test.derecruitment]))
        np.testing.assert_allclose(row["delta_f"], ends[0] - ends[1], atol=1e-12)
        grid = np.linspace(test.recruitment, test.derecruitment, GRID)
        both = np.isfinite(control(grid))
        r = np.corrcoef(control(grid)[both], test(grid)[both])[0, 1]
        assert row["correlation"] == pytest.approx(r, abs=1e-9)
        assert row["modulation"] == pytest.approx(np.ptp(control(grid)[both]), abs=1e-12)


@pytest.mark.parametrize("smoother", SMOOTHERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), n_units=st.integers(2, 5), shift=st.sampled_from([-3.7, 12.5, 1e4]))
def test_the_origin_of_time_does_not_matter(smoother, seed, n_units, shift):
    units, rates = noisy_units(seed, n_units), RateSettings(smoother)
    here = estimate_delta_f(units, rates=rates)
    there = estimate_delta_f({name: times + shift for name, times in units.items()}, rates=rates)
    for column in ("delta_f", "correlation", "modulation", "saturation_margin"):
        np.testing.assert_allclose(there[column], here[column], atol=TOLERANCE[smoother])


@pytest.mark.parametrize("smoother", SMOOTHERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
def test_the_order_of_the_units_does_not_matter(smoother, seed, order):
    units, rates = noisy_units(seed, 5), RateSettings(smoother)
    names = list(units)
    shuffled = {names[i]: units[names[i]] for i in order}
    pd.testing.assert_frame_equal(
        estimate_delta_f(units, rates=rates), estimate_delta_f(shuffled, rates=rates)
    )


@pytest.mark.parametrize("smoother", SMOOTHERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_sampling_rate_does_not_matter(smoother, seed):
    samples = {name: np.rint(times * 2048).astype(int) for name, times in noisy_units(seed, 4).items()}
    rates = RateSettings(smoother)
    slow = estimate_delta_f({name: train / 2048 for name, train in samples.items()}, rates=rates)
    fast = estimate_delta_f({name: 2 * train / 4096 for name, train in samples.items()}, rates=rates)
    pd.testing.assert_frame_equal(slow, fast)


@settings(max_examples=30, deadline=None)
@given(
    start=st.floats(3.5, 8), stop=st.floats(12, 17.5), peak=st.floats(12, 20), curvature=st.floats(0.02, 0.08)
)
def test_delta_f_of_an_arch_is_its_closed_form(start, stop, peak, curvature):
    control = train_at_rate(arch(peak, curvature, 10), 2.0, 18.5)
    test = train_at_rate(arch(peak - 2, curvature, 10), start, stop)
    expected = curvature * ((test[-1] - 10) ** 2 - (start - 10) ** 2)
    assert pair({"control": control, "test": test})["delta_f"] == pytest.approx(expected, abs=1e-6)
