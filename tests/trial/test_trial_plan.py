import json
import subprocess
import sys
import time
from itertools import pairwise

import fastjsonschema
import jsonschema
import pytest
import yaml
from trial_plans import SAMPLE, SINGLE, changed

from pictrial.errors import InputError
from pictrial.tables import check_table, load_schema
from pictrial.trial.plan import SCHEMA, load_plan, schedule
from pictrial.trial.planned_analyses import MODEL_COLUMNS


def test_the_sample_schedule_is_two_latin_squares():
    table = check_table(schedule(load_plan(SAMPLE)), "schedule", SAMPLE)
    assert len(table) == 18
    assert table["session"].tolist() == table["period"].astype(str).tolist()
    for square in (["01", "02", "03"], ["04", "05", "06"]):
        rows = table[table["participant"].isin(square)]
        assert (rows.groupby(["period", "condition"]).size() == 1).all()
    orders = table.groupby("participant")["condition"].apply(tuple)
    assert orders.nunique() == 6
    followers = [both for order in orders for both in pairwise(order)]
    assert {followers.count(both) for both in followers} == {2}


def test_the_sample_plan_reads_as_written():
    plan = load_plan(SAMPLE)
    assert list(plan.conditions) == ["control", "stimulation", "relaxation"]
    assert plan.reference == "control"
    assert (plan.task, plan.maximal_task, plan.target_torque) == ("ramp", "mvc", 20)
    assert plan.vibstim_task == "vibstim"
    assert len(plan.analyses) == 23
    assert [name for name, analysis in plan.analyses.items() if analysis.role == "primary"] == ["primary"]
    assert plan.analyses["primary"].formula.startswith("value ~ condition + period + sequence + (1 |")
    family = plan.families["delta_f_from_control"]
    assert family.contrasts == (("stimulation", "control"), ("relaxation", "control"))
    assert (family.adjustment, family.alpha) == ("holm", 0.05)
    assert plan.no_comparison == ""


def test_a_single_session_plan_says_why_it_compares_nothing():
    plan = load_plan(SINGLE)
    assert [tuple(session) for session in plan.sessions] == [("01", "C", "1", 1, "control")]
    assert plan.task == "trapezoid" and plan.maximal_task is None and plan.vibstim_task is None
    assert "one condition (control)" in plan.no_comparison


def test_one_participant_in_a_crossover_compares_nothing(tmp_path):
    plan = load_plan(changed(tmp_path, lambda c: c.update(participants={"01": "CSR"})))
    assert "one participant" in plan.no_comparison


def _delete(key, part):
    return lambda content: content[part].pop(key)


@pytest.mark.parametrize(
    ("change", "key", "message"),
    [
        (lambda c: c.update(particpants={}), "", "unknown key 'particpants'. Did you mean 'participants'"),
        (lambda c: c["design"].update(washuot=7), "design", "Did you mean 'washout'"),
        (lambda c: c["analyses"]["primary"].update(remll=1), "analyses.primary", "Did you mean 'reml'"),
        (_delete("reference", "conditions"), "conditions", "key 'reference' is missing"),
        (_delete("source", "trial"), "trial", "key 'source' is missing"),
        (lambda c: c["analyses"]["primary"].pop("formula"), "analyses.primary", "'formula' is missing"),
        (
            lambda c: c["analyses"]["participant_means"].update(formula="value ~ condition"),
            "analyses.participant_means.formula",
            "no meaning here",
        ),
        (lambda c: c["families"]["delta_f_from_control"].update(alpha=1.5), "alpha", "less than|smaller"),
        (lambda c: c["design"].update(type="parallel"), "design", "key 'baseline' is missing"),
        (lambda c: c["participants"].update({"sub-07": "CSR"}), "participants", "'sub-07' does not match"),
        (lambda c: c["conditions"].update(reference="contol"), "reference", "Did you mean 'control'"),
        (lambda c: c["conditions"].update(reference="relaxation"), "levels", "not the first level"),
        (lambda c: c["conditions"]["levels"].append(c["conditions"]["levels"][1]), "levels", "share a name"),
        (lambda c: c["design"]["sequences"]["CSR"].append("sham"), "sequences.CSR", "'sham' is unknown"),
        (lambda c: c["participants"].update({"01": "CSRR"}), "participants.01", "Did you mean 'CSR'"),
        (
            lambda c: c["design"]["sequences"].update(CSR=["stimulation", "relaxation"]),
            "participants.01",
            "never gets the reference condition 'control'",
        ),
        (_delete("maximal_task", "contractions"), "contractions", "vibstim_task needs maximal_task"),
        (lambda c: c["analyses"]["primary"].update(outcome="deltaf"), "outcome", "Did you mean 'delta_f'"),
        (
            lambda c: c["analyses"]["primary"].update(formula="value ~ conditon + (1 | participant)"),
            "formula",
            "column 'conditon' is unknown to the plan. Did you mean 'condition'",
        ),
        (lambda c: c["analyses"]["primary"].update(role="sensitivity"), "analyses", "1 analysis.*not 0"),
        (
            lambda c: c["families"]["delta_f_from_control"].update(contrasts=["stimulation - contrl"]),
            "contrasts",
            "Did you mean 'control'",
        ),
        (
            lambda c: c["families"]["delta_f_from_control"].update(contrasts=["control - control"]),
            "contrasts",
            "compared with itself",
        ),
        (
            lambda c: c["families"]["delta_f_from_control"].update(analyses=["primry"]),
            "analyses",
            "Did you mean 'primary'",
        ),
    ],
)
def test_a_mistake_in_the_plan_is_named(tmp_path, change, key, message):
    path = changed(tmp_path, change)
    with pytest.raises(InputError, match=message) as caught:
        load_plan(path)
    assert str(path) in caught.value.where and key in caught.value.where


