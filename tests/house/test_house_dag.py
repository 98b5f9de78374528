"""The DAG as it is built from the trial plan, before there are data."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml
from house_trials import PROJECT, run_snakemake, write_trial

#: Trial (folder under config) and the file that holds the edges of its rule graph, one per line.
TRIALS = {".": "sample", "two_experiments": "two_experiments", "spasticity": "spasticity"}
TRIALS |= {"vastus_lateralis": "vastus_lateralis"}
GRAPHS = PROJECT / "tests" / "house" / "rule_graphs"


def rule_edges(graph: str) -> list[tuple[str, str]]:
    """Return the sorted edges (earlier rule, later rule) of a rule graph in dot."""
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    return sorted((names[before], names[after]) for before, after in re.findall(r"(\d+) -> (\d+)", graph))


def jobs(output: str) -> dict[str, int]:
    """Return how many jobs of each rule a dry run announces."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


@pytest.mark.parametrize("name", TRIALS)
def test_rule_graph(tmp_path, name):
    done = run_snakemake(write_trial(tmp_path, name), "--rulegraph", "dot")
    assert done.returncode == 0, done.stderr
    wanted = (GRAPHS / f"{TRIALS[name]}.txt").read_text().splitlines()
    assert [f"{before} > {after}" for before, after in rule_edges(done.stdout)] == wanted


