"""Who is in a population, and why not: reasons of rows and of sessions."""

import dataclasses

import pandas as pd
import pytest
from trial_plans import changed, two_experiments, write_delivered, write_phenotype

from pictrial.tables import check_table, read_table, write_table
from pictrial.trial.analysis_tables import build_exclusions, build_outcomes, build_participants
from pictrial.trial.delivery import analysed_schedule, check_delivered
from pictrial.trial.plan import load_plan
from pictrial.trial.planned_estimands import REASONS
from pictrial.trial.populations import build_populations, select_population
from pictrial.trial.recorded_events import read_recorded_events


def plan_of(content):
    """Two outcomes, a missing session, and a population that leaves out an event by its name."""
    content["missing_sessions"] = [{"participant": "02", "session": "1", "reason": "moved away"}]
    content["populations"]["no_drugs"] = {
        **{"label": "No drugs", "definition": "d", "source": "test"},
        **{"leaves_out": ["unit_unmatched", "drug_taken", "contraction_off_target"]},
    }


# Participant 01 (CSR): unit b everywhere, a in two sessions. 02 (SRC, session 1 missing): c in control only.
# 03 (RCS): d never in control. 04 (CRS): nothing. 05 (SCR): e everywhere. 06 (RSC): f in two, g in one.
UNITS = {
    "01": {"1": "ab", "2": "ab", "3": "b"},
    "02": {"2": "", "3": "c"},
    "03": {"1": "d", "3": "d"},
    "05": {"1": "e", "2": "e", "3": "e"},
    "06": {"1": "f", "2": "g", "3": "f"},
}


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    root = tmp_path_factory.mktemp("populations")
    plan = load_plan(changed(root, plan_of))
    write_delivered(plan, root)
    header = "participant_id session_id code severity text"
    minor = "sub-05|ses-2|contraction_off_target|minor|overshoot"
    major = "sub-05|ses-3|contraction_off_target|major|half of the target"
    write_phenotype(root, "protocol_deviations", header, minor, major)
    header = "participant_id session_id code text"
    write_phenotype(root, "intercurrent_events", header, "sub-01|ses-2|drug_taken|n/a")
    header = "participant_id session_id term severity serious relatedness text"
    harm = "sub-01|ses-3|drug_taken|mild|no|possible|n/a"
    write_phenotype(root, "adverse_events", header, harm)
    events = read_recorded_events(plan, root)
    delivery = check_delivered(plan, root, events)
    rows = [
        (who, session, unit, 3.0, 0.1, 1)
        for who, sessions in UNITS.items()
        for session, units in sessions.items()
        for unit in units
    ]
    columns = ["participant", "session", "unit_id", "value", "standard_error", "n_controls"]
    torque = pd.DataFrame({"participant": ["01", "01"], "session": ["1", "2"], "value": [1.0, 2.0]})
    measured = {"delta_f": pd.DataFrame(rows, columns=columns), "torque_vibration": torque}
    outcomes = build_outcomes(plan, analysed_schedule(delivery), measured, events)
    return plan, outcomes, delivery, events


@pytest.fixture(scope="module")
def populations(trial):
    return check_table(build_populations(*trial), "populations", "test")


def why(populations, population, outcome="delta_f"):
    """Return the reason code of every session that is left out."""
    rows = populations[(populations["outcome"] == outcome) & (populations["population"] == population)]
    assert len(rows) == 18 and not rows.duplicated(["participant", "session"]).any()
    out = rows[~rows["included"]]
    assert out["reason_code"].notna().all() and out["reason"].notna().all() and not out["n_values"].any()
    kept = rows[rows["included"]]
    assert kept[["reason_code", "reason"]].isna().all(axis=None) and (kept["n_values"] > 0).all()
    return {f"{row.participant}-{row.session}": row.reason_code for row in out.itertuples()}


NEVER = {
    **{"02-1": "session_missing", "02-2": "no_value", "03-2": "no_value"},
    **{f"04-{session}": "no_value" for session in "123"},
}


def test_every_session_is_in_a_population_or_says_why_not(populations):
    assert why(populations, "all_units") == NEVER
    without = {"02-3": "in_reference_only", "03-1": "not_in_reference", "03-3": "not_in_reference"}
    assert why(populations, "modified") == NEVER | without
    assert why(populations, "per_protocol") == NEVER | {"05-3": "protocol_deviation"}
    unmatched = {
        f"{who}-{session}": "unit_unmatched"
        for who, sessions in (("02", "3"), ("03", "13"), ("06", "123"))
        for session in sessions
    }
    assert why(populations, "matched_units") == NEVER | unmatched
    # By its name an event counts whatever its severity; an adverse event of this name is none of the plan's.
    named = {"01-2": "drug_taken", "05-2": "contraction_off_target", "05-3": "contraction_off_target"}
    assert why(populations, "no_drugs") == NEVER | unmatched | named


def test_the_reasons_are_those_of_the_outcome(populations):
    torque = why(populations, "all_units", "torque_vibration")
    assert set(torque) == {f"{who:02d}-{session}" for who in range(1, 7) for session in "123"} - {
        "01-1",
        "01-2",
    }
    assert set(why(populations, "matched_units", "torque_vibration")) == {*torque, "01-1", "01-2"}


def test_a_reason_is_told_in_its_own_words(trial, populations):
    label = {name: event.label for name, event in trial[0].events.items()}

    def told(population, participant, session):
        at = (populations["population"] == population) & (populations["outcome"] == "delta_f")
        rows = populations[at].set_index(["participant", "session"])
        return rows.loc[(participant, session), "reason"]

    assert told("all_units", "02", "1") == "moved away"
    assert told("per_protocol", "05", "3") == f"{label['contraction_off_target']}: half of the target"
    assert told("no_drugs", "01", "2") == label["drug_taken"]
    assert told("modified", "03", "1") == REASONS["not_in_reference"]


