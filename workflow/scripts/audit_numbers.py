"""Hold every number of every document against the ARD, and list which is where."""

from pathlib import Path

import pandas as pd

from pictrial.joblog import job_log
from pictrial.reporting.number_audit import audit_documents, audit_numbers
from pictrial.reporting.visible_text import visible_text
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    results = Path(snakemake.params.results)
    shown = pd.concat(
        [read_table(path, "numbers_shown") for path in snakemake.input.numbers], ignore_index=True
    )
    held = audit_numbers(shown, read_table(snakemake.input.ard, "ard"))
    documents = {
        Path(path).relative_to(results).with_suffix("").as_posix(): visible_text(path)
        for path in snakemake.input.documents
    }
    # Numbers in words of the plan are no results, nor are periods and the level of confidence intervals.
    words = Path(snakemake.input.plan).read_text(encoding="utf-8").splitlines()
    periods = {f"{session.period}" for session in load_plan(snakemake.input.plan).sessions}
    audit_documents(documents, shown, [*words, *periods, f"{100 * CONFIDENCE:g}"])
    write_table(shown, snakemake.output.numbers, "numbers_shown")
    say(f"{held} numbers in {shown['document'].nunique()} documents are rows of the ARD")
