"""The shipped trials run from configuration alone: plan, simulation, analysis tables, statistics.

Discharges stand for recordings: no EMG is simulated and nothing is decomposed.
"""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from trial_plans import changed, write_delivered

from pictrial.checked_yaml import read_checked_yaml
from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.recordings.bids import read_bids_recording, read_events, recording_path
from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant
from pictrial.simulation.discharge_trial import simulate_discharge_trial
from pictrial.simulation.sample_trial import simulate_participant, write_sample_dataset
from pictrial.simulation.truth import true_effects
from pictrial.simulation.vibstim import simulate_vibstim
from pictrial.statistics.analysis import run_analysis
from pictrial.statistics.analysis_results import look_up
from pictrial.tables import check_table, read_table
from pictrial.trial.analysis_tables import build_outcomes, measured_outcomes
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.delivery import analysed_schedule, check_delivered
from pictrial.trial.plan import load_plan, schedule
from pictrial.trial.populations import build_populations
from pictrial.trial.recorded_events import add_conditions, read_recorded_events
from pictrial.vibstim.outcomes import VibstimSettings, measure_vibstim

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCHEMA = CONFIG.parent / "workflow" / "schemas" / "config.schema.json"
FOLDERS = {"sample": CONFIG, **{name: CONFIG / name for name in ("two_experiments", "spasticity")}}
SHA = "ab" * 32


def settings_of(name, plan, **parts):
    simulation = read_checked_yaml(FOLDERS[name] / "config.yaml", SCHEMA).get("simulation", {})
    measures = [outcome.measure for outcome in plan.outcomes.values()]
    return SampleTrialSettings.configured(simulation, plan.conditions, measures, **parts)


def few(folder, name, of_each):
    """The shipped plan with the first participants of each sequence."""

    def change(content):
        kept: dict[str, list] = {}
        for person, sequence in content["participants"].items():
            kept.setdefault(sequence, []).append(person)
        people = {person for names in kept.values() for person in names[:of_each]}
        content["participants"] = {p: s for p, s in content["participants"].items() if p in people}
        missing = [entry for entry in content.get("missing_sessions", []) if entry["participant"] in people]
        content["missing_sessions"] = missing

    return load_plan(changed(folder, change, FOLDERS[name] / "trial.yaml"))


def simulated(folder, name, of_each):
    """Simulate a trial to its analysis tables: plan, outcomes, populations, recorded events, settings."""
    plan = few(folder, name, of_each)
    settings = settings_of(name, plan, with_vibstim=plan.vibstim_task is not None)
    seed = yaml.safe_load((FOLDERS[name] / "config.yaml").read_text())["seed"]
    planned, root = schedule(plan), folder / "bids"
    write_delivered(plan, root)
    write_sample_dataset(settings, planned, seed, root, plan.title)
    recorded = read_recorded_events(plan, root)
    delivery = check_table(check_delivered(plan, root, recorded), "delivery", "test")
    events = add_conditions(recorded, delivery)
    ramps = planned[planned["sequence"].isin(plan.sequences_with(plan.task))]
    trial = simulate_discharge_trial(ramps, settings, seed)
    pairs = pd.concat(
        [
            estimate_delta_f(discharges).assign(participant=participant, session=session)
            for (participant, session), discharges in trial.discharges.items()
        ],
        ignore_index=True,
    )
    units = trial.units[["participant", "session", "unit_id"]].assign(
        excluded=None, peak_rate=trial.units["n_discharges"] / 20
    )
    vibstim = vibstim_truth(settings, seed, plan) if plan.vibstim_task else None
    scores = clinical_scores(plan, root)
    measured = measured_outcomes(plan, unit_delta_f(pairs), units, vibstim, scores)
    outcomes = check_table(
        build_outcomes(plan, analysed_schedule(delivery), measured, events), "outcomes", "t"
    )
    populations = build_populations(plan, outcomes, delivery, events)
    return plan, outcomes, check_table(populations, "populations", "t"), events, settings


def vibstim_truth(settings, seed, plan):
    people = {}
    rows = []
    for row in plan.sessions_with(plan.vibstim_task):
        person = people.setdefault(row.participant, SimulatedParticipant(settings, seed, row.participant))
        truth = simulate_vibstim(person, row.session, row.condition)[2]
        rows.append(truth.assign(participant=row.participant, session=row.session, excluded=None))
    return pd.concat(rows, ignore_index=True)


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_planted_covers_the_plan(name):
    plan = load_plan(FOLDERS[name] / "trial.yaml")
    settings = settings_of(name, plan, with_vibstim=plan.vibstim_task is not None)
    effects = true_effects(settings, list(plan.conditions))
    assert set(effects["condition"]) == set(plan.conditions) - {plan.reference}
    measures = {outcome.measure.split(".")[-1] for outcome in plan.outcomes.values()}
    assert {"delta_f"} < set(effects["outcome"]) & measures


