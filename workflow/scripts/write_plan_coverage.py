"""Write which items of reporting guidelines plan and results answer, and which the authors have to."""

from pathlib import Path

import yaml

from pictrial.joblog import job_log
from pictrial.reporting.effective_settings import effective_settings
from pictrial.reporting.plan_coverage import coverage_table
from pictrial.reporting.table_files import write_report_table

with job_log(snakemake) as say:
    plan = yaml.safe_load(Path(snakemake.input.plan).read_text(encoding="utf-8"))
    settings = effective_settings(snakemake.params.config)
    for page in snakemake.output.html:
        name = Path(page).stem.removeprefix("coverage_")
        write_report_table(coverage_table(name, plan, settings, snakemake.params.files), Path(page).parent)
        say(page)
