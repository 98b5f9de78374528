from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.files import sha256
from pictrial.recordings.bids import read_bids_recording, read_events, recording_path
from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant, simulate_ramp
from pictrial.simulation.sample_trial import simulate_participant, write_sample_dataset
from pictrial.simulation.truth import write_true_effects
from pictrial.simulation.vibstim import simulate_vibstim
from pictrial.tables import read_table

SETTINGS = SampleTrialSettings()
SEED = 3


@pytest.fixture(scope="module")
def schedule():
    sequences = {
        "01": ("A", ("control", "stimulation", "relaxation")),
        "02": ("B", ("stimulation", "relaxation", "control")),
    }
    rows = [
        (participant, sequence, str(i + 1), i + 1, condition)
        for participant, (sequence, conditions) in sequences.items()
        for i, condition in enumerate(conditions)
    ]
    return pd.DataFrame(rows, columns=["participant", "sequence", "session", "period", "condition"])


@pytest.fixture(scope="module")
def written(tmp_path_factory, schedule):
    root = tmp_path_factory.mktemp("sample")
    write_sample_dataset(SETTINGS, schedule, SEED, root / "bids")
    simulate_participant(SETTINGS, schedule, "02", SEED, root / "bids", root / "truth")
    return root


def fingerprints(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): sha256(path) for path in sorted(root.rglob("*")) if path.is_file()}


def test_same_seed_gives_the_same_bytes_whoever_else_takes_part(written, schedule, tmp_path):
    write_sample_dataset(SETTINGS, schedule, SEED, tmp_path / "bids")
    alone = schedule[schedule["participant"] == "02"]
    simulate_participant(SETTINGS, alone, "02", SEED, tmp_path / "bids", tmp_path / "truth")
    again, first = fingerprints(tmp_path), fingerprints(written)
    assert again == first
    assert sum(name.endswith(".bdf") for name in first) == 9


def test_recordings_are_read_as_they_were_simulated(written):
    recording = read_bids_recording(recording_path(written / "bids", "02", "1", "ramp"))
    expected, _ = simulate_ramp(SimulatedParticipant(SETTINGS, SEED, "02"), "1", "stimulation")
    assert recording.sampling_rate == 2048.0
    assert recording.channel_names == expected.channel_names
    np.testing.assert_allclose(recording.emg, expected.emg, atol=0.02)
    np.testing.assert_allclose(recording.torque, expected.torque, atol=1e-3)
    np.testing.assert_allclose(recording.stimulation, expected.stimulation, atol=0.5 / 2048)
    np.testing.assert_allclose(recording.positions, expected.positions)
    maximal = read_bids_recording(recording_path(written / "bids", "02", "3", "mvc"), group="grid1")
    assert maximal.emg.shape[0] == 64
    assert maximal.duration == 7.5
    assert maximal.torque.max() > 80


def test_condition_is_only_in_the_sessions_table(written):
    sessions = pd.read_csv(written / "bids" / "sub-02" / "sub-02_sessions.tsv", sep="\t")
    assert sessions["condition"].tolist() == ["stimulation", "relaxation", "control"]
    assert sessions["session_id"].tolist() == ["ses-1", "ses-2", "ses-3"]
    names = " ".join(str(path) for path in (written / "bids").rglob("*"))
    assert not any(condition in names for condition in ("stimulation", "relaxation", "control"))


