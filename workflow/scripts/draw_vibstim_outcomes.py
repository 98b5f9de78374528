"""Draw all VibStim outcomes by condition and write the caption."""

from pathlib import Path

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.figures import write_figure
from pictrial.reporting.vibstim_figure import draw_vibstim, vibstim_caption
from pictrial.tables import read_table
from pictrial.trial.delivery import as_analysed
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    plan = as_analysed(load_plan(snakemake.input.plan), read_table(snakemake.input.delivery, "delivery"))
    outcomes = read_table(snakemake.input.outcomes, "vibstim_outcomes")
    write_figure(draw_vibstim(plan, outcomes), Path(snakemake.output.png).with_suffix(""))
    write_text(snakemake.output.caption, vibstim_caption(plan, outcomes))
    say(snakemake.output.png)
