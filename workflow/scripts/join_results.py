"""Describe the trial and its outcomes, and join all results: the Analysis Results Data (ARD)."""

from pictrial.files import sha256
from pictrial.joblog import job_log
from pictrial.statistics.analysis import describe, join_results
from pictrial.statistics.summary_results import loss_results, multiverse_results
from pictrial.statistics.trial_descriptives import describe_trial
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    paths = snakemake.input
    plan, outcomes = load_plan(paths.plan), read_table(paths.outcomes, "outcomes")
    # Without a table of adverse events in the data set nobody knows how many there were.
    described = {"outcomes": paths.outcomes, "participants": paths.participants}
    described |= {name: paths[name] for name in ("populations", "delivery", "attrition")}
    described |= {"recorded_events": paths.recorded_events} if snakemake.params.adverse_events else {}
    schemas = {"participants": "analysis_participants"}
    summary = read_table(paths.multiverse, "multiverse_summary")
    ard = join_results(
        [
            describe(plan, outcomes, sha256(paths.outcomes)),
            describe_trial(
                plan,
                {name: read_table(path, schemas.get(name, name)) for name, path in described.items()},
                {name: sha256(path) for name, path in described.items()},
            ),
            *(read_table(table, "ard") for table in paths.analyses),
            multiverse_results(plan, summary, outcomes, sha256(paths.multiverse)),
            loss_results(plan, read_table(paths.losses, "differential_loss"), sha256(paths.losses)),
        ]
    )
    write_table(ard, snakemake.output.ard, "ard")
    say(f"{len(ard)} numbers, {ard['value'].isna().sum()} of them not estimable, each with a reason")
