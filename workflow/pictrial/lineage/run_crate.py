"""The run as a Workflow Run RO-Crate: the profile Provenance Run Crate 0.5, on RO-Crate 1.1.

Source: https://www.researchobject.org/workflow-run-crate/profiles/0.5/provenance_run_crate/
"""

import json
import shutil
from pathlib import Path
from urllib.parse import quote

from pictrial.code_digest import code_digest
from pictrial.errors import InputError
from pictrial.files import sha256, write_text
from pictrial.job_record import FOLDER
from pictrial.lineage.run import AGAIN, Job, Run, is_inside

CRATE = "ro-crate-metadata.json"
#: Where the crate has the code that ran, as the profile asks for the workflow itself.
CODE = f"{FOLDER}/code"
_WORKFLOW = Path(__file__).resolve().parents[2]
_SPECIFICATION = "https://w3id.org/ro/crate/1.1"
#: The only term that the specification's context lacks.
_CONTEXT = [f"{_SPECIFICATION}/context", {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
_RUN_PROFILES = [
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
]
_LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"
_LICENSE = "Code: BSD-3-Clause. Data and results: as those who own them say; no licence is granted here."


def write_run_crate(run: Run, title: str) -> None:
    """Write the crate's metadata, and copies of workflow, rules and scripts, into the folder of results.

    Raises
    ------
    InputError
        Where the code of a job was changed since it ran.
    """
    _check_code(run)
    shutil.rmtree(run.results / CODE, ignore_errors=True)
    scripts = [f"scripts/{script}" for script in _scripts(run)]
    rules = sorted(f"rules/{path.name}" for path in (_WORKFLOW / "rules").glob("*.smk"))
    for name, source in {
        "Snakefile": _WORKFLOW.parent / "Snakefile",
        **{name: _WORKFLOW / name for name in (*rules, *scripts)},
    }.items():
        write_text(run.results / CODE / name, source.read_text(encoding="utf-8"))
    crate = {"@context": _CONTEXT, "@graph": _graph(run, title, rules)}
    write_text(run.results / CRATE, json.dumps(crate, indent=1, ensure_ascii=False) + "\n")


def _check_code(run: Run) -> None:
    now: dict[str, str] = {}
    for job in run.jobs:
        script = _WORKFLOW / "scripts" / job.script
        # A notebook is part of its job's digest, and an input with a hash of its own.
        if job.code is None or any(path.endswith(".ipynb") for path in job.inputs):
            continue
        if job.script not in now:
            now[job.script] = code_digest(script) if script.is_file() else "missing"
        if now[job.script] != job.code:
            raise InputError(script, f"it, or a module it uses, was changed since {job.title} ran", AGAIN)


def _scripts(run: Run) -> list[str]:
    return list(dict.fromkeys(job.script for job in run.jobs))


def _graph(run: Run, title: str, rules: list[str]) -> list[dict]:
    workflow, whole = _workflow(run), _whole(run)
    tools = [_tool(run, script) for script in _scripts(run)]
    code = [_code(run, name) for name in rules]
    records = [_file(run, job.record, sha256(run.results / job.record)) for job in run.jobs]
    data = [_file(run, path, said) for path, said in run.files.items()]
    actions = [whole, *(_action(run, job) for job in run.jobs)]
    parts = [workflow, *tools, *code, *(one for one in data if one["@type"] != "CreativeWork"), *records]
    outside = [one for one in data if one["@type"] == "CreativeWork"]
    return [
        *_described(title, run, parts, [*actions, *outside]),
        *_engine(run),
        *_steps(run),
        *parts,
        *actions,
        *_controls(run),
        *outside,
    ]


def _described(title: str, run: Run, parts: list[dict], mentioned: list[dict]) -> list[dict]:
    """Return the metadata file's own entity, the crate's, and those of the profiles."""
    return [
        {
            "@id": CRATE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": _refer([_SPECIFICATION, _RUN_PROFILES[-1][0]]),
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": title,
            "description": f"{len(run.jobs)} jobs of pictrial, from raw recordings to figures and tables.",
            "datePublished": max(job.end for job in run.jobs),
            "license": _LICENSE,
            "conformsTo": _refer([profile[0] for profile in _RUN_PROFILES]),
            "mainEntity": {"@id": f"{CODE}/Snakefile"},
            "hasPart": _refer([one["@id"] for one in parts]),
            "mentions": _refer([one["@id"] for one in mentioned]),
        },
        *(
            {"@id": url, "@type": "CreativeWork", "name": name, "version": version}
            for url, name, version in _RUN_PROFILES
        ),
    ]


def _steps(run: Run) -> list[dict]:
    return [
        {"@id": f"#step/{script}", "@type": "HowToStep", "workExample": {"@id": f"{CODE}/scripts/{script}"}}
        for script in _scripts(run)
    ]


def _workflow(run: Run) -> dict:
    return _code(run, "Snakefile") | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "version": run.jobs[0].environment["pictrial"],
        "programmingLanguage": {"@id": _LANGUAGE},
        "hasPart": _refer([f"{CODE}/scripts/{script}" for script in _scripts(run)]),
        "step": _refer([f"#step/{script}" for script in _scripts(run)]),
    }


def _engine(run: Run) -> list[dict]:
    version = run.jobs[0].environment["packages"].get("snakemake", "unknown")
    address = "https://snakemake.readthedocs.io"
    named = {"name": "Snakemake", "url": address, "version": version}
    return [
        {"@id": _LANGUAGE, "@type": "ComputerLanguage", "identifier": {"@id": address}, **named},
        {"@id": "#engine", "@type": "SoftwareApplication", **named},
        {
            "@id": "#engine/run",
            "@type": "OrganizeAction",
            "name": f"Run of Snakemake {version}",
            "instrument": {"@id": "#engine"},
            "object": _refer([f"#control/{job.name}" for job in run.jobs]),
            "result": {"@id": "#run"},
        },
    ]


def _whole(run: Run) -> dict:
    read = {path for job in run.jobs for path in job.inputs}
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "Run of the whole workflow",
        "instrument": {"@id": f"{CODE}/Snakefile"},
        "object": _refer([_identifier(run, path) for path in run.raw]),
        "result": _refer([_identifier(run, path) for path in run.maker if path not in read]),
        "startTime": min(job.start for job in run.jobs),
        "endTime": max(job.end for job in run.jobs),
    }


