"""Every command of the docs is run, here or by a test that is named; none is unknown."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from docs_commands import CI, KINDS, TARGETS, kind
from docs_pages import PAGES, PROJECT, TYPED, blocks, code_spans, every_page, shell_commands, text_of

from pictrial.cli import command_line

COMMANDS = shell_commands()
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
SUBCOMMANDS = command_line()._subparsers._group_actions[0].choices


def of_kind(name: str) -> list[str]:
    return list(dict.fromkeys(command.text for command in COMMANDS if kind(command.text) == name))


@pytest.mark.parametrize("command", sorted(set(COMMANDS)), ids=lambda command: command.text[:60])
def test_every_command_is_tested_somewhere(command):
    how = kind(command.text)
    assert how, f"{command.page}: say in tests/docs/docs_commands.py how this is tested: {command.text}"
    if "pictrial" in shlex.split(command.text)[0]:
        command_line_accepts(command.text)


def command_line_accepts(text: str) -> None:
    """Assert that `text` is a call that the parser takes."""
    try:
        command_line().parse_args(shlex.split(text)[1:])
    except SystemExit as end:
        assert end.code == 0, text


@pytest.mark.parametrize("how", sorted({*KINDS.values(), *TARGETS.values()} - {"fast", "slow"}))
def test_what_tests_a_command_exists(how):
    file, _, function = how.partition("::")
    path = PROJECT / file
    assert path.is_file() or list(path.glob("test_*.py")), f"there are no tests in {file}"
    assert not function or f"def {function}(" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "target", sorted({word for c in COMMANDS for word in c.text.split() if c.text[:4] == "make"})
)
def test_make_targets_exist(target):
    if "=" in target or target == "make":
        return
    assert re.search(rf"^{target}:(?!=)", MAKEFILE, re.MULTILINE), f"the Makefile has no target {target}"


def test_targets_of_ci_are_run_there():
    steps = (PROJECT / CI).read_text(encoding="utf-8")
    for target in [name for name, how in TARGETS.items() if how == CI and name != "environment"]:
        assert f"make {target}" in steps


@every_page
def test_blocks_of_commands_are_marked(page):
    for language, block in blocks(page):
        if language == "":
            typed = [line for line in block.splitlines() if TYPED.match(line) or line == "make"]
            assert not typed, f"{page.name}: mark the block of this as bash: {typed[0]}"
        assert language in ("", "sh", "bash", "python", "yaml", "text", "json", "xml"), (
            f"{page.name}: {language}"
        )


@every_page
def test_commands_within_sentences_exist(page):
    for span in code_spans(page):
        words = span.split()
        if words[0] == "pictrial" and len(words) > 1 and words[1] != "--help":
            assert words[1] in SUBCOMMANDS, span
        elif words[0] == "make" and len(words) > 1 and "=" not in words[1]:
            assert re.search(rf"^{words[1]}:(?!=)", MAKEFILE, re.MULTILINE), span
        elif words[0].startswith("python") and len(words) > 1 and words[1].endswith(".py"):
            assert (PROJECT / words[1]).is_file(), span


@pytest.mark.parametrize("name", sorted(SUBCOMMANDS))
def test_every_subcommand_is_documented(name):
    assert any(f"pictrial {name}" in text_of(page) for page in PAGES)


@every_page
def test_python_in_the_docs_names_what_exists(page):
    import ast
    from importlib import import_module

    for code in [block for language, block in blocks(page) if language == "python"]:
        for node in [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]:
            missing = [
                alias.name for alias in node.names if not hasattr(import_module(node.module), alias.name)
            ]
            assert not missing, f"{node.module} has no {missing}"


def copy_of_the_project(folder: Path) -> Path:
    """Make a folder in which commands of the docs can be typed; what they write stays in it."""
    folder.mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    for name in ("Snakefile", "workflow", "docs", "notebooks", "benchmarks"):
        (folder / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "config", folder / "config")
    return folder


def type_command(text: str, folder: Path) -> str:
    """Run a command of the docs as a reader would; return what it says."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-500:]}{done.stderr[-2000:]}"
    return done.stdout


