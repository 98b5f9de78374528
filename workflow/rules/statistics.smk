"""Every number of the results, once: the Analysis Results Data (ARD).

In: trial plan, analysis tables. Out: `statistics/analyses/`, one table and record per analysis, and `statistics/ard.tsv`.
"""

ANALYSES = f"{RESULTS}/statistics/analyses"


rule run_analysis:
    input:
        plan=STAGED_PLAN,
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
    output:
        results=f"{ANALYSES}/{{analysis}}.tsv",
        record=f"{ANALYSES}/{{analysis}}.json",
    log:
        f"{RESULTS}/logs/run_analysis/{{analysis}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/run_analysis/{{analysis}}.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=30 + 5 * JOINT_MINUTES,
    params:
        code=code("run_analysis"),
        seed=config["seed"],
    message:
        "Running the analysis {wildcards.analysis}"
    script:
        "../scripts/run_analysis.py"


rule join_results:
    input:
        plan=STAGED_PLAN,
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        participants=f"{RESULTS}/analysis/participants.tsv",
        populations=f"{RESULTS}/analysis/populations.tsv",
        recorded_events=f"{RESULTS}/analysis/recorded_events.tsv",
        delivery=f"{RESULTS}/recordings/delivery.tsv",
        attrition=f"{RESULTS}/analysis/attrition.tsv",
        analyses=expand(f"{ANALYSES}/{{name}}.tsv", name=TRIAL.analyses),
        multiverse=f"{RESULTS}/statistics/multiverse_summary.tsv",
        losses=f"{RESULTS}/statistics/differential_loss.tsv",
    output:
        ard=f"{RESULTS}/statistics/ard.tsv",
    log:
        f"{RESULTS}/logs/join_results.log",
    benchmark:
        f"{RESULTS}/benchmarks/join_results.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("join_results"),
        adverse_events=any("adverse_events" in path for path in RECORDED),
    message:
        "Describing the trial and its outcomes and joining the results of all analyses"
    script:
        "../scripts/join_results.py"


rule cross_check_models:
    input:
        plan=STAGED_PLAN,
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
    output:
        table=f"{RESULTS}/statistics/cross_checks.tsv",
    log:
        f"{RESULTS}/logs/cross_check_models.log",
    benchmark:
        f"{RESULTS}/benchmarks/cross_check_models.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("cross_check_models"),
    message:
        "Fitting every mixed model once more by statsmodels"
    script:
        "../scripts/cross_check_models.py"


rule test_differential_loss:
    input:
        plan=STAGED_PLAN,
        attrition=f"{RESULTS}/analysis/attrition.tsv",
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
    output:
        losses=f"{RESULTS}/statistics/differential_loss.tsv",
    log:
        f"{RESULTS}/logs/test_differential_loss.log",
    benchmark:
        f"{RESULTS}/benchmarks/test_differential_loss.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("test_differential_loss"),
        seed=config["seed"],
    message:
        "Testing whether conditions lose unequal shares"
    script:
        "../scripts/test_differential_loss.py"


rule compare_rules:
    input:
        plan=STAGED_PLAN,
        delivery=f"{RESULTS}/recordings/delivery.tsv",
        rules=f"{RESULTS}/motor_units/rules.tsv",
        multiverse=f"{RESULTS}/motor_units/multiverse.tsv",
    output:
        multiverse=f"{RESULTS}/statistics/multiverse.tsv",
        summary=f"{RESULTS}/statistics/multiverse_summary.tsv",
    log:
        f"{RESULTS}/logs/compare_rules.log",
    benchmark:
        f"{RESULTS}/benchmarks/compare_rules.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("compare_rules"),
    message:
        "Comparing the conditions by every rule of ΔF"
    script:
        "../scripts/compare_rules.py"
