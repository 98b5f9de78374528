"""The manuscript: methods from plan and configuration, results from the ARD.

In: staged plan, stage, ARD, figures. Out: `paper/`.
"""

# Those of the manuscript that this trial has.
_WANTED = [*TRIAL.outcomes, "flow_participants", "flow_motor_units", "ramp", "forest"]
_WANTED += ["multiverse", "components"]
_DRAWN = {Path(file).stem for file in REPORTED if Path(file).parent.name == "figures"}
PAPER_FIGURES = [f"{RESULTS}/figures/{name}.pdf" for name in _WANTED if name in _DRAWN]
REPORTED.append(f"{RESULTS}/paper/manuscript.pdf")


rule write_manuscript:
    input:
        plan=STAGED_PLAN,
        stage=f"{RESULTS}/plan/stage.json",
        ard=f"{RESULTS}/statistics/ard.tsv",
        figures=PAPER_FIGURES,
        templates=sorted(
            os.path.relpath(path)
            for path in Path(workflow.basedir, "workflow/report/manuscript").iterdir()
        ),
        code=code(
            "reporting/manuscript*",
            "reporting/live_text",
            "reporting/effective_settings",
            "reporting/planned",
            "reporting/numbers",
            "reporting/shown",
        ),
    output:
        pdf=f"{RESULTS}/paper/manuscript.pdf",
        source=f"{RESULTS}/paper/manuscript.typ",
        style=f"{RESULTS}/paper/style.typ",
        numbers=f"{RESULTS}/paper/manuscript_numbers.tsv",
    log:
        f"{RESULTS}/logs/write_manuscript.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_manuscript.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        config=config,
    message:
        "Writing the manuscript"
    script:
        "../scripts/write_manuscript.py"
