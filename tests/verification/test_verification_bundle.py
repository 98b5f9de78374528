"""The archive for reviewers: what is in it, and that it has the same bytes for the same content."""

import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from verified_run import write_run

from pictrial.cli import main
from pictrial.files import write_text
from pictrial.verification.expectation import write_expectation

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a finished run and an expectation."""
    root = tmp_path / "project"
    configuration = yaml.safe_load((PROJECT / "config" / "config.yaml").read_text())
    write_text(root / "config" / "config.yaml", yaml.safe_dump(configuration | {"results": "results/run"}))
    write_run(root / "results" / "run")
    write_text(root / "results" / "run" / "analysis" / "outcomes.tsv", "value\n1\n")
    write_expectation(root / "results" / "run", root / "config" / "expected")
    for name in ("Snakefile", "requirements.lock", "workflow/rules/trial.smk", ".venv/lib/numpy.py"):
        write_text(root / name, name)
    write_text(root / "run.sh", "#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    monkeypatch.chdir(root)
    return root


def bundle(output="build/reviewers.tar.gz") -> Path:
    assert main(["bundle", "config/config.yaml", "--output", str(output)]) == 0
    return Path(output)


def test_code_configuration_expectation_and_measures_but_no_raw_data(project):
    with tarfile.open(bundle()) as archive:
        names = {name.removeprefix("reviewers/") for name in archive.getnames()}
        readme = archive.extractfile("reviewers/REVIEWERS.md").read().decode()
        assert all(entry.isreg() and entry.uid == 0 for entry in archive)
        assert len({entry.mtime for entry in archive}) == 1, "no file is newer than another"
        assert archive.getmember("reviewers/run.sh").mode == 0o755
    assert {"Snakefile", "requirements.lock", "workflow/rules/trial.smk", "config/config.yaml"} <= names
    assert {
        f"config/expected/{name}" for name in ("manifest.tsv", "ard.tsv.gz", "discharges.tsv.gz")
    } <= names
    assert {"results/run/analysis/outcomes.tsv", "results/run/lineage/run.json"} <= names
    left_out = ("statistics", "figures", "bids", "logs")
    assert not [name for name in names if name.startswith(tuple(f"results/run/{part}" for part in left_out))]
    assert not [name for name in names if ".venv" in name]
    assert "make reproduce CONFIG=config/config.yaml" in readme
    assert "rm -r results/run && make trial verify CONFIG=config/config.yaml" in readme


def test_same_content_gives_the_same_bytes(project):
    first = bundle().read_bytes()
    for path in project.rglob("*"):
        path.touch()
    # The first archive is in build/, which holds no code.
    assert bundle().read_bytes() == first


def test_under_git_only_what_git_knows(project):
    write_text(project / "notes_of_my_own.txt", "private")
    git = ["git", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "Snakefile", "workflow", "config/config.yaml"], check=True)
    with tarfile.open(bundle()) as archive:
        names = {name.removeprefix("reviewers/") for name in archive.getnames()}
    assert {"Snakefile", "workflow/rules/trial.smk", "config/expected/manifest.tsv"} <= names
    assert names.isdisjoint({"notes_of_my_own.txt", "requirements.lock"})


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("Snakefile", "there is no Snakefile"),
        ("config/expected/manifest.tsv", "there is no expectation"),
        ("results/run/analysis/outcomes.tsv", "there are no analysis tables"),
    ],
)
def test_what_is_not_there_is_named(project, capsys, gone, message):
    (project / gone).unlink()
    assert main(["bundle", "config/config.yaml", "--output", "build/b.tar.gz"]) == 2
    assert message in capsys.readouterr().err
    assert not (project / "build" / "b.tar.gz").exists()


def test_the_archive_needs_its_suffix(project, capsys):
    assert main(["bundle", "config/config.yaml", "--output", "build/b.zip"]) == 2
    assert "no .tar.gz" in capsys.readouterr().err
