"""Draw one outcome (participants and motor units per condition, contrasts) and write its caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.captions import caption_paragraphs
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.figures import draw_outcome
from pictrial.reporting.shown import Results
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    ard = read_table(snakemake.input.ard, "ard")
    outcomes = read_table(snakemake.input.outcomes, "outcomes")
    outcome = snakemake.wildcards.outcome
    caption = caption_paragraphs(plan, Results(ard), outcome)
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_outcome(plan, ard, outcomes, outcome), stem, caption)
    say(snakemake.output.png)
