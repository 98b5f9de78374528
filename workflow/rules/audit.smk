"""Every number of every document, held against the ARD: a run with a number that is no row of it fails.

In: what the documents say that they show (`*_numbers.tsv`), the documents, ARD. Out: `paper/numbers.tsv`.
"""

TEXTS = [
    file
    for file in REPORTED
    if file.endswith((".html", ".docx"))
    and "/tables/" in file
    and "/coverage/" not in file
]
TEXTS += [f"{RESULTS}/paper/manuscript.typ"]
TEXTS += [
    file.replace(".png", ".svg")
    for file in REPORTED
    if Path(file).name.startswith("flow_")
]
# Figures have numbers on their axes, too, which are no results: of these only what they say they show is held.
WITH_NUMBERS = ["forest", "components", "ramp", "power", "multiverse", *TRIAL.outcomes]
WITH_NUMBERS += ["attrition", "vibstim", "vibstim_example", "truth_comparison"]
OF_FIGURES = [
    file.replace(".png", "_numbers.tsv")
    for file in REPORTED
    if "/figures/" in file and Path(file).stem in WITH_NUMBERS
]
REPORTED.append(f"{RESULTS}/paper/numbers.tsv")


rule audit_numbers:
    input:
        plan=STAGED_PLAN,
        ard=f"{RESULTS}/statistics/ard.tsv",
        documents=TEXTS,
        numbers=[
            *(f"{os.path.splitext(file)[0]}_numbers.tsv" for file in TEXTS),
            *OF_FIGURES,
            f"{RESULTS}/tables/site_numbers.tsv",
        ],
    output:
        numbers=f"{RESULTS}/paper/numbers.tsv",
    log:
        f"{RESULTS}/logs/audit_numbers.log",
    benchmark:
        f"{RESULTS}/benchmarks/audit_numbers.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    params:
        code=code("audit_numbers"),
        results=subpath(output.numbers, ancestor=2),
    message:
        "Holding every number of the documents against the ARD"
    script:
        "../scripts/audit_numbers.py"
