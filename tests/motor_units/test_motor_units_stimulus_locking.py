"""Discharges locked to stimuli: planted locking is found, chance is not taken for it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.motor_units.stimulus_locking import LockingSettings, assess_locking, blanked_share
from pictrial.seeds import random_generator
from pictrial.tables import check_table

DEFAULT = LockingSettings()
NOTHING = np.empty((0, 2))


def pulse_train(random, interval=1.0, jitter=0.1):
    regular = np.arange(0.5 + random.uniform(0, interval), 25.5, interval)
    return regular + interval * jitter * random.uniform(-1, 1, regular.size)


def unit_train(random, start=4.0, end=22.0):
    """A ramp of 8 to 13 to 8 pps, intervals with a coefficient of variation of 12 %."""
    times = [start]
    while times[-1] < end:
        rate = 8 + 5 * (1 - abs(times[-1] - 13) / 10)
        times.append(times[-1] + max(0.02, (1 + 0.12 * random.standard_normal()) / rate))
    return np.array(times)


def inhibited(times, pulses, from_, to):
    """Lose the discharges in the window after each pulse."""
    lags = times[:, None] - pulses
    return times[~((lags > from_) & (lags < to)).any(axis=1)]


def excited(times, pulses, lag, random):
    """Advance the next discharge, with all that follow, to `lag` after a pulse, where it is near enough."""
    times = times.copy()
    for pulse in pulses + lag:
        after = np.searchsorted(times, pulse)
        if 0 < after < times.size and times[after] - pulse < 0.1 and pulse - times[after - 1] > 0.03:
            times[after:] -= times[after] - pulse - 0.002 * random.standard_normal()
    return np.sort(times)


def hidden(times, pulses):
    """Blank 1 ms before to 22 ms after each pulse."""
    blanked = np.column_stack([pulses - 0.001, pulses + 0.022])
    return times[
        ~((times[:, None] >= blanked[:, 0]) & (times[:, None] <= blanked[:, 1])).any(axis=1)
    ], blanked


def result(times, pulses, blanked=NOTHING, settings=DEFAULT):
    table = assess_locking({"MU01": times}, pulses, blanked, settings)
    return check_table(table.assign(participant="01", session="1"), "locking", "locking").iloc[0]


def locked_ones(name, runs, plant=lambda times, pulses, random: times, **pulse_options):
    """Return the directions of the units that are found to be locked among `runs` that could be tested."""
    rows = []
    for run in range(runs):
        random = random_generator(run, name)
        pulses = pulse_train(random, **pulse_options)
        times, blanked = hidden(plant(unit_train(random), pulses, random), pulses)
        rows.append(assess_locking({"MU01": times}, pulses, blanked, DEFAULT))
    table = pd.concat(rows)
    assert table["excluded"].isna().all()
    return list(table["direction"][table["locked"]])


def test_planted_inhibition():
    random = random_generator(1, "inhibition")
    pulses = pulse_train(random, interval=0.5, jitter=0.3)
    row = result(inhibited(unit_train(random), pulses, 0.04, 0.07), pulses)
    assert row["locked"] and row["p_value"] < 0.02
    assert row["direction"] == "inhibition"
    assert row["response_start"] == pytest.approx(0.04, abs=0.01)
    assert row["response_end"] == pytest.approx(0.07, abs=0.01)
    # 30 ms of some 11 pps are lost.
    assert row["discharges_per_stimulus"] == pytest.approx(-0.33, abs=0.1)
    assert row["response_rate"] < 0.6 * row["baseline_rate"]


def test_planted_excitation():
    random = random_generator(1, "excitation")
    pulses = pulse_train(random)
    row = result(excited(unit_train(random), pulses, 0.045, random), pulses)
    assert row["locked"] and row["direction"] == "excitation"
    assert 0.03 <= row["response_start"] < 0.044
    assert row["response_end"] == pytest.approx(0.049, abs=0.004)
    assert row["discharges_per_stimulus"] > 0.3
    assert row["response_frequency"] > 1.1 * row["baseline_frequency"]  # they come early


def test_without_locking_rates_are_alike():
    random = random_generator(2, "nothing")
    pulses = pulse_train(random, interval=0.4, jitter=0.4)
    times, blanked = hidden(unit_train(random), pulses)
    row = result(times, pulses, blanked)
    assert not row["locked"]
    assert row["response_rate"] == pytest.approx(row["baseline_rate"], rel=0.25)
    active = pulses[(pulses >= times[0]) & (pulses <= times[-1])]
    assert row["n_pulses"] == active.size
    assert row["blanked_share"] == pytest.approx(active.size * 0.023 / np.ptp(times), rel=0.05)


def test_blanking_is_no_inhibition():
    """A window that begins at the stimulus has no discharges while the EMG is blanked; that is no effect."""
    random = random_generator(3, "blanking")
    pulses = pulse_train(random, interval=0.4, jitter=0.4)
    times, blanked = hidden(unit_train(random), pulses)
    at_once = LockingSettings(window_start=0.0, window_end=0.05)
    assert not result(times, pulses, blanked, at_once)["locked"]
    assert result(times, pulses, NOTHING, at_once)["locked"]  # so it would look if it were not known


def test_time_does_not_matter():
    random = random_generator(4, "time")
    pulses, times = pulse_train(random), unit_train(random)
    one, other = result(times, pulses), result(times + 100, pulses + 100)
    assert one["p_value"] == pytest.approx(other["p_value"], abs=0.03)
    assert one["baseline_rate"] == pytest.approx(other["baseline_rate"])


def test_artefact_that_was_taken_for_a_unit_is_told():
    random = random_generator(6, "artefact")
    pulses = pulse_train(random, interval=0.4, jitter=0.1)
    assert result(pulses + 0.012, pulses)["share_at_stimuli"] == 1
    # Chance: 30 ms of every 400 ms.
    assert result(unit_train(random), pulses)["share_at_stimuli"] == pytest.approx(0.075, abs=0.05)


def test_what_cannot_be_tested_says_why():
    random = random_generator(5, "reasons")
    times, pulses = unit_train(random), pulse_train(random)
    assert result(times, pulses[:9])["excluded"] == "fewer than 10 stimuli while it is active"
    assert result(times[:1], pulses)["excluded"] == "fewer than 2 discharges"
    assert result(times, np.empty(0))["excluded"].startswith("fewer than 10 stimuli")
    for interval in (0.05, 1.0):
        row = result(times, np.arange(1, 25, interval))
        assert row["excluded"] == "the stimuli are too regular or too close to tell chance from locking"
        assert pd.isna(row["p_value"]) and pd.isna(row["locked"]) and row["n_pulses"] > 10


def test_false_alarms_are_as_many_as_stated():
    assert len(locked_ones("null", 60)) <= 8  # 3 are expected; more than 8 with a probability of 0.3 %


def test_strong_inhibition_is_found_mostly():
    found = locked_ones("power", 20, lambda t, p, _: inhibited(t, p, 0.035, 0.07), interval=0.7, jitter=0.3)
    assert len(found) >= 14
    assert set(found) == {"inhibition"}


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"interval": 0.33, "jitter": 0.4}], ids=["1 Hz", "3 Hz"])
def test_false_alarms_at_length(options):
    assert 12 <= len(locked_ones(f"null {options}", 600, **options)) <= 48


@given(
    stretches=st.lists(st.tuples(st.integers(-20, 120), st.integers(0, 40)), max_size=12),
    end=st.integers(1, 100),
)
def test_blanked_share(stretches, end):
    """As counted in steps of 1."""
    blanked = np.array([(first, first + length) for first, length in stretches], dtype=float).reshape(-1, 2)
    steps = np.arange(0, end)
    counted = sum(any(first <= step < last for first, last in blanked) for step in steps) / end
    assert blanked_share(0, end, blanked) == pytest.approx(counted)
