"""Draw the VibStim recordings of all sessions of one participant with their windows and values."""

from pictrial.files import write_text
from pictrial.joblog import job_log
from pictrial.reporting.vibstim_recording_figure import draw_vibstim_recording
from pictrial.tables import read_table
from pictrial.vibstim.signals import read_signals

with job_log(snakemake) as say:
    outcomes = read_table(snakemake.input.outcomes, "vibstim_outcomes")
    files = (snakemake.input.signals, snakemake.output.svg)
    for session, signals, svg in zip(snakemake.params.sessions, *files, strict=True):
        of_session = outcomes[outcomes["session"] == session]
        write_text(svg, draw_vibstim_recording(read_signals(signals), of_session))
        say(svg)
