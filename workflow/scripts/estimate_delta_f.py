"""Describe one participant's motor units in each session and estimate ΔF of every pair and test unit."""

from pathlib import Path

import pandas as pd

from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.motor_units.aggregation import every_unit_delta_f
from pictrial.motor_units.delta_f import PairCriteria, judge_pairs
from pictrial.motor_units.discharge_exclusions import discharge_exclusions
from pictrial.motor_units.pair_measures import measure_pairs
from pictrial.motor_units.smoothing import RateSettings
from pictrial.motor_units.units import describe_units
from pictrial.recordings.packed_files import read_arrays
from pictrial.tables import write_table

_TORQUE = ("torque", "sampling_rate")

with job_log(snakemake) as say:
    settings = snakemake.params.motor_units
    rates, criteria = RateSettings.configured(settings), PairCriteria(**settings.get("criteria", {}))
    participant = snakemake.wildcards.participant
    units, left_out, measured, pairs = [], [], [], []
    sessions = zip(snakemake.params.sessions, snakemake.input.events, snakemake.input.torque, strict=True)
    for session, events, torque_file in sessions:
        discharges, torque = read_discharges(events), read_arrays(Path(torque_file), _TORQUE)
        where = {"participant": participant, "session": session}
        described = describe_units(discharges, torque["torque"], float(torque["sampling_rate"]), rates)
        units.append(described.assign(**where))
        left_out.append(discharge_exclusions(discharges, rates.limits).assign(**where))
        measured.append(measure_pairs(discharges, rates))
        pairs.append(judge_pairs(measured[-1], criteria).assign(**where))
        passed = int(pairs[-1]["passed"].sum())
        say(f"sub-{participant} ses-{session}: {len(discharges)} motor units, {passed} pairs passed")
    write_table(pd.concat(units, ignore_index=True), snakemake.output.units, "units")
    write_table(
        pd.concat(left_out, ignore_index=True), snakemake.output.discharge_exclusions, "discharge_exclusions"
    )
    write_table(pd.concat(pairs, ignore_index=True), snakemake.output.pairs, "pairs")
    write_table(every_unit_delta_f(measured, pairs), snakemake.output.unit_delta_f, "unit_delta_f")
