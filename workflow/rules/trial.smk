"""Where measures meet the plan: who is analysed in which condition, and why not.

In: trial plan, delivery, motor units and pairs, VibStim, clinical scores. Out: `analysis/`. Conditions are known from here on.
"""


rule build_analysis_tables:
    input:
        plan=PLAN,
        participants=f"{BIDS}/participants.tsv",
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
        code=code("trial/*"),
    output:
        participants=f"{RESULTS}/analysis/participants.tsv",
        periods=f"{RESULTS}/analysis/periods.tsv",
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        exclusions=f"{RESULTS}/analysis/exclusions.tsv",
    log:
        f"{RESULTS}/logs/build_analysis_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/build_analysis_tables.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    message:
        "Building the analysis tables"
    script:
        "../scripts/build_analysis_tables.py"


rule count_attrition:
    input:
        plan=PLAN,
        candidates=of_everyone(f"{DECOMPOSED}_desc-{FOUND}_units.tsv"),
        before=of_everyone(f"{DECOMPOSED}_desc-{FOUND}_events.tsv"),
        tracked=of_everyone(f"{DECOMPOSED}_desc-tracked_units.tsv"),
        after=of_everyone(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
        code=code(
            "trial/plan",
            "trial/attrition",
            "decomposition/agreement",
            *PAIRING,
        ),
    output:
        attrition=f"{RESULTS}/analysis/attrition.tsv",
    log:
        f"{RESULTS}/logs/count_attrition.log",
    benchmark:
        f"{RESULTS}/benchmarks/count_attrition.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        decomposition=config.get("decomposition", {}),
    message:
        "Counting what every stage took in, lost and kept"
    script:
        "../scripts/count_attrition.py"
