"""Run one analysis of the plan; write its numbers, and what a reader needs to judge or repeat it."""

import json

from pictrial.files import sha256, write_text
from pictrial.joblog import job_log
from pictrial.statistics.analysis import run_analysis
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    path = snakemake.input.outcomes
    outcomes = read_table(path, "outcomes")
    name, seed = snakemake.wildcards.analysis, snakemake.params.seed
    results, record = run_analysis(load_plan(snakemake.input.plan), name, outcomes, sha256(path), seed)
    write_table(results, snakemake.output.results, "ard")
    write_text(snakemake.output.record, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    for warning in results["warning"].dropna().unique():
        say(f"note: {warning}")
    say(f"{len(results)} numbers, {results['value'].isna().sum()} of them not estimable, each with a reason")
