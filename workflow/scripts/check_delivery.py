"""Compare what was delivered (sessions and their conditions) with what was planned."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.tables import write_table
from pictrial.trial.delivery import check_delivered
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    delivered = check_delivered(load_plan(snakemake.input.plan), Path(snakemake.input.participants).parent)
    write_table(delivered, snakemake.output.delivery, "delivery")
    say(f"{len(delivered)} planned sessions: all were delivered as planned")
