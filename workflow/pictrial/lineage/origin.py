"""From a number of the results back to the recordings behind it."""

from pictrial.errors import InputError
from pictrial.lineage.documents import ARD
from pictrial.lineage.run import Job, Run
from pictrial.tables import read_table

_RECORDINGS = (".bdf", ".edf", ".mat", ".otb+", ".otb4")


def origin_of_number(run: Run, ard_id: str) -> list[str]:
    """Return as lines the jobs and files that a row of the ARD goes back to, the last job first.

    Raises
    ------
    InputError
        Where the ARD has no such row, or the run has no ARD.
    """
    if ARD not in run.maker:
        raise InputError(run.results / ARD, "no job of this run made it", "Run the workflow to its end.")
    ard = read_table(run.results / ARD, "ard")
    found = ard[ard["ard_id"] == ard_id]
    if found.empty:
        raise InputError(run.results / ARD, f"no row is called {ard_id!r}", "Take an ard_id of this table.")
    row = found.iloc[0]
    joined = run.maker[ARD]
    sources = _sources(run, joined, row["analysis"], row["inputs_sha256"])
    jobs = run.behind(run.maker[path] for path in sources if path in run.maker)
    read = {**sources, **{path: said for job in jobs for path, said in job.inputs.items() if said}}
    lines = [f"{ard_id} = {row['value']}", f"row of {ARD}  {run.files[ARD]}", "", *_lines(joined, sources)]
    for job in reversed(jobs):
        lines += _lines(job, {path: said for path, said in job.inputs.items() if said})
    recordings = {path: said for path, said in sorted(read.items()) if path.endswith(_RECORDINGS)}
    raw = {path: said for path, said in sorted(read.items()) if path not in run.maker}
    return [
        *lines,
        f"{len(recordings)} recordings are behind it:",
        *_hashes(recordings),
        "",
        f"{len(raw)} files are behind it that no job made:",
        *_hashes(raw),
    ]


def _sources(run: Run, joined: Job, analysis: str, hashed: str) -> dict[str, str]:
    """Return what the row came from, of all that was joined: its analysis, or the table that it hashed."""
    inputs = {path: said for path, said in joined.inputs.items() if said}
    own = {
        path: said
        for path, said in inputs.items()
        if path in run.maker and run.maker[path].wildcards.get("analysis") == analysis
    }
    return own or {path: said for path, said in inputs.items() if said == hashed} or inputs


def _lines(job: Job, inputs: dict[str, str]) -> list[str]:
    seed = f", seed {job.params['seed']}" if "seed" in job.params else ""
    return [f"made by {job.title}{seed}  ({job.record}), which read", *_hashes(inputs), ""]


def _hashes(files: dict[str, str]) -> list[str]:
    return [f"  {said}  {path}" for path, said in files.items()] or ["  nothing"]
