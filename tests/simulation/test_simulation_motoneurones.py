import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant
from pictrial.simulation.discharge_trial import YieldSettings, findable_units, simulate_discharge_trial
from pictrial.simulation.motoneurones import (
    HysteresisSettings,
    PoolSettings,
    active_periods,
    discharge_rate,
    draw_discharges,
    draw_hysteresis,
    draw_pool,
)
from pictrial.simulation.torque import RampSettings, ramp_drive
from pictrial.simulation.truth import true_effects, true_pairs
from pictrial.tables import check_table

CONDITIONS = ("control", "stimulation", "relaxation")


@pytest.fixture(scope="module")
def schedule():
    rows = [
        (f"{participant:02d}", str(session + 1), CONDITIONS[(participant + session) % 3])
        for participant in range(1, 7)
        for session in range(3)
    ]
    return pd.DataFrame(rows, columns=["participant", "session", "condition"])


@pytest.fixture(scope="module")
def trial(schedule):
    return simulate_discharge_trial(schedule, SampleTrialSettings(), seed=5)


def test_drive_rises_to_one_peak_and_passes_zero_with_the_ramp():
    ramp = RampSettings()
    times, drive = ramp_drive(ramp, 512.0)
    peak = drive.argmax()
    assert np.all(np.diff(drive[: peak + 1]) > 0)
    assert np.all(np.diff(drive[peak:]) < 0)
    assert times[peak] == pytest.approx(13.0, abs=0.01)
    assert np.interp(8.0, times, drive) == pytest.approx(4.0, abs=1e-3)
    assert times.size == 26 * 512


def test_recruitment_and_derecruitment_follow_from_the_drive():
    times, drive = ramp_drive(RampSettings(), 512.0)
    periods = active_periods(np.array([4.0, 2.0, 9.0]), np.array([2.0, 3.0, 5.0]), times, drive)
    np.testing.assert_allclose(periods[:2], [[8.0, 20.5], [5.5, 19.25]], atol=2e-3)
    assert np.isnan(periods[2]).all()


def test_unit_above_its_peak_stays_silent_and_one_that_never_stops_has_no_derecruitment():
    times, drive = ramp_drive(RampSettings(), 512.0)
    periods = active_periods(np.array([7.5, 1.0]), np.array([7.9, -30.0]), times, drive)
    assert np.isnan(periods[0]).all()
    assert not np.isnan(periods[1, 0])
    assert np.isnan(periods[1, 1])


@settings(max_examples=50, deadline=None)
@given(
    start=st.floats(3, 12),
    duration=st.floats(0.2, 12),
    rate=st.floats(3, 18),
    slope=st.floats(-0.2, 0.2),
    cov=st.floats(0.05, 0.2),
    seed=st.integers(0, 1000),
)
def test_discharges_fill_the_active_period_exactly(start, duration, rate, slope, cov, seed):
    times = np.linspace(0, 26, 26 * 512)
    rates = np.maximum(2, rate + slope * (times - start))
    train = draw_discharges(times, rates, start, start + duration, cov, random_generator(seed, "train"))
    assert train[0] == start
    assert train[-1] == pytest.approx(start + duration, abs=1e-9)
    assert np.all(np.diff(train) > 0.02)
    inside = (times >= start) & (times <= start + duration)
    expected = np.trapezoid(rates[inside], times[inside])
    assert abs((train.size - 1) - expected) <= 1.0


def test_intervals_have_the_set_variability():
    times = np.linspace(0, 400, 400 * 128)
    train = draw_discharges(times, np.full(times.size, 10.0), 1.0, 399.0, 0.12, random_generator(1, "cov"))
    intervals = np.diff(train)
    assert intervals.std() / intervals.mean() == pytest.approx(0.12, abs=0.006)
    assert abs(np.corrcoef(intervals[1:], intervals[:-1])[0, 1]) < 0.05


def test_rate_has_a_floor_and_is_linear_above_it():
    rates = discharge_rate(np.array([-5.0, 4.0, 6.0]), 4.0, 1.1, 7.5, 3.0)
    np.testing.assert_allclose(rates, [3.0, 7.5, 9.7])


def test_hysteresis_has_the_planted_components():
    hysteresis, pool_settings = HysteresisSettings(), PoolSettings()
    units, conditions = [], []
    for person in range(400):
        pool = draw_pool(pool_settings, hysteresis, random_generator(1, person, "pool"))
        sessions = [
            draw_hysteresis(
                pool,
                hysteresis,
                condition,
                random_generator(1, person, condition),
                random_generator(1, person, i),
            )
            for i, condition in enumerate(CONDITIONS)
        ]
        units.append(sessions[0])
        conditions.append([session.mean() for session in sessions])
    means = np.mean(conditions, axis=0)
    within = np.mean([session.var(ddof=1) for session in units])
    assert means[0] == pytest.approx(3.0, abs=0.13)
    assert means[1] - means[0] == pytest.approx(2.5 * -0.45, abs=0.08)
    assert means[2] - means[0] == pytest.approx(2.5 * -0.40, abs=0.08)
    assert within == pytest.approx(0.95**2 + 0.6**2, rel=0.05)
    slopes = np.subtract(*np.transpose(conditions)[:2])
    assert slopes.std() == pytest.approx(np.sqrt(2 * (0.3**2 + 0.6**2 / 36)), rel=0.12)


