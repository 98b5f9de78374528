"""Join the participants' motor units, pairs and locked discharges into one table each."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.tables import read_table, write_table

with job_log(snakemake.log[0]) as say:
    for name in ("units", "pairs", "locking"):
        joined = pd.concat([read_table(path, name) for path in snakemake.input[name]], ignore_index=True)
        write_table(joined, snakemake.output[name], name)
        say(f"{len(joined)} rows of {name}")
