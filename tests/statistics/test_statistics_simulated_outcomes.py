"""Drawn outcomes have the parameters they are drawn from, and the losses."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.simulated_outcomes import (
    OutcomeModel,
    StandardDeviations,
    crossover_sessions,
    draw_outcomes,
    williams_sequences,
)
from pictrial.tables import check_table
from pictrial.trial.plan import load_plan

CONDITIONS = ("control", "stimulation", "relaxation")


def drawn(participants=6, seed=1, **settings):
    sessions = crossover_sessions(participants, williams_sequences(CONDITIONS))
    return draw_outcomes(sessions, OutcomeModel(**settings), random_generator(seed, "test"))


@pytest.mark.parametrize("k", range(2, 8))
def test_sequences_are_balanced_for_period_and_carry_over(k):
    sequences = williams_sequences([f"c{number}" for number in range(k)])
    assert len(sequences) == (2 * k if k % 2 else k)
    places = Counter(place for row in sequences for place in enumerate(row))
    assert len(places) == k * k and len(set(places.values())) == 1
    followers = Counter(pair for row in sequences for pair in pairwise(row))
    assert len(followers) == k * (k - 1) and len(set(followers.values())) == 1


def test_participants_take_the_sequences_in_turn():
    sessions = crossover_sessions(7, williams_sequences(CONDITIONS))
    assert len(sessions) == 21
    assert [s.condition for s in sessions[:3]] == [s.condition for s in sessions[18:]] == list(CONDITIONS)
    assert [s.sequence for s in sessions[::3]] == ["S1", "S2", "S3", "S4", "S5", "S6", "S1"]
    assert {(s.session, s.period) for s in sessions} == {("1", 1), ("2", 2), ("3", 3)}


def test_table_is_one_of_outcomes():
    table = check_table(drawn(units=4), "outcomes", "test")
    assert len(table) == 6 * 3 * 4
    assert table["matched"].all()
    orders = table.groupby("participant").agg(sequence=("sequence", "first"), previous=("previous", list))
    assert orders.loc["002", "previous"][::4] == ["none", "stimulation", "relaxation"]
    assert not table.duplicated(["participant", "session", "unit_id"]).any()


def test_every_parameter_comes_back():
    # Tables of 3 conditions by 5 units by 3000 people: moments have closed forms.
    sd = StandardDeviations(participant=0.9, participant_condition=0.4, participant_unit=0.8, residual=0.5)
    effects, periods = {"stimulation": -0.5, "relaxation": 0.25}, (0.0, 0.2, 0.6)
    table = drawn(
        3000, standard_deviations=sd, baseline=2.0, effects=effects, period_effects=periods, units=5
    )
    planted = table["condition"].map(effects).fillna(0) + table["period"].map(dict(enumerate(periods, 1)))
    rest = table.assign(value=table["value"] - planted - 2.0)
    assert rest.groupby("condition")["value"].mean().abs().max() < 5 * 1.2 / np.sqrt(3000)
    assert rest.groupby("period")["value"].mean().abs().max() < 5 * 1.2 / np.sqrt(3000)
    cube = rest.pivot_table("value", "participant", ["condition", "unit_id"]).to_numpy().reshape(3000, 3, 5)
    of_person = cube.mean(axis=(1, 2), keepdims=True)
    of_condition = cube.mean(axis=2, keepdims=True) - of_person
    of_unit = cube.mean(axis=1, keepdims=True) - of_person
    residual = cube - of_person - of_condition - of_unit
    v_residual = (residual**2).sum() / (3000 * 2 * 4)
    v_condition = (of_condition**2).sum() / (3000 * 2) - v_residual / 5
    v_unit = (of_unit**2).sum() / (3000 * 4) - v_residual / 3
    v_person = of_person.var() - v_condition / 3 - v_unit / 5 - v_residual / 15
    found = np.sqrt([v_person, v_condition, v_unit, v_residual])
    np.testing.assert_allclose(found, [0.9, 0.4, 0.8, 0.5], rtol=0.04)


def test_values_are_lost_as_said():
    table = drawn(2000, units=6, lost_units={"stimulation": 0.4, "relaxation": 0.1})
    kept = table["condition"].value_counts() / (2000 * 6)
    assert kept["control"] == 1
    assert kept["stimulation"] == pytest.approx(0.6, abs=0.02)
    assert kept["relaxation"] == pytest.approx(0.9, abs=0.02)
    matched = table.groupby(["participant", "unit_id"])["condition"].nunique() == 3
    assert table["matched"].sum() == 3 * matched.sum()
    assert matched.mean() == pytest.approx(0.54, abs=0.02)


def test_sessions_are_lost_whole():
    table = drawn(2000, units=4, lost_sessions=0.2)
    per_session = table.groupby(["participant", "session"]).size()
    assert (per_session == 4).all()
    assert len(per_session) / 6000 == pytest.approx(0.8, abs=0.02)


def test_numbers_of_units_are_drawn_evenly_and_stay_in_all_sessions():
    table = drawn(3000, units=(2, 4))
    units = table.groupby(["participant", "session"])["unit_id"].nunique().unstack()
    assert (units.nunique(axis=1) == 1).all()
    shares = units["1"].value_counts(normalize=True)
    assert sorted(shares.index) == [2, 3, 4]
    assert shares.to_numpy() == pytest.approx(1 / 3, abs=0.04)


def test_effects_do_not_change_what_is_drawn():
    settings = {"units": (3, 8), "lost_units": 0.3, "lost_sessions": 0.1}
    without, with_effect = drawn(**settings), drawn(**settings, effects={"relaxation": 2.0})
    difference = with_effect["value"] - without["value"]
    np.testing.assert_allclose(difference, 2.0 * (without["condition"] == "relaxation"), atol=1e-12)
    assert drawn(seed=2)["value"].iloc[0] != drawn(seed=1)["value"].iloc[0]
    assert drawn(seed=2).equals(drawn(seed=2))


@pytest.mark.parametrize(
    "settings",
    [
        {"units": 0},
        {"units": (4, 3)},
        {"lost_units": 1.0},
        {"lost_units": {"control": -0.1}},
        {"lost_sessions": 2},
    ],
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises(InputError):
        OutcomeModel(**settings)
    with pytest.raises(InputError, match="residual"):
        StandardDeviations(residual=-1.0)


def test_matched_is_a_unit_with_a_value_in_every_condition_of_its_sequence():
    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "two_experiments" / "trial.yaml")
    whole = draw_outcomes(plan.sessions, OutcomeModel(), random_generator(1, "matched"))
    assert whole["matched"].all()  # two of the three conditions of the trial are all that a person gets
    lost = draw_outcomes(plan.sessions, OutcomeModel(lost_units=0.3), random_generator(1, "matched"))
    n = lost.groupby(["participant", "unit_id"])["condition"].transform("nunique")
    assert (lost["matched"] == (n == 2)).all() and not lost["matched"].all()
