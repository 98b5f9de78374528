"""Flow diagrams: participants by sequence and period (arm and visit), and recordings to the analysis by condition.

In: trial plan, ARD. Out: `figures/flow_*`, each with its caption and the rows of the ARD behind its counts.
"""

REPORTED += expand(
    f"{RESULTS}/figures/flow_{{what}}.png", what=["participants", "motor_units"]
)


# Its files look like those of an outcome, too.
ruleorder: draw_flow > draw_figure


rule draw_flow:
    input:
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
    output:
        png=report(
            f"{RESULTS}/figures/flow_{{what}}.png",
            caption="../report/figure.rst",
            category="Flow",
        ),
        pdf=f"{RESULTS}/figures/flow_{{what}}.pdf",
        svg=f"{RESULTS}/figures/flow_{{what}}.svg",
        caption=f"{RESULTS}/figures/flow_{{what}}.rst",
        numbers=f"{RESULTS}/figures/flow_{{what}}_numbers.tsv",
    log:
        f"{RESULTS}/logs/draw_flow/{{what}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_flow/{{what}}.tsv"
    wildcard_constraints:
        what="participants|motor_units",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("draw_flow"),
    message:
        "Drawing the flow of {wildcards.what}"
    script:
        "../scripts/draw_flow.py"
