"""Permutation tests of loss: right by enumeration, no more errors than promised, and able to find a loss."""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pictrial.seeds import random_generator
from pictrial.statistics import label_permutation
from pictrial.statistics.differential_loss import (
    LOST_UNITS,
    STAGES,
    compare_losses,
    compared_conditions,
    permute_units,
)
from pictrial.statistics.label_permutation import permute_conditions, permute_pairs
from pictrial.tables import check_table
from pictrial.trial.plan import load_plan

REPOSITORY = Path(__file__).resolve().parents[2]

RNG = random_generator(1, "differential loss")
ENTERED = 20


def kept_units(people, loss, rng, share=0.8, spread=0.08, n_in=ENTERED):
    """Return units kept, shape (participants, 3), when the second condition loses `loss` more of them."""
    shares = share + rng.normal(0, spread, (people, 1)) - np.array([0, loss, 0])
    return rng.binomial(n_in, shares.clip(0.02, 0.98))


def attrition_of(plan, kept):
    """Return a trial that kept so many of `ENTERED`, shape (participants, conditions), in all stages."""
    place = {name: number for number, name in enumerate(sorted(plan.participants))}
    column = {name: number for number, name in enumerate(plan.conditions)}
    rows = [
        {
            "participant": s.participant,
            "session": s.session,
            "period": s.period,
            "condition": s.condition,
            "stage": stage,
            "n_in": ENTERED,
            "reason": "why",
            "n_lost": ENTERED - kept[place[s.participant], column[s.condition]],
            "n_gained": 0,
            "n_kept": kept[place[s.participant], column[s.condition]],
        }
        for s in plan.sessions
        for stage in STAGES
    ]
    return check_table(pd.DataFrame(rows), "attrition", "test")


def row_of(losses, stage, contrast):
    return losses.set_index(["stage", "contrast"]).loc[(stage, contrast)]


def lose(outcomes, level, share, rng, lowest=False):
    """Return outcomes without some values at `level`: at random, or those lowest in control."""
    control = outcomes[outcomes["condition"] == "control"].set_index(["participant", "unit_id"])["value"]
    gone = []
    for participant, values in control.groupby("participant"):
        order = values.sort_values() if lowest else values.sample(frac=1, random_state=rng.integers(2**32))
        gone += [(participant, unit) for _, unit in order.index[: round(share * len(order))]]
    where = pd.MultiIndex.from_frame(outcomes[["participant", "unit_id"]]).isin(gone)
    return outcomes.assign(value=outcomes["value"].mask(where & (outcomes["condition"] == level)))


def test_conditions_are_permuted_within_participants():
    shares = np.array([[0.9, 0.5, 0.7], [0.8, 0.6, np.nan], [0.95, 0.7, 0.9]])
    centred = shares - np.nanmean(shares, axis=1, keepdims=True)
    values = []
    for a, b, c in product(permutations(centred[0]), permutations(centred[1, :2]), permutations(centred[2])):
        values.append(np.var(np.nanmean([a, [*b, np.nan], c], axis=0), ddof=1))
    observed = np.var(np.nanmean(centred, axis=0), ddof=1)
    test = permute_conditions(shares, RNG)
    assert test.n_permutations == 6 * 2 * 6
    assert test.p_value == np.mean(np.array(values) >= observed - 1e-12)
    assert test.least_p == np.mean(np.array(values) >= max(values) - 1e-12)


def test_differences_between_participants_are_no_differences_between_conditions():
    shares = np.array([[0.9, np.nan, 0.9], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1], [0.9, 0.9, 0.9]])
    assert permute_conditions(shares, RNG).p_value == 1


def test_pairs_are_swapped_and_the_least_p_is_told():
    test = permute_pairs(np.array([0.1, 0.2, 0.15, 0.3, 0.05, 0.12]), RNG)
    assert test.p_value == test.least_p == 2 / 64
    assert permute_pairs(-np.array([0.1, 0.2, 0.3]), RNG).p_value == 2 / 8
    # |sum| of 1 1 1 −1 is reached by 5 + 5 of 16.
    assert permute_pairs(np.array([1.0, 1, 1, -1]), RNG).p_value == 10 / 16