def write_outcomes(path: Path) -> None:
    """Write values of eight people under the conditions of the sample trial, stimulation 1 pps lower."""
    random = np.random.default_rng(1)
    conditions = ["control", "stimulation", "relaxation"] * 3
    rows = [
        {"participant": f"{person:02}", "condition": condition, "value": level + random.normal(0, 0.3)}
        for person, level in enumerate(random.normal(3, 0.7, 8), start=1)
        for condition in conditions
    ]
    frame = pd.DataFrame(rows)
    frame["value"] -= frame["condition"] == "stimulation"
    path.parent.mkdir(parents=True)
    frame.to_csv(path, sep="\t", index=False)


def write_discharges(path: Path) -> None:
    trains = {"control": np.arange(2, 20, 0.1), "test": np.arange(6, 16, 0.09)}
    rows = [
        (t, 0, round(t * 2048), unit, "motor-unit-spike") for unit, train in trains.items() for t in train
    ]
    path.parent.mkdir(parents=True)
    names = ["onset", "duration", "sample", "unit_id", "event_type"]
    pd.DataFrame(rows, columns=names).sort_values("onset").to_csv(path, sep="\t", index=False)


def test_fast_commands_run_as_they_stand(tmp_path):
    folder = copy_of_the_project(tmp_path / "project")
    write_outcomes(folder / "results" / "sample" / "analysis" / "outcomes.tsv")
    write_discharges(folder / "decomposed" / "export_desc-decomposed_events.tsv")
    said = {text: type_command(text, folder) for text in of_kind("fast")}
    (lmm,) = [text for text in said if " lmm " in text]
    assert "72 observations" in said[lmm]
    result = pd.read_csv(folder / "result.csv").set_index(["section", "term", "stat"])["value"]
    assert float(result["fixef", "conditionstimulation", "estimate"]) == pytest.approx(-1, abs=0.2)
    assert len(pd.read_csv(folder / "pairs.tsv", sep="\t")) == 2
    assert (folder / "config" / "my_trial" / "trial.yaml").is_file()


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """A copy of the project in which the slow commands of the pages were typed, page by page."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("docs") / "project")
    first = ["docs/your_own_data.md", "docs/editing.md"]
    pages = [*first, *sorted({command.page for command in COMMANDS} - {*first})]
    for page in pages:
        for command in [command for command in COMMANDS if command.page == page]:
            if kind(command.text) == "slow" or (page == first[0] and kind(command.text) == "fast"):
                type_command(command.text, folder)
        if page == first[0]:
            shutil.copy(folder / "data" / "exports" / "p01_s1.mat", folder / "export.mat")
    return folder


@pytest.mark.slow
def test_slow_commands_run_as_they_stand(exports):
    pairs = pd.read_csv(exports / "build" / "first_look" / "pairs.tsv", sep="\t")
    assert pairs["passed"].sum() > 5
    assert (exports / "build" / "to_edit.mat").stat().st_size > 1e6
    assert len(pd.read_csv(exports / "power.tsv", sep="\t")) == 3
    assert list((exports / "my_trial" / "bids" / "sub-01").rglob("*_emg.bdf"))


@pytest.mark.slow
def test_from_exports_to_results(exports):
    """`make trial CONFIG=config/my_trial/config.yaml`, without the report that make adds."""
    snakemake = ".venv/bin/snakemake --workflow-profile workflow/profiles/default --cores all"
    type_command(f"{snakemake} --configfile config/my_trial/config.yaml", exports)
    numbers = pd.read_csv(exports / "results" / "my_trial" / "statistics" / "ard.tsv", sep="\t")
    effect = numbers.set_index("ard_id")["value"]["primary.delta_f.contrast.stimulation-control.estimate"]
    # Planted: -1.125 pps in four people; what two sequences of two people can show.
    assert float(effect) == pytest.approx(-1.125, abs=0.6)
    assert (exports / "results" / "my_trial" / "site" / "index.html").is_file()
