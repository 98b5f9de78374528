"""Experiments, events, populations and estimands of the plan, and a statistician's slips."""

import pytest
from trial_plans import SAMPLE, SINGLE, changed, two_experiments

from pictrial.errors import InputError
from pictrial.trial.plan import load_plan

DEVIATING = {"recorded_as": "protocol_deviation", "label": "d", "source": "test"}


def of_two(change):
    """Return the plan of two experiments, changed."""

    def both(content):
        two_experiments(content)
        change(content)

    return both


def put(part, name, **keys):
    """Return a change of the plan: keys of an entry set, or removed where they are None."""

    def change(content):
        entry = content[part].get(name, {}) | keys
        content[part][name] = {key: value for key, value in entry.items() if value is not None}

    return change


def test_the_sample_plan_says_what_is_estimated_in_whom():
    plan = load_plan(SAMPLE)
    assert plan.everyone == "all_units" and plan.populations["all_units"].leaves_out == ()
    assert plan.populations["modified"].leaves_out == ("not_in_reference", "in_reference_only")
    estimand = plan.estimands["delta_f"]
    main = plan.analyses[estimand.analyses[0]]
    assert (main.outcome, main.population, main.role) == ("delta_f", estimand.population, "primary")
    # Each event that the plan foresees is dealt with.
    assert [one.event for one in estimand.intercurrent_events] == list(plan.events)
    assert plan.outcomes["peak_rate"].decimals == 2 and plan.outcomes["delta_f"].decimals == 2
    assert plan.analysed_as == "planned"
    assert load_plan(SINGLE).estimands == {} and load_plan(SINGLE).everyone == "all_units"


def test_a_trial_without_experiments_is_one():
    plan = load_plan(SAMPLE)
    assert plan.experiments == {} and plan.analyses["primary"].experiment is None
    assert plan.sequences_of(None) == list(plan.sequences)
    assert plan.conditions_of(None) == list(plan.conditions)
    assert plan.sessions_with("ramp") == plan.sessions_with("vibstim") == plan.sessions


