"""Write the Statistical Summary Document as Word document and workbook."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.summary_workbook import write_statistical_summary
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    ard = read_table(snakemake.input.ard, "ard")
    for path in write_statistical_summary(plan, ard, Path(snakemake.output.docx).parent):
        say(path)