@pytest.mark.parametrize("name", TRIALS.values())
def test_processing_does_not_know_the_conditions(name):
    """Nothing between recordings and analysis tables takes the plan as its stage shows it."""
    edges = [line.split(" > ") for line in (GRAPHS / f"{name}.txt").read_text().splitlines()]
    staged = {after for before, after in edges if before == "stage_plan"}
    assert staged.isdisjoint(
        {"check_recordings", "decompose_recording", "track_motor_units", "estimate_delta_f"}
    )
    assert {"build_analysis_tables", "join_results", "write_manuscript", "write_site"} <= staged


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "spasticity",
            {"simulate_participant": 22, "simulate_participant_of_1": 2, "decompose_recording": 46},
        ),
        ("two_experiments", {"decompose_recording": 60, "draw_vibstim": 39, "measure_vibstim": 39}),
    ],
)
def test_jobs_of_other_trials(tmp_path, name, wanted):
    done = run_snakemake(write_trial(tmp_path, name), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    found = jobs(done.stdout)
    assert {rule: found[rule] for rule in wanted} == wanted


def test_jobs_of_the_sample_trial(tmp_path):
    done = run_snakemake(write_trial(tmp_path), "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    found = jobs(done.stdout)
    assert found["simulate_participant"] == found["track_motor_units"] == found["estimate_delta_f"] == 6
    assert found["check_recordings"] == found["decompose_recording"] == 18
    assert found["run_analysis"] == 23 and found["draw_diagnostics"] == 10
    assert found["draw_figure"] == found["write_result_table"] == 6
    assert found["total"] == sum(found.values()) - found["total"]


def test_missing_session_leaves_its_branch_out(tmp_path):
    path = write_trial(tmp_path, participants=2)
    plan = yaml.safe_load((tmp_path / "trial.yaml").read_text())
    plan["missing_sessions"] = [{"participant": "01", "session": "2", "reason": "ill"}]
    (tmp_path / "trial.yaml").write_text(yaml.safe_dump(plan, allow_unicode=True))
    done = run_snakemake(path, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    found = jobs(done.stdout)
    assert found["decompose_recording"] == 5
    assert (found["track_motor_units"], found["track_motor_units_of_1_3"]) == (1, 1)


@pytest.mark.parametrize(
    ("link", "rule"),
    [
        ("sub-01/ses-2/emg/sub-01_ses-2_task-ramp_run-1_events.tsv", "check_recordings"),
        ("task-vibstim_emg.json", "measure_vibstim"),
    ],
)
def test_sidecars_of_a_data_set_are_looked_up_before_any_job(tmp_path, link, rule):
    """They are inputs of what reads its recordings; so one that leads out of the data set is refused here."""
    path = write_trial(tmp_path, participants=2, data={"source": "bids", "bids": str(tmp_path / "bids")})
    files = ["dataset_description.json", "participants.tsv", "phenotype/scores.tsv", "phenotype/scores.json"]
    for person in ("01", "02"):
        files.append(f"sub-{person}/sub-{person}_sessions.tsv")
        for session, task in product("123", ("ramp", "mvc", "vibstim")):
            name = f"sub-{person}_ses-{session}_task-{task}_run-1_emg.bdf"
            files.append(f"sub-{person}/ses-{session}/emg/{name}")
    for file in [tmp_path / "bids" / name for name in files]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert run_snakemake(path, "--dry-run").returncode == 0
    (tmp_path / "elsewhere").touch()
    (tmp_path / "bids" / link).symlink_to(tmp_path / "elsewhere")
    done = run_snakemake(path, "--dry-run")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"{Path(link).name}: this is a link that leads out of the data set" in said
    assert f"rule {rule}" in said


@pytest.mark.parametrize(
    ("file", "key", "value", "message"),
    [
        ("config.yaml", "sed", 1, "config.yaml: unknown key 'sed'"),
        ("config.yaml", "trial", "no.yaml", "no.yaml: there is no such file"),
        ("trial.yaml", "participant", {}, "trial.yaml: unknown key 'participant'"),
    ],
)
def test_bad_configuration_stops_before_any_job(tmp_path, file, key, value, message):
    path = write_trial(tmp_path, participants=2)
    content = yaml.safe_load((tmp_path / file).read_text())
    (tmp_path / file).write_text(yaml.safe_dump(content | {key: value}, allow_unicode=True))
    done = run_snakemake(path, "--dry-run")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "results").exists()


def test_named_configuration_replaces_the_default(tmp_path):
    """What the named one does not say is not taken from the default."""
    path = write_trial(tmp_path, participants=2)
    content = yaml.safe_load(path.read_text())
    del content["results"]
    path.write_text(yaml.safe_dump(content))
    done = run_snakemake(path, "--dry-run")
    assert done.returncode == 1
    assert "key 'results' is missing" in done.stdout + done.stderr


RULE_FILES = sorted((PROJECT / "workflow" / "rules").glob("*.smk"))


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_every_rule_is_complete(path):
    bodies = re.split(r"^ *rule(?: \w+)?:\n", path.read_text(), flags=re.MULTILINE)[1:]
    for body in bodies:
        for directive in ("input", "output", "log", "benchmark", "threads", "resources", "message"):
            if directive == "input" and re.search("fetch_public|simulate_part|write_sample_data", body):
                continue
            assert re.search(rf"^ +{directive}:", body, re.MULTILINE), (
                f"{path.name} lacks {directive}: {body[:80]}"
            )
        assert "mem_mb" in body
        assert "runtime" in body


def test_main_file_fits_on_a_screen():
    assert len((PROJECT / "Snakefile").read_text().splitlines()) <= 50


@pytest.mark.slow
def test_scheduler_looks_for_jobs_only_when_one_has_ended(tmp_path):
    """Snakemake's limit of rate would let it look again and again: it is switched off when a run begins."""
    rules = "\n".join(
        f'rule job{n}:\n    output: "{n}"\n    shell: "sleep 0.1; touch {{output}}"' for n in range(40)
    )
    schedule = (PROJECT / "workflow" / "rules" / "schedule.smk").read_text()
    line = re.search(r"^    workflow\.scheduler\.job_rate_limiter = None$", schedule, re.MULTILINE)[0]
    looks = {}
    for name, hook in (("limited", "pass"), ("unlimited", line.strip())):
        (tmp_path / name).mkdir()
        files = ", ".join(f'"{n}"' for n in range(40))
        text = f"rule all:\n    input: {files}\n\n{rules}\n\nonstart:\n    {hook}\n"
        (tmp_path / name / "Snakefile").write_text(text)
        command = [sys.executable, "-m", "snakemake", "--cores", "1", "--verbose", "--scheduler", "greedy"]
        done = subprocess.run(command, cwd=tmp_path / name, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        looks[name] = (done.stdout + done.stderr).count("Resources before job selection")
    assert looks["unlimited"] <= 45
    assert looks["limited"] > 2 * looks["unlimited"]
