"""Simulate all sessions of one participant: recordings into the data set, the truth apart from it."""

from pathlib import Path

import pandas as pd

from pictrial.joblog import job_log
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.sample_trial import simulate_participant

with job_log(snakemake) as say:
    plan = snakemake.params.plan
    planned = pd.DataFrame(plan["sessions"])
    participant = snakemake.wildcards.participant
    bids = Path(snakemake.output.sessions).parents[1]
    truth = Path(snakemake.output.person).parents[1]
    settings = SampleTrialSettings.configured(
        snakemake.params.simulation,
        plan["conditions"],
        plan["scores"],
        with_ramp=bool(snakemake.output.ramps),
        with_vibstim=bool(snakemake.output.vibstims),
    )
    simulate_participant(settings, planned, participant, snakemake.params.seed, bids, truth)
    say(f"sub-{participant}: {len(planned)} sessions simulated")
