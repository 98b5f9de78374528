"""Draw one VibStim recording with its windows and values."""

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.vibstim_recording_figure import draw_vibstim_recording
from pictrial.tables import read_table
from pictrial.vibstim.signals import read_signals

with job_log(snakemake) as say:
    outcomes = read_table(snakemake.input.outcomes, "vibstim_outcomes")
    outcomes = outcomes[outcomes["session"] == snakemake.wildcards.session]
    signals = read_signals(snakemake.input.signals)
    write_text(snakemake.output.svg, draw_vibstim_recording(signals, outcomes))
    say(snakemake.output.svg)
