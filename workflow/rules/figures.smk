"""Figures of a trial beyond its outcomes: a decomposed ramp, forest, variance components, VibStim, power.

In: staged plan, ARD, and for the examples the plan's first recording. Out: `figures/`, each with its caption and the
sources of its numbers. A figure that does not fit the plan is not built.
"""

PRIMARY = [a for a in TRIAL.analyses.values() if a.role == "primary"]


if PRIMARY:
    REPORTED.append(f"{RESULTS}/figures/forest.png")

    rule draw_forest:
        input:
            plan=STAGED_PLAN,
            ard=f"{RESULTS}/statistics/ard.tsv",
        output:
            png=report(
                f"{RESULTS}/figures/forest.png",
                caption="../report/figure.rst",
                category="Results",
            ),
            pdf=f"{RESULTS}/figures/forest.pdf",
            svg=f"{RESULTS}/figures/forest.svg",
            caption=f"{RESULTS}/figures/forest.rst",
            numbers=f"{RESULTS}/figures/forest_numbers.tsv",
        log:
            f"{RESULTS}/logs/draw_forest.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_forest.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=code("draw_forest"),
        message:
            "Drawing the contrasts in every analysis"
        script:
            "../scripts/draw_forest.py"


if MODELS:
    REPORTED.append(f"{RESULTS}/figures/components.png")

    rule draw_components:
        input:
            plan=STAGED_PLAN,
            ard=f"{RESULTS}/statistics/ard.tsv",
        output:
            png=report(
                f"{RESULTS}/figures/components.png",
                caption="../report/figure.rst",
                category="Results",
            ),
            pdf=f"{RESULTS}/figures/components.pdf",
            svg=f"{RESULTS}/figures/components.svg",
            caption=f"{RESULTS}/figures/components.rst",
            numbers=f"{RESULTS}/figures/components_numbers.tsv",
        log:
            f"{RESULTS}/logs/draw_components.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_components.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=code("draw_components"),
        message:
            "Drawing the variance components"
        script:
            "../scripts/draw_components.py"


if RAMPS:
    REPORTED.append(f"{RESULTS}/figures/ramp.png")

    rule draw_ramp:
        input:
            plan=STAGED_PLAN,
            torque=of_first(f"{CHECKED}_desc-conditioned_torque.npz", RAMPS),
            events=of_first(f"{DECOMPOSED}_desc-tracked_events.tsv", RAMPS),
            pairs=f"{RESULTS}/motor_units/pairs.tsv",
        output:
            png=report(
                f"{RESULTS}/figures/ramp.png",
                caption="../report/figure.rst",
                category="Examples",
            ),
            pdf=f"{RESULTS}/figures/ramp.pdf",
            svg=f"{RESULTS}/figures/ramp.svg",
            caption=f"{RESULTS}/figures/ramp.rst",
            numbers=f"{RESULTS}/figures/ramp_numbers.tsv",
        log:
            f"{RESULTS}/logs/draw_ramp.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_ramp.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=code("draw_ramp"),
            motor_units=config.get("motor_units", {}),
        message:
            "Drawing a decomposed contraction"
        script:
            "../scripts/draw_ramp.py"


if VIBSTIM:
    REPORTED.append(f"{RESULTS}/figures/vibstim_example.png")

    rule draw_vibstim_example:
        input:
            plan=STAGED_PLAN,
            signals=of_first(f"{RESPONSE}/ses-{{session}}_signals.npz", VIBSTIMS),
            outcomes=of_first(f"{RESPONSE}/outcomes.tsv", VIBSTIMS),
        output:
            png=report(
                f"{RESULTS}/figures/vibstim_example.png",
                caption="../report/figure.rst",
                category="Examples",
            ),
            pdf=f"{RESULTS}/figures/vibstim_example.pdf",
            svg=f"{RESULTS}/figures/vibstim_example.svg",
            caption=f"{RESULTS}/figures/vibstim_example.rst",
            numbers=f"{RESULTS}/figures/vibstim_example_numbers.tsv",
        log:
            f"{RESULTS}/logs/draw_vibstim_example.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_vibstim_example.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=code("draw_vibstim_example"),
        message:
            "Drawing a VibStim recording"
        script:
            "../scripts/draw_vibstim_example.py"


if TRIAL.design == "crossover" and {a.method for a in PRIMARY} == {"mixed_model"}:
    REPORTED.append(f"{RESULTS}/figures/power.png")

    rule draw_power:
        input:
            plan=STAGED_PLAN,
            outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        output:
            table=f"{RESULTS}/statistics/power.tsv",
            png=report(
                f"{RESULTS}/figures/power.png",
                caption="../report/figure.rst",
                category="Planning",
            ),
            pdf=f"{RESULTS}/figures/power.pdf",
            svg=f"{RESULTS}/figures/power.svg",
            caption=f"{RESULTS}/figures/power.rst",
            numbers=f"{RESULTS}/figures/power_numbers.tsv",
        log:
            f"{RESULTS}/logs/draw_power.log",
        benchmark:
            f"{RESULTS}/benchmarks/draw_power.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=JOINT_MINUTES,
        params:
            code=code("draw_power"),
            seed=config["seed"],
        message:
            "Estimating the power of a next trial"
        script:
            "../scripts/draw_power.py"
