"""The report that people click through, from any number to the recording behind it.

In: plan, ARD, records of the models, analysis tables, motor units, discharges, figures. Out: `site/`, and
`recordings/recordings.tsv`, the hash of every recording. Conditions come from the staged plan and the tables only.
"""

# Every figure that this trial has.
SITE_FIGURES = [
    f"{RESULTS}/figures/{Path(file).stem}"
    for file in REPORTED
    if Path(file).parent.name == "figures"
]
REPORTED.append(f"{RESULTS}/site")


rule list_recordings:
    input:
        recordings=of_everyone(RAMP)
        + of_everyone(*MVC, sessions=SESSIONS)
        + of_everyone(*VIBSTIM, sessions=VIBSTIMS),
    output:
        files=f"{RESULTS}/recordings/recordings.tsv",
    log:
        f"{RESULTS}/logs/list_recordings.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_recordings.tsv"
    threads: 1
    resources:
        mem_mb=JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("list_recordings"),
    message:
        "Hashing every recording"
    script:
        "../scripts/list_recordings.py"


rule write_site:
    input:
        plan=STAGED_PLAN,
        stage=f"{RESULTS}/plan/stage.json",
        ard=f"{RESULTS}/statistics/ard.tsv",
        records=expand(f"{ANALYSES}/{{name}}.json", name=TRIAL.analyses),
        outcomes=f"{RESULTS}/analysis/outcomes.tsv",
        exclusions=f"{RESULTS}/analysis/exclusions.tsv",
        units=f"{RESULTS}/motor_units/units.tsv",
        unit_delta_f=f"{RESULTS}/motor_units/unit_delta_f.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
        vibstim_outcomes=f"{RESULTS}/vibstim/outcomes.tsv" if VIBSTIM else [],
        recordings=rules.list_recordings.output.files,
        events=of_everyone(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        quality=of_everyone(f"{RESULTS}/quality/{SESSION}/{NAME}_quality.html"),
        vibstim=(
            of_everyone(f"{RESPONSE}/ses-{{session}}_vibstim.svg", sessions=VIBSTIMS)
            if VIBSTIM
            else []
        ),
        figures=expand("{figure}.svg", figure=SITE_FIGURES),
        captions=expand("{figure}.rst", figure=SITE_FIGURES),
        templates=sorted(
            os.path.relpath(path)
            for path in Path(workflow.basedir, "workflow/report/site").iterdir()
        ),
    output:
        site=directory(f"{RESULTS}/site"),
        numbers=f"{RESULTS}/tables/site_numbers.tsv",
    log:
        f"{RESULTS}/logs/write_site.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_site.tsv"
    threads: 1
    resources:
        mem_mb=500 + JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("write_site"),
        config=config,
    message:
        "Writing the report that people click through"
    script:
        "../scripts/write_site.py"
