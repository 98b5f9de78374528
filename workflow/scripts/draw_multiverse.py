"""Draw the contrasts by every rule of ΔF, and write the figure's caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.multiverse_figure import draw_multiverse, multiverse_caption
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    rules = read_table(snakemake.input.rules, "delta_f_rules")
    contrasts = read_table(snakemake.input.contrasts, "multiverse_contrasts")
    summary = read_table(snakemake.input.summary, "multiverse_summary")
    caption = multiverse_caption(plan, contrasts, summary)
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_multiverse(plan, rules, contrasts), stem, caption)
    say(snakemake.output.png)
