"""The plan as the trial's stage may see it: as it is, or with conditions renamed or dealt anew.

In: trial plan, log of stages, key. Out: `plan/`. All that comes after the analysis tables takes its plan from here,
and knows nothing of masking. Without the section `masking` in the configuration the plan is a copy.
"""

from pictrial.trial.stages import current_stage, lock_file, read_log, staged_plan

MASKING = config.get("masking")
STAGED_PLAN = f"{RESULTS}/plan/trial.yaml"
STAGE = f"{RESULTS}/plan/stage.json"
try:
    TRUTH_IS_OPEN = current_stage(MASKING).truth_is_open
    # Names of analyses and outcomes may tell conditions, so the files that are called after them are masked, too.
    TRIAL = staged_plan(PLAN, MASKING, config["seed"])
except InputError as error:
    raise WorkflowError(str(error)) from None
# What decides the stage, for the rules that relabel the data set's own conditions.
STAGE_FILES = [MASKING["log"], MASKING["key"]] if MASKING else []
# What was locked under masking is looked at again in every run after it, but for the recordings.
CONFIGURATION = str((workflow.overwrite_configfiles or ["config/config.yaml"])[0])
LOCKED = []
if MASKING and TRUTH_IS_OPEN:
    lock = str(lock_file(MASKING["log"], read_log(MASKING["log"])))
    package = Path(workflow.basedir, "workflow", "pictrial")
    LOCKED = [lock, CONFIGURATION, *sorted(map(os.path.relpath, package.rglob("*.py")))]


# Files of one rule look like those of another (figures/forest.png). Where a job is run by itself, as on a cluster,
# Snakemake knows the rules of its group only.
wildcard_constraints:
    outcome="|".join(TRIAL.outcomes),
    analysis="|".join(TRIAL.analyses),


rule stage_plan:
    input:
        plan=PLAN,
        stage=STAGE_FILES,
        locked=LOCKED,
    output:
        plan=STAGED_PLAN,
        stage=STAGE,
        caption=f"{RESULTS}/plan/stage.rst",
    log:
        f"{RESULTS}/logs/stage_plan.log",
    benchmark:
        f"{RESULTS}/benchmarks/stage_plan.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("stage_plan"),
        masking=MASKING,
        seed=config["seed"],
        configuration=CONFIGURATION,
    message:
        "Writing the plan as the stage of masking may see it"
    script:
        "../scripts/stage_plan.py"
