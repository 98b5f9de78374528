"""Write the table of one outcome as HTML, Word, LaTeX and CSV, and its caption."""

from pathlib import Path

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.result_tables import result_table
from pictrial.reporting.table_files import rst_caption, write_report_table
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    ard = read_table(snakemake.input.ard, "ard")
    table = result_table(plan, ard, snakemake.wildcards.outcome)
    write_report_table(table, Path(snakemake.output.html).parent)
    write_text(snakemake.output.caption, rst_caption(table))
    say(snakemake.output.html)