def _action(run: Run, job: Job) -> dict:
    return {
        "@id": f"#job/{job.name}",
        "@type": "CreateAction",
        "name": job.title,
        "instrument": {"@id": f"{CODE}/scripts/{job.script}"},
        "object": _refer([_identifier(run, path) for path, said in job.inputs.items() if said]),
        "result": _refer([_identifier(run, path) for path in job.outputs]),
        "startTime": job.start,
        "endTime": job.end,
        "subjectOf": {"@id": quote(job.record)},
    }


def _controls(run: Run) -> list[dict]:
    return [
        {
            "@id": f"#control/{job.name}",
            "@type": "ControlAction",
            "name": f"Orchestrate {job.title}",
            "instrument": {"@id": f"#step/{job.script}"},
            "object": {"@id": f"#job/{job.name}"},
        }
        for job in run.jobs
    ]


def _tool(run: Run, script: str) -> dict:
    return _code(run, f"scripts/{script}") | {
        "@type": ["File", "SoftwareSourceCode"],
        "version": run.jobs[0].environment["pictrial"],
    }


def _code(run: Run, name: str) -> dict:
    return _file(run, f"{CODE}/{name}", sha256(run.results / CODE / name))


def _file(run: Run, path: str, said: str) -> dict:
    """Describe a file, or a folder that is an output. What lies outside the crate is no part of it."""
    entity = {"@id": _identifier(run, path), "@type": "File", "name": path, "sha256": said}
    if not is_inside(path):
        return entity | {"@type": "CreativeWork"}
    if (run.results / path).is_dir():
        return entity | {"@type": "Dataset"}
    return entity | {"contentSize": str((run.results / path).stat().st_size)}


def _identifier(run: Run, path: str) -> str:
    if not is_inside(path):
        return f"#outside/{quote(path)}"
    return quote(path) + ("/" if (run.results / path).is_dir() else "")


def _refer(identifiers: list[str]) -> list[dict] | dict:
    """Return references; a single one is no list, as RO-Crate recommends."""
    references = [{"@id": identifier} for identifier in identifiers]
    return references[0] if len(references) == 1 else references
