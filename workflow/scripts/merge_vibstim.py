"""Join the VibStim outcomes of all participants."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.tables import read_table, write_table

with job_log(snakemake) as say:
    tables = [read_table(path, "vibstim_outcomes") for path in snakemake.input.outcomes]
    joined = pd.concat(tables, ignore_index=True)
    write_table(joined, snakemake.output.outcomes, "vibstim_outcomes")
    say(f"{len(joined)} outcomes, {joined['excluded'].notna().sum()} without a value")