def test_unknown_condition_is_refused():
    with pytest.raises(InputError, match="condition 'sham' has no effect"):
        HysteresisSettings().planted_effect("sham")


def test_true_delta_f_is_the_controls_noise_free_rate_difference(trial):
    """The closed form equals the rates at the two times, computed from the drive itself."""
    units = check_table(trial.units, "true_units", "units")
    pairs = check_table(true_pairs(units), "true_pairs", "pairs")
    times, drive = ramp_drive(RampSettings(), 512.0)
    settings_ = RampSettings()
    table = units.set_index(["participant", "session", "unit_id"])
    checked = 0
    for pair in pairs.dropna().sample(200, random_state=1).itertuples():
        control = table.loc[(pair.participant, pair.session, pair.control_unit)]
        threshold = control.recruitment_threshold * settings_.drive_per_torque
        ends = np.interp([pair.test_recruitment_time, pair.test_derecruitment_time], times, drive)
        rates = discharge_rate(ends, threshold, control.gain, control.rate_at_recruitment, 0.0)
        assert rates[0] - rates[1] == pytest.approx(pair.true_delta_f, abs=2e-3)
        checked += 1
    assert checked == 200


def test_pairs_are_every_ordered_pair_and_missing_without_the_control(trial):
    pairs = true_pairs(trial.units)
    sizes = trial.units.groupby(["participant", "session"]).size()
    assert len(pairs) == (sizes * (sizes - 1)).sum()
    late = pairs["control_recruitment_time"] > pairs["test_recruitment_time"]
    early = pairs["control_derecruitment_time"] < pairs["test_derecruitment_time"]
    assert pairs.loc[late | early, "true_delta_f"].isna().all()
    assert pairs.loc[~(late | early), "true_delta_f"].notna().all()


def test_discharges_begin_and_end_with_the_true_times(trial):
    for unit in trial.units.itertuples():
        train = trial.discharges[unit.participant, unit.session][unit.unit_id]
        assert train.size == unit.n_discharges
        assert train[0] == unit.recruitment_time
        assert train[-1] == pytest.approx(unit.derecruitment_time, abs=1e-9)
        assert np.diff(train).min() > 0.03


def test_rates_are_physiological(trial):
    rates = [
        (train.size - 1) / (train[-1] - train[0])
        for session in trial.discharges.values()
        for train in session.values()
        if train.size > 20
    ]
    assert 5 < np.min(rates) < np.max(rates) < 14


def test_yield_and_matching_are_as_set(schedule, trial):
    found = [set(units) for units in trial.discharges.values()]
    assert 9 < np.mean([len(units) for units in found]) < 14
    shared = []
    for participant in schedule["participant"].unique():
        first, second = (set(trial.discharges[participant, session]) for session in ("1", "2"))
        shared.append(len(first & second) / len(first))
    assert 0.65 < np.mean(shared) < 0.95


def test_full_yield_finds_every_unit_that_discharges(schedule):
    everything = YieldSettings(units=36, matched=1.0)
    trial = simulate_discharge_trial(schedule[:1], SampleTrialSettings(), 5, everything)
    person = SimulatedParticipant(SampleTrialSettings(), 5, "01")
    truth = person.contraction("1", schedule["condition"][0])
    assert trial.discharges["01", "1"].keys() == truth.discharges.keys()
    assert set(truth.discharges) <= set(findable_units(person, everything))


def test_a_participant_does_not_depend_on_the_others(schedule, trial):
    alone = simulate_discharge_trial(schedule[schedule["participant"] == "04"], SampleTrialSettings(), seed=5)
    for key, trains in alone.discharges.items():
        assert trains.keys() == trial.discharges[key].keys()
        for unit, train in trains.items():
            np.testing.assert_array_equal(train, trial.discharges[key][unit])


def test_another_seed_gives_another_trial(schedule, trial):
    other = simulate_discharge_trial(schedule, SampleTrialSettings(), seed=6)
    assert not other.units["hysteresis"].equals(trial.units["hysteresis"])


def test_true_effects_are_the_planted_values():
    settings = SampleTrialSettings(with_vibstim=False)
    effects = check_table(true_effects(settings, CONDITIONS), "true_effects", "effects").set_index(
        "condition"
    )
    assert effects.loc["stimulation", "effect"] == pytest.approx(-1.125)
    assert effects.loc["relaxation", "effect"] == pytest.approx(-1.0)
    assert set(effects["reference"]) == {"control"}
