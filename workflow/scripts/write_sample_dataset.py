"""Write the files of the sample trial that belong to the whole data set."""

from pictrial.joblog import job_log
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.sample_trial import write_sample_dataset
from pictrial.trial.plan import load_plan, schedule

with job_log(snakemake.log[0]) as say:
    planned = schedule(load_plan(snakemake.input.plan))
    write_sample_dataset(SampleTrialSettings(), planned, snakemake.params.seed, snakemake.params.bids)
    say(f"{snakemake.params.bids}: {planned['participant'].nunique()} participants")
