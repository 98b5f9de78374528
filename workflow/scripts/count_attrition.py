"""Count what every stage of every session took in, lost, gained and kept."""

import pandas as pd

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.tables import read_table, write_table
from pictrial.trial.analysis_tables import read_of_sessions
from pictrial.trial.attrition import compare_before_and_after, count_attrition, stage_counts
from pictrial.trial.delivery import as_analysed
from pictrial.trial.plan import PlannedSession, load_plan

with job_log(snakemake) as say:
    plan = as_analysed(load_plan(snakemake.input.plan), read_table(snakemake.input.delivery, "delivery"))
    limit = DecompositionSettings(**snakemake.params.decomposition).duplicate_agreement
    ramps = pd.DataFrame(plan.sessions_with(plan.task), columns=list(PlannedSession._fields))
    candidates, tracked = (
        read_of_sessions(ramps, snakemake.input[name], "quality_units") for name in ("candidates", "tracked")
    )
    sessions = ramps[["participant", "session"]].to_dict("records")
    trains = zip(sessions, snakemake.input.before, snakemake.input.after, strict=True)
    matches = [
        compare_before_and_after(read_discharges(before), read_discharges(after), limit).assign(**session)
        for session, before, after in trains
    ]
    nothing = compare_before_and_after({}, {}, limit).assign(participant=None, session=None)
    units = read_table(snakemake.input.units, "units")
    pairs = read_table(snakemake.input.pairs, "pairs")
    attrition = count_attrition(
        plan, candidates, pd.concat(matches or [nothing], ignore_index=True), tracked, units, pairs
    )
    write_table(attrition, snakemake.output.attrition, "attrition")
    for stage in attrition["stage"].unique():
        counts = stage_counts(attrition, stage)
        say(f"{stage}: {counts['n_kept'].sum()} kept of {counts['n_in'].sum()}")
