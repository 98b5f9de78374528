"""What the motor units did: recruitment, discharge rates, and ΔF of every ordered pair.

In: tracked discharges, torque in % MVC, stimulation pulses.
Out: `motor_units/units.tsv`, `pairs.tsv` (the ledger) and `locking.tsv` (discharges locked to stimuli).
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


rule assess_stimulus_locking:
    input:
        events=of_participant(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        pulses=of_participant(f"{CHECKED}_desc-artefact_pulses.tsv"),
        code=code("motor_units/stimulus_locking", "motor_units/discharge_trains"),
    output:
        locking=f"{MEASURED}/locking.tsv",
    log:
        f"{RESULTS}/logs/assess_stimulus_locking/sub-{{participant}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/assess_stimulus_locking/sub-{{participant}}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        sessions=lambda wildcards: SESSIONS[wildcards.participant],
        locking=config.get("motor_units", {}).get("locking", {}),
        limits=config.get("motor_units", {}).get("limits", {}),
    message:
        "Looking for discharges of participant {wildcards.participant} that are locked to stimuli"
    script:
        "../scripts/assess_stimulus_locking.py"


rule merge_motor_units:
    input:
        units=expand(f"{MEASURED}/units.tsv", participant=PARTICIPANTS),
        pairs=expand(f"{MEASURED}/pairs.tsv", participant=PARTICIPANTS),
        locking=expand(f"{MEASURED}/locking.tsv", participant=PARTICIPANTS),
    output:
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
        locking=f"{RESULTS}/motor_units/locking.tsv",
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
