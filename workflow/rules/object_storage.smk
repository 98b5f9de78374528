"""An EMG-BIDS data set in object storage (`data: {bids: s3://...}`), copied participant by participant.

In: the bucket; Snakemake's storage plugin tells what of it is new. Out: `bids/`, which all later stages read: which sidecars
apply to a recording is known when its folder, and those above it, are there.
"""

FETCHED = []  # what its participants share

if BUCKET:
    from pictrial.recordings.buckets import list_objects

    try:
        SHARED = list_objects(BUCKET, deep=False)
        SHARED += [f"phenotype/{name}" for name in list_objects(f"{BUCKET}/phenotype")]
    except InputError as error:
        raise WorkflowError(str(error)) from None
    FETCHED = [f"{BIDS}/{name}" for name in SHARED]

    rule fetch_dataset:
        input:
            objects=[storage(f"{BUCKET}/{name}", retrieve=False) for name in SHARED],
        output:
            files=FETCHED,
        log:
            f"{RESULTS}/logs/fetch_dataset.log",
        benchmark:
            f"{RESULTS}/benchmarks/fetch_dataset.tsv"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            code=code("fetch_dataset"),
        message:
            "Fetching what the data set's participants share"
        script:
            "../scripts/fetch_dataset.py"

    for ramps, vibstims, sessions, suffix, members in by_recordings():

        rule:
            name:
                f"fetch_participant{suffix}"
            input:
                folder=storage(f"{BUCKET}/sub-{{participant}}", retrieve=False),
            output:
                ramps=expand(RAMP, session=ramps, allow_missing=True),
                vibstims=expand(VIBSTIM, session=vibstims, allow_missing=True),
                maximal=expand(MVC, session=sessions, allow_missing=True),
                sessions=f"{BIDS}/sub-{{participant}}/sub-{{participant}}_sessions.tsv",
            log:
                f"{RESULTS}/logs/fetch_participant/sub-{{participant}}.log",
            benchmark:
                f"{RESULTS}/benchmarks/fetch_participant/sub-{{participant}}.tsv"
            wildcard_constraints:
                participant=members,
            threads: 1
            resources:
                mem_mb=500,
                runtime=30,
            params:
                code=code("fetch_participant"),
            message:
                "Fetching the recordings of participant {wildcards.participant}"
            script:
                "../scripts/fetch_participant.py"
