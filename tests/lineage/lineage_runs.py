"""Made-up runs: small jobs whose records the real `job_log` writes."""

import json
from pathlib import Path

import pandas as pd
from made_up_jobs import made_up_job

from pictrial.code_digest import code_digest
from pictrial.files import sha256
from pictrial.job_record import list_jobs, place_of_record
from pictrial.joblog import job_log
from pictrial.tables import load_schema, write_table

PROJECT = Path(__file__).resolve().parents[2]


def job(results: Path, name: str, inputs: list[str], outputs: list[str], **params):
    """Return a job as a script sees it; files are relative to `results`, `name` is that of its log."""
    rule, _, of = name.partition("/")
    return made_up_job(
        rule,
        str(results / "logs" / f"{name}.log"),
        input={"files": [str(results / path) for path in inputs]},
        output={"files": [str(results / path) for path in outputs]},
        params=params,
        wildcards={"analysis" if rule == "run_analysis" else "participant": of} if of else {},
    )


def record_of(one) -> Path:
    return place_of_record(one.log[0])[0]


def do(one, text: str = "") -> None:
    """Do a job, as if a script of the project did it: its outputs say its name, what it read, and `text`."""
    with job_log(one):
        for path in map(Path, one.output):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "ard.tsv":
                write_ard(path, sha256(one.input[0]))
            else:
                path.write_text(f"{one.rule} {[Path(file).name for file in one.input]} {text}\n")
    script = PROJECT / "workflow" / "scripts" / f"{one.rule}.py"
    record = json.loads(record_of(one).read_text())
    record_of(one).write_text(json.dumps(record | {"script": script.name, "code": code_digest(script)}))


def write_ard(path: Path, outcomes: str) -> None:
    """Write three numbers: of two analyses, and one described from the table with the hash `outcomes`."""
    empty = dict.fromkeys(load_schema("ard")["columns"])
    told = {"role": "primary", "outcome": "delta_f", "population": "all_units", "contrast_or_level": "all"}
    told |= {"statistic": "estimate", "value": 0.5, "method": "made up", "inputs_sha256": outcomes}
    told |= {"n_participants": 2, "n_units": 9, "n_pairs": 30}
    rows = [
        empty | told | {"ard_id": f"{analysis}.one", "analysis": analysis}
        for analysis in ("primary", "weighted", "descriptive")
    ]
    write_table(pd.DataFrame(rows), path, "ard")


def jobs_of(results: Path) -> list:
    """Return the jobs of a run of two participants and two analyses, in an order that works."""
    jobs = []
    for person in ("01", "02"):
        raw, events = f"../data/sub-{person} ramp.bdf", f"decomposition/sub-{person}.tsv"
        channels = f"recordings/sub-{person}.tsv"
        jobs += [
            job(results, f"check_recordings/{person}", [raw], [channels]),
            job(results, f"decompose_recording/{person}", [raw, channels], [events]),
        ]
    both = [f"decomposition/sub-{person}.tsv" for person in ("01", "02")]
    tables = [f"statistics/analyses/{name}.tsv" for name in ("primary", "weighted")]
    outcomes, ard = "analysis/outcomes.tsv", "statistics/ard.tsv"
    return [
        *jobs,
        job(results, "stage_plan", ["../trial.yaml"], ["plan/stage.json"]),
        job(results, "build_analysis_tables", both, [outcomes]),
        *(job(results, f"run_analysis/{Path(table).stem}", [outcomes], [table], seed=7) for table in tables),
        job(results, "join_results", [outcomes, *tables], [ard]),
        job(
            results, "draw_forest", [ard], ["figures/forest.png", "figures/forest.pdf", "figures/forest.rst"]
        ),
        job(results, "write_site", [ard], ["tables/site_numbers.tsv"]),
    ]


def finished_run(folder: Path) -> Path:
    """Do all jobs and return the folder of results."""
    results = folder / "results"
    (folder / "data").mkdir(parents=True)
    for person in ("01", "02"):
        (folder / "data" / f"sub-{person} ramp.bdf").write_bytes(person.encode() * 100)
    plan = (PROJECT / "config" / "trial.yaml").read_text(encoding="utf-8")
    (folder / "trial.yaml").write_text(plan, encoding="utf-8")
    (results / "plan").mkdir(parents=True)
    (results / "plan" / "trial.yaml").write_text(plan, encoding="utf-8")
    jobs = jobs_of(results)
    for one in jobs:
        do(one)
    list_jobs(results, [one.log[0] for one in jobs])
    return results
