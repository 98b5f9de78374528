"""Join the participants' tables of motor units into one each, and write what each rule of ΔF is."""

import pandas as pd

from pictrial.joblog import job_log
from pictrial.motor_units.sensitivity import rules_of, rules_table
from pictrial.tables import load_schema, read_table, write_table

with job_log(snakemake) as say:
    for name in sorted({*snakemake.input.keys()} & {*snakemake.output.keys()}):
        tables = [read_table(path, name) for path in snakemake.input[name]]
        nothing = pd.DataFrame(columns=list(load_schema(name)["columns"]))  # in a trial without ramps
        joined = pd.concat(tables or [nothing], ignore_index=True)
        write_table(joined, snakemake.output[name], name)
        say(f"{len(joined)} rows of {name}")
    rules = rules_table(rules_of(snakemake.params.motor_units))
    write_table(rules, snakemake.output.delta_f_rules, "delta_f_rules")
