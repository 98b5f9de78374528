"""Editing code runs those stages again that use it, and no others."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from house_trials import PROJECT

from pictrial.code_digest import code_digest, code_files

SCRIPTS = sorted((PROJECT / "workflow" / "scripts").glob("*.py"))
PACKAGE = PROJECT / "workflow" / "pictrial"


@cache
def imported(path: Path) -> set[Path]:
    """Return the modules that Python would load for the imports of `path`, wherever they stand."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {PACKAGE.parent / f"{name.replace('.', '/')}.py" for name in names}
    return {file for file in files if file.is_file()}


def modules_of(script: str) -> set[str]:
    return {path.stem for path in code_files(PROJECT / "workflow" / "scripts" / f"{script}.py")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_all_that_a_script_imports_is_found(script):
    found, waiting = {script}, [script]
    while waiting:
        new = imported(waiting.pop()) - found
        found |= new
        waiting += new
    assert {path for path in code_files(script) if path.suffix == ".py"} == found


def test_schemas_that_a_script_names_count(tmp_path):
    script = tmp_path / "script.py"
    script.write_text('write_table(table, path, "ard")\n')
    assert {path.name for path in code_files(script)} == {"script.py", "ard.json"}


def test_digest_changes_with_the_text_and_not_with_the_place(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "script.py").write_text("from pictrial.trial.plan import load_plan\n")
    here, there = (tmp_path / folder / "script.py" for folder in ("here", "there"))
    before = code_digest(here)
    assert before == code_digest(there)
    there.write_text("from pictrial.trial.plan import load_plan  # changed\n")
    assert code_digest(there) != before


@pytest.mark.parametrize(
    "path", sorted((PROJECT / "workflow" / "rules").glob("*.smk")), ids=lambda path: path.name
)
def test_every_rule_runs_again_with_its_own_script(path):
    bodies = re.split(r"^ *rule(?: \w+)?:\n", path.read_text(), flags=re.MULTILINE)[1:]
    for body in bodies:
        script = re.search(r'"\.\./scripts/(\w+)\.py"', body)
        if script:
            assert re.search(rf'^ +code=.*code\("{script[1]}"', body, re.MULTILINE), script[1]


def test_rules_of_delta_f_are_not_the_business_of_decomposition():
    assert {"delta_f", "pair_measures"} <= modules_of("estimate_delta_f")
    for script in ("simulate_participant", "check_recordings", "decompose_recording", "track_motor_units"):
        assert modules_of(script).isdisjoint({"delta_f", "pair_measures", "plan", "model_formula"}), script


def test_words_for_readers_are_not_the_business_of_models():
    assert "result_tables" in modules_of("write_result_table")
    for script in ("run_analysis", "cross_check_models", "build_analysis_tables", "estimate_delta_f"):
        paths = code_files(PROJECT / "workflow" / "scripts" / f"{script}.py")
        assert not [path for path in paths if path.parent.name == "reporting"], script
