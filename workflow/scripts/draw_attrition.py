"""Draw what every stage kept and lost, by condition, and write the figure's caption."""

from pathlib import Path

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.attrition_figure import attrition_caption, draw_attrition
from pictrial.reporting.figures import write_figure
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    attrition = read_table(snakemake.input.attrition, "attrition")
    losses = read_table(snakemake.input.losses, "differential_loss")
    write_figure(draw_attrition(plan, attrition), Path(snakemake.output.png).with_suffix(""))
    write_text(snakemake.output.caption, attrition_caption(plan, attrition, losses))
    say(snakemake.output.png)
