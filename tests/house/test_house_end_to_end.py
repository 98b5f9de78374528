"""A small trial from simulated recordings to figure and table, and what a second run does."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from house_trials import FEW, run_snakemake, write_trial
from test_house_dag import jobs

from pictrial.files import sha256

#: What is done of single recordings and people before conditions are known.
OF_RECORDINGS = {"simulate_participant", "check_recordings", "decompose_recording", "track_motor_units"}
OF_RECORDINGS |= {"estimate_delta_f", "vary_delta_f", "measure_vibstim", "draw_vibstim", "list_recordings"}
FAST = {"stages": 2, "starts": 40}


def run(folder, participants, **settings):
    path = write_trial(folder, participants=participants, analyses=FEW, decomposition=FAST, **settings)
    return path, run_snakemake(path, "--cores", "2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run of two participants, its configuration, and what the run said."""
    folder = tmp_path_factory.mktemp("trial")
    path, done = run(folder, 2)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder / "results", path, done.stderr


def test_everything_that_is_promised_is_there(finished):
    results, _, _ = finished
    for name in ("figures/delta_f.png", "figures/delta_f.pdf", "figures/delta_f.svg", "tables/delta_f.csv"):
        assert (results / name).stat().st_size > 100, name
    for name in (
        "statistics/ard",
        "analysis/exclusions",
        "analysis/outcomes",
        "motor_units/pairs",
        "motor_units/units",
    ):
        assert len(pd.read_csv(results / f"{name}.tsv", sep="\t")) > 0, name
        assert (results / f"{name}.json").is_file(), "every table has its dictionary"


def test_progress_was_visible(finished):
    said = finished[2]
    assert re.search(r"\d+ of \d+ steps \(\d+%\) done", said)
    assert "Decomposing participant 01, session 1" in said
    assert re.search(r"sub-01_ses-1_task-ramp_run-1: \d+ motor units", said)


def test_every_job_left_log_and_benchmark(finished):
    results = finished[0]
    logs = {path.relative_to(results / "logs").with_suffix("") for path in (results / "logs").rglob("*.log")}
    times = {
        path.relative_to(results / "benchmarks").with_suffix("")
        for path in (results / "benchmarks").rglob("*.tsv")
    }
    records = {
        path.relative_to(results / "lineage").with_suffix("")
        for path in (results / "lineage").rglob("*.json")
    }
    assert logs == times == records
    assert len(logs) > 20
    assert all((results / "logs" / f"{name}.log").stat().st_size for name in logs)


def test_both_participants_have_delta_f_in_every_condition(finished):
    outcomes = pd.read_csv(finished[0] / "analysis" / "outcomes.tsv", sep="\t", dtype={"participant": str})
    found = outcomes.dropna(subset=["value"]).groupby(["participant", "condition"]).size()
    assert len(found) == 6, found


def test_every_number_of_the_table_has_its_row(finished):
    ard = pd.read_csv(finished[0] / "statistics" / "ard.tsv", sep="\t")
    assert ard["ard_id"].is_unique
    assert (ard["value"].notna() | ard["warning"].notna()).all(), "what is missing says why"


def test_second_run_does_nothing(finished):
    done = run_snakemake(finished[1], "--cores", "2")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


