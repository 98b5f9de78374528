"""What the motor units did: recruitment, discharge rates, and ΔF of every ordered pair.

In: tracked discharges, torque in % MVC. Out: `motor_units/units.tsv` and `pairs.tsv` (the ledger).
"""


rule estimate_delta_f:
    input:
        events=of_participant(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        quality=of_participant(f"{DECOMPOSED}_desc-tracked_units.tsv"),
        torque=of_participant(f"{CHECKED}_desc-conditioned_torque.npz"),
        code=code("motor_units/*"),
    output:
        units=f"{MEASURED}/units.tsv",
        pairs=f"{MEASURED}/pairs.tsv",
    log:
        f"{RESULTS}/logs/estimate_delta_f/sub-{{participant}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/estimate_delta_f/sub-{{participant}}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        sessions=lambda wildcards: SESSIONS[wildcards.participant],
        motor_units=config.get("motor_units", {}),
    message:
        "Estimating ΔF of participant {wildcards.participant}"
    script:
        "../scripts/estimate_delta_f.py"


rule merge_motor_units:
    input:
        units=expand(f"{MEASURED}/units.tsv", participant=PARTICIPANTS),
        pairs=expand(f"{MEASURED}/pairs.tsv", participant=PARTICIPANTS),
    output:
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
    log:
        f"{RESULTS}/logs/merge_motor_units.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_motor_units.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=2,
    message:
        "Joining the motor units of all participants"
    script:
        "../scripts/merge_motor_units.py"
