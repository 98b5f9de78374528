"""What the motor units did: recruitment, discharge rates, and ΔF of every ordered pair.

In: tracked discharges, torque in % MVC, stimulation pulses.
Out: in `motor_units/`: `units.tsv`, `pairs.tsv` (the ledger), `unit_delta_f.tsv` (ΔF of each test unit), `discharge_exclusions.tsv`,
`multiverse.tsv` (ΔF by every rule of the sensitivity grid; `rules.tsv`) and `locking.tsv` (discharges locked to stimuli).
"""


rule estimate_delta_f:
    input:
        events=of_participant(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        quality=of_participant(f"{DECOMPOSED}_desc-tracked_units.tsv"),
        torque=of_participant(f"{CHECKED}_desc-conditioned_torque.npz"),
    output:
        units=f"{MEASURED}/units.tsv",
        pairs=f"{MEASURED}/pairs.tsv",
        unit_delta_f=f"{MEASURED}/unit_delta_f.tsv",
        discharge_exclusions=f"{MEASURED}/discharge_exclusions.tsv",
    log:
        f"{RESULTS}/logs/estimate_delta_f/sub-{{participant}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/estimate_delta_f/sub-{{participant}}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("estimate_delta_f"),
        sessions=lambda wildcards: RAMPS[wildcards.participant],
        motor_units=config.get("motor_units", {}),
    message:
        "Estimating ΔF of participant {wildcards.participant}"
    script:
        "../scripts/estimate_delta_f.py"


rule vary_delta_f:
    input:
        events=of_participant(f"{DECOMPOSED}_desc-tracked_events.tsv"),
    output:
        multiverse=f"{MEASURED}/multiverse.tsv",
    log:
        f"{RESULTS}/logs/vary_delta_f/sub-{{participant}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/vary_delta_f/sub-{{participant}}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=code("vary_delta_f"),
        sessions=lambda wildcards: RAMPS[wildcards.participant],
        motor_units=config.get("motor_units", {}),
    message:
        "Varying the rules of ΔF for participant {wildcards.participant}"
    script:
        "../scripts/vary_delta_f.py"


rule assess_stimulus_locking:
    input:
        events=of_participant(f"{DECOMPOSED}_desc-tracked_events.tsv"),
        pulses=of_participant(f"{CHECKED}_desc-artefact_pulses.tsv"),
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
        code=code("assess_stimulus_locking"),
        sessions=lambda wildcards: RAMPS[wildcards.participant],
        locking=config.get("motor_units", {}).get("locking", {}),
        limits=config.get("motor_units", {}).get("limits", {}),
    message:
        "Looking for discharges of participant {wildcards.participant} that are locked to stimuli"
    script:
        "../scripts/assess_stimulus_locking.py"


rule merge_motor_units:
    input:
        units=expand(f"{MEASURED}/units.tsv", participant=RAMPS),
        pairs=expand(f"{MEASURED}/pairs.tsv", participant=RAMPS),
        unit_delta_f=expand(f"{MEASURED}/unit_delta_f.tsv", participant=RAMPS),
        discharge_exclusions=expand(
            f"{MEASURED}/discharge_exclusions.tsv", participant=RAMPS
        ),
        delta_f_multiverse=expand(f"{MEASURED}/multiverse.tsv", participant=RAMPS),
        locking=expand(f"{MEASURED}/locking.tsv", participant=RAMPS),
    output:
        units=f"{RESULTS}/motor_units/units.tsv",
        pairs=f"{RESULTS}/motor_units/pairs.tsv",
        unit_delta_f=f"{RESULTS}/motor_units/unit_delta_f.tsv",
        discharge_exclusions=f"{RESULTS}/motor_units/discharge_exclusions.tsv",
        delta_f_multiverse=f"{RESULTS}/motor_units/multiverse.tsv",
        delta_f_rules=f"{RESULTS}/motor_units/rules.tsv",
        locking=f"{RESULTS}/motor_units/locking.tsv",
    log:
        f"{RESULTS}/logs/merge_motor_units.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_motor_units.tsv"
    threads: 1
    resources:
        mem_mb=JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("merge_motor_units"),
        motor_units=config.get("motor_units", {}),
    message:
        "Joining the motor units of all participants"
    script:
        "../scripts/merge_motor_units.py"
