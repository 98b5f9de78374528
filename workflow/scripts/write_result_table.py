"""Write the table of one outcome as CSV and HTML."""

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.result_tables import table_caption, write_result_table
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    ard = read_table(snakemake.input.ard, "ard")
    outcome = snakemake.wildcards.outcome
    write_result_table(plan, ard, outcome, snakemake.output.csv, snakemake.output.html)
    write_text(snakemake.output.caption, table_caption(plan, ard, outcome))
    say(snakemake.output.html)