def test_drawn_permutations_agree_with_all(monkeypatch):
    shares = kept_units(6, 0.12, random_generator(3, "shares")) / ENTERED
    exact = permute_conditions(shares, RNG)
    monkeypatch.setattr(label_permutation, "EXACT_LIMIT", 100)
    drawn = permute_conditions(shares, random_generator(4, "drawn"))
    assert exact.n_permutations == 6**6 and drawn.n_permutations == label_permutation.DRAWS
    assert "all" in exact.method and "drawn" in drawn.method
    error = np.sqrt(exact.p_value * (1 - exact.p_value) / drawn.n_permutations)
    assert drawn.p_value == pytest.approx(exact.p_value, abs=4 * error)
    assert drawn.least_p == 1e-4
    far = np.array([[1.0, 0.0, 1.0]] * 12) + np.linspace(0, 0.01, 36).reshape(12, 3)
    assert permute_conditions(far, RNG).p_value == 1e-4, "never zero"


def test_lost_units_are_drawn_within_participants():
    values = [np.array([1.0, 2, 3, 4]), np.array([11.0, 12, 13, 14, 15]), np.array([5.0, 6, 7])]
    observed = np.mean([1 - 3, 11 - 13.5, 5 - 6.5])
    test = permute_units(values, [1, 1, 1], observed, random_generator(1, "units"))
    # The lowest or the highest of each: two of 4 · 5 · 3 ways.
    assert test.p_value == pytest.approx(2 / 60, abs=4 * np.sqrt(2 / 60 / label_permutation.DRAWS))
    assert test.least_p == 1 / 60
    assert permute_units(values, [1, 1, 1], 0.0, RNG).p_value == 1


def test_without_a_difference_no_more_than_the_nominal_share_is_rejected():
    rng = random_generator(5, "null")
    found = []
    for _ in range(150):
        shares = kept_units(6, 0.0, rng) / ENTERED
        found.append(
            (permute_conditions(shares, rng).p_value, permute_pairs(shares[:, 1] - shares[:, 0], rng).p_value)
        )
    rejected = (np.array(found) <= 0.05).mean(axis=0)
    assert (rejected <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 150)).all()


def test_a_planted_loss_is_found(plan, outcomes):
    kept = np.array([[18, 11, 18], [17, 10, 16], [19, 13, 20], [16, 8, 16], [18, 12, 17], [20, 15, 19]])
    losses = check_table(
        compare_losses(plan, attrition_of(plan, kept), outcomes, 1), "differential_loss", "test"
    )
    assert len(losses) == 3 * len(STAGES) + 2
    for stage in STAGES:
        everything = row_of(losses, stage, "all")
        assert 6 / 6**6 <= everything["p_value"] < 0.005
        assert everything["n_lost"] == 360 - kept.sum() and everything["n_kept"] == kept.sum()
        means = (kept / ENTERED).mean(axis=0)
        assert everything["estimate"] == pytest.approx(means.std(ddof=1))
        stimulation = row_of(losses, stage, "stimulation - control")
        assert stimulation["estimate"] == pytest.approx(means[1] - means[0])
        # Student's t: 2.571 standard errors with 5 degrees of freedom.
        error = np.std((kept[:, 1] - kept[:, 0]) / ENTERED, ddof=1) / np.sqrt(6)
        assert stimulation["ci_upper"] - stimulation["estimate"] == pytest.approx(2.5706 * error, rel=1e-4)
        assert stimulation["p_value"] == 2 / 64
        assert row_of(losses, stage, "relaxation - control")["p_value"] > 0.05


def test_lost_units_that_differ_are_found(plan, outcomes):
    attrition = attrition_of(plan, np.full((6, 3), 15))
    complete = outcomes.groupby(["participant", "unit_id"])["condition"].transform("nunique") == 3
    rng = random_generator(2, "lose")
    losses = compare_losses(
        plan, attrition, lose(outcomes[complete], "stimulation", 0.3, rng, lowest=True), 1
    )
    stimulation = row_of(losses, LOST_UNITS, "stimulation - control")
    assert stimulation["estimate"] < -0.5
    assert stimulation["p_value"] < 0.01
    control = outcomes[complete & (outcomes["condition"] == "control")]
    assert stimulation["n_lost"] + stimulation["n_kept"] == len(control)
    relaxation = row_of(losses, LOST_UNITS, "relaxation - control")
    assert relaxation["n_lost"] == 0 and pd.isna(relaxation["estimate"])
    assert relaxation["warning"].startswith("not estimable: no participants with units lost and kept")


def test_units_lost_at_random_are_rarely_called_different():
    rng = random_generator(6, "units lost")
    found = []
    for _ in range(60):
        values = [rng.normal(3 + rng.normal(0, 0.7), 0.95, 12) for _ in range(6)]
        observed = np.mean([v[:2].mean() - v[2:].mean() for v in values])
        found.append(permute_units(values, [2] * 6, observed, rng).p_value)
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


