"""Motor units: separated in each recording, then followed across a participant's sessions.

In: recordings and the status of their channels; manual edits, if the configuration names any.
Out: `decomposition/`: discharges, separation filters and quality; `desc-edited` files are those after
manual editing; `desc-tracked` files use one name for a motor unit in all sessions of its participant.
Conditions are not known here.
"""


rule decompose_recording:
    input:
        recording=RAMP,
        channels=f"{CHECKED}_desc-quality_channels.tsv",
    output:
        events=f"{DECOMPOSED}_desc-decomposed_events.tsv",
        filters=f"{DECOMPOSED}_desc-decomposed_filters.npz",
        quality=f"{DECOMPOSED}_desc-decomposed_units.tsv",
        corrections=f"{DECOMPOSED}_desc-decomposed_corrections.tsv",
    log:
        f"{RESULTS}/logs/decompose_recording/sub-{{participant}}_ses-{{session}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/decompose_recording/sub-{{participant}}_ses-{{session}}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=15,
    params:
        code=code("decompose_recording"),
        conditioning=config.get("conditioning", {}),
        decomposition=config.get("decomposition", {}),
    message:
        "Decomposing participant {wildcards.participant}, session {wildcards.session}"
    script:
        "../scripts/decompose_recording.py"


if FOUND == "edited":
    from pictrial.decomposition.edits import files_of_recordings

    try:
        EDITS = files_of_recordings(config["data"]["edits"], of_everyone(NAME))
    except InputError as error:
        raise WorkflowError(str(error)) from None

    rule replay_edits:
        input:
            edits=lambda wildcards: EDITS[NAME.format(**wildcards)],
            recording=RAMP,
            channels=f"{CHECKED}_desc-quality_channels.tsv",
            events=f"{DECOMPOSED}_desc-decomposed_events.tsv",
            filters=f"{DECOMPOSED}_desc-decomposed_filters.npz",
            quality=f"{DECOMPOSED}_desc-decomposed_units.tsv",
        output:
            events=f"{DECOMPOSED}_desc-edited_events.tsv",
            filters=f"{DECOMPOSED}_desc-edited_filters.npz",
            quality=f"{DECOMPOSED}_desc-edited_units.tsv",
            log=f"{DECOMPOSED}_desc-edited_log.tsv",
        log:
            f"{RESULTS}/logs/replay_edits/sub-{{participant}}_ses-{{session}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/replay_edits/sub-{{participant}}_ses-{{session}}.tsv"
        threads: 1
        resources:
            mem_mb=1500,
            runtime=5,
        params:
            code=code("replay_edits"),
            conditioning=config.get("conditioning", {}),
            decomposition=config.get("decomposition", {}),
        message:
            "Replaying manual edits of participant {wildcards.participant}, session {wildcards.session}"
        script:
            "../scripts/replay_edits.py"


for sessions, suffix, members in by_sessions():

    rule:
        name:
            f"track_motor_units{suffix}"
        input:
            recordings=of_participant(RAMP),
            channels=of_participant(f"{CHECKED}_desc-quality_channels.tsv"),
            events=of_participant(f"{DECOMPOSED}_desc-{FOUND}_events.tsv"),
            filters=of_participant(f"{DECOMPOSED}_desc-{FOUND}_filters.npz"),
            quality=of_participant(f"{DECOMPOSED}_desc-{FOUND}_units.tsv"),
        output:
            events=expand(
                f"{DECOMPOSED}_desc-tracked_events.tsv",
                session=sessions,
                allow_missing=True,
            ),
            filters=expand(
                f"{DECOMPOSED}_desc-tracked_filters.npz",
                session=sessions,
                allow_missing=True,
            ),
            quality=expand(
                f"{DECOMPOSED}_desc-tracked_units.tsv",
                session=sessions,
                allow_missing=True,
            ),
        log:
            f"{RESULTS}/logs/track_motor_units/sub-{{participant}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/track_motor_units/sub-{{participant}}.tsv"
        wildcard_constraints:
            participant=members,
        threads: 1
        resources:
            mem_mb=2000,
            runtime=15,
        params:
            code=code("track_motor_units"),
            description=FOUND,
            conditioning=config.get("conditioning", {}),
            decomposition=config.get("decomposition", {}),
            tracking=config.get("tracking", {}),
        message:
            "Following the motor units of participant {wildcards.participant} across sessions"
        script:
            "../scripts/track_motor_units.py"
