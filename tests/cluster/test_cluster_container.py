"""The container recipes: no test can build them, but their contents is what the project has."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

PROJECT = Path(__file__).resolve().parents[2]
DOCKER = (PROJECT / "container" / "Dockerfile").read_text().replace("\\\n", " ")
APPTAINER = (PROJECT / "container" / "pictrial.def").read_text()
STAGES = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM|\Z)", DOCKER, re.MULTILINE | re.DOTALL))
#: Which Debian package brings a program that tests look for.
PACKAGE_OF = {
    "chromium": "chromium",
    "pdflatex": "texlive-latex-base",
    "Rscript": "r-base-core",
    "sinfo": "slurm-client",
    "soffice": "libreoffice-writer",
}
#: What the project tracks and the image does without.
NOT_NEEDED = {"results", "environment.yml", "CHANGELOG.md"}
FROM_THE_LOCK = {"bids-validator-deno"}


def debian_packages(text: str) -> set[str]:
    """Return what ``apt-get install`` is to install."""
    found = re.findall(r"apt-get install (?:--\S+ +)*([^&\n]*)", text)
    return {package for names in found for package in names.split()}


def apptainer_section(name: str) -> str:
    return re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", APPTAINER, re.MULTILINE | re.DOTALL)[1]


def copied() -> set[str]:
    return {name for line in re.findall(r"^COPY (.*) \S+$", DOCKER, re.MULTILINE) for name in line.split()}


def test_both_recipes_start_from_the_same_pinned_supported_python():
    bases = {*re.findall(r"^FROM (\S*:\S*)", DOCKER, re.MULTILINE)}
    bases |= {*re.findall(r"^From: (\S+)", APPTAINER, re.MULTILINE)}
    assert len(bases) == 1
    version = re.fullmatch(r"python:(\d+\.\d+\.\d+)-slim-bookworm", bases.pop())[1]
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    assert version in SpecifierSet(project["requires-python"])


def test_both_recipes_take_in_all_that_the_project_tracks():
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git repository")
    tracked = {line.split("/")[0] for line in listed.stdout.splitlines()}
    wanted = {name for name in tracked if not name.startswith(".")} - NOT_NEEDED
    assert wanted <= copied(), "COPY it in container/Dockerfile, or say here why not"
    assert {line.split()[0] for line in apptainer_section("files").splitlines() if line.strip()} == copied()
    assert all((PROJECT / name).exists() for name in copied())


def test_both_recipes_install_the_lock_with_its_hashes():
    for recipe in (STAGES["environment"], apptainer_section("post")):
        assert re.search(r"\bmake (-C /opt/pictrial )?environment PYTHON=/usr/local/bin/python3", recipe)
        assert not re.search(r"\bpip\b", recipe), "the Makefile says how"
    steps = subprocess.run(
        ["make", "--dry-run", "--always-make", "environment"], cwd=PROJECT, capture_output=True, text=True
    )
    assert "--require-hashes --requirement requirements.lock" in steps.stdout


def test_image_has_the_programs_of_the_workflow_and_its_tests_more():
    for recipe in (STAGES["environment"], apptainer_section("post")):
        assert debian_packages(recipe) == {"git", "make"}
    sought = set()
    for path in (PROJECT / "tests").rglob("*.py"):
        sought |= {*re.findall(r'which\("([\w-]+)"\)', path.read_text())}
    assert sought - FROM_THE_LOCK <= PACKAGE_OF.keys(), "name its Debian package here"
    packages = debian_packages(STAGES["tests"])
    assert {PACKAGE_OF[program] for program in sought - FROM_THE_LOCK} <= packages
    of_r = re.search(r"^R_PACKAGES := (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)[1]
    assert {*of_r.split(), "munge", "slurm-wlm"} <= packages


@pytest.mark.slow
def test_both_recipes_start_the_workflow_as_the_readme_does(tmp_path):
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", STAGES["pictrial"], re.MULTILINE)[1])
    assert apptainer_section("runscript").split() == ["exec", *entry, '"$@"']
    assert f"{entry[0]} {entry[3]} workflow/profiles/default" in (PROJECT / "README.md").read_text()
    here = [part.replace("/opt/pictrial", str(PROJECT)) for part in entry]
    options = json.loads(re.search(r"^CMD (.*)$", STAGES["pictrial"], re.MULTILINE)[1])
    command = [sys.executable, "-m", *here, *options, "--dry-run", "--quiet", "all"]
    (tmp_path / "config").mkdir()
    for name in ("config.yaml", "trial.yaml"):
        (tmp_path / "config" / name).write_text((PROJECT / "config" / name).read_text())
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
