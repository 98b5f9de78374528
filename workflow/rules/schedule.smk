"""Who is measured when, and where every file is: the look-ups of all rules.

The schedule comes from the trial plan, so the DAG is known before there are any data.
"""

import gc
import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from pictrial.checked_yaml import check_content
from pictrial.code_digest import code_digest
from pictrial.errors import InputError
from pictrial.files import remove_unfinished
from pictrial.job_record import list_jobs
from pictrial.recordings.bids_sidecars import describing_files
from pictrial.trial.plan import load_plan

# A large trial is a million small objects that stay: looking for garbage among them took a tenth of the planning.
gc.set_threshold(1_000_000, 50, 50)

# Programs of this environment (jupyter) are found even where it is not activated.
shell.prefix(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")

PLAN = config.get("trial", "config/trial.yaml")
try:
    named = ", ".join(map(str, workflow.overwrite_configfiles))
    rules_of_config = Path(workflow.basedir) / "workflow/schemas/config.schema.json"
    check_content(config, rules_of_config, named or "config/config.yaml")
    TRIAL = load_plan(PLAN)
except InputError as error:
    raise WorkflowError(str(error)) from None

# What people were truly to have, whatever of it the stage of masking shows.
ALLOCATED = TRIAL
RESULTS = config["results"]
SOURCE = config["data"]["source"]
BIDS = config["data"].get("bids", f"{RESULTS}/bids")
BUCKET = None  # a data set in object storage is copied beside the results
if BIDS.startswith("s3://"):
    BUCKET, BIDS = BIDS.removesuffix(os.sep), f"{RESULTS}/bids"
PARTICIPANTS = sorted(TRIAL.participants)
# What a job of all participants asks for: memory and time grow with them (docs/scaling.md).
JOINT_MB, JOINT_MINUTES = 500 + 6 * len(PARTICIPANTS), 5 + len(PARTICIPANTS) // 10


# Before a run: what killed jobs left is removed; all its jobs are listed, for its lineage. With its limit of jobs per second, Snakemake 9.27 looks for jobs again a second after each look, once more for every
# job that has ended: hundreds of times a second in a large trial, a whole core. No limit is needed here.
onstart:
    workflow.scheduler.job_rate_limiter = None
    remove_unfinished(RESULTS)
    if any(job.rule.name == "all" for job in workflow.dag.jobs):
        list_jobs(RESULTS, [job.log[0] for job in workflow.dag.jobs if job.log])


# What jobs left that were killed and then tried once more in the same run: no job runs when these are called.
onsuccess:
    remove_unfinished(RESULTS)


onerror:
    remove_unfinished(RESULTS)


def sessions_with(task):
    """Participant and sessions, of those who have recordings of the task; of everyone where it is None."""
    planned = TRIAL.sessions_with(task)
    return {
        person: tuple(row.session for row in planned if row.participant == person)
        for person in sorted({row.participant for row in planned})
    }


# Experiments of one trial may record different things.
SESSIONS = sessions_with(None)
RAMPS = sessions_with(TRIAL.task)
VIBSTIMS = sessions_with(TRIAL.vibstim_task) if TRIAL.vibstim_task else {}

# Paths with the wildcards participant and session.
SESSION = "sub-{participant}/ses-{session}"
NAME = f"sub-{{participant}}_ses-{{session}}_task-{TRIAL.task}_run-1"
_EMG = f"{BIDS}/{SESSION}/emg/sub-{{participant}}_ses-{{session}}_task-TASK_run-1_emg.{config['data']['format']}"
RAMP = _EMG.replace("TASK", TRIAL.task)
MVC = [_EMG.replace("TASK", TRIAL.maximal_task)] if TRIAL.maximal_task else []
VIBSTIM = [_EMG.replace("TASK", TRIAL.vibstim_task)] if VIBSTIMS else []
CHECKED = f"{RESULTS}/recordings/{SESSION}/{NAME}"
DECOMPOSED = f"{RESULTS}/decomposition/{SESSION}/{NAME}"
TRUTH = f"{RESULTS}/truth"
TRUE_EVENTS = f"{TRUTH}/{SESSION}/{NAME}_desc-true_events.tsv"
MEASURED = f"{RESULTS}/motor_units/sub-{{participant}}"
FOUND = "edited" if "edits" in config["data"] else "decomposed"  # what tracking takes


wildcard_constraints:
    participant="[0-9A-Za-z]+",
    session="[0-9A-Za-z]+",


def of_participant(*patterns, sessions=RAMPS):
    """Input function: the files of the job's participant, of all sessions with ramps (or of `sessions`)."""
    return lambda wildcards: expand(
        patterns,
        participant=wildcards.participant,
        session=sessions[wildcards.participant],
    )


def described_by(*patterns, sessions=None):
    """Input function: the sidecars of the job's recordings in a data set that was brought, so that an edit runs the job again.

    The recordings are of one session, or of all in `sessions`. Sidecars that a rule writes come with its recordings.
    """
    if SOURCE != "bids" or BUCKET:
        return []

    def files(wildcards):
        own = sessions[wildcards.participant] if sessions else wildcards.session
        recordings = expand(patterns, participant=wildcards.participant, session=own)
        found = {file for path in recordings for file in describing_files(Path(path))}
        return sorted(map(os.path.relpath, found))

    return files


def of_everyone(*patterns, sessions=RAMPS):
    """The files of all participants, of all sessions with ramps (or of `sessions`)."""
    return [
        file
        for participant, own in sessions.items()
        for file in expand(patterns, participant=participant, session=own)
    ]


def by_sessions(sessions=RAMPS):
    """Participants with the same sessions, as (sessions, suffix of a rule's name, pattern of participants).

    There is one group unless sessions are missing. Jobs that write all sessions of a participant
    need a rule for each, because a rule's outputs cannot depend on the participant.
    """
    for group in sorted(set(sessions.values()), key=lambda own: (-len(own), own)):
        members = "|".join(name for name, own in sessions.items() if own == group)
        complete = len(group) == max(map(len, sessions.values()))
        yield group, "" if complete else "_of_" + "_".join(group), members


def code(script, *notebooks):
    """Digest of a script and of what it imports, a parameter of its rule: editing any of it runs the rule again."""
    scripts = Path(workflow.basedir) / "workflow" / "scripts"
    return code_digest(scripts / f"{script}.py", *notebooks)


def by_recordings():
    """Yield as by_sessions, and before it the sessions with ramps and those with VibStim: all, or none."""
    kinds = {person: (person in RAMPS, person in VIBSTIMS) for person in SESSIONS}
    names = {(True, False): "_ramp", (False, True): "_vibstim"}
    # Those who have all that the trial records.
    names[bool(RAMPS), bool(VIBSTIMS)] = ""
    for kind in sorted(set(kinds.values()), reverse=True):
        people = {
            person: own for person, own in SESSIONS.items() if kinds[person] == kind
        }
        for own, suffix, members in by_sessions(people):
            ramps, vibstims = (own if there else () for there in kind)
            yield ramps, vibstims, own, names[kind] + suffix, members


def of_plan(participants):
    """What a simulation takes of the plan: who has what when, and which scores; no edit of an analysis changes it."""
    measures = [outcome.measure for outcome in ALLOCATED.outcomes.values()]
    return {
        "sessions": [
            row._asdict()
            for row in ALLOCATED.sessions
            if row.participant in participants
        ],
        "conditions": list(ALLOCATED.conditions),
        "scores": [name for name in measures if name.startswith("scores.")],
    }


def of_first(pattern, sessions):
    """The file of the plan's first recording among `sessions`."""
    participant = next(iter(sessions))
    (file,) = expand(pattern, participant=participant, session=sessions[participant][0])
    return file


def figures_of(wildcards):
    """The figures of a notebook that this run draws, by name."""
    drawn = {
        Path(file).stem: file
        for file in REPORTED
        if Path(file).parent == Path(f"{RESULTS}/figures")
    }
    return {
        name: drawn[name] for name in NOTEBOOKS[wildcards.notebook][1] if name in drawn
    }
