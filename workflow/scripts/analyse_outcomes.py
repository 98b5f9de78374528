"""Describe every outcome, run every analysis of the plan, and write each number as a row of the ARD."""

from pathlib import Path

from pictrial.files import sha256
from pictrial.joblog import job_log
from pictrial.statistics.analysis import analyse_trial
from pictrial.statistics.mixed_model import write_record
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    table = snakemake.input.outcomes
    plan = load_plan(snakemake.input.plan)
    ard, records = analyse_trial(plan, read_table(table, "outcomes"), sha256(table))
    write_table(ard, snakemake.output.ard, "ard")
    for path in snakemake.output.models:
        write_record(records[Path(path).stem], path)
    for warning in ard["warning"].dropna().unique():
        say(f"note: {warning}")
    say(f"{len(ard)} numbers, {ard['value'].isna().sum()} of them not estimable, each with a reason")
