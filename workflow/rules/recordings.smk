"""Recordings brought in, checked against plan and sidecars, and conditioned.

In: an EMG-BIDS data set, or OTBioLab+ exports and raw archives that become one.
Out: `recordings/`: the status of every channel with a reason, stimulation pulses, torque in % MVC.
"""

if SOURCE == "import":

    rule fetch_public_recording:
        output:
            recording="data/otb_testfile.mat",
        log:
            "data/logs/fetch_public_recording.log",
        benchmark:
            "data/benchmarks/fetch_public_recording.tsv"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            code=code("fetch_public_recording"),
        message:
            "Fetching the public recording (sample file of openhdemg, BSD-3-Clause)"
        script:
            "../scripts/fetch_public_recording.py"

    rule import_recordings:
        input:
            exports=[entry["file"] for entry in config["data"]["import"]],
        output:
            participants=f"{BIDS}/participants.tsv",
            sessions=expand(f"{BIDS}/sub-{{p}}/sub-{{p}}_sessions.tsv", p=PARTICIPANTS),
            recordings=of_everyone(RAMP, *MVC),
        log:
            f"{RESULTS}/logs/import_recordings.log",
        benchmark:
            f"{RESULTS}/benchmarks/import_recordings.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=code("import_recordings"),
            entries=config["data"]["import"],
        message:
            "Importing OTBioLab+ exports into EMG-BIDS"
        script:
            "../scripts/import_recordings.py"


# What happened, as the data set records it: a table that is not there records nothing.
RECORDED = [
    f"{BIDS}/phenotype/{table}.tsv"
    for table in ["protocol_deviations", "intercurrent_events", "adverse_events"]
    if (
        table in SIMULATED_EVENTS
        if SOURCE == "simulate"
        else (
            f"{BIDS}/phenotype/{table}.tsv" in FETCHED
            if BUCKET
            else os.path.isfile(f"{BIDS}/phenotype/{table}.tsv")
        )
    )
]


rule check_delivery:
    input:
        plan=PLAN,
        stage=STAGE_FILES,
        participants=f"{BIDS}/participants.tsv",
        recorded=RECORDED,
        sessions=expand(f"{BIDS}/sub-{{p}}/sub-{{p}}_sessions.tsv", p=PARTICIPANTS),
    output:
        delivery=f"{RESULTS}/recordings/delivery.tsv",
    log:
        f"{RESULTS}/logs/check_delivery.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_delivery.tsv"
    threads: 1
    resources:
        mem_mb=JOINT_MB,
        runtime=JOINT_MINUTES,
    params:
        code=code("check_delivery"),
        masking=MASKING,
        seed=config["seed"],
    message:
        "Checking what was delivered against the plan"
    script:
        "../scripts/check_delivery.py"


rule check_recordings:
    input:
        # It must be there; other labels in it change nothing here.
        awaited=ancient(f"{RESULTS}/recordings/delivery.tsv"),
        ramp=RAMP,
        mvc=MVC,
        sidecars=described_by(RAMP, *MVC),
    output:
        channels=f"{CHECKED}_desc-quality_channels.tsv",
        pulses=f"{CHECKED}_desc-artefact_pulses.tsv",
        artefacts=f"{CHECKED}_desc-artefact_recording.tsv",
        torque=f"{CHECKED}_desc-conditioned_torque.npz",
    log:
        f"{RESULTS}/logs/check_recordings/sub-{{participant}}_ses-{{session}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_recordings/sub-{{participant}}_ses-{{session}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("check_recordings"),
        conditioning=config.get("conditioning", {}),
        quality=config.get("channel_quality", {}),
    message:
        "Checking the recordings of participant {wildcards.participant}, session {wildcards.session}"
    script:
        "../scripts/check_recordings.py"
