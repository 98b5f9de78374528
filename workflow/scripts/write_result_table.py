"""Write the table of one outcome as CSV and HTML."""

from pictrial.joblog import job_log
from pictrial.reporting.result_tables import write_result_table
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    write_result_table(
        load_plan(snakemake.input.plan),
        read_table(snakemake.input.ard, "ard"),
        snakemake.wildcards.outcome,
        snakemake.output.csv,
        snakemake.output.html,
    )
    say(snakemake.output.html)
