"""Execute a notebook on the results of this run and write it as a notebook and as a page."""

from pictrial.joblog import job_log
from pictrial.reporting.notebooks import execute_notebook

with job_log(snakemake) as say:
    files = snakemake.input.notebook, snakemake.output.notebook, snakemake.output.page
    execute_notebook(*files, {"plan_file": snakemake.input.plan, **dict(snakemake.params.items())})
    say(snakemake.output.page)
