"""Notebooks, executed on the results of the run: they read results and make none.

In: notebook, staged plan, ARD, and what else each reads. Out: `notebooks/`, each executed, as a notebook and as a page.
"""

LEDGER = f"{RESULTS}/motor_units/pairs.tsv"
# What each reads beside plan and ARD, and which figures it shows, of those that the plan has.
NOTEBOOKS = {
    "tour": ([f"{RESULTS}/analysis/outcomes.tsv", LEDGER], ["forest", *TRIAL.outcomes]),
    "delta_f": (
        [LEDGER, f"{RESULTS}/motor_units/unit_delta_f.tsv"],
        ["ramp", "multiverse"],
    ),
    "model": ([], ["components", "forest"]),
}

if RAMPS:
    REPORTED += expand(f"{RESULTS}/notebooks/{{notebook}}.html", notebook=NOTEBOOKS)


rule execute_notebook:
    input:
        notebook=os.path.relpath(
            Path(workflow.basedir) / "notebooks" / "{notebook}.ipynb"
        ),
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
        tables=lambda wildcards: NOTEBOOKS[wildcards.notebook][0],
        figures=lambda wildcards: list(figures_of(wildcards).values()),
    output:
        notebook=f"{RESULTS}/notebooks/{{notebook}}.ipynb",
        page=report(
            f"{RESULTS}/notebooks/{{notebook}}.html",
            caption="../report/notebook.rst",
            category="Notebooks",
        ),
    log:
        f"{RESULTS}/logs/execute_notebook/{{notebook}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/execute_notebook/{{notebook}}.tsv"
    wildcard_constraints:
        notebook="|".join(NOTEBOOKS),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=lambda wildcards, input: code("execute_notebook", input.notebook),
        results=subpath(output.page, ancestor=2),
        figures=figures_of,
    message:
        "Executing the notebook {wildcards.notebook}"
    script:
        "../scripts/execute_notebook.py"
