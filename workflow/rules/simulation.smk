"""The sample trial: simulated recordings as an ordinary EMG-BIDS data set, and the truth apart from it.

In: trial plan, seed. Out: `bids/` (no later stage knows that it is simulated), `truth/`.
"""

if SOURCE == "simulate":

    rule write_sample_dataset:
        input:
            plan=PLAN,
            code=code("simulation/*", "recordings/b*"),
        output:
            description=f"{BIDS}/dataset_description.json",
            participants=f"{BIDS}/participants.tsv",
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
            seed=config["seed"],
        message:
            "Describing the sample data set"
        script:
            "../scripts/write_sample_dataset.py"

    for sessions, suffix, members in by_sessions():

        rule:
            name:
                f"simulate_participant{suffix}"
            input:
                plan=PLAN,
                code=code("simulation/*", "recordings/b*"),
            output:
                recordings=expand(
                    [RAMP, *MVC, *VIBSTIM], session=sessions, allow_missing=True
                ),
                sessions=f"{BIDS}/sub-{{participant}}/sub-{{participant}}_sessions.tsv",
                units=f"{TRUTH}/sub-{{participant}}/true_units.tsv",
                pairs=f"{TRUTH}/sub-{{participant}}/true_pairs.tsv",
                vibstim=(
                    [f"{TRUTH}/sub-{{participant}}/true_vibstim.tsv"]
                    if VIBSTIM
                    else []
                ),
                events=expand(TRUE_EVENTS, session=sessions, allow_missing=True),
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
                seed=config["seed"],
            message:
                "Simulating participant {wildcards.participant}"
            script:
                "../scripts/simulate_participant.py"
