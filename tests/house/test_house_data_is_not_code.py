"""What users give is data: it is not run, unpickled, unpacked to disk, or read past the checked readers."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
WORKFLOW = PROJECT / "workflow"
SOURCES = sorted([*(WORKFLOW / "pictrial").rglob("*.py"), *(WORKFLOW / "scripts").glob("*.py")])
#: Modules that read what programs wrote into objects by running it.
UNSAFE_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "jsonpickle"}
#: Calls that run text, or unpack archives to wherever their members say.
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "input", "system", "popen", "extractall", "extract"}
UNSAFE_CALLS |= {
    "unpack_archive",
    "read_pickle",
    "to_pickle",
    "loadmat",
    "whosmat",
    "unsafe_load",
    "full_load",
}
SAFE_YAML = {"SafeLoader", "safe_load", "safe_dump", "YAMLError", "Node", "CollectionNode"}
#: The one place each where a format that can do harm is opened; with the reason for any other. The room
#: `verification` writes archives, and reads what a run of this project wrote.
ONLY_IN = {
    "tarfile": {"otb_archive.py", "bundle.py"},
    "zipfile": {
        "packed_files.py",
        "pickled_arrays.py",  # after the check of packed_files
        "table_docx.py",  # rewrites what it wrote
        *("comparison.py", "facts.py"),
        "fetch_public_recording.py",  # one member of a package that pip checked
    },
    "gzip": {"exchange_openhdemg.py", "bundle.py", "expectation.py"},
    "zlib": {"matlab_files.py", "facts.py", "quality_svg.py"},  # the last only compresses
    "xml": {"otb_archive.py", "visible_text.py"},  # the latter reads figures that the run drew
}
#: pandas' reader fills short lines, and takes the first column for an index where lines are long.
READS_CSV = {
    "cli.py",  # a user's CSV for `pictrial lmm`, of any columns
    "bids_writer.py",  # text that was just made
    "facts.py",  # tables that a run wrote
}


def offences(source: str, name: str = "x.py") -> list[str]:
    """Return what a source does that no reader of data may do."""
    found = []
    for node in ast.walk(ast.parse(source)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
            found += [f"imports {alias.name}" for alias in node.names if alias.name in UNSAFE_CALLS]
        for module in (module.split(".")[0] for module in modules):
            if module in UNSAFE_MODULES or (module in ONLY_IN and name not in ONLY_IN[module]):
                found.append(f"imports {module}")
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "yaml":
            found += [f"yaml.{node.attr}"] if node.attr not in SAFE_YAML else []
        if isinstance(node, ast.Call):
            found += _calls(node, name)
    return found


def _calls(node: ast.Call, name: str) -> list[str]:
    found = []
    builtin = isinstance(node.func, ast.Name)
    called = node.func.id if builtin else getattr(node.func, "attr", "")
    owner = "" if builtin else ast.unparse(node.func).rpartition(".")[0]
    compiles = called == "compile" and owner in ("re", "fastjsonschema", "typst")
    matches = called == "extract" and owner.endswith(".str")  # of pandas, with a pattern
    if called in UNSAFE_CALLS and not (compiles or matches):
        found.append(f"calls {called}")
    if called == "read_csv" and name not in READS_CSV:
        found.append("calls read_csv")
    for keyword in node.keywords:
        constant = keyword.value.value if isinstance(keyword.value, ast.Constant) else "?"
        if keyword.arg in ("shell", "allow_pickle") and constant is not False:
            found.append(f"{keyword.arg}={constant}")
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(WORKFLOW)))
def test_data_is_not_code(source):
    assert offences(source.read_text(encoding="utf-8"), source.name) == []


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("import pickle", "imports pickle"),
        ("from pickle import loads", "imports pickle"),
        ("import yaml\nyaml.load(text, yaml.Loader)", "yaml.load"),
        ("import yaml\nyaml.unsafe_load(text)", "yaml.unsafe_load"),
        ("np.load(path, allow_pickle=True)", "allow_pickle=True"),
        ("np.load(path, allow_pickle=why)", "allow_pickle=?"),
        ("eval(text)", "calls eval"),
        ("frame.eval(text)", "calls eval"),
        ("subprocess.run(command, shell=True)", "shell=True"),
        ("os.system(command)", "calls system"),
        ("import tarfile", "imports tarfile"),
        ("archive.extractall(folder)", "calls extractall"),
        ("from xml.etree import ElementTree", "imports xml"),
        ("from scipy.io import loadmat", "imports loadmat"),
        ("pd.read_csv(path)", "calls read_csv"),
    ],
)
def test_the_guard_can_fail(source, offence):
    assert offence in offences(source)


def test_numpy_is_safe_by_default():
    """Where `np.load` has no `allow_pickle`, it is False."""
    import inspect

    import numpy as np

    assert inspect.signature(np.load).parameters["allow_pickle"].default is False
