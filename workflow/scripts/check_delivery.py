"""Compare what was delivered (sessions and their conditions) with what was planned."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.tables import write_table
from pictrial.trial.delivery import check_delivered
from pictrial.trial.plan import load_plan
from pictrial.trial.recorded_events import read_recorded_events
from pictrial.trial.stages import stage_trial

with job_log(snakemake) as say:
    plan, bids = load_plan(snakemake.input.plan), Path(snakemake.input.participants).parent
    delivered = check_delivered(plan, bids, read_recorded_events(plan, bids))
    staged = stage_trial(snakemake.input.plan, snakemake.params.masking, snakemake.params.seed)
    delivered = staged.relabel(delivered) if staged else delivered
    write_table(delivered, snakemake.output.delivery, "delivery")
    found = delivered["status"].value_counts()
    say(f"{len(delivered)} planned sessions: " + ", ".join(f"{n} {status}" for status, n in found.items()))
