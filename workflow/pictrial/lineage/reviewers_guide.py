"""The reviewer's guide: each table and figure, its rule, script and data, its cost, and what was random."""

import json
from collections.abc import Iterable
from pathlib import Path

from pictrial.files import write_text
from pictrial.lineage.documents import Document, documents
from pictrial.lineage.run import Job, Run, is_inside
from pictrial.lineage.run_crate import CODE
from pictrial.pages import render_page

GUIDE = "reviewers_guide.html"
_TEMPLATES = Path(__file__).resolve().parents[2] / "report" / "lineage"
#: More files than these are folded.
_SHOWN = 6


def write_reviewers_guide(run: Run, title: str) -> None:
    """Write the guide as one page into the folder of results."""
    page = render_page(
        _TEMPLATES / GUIDE,
        title=title,
        jobs=run.jobs,
        seconds=_duration(sum(job.wall_seconds for job in run.jobs)),
        raw=run.raw,
        absent=run.absent,
        documents=[_document(run, document) for document in documents(run)],
        rules=_rules(run),
        machines=_machines(run),
        packages=_packages(run),
        warned=[(job.title, warning) for job in run.jobs for warning in job.warnings],
        shown=_SHOWN,
        code=CODE,
    )
    write_text(run.results / GUIDE, page)


def _document(run: Run, document: Document) -> dict:
    job, behind = document.job, run.behind([document.job])
    return {
        "name": document.name,
        "forms": [(path, Path(path).suffix[1:] or "folder") for path in document.files],
        "job": job,
        # What lies outside the folder of results is named, not linked: the folder may be elsewhere.
        "data": [(path, is_inside(path)) for path, said in job.inputs.items() if said],
        "seconds": _duration(job.wall_seconds),
        "behind": len(behind) - 1,
        "seconds_behind": _duration(sum(one.wall_seconds for one in behind)),
        "seed": _seed([job]),
        "random": sorted({one.script.removesuffix(".py") for one in behind if "seed" in one.params}),
    }


def _rules(run: Run) -> list[dict]:
    """Return a row per script, in the order of the run."""
    rows = []
    for script in dict.fromkeys(job.script for job in run.jobs):
        jobs = [job for job in run.jobs if job.script == script]
        rows.append(
            {
                "rule": script.removesuffix(".py"),
                "script": script,
                "jobs": len(jobs),
                "seconds": _duration(sum(job.wall_seconds for job in jobs)),
                "cpu": _duration(sum(job.cpu_seconds for job in jobs)),
                "memory": max(job.peak_memory_mib for job in jobs),
                "seed": _seed(jobs),
            }
        )
    return rows


def _seed(jobs: Iterable[Job]) -> str:
    seeds = sorted({str(job.params["seed"]) for job in jobs if "seed" in job.params})
    return f"seed {', '.join(seeds)}" if seeds else "none"


def _machines(run: Run) -> list[dict]:
    """Return on what the jobs ran, most jobs first; not every job loads the numerical libraries."""
    told: dict[str, list[Job]] = {}
    for job in run.jobs:
        of = job.environment
        machine = {key: of[key] for key in ("python", "pictrial", "system", "cpu", "cpus")}
        told.setdefault(json.dumps(machine | {"threads": job.threads}), []).append(job)
    return [
        json.loads(key) | {"jobs": len(jobs), "libraries": _libraries(jobs)}
        for key, jobs in sorted(told.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _libraries(jobs: list[Job]) -> list[str]:
    return sorted(
        {
            f"{one['internal_api']} {one['version']} ({one['architecture']}), {one['num_threads']} thread(s)"
            for job in jobs
            for one in job.environment["libraries"]
        }
    )


def _packages(run: Run) -> list[tuple[str, str]]:
    versions: dict[str, set[str]] = {}
    for job in run.jobs:
        for name, version in job.environment["packages"].items():
            versions.setdefault(name, set()).add(version)
    return [(name, ", ".join(sorted(said))) for name, said in sorted(versions.items())]


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
