"""Write the files of a simulated trial that belong to the whole data set, and the planted effects."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.sample_trial import write_sample_dataset
from pictrial.simulation.truth import write_true_effects
from pictrial.trial.plan import load_plan, schedule

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    planned = schedule(plan)
    settings = SampleTrialSettings.configured(
        snakemake.params.simulation,
        plan.conditions,
        [outcome.measure for outcome in plan.outcomes.values()],
        with_ramp=snakemake.params.with_ramp,
        with_vibstim=snakemake.params.with_vibstim,
    )
    bids = Path(snakemake.output.description).parent
    write_sample_dataset(settings, planned, snakemake.params.seed, bids, plan.title)
    write_true_effects(settings, list(plan.conditions), snakemake.output.effects)
    say(f"{bids}: {planned['participant'].nunique()} participants")
