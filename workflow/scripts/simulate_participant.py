"""Simulate all sessions of one participant: recordings into the data set, the truth apart from it."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.sample_trial import simulate_participant
from pictrial.trial.plan import load_plan, schedule

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    planned = schedule(plan)
    participant = snakemake.wildcards.participant
    bids = Path(snakemake.output.sessions).parents[1]
    truth = Path(snakemake.output.person).parents[1]
    settings = SampleTrialSettings.configured(
        snakemake.params.simulation,
        plan.conditions,
        [outcome.measure for outcome in plan.outcomes.values()],
        with_ramp=bool(snakemake.output.ramps),
        with_vibstim=bool(snakemake.output.vibstims),
    )
    simulate_participant(settings, planned, participant, snakemake.params.seed, bids, truth)
    say(f"sub-{participant}: {(planned['participant'] == participant).sum()} sessions simulated")
