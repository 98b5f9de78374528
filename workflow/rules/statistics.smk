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
