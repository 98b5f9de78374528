"""pyproject.toml, requirements.lock, environment.yml, Makefile and README say the same."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
LOCK = (PROJECT / "requirements.lock").read_text()
MAKEFILE = (PROJECT / "Makefile").read_text()


def locked_packages() -> dict[str, list[tuple[Requirement, bool]]]:
    """Return for each package of the lock its pins, each with whether it has a hash."""
    packages: dict[str, list[tuple[Requirement, bool]]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", LOCK):
        requirement = Requirement(entry.splitlines()[0].rstrip("\\ "))
        hashed = "--hash=sha256:" in entry
        packages.setdefault(canonicalize_name(requirement.name), []).append((requirement, hashed))
    return packages


LOCKED = locked_packages()
DEVELOPMENT = PYPROJECT["optional-dependencies"]["development"]


def test_every_locked_package_is_pinned_with_a_hash():
    assert len(LOCKED) > 50
    for pins in LOCKED.values():
        for requirement, hashed in pins:
            assert hashed, f"{requirement} has no hash"
            assert [specifier.operator for specifier in requirement.specifier] == ["=="]


@pytest.mark.parametrize("dependency", [*PYPROJECT["dependencies"], *DEVELOPMENT])
def test_every_dependency_is_in_the_lock(dependency):
    wanted = Requirement(dependency)
    pins = LOCKED[canonicalize_name(wanted.name)]
    for pin, _ in pins:
        version = next(iter(pin.specifier)).version
        assert wanted.specifier.contains(version, prereleases=True)


def test_lock_names_no_registry():
    assert "://" not in LOCK
    assert "index-url" not in LOCK


def test_conda_environment_is_the_same_lock():
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["--requirement requirements.lock"]}
    names = {Requirement(entry.replace(" ", "")).name for entry in conda}
    assert {"python", "pip", "git", "make"} == names
    python = next(Requirement(entry.replace(" ", "")) for entry in conda if entry.startswith("python"))
    supported = SpecifierSet(PYPROJECT["requires-python"])
    for minor in range(0, 30):
        if f"3.{minor}" in python.specifier:
            assert f"3.{minor}" in supported


def test_packages_that_the_code_imports_are_declared():
    import ast

    entries = [*PYPROJECT["dependencies"], *PYPROJECT["optional-dependencies"]["s3"]]
    declared = {canonicalize_name(Requirement(entry).name) for entry in entries}
    distribution = {"yaml": "pyyaml", "sklearn": "scikit-learn", "docx": "python-docx"}
    for module in (PROJECT / "workflow" / "pictrial").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"pictrial"}:
                assert canonicalize_name(distribution.get(name, name)) in declared, f"{module} imports {name}"


def test_old_python_gets_one_clear_line():
    check = (PROJECT / "workflow" / "check_python.py").read_text()
    too_old = f"import sys\nsys.version_info = (3, 10, 4)\n{check}"
    done = subprocess.run([sys.executable, "-c", too_old], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "pictrial needs Python 3.11 or newer; this is Python 3.10. Name another: make PYTHON=python3.11\n"
    )
    assert subprocess.run([sys.executable, "-c", check], capture_output=True).returncode == 0


def test_make_commands_of_the_readme_exist():
    readme = (PROJECT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)", readme, re.MULTILINE))
    assert {"test", "lint", "recording", "trial"} <= named
    assert named <= targets


def test_every_folder_of_the_readme_exists():
    for link in re.findall(r"\]\(([^)#:]+)\)", (PROJECT / "README.md").read_text()):
        assert (PROJECT / link).exists(), link


def test_ci_runs_what_the_readme_says():
    steps = [line for line in (PROJECT / ".ci" / "run").read_text().splitlines() if line.startswith("make")]
    assert steps == ["make lint", "make recording || true", "make test"]
