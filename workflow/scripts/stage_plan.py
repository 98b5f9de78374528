"""Write the plan as the trial's stage may see it, and what readers are told of the stage."""

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.trial.stages import write_staged_plan

with job_log(snakemake) as say:
    stage = write_staged_plan(
        snakemake.params.configuration,
        snakemake.config,
        snakemake.output.plan,
        snakemake.output.stage,
    )
    write_text(snakemake.output.caption, f"{stage.sentence}\n")
    say(stage.sentence)
