"""Tables for readers: of every outcome, of the whole trial, and the Statistical Summary Document.

In: trial plan, ARD. Out: `tables/`, each as HTML, Word, LaTeX and CSV with the rows of the ARD behind its numbers.
"""

from pictrial.reporting.report_tables import table_names

BESIDE_HTML = [".docx", ".tex", ".csv", "_numbers.tsv"]
REPORT_TABLES = [f"{RESULTS}/tables/trial/{name}" for name in table_names(TRIAL)]

REPORTED += expand(f"{RESULTS}/tables/{{outcome}}.html", outcome=TRIAL.outcomes)
REPORTED += expand("{table}.html", table=REPORT_TABLES)
if TRIAL.analyses:
    REPORTED.append(f"{RESULTS}/tables/statistical_summary.docx")


rule write_result_table:
    input:
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
    output:
        multiext(f"{RESULTS}/tables/{{outcome}}", *BESIDE_HTML),
        caption=f"{RESULTS}/tables/{{outcome}}.rst",
        html=report(
            f"{RESULTS}/tables/{{outcome}}.html",
            caption="../report/table.rst",
            category="Results",
        ),
    log:
        f"{RESULTS}/logs/write_result_table/{{outcome}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_result_table/{{outcome}}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("write_result_table"),
    message:
        "Writing the table of {wildcards.outcome}"
    script:
        "../scripts/write_result_table.py"


rule write_report_tables:
    input:
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
    output:
        expand("{table}{kind}", table=REPORT_TABLES, kind=BESIDE_HTML),
        html=report(
            expand("{table}.html", table=REPORT_TABLES),
            caption="../report/trial_tables.rst",
            category="Results",
        ),
    log:
        f"{RESULTS}/logs/write_report_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_report_tables.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("write_report_tables"),
    message:
        "Writing the tables of the trial"
    script:
        "../scripts/write_report_tables.py"


rule write_statistical_summary:
    input:
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
    output:
        multiext(f"{RESULTS}/tables/statistical_summary", ".xlsx", "_numbers.tsv"),
        docx=f"{RESULTS}/tables/statistical_summary.docx",
    log:
        f"{RESULTS}/logs/write_statistical_summary.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_statistical_summary.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("write_statistical_summary"),
    message:
        "Writing the Statistical Summary Document"
    script:
        "../scripts/write_statistical_summary.py"
