"""Draw the flow of participants, or of what was recorded of them, and write caption and numbers beside it."""

from pathlib import Path

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.figures import write_figure
from pictrial.reporting.flow_boxes import draw_flow
from pictrial.reporting.flow_figure import flow_caption, motor_unit_flow, participant_flow, shown_in_flow
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    what = snakemake.wildcards.what
    plan, ard = load_plan(snakemake.input.plan), read_table(snakemake.input.ard, "ard")
    diagrams = {"participants": participant_flow, "motor_units": motor_unit_flow}[what](plan, ard)
    caption = flow_caption(plan, ard, what)
    write_figure(draw_flow(diagrams), Path(snakemake.output.png).with_suffix(""))
    write_text(snakemake.output.caption, caption.text)
    shown = shown_in_flow(f"figures/flow_{what}", diagrams, caption)
    write_table(shown, snakemake.output.numbers, "numbers_shown")
    say(f"{snakemake.output.png}: {len(shown)} numbers")
