"""Experiments of one trial: each is described and analysed with its own people and conditions."""

import dataclasses

import pandas as pd
import pytest
from trial_plans import changed, two_experiments

from pictrial.seeds import random_generator
from pictrial.statistics.analysis import analyse_trial, ask, describe, descriptive_of, run_analysis
from pictrial.statistics.analysis_results import look_up
from pictrial.statistics.simulated_outcomes import OutcomeModel, StandardDeviations, draw_outcomes
from pictrial.tables import check_table
from pictrial.trial.plan import load_plan

SHA = "ab" * 32
MODEL = OutcomeModel(
    standard_deviations=StandardDeviations(0.5, 0.2, 0.5, 0.5),
    effects={"stimulation": -1.0, "relaxation": -0.5},
    units=4,
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return load_plan(changed(tmp_path_factory.mktemp("experiments"), two_experiments))


@pytest.fixture(scope="module")
def outcomes(plan):
    delta_f = draw_outcomes(plan.sessions, MODEL, random_generator(1, "experiments"))
    torque = delta_f.drop_duplicates(["participant", "session"])
    torque = torque[torque["sequence"].isin(plan.sequences_with("vibstim"))]
    torque = torque.assign(outcome="torque_vibration", unit_id=None, n_controls=0, value=torque["value"] + 2)
    return check_table(pd.concat([delta_f, torque], ignore_index=True), "outcomes", "test")


def test_an_analysis_is_asked_of_its_experiment_only(plan, outcomes):
    question = ask(plan, "robust_relaxing", outcomes, seed=1)
    assert question.conditions == ["control", "relaxation"]
    assert question.pairs == [("relaxation", "control")]
    assert set(question.rows["participant"]) == {"03", "04", "07", "08"}
    # Without a family: every condition of the experiment, not of the trial.
    assert ask(plan, "torque", outcomes, seed=1).pairs == [("stimulation", "control")]


def test_its_numbers_are_those_of_the_experiment_alone(plan, outcomes):
    people = {name: of for name, of in plan.participants.items() if of in plan.sequences_of("relaxing")}
    analysis = dataclasses.replace(plan.analyses["primary_relaxing"], experiment=None)
    levels = {name: plan.conditions[name] for name in ("control", "relaxation")}
    alone = dataclasses.replace(
        plan, experiments={}, participants=people, conditions=levels, analyses={"primary_relaxing": analysis}
    )
    found, _ = run_analysis(plan, "primary_relaxing", outcomes, SHA, 1)
    rows = outcomes[outcomes["participant"].isin(list(people))]
    expected, _ = run_analysis(alone, "primary_relaxing", rows, SHA, 1)
    pd.testing.assert_frame_equal(found, expected)
    assert found["n_participants"].max() == 4


def test_each_experiment_is_described(plan, outcomes):
    ard = describe(plan, outcomes, SHA)
    assert set(ard["analysis"]) == {descriptive_of("inhibition"), descriptive_of("relaxing")}
    delta_f = ard[ard["outcome"] == "delta_f"]
    for experiment in plan.experiments:
        here = outcomes[outcomes["sequence"].isin(plan.sequences_of(experiment))]
        control = here[(here["outcome"] == "delta_f") & (here["condition"] == "control")]
        mean = control.groupby("participant")["value"].mean().mean()
        assert look_up(delta_f, descriptive_of(experiment), "control", "mean") == pytest.approx(mean)
        levels = ["all", *plan.conditions_of(experiment)]
        rows = delta_f[delta_f["analysis"] == descriptive_of(experiment)]
        assert rows["contrast_or_level"].unique().tolist() == levels
    of_torque = ard[ard["outcome"] == "torque_vibration"]
    assert set(of_torque["analysis"]) == {"descriptive_inhibition"}


def test_the_whole_trial_has_every_name_once(plan, outcomes):
    ard, records = analyse_trial(plan, outcomes, SHA, 1)
    assert list(records) == list(plan.analyses) and ard["ard_id"].is_unique
    contrasts = ard[ard["contrast_or_level"].str.contains(" - ")]
    pairs = contrasts.groupby("analysis")["contrast_or_level"].unique().map(set).to_dict()
    assert pairs["primary_inhibition"] == pairs["weighted"] == pairs["torque"] == {"stimulation - control"}
    assert pairs["primary_relaxing"] == pairs["robust_relaxing"] == {"relaxation - control"}
