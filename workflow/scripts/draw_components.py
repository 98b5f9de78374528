"""Draw the variance components of every mixed model, and write the figure's caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.components_figure import components_caption, components_panels, draw_components
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    panels = components_panels(plan, read_table(snakemake.input.ard, "ard"))
    texts = [text for panel in panels for text in panel.texts()]
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_components(panels), stem, components_caption(plan, panels), texts)
    say(f"{len(texts)} components")
