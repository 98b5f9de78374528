"""The archive from which reviewers repeat a run: code, configuration, expectation, tables; no raw data.

The workflow takes what the archive holds as it is and makes what it lacks: statistics and all that readers
see. The archive has the same bytes for the same content.
"""

import gzip
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from pictrial.checked_yaml import read_checked_yaml
from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.verification.expectation import MANIFEST

#: Folders of the results that cannot be made without raw recordings, and the records of all jobs.
KEPT = (
    "analysis",
    "decomposition",
    "lineage",
    "motor_units",
    "plan",
    "quality",
    "recordings",
    "truth",
    "vibstim",
)
#: Without git: folders that hold no code. Hidden ones do not, either.
NO_CODE = ("build", "data", "results", "__pycache__")
#: One time for all files: the workflow then takes none for newer than another.
TIME = 946684800  # 2000-01-01
SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.json"
README = "REVIEWERS.md"
_TEXT = """# For reviewers

This archive holds the code of a trial's analysis, its configuration and plan, the locked environment, all
that was measured in the recordings ({kept} in `{results}`), the records of all jobs (`lineage`),
and what is expected of a run (`{expected}`). It does not hold raw recordings. Needed: Linux, Python 3.11 or
newer, make, and the network while the environment is built.

Unpack it with `tar -xzf`, which keeps the times of files, and in its folder run

```sh
make reproduce CONFIG={configuration}
```

It builds the environment, computes all statistics, figures, tables and documents anew from what was
measured, and compares every number, discharge, column and document with what is expected.
`{results}/verification/verification.html` tells what came out; the exit status is 0 only where all is as
expected.

With the raw recordings at the place that `{configuration}` names (those of a simulated trial
are made), everything is computed anew by

```sh
rm -r {results} && make trial verify CONFIG={configuration}
```

How numbers are compared, and what may differ from machine to machine, is in docs/reproducing.md.
"""


def write_bundle(project: Path, configuration: Path, output: Path) -> tuple[int, int]:
    """Write the archive; return its size in bytes and the number of its files.

    Parameters
    ----------
    project : Path
        Folder of the Snakefile.
    configuration : Path
        Of a finished run; the expectation is in the folder ``expected`` beside it.
    output : Path
        A ``.tar.gz``; its files are in a folder of that name.

    Raises
    ------
    InputError
        Where this is not the project's folder, or the run or the expectation is not there.
    """
    if not (project / "Snakefile").is_file():
        raise InputError(project, "there is no Snakefile", "Go to the folder of the project.")
    if not output.name.endswith(".tar.gz"):
        raise InputError(output, "it is no .tar.gz", "Name the archive so.")
    results = Path(read_checked_yaml(configuration, SCHEMA)["results"])
    expected = configuration.parent / "expected"
    if not (project / expected / MANIFEST).is_file():
        raise InputError(expected, "there is no expectation", "Write it with `pictrial verify --write`.")
    measured = [path for part in KEPT for path in (project / results / part).rglob("*")]
    if not (project / results / "analysis" / "outcomes.tsv").is_file():
        raise InputError(results, "there are no analysis tables", "Run the trial first.")
    files = {*_code(project), *(project / expected).iterdir(), *measured, project / configuration}
    kept = ", ".join(f"`{part}`" for part in KEPT if part != "lineage")
    readme = _TEXT.format(configuration=configuration, results=results, expected=expected, kept=kept)
    contents = {path.relative_to(project).as_posix(): path for path in files if path.is_file()}
    root = output.name.removesuffix(".tar.gz")
    with (
        atomic_path(output) as temporary,
        open(temporary, "wb") as stream,
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=TIME) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        _add(archive, f"{root}/{README}", readme.encode(), executable=False)
        for name in sorted(contents):
            executable = bool(contents[name].stat().st_mode & 0o100)
            _add(archive, f"{root}/{name}", contents[name].read_bytes(), executable)
    return output.stat().st_size, len(contents) + 1


def _add(archive: tarfile.TarFile, name: str, content: bytes, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), TIME, 0o755 if executable else 0o644
    archive.addfile(entry, BytesIO(content))


def _code(project: Path) -> list[Path]:
    """Return the files under git; where there is no git, all but those of folders without code."""
    if (project / ".git").exists():
        command = ["git", "-C", str(project), "ls-files", "-z"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [project / name for name in listed.split("\0") if name]
    paths = (path for path in project.rglob("*") if path.is_file())
    return [path for path in paths if not _without_code(path.relative_to(project))]


def _without_code(path: Path) -> bool:
    folders = path.parts[:-1]
    return any(part in NO_CODE or part.startswith(".") for part in folders)
