"""Count what every stage of every session took in, lost, gained and kept."""

import pandas as pd

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.tables import read_table, write_table
from pictrial.trial.attrition import compare_before_and_after, count_attrition, stage_counts
from pictrial.trial.plan import load_plan

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    limit = DecompositionSettings(**snakemake.params.decomposition).duplicate_agreement
    sessions = [{"participant": row.participant, "session": row.session} for row in plan.sessions]
    candidates, tracked = (
        pd.concat(
            [
                read_table(path, "quality_units").assign(**session)
                for session, path in zip(sessions, snakemake.input[name], strict=True)
            ],
            ignore_index=True,
        )
        for name in ("candidates", "tracked")
    )
    trains = zip(sessions, snakemake.input.before, snakemake.input.after, strict=True)
    matches = [
        compare_before_and_after(read_discharges(before), read_discharges(after), limit).assign(**session)
        for session, before, after in trains
    ]
    units = read_table(snakemake.input.units, "units")
    pairs = read_table(snakemake.input.pairs, "pairs")
    attrition = count_attrition(
        plan, candidates, pd.concat(matches, ignore_index=True), tracked, units, pairs
    )
    write_table(attrition, snakemake.output.attrition, "attrition")
    for stage in attrition["stage"].unique():
        counts = stage_counts(attrition, stage)
        say(f"{stage}: {counts['n_kept'].sum()} kept of {counts['n_in'].sum()}")
