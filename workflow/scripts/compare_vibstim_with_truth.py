"""Compare the VibStim outcomes of a simulated trial with what was planted."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.reporting.vibstim_truth import compare_vibstim
from pictrial.tables import read_table, write_table

with job_log(snakemake) as say:
    true = pd.concat([read_table(path, "true_vibstim") for path in snakemake.input.true], ignore_index=True)
    comparison = compare_vibstim(read_table(snakemake.input.outcomes, "vibstim_outcomes"), true)
    write_table(comparison, snakemake.output.table, "truth_vibstim")
    for row in comparison.itertuples():
        what = "agreement" if row.outcome == "responder" else "bias (%)"
        value = row.agreement if row.outcome == "responder" else row.bias_percent
        say(f"{row.outcome}: {what} {value:.3g} (n = {row.n})")
