"""Where measures meet the plan: who is analysed in which condition, and why not.

In: trial plan, delivery, recorded events, motor units and pairs, VibStim, clinical scores. Out: `analysis/`. Conditions are known from here on.
"""


rule build_analysis_tables:
    input:
        plan=STAGED_PLAN,
        true_plan=PLAN,  # to take its words out of recorded events
        stage=STAGE_FILES,
        participants=f"{BIDS}/participants.tsv",
        delivery=f"{RESULTS}/recordings/delivery.tsv",
        recorded=RECORDED,
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
        unit_delta_f=f"{RESULTS}/motor_units/unit_delta_f.tsv",
        vibstim=[f"{RESULTS}/vibstim/outcomes.tsv"] if VIBSTIM else [],
        scores=expand(
            f"{BIDS}/phenotype/{{table}}.{{ext}}",
            table=TRIAL.score_tables,
            ext=["tsv", "json"],
        ),
        quality_channels=of_everyone(f"{CHECKED}_desc-quality_channels.tsv"),
        quality_units=of_everyone(f"{DECOMPOSED}_desc-{FOUND}_units.tsv"),
    output:
        participants=f"{RESULTS}/analysis/participants.tsv",
        periods=f"{RESULTS}/analysis/periods.tsv",
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        populations=f"{RESULTS}/analysis/populations.tsv",
        recorded_events=f"{RESULTS}/analysis/recorded_events.tsv",
        exclusions=f"{RESULTS}/analysis/exclusions.tsv",
    log:
        f"{RESULTS}/logs/build_analysis_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_analysis_tables.tsv"
    threads: 1
    resources:
        mem_mb=JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("build_analysis_tables"),
        masking=MASKING,
        seed=config["seed"],
    message:
        "Building the analysis tables"
    script:
        "../scripts/build_analysis_tables.py"


rule count_attrition:
    input:
        plan=STAGED_PLAN,
        delivery=f"{RESULTS}/recordings/delivery.tsv",
        candidates=of_everyone(f"{DECOMPOSED}_desc-{FOUND}_units.tsv"),
        before=of_everyone(f"{DECOMPOSED}_desc-{FOUND}_events.tsv"),
        tracked=of_everyone(f"{DECOMPOSED}_desc-tracked_units.tsv"),
        after=of_everyone(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
    output:
        attrition=f"{RESULTS}/analysis/attrition.tsv",
    log:
        f"{RESULTS}/logs/count_attrition.log",
    benchmark:
        f"{RESULTS}/benchmarks/count_attrition.tsv"
    threads: 1
    resources:
        mem_mb=JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("count_attrition"),
        decomposition=config.get("decomposition", {}),
    message:
        "Counting what every stage took in, lost and kept"
    script:
        "../scripts/count_attrition.py"
