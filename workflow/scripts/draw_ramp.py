"""Draw the plan's first decomposed contraction with a pair of motor units, and write the figure's caption."""

from pathlib import Path

from pictrial.decomposition.storage import read_discharges
from pictrial.joblog import job_log
from pictrial.recordings.packed_files import read_arrays
from pictrial.reporting.figure_files import write_captioned_figure
from pictrial.reporting.ramp_figure import decomposed_ramp, draw_ramp, ramp_caption, ramp_texts
from pictrial.tables import read_table
from pictrial.trial.plan import load_plan

with job_log(snakemake) as say:
    plan = load_plan(snakemake.input.plan)
    ramp = decomposed_ramp(
        plan.sessions_with(plan.task)[0],
        read_arrays(Path(snakemake.input.torque), ("torque", "sampling_rate")),
        read_discharges(snakemake.input.events),
        read_table(snakemake.input.pairs, "pairs"),
        snakemake.params.motor_units,
    )
    stem = Path(snakemake.output.png).with_suffix("")
    write_captioned_figure(draw_ramp(plan, ramp), stem, ramp_caption(plan, ramp), ramp_texts(ramp))
    say(ramp.source or "no pair passed")
