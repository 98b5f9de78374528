"""VibStim: torque and EMG under tendon vibration with bouts of electrical stimulation.

In: VibStim and maximal recordings, where the plan has a `vibstim_task`.
Out: `vibstim/outcomes.tsv`, per participant also the signals and a figure of every recording. Conditions are
not known here.
"""

if VIBSTIM:
    RESPONSE = f"{RESULTS}/vibstim/sub-{{participant}}"

    for sessions, suffix, members in by_sessions(VIBSTIMS):

        rule:
            name:
                f"measure_vibstim{suffix}"
            input:
                awaited=ancient(f"{RESULTS}/recordings/delivery.tsv"),
                recordings=of_participant(*VIBSTIM, sessions=VIBSTIMS),
                maximal=of_participant(*MVC, sessions=VIBSTIMS),
                sidecars=described_by(*VIBSTIM, *MVC, sessions=VIBSTIMS),
            output:
                outcomes=f"{RESPONSE}/outcomes.tsv",
                signals=expand(
                    f"{RESPONSE}/ses-{{session}}_signals.npz",
                    session=sessions,
                    allow_missing=True,
                ),
            log:
                f"{RESULTS}/logs/measure_vibstim/sub-{{participant}}.log",
            benchmark:
                f"{RESULTS}/benchmarks/measure_vibstim/sub-{{participant}}.tsv"
            wildcard_constraints:
                participant=members,
            threads: 1
            resources:
                mem_mb=1000,
                runtime=5,
            params:
                code=code("measure_vibstim"),
                sessions=lambda wildcards: VIBSTIMS[wildcards.participant],
                muscle="soleus",
                vibstim=config.get("vibstim", {}),
                conditioning=config.get("conditioning", {}),
            message:
                "Measuring torque and EMG of participant {wildcards.participant} under vibration"
            script:
                "../scripts/measure_vibstim.py"

        rule:
            name:
                f"draw_vibstim{suffix}"
            input:
                signals=of_participant(
                    f"{RESPONSE}/ses-{{session}}_signals.npz", sessions=VIBSTIMS
                ),
                outcomes=f"{RESPONSE}/outcomes.tsv",
            output:
                svg=expand(
                    f"{RESPONSE}/ses-{{session}}_vibstim.svg",
                    session=sessions,
                    allow_missing=True,
                ),
            log:
                f"{RESULTS}/logs/draw_vibstim/sub-{{participant}}.log",
            benchmark:
                f"{RESULTS}/benchmarks/draw_vibstim/sub-{{participant}}.tsv"
            wildcard_constraints:
                participant=members,
            threads: 1
            resources:
                mem_mb=500,
                runtime=5,
            params:
                code=code("draw_vibstim"),
                sessions=lambda wildcards: VIBSTIMS[wildcards.participant],
            message:
                "Drawing participant {wildcards.participant} under vibration"
            script:
                "../scripts/draw_vibstim.py"

    rule merge_vibstim:
        input:
            outcomes=expand(f"{RESPONSE}/outcomes.tsv", participant=VIBSTIMS),
        output:
            outcomes=f"{RESULTS}/vibstim/outcomes.tsv",
        log:
            f"{RESULTS}/logs/merge_vibstim.log",
        benchmark:
            f"{RESULTS}/benchmarks/merge_vibstim.tsv"
        threads: 1
        resources:
            mem_mb=JOINT_MB,
            runtime=JOINT_MINUTES,
        params:
            code=code("merge_vibstim"),
        message:
            "Joining the VibStim outcomes of all participants"
        script:
            "../scripts/merge_vibstim.py"