def test_the_same_seed_gives_the_same_table(plan, outcomes):
    attrition = attrition_of(plan, kept_units(6, 0.1, random_generator(1, "kept")))
    lost = lose(outcomes, "stimulation", 0.3, random_generator(2, "lose"))
    first, again, other = (compare_losses(plan, attrition, lost, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    differ = first["p_value"] != other["p_value"]
    assert set(first.loc[differ & first["p_value"].notna(), "stage"]) == {LOST_UNITS}


def test_a_condition_without_anything_entered_leaves_its_participant_out(plan, outcomes):
    attrition = attrition_of(plan, kept_units(6, 0.1, random_generator(1, "kept")))
    empty = (attrition["participant"] == "01") & (attrition["condition"] == "stimulation")
    attrition.loc[empty, ["n_in", "n_lost", "n_kept"]] = 0
    losses = compare_losses(plan, attrition, outcomes, 1)
    assert row_of(losses, "found", "all")["n_permutations"] == 2 * 6**5
    stimulation = row_of(losses, "found", "stimulation - control")
    assert stimulation["n_participants"] == 5
    assert "1 of 6 participants left out" in stimulation["warning"]
    assert "P cannot fall below 0.0625" in stimulation["warning"]
    assert row_of(losses, "found", "relaxation - control")["n_participants"] == 6


def test_equal_differences_have_no_interval(plan, outcomes):
    losses = compare_losses(plan, attrition_of(plan, np.full((6, 3), 15)), outcomes, 1)
    row = row_of(losses, "found", "stimulation - control")
    assert row["estimate"] == 0 and row["p_value"] == 1 and pd.isna(row["ci_lower"])
    assert "every participant has the same difference" in row["warning"]


def test_where_nothing_can_be_compared_every_row_says_why(single_plan, outcomes):
    one = outcomes[(outcomes["participant"] == "01") & (outcomes["condition"] == "control")]
    losses = compare_losses(single_plan, attrition_of(single_plan, np.array([[15]])), one, 1)
    checked = check_table(losses, "differential_loss", "test")
    assert checked["stage"].tolist() == list(STAGES)
    assert checked["estimate"].isna().all()
    assert checked["warning"].str.startswith("The plan has one condition").all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "omnibus", "pairs"), [(0.0, 0.05, 0.01), (0.1, 0.34, 0.12), (0.2, 0.89, 0.53), (0.3, 1.0, 0.84)]
)
def test_power_of_six_participants_is_that_of_the_documentation(loss, omnibus, pairs):
    rng = random_generator(7, "power", loss)
    found = []
    for _ in range(1000):
        shares = kept_units(6, loss, rng) / ENTERED
        found.append(
            (permute_conditions(shares, rng).p_value, permute_pairs(shares[:, 1] - shares[:, 0], rng).p_value)
        )
    np.testing.assert_allclose((np.array(found) <= 0.05).mean(axis=0), [omnibus, pairs], atol=0.05)


def test_each_experiment_is_permuted_for_itself(outcomes):
    plan = load_plan(REPOSITORY / "config" / "two_experiments" / "trial.yaml")
    people = sorted(plan.participants)
    stimulated = [plan.experiment_of(name) == "stimulation_delta_f" for name in people]
    kept = np.full((len(people), 3), 15)
    kept[stimulated, 1] = 9  # only stimulation loses
    ramps = replace(plan, sessions=plan.sessions_with(plan.task))
    losses = compare_losses(plan, attrition_of(ramps, kept), outcomes.iloc[:0], 1)
    check_table(losses, "differential_loss", "test")
    assert set(losses["experiment"]) == {"stimulation_delta_f", "relaxation_delta_f"}  # no others have ramps
    found = losses.set_index(["experiment", "stage", "contrast"])
    assert found.loc[("stimulation_delta_f", "found", "stimulation - control"), "estimate"] == -0.3
    assert found.loc[("stimulation_delta_f", "found", "all"), "p_value"] < 0.001
    relaxation = found.loc[("relaxation_delta_f", "found", "all")]
    assert (relaxation["p_value"], relaxation["n_participants"], relaxation["n_lost"]) == (1, 15, 150)
    # A missing share is missing from the experiment's own people, not from all of the trial.
    few = attrition_of(ramps, kept)
    few = few[few["participant"] != "201"]
    row = compare_losses(plan, few, outcomes.iloc[:0], 1).set_index(["experiment", "stage", "contrast"])
    warning = row.loc[("relaxation_delta_f", "found", "all"), "warning"]
    assert warning.startswith("1 of 15 participants left out")


def test_the_baseline_of_parallel_groups_is_not_compared_with_the_control_arm():
    plan = load_plan(REPOSITORY / "config" / "spasticity" / "trial.yaml")
    assert compared_conditions(plan, None) == ["stimulation"]