def test_no_value_is_lost_between_populations_and_outcomes(trial, populations):
    plan, outcomes = trial[:2]
    for (outcome, name), rows in populations.groupby(["outcome", "population"]):
        values = outcomes[(outcomes["outcome"] == outcome) & outcomes["value"].notna()]
        assert rows["n_values"].sum() + rows["n_left_out"].sum() == len(values)
        kept = select_population(values, plan.populations[name])
        assert rows["n_values"].sum() == len(kept)
        counted = rows[rows["included"]].set_index(["participant", "session"])["n_values"]
        assert counted.to_dict() == kept.groupby(["participant", "session"]).size().to_dict()
    first = populations[populations["population"] == "matched_units"].set_index(["participant", "session"])
    first = first[first["outcome"] == "delta_f"]
    assert first.loc["01", ["n_values", "n_left_out"]].to_numpy().tolist() == [[1, 1], [1, 1], [1, 0]]


def test_rows_say_why_they_may_be_left_out_and_survive_the_file(trial, tmp_path):
    plan, outcomes = trial[:2]
    write_table(outcomes, tmp_path / "outcomes.tsv", "outcomes")
    again = read_table(tmp_path / "outcomes.tsv", "outcomes")
    rows = again[again["outcome"] == "delta_f"].drop_duplicates(["participant", "session"])
    said = rows.set_index(["participant", "session"])["left_out_for"].dropna().to_dict()
    assert said == {
        ("01", "2"): "intercurrent_event;drug_taken",
        ("02", "2"): "in_reference_only",
        ("02", "3"): "in_reference_only",
        **{("03", session): "not_in_reference" for session in "123"},
        ("05", "2"): "contraction_off_target",
        ("05", "3"): "protocol_deviation;contraction_off_target",
    }
    for population in plan.populations.values():
        assert len(select_population(again, population)) == len(select_population(outcomes, population))


def test_in_parallel_groups_the_baseline_takes_the_place_of_the_reference(trial):
    plan, outcomes, delivery, events = trial
    parallel = dataclasses.replace(plan, baseline="stimulation")
    rows = outcomes.drop(columns=["left_out_for", "matched", "previous"])
    columns = ["participant", "session", "unit_id", "value", "standard_error", "n_controls"]
    values = rows[(rows["outcome"] == "delta_f") & rows["value"].notna()][columns]
    again = build_outcomes(parallel, analysed_schedule(delivery), {"delta_f": values}, events)
    codes = again.dropna(subset=["value"]).groupby("participant")["left_out_for"].first()
    # 02 has a value in control only; 03 in relaxation and stimulation.
    assert codes["02"] == "not_in_reference" and pd.isna(codes["03"])


def test_an_experiment_has_no_rows_of_what_it_does_not_record(tmp_path):
    plan = load_plan(changed(tmp_path, two_experiments))
    root = write_delivered(plan, tmp_path / "bids")
    events = read_recorded_events(plan, root)
    delivery = check_delivered(plan, root, events)
    planned = analysed_schedule(delivery)
    torque = planned[["participant", "session"]].assign(value=1.0)
    torque = torque[torque["participant"].isin(["01", "02", "05"])]
    units = {"unit_id": "a", "standard_error": 0.1, "n_controls": 1}
    measured = {"delta_f": planned[["participant", "session"]].assign(value=3.0, **units)}
    outcomes = build_outcomes(plan, planned, measured | {"torque_vibration": torque})
    of_torque = outcomes[outcomes["outcome"] == "torque_vibration"]
    assert set(of_torque["participant"]) == {"01", "02", "05", "06"} and outcomes["matched"].sum() == 16 + 6
    populations = build_populations(plan, outcomes, delivery, events)
    rows = populations[populations["population"] == "all_units"].groupby("outcome").size()
    assert rows["torque_vibration"] == 8 and rows["delta_f"] == 16
    people = pd.DataFrame({"participant_id": [f"sub-{name}" for name in plan.participants]})
    participants = build_participants(plan, planned, people, outcomes).set_index("participant")
    assert participants["experiment"].tolist() == ["inhibition", "inhibition", "relaxing", "relaxing"] * 2


def test_who_has_no_ramps_by_plan_is_no_exclusion(tmp_path):
    plan = load_plan(changed(tmp_path, two_experiments))
    only = dataclasses.replace(plan.experiments["inhibition"], tasks=("vibstim",))
    plan = dataclasses.replace(plan, experiments=plan.experiments | {"inhibition": only})
    rows = pd.DataFrame(plan.sessions)[["participant", "sequence", "session"]].assign(value=1.0)
    rows["outcome"] = rows["sequence"].map(lambda name: "delta_f" if "R" in name else "torque_vibration")
    empty = {
        name: pd.DataFrame(columns=["participant", "session", *columns])
        for name, columns in {
            "channels": ["channel", "status", "reason"],
            "quality": ["unit_id", "accepted", "reason"],
            "units": ["unit_id", "excluded"],
            "pairs": ["control_unit", "test_unit", "passed", "reason"],
        }.items()
    }
    left_out = build_exclusions(plan, *empty.values(), rows[rows["participant"] != "05"])
    assert left_out[["participant", "reason"]].to_numpy().tolist() == [["05", "no_outcome"]]
    of_torque = rows.assign(outcome="torque_vibration")
    left_out = build_exclusions(plan, *empty.values(), of_torque)
    assert left_out["participant"].tolist() == ["03", "04", "07", "08"]
