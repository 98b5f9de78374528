"""Write the files of the sample trial that belong to the whole data set, and the planted effects."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.sample_trial import write_sample_dataset
from pictrial.simulation.truth import write_true_effects
from pictrial.trial.plan import load_plan, schedule

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    planned = schedule(plan)
    settings = SampleTrialSettings(with_vibstim=plan.vibstim_task is not None)
    bids = Path(snakemake.output.description).parent
    write_sample_dataset(settings, planned, snakemake.params.seed, bids)
    write_true_effects(settings, snakemake.output.effects)
    say(f"{bids}: {planned['participant'].nunique()} participants")
