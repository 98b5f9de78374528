"""Join measures and plan: outcomes, populations, periods, participants, and everything that was left out."""

from pathlib import Path

from pictrial.joblog import job_log
from pictrial.tables import read_table, read_text_table, write_table
from pictrial.trial import analysis_tables
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.delivery import analysed_schedule
from pictrial.trial.plan import load_plan
from pictrial.trial.populations import build_populations
from pictrial.trial.recorded_events import add_conditions, nothing_recorded, read_recorded_events
from pictrial.trial.stages import stage_trial

with job_log(snakemake) as say:
    plan, bids = load_plan(snakemake.input.plan), Path(snakemake.input.participants).parent
    delivery = read_table(snakemake.input.delivery, "delivery")
    events = add_conditions(read_recorded_events(plan, bids), delivery)
    staged = stage_trial(snakemake.input.true_plan, snakemake.params.masking, snakemake.params.seed)
    events = staged.hide_texts(events) if staged else events
    planned = analysed_schedule(delivery)
    ramps = planned[planned["sequence"].isin(plan.sequences_with(plan.task))]
    channels, quality = (
        analysis_tables.read_of_sessions(ramps, snakemake.input[name], name)
        for name in ("quality_channels", "quality_units")
    )
    units, pairs = (read_table(snakemake.input[name], name) for name in ("units", "pairs"))
    people = read_text_table(snakemake.input.participants)
    values = read_table(snakemake.input.unit_delta_f, "unit_delta_f")
    vibstim = next((read_table(path, "vibstim_outcomes") for path in snakemake.input.vibstim), None)
    measured = analysis_tables.measured_outcomes(plan, values, units, vibstim, clinical_scores(plan, bids))
    outcomes = analysis_tables.build_outcomes(plan, planned, measured, events)
    delta_f = outcomes[outcomes["outcome"] == "delta_f"]
    periods = analysis_tables.build_periods(ramps, quality, units, pairs, delta_f)
    participants = analysis_tables.build_participants(plan, planned, people, outcomes)
    left_out = analysis_tables.build_exclusions(plan, channels, quality, units, pairs, outcomes, vibstim)
    populations = build_populations(plan, outcomes, delivery, events)
    write_table(outcomes, snakemake.output.outcomes, "outcomes")
    write_table(populations, snakemake.output.populations, "populations")
    write_table(events, snakemake.output.recorded_events, "recorded_events")
    write_table(periods, snakemake.output.periods, "analysis_periods")
    write_table(participants, snakemake.output.participants, "analysis_participants")
    write_table(left_out, snakemake.output.exclusions, "exclusions")
    say(f"{outcomes['value'].notna().sum()} values, {len(left_out)} exclusions")
    say(f"{len(events)} recorded events; none in (no such table): {', '.join(nothing_recorded(bids)) or '-'}")
