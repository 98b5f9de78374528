"""The profile for Slurm: its groups fit every trial; a Slurm of one node gives what this machine gives."""

import importlib.util
import os
import re
import shutil
import subprocess

import pytest
import yaml
from house_trials import FEW, PROJECT, run_snakemake, write_trial
from test_house_end_to_end import FAST, contents

PROFILE = PROJECT / "workflow" / "profiles" / "slurm"
ONE_NODE = PROJECT / "tests" / "cluster" / "one_node_slurm.sh"
WAIT_LESS = ("--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "5")

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="needs the package snakemake-executor-plugin-slurm",
)


def settings(name: str) -> dict[str, str]:
    """Return a list of the profile, each entry of which is ``key=value``."""
    return dict(entry.split("=") for entry in yaml.safe_load((PROFILE / "config.yaml").read_text())[name])


def test_every_rule_of_the_profile_exists_and_every_group_is_used():
    rules = "".join(path.read_text() for path in (PROJECT / "workflow" / "rules").glob("*.smk"))
    for name in settings("groups"):
        assert re.search(rf'^ *rule {name}:$|f"{name}\{{suffix}}"', rules, re.MULTILINE), name
    assert settings("group-components").keys() <= set(settings("groups").values())


@pytest.mark.parametrize(
    "name",
    [  # the first has missing sessions, so that some participants have rules of their own
        "spasticity",
        pytest.param(".", marks=pytest.mark.slow),
        pytest.param("two_experiments", marks=pytest.mark.slow),
        pytest.param("vastus_lateralis", marks=pytest.mark.slow),
    ],
)
def test_groups_fit_the_trial(tmp_path, name):
    """Snakemake refuses a group that needs a job which needs the group."""
    done = run_snakemake(write_trial(tmp_path, name), "--dry-run", "--quiet", "all", profile=PROFILE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_group_that_needs_itself_is_refused(tmp_path):
    """What the test above relies on."""
    path = write_trial(tmp_path, participants=2)
    split = ("--groups", "check_recordings=one", "track_motor_units=one")
    done = run_snakemake(path, "--dry-run", "--quiet", "all", *split, profile=PROFILE)
    assert done.returncode == 1 and "Error in group one" in done.stdout + done.stderr


@pytest.fixture
def one_node(tmp_path):
    """A Slurm of one node, unless this machine has a Slurm."""
    if shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0:
        yield
        return
    if os.geteuid() or not all(map(shutil.which, ("munged", "slurmctld", "slurmd"))):
        pytest.skip(f"there is no Slurm on this machine (as root: {ONE_NODE.name} install)")
    subprocess.run([ONE_NODE, "start", tmp_path / "slurm"], check=True)
    yield
    subprocess.run([ONE_NODE, "stop", tmp_path / "slurm"], check=True)


@pytest.mark.slow
def test_slurm_gives_the_same_files(one_node, tmp_path):
    found = {}
    for name, how in (("slurm", {"profile": PROFILE}), ("here", {})):
        path = write_trial(tmp_path / name, participants=2, analyses=FEW, decomposition=FAST)
        options = ("--slurm-status-command", "squeue", *WAIT_LESS) if how else ("--cores", "2")
        done = run_snakemake(path, *options, **how)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        found[name] = contents(tmp_path / name / "results")
    assert len(found["here"]) > 200
    assert [name for name in found["here"] if found["slurm"].get(name) != found["here"][name]] == []
    assert found["slurm"].keys() == found["here"].keys()
