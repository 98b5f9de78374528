"""Test one participant's motor units for discharges locked to nerve stimuli, recording by recording."""

import pandas as pd

from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.motor_units.discharge_trains import DischargeLimits
from pictrial.motor_units.stimulus_locking import LockingSettings, assess_locking
from pictrial.tables import load_schema, read_table, write_table

with job_log(snakemake) as say:
    locking = LockingSettings(**snakemake.params.locking)
    limits = DischargeLimits(**snakemake.params.limits)
    participant = snakemake.wildcards.participant
    tables = []
    for session, events, pulse_file in zip(
        snakemake.params.sessions, snakemake.input.events, snakemake.input.pulses, strict=True
    ):
        where = f"sub-{participant} ses-{session}"
        pulses = read_table(pulse_file, "pulses")
        pulses = pulses[pulses["used"].astype(bool)]
        if pulses.empty:
            say(f"{where}: no stimuli")
            continue
        blanked = pulses[["blanked_from", "blanked_to"]].dropna().to_numpy(float)
        onsets = pulses["onset"].to_numpy(float)
        table = assess_locking(read_discharges(events), onsets, blanked, locking, limits)
        tables.append(table.assign(participant=participant, session=session))
        locked, tested = table["locked"].sum(), table["locked"].count()
        say(f"{where}: {locked} of {tested} motor units locked to {len(onsets)} stimuli")
    nothing = pd.DataFrame(columns=list(load_schema("locking")["columns"]))
    joined = pd.concat(tables, ignore_index=True) if tables else nothing
    write_table(joined, snakemake.output.locking, "locking")