def jobs_after(finished, change, file="config.yaml"):
    """Return the jobs of a run after `change` of the configuration or plan, which is then undone."""
    path = finished[1].parent / file
    before, times = path.read_text(), path.stat()
    content = yaml.safe_load(before)
    change(content)
    try:
        path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
        done = run_snakemake(finished[1], "--dry-run", "--quiet", "rules")
    finally:
        path.write_text(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert done.returncode == 0, done.stdout + done.stderr
    return jobs(done.stdout)


def test_changed_criterion_reruns_delta_f_and_nothing_before(finished):
    def change(content):
        content["motor_units"]["criteria"]["recruitment_gap"] = 1.5

    rules = set(jobs_after(finished, change))
    assert {"estimate_delta_f", "vary_delta_f", "run_analysis", "write_manuscript", "write_site"} <= rules
    assert rules.isdisjoint(OF_RECORDINGS - {"estimate_delta_f", "vary_delta_f"} | {"stage_plan"})


def test_changed_analysis_reruns_no_recording(finished):
    def change(plan):
        plan["analyses"]["participant_means"]["description"] = "Said otherwise"

    rules = set(jobs_after(finished, change, "trial.yaml"))
    assert {"stage_plan", "run_analysis", "write_manuscript"} <= rules
    assert rules.isdisjoint(OF_RECORDINGS)


def test_another_participant_brings_only_their_jobs_and_the_joint_ones(finished):
    def change(plan):
        plan["participants"]["03"] = plan["participants"]["01"]

    found = jobs_after(finished, change, "trial.yaml")
    of_person = ("simulate_participant", "track_motor_units", "estimate_delta_f", "measure_vibstim")
    assert {rule: found[rule] for rule in of_person} == dict.fromkeys(of_person, 1)
    assert found["check_recordings"] == found["decompose_recording"] == found["write_quality_page"] == 3


def test_truncated_recording_stops_with_a_clear_line(finished, tmp_path):
    """A broken file of an external data set ends the run; the message names it."""
    import shutil

    shutil.copytree(finished[0] / "bids", tmp_path / "bids")
    recording = next((tmp_path / "bids").rglob("sub-01_ses-2_task-ramp*.bdf"))
    recording.write_bytes(recording.read_bytes()[:-5000])
    path = write_trial(
        tmp_path / "run", participants=2, data={"source": "bids", "bids": str(tmp_path / "bids")}
    )
    target = "results/recordings/sub-01/ses-2/sub-01_ses-2_task-ramp_run-1_desc-quality_channels.tsv"
    done = run_snakemake(path, "--cores", "2", target)
    assert done.returncode == 1
    assert f"Error: {recording}" in done.stdout + done.stderr
    log = tmp_path / "run" / "results" / "logs" / "check_recordings" / "sub-01_ses-2.log"
    assert log.read_text().startswith(f"Error: {recording}")


#: What tells when and how long something ran.
OF_THE_RUN = ("logs", "benchmarks", "lineage")


def contents(results):
    """Return the hash of every output but those `OF_THE_RUN`: the same seed must write the same bytes."""
    files = [path.relative_to(results) for path in sorted(results.rglob("*")) if path.is_file()]
    kept = [path for path in files if path.parts[0] not in OF_THE_RUN and path.name != ".snakemake_timestamp"]
    return {str(path): sha256(results / path) for path in kept}


@pytest.mark.slow
def test_same_seed_in_another_folder_gives_the_same_results(finished, tmp_path):
    _, done = run(tmp_path, 2)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    first, again = contents(finished[0]), contents(tmp_path / "results")
    assert {".pdf", ".svg", ".png", ".docx", ".xlsx", ".html", ".ipynb"} <= {
        Path(name).suffix for name in first
    }
    assert [name for name in first if again.get(name) != first[name]] == []
    assert again.keys() == first.keys()


def test_same_seed_gives_the_same_recordings_and_discharges(finished, tmp_path):
    """The short form of the test above: one recording, simulated and decomposed again in another folder."""
    path = write_trial(tmp_path, participants=2, decomposition=FAST)
    stem = "decomposition/sub-01/ses-1/sub-01_ses-1_task-ramp_run-1_desc-decomposed"
    done = run_snakemake(path, "--cores", "2", f"results/{stem}_events.tsv")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    again, first = tmp_path / "results", finished[0]
    files = [path.relative_to(again) for path in (again / "bids").rglob("*") if path.is_file()]
    assert len(files) > 10
    for name in [*files, f"{stem}_events.tsv", f"{stem}_events.json"]:
        assert (again / name).read_bytes() == (first / name).read_bytes(), name


@pytest.mark.slow
def test_real_recording_to_delta_f_and_why_there_are_no_statistics(otb_testfile, tmp_path):
    path = write_trial(tmp_path, "vastus_lateralis")
    content = yaml.safe_load(path.read_text())
    content["data"]["import"][0]["file"] = str(otb_testfile)
    path.write_text(yaml.safe_dump(content))
    done = run_snakemake(path, "--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    results = tmp_path / "results"
    pairs = pd.read_csv(results / "motor_units" / "pairs.tsv", sep="\t")
    assert pairs["delta_f"].notna().any()
    ard = pd.read_csv(results / "statistics" / "ard.tsv", sep="\t")
    assert ard["warning"].str.contains("one condition|one participant", na=False).any()
    assert (results / "figures" / "delta_f.png").is_file()
