"""Draw all VibStim outcomes by condition and write the caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.vibstim_figure import draw_vibstim, vibstim_caption
from pictrial.tables import read_table
from pictrial.trial.delivery import as_analysed
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = as_analysed(load_plan(snakemake.input.plan), read_table(snakemake.input.delivery, "delivery"))
    outcomes = read_table(snakemake.input.outcomes, "vibstim_outcomes")
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_vibstim(plan, outcomes), stem, vibstim_caption(plan, outcomes))
    say(snakemake.output.png)