def test_the_two_experiments_are_those_of_the_study():
    plan = load_plan(FOLDERS["two_experiments"] / "trial.yaml")
    people = {
        name: [plan.participants[p] for p in plan.participants if plan.participants[p] in one.sequences]
        for name, one in plan.experiments.items()
    }
    assert {name: len(sequences) for name, sequences in people.items()} == {
        "stimulation_delta_f": 15,
        "relaxation_delta_f": 15,
        "stimulation_vibstim": 20,
        "relaxation_vibstim": 19,
    }
    for name, sequences in people.items():
        counts = pd.Series(sequences).value_counts()
        assert len(counts) == 2 and counts.max() - counts.min() <= 1, name
    with_ramp, with_vibstim = (
        {row.participant for row in plan.sessions_with(task)} for task in ("ramp", "vibstim")
    )
    assert not with_ramp & with_vibstim and len(with_ramp | with_vibstim) == 69
    primary = [a.experiment for a in plan.analyses.values() if a.role == "primary"]
    assert primary == list(people)


def test_the_two_experiments_run_to_their_results(tmp_path):
    plan, outcomes, populations, events, settings = simulated(tmp_path, "two_experiments", 2)
    assert events.empty
    by_outcome = outcomes.groupby("outcome")["participant"].agg(lambda people: {p[0] for p in people})
    assert by_outcome["delta_f"] == {"1", "2"} and by_outcome["torque_vibration"] == {"3", "4"}
    assert len(populations[populations["outcome"] == "responder"]) == 3 * 16
    effects = true_effects(settings, list(plan.conditions)).set_index(["outcome", "condition"])["effect"]
    for analysis in plan.analyses.values():
        if analysis.role == "primary":
            ard, _ = run_analysis(plan, analysis.name, outcomes, SHA, 1)
            condition = analysis.name.split("_")[0]
            estimate, error = (
                look_up(ard, analysis.name, f"{condition} - control", key)
                for key in ("estimate", "standard_error")
            )
            assert abs(estimate - effects[analysis.outcome, condition]) < 4 * error, analysis.name
            contrasts = ard["contrast_or_level"][ard["contrast_or_level"].str.contains(" - ", na=False)]
            assert set(contrasts) == {f"{condition} - control"}
            assert ard["n_participants"].max() == 4


@pytest.fixture(scope="module")
def spasticity(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("spasticity"), "spasticity", 4)


def test_the_arms_run_to_their_results(spasticity):
    plan, outcomes, _, _, settings = spasticity
    assert len(plan.sessions) == 15 and plan.score_tables == ("spasticity",)
    truth = true_effects(settings, list(plan.conditions)).set_index(["outcome", "condition"])["effect"]
    assert truth["delta_f", "stimulation"] == -1.125
    for name in ("primary", "baseline_adjusted"):
        ard, _ = run_analysis(plan, name, outcomes, SHA, 1)
        estimate, error = (
            look_up(ard, name, "stimulation - control", key) for key in ("estimate", "standard_error")
        )
        assert abs(estimate - truth["delta_f", "stimulation"]) < 4 * error < 4
    for name in ("score_odds", "score_ranks"):
        ard, _ = run_analysis(plan, name, outcomes, SHA, 1)
        assert "stimulation - control" in set(ard["contrast_or_level"])


def test_what_happened_is_in_the_books(spasticity):
    _, _, populations, events, _ = spasticity
    assert set(events["kind"]) == {"protocol_deviation", "intercurrent_event", "adverse_event"}
    assert events["condition"].notna().all() and not events["session"].isna().any()
    score = populations[populations["outcome"] == "modified_ashworth"]
    gone = score[score["reason_code"] == "session_missing"]
    assert set(gone["participant"]) == {"07"} and (gone["reason"] == "moved away").any()
    per_protocol = score[score["population"] == "per_protocol"].set_index(["participant", "session"])
    out = set(per_protocol[~per_protocol["included"].astype(bool)].index) - {("07", "2")}
    major = events[(events["kind"] == "intercurrent_event") | (events["severity"] == "major")]
    major = major[major["kind"] != "adverse_event"]
    assert out == set(major[["participant", "session"]].itertuples(index=False, name=None)) != set()


def test_people_without_ramps_have_vibstim_and_no_grid(tmp_path):
    plan = few(tmp_path, "two_experiments", 1)
    settings = settings_of("two_experiments", plan, with_ramp=False)
    session = schedule(plan)[schedule(plan)["participant"] == "401"].iloc[:1]
    simulate_participant(settings, session, "401", 1, tmp_path / "bids", tmp_path / "truth")
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert not any("ramp" in name for name in files)
    assert {"true_vibstim.tsv", "true_participant.tsv"} < files and "true_units.tsv" not in files
    person = read_table(tmp_path / "truth" / "sub-401" / "true_participant.tsv", "true_participant")
    assert person["bad_channel"].isna().all()
    path, maximal = (recording_path(tmp_path / "bids", "401", "1", task) for task in ("vibstim", "mvc"))
    soleus = read_bids_recording(maximal)
    assert soleus.channel_names == ("SOL",)
    measures = measure_vibstim(
        read_bids_recording(path, group="soleus"),
        read_events(path),
        read_bids_recording(maximal, group="soleus"),
        VibstimSettings(),
    )
    found = measures.outcomes.set_index("outcome")["value"]
    truth = read_table(tmp_path / "truth" / "sub-401" / "true_vibstim.tsv", "true_vibstim")
    expected = truth.set_index("outcome")["value"]
    for outcome in ("torque_vibration", "torque_sustained", "emg_vibration"):
        assert found[outcome] == pytest.approx(expected[outcome], rel=0.1, abs=0.2), outcome
