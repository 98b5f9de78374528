"""From the archive alone, without raw recordings, to the same numbers and documents."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from house_trials import FEW, PROJECT, write_trial
from test_house_dag import jobs

from pictrial.cli import main

#: What needs raw recordings, or is before the analysis tables.
BEFORE = {"simulate_participant", "check_recordings", "decompose_recording", "track_motor_units"}
BEFORE |= {"estimate_delta_f", "measure_vibstim", "write_quality_page", "build_analysis_tables"}


def run(project: Path, *arguments: str) -> str:
    """Run the workflow of `project` and return what it said."""
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "workflow/profiles/default"]
    command += ["--configfile", "config.yaml", "--cores", "2", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=project)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.mark.slow
def test_statistics_and_documents_are_made_anew_from_the_archive(tmp_path, monkeypatch):
    project = tmp_path / "project"
    write_trial(project, participants=2, analyses=FEW, decomposition={"stages": 2, "starts": 40})
    for name in ("workflow", "notebooks"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "Snakefile", project)
    run(project)
    monkeypatch.chdir(project)
    assert main(["verify", "results", "--expected", "expected", "--write"]) == 0
    assert main(["bundle", "config.yaml", "--output", str(tmp_path / "archive.tar.gz")]) == 0
    with tarfile.open(tmp_path / "archive.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")

    unpacked = tmp_path / "archive"
    monkeypatch.chdir(unpacked)
    assert not Path("results/bids").exists() and not Path("results/statistics").exists()
    rules = set(jobs(run(unpacked, "--rerun-triggers", "mtime", "--dry-run", "--quiet", "rules")))
    assert {"run_analysis", "join_results", "write_manuscript", "write_site"} <= rules
    assert rules.isdisjoint(BEFORE)
    run(unpacked, "--rerun-triggers", "mtime")
    assert main(["verify", "results", "--expected", "expected"]) == 0
