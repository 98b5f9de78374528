"""The DAG as it is built from the trial plan, before there are data."""

import re

import pytest
import yaml
from house_trials import PROJECT, run_snakemake, write_trial

SHARED = [
    ("assess_stimulus_locking", "merge_motor_units"),
    ("build_analysis_tables", "draw_figure"),
    ("build_analysis_tables", "join_results"),
    ("build_analysis_tables", "test_differential_loss"),
    ("check_delivery", "check_recordings"),
    ("check_recordings", "assess_stimulus_locking"),
    ("check_recordings", "build_analysis_tables"),
    ("check_recordings", "decompose_recording"),
    ("check_recordings", "estimate_delta_f"),
    ("check_recordings", "track_motor_units"),
    ("check_recordings", "write_quality_page"),
    ("compare_rules", "draw_multiverse"),
    ("compare_rules", "join_results"),
    ("count_attrition", "draw_attrition"),
    ("count_attrition", "test_differential_loss"),
    ("decompose_recording", "build_analysis_tables"),
    ("decompose_recording", "count_attrition"),
    ("decompose_recording", "track_motor_units"),
    ("decompose_recording", "write_quality_page"),
    ("draw_attrition", "all"),
    ("draw_figure", "all"),
    ("draw_multiverse", "all"),
    ("estimate_delta_f", "merge_motor_units"),
    ("estimate_delta_f", "write_quality_page"),
    ("explore_pair_criteria", "all"),
    ("join_results", "draw_figure"),
    ("join_results", "write_result_table"),
    ("merge_motor_units", "build_analysis_tables"),
    ("merge_motor_units", "compare_rules"),
    ("merge_motor_units", "count_attrition"),
    ("merge_motor_units", "draw_multiverse"),
    ("merge_motor_units", "explore_pair_criteria"),
    ("test_differential_loss", "draw_attrition"),
    ("test_differential_loss", "join_results"),
    ("track_motor_units", "assess_stimulus_locking"),
    ("track_motor_units", "count_attrition"),
    ("track_motor_units", "estimate_delta_f"),
    ("track_motor_units", "vary_delta_f"),
    ("track_motor_units", "write_quality_page"),
    ("vary_delta_f", "merge_motor_units"),
    ("write_quality_page", "all"),
    ("write_result_table", "all"),
]
SAMPLE = [
    ("build_analysis_tables", "cross_check_models"),
    ("build_analysis_tables", "draw_diagnostics"),
    ("build_analysis_tables", "run_analysis"),
    ("check_delivery", "measure_vibstim"),
    ("compare_vibstim_with_truth", "all"),
    ("compare_with_truth", "all"),
    ("cross_check_models", "all"),
    ("draw_diagnostics", "all"),
    ("draw_vibstim", "all"),
    ("draw_vibstim_outcomes", "all"),
    ("join_results", "compare_with_truth"),
    ("measure_vibstim", "draw_vibstim"),
    ("measure_vibstim", "merge_vibstim"),
    ("merge_motor_units", "compare_with_truth"),
    ("merge_vibstim", "build_analysis_tables"),
    ("merge_vibstim", "compare_vibstim_with_truth"),
    ("merge_vibstim", "draw_vibstim_outcomes"),
    ("run_analysis", "join_results"),
    ("simulate_participant", "check_delivery"),
    ("simulate_participant", "check_recordings"),
    ("simulate_participant", "compare_vibstim_with_truth"),
    ("simulate_participant", "compare_with_truth"),
    ("simulate_participant", "decompose_recording"),
    ("simulate_participant", "measure_vibstim"),
    ("simulate_participant", "track_motor_units"),
    ("simulate_participant", "write_quality_page"),
    ("track_motor_units", "compare_with_truth"),
    ("write_sample_dataset", "build_analysis_tables"),
    ("write_sample_dataset", "check_delivery"),
    ("write_sample_dataset", "compare_with_truth"),
]
RECORDING = [
    ("fetch_public_recording", "import_recordings"),
    ("import_recordings", "build_analysis_tables"),
    ("import_recordings", "check_delivery"),
    ("import_recordings", "check_recordings"),
    ("import_recordings", "decompose_recording"),
    ("import_recordings", "track_motor_units"),
    ("import_recordings", "write_quality_page"),
]


def rule_edges(graph: str) -> list[tuple[str, str]]:
    """Return the sorted edges (earlier rule, later rule) of a rule graph in dot."""
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    return sorted((names[before], names[after]) for before, after in re.findall(r"(\d+) -> (\d+)", graph))


def jobs(output: str) -> dict[str, int]:
    """Return how many jobs of each rule a dry run announces."""
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


@pytest.mark.parametrize(
    ("name", "own"), [(".", SAMPLE), ("vastus_lateralis", RECORDING)], ids=["sample", "recording"]
)
def test_rule_graph(tmp_path, name, own):
    done = run_snakemake(write_trial(tmp_path, name), "--rulegraph", "dot")
    assert done.returncode == 0, done.stderr
    assert rule_edges(done.stdout) == sorted(SHARED + own)


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
            if directive == "input" and "fetch_public_recording" in body:
                continue
            assert re.search(rf"^ +{directive}:", body, re.MULTILINE), (
                f"{path.name} lacks {directive}: {body[:80]}"
            )
        assert "mem_mb" in body
        assert "runtime" in body


def test_main_file_fits_on_a_screen():
    assert len((PROJECT / "Snakefile").read_text().splitlines()) <= 45
