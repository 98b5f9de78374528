"""Estimate ΔF of one participant's motor units by every rule of the sensitivity grid."""

from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.motor_units.sensitivity import rules_of, vary_delta_f
from pictrial.tables import write_table

with job_log(snakemake) as say:
    participant, rules = snakemake.wildcards.participant, rules_of(snakemake.params.motor_units)
    sessions = {
        (participant, session): read_discharges(events)
        for session, events in zip(snakemake.params.sessions, snakemake.input.events, strict=True)
    }
    varied = vary_delta_f(sessions, rules)
    write_table(varied, snakemake.output.multiverse, "delta_f_multiverse")
    say(f"sub-{participant}: {len(rules)} rules, {len(varied)} values of test units")
