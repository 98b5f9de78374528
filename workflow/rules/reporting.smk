"""What a reader sees; every number is read from the ARD.

In: ARD, analysis tables. Out: `figures/`, `tables/`; `make` adds Snakemake's HTML report.
"""

REPORTED = expand(f"{RESULTS}/figures/{{outcome}}.png", outcome=TRIAL.outcomes)
MODELS = [name for name, a in TRIAL.analyses.items() if a.method == "mixed_model"]
REPORTED += expand(f"{RESULTS}/diagnostics/{{analysis}}.png", analysis=MODELS)
REPORTED += [f"{RESULTS}/statistics/cross_checks.tsv"] if MODELS else []
if RAMPS:
    REPORTED.append(f"{RESULTS}/figures/attrition.png")
    REPORTED.append(f"{RESULTS}/figures/multiverse.png")
if VIBSTIM:
    REPORTED.append(f"{RESULTS}/figures/vibstim.png")
    REPORTED += of_everyone(
        f"{RESPONSE}/ses-{{session}}_vibstim.svg", sessions=VIBSTIMS
    )
REPORTED += of_everyone(f"{RESULTS}/quality/{SESSION}/{NAME}_quality.html")


rule draw_figure:
    input:
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
    output:
        png=report(
            f"{RESULTS}/figures/{{outcome}}.png",
            caption="../report/figure.rst",
            category="Results",
        ),
        pdf=f"{RESULTS}/figures/{{outcome}}.pdf",
        svg=f"{RESULTS}/figures/{{outcome}}.svg",
        caption=f"{RESULTS}/figures/{{outcome}}.rst",
        numbers=f"{RESULTS}/figures/{{outcome}}_numbers.tsv",
    log:
        f"{RESULTS}/logs/draw_figure/{{outcome}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_figure/{{outcome}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("draw_figure"),
    message:
        "Drawing the figure of {wildcards.outcome}"
    script:
        "../scripts/draw_figure.py"


rule draw_diagnostics:
    input:
        plan=STAGED_PLAN,
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
    output:
        png=report(
            f"{RESULTS}/diagnostics/{{analysis}}.png",
            caption="../report/figure.rst",
            category="Diagnostics",
        ),
        pdf=f"{RESULTS}/diagnostics/{{analysis}}.pdf",
        svg=f"{RESULTS}/diagnostics/{{analysis}}.svg",
        caption=f"{RESULTS}/diagnostics/{{analysis}}.rst",
    log:
        f"{RESULTS}/logs/draw_diagnostics/{{analysis}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_diagnostics/{{analysis}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=JOINT_MINUTES,
    params:
        code=code("draw_diagnostics"),
    message:
        "Drawing the diagnostics of {wildcards.analysis}"
    script:
        "../scripts/draw_diagnostics.py"


rule draw_attrition:
    input:
        plan=STAGED_PLAN,
        attrition=f"{RESULTS}/analysis/attrition.tsv",
        losses=f"{RESULTS}/statistics/differential_loss.tsv",
    output:
        png=report(
            f"{RESULTS}/figures/attrition.png",
            caption="../report/figure.rst",
            category="Attrition",
        ),
        pdf=f"{RESULTS}/figures/attrition.pdf",
        svg=f"{RESULTS}/figures/attrition.svg",
        caption=f"{RESULTS}/figures/attrition.rst",
        numbers=f"{RESULTS}/figures/attrition_numbers.tsv",
    log:
        f"{RESULTS}/logs/draw_attrition.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_attrition.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("draw_attrition"),
    message:
        "Drawing what every stage kept and lost"
    script:
        "../scripts/draw_attrition.py"


rule draw_multiverse:
    input:
        plan=STAGED_PLAN,
        rules=f"{RESULTS}/motor_units/rules.tsv",
        contrasts=f"{RESULTS}/statistics/multiverse.tsv",
        summary=f"{RESULTS}/statistics/multiverse_summary.tsv",
    output:
        png=report(
            f"{RESULTS}/figures/multiverse.png",
            caption="../report/figure.rst",
            category="Sensitivity",
        ),
        pdf=f"{RESULTS}/figures/multiverse.pdf",
        svg=f"{RESULTS}/figures/multiverse.svg",
        caption=f"{RESULTS}/figures/multiverse.rst",
        numbers=f"{RESULTS}/figures/multiverse_numbers.tsv",
    log:
        f"{RESULTS}/logs/draw_multiverse.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_multiverse.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("draw_multiverse"),
    message:
        "Drawing the contrasts by every rule of ΔF"
    script:
        "../scripts/draw_multiverse.py"


