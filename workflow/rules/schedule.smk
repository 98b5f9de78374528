"""Who is measured when, and where every file is: the look-ups of all rules.

The schedule comes from the trial plan, so the DAG is known before there are any data.
"""

import os
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from pictrial.checked_yaml import check_content
from pictrial.errors import InputError
from pictrial.trial.plan import load_plan

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

RESULTS = config["results"]
SOURCE = config["data"]["source"]
BIDS = config["data"].get("bids", f"{RESULTS}/bids")
PARTICIPANTS = sorted(TRIAL.participants)
SESSIONS = {
    participant: tuple(
        row.session for row in TRIAL.sessions if row.participant == participant
    )
    for participant in PARTICIPANTS
}

# Paths with the wildcards participant and session.
SESSION = "sub-{participant}/ses-{session}"
NAME = f"sub-{{participant}}_ses-{{session}}_task-{TRIAL.task}_run-1"
_EMG = f"{BIDS}/{SESSION}/emg/sub-{{participant}}_ses-{{session}}_task-TASK_run-1_emg.{config['data']['format']}"
RAMP = _EMG.replace("TASK", TRIAL.task)
MVC = [_EMG.replace("TASK", TRIAL.maximal_task)] if TRIAL.maximal_task else []
VIBSTIM = [_EMG.replace("TASK", TRIAL.vibstim_task)] if TRIAL.vibstim_task else []
CHECKED = f"{RESULTS}/recordings/{SESSION}/{NAME}"
DECOMPOSED = f"{RESULTS}/decomposition/{SESSION}/{NAME}"
TRUTH = f"{RESULTS}/truth"
TRUE_EVENTS = f"{TRUTH}/{SESSION}/{NAME}_desc-true_events.tsv"
MEASURED = f"{RESULTS}/motor_units/sub-{{participant}}"
FOUND = "edited" if "edits" in config["data"] else "decomposed"  # what tracking takes


wildcard_constraints:
    participant="[0-9A-Za-z]+",
    session="[0-9A-Za-z]+",


def of_participant(*patterns):
    """Input function: the files of all sessions of the job's participant."""
    return lambda wildcards: expand(
        patterns,
        participant=wildcards.participant,
        session=SESSIONS[wildcards.participant],
    )


def of_everyone(*patterns):
    """The files of all sessions of all participants."""
    return [
        file
        for participant, sessions in SESSIONS.items()
        for file in expand(patterns, participant=participant, session=sessions)
    ]


def by_sessions():
    """Participants with the same sessions, as (sessions, suffix of a rule's name, pattern of participants).

    There is one group unless sessions are missing. Jobs that write all sessions of a participant
    need a rule for each, because a rule's outputs cannot depend on the participant.
    """
    for group in sorted(
        set(SESSIONS.values()), key=lambda sessions: (-len(sessions), sessions)
    ):
        members = "|".join(
            name for name, sessions in SESSIONS.items() if sessions == group
        )
        complete = len(group) == max(map(len, SESSIONS.values()))
        yield group, "" if complete else "_of_" + "_".join(group), members


def code(*modules):
    """Files of the package that a stage uses, as an input: editing one re-runs the stage and all after it."""
    package = Path(os.path.relpath(Path(workflow.basedir) / "workflow" / "pictrial"))
    return sorted(
        str(path) for module in modules for path in package.glob(f"{module}.py")
    )
