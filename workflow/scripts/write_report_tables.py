"""Write the tables of the trial (primary, all analyses, VibStim, ...) as HTML, Word, LaTeX and CSV."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.report_tables import build_table, table_names
from pictrial.reporting.table_files import write_report_table
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    ard = read_table(snakemake.input.ard, "ard")
    folder = Path(snakemake.output.html[0]).parents[1]
    for name in table_names(plan):
        for path in write_report_table(build_table(name, plan, ard), folder):
            say(path)
