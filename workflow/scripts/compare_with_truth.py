"""Compare estimates with the truth of a simulated trial: the only job that reads the truth."""

from pathlib import Path

import pandas as pd

from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.truth_comparison import compare_with_truth, write_truth_comparison
from pictrial.reporting.truth_figure import draw_truth_comparison, truth_caption
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    sessions = [(row.participant, row.session) for row in plan.sessions_with(plan.task)]
    estimated, true = (
        {session: read_discharges(path) for session, path in zip(sessions, paths, strict=True)}
        for paths in (snakemake.input.events, snakemake.input.true_events)
    )
    true_pairs = [read_table(path, "true_pairs") for path in snakemake.input.true_pairs]
    comparison = compare_with_truth(
        plan,
        estimated,
        true,
        SampleTrialSettings().sampling_rate,
        read_table(snakemake.input.pairs, "pairs"),
        pd.concat(true_pairs, ignore_index=True),
        read_table(snakemake.input.ard, "ard"),
        read_table(snakemake.input.effects, "true_effects"),
    )
    write_truth_comparison(comparison, Path(snakemake.output.units).parent)
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_truth_comparison(plan, comparison), stem, truth_caption(plan, comparison))
    for row in comparison.summary.itertuples():
        say(f"{row.measure}: {row.value:.3g} (n = {row.n})")
