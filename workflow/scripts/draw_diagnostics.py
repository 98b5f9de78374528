"""Draw what a mixed model of the plan leaves, and who carries it, on one page with its caption."""

from pathlib import Path

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.diagnostics_figure import (
    diagnostics_caption,
    diagnostics_title,
    draw_diagnostics,
    draw_no_model,
)
from pictrial.reporting.figures import write_figure
from pictrial.statistics.analysis import ask
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.model_diagnostics import diagnose
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan, name = load_plan(snakemake.input.plan), snakemake.wildcards.analysis
    question = ask(plan, name, read_table(snakemake.input.outcomes, "outcomes"), seed=0)
    unit = (
        "transformed" if question.analysis.transformation else plan.outcomes[question.analysis.outcome].unit
    )
    title = diagnostics_title(plan, name)
    try:
        found = diagnose(question)
        figure = draw_diagnostics(title, unit, plan.conditions, *found.tables)
        caption = diagnostics_caption(title, plan.conditions, found.observations, found.without)
    except NotEstimable as reason:
        figure, caption = draw_no_model(title, str(reason)), f"**{title}.** No model: {reason}.\n"
        say(f"note: {reason}")
    write_figure(figure, Path(snakemake.output.png).with_suffix(""))
    write_text(snakemake.output.caption, caption)
    say(snakemake.output.png)
