"""Write the files of a simulated trial that belong to the whole data set, and the planted effects."""

from pathlib import Path

import pandas as pd

from pictrial.joblog import job_log
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.sample_trial import write_sample_dataset
from pictrial.simulation.truth import write_true_effects

with job_log(snakemake) as say:
    plan = snakemake.params.plan
    planned = pd.DataFrame(plan["sessions"])
    settings = SampleTrialSettings.configured(
        snakemake.params.simulation,
        plan["conditions"],
        plan["scores"],
        with_ramp=snakemake.params.with_ramp,
        with_vibstim=snakemake.params.with_vibstim,
    )
    bids = Path(snakemake.output.description).parent
    write_sample_dataset(settings, planned, snakemake.params.seed, bids, snakemake.params.title)
    write_true_effects(settings, plan["conditions"], snakemake.output.effects)
    say(f"{bids}: {planned['participant'].nunique()} participants")
