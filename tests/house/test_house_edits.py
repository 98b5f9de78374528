"""Manual edits in the DAG: replayed before tracking, for the recordings that were edited and no others."""

import os

import pandas as pd
import pytest
from house_trials import run_snakemake, write_trial
from test_house_dag import jobs, rule_edges

from pictrial.tables import write_table

NAME = "sub-{participant}_ses-1_task-ramp_run-1"


def write_edits(folder, participant: str, sample: int) -> None:
    row = {
        "recording": NAME.format(participant=participant),
        "decomposition": "0123456789abcdef",
        "unit_id": "MU01",
        "operation": "add_discharges",
        "onset": sample / 2048,
        "editor": "A. B.",
        "date": "2024-05-01",
        "reason": "missed",
    }
    folder.mkdir(exist_ok=True)
    write_table(pd.DataFrame([row]), folder / f"{row['recording']}_edits.tsv", "edits")


@pytest.fixture
def trial(tmp_path):
    write_edits(tmp_path / "edits", "01", 700)
    return write_trial(tmp_path, participants=2, data={"edits": "edits"})


def test_edits_are_replayed_between_decomposition_and_tracking(trial):
    done = run_snakemake(trial, "--rulegraph", "dot")
    assert done.returncode == 0, done.stderr
    edges = rule_edges(done.stdout)
    assert ("decompose_recording", "replay_edits") in edges
    assert ("replay_edits", "track_motor_units") in edges
    assert ("decompose_recording", "track_motor_units") not in edges


def test_removed_units_reach_the_exclusions(trial):
    edges = rule_edges(run_snakemake(trial, "--rulegraph", "dot").stdout)
    assert ("replay_edits", "build_analysis_tables") in edges
    assert ("decompose_recording", "build_analysis_tables") not in edges


def test_unknown_recording_stops_before_any_job(trial, tmp_path):
    write_edits(tmp_path / "edits", "99", 700)
    done = run_snakemake(trial, "--dry-run")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    name = NAME.format(participant="99")
    assert f"{name}_edits.tsv, row 1: recording '{name}' is not in the trial plan" in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_changed_edit_runs_replay_and_what_follows_it(trial, tmp_path):
    """All files of a finished run are there; then one table of edits changes."""
    done = run_snakemake(trial, "--summary")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines()[1:]:
        file = tmp_path / line.split("\t")[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert run_snakemake(trial, "--touch").returncode == 0
    write_edits(tmp_path / "edits", "01", 900)
    newest = max(path.stat().st_mtime for path in (tmp_path / "results").rglob("*"))
    os.utime(tmp_path / "edits" / f"{NAME.format(participant='01')}_edits.tsv", (newest + 5, newest + 5))
    done = run_snakemake(trial, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stderr
    found = jobs(done.stdout)
    assert (found["replay_edits"], found["track_motor_units"], found["estimate_delta_f"]) == (1, 1, 1)
    before = ("simulate_participant", "check_delivery", "check_recordings", "decompose_recording")
    assert not [name for name in before if name in found]