def test_a_condition_without_sequence_is_named(tmp_path):
    sham = {"name": "sham", "label": "Sham", "description": "none", "source": "none"}
    with pytest.raises(InputError, match="no sequence has this condition"):
        load_plan(changed(tmp_path, lambda c: c["conditions"]["levels"].append(sham)))


def test_a_single_session_plan_takes_one_condition(tmp_path):
    with pytest.raises(InputError, match="a single_session design has one condition, not 3"):
        load_plan(changed(tmp_path, lambda c: c["design"].update(type="single_session")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trial: [", "not YAML"),
        ("participants: {01: CSR}", "key 1 is not text. Write the key in quotes"),
        ("participants:\n  '01': CSR\n  '01': SRC\n", "line 3: key '01' occurs twice"),
        ("just text", "must be object"),
        ("", "must be object"),
    ],
)
def test_yaml_that_is_no_plan(tmp_path, text, message):
    path = tmp_path / "trial.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_plan(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_plan(tmp_path / "trial.yaml")


def test_missing_sessions_leave_the_schedule_with_their_reason(tmp_path):
    entry = {"participant": "02", "session": "2", "reason": "ill"}
    plan = load_plan(changed(tmp_path, lambda c: c.update(missing_sessions=[entry])))
    assert len(plan.sessions) == 17
    missing = plan.missing_sessions[0]
    assert (missing.planned.condition, missing.planned.sequence, missing.reason) == (
        "relaxation",
        "SRC",
        "ill",
    )


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([("02", "4")], "was not planned"),
        ([("02", "2"), ("02", "2")], "was not planned"),
        ([("02", "3")], "only session in the reference condition"),
    ],
)
def test_wrong_missing_sessions_are_named(tmp_path, entries, message):
    missing = [{"participant": p, "session": s, "reason": "ill"} for p, s in entries]
    with pytest.raises(InputError, match=message):
        load_plan(changed(tmp_path, lambda c: c.update(missing_sessions=missing)))


def test_the_schema_means_the_same_to_another_validator(tmp_path):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    other, ours = jsonschema.Draft202012Validator(schema), fastjsonschema.compile(schema, use_default=False)
    good = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    assert other.is_valid(good) and other.is_valid(yaml.safe_load(SINGLE.read_text(encoding="utf-8")))
    for key in [*good, "unknown"]:
        bad = {name: value for name, value in good.items() if name != key} | {"unknown": 1}
        assert not other.is_valid(bad)
        with pytest.raises(fastjsonschema.JsonSchemaValueException):
            ours(bad)


def test_every_object_of_the_schema_refuses_unknown_keys():
    def objects(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for value in node.values():
                yield from objects(value)

    found = list(objects(json.loads(SCHEMA.read_text(encoding="utf-8"))))
    assert len(found) > 10
    assert all(node.get("additionalProperties") is False for node in found)


def test_model_columns_are_columns_of_the_outcomes_table():
    columns = {"unit" if name == "unit_id" else name for name in load_schema("outcomes")["columns"]}
    assert set(MODEL_COLUMNS) <= columns


def test_reading_the_plan_is_light():
    code = f"import sys; from pictrial.trial.plan import load_plan; load_plan({str(SAMPLE)!r})"
    code += "; assert not {'pandas', 'numpy', 'jsonschema', 'snakemake'} & set(sys.modules)"
    durations = []
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        durations.append(time.perf_counter() - started)
    assert min(durations) < 2
