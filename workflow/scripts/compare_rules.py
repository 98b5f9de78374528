"""Compare the conditions by every rule of ΔF, and say how far the contrasts differ."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.statistics.multiverse import compare_rules, summarise_rules
from pictrial.tables import read_table, write_table
from pictrial.trial.delivery import as_analysed
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = as_analysed(load_plan(snakemake.input.plan), read_table(snakemake.input.delivery, "delivery"))
    contrasts = compare_rules(
        plan,
        read_table(snakemake.input.rules, "delta_f_rules"),
        read_table(snakemake.input.multiverse, "delta_f_multiverse"),
    )
    summary = summarise_rules(plan, contrasts)
    write_table(contrasts, snakemake.output.multiverse, "multiverse_contrasts")
    write_table(summary, snakemake.output.summary, "multiverse_summary")
    for row in summary.itertuples():
        span = f"{row.lowest:.2f} to {row.highest:.2f} {row.measured_in}"
        where = "" if pd.isna(row.experiment) else f"{row.experiment}, "
        say(f"{where}{row.contrast}: {span} in {row.n_estimated} of {row.n_analyses} analyses")
