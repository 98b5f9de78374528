"""The manuscript, with numbers from plan, configuration and ARD; which items of guidelines are answered where.

In: staged plan, stage, ARD, figures. Out: `paper/`, `tables/coverage/`.
"""

# Those of the manuscript that this trial has.
_WANTED = [*TRIAL.outcomes, "flow_participants", "flow_motor_units", "ramp", "forest"]
_WANTED += ["multiverse", "components"]
_DRAWN = {Path(file).stem for file in REPORTED if Path(file).parent.name == "figures"}
PAPER_FIGURES = [f"{RESULTS}/figures/{name}.pdf" for name in _WANTED if name in _DRAWN]
REPORTED.append(f"{RESULTS}/paper/manuscript.pdf")
COVERED = [
    f"{RESULTS}/tables/coverage/coverage_{name}" for name in ("sap", "consort", "emg")
]
# What items of guidelines may be answered by, beside what readers are shown.
WRITTEN = [
    *REPORTED,
    f"{RESULTS}/site/index.html",
    *expand(
        f"{RESULTS}/analysis/{{table}}.tsv",
        table=["recorded_events", "populations", "exclusions", "periods", "attrition"],
    ),
    f"{RESULTS}/recordings/delivery.tsv",
    f"{RESULTS}/plan/stage.json",
    *expand(
        f"{RESULTS}/motor_units/{{table}}.tsv",
        table=["units", "pairs"] if RAMPS else [],
    ),
]
REPORTED += expand("{table}.html", table=COVERED)


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
        code=code("write_manuscript"),
        config=config,
    message:
        "Writing the manuscript"
    script:
        "../scripts/write_manuscript.py"


rule write_plan_coverage:
    input:
        plan=STAGED_PLAN,
        guidelines=sorted(
            os.path.relpath(path)
            for path in Path(workflow.basedir, "workflow/report/coverage").iterdir()
        ),
    output:
        expand("{table}{kind}", table=COVERED, kind=BESIDE_HTML),
        html=report(
            expand("{table}.html", table=COVERED),
            caption="../report/coverage.rst",
            category="Guidelines",
        ),
    log:
        f"{RESULTS}/logs/write_plan_coverage.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_plan_coverage.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("write_plan_coverage"),
        config=config,
        files=[str(Path(file).relative_to(RESULTS)) for file in WRITTEN],
    message:
        "Writing where items of guidelines are answered"
    script:
        "../scripts/write_plan_coverage.py"
