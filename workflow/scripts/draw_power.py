"""Estimate the power of a next trial like this one, draw it, and write the figure's caption."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.power_command import USUAL_TARGET
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.power_figure import draw_power, experiment_titles, power_caption
from pictrial.statistics.next_trial_power import next_trial_power
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    outcomes = read_table(snakemake.input.outcomes, "outcomes")
    curve, reasons = next_trial_power(plan, outcomes, snakemake.params.seed)
    write_table(curve.replace({"minus": {"": None}}), snakemake.output.table, "power")
    write_captioned_figure(
        draw_power(curve, USUAL_TARGET, experiment_titles(plan)),
        Path(snakemake.output.png).with_suffix(""),
        power_caption(plan, curve, reasons, USUAL_TARGET),
    )
    for name, reason in reasons.items():
        say(f"{name}: {reason}")
    say(curve.to_string(index=False))
