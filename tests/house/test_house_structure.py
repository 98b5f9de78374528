"""The order of the house: a module imports only from rooms above it, and none knows the workflow engine."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "workflow" / "pictrial"
FOUNDATION = ["errors", "files", "seeds", "code_digest", "tables", "checked_json", "checked_yaml", "pages"]
FOUNDATION += ["job_record", "joblog"]
ROOMS = ["recordings", "decomposition", "motor_units", "vibstim", "trial", "statistics", "reporting"]
ROOMS += ["lineage", "verification"]
ORDER = [*FOUNDATION, *ROOMS, "simulation", "new_command", "power_command", "stage_command"]
ORDER += ["lineage_command", "verify_command", "cli", "__main__"]
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(source: str) -> set[str]:
    """Return every module that `source` imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "pictrial"}
    return found


def rooms_used(source: str) -> set[str]:
    return {name.split(".")[1] for name in imported_modules(source) if name.startswith("pictrial.")}


def allowed(room: str) -> set[str]:
    if room == "simulation":
        return {*FOUNDATION, "recordings", "simulation"}
    above = ORDER[: ORDER.index(room)]
    return {*above, room} if room in ROOMS else set(above)


def room_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_from_rooms_above(module):
    room = room_of(module)
    if room == "__init__":
        assert rooms_used(module.read_text()) == set()
        return
    assert room in ORDER, f"{room} has no place in the order of the house"
    assert rooms_used(module.read_text()) <= allowed(room)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_package_does_not_know_the_workflow_engine(module):
    assert not {name for name in imported_modules(module.read_text()) if name.split(".")[0] == "snakemake"}


def test_order_check_can_fail():
    assert rooms_used("from pictrial.statistics.paired import compare") - allowed("recordings") == {
        "statistics"
    }
    assert rooms_used("def f():\n    from pictrial import trial") - allowed("simulation") == {"trial"}
    assert "snakemake" in imported_modules("def f():\n    import snakemake")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_small(module):
    assert len(module.read_text().splitlines()) <= 400


@pytest.mark.parametrize(
    "script", sorted((PROJECT / "workflow" / "scripts").glob("*.py")), ids=lambda p: p.name
)
def test_scripts_are_thin(script):
    source = script.read_text()
    assert len(source.splitlines()) <= 50
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert not functions, "helpers belong into the tested package"


def test_every_script_has_its_rule():
    rules = "".join(path.read_text() for path in (PROJECT / "workflow" / "rules").glob("*.smk"))
    for script in (PROJECT / "workflow" / "scripts").glob("*.py"):
        assert f"rule {script.stem}:" in rules or f'f"{script.stem}{{suffix}}"' in rules
        assert f'"../scripts/{script.name}"' in rules