def test_participants_have_their_sequence(written):
    participants = pd.read_csv(written / "bids" / "participants.tsv", sep="\t")
    assert participants["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert participants["sequence"].tolist() == ["A", "B"]
    assert participants["age"].between(20, 39).all()


def test_truth_is_complete_and_consistent(written):
    folder = written / "truth" / "sub-02"
    units = read_table(folder / "true_units.tsv", "true_units")
    pairs = read_table(folder / "true_pairs.tsv", "true_pairs")
    person = read_table(folder / "true_participant.tsv", "true_participant")
    assert set(units["session"]) == {"1", "2", "3"}
    assert person["bad_channel"][0] == f"EMG{SimulatedParticipant(SETTINGS, SEED, '02').bad_channel + 1:02d}"
    events = read_table(folder / "ses-1" / "sub-02_ses-1_task-ramp_run-1_desc-true_events.tsv", "events")
    of_session = units[units["session"] == "1"].set_index("unit_id")
    first = events.groupby("unit_id")["onset"].min()
    last = events.groupby("unit_id")["onset"].max()
    assert (abs(first - of_session["recruitment_time"]) <= 0.5 / 2048).all()
    assert (abs(last - of_session["derecruitment_time"]) <= 0.5 / 2048).all()
    assert (events.groupby("unit_id").size() == of_session["n_discharges"]).all()
    assert pairs["true_delta_f"].notna().sum() > 100
    vibstim = read_table(folder / "true_vibstim.tsv", "true_vibstim")
    assert vibstim.groupby("session")["outcome"].nunique().tolist() == [9, 9, 9]
    responder = vibstim.loc[vibstim["outcome"] == "responder", "value"]
    assert set(responder.astype(bool)) == {bool(person["responder"][0])}


def test_vibstim_survives_being_written_and_read(written):
    path = recording_path(written / "bids", "02", "2", "vibstim")
    recording = read_bids_recording(path, group="soleus")
    person = SimulatedParticipant(SETTINGS, SEED, "02")
    expected, events, truth = simulate_vibstim(person, "2", "relaxation")
    assert recording.channel_names == ("SOL",) and recording.groups == ("soleus",)
    np.testing.assert_allclose(recording.emg, expected.emg, atol=0.005)
    np.testing.assert_allclose(recording.torque, expected.torque, atol=1e-4)
    np.testing.assert_allclose(recording.stimulation, expected.stimulation, atol=1e-9)
    timeline = read_events(path)
    further = timeline[timeline["trial_type"] != "stimulation"].reset_index(drop=True)
    pd.testing.assert_frame_equal(further, events, check_dtype=False)
    assert (timeline["trial_type"] == "stimulation").sum() == 200
    table = read_table(written / "truth" / "sub-02" / "true_vibstim.tsv", "true_vibstim")
    of_session = table[table["session"] == "2"]
    np.testing.assert_allclose(of_session["value"].astype(float), truth["value"], rtol=1e-9)


def test_soleus_is_in_the_maximal_contraction_and_in_no_ramp(written):
    both = read_bids_recording(recording_path(written / "bids", "02", "2", "mvc"))
    assert both.channel_names[63:] == ("EMG64", "SOL") and both.groups[63:] == ("grid1", "soleus")
    assert np.isfinite(both.positions[:64]).all() and np.isnan(both.positions[64]).all()
    soleus = read_bids_recording(recording_path(written / "bids", "02", "2", "mvc"), group="soleus")
    plateau = soleus.emg[0, round(2.2 * 2048) : round(5.6 * 2048)]
    assert plateau.std() == pytest.approx(
        SimulatedParticipant(SETTINGS, SEED, "02").maximal_soleus_emg, rel=0.05
    )
    ramp = read_bids_recording(recording_path(written / "bids", "02", "2", "ramp"))
    assert set(ramp.groups) == {"grid1"}


def test_vibstim_changes_nothing_else(written, schedule, tmp_path):
    alone = schedule[(schedule["participant"] == "02") & (schedule["session"] == "1")]
    without = SampleTrialSettings(with_vibstim=False)
    simulate_participant(without, alone, "02", SEED, tmp_path / "bids", tmp_path / "truth")
    assert not list(tmp_path.rglob("*vibstim*"))
    ramp, again = (recording_path(root / "bids", "02", "1", "ramp") for root in (written, tmp_path))
    assert sha256(ramp) == sha256(again)
    mvc, again = (recording_path(root / "bids", "02", "1", "mvc") for root in (written, tmp_path))
    maximal, expected = read_bids_recording(mvc, group="grid1"), read_bids_recording(again)
    np.testing.assert_array_equal(maximal.emg, expected.emg)
    np.testing.assert_array_equal(maximal.torque, expected.torque)


def test_effects_are_written(tmp_path):
    write_true_effects(SETTINGS, list(SETTINGS.hysteresis.effects), tmp_path / "true_effects.tsv")
    effects = read_table(tmp_path / "true_effects.tsv", "true_effects").set_index(["outcome", "condition"])
    assert effects.loc["delta_f", "scale"].tolist() == [2.5, 2.5]
    assert effects.loc[("torque_vibration", "relaxation"), "effect"] == pytest.approx(-0.25 * 9.94)
    assert effects.loc[("torque_before_nmes", "relaxation"), "effect"] == 0
    assert effects.loc[("emg_sustained", "stimulation"), "effect"] == 0


def test_participant_outside_the_schedule_is_refused(schedule, tmp_path):
    with pytest.raises(InputError, match="participant '09' is missing"):
        simulate_participant(SETTINGS, schedule, "09", SEED, tmp_path, tmp_path)


def test_condition_without_effect_is_refused(schedule, tmp_path):
    sham = schedule.replace("relaxation", "sham")
    with pytest.raises(InputError, match="condition 'sham' has no effect"):
        simulate_participant(SETTINGS, sham, "02", SEED, tmp_path, tmp_path)
