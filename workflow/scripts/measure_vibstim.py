"""Measure the VibStim recordings of all sessions of one participant."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.recordings.bids import read_bids_recording, read_events
from pictrial.tables import write_table
from pictrial.vibstim.outcomes import VibstimSettings, measure_vibstim
from pictrial.vibstim.signals import write_signals

with job_log(snakemake) as say:
    parameters = snakemake.params
    settings = VibstimSettings.from_configuration(parameters.vibstim, parameters.conditioning)
    participant, tables = snakemake.wildcards.participant, []
    files = (snakemake.input.recordings, snakemake.input.maximal, snakemake.output.signals)
    for session, path, maximal_path, signals in zip(parameters.sessions, *files, strict=True):
        recording = read_bids_recording(path, group=parameters.muscle)
        maximal = read_bids_recording(maximal_path, group=parameters.muscle)
        measures = measure_vibstim(recording, read_events(path), maximal, settings)
        tables.append(measures.outcomes.assign(participant=participant, session=session))
        write_signals(recording, measures, signals)
        excluded, frequency = measures.outcomes["excluded"].dropna(), measures.emg.frequency
        found = f"vibration of {frequency:.2f} Hz" if frequency > 0 else "no vibration"
        say(f"{recording.name}: {found} in the EMG; {len(excluded)} outcomes without a value")
        for reason in excluded.unique():
            say(f"Warning: {recording.name}: {reason}")
    write_table(pd.concat(tables, ignore_index=True), snakemake.output.outcomes, "vibstim_outcomes")
