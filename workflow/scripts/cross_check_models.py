"""Fit every mixed model of the plan once more by statsmodels; stop where it finds a better optimum."""

from pictrial.joblog import job_log
from pictrial.statistics.analysis import ask
from pictrial.statistics.cross_checks import cross_check, require_agreement
from pictrial.statistics.mixed_model_analysis import fit_as_planned
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.tables import read_table, write_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan, outcomes = load_plan(snakemake.input.plan), read_table(snakemake.input.outcomes, "outcomes")
    fits = {}
    for name, analysis in plan.analyses.items():
        if analysis.method == "mixed_model":
            try:
                fits[name] = fit_as_planned(ask(plan, name, outcomes, seed=0)).model
            except NotEstimable as reason:
                say(f"note: {name} is not fitted: {reason}")
    table = cross_check(fits)
    write_table(table, snakemake.output.table, "cross_checks")
    require_agreement(table)
    for row in table.itertuples():
        say(f"{row.analysis}: {row.verdict}")
