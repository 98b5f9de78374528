"""Where measures meet the plan: who is analysed in which condition, and why not.

In: trial plan, delivery, motor units and pairs. Out: `analysis/`. Conditions are known from here on.
"""


rule build_analysis_tables:
    input:
        plan=PLAN,
        participants=f"{BIDS}/participants.tsv",
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
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
