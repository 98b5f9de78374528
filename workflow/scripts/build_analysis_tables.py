"""Join measures and plan: outcomes, periods, participants, and everything that was left out."""

from pathlib import Path

import pandas as pd

from pictrial.joblog import job_log
from pictrial.tables import read_table, write_table
from pictrial.trial.analysis_tables import (
    build_exclusions,
    build_outcomes,
    build_participants,
    build_periods,
    measured_outcomes,
)
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.plan import load_plan, schedule

with job_log(snakemake.log[0]) as say:
    plan = load_plan(snakemake.input.plan)
    planned = schedule(plan)
    sessions = [{"participant": row.participant, "session": row.session} for row in plan.sessions]
    channels, quality = (
        pd.concat(
            [
                read_table(path, name).assign(**session)
                for session, path in zip(sessions, snakemake.input[name], strict=True)
            ],
            ignore_index=True,
        )
        for name in ("quality_channels", "quality_units")
    )
    units = read_table(snakemake.input.units, "units")
    pairs = read_table(snakemake.input.pairs, "pairs")
    people = pd.read_csv(snakemake.input.participants, sep="\t", dtype=str, keep_default_na=False)
    values = read_table(snakemake.input.unit_delta_f, "unit_delta_f")
    vibstim = next((read_table(path, "vibstim_outcomes") for path in snakemake.input.vibstim), None)
    scores = clinical_scores(plan, Path(snakemake.input.participants).parent)
    measured = measured_outcomes(plan, values, units, vibstim, scores)
    outcomes = build_outcomes(planned, measured, plan.deviations, plan.sequences)
    delta_f = outcomes[outcomes["outcome"] == "delta_f"]
    periods = build_periods(planned, quality, units, pairs, delta_f)
    participants = build_participants(planned, people, delta_f)
    exclusions = build_exclusions(plan, channels, quality, units, pairs, delta_f, vibstim)
    write_table(outcomes, snakemake.output.outcomes, "outcomes")
    write_table(periods, snakemake.output.periods, "analysis_periods")
    write_table(participants, snakemake.output.participants, "analysis_participants")
    write_table(exclusions, snakemake.output.exclusions, "exclusions")
    values = outcomes["value"].notna().sum()
    say(f"{values} values of {len(plan.outcomes)} outcomes; {len(exclusions)} exclusions, each with a reason")
