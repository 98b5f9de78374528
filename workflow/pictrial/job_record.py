"""The record of a job: what went in, what came out, by which code, where, how long and with how much memory.

Records hold times, so they differ between runs that write the same results. They are beside the results
and no output of a rule.
"""

import hashlib
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pictrial.errors import InputError
from pictrial.files import sha256, write_text

FOLDER = "lineage"
#: Which jobs the run has: records of others are left of an earlier plan.
JOBS = f"{FOLDER}/jobs.txt"
#: Parameters that name conditions, or tell who has which or what is planted: masked people may read records.
_WITHHELD = ("plan", "title", "simulation")


class JobRecord:
    """The record of one job, written when it ends.

    There is no record while the job runs, so a job that is killed leaves none.

    Parameters
    ----------
    job : object
        Has the attributes ``rule``, ``wildcards``, ``input``, ``output``, ``params``, ``threads`` and ``log``
        of the object ``snakemake`` of a script. Its log is ``<results>/logs/<name>.log``.

    Attributes
    ----------
    warnings : list of str
        What the job warned of; whoever runs the job adds to it.
    """

    def __init__(self, job: Any):
        self.job = job
        self.warnings: list[str] = []
        self.path, self._results = place_of_record(job.log[0])
        self.path.unlink(missing_ok=True)
        # What the process did before, it spent on imports.
        self._started = time.monotonic() - time.process_time()
        self._inputs: dict[str, str | None] = dict.fromkeys(self._named(job.input))

    def hash_inputs(self) -> None:
        """Take the hashes of the inputs but those named `awaited`, which need only be there.

        Raises
        ------
        InputError
            Where one cannot be read.
        """
        awaited = dict(self.job.input.items()).get("awaited")
        for path in job_files(self.job.input):
            if path == awaited or _is_remote(path):
                continue
            try:
                self._inputs[_relative(path, self._results)] = digest(path)
            except OSError as error:
                rule = f"cannot be read ({error.strerror})"
                raise InputError(path, rule, "See to it that it is there and readable.") from error

    def finish(self) -> None:
        """Write that the job finished, with the hashes of its outputs."""
        outputs = {_relative(path, self._results): digest(path) for path in job_files(self.job.output)}
        self._write("finished", None, outputs)

    def fail(self, error: Exception) -> None:
        """Write that the job failed. What is wrong may be the disk, so the record may be missing."""
        with suppress(OSError):
            said = f"{type(error).__name__}: {error}"
            self._write("failed", said, dict.fromkeys(self._named(self.job.output)))

    def _named(self, files: Iterable[str]) -> list[str]:
        return [_relative(path, self._results) for path in job_files(files)]

    def _write(self, status: str, error: str | None, outputs: dict) -> None:
        wall, end = time.monotonic() - self._started, datetime.now(UTC)
        params = dict(self.job.params.items())
        main = sys.modules["__main__"]
        record = {
            "rule": self.job.rule,
            "wildcards": dict(self.job.wildcards.items()),
            "status": status,
            "error": error,
            "script": Path(getattr(main, "__file__", None) or "").name,
            "code": params.pop("code", None),
            "params": _told(params),
            "inputs": self._inputs,
            "outputs": outputs,
            "warnings": self.warnings,
            "start": (end - timedelta(seconds=wall)).isoformat(timespec="milliseconds"),
            "end": end.isoformat(timespec="milliseconds"),
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(_cpu_seconds(), 3),
            "peak_memory_mib": round(_peak_memory() / 2**20, 1),
            "threads": self.job.threads,
            "environment": environment(),
        }
        write_text(self.path, json.dumps(record, indent=1, ensure_ascii=False, default=str) + "\n")


def _told(params: Mapping) -> dict:
    """Return parameters as records tell them: what is withheld is its hash."""
    told: dict[str, Any] = {}
    for name, value in params.items():
        if name in _WITHHELD:
            said = json.dumps(value, sort_keys=True, default=str).encode()
            told[name] = f"sha256:{hashlib.sha256(said).hexdigest()}"
        else:
            told[name] = _told(value) if isinstance(value, Mapping) else value
    return told


def place_of_record(log: str | Path) -> tuple[Path, Path]:
    """Return the record that belongs to a log, and the folder of results: what is above ``logs``."""
    log = Path(log)
    results = next(folder.parent for folder in log.parents if folder.name == "logs")
    return results / FOLDER / log.relative_to(results / "logs").with_suffix(".json"), results


def list_jobs(results: str | Path, logs: Iterable[str | Path]) -> None:
    """Write the list of the jobs of a run: by the logs of those that write into this folder of results."""
    results = Path(results)
    records = [place_of_record(log)[0] for log in logs if Path(log).is_relative_to(results / "logs")]
    names = sorted(path.relative_to(results / FOLDER).with_suffix("").as_posix() for path in records)
    write_text(results / JOBS, "".join(f"{name}\n" for name in names))


def job_files(files: Iterable[str]) -> list[str]:
    """Return the files of a job, each once, in its order."""
    return list(dict.fromkeys(map(str, files)))


def digest(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of a folder: over the names and hashes of its files."""
    path = Path(path)
    if not path.is_dir():
        return sha256(path)
    # The workflow engine puts its time stamp into folders that are outputs.
    files = sorted(file for file in path.rglob("*") if file.is_file() and file.name != ".snakemake_timestamp")
    lines = [f"{sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def environment() -> dict:
    """Return what numbers may depend on: Python, packages, machine, numerical libraries."""
    from threadpoolctl import threadpool_info

    told = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
    machine = platform.uname()
    loaded = {name for name in sys.modules if "." not in name} - sys.stdlib_module_names
    # Not asked for as an attribute: some packages warn then.
    versions = {name: vars(sys.modules[name]).get("__version__") for name in sorted(loaded)}
    return {
        "python": platform.python_version(),
        "pictrial": version("pictrial"),
        "packages": {name: said for name, said in versions.items() if isinstance(said, str)},
        "system": f"{machine.system} {machine.release} {machine.machine}",
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "libraries": [{key: library.get(key) for key in told} for library in threadpool_info()],
    }


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _cpu_seconds() -> float:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in used)


def _peak_memory() -> int:
    """Return the largest memory that this process or a child of it held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    of_children = unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return max(1024 * int(line.split()[1]), of_children)
    # On Linux this would count what the process that started this one held, too.
    return max(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, of_children)


def _relative(path: str | Path, folder: Path) -> str:
    return str(path) if _is_remote(path) else Path(os.path.relpath(path, folder)).as_posix()


def _is_remote(path: str | Path) -> bool:
    """Return whether it is an object in storage: its copy, an output, has the hash."""
    return "://" in str(path)
