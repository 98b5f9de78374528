"""Describe the outcomes, and join the results of all analyses: the Analysis Results Data (ARD)."""

from pictrial.files import sha256
from pictrial.joblog import job_log
from pictrial.statistics.analysis import describe, join_results
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    path = snakemake.input.outcomes
    described = describe(load_plan(snakemake.input.plan), read_table(path, "outcomes"), sha256(path))
    ard = join_results([described, *(read_table(table, "ard") for table in snakemake.input.analyses)])
    write_table(ard, snakemake.output.ard, "ard")
    say(f"{len(ard)} numbers, {ard['value'].isna().sum()} of them not estimable, each with a reason")
