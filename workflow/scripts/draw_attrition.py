"""Draw what every stage kept and lost, by condition, and write the figure's caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.attrition_figure import attrition_caption, draw_attrition
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    attrition = read_table(snakemake.input.attrition, "attrition")
    losses = read_table(snakemake.input.losses, "differential_loss")
    stem, caption = Path(snakemake.output.png).with_suffix(""), attrition_caption(plan, attrition, losses)
    write_captioned_figure(draw_attrition(plan, attrition), stem, caption)
    say(snakemake.output.png)
