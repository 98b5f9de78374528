"""A simulated trial: its recordings as an ordinary EMG-BIDS data set, and the truth apart from it.

In: trial plan, seed, what is planted. Out: `bids/` (no later stage knows that it is simulated), `truth/`.
"""

if SOURCE == "simulate":
    SIMULATED_EVENTS = config.get("simulation", {}).get("recorded_events", {})

    rule write_sample_dataset:
        output:
            description=f"{BIDS}/dataset_description.json",
            participants=f"{BIDS}/participants.tsv",
            phenotype=expand(
                f"{BIDS}/phenotype/{{table}}.{{ext}}",
                table=sorted({*TRIAL.score_tables, *SIMULATED_EVENTS}),
                ext=["tsv", "json"],
            ),
            effects=f"{TRUTH}/true_effects.tsv",
        log:
            f"{RESULTS}/logs/write_sample_dataset.log",
        benchmark:
            f"{RESULTS}/benchmarks/write_sample_dataset.tsv"
        threads: 1
        resources:
            mem_mb=500,
            runtime=2,
        params:
            code=code("write_sample_dataset"),
            plan=of_plan(PARTICIPANTS),
            title=ALLOCATED.title,
            seed=config["seed"],
            simulation=config.get("simulation", {}),
            with_ramp=bool(RAMPS),
            with_vibstim=bool(VIBSTIMS),
        message:
            "Describing the simulated data set"
        script:
            "../scripts/write_sample_dataset.py"

    OF_PERSON = f"{TRUTH}/sub-{{participant}}"
    for ramps, vibstims, sessions, suffix, members in by_recordings():

        rule:
            name:
                f"simulate_participant{suffix}"
            output:
                ramps=expand(RAMP, session=ramps, allow_missing=True),
                vibstims=expand(VIBSTIM, session=vibstims, allow_missing=True),
                maximal=expand(MVC, session=sessions, allow_missing=True),
                sessions=f"{BIDS}/sub-{{participant}}/sub-{{participant}}_sessions.tsv",
                person=f"{OF_PERSON}/true_participant.tsv",
                units=[f"{OF_PERSON}/true_units.tsv"] if ramps else [],
                pairs=[f"{OF_PERSON}/true_pairs.tsv"] if ramps else [],
                events=expand(TRUE_EVENTS, session=ramps, allow_missing=True),
                responses=[f"{OF_PERSON}/true_vibstim.tsv"] if vibstims else [],
            log:
                f"{RESULTS}/logs/simulate_participant/sub-{{participant}}.log",
            benchmark:
                f"{RESULTS}/benchmarks/simulate_participant/sub-{{participant}}.tsv"
            wildcard_constraints:
                participant=members,
            threads: 1
            resources:
                mem_mb=2000,
                runtime=5,
            params:
                code=code("simulate_participant"),
                plan=lambda wildcards: of_plan([wildcards.participant]),
                seed=config["seed"],
                simulation=config.get("simulation", {}),
            message:
                "Simulating participant {wildcards.participant}"
            script:
                "../scripts/simulate_participant.py"
