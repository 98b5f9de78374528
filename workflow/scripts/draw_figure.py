"""Draw one outcome (participants and motor units per condition, contrasts) and write its caption."""

from pathlib import Path

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.captions import figure_caption
from pictrial.reporting.figures import draw_outcome, write_figure
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    ard = read_table(snakemake.input.ard, "ard")
    outcomes = read_table(snakemake.input.outcomes, "outcomes")
    outcome = snakemake.wildcards.outcome
    write_figure(draw_outcome(plan, ard, outcomes, outcome), Path(snakemake.output.png).with_suffix(""))
    write_text(snakemake.output.caption, figure_caption(plan, ard, outcome))
    say(snakemake.output.png)
