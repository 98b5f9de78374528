"""Draw the plan's first VibStim recording for print, and write the figure's caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.vibstim_example_figure import (
    draw_vibstim_example,
    vibstim_example_caption,
    vibstim_example_texts,
)
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan
from pictrial.vibstim.signals import read_signals

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    first = plan.sessions_with(plan.vibstim_task)[0]
    outcomes = read_table(snakemake.input.outcomes, "vibstim_outcomes")
    own = outcomes[outcomes["session"] == first.session]
    write_captioned_figure(
        draw_vibstim_example(read_signals(snakemake.input.signals), own),
        Path(snakemake.output.png).with_suffix(""),
        vibstim_example_caption(plan, first, own),
        vibstim_example_texts(own),
    )
    say(f"participant {first.participant}, session {first.session}")