def test_experiments_have_people_conditions_and_recordings_of_their_own(tmp_path):
    plan = load_plan(changed(tmp_path, two_experiments))
    assert plan.conditions_of("inhibition") == ["control", "stimulation"]
    assert plan.conditions_of("relaxing") == ["control", "relaxation"]
    assert plan.experiments["inhibition"].tasks == ("ramp", "vibstim")
    assert len(plan.sessions_with("ramp")) == len(plan.sessions_with(None)) == 16
    assert {one.participant for one in plan.sessions_with("vibstim")} == {"01", "02", "05", "06"}
    assert plan.task_of("torque_vibration") == "vibstim" and plan.task_of("peak_rate") == "ramp"
    # Taken over through the model, unless the analysis says it itself.
    assert plan.analyses["weighted"].experiment == "inhibition"
    assert plan.analyses["primary_relaxing"].experiment == "relaxing"
    assert plan.analyses["primary_relaxing"].formula == plan.analyses["primary_inhibition"].formula


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (put("analyses", "primary_inhibition", experiment=None), "analyses.primary_inhibition", "names none"),
        (
            put("analyses", "torque", experiment="relax"),
            "analyses.torque.experiment",
            "'relax' is unknown to the plan. Did you mean 'relaxing'",
        ),
        (
            put("analyses", "torque", experiment="relaxing"),
            "analyses.torque",
            "'relaxing' has no recordings of 'vibstim' for 'torque_vibration'",
        ),
        (
            put("analyses", "robust_relaxing", method="correlation", other="torque_vibration"),
            "analyses.robust_relaxing",
            "no recordings of 'vibstim' for 'torque_vibration'",
        ),
        (
            put("analyses", "robust_relaxing", role="primary"),
            "analyses",
            "role primary in the experiment relaxing, not 2",
        ),
        (put("analyses", "primary_inhibition", role="sensitivity"), "analyses", "inhibition, not 0"),
        (
            put("experiments", "relaxing", sequences=["CR", "RC", "SC"]),
            "experiments.relaxing.sequences",
            "sequence 'SC' is in the experiment 'inhibition', too",
        ),
        (put("experiments", "relaxing", sequences=["CR"]), "design.sequences.RC", "is in no experiment"),
        (
            put("experiments", "relaxing", sequences=["CR", "RC", "RX"]),
            "experiments.relaxing.sequences",
            "sequence 'RX' is unknown",
        ),
        (
            put("experiments", "relaxing", tasks=["mvc"]),
            "experiments.relaxing.tasks",
            "task 'mvc' is unknown to the plan. Known are: ramp, vibstim",
        ),
        (
            put("families", "inhibition", contrasts=["relaxation - control"]),
            "families.inhibition.contrasts",
            "the experiment 'inhibition' has no condition 'relaxation'",
        ),
        (
            put("families", "inhibition", analyses=["primary_inhibition", "primary_relaxing"]),
            "families.inhibition.contrasts",
            "the experiment 'relaxing' has no condition 'stimulation'",
        ),
        (
            put("estimands", "delta_f", analyses=["primary_inhibition", "primary_relaxing"]),
            "estimands.delta_f.analyses",
            "primary_relaxing is of the experiment 'relaxing', not 'inhibition'",
        ),
    ],
)
def test_a_slip_with_experiments_is_named(tmp_path, change, key, message):
    with pytest.raises(InputError, match=message) as caught:
        load_plan(changed(tmp_path, of_two(change)))
    assert caught.value.where.endswith(f"key {key}")


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (
            put("families", "delta_f_from_control", contrasts=["stimulaton - control"]),
            "families.delta_f_from_control.contrasts",
            "condition 'stimulaton' is unknown to the plan. Did you mean 'stimulation'",
        ),
        (
            put("families", "delta_f_from_control", analyses=["primary", "matched_unit"]),
            "families.delta_f_from_control.analyses",
            "analysis 'matched_unit' is unknown to the plan. Did you mean 'matched_units'",
        ),
        (
            put("analyses", "primary", experiment="inhibition"),
            "analyses.primary.experiment",
            "the plan has no experiments",
        ),
        (put("analyses", "per_protocol", population="protocol"), "population", "'protocol' is unknown"),
        (put("populations", "per_protocol", leaves_out=None), "populations.per_protocol", "is missing"),
        (lambda c: c.pop("populations"), "", "key 'populations' is missing"),
        (
            put("populations", "per_protocol", leaves_out=["protocol_deviations"]),
            "populations.per_protocol.leaves_out",
            "'protocol_deviations' is unknown to the plan. Did you mean 'protocol_deviation'",
        ),
        (
            put("populations", "per_protocol", leaves_out=["unit_lost"]),
            "populations.per_protocol.leaves_out",
            "recorded event 'unit_lost' is unknown",
        ),
        (
            put("populations", "all_units", leaves_out=["protocol_deviation"]),
            "populations.all_units.leaves_out",
            "the first population is that of everyone",
        ),
        (
            put("events", "unit_unmatched", **DEVIATING),
            "events.unit_unmatched",
            "the name of a reason of populations",
        ),
        (put("events", "late", label="d"), "events.late", "'recorded_as' is missing"),
        (
            put("estimands", "delta_f", population="modifed"),
            "estimands.delta_f.population",
            "population 'modifed' is unknown to the plan. Did you mean 'modified'",
        ),
        (put("estimands", "delta_f", outcome="deltaf"), "estimands.delta_f.outcome", "'deltaf' is unknown"),
        (
            put("estimands", "delta_f", analyses=["primary", "primry"]),
            "estimands.delta_f.analyses",
            "analysis 'primry' is unknown",
        ),
        (
            put("estimands", "delta_f", analyses=["per_protocol", "primary"]),
            "estimands.delta_f.population",
            "first analysis per_protocol has the population 'per_protocol', not 'all_units'",
        ),
        (
            put("estimands", "delta_f", analyses=["peak_rate"]),
            "estimands.delta_f.outcome",
            "first analysis peak_rate has the outcome 'peak_rate', not 'delta_f'",
        ),
        (
            lambda c: c["estimands"]["delta_f"]["intercurrent_events"][0].update(event="session_missed"),
            "estimands.delta_f.intercurrent_events",
            "event 'session_missed' is unknown",
        ),
        (
            lambda c: c["estimands"]["delta_f"]["intercurrent_events"][0].update(event="unit_lost"),
            "estimands.delta_f.intercurrent_events",
            "the event 'unit_lost' is dealt with twice",
        ),
        (
            lambda c: c["estimands"]["delta_f"]["intercurrent_events"][0].update(strategy="ignore"),
            "estimands.delta_f.intercurrent_events.0.strategy",
            "must be one of",
        ),
        (put("estimands", "delta_f", treatment=None), "estimands.delta_f", "'treatment' is missing"),
        (put("outcomes", "delta_f", decimals=1.5), "outcomes.delta_f.decimals", "integer"),
        (
            lambda c: c["design"]["other_condition"].update(analysed_as="given"),
            "design.other_condition.analysed_as",
            "must be one of",
        ),
        (lambda c: c.update(protocol_deviations=[]), "", "unknown key 'protocol_deviations'"),
    ],
)
def test_a_slip_of_a_statistician_is_named(tmp_path, change, key, message):
    with pytest.raises(InputError, match=message) as caught:
        load_plan(changed(tmp_path, change))
    assert caught.value.where.endswith(key)


def test_a_participant_in_two_sequences_is_refused(tmp_path):
    text = SAMPLE.read_text(encoding="utf-8").replace('  "02": SRC', '  "01": SRC')
    (tmp_path / "trial.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="key '01' occurs twice"):
        load_plan(tmp_path / "trial.yaml")