rule write_quality_page:
    input:
        recording=RAMP,
        channels=f"{CHECKED}_desc-quality_channels.tsv",
        torque=f"{CHECKED}_desc-conditioned_torque.npz",
        tracked=multiext(f"{DECOMPOSED}_desc-tracked", "_units.tsv", "_filters.npz"),
        own=multiext(f"{DECOMPOSED}_desc-{FOUND}", "_units.tsv", "_filters.npz"),
        corrections=f"{DECOMPOSED}_desc-decomposed_corrections.tsv",
        edits=f"{DECOMPOSED}_desc-edited_log.tsv" if FOUND == "edited" else [],
        measures=f"{MEASURED}/units.tsv",
    output:
        html=report(
            f"{RESULTS}/quality/{SESSION}/{NAME}_quality.html",
            caption="../report/quality.rst",
            category="Quality of recordings",
            labels={"participant": "{participant}", "session": "{session}"},
        ),
    log:
        f"{RESULTS}/logs/write_quality_page/sub-{{participant}}_ses-{{session}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_quality_page/sub-{{participant}}_ses-{{session}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=2,
    params:
        code=code("write_quality_page"),
        found=FOUND,
        conditioning=config.get("conditioning", {}),
        decomposition=config.get("decomposition", {}),
        tracking=config.get("tracking", {}),
        motor_units=config.get("motor_units", {}),
    message:
        "Writing the quality page of participant {wildcards.participant}, session {wildcards.session}"
    script:
        "../scripts/write_quality_page.py"


if RAMPS and SOURCE == "simulate" and TRUTH_IS_OPEN:
    REPORTED.append(f"{RESULTS}/figures/truth_comparison.png")

    rule compare_with_truth:
        input:
            plan=STAGED_PLAN,
            events=of_everyone(f"{DECOMPOSED}_desc-tracked_events.tsv"),
            pairs=f"{RESULTS}/motor_units/pairs.tsv",
            ard=f"{RESULTS}/statistics/ard.tsv",
            true_events=of_everyone(TRUE_EVENTS),
            true_pairs=expand(f"{TRUTH}/sub-{{p}}/true_pairs.tsv", p=RAMPS),
            effects=f"{TRUTH}/true_effects.tsv",
        output:
            units=f"{RESULTS}/tables/truth_units.tsv",
            pairs=f"{RESULTS}/tables/truth_pairs.tsv",
            contrasts=f"{RESULTS}/tables/truth_contrasts.tsv",
            summary=f"{RESULTS}/tables/truth_comparison.tsv",
            png=report(
                f"{RESULTS}/figures/truth_comparison.png",
                caption="../report/truth.rst",
                category="Estimate against truth",
            ),
            pdf=f"{RESULTS}/figures/truth_comparison.pdf",
            svg=f"{RESULTS}/figures/truth_comparison.svg",
            caption=f"{RESULTS}/figures/truth_comparison.rst",
            numbers=f"{RESULTS}/figures/truth_comparison_numbers.tsv",
        log:
            f"{RESULTS}/logs/compare_with_truth.log",
        benchmark:
            f"{RESULTS}/benchmarks/compare_with_truth.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=code("compare_with_truth"),
        message:
            "Comparing estimates with the truth"
        script:
            "../scripts/compare_with_truth.py"


if VIBSTIM:

    rule draw_vibstim_outcomes:
        input:
            plan=STAGED_PLAN,
            delivery=f"{RESULTS}/recordings/delivery.tsv",
            outcomes=f"{RESULTS}/vibstim/outcomes.tsv",
        output:
            png=report(
                f"{RESULTS}/figures/vibstim.png",
                caption="../report/vibstim.rst",
                category="Results",
            ),
            pdf=f"{RESULTS}/figures/vibstim.pdf",
            svg=f"{RESULTS}/figures/vibstim.svg",
            caption=f"{RESULTS}/figures/vibstim.rst",
            numbers=f"{RESULTS}/figures/vibstim_numbers.tsv",
        log:
            f"{RESULTS}/logs/draw_vibstim_outcomes.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_vibstim_outcomes.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=code("draw_vibstim_outcomes"),
        message:
            "Drawing the VibStim outcomes"
        script:
            "../scripts/draw_vibstim_outcomes.py"


if VIBSTIM and SOURCE == "simulate" and TRUTH_IS_OPEN:
    REPORTED.append(f"{RESULTS}/tables/truth_vibstim.tsv")

    rule compare_vibstim_with_truth:
        input:
            outcomes=f"{RESULTS}/vibstim/outcomes.tsv",
            true=expand(f"{TRUTH}/sub-{{p}}/true_vibstim.tsv", p=VIBSTIMS),
        output:
            table=f"{RESULTS}/tables/truth_vibstim.tsv",
        log:
            f"{RESULTS}/logs/compare_vibstim_with_truth.log",
        benchmark:
            f"{RESULTS}/benchmarks/compare_vibstim_with_truth.tsv"
        threads: 1
        resources:
            mem_mb=500,
            runtime=2,
        params:
            code=code("compare_vibstim_with_truth"),
        message:
            "Comparing VibStim estimates with the truth"
        script:
            "../scripts/compare_vibstim_with_truth.py"
