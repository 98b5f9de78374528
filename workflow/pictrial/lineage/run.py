"""A finished run as the records of its jobs tell it, held against the files."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path

from pictrial.checked_json import read_json_object
from pictrial.errors import InputError
from pictrial.job_record import FOLDER, JOBS, digest

AGAIN = "Run the workflow again."


@dataclass(frozen=True)
class Job:
    """What the record of a job says; see :mod:`pictrial.job_record`.

    Attributes
    ----------
    name : str
        The record's path in the folder of records, without suffix.
    inputs, outputs : dict of str to str
        Path, relative to the folder of results, and SHA-256; None where an input only had to be there.
    code : str
        Digest of the script and of all that it imports.
    wall_seconds, cpu_seconds, peak_memory_mib : float
    start, end : str
        ISO 8601, in UTC.
    """

    name: str
    rule: str
    wildcards: dict[str, str]
    status: str
    error: str | None
    script: str
    code: str | None
    params: dict
    inputs: dict[str, str | None]
    outputs: dict[str, str]
    warnings: list[str]
    start: str
    end: str
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mib: float
    threads: int
    environment: dict

    @property
    def record(self) -> str:
        """The record's path, relative to the folder of results."""
        return f"{FOLDER}/{self.name}.json"

    @property
    def title(self) -> str:
        """Rule and wildcards."""
        return " ".join([self.rule, *(f"{key}={value}" for key, value in self.wildcards.items())])


@dataclass(frozen=True)
class Run:
    """A run whose records are complete and agree with each other and with the files.

    Attributes
    ----------
    results : Path
        Its folder.
    jobs : tuple of Job
        Each after those whose outputs it read, otherwise by name.
    absent : frozenset of str
        Inputs from outside the folder that are not at hand, so that they could not be checked.
    left_over : tuple of str
        Records of jobs that the run does not have, left of an earlier plan: they are not looked at.
    """

    results: Path
    jobs: tuple[Job, ...]
    absent: frozenset[str] = field(default_factory=frozenset)
    left_over: tuple[str, ...] = ()

    @cached_property
    def maker(self) -> dict[str, Job]:
        """Which job wrote each file."""
        return {path: job for job in self.jobs for path in job.outputs}

    @cached_property
    def files(self) -> dict[str, str]:
        """Every file of the run and its SHA-256, by path."""
        told = [pair for job in self.jobs for pair in (*job.inputs.items(), *job.outputs.items())]
        return {path: said for path, said in sorted(told, key=lambda pair: pair[0]) if said}

    @cached_property
    def raw(self) -> dict[str, str]:
        """The files that no job made, and their SHA-256."""
        return {path: said for path, said in self.files.items() if path not in self.maker}

    def behind(self, jobs: Iterable[Job]) -> tuple[Job, ...]:
        """Return `jobs` and all whose outputs they go back to, in the order of the run."""
        found: set[str] = set()
        waiting = list(jobs)
        while waiting:
            job = waiting.pop()
            if job.name not in found:
                found.add(job.name)
                waiting += [
                    self.maker[path] for path, said in job.inputs.items() if said and path in self.maker
                ]
        return tuple(job for job in self.jobs if job.name in found)


def read_run(results: str | Path) -> Run:
    """Read the records of a run and check them against each other and against the files.

    Raises
    ------
    InputError
        Where there is no record of a job, a job failed, or a file is missing or not the one of its record.
    """
    results = Path(results)
    names = _names_of_jobs(results)
    jobs = [_read_job(results / FOLDER / f"{name}.json", name) for name in names]
    makers = _makers(results, jobs)
    before = {job.name: {makers[path] for path in job.inputs if path in makers} for job in jobs}
    by_name = {job.name: job for job in jobs}
    sorter = TopologicalSorter(before)
    sorter.prepare()
    ordered: list[Job] = []
    while ready := sorter.get_ready():
        ordered += [by_name[name] for name in sorted(ready)]
        sorter.done(*ready)
    recorded = {
        path.relative_to(results / FOLDER).with_suffix("").as_posix()
        for path in (results / FOLDER).rglob("*.json")
    }
    left_over = tuple(sorted(recorded - set(names)))
    return Run(results, tuple(ordered), _check_files(results, ordered), left_over)


def is_inside(path: str) -> bool:
    """Whether a file of a record lies in the folder of results."""
    return not path.startswith("../")


def _names_of_jobs(results: Path) -> list[str]:
    path = results / JOBS
    try:
        names = path.read_text(encoding="utf-8").split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "there is no readable list of the jobs of the run", AGAIN) from error
    if not names:
        raise InputError(path, "it names no jobs", AGAIN)
    return names


def _read_job(path: Path, name: str) -> Job:
    if not path.is_file():
        raise InputError(path, f"there is no record of the job {name}, which did not end", AGAIN)
    try:
        job = Job(name=name, **read_json_object(path))
    except TypeError as error:
        raise InputError(path, f"it is no record of a job ({error})", AGAIN) from error
    if job.status != "finished":
        raise InputError(path, f"the job {job.status} ({job.error})", AGAIN)
    return job


def _makers(results: Path, jobs: list[Job]) -> dict[str, str]:
    makers: dict[str, str] = {}
    for job in jobs:
        for path in job.outputs:
            if path in makers:
                rule = f"the records {makers[path]} and {job.name} both say that their job made it"
                raise InputError(results / path, rule, AGAIN)
            makers[path] = job.name
    for job in jobs:
        for path in job.inputs:
            if is_inside(path) and path not in makers:
                raise InputError(results / path, f"{job.name} read it, and no record is of its making", AGAIN)
    return makers


def _check_files(results: Path, jobs: list[Job]) -> frozenset[str]:
    """Hold every file against every record of it; return those from outside that are not at hand."""
    now: dict[str, str | None] = {}
    for job in jobs:
        for path, said in (*job.outputs.items(), *job.inputs.items()):
            if said is None:
                continue
            if path not in now:
                now[path] = digest(results / path) if (results / path).exists() else None
            if now[path] is None and is_inside(path):
                raise InputError(results / path, f"it is missing, and {job.record} has its hash", AGAIN)
            if now[path] not in (None, said):
                rule = f"its SHA-256 is {now[path]}, but {said} in {job.record}"
                raise InputError(results / path, rule, f"It was changed since. {AGAIN}")
    return frozenset(path for path, said in now.items() if said is None)
