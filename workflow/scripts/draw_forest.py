"""Draw the contrasts of the primary analysis in every analysis, and write the figure's caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.forest_figure import draw_forest, forest_caption, forest_panels
from pictrial.reporting.shown import Results
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    results = Results(read_table(snakemake.input.ard, "ard"))
    texts = [text for panel in forest_panels(plan, results) for text in panel.texts()]
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_forest(plan, results), stem, forest_caption(plan, results), texts)
    say(f"{len(texts)} texts")
