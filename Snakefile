"""pictrial: from raw high-density EMG to the figures and tables of a trial.

What was planned is in `trial.yaml`, how signals are processed in `config.yaml`. The list of includes is the story.
"""

from snakemake.utils import min_version

min_version("9.27")

# The sample trial, unless a configuration is named with --configfile, which replaces this one.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


# The environment that Snakemake runs in serves all rules. This names an image of it; none is published.
container: "docker://pictrial/pictrial:0.1.0"


report: "workflow/report/workflow.rst"


include: "workflow/rules/schedule.smk"  #      who is measured when: the look-ups of all rules
include: "workflow/rules/stages.smk"  #      the plan as the stage of masking may see it
include: "workflow/rules/simulation.smk"  #    the sample trial, or
include: "workflow/rules/object_storage.smk"  # a data set in a bucket, or
include: "workflow/rules/recordings.smk"  #    recordings brought in; checks, signal quality
include: "workflow/rules/decomposition.smk"  # motor units, followed across a participant's sessions
include: "workflow/rules/motor_units.smk"  #   recruitment, discharge rates, ΔF of every pair
include: "workflow/rules/vibstim.smk"  #       torque and EMG under vibration and stimulation
include: "workflow/rules/trial.smk"  #         who is analysed in which condition, and why not
include: "workflow/rules/statistics.smk"  #    every number of the results, once
include: "workflow/rules/reporting.smk"  #     figures of outcomes, diagnostics, quality; estimate against truth
include: "workflow/rules/flow.smk"  #          who and what came how far
include: "workflow/rules/figures.smk"  #       example, forest, variance components, power
include: "workflow/rules/tables.smk"  #        tables in every format, Statistical Summary Document
include: "workflow/rules/notebooks.smk"  #     a tour, and how the numbers came to be
include: "workflow/rules/paper.smk"  #         manuscript with live numbers, items of guidelines
include: "workflow/rules/audit.smk"  #         every number of every document held against the ARD
include: "workflow/rules/site.smk"  #          the report that people click through


rule all:
    default_target: True
    input:
        REPORTED,
