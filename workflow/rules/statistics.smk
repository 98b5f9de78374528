"""Every number of the results, once: the Analysis Results Data (ARD).

In: trial plan, analysis tables. Out: `statistics/ard.tsv`, `statistics/models/`.
"""

MIXED_MODELS = [
    name
    for name, analysis in TRIAL.analyses.items()
    if analysis.method == "mixed_model"
]


rule analyse_outcomes:
    input:
        plan=PLAN,
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        code=code("statistics/*"),
    output:
        ard=f"{RESULTS}/statistics/ard.tsv",
        models=expand(f"{RESULTS}/statistics/models/{{name}}.json", name=MIXED_MODELS),
    log:
        f"{RESULTS}/logs/analyse_outcomes.log",
    benchmark:
        f"{RESULTS}/benchmarks/analyse_outcomes.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    message:
        "Comparing the conditions: mixed model and participants' means"
    script:
        "../scripts/analyse_outcomes.py"


rule test_differential_loss:
    input:
        plan=PLAN,
        attrition=f"{RESULTS}/analysis/attrition.tsv",
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        code=code("statistics/differential_loss", "trial/attrition"),
    output:
        losses=f"{RESULTS}/statistics/differential_loss.tsv",
    log:
        f"{RESULTS}/logs/test_differential_loss.log",
    benchmark:
        f"{RESULTS}/benchmarks/test_differential_loss.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=2,
    params:
        seed=config["seed"],
    message:
        "Testing whether conditions lose unequal shares"
    script:
        "../scripts/test_differential_loss.py"


rule compare_rules:
    input:
        plan=PLAN,
        rules=f"{RESULTS}/motor_units/rules.tsv",
        multiverse=f"{RESULTS}/motor_units/multiverse.tsv",
        code=code(
            "statistics/multiverse",
            "statistics/paired",
            "statistics/analysis_results",
            "motor_units/aggregation",
            "motor_units/sensitivity",
        ),
    output:
        multiverse=f"{RESULTS}/statistics/multiverse.tsv",
        summary=f"{RESULTS}/statistics/multiverse_summary.tsv",
    log:
        f"{RESULTS}/logs/compare_rules.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_rules.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    message:
        "Comparing the conditions by every rule of ΔF"
    script:
        "../scripts/compare_rules.py"
