"""Test whether the conditions lose unequal shares of motor units and pairs, and whether loss goes with ΔF."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.statistics.differential_loss import compare_losses
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    losses = compare_losses(
        load_plan(snakemake.input.plan),
        read_table(snakemake.input.attrition, "attrition"),
        read_table(snakemake.input.outcomes, "outcomes"),
        snakemake.params.seed,
    )
    write_table(losses, snakemake.output.losses, "differential_loss")
    for row in losses.itertuples():
        share = f"{row.n_lost} lost of {row.n_lost + row.n_kept}"
        where = "" if pd.isna(row.experiment) else f"{row.experiment}, "
        say(f"{where}{row.stage}, {row.contrast}: {share}; P {row.p_value:.3g}")
