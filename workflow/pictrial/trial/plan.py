"""What was planned: who gets which condition when, what is measured, and how it is analysed.

The plan is read whenever the graph of jobs is built, before there are data, so this module imports
pandas only where a table is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pictrial.checked_yaml import read_checked_yaml
from pictrial.errors import InputError
from pictrial.trial.planned_analyses import (
    Analysis,
    Family,
    Outcome,
    read_analyses,
    read_families,
    read_outcomes,
    recorded_in,
    refuse_unknown,
)
from pictrial.trial.planned_estimands import (
    Estimand,
    Event,
    Experiment,
    Population,
    read_estimands,
    read_events,
    read_experiments,
    read_populations,
)

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "trial.schema.json"


class PlannedSession(NamedTuple):
    """One session of one participant: in session n they are in period n."""

    participant: str
    sequence: str
    session: str
    period: int
    condition: str


class MissingSession(NamedTuple):
    """A planned session that is known not to have taken place, and why."""

    planned: PlannedSession
    reason: str


@dataclass(frozen=True)
class TrialPlan:
    """The plan of a trial.

    Attributes
    ----------
    path : Path
        The file it was read from.
    name, title : str
        Short name (folder under ``results/``) and title.
    design : str
        ``"crossover"``, ``"parallel"`` or ``"single_session"``.
    sequences : dict of str to tuple of str
        Conditions of each sequence in the order of the periods; of parallel groups, each arm's.
    baseline : str or None
        The condition that parallel groups are measured in before they part; None in other designs.
    reference : str
        The condition that the others are compared with.
    conditions : dict of str to str
        Name and label of every condition in the order of figures and tables, reference first.
    participants : dict of str to str
        Participant and allocated sequence.
    sessions : tuple of PlannedSession
        By participant and period; without the missing ones.
    missing_sessions : tuple of MissingSession
        Planned sessions known not to have taken place.
    task : str
        BIDS task label of the contraction from which ΔF is estimated.
    maximal_task : str or None
        That of the maximal voluntary contraction; None where torque is recorded in % MVC.
    vibstim_task : str or None
        That of the recording under tendon vibration and electrical stimulation; None where there is none.
    target_torque : float
        Peak of the torque to be followed, % MVC.
    outcomes, analyses, families : dict of str to Outcome, Analysis, Family
        By name.
    experiments : dict of str to Experiment
        By name; empty where the trial is one.
    events, populations, estimands : dict of str to Event, Population, Estimand
        By name; the first population is that of everyone.
    analysed_as : str
        By which condition a session is analysed where another than the planned one was delivered:
        ``"planned"`` or ``"delivered"``.
    """

    path: Path
    name: str
    title: str
    design: str
    sequences: dict[str, tuple[str, ...]]
    baseline: str | None
    reference: str
    conditions: dict[str, str]
    participants: dict[str, str]
    sessions: tuple[PlannedSession, ...]
    missing_sessions: tuple[MissingSession, ...]
    task: str
    maximal_task: str | None
    vibstim_task: str | None
    target_torque: float
    outcomes: dict[str, Outcome]
    analyses: dict[str, Analysis]
    families: dict[str, Family]
    experiments: dict[str, Experiment]
    events: dict[str, Event]
    populations: dict[str, Population]
    estimands: dict[str, Estimand]
    analysed_as: str

    @property
    def no_comparison(self) -> str:
        """Why conditions cannot be compared, as a sentence; empty where they can."""
        if len(self.conditions) == 1:
            return f"The plan has one condition ({self.reference}): there is nothing to compare it with."
        if len(self.participants) == 1:
            return "The plan has one participant: differences cannot be told from chance."
        if self.baseline and len(set(self.participants.values())) == 1:
            return "All participants are in one arm: there is no other to compare it with."
        return ""

    @property
    def everyone(self) -> str:
        """The population that leaves nothing out: the first."""
        return next(iter(self.populations))

    def experiment_of(self, participant: str) -> str | None:
        """Return the experiment of a participant; None where the trial is one."""
        sequence = self.participants[participant]
        return next((one.name for one in self.experiments.values() if sequence in one.sequences), None)

    def sequences_of(self, experiment: str | None) -> list[str]:
        """Return the sequences of an experiment; of the whole trial where it is None."""
        return [
            name
            for name in self.sequences
            if experiment is None or name in self.experiments[experiment].sequences
        ]

    def conditions_of(self, experiment: str | None) -> list[str]:
        """Return the conditions of an experiment in the plan's order; all of them where it is None."""
        orders = [self.sequences[name] for name in self.sequences_of(experiment)]
        return [name for name in self.conditions if any(name in order for order in orders)]

    def sequences_with(self, task: str | None) -> list[str]:
        """Return the sequences whose participants have recordings of a task, by its BIDS label; None: all."""
        experiments = self.experiments.values()
        without = {name for one in experiments if task not in (None, *one.tasks) for name in one.sequences}
        return [name for name in self.sequences if name not in without]

    def experiments_with(self, task: str | None) -> list[str | None]:
        """Return the experiments that have recordings of a task; None alone where the trial is one."""
        there = set(self.sequences_with(task))
        return [name for name, one in self.experiments.items() if there & set(one.sequences)] or [None]

    def sessions_with(self, task: str | None) -> tuple[PlannedSession, ...]:
        """Return the sessions that have recordings of a task, by its BIDS label; all where it is None."""
        sequences = self.sequences_with(task)
        return tuple(session for session in self.sessions if session.sequence in sequences)

    def task_of(self, outcome: str) -> str | None:
        """Return the BIDS label of the task that an outcome comes from; None of a clinical score."""
        contractions = {"task": self.task, "vibstim_task": self.vibstim_task}
        return recorded_in(self.outcomes[outcome].measure, contractions)

    @property
    def score_tables(self) -> tuple[str, ...]:
        """Tables of the data set's phenotype folder that outcomes come from, without suffix, sorted."""
        measures = (outcome.measure.split(".") for outcome in self.outcomes.values())
        return tuple(sorted({parts[1] for parts in measures if parts[0] == "scores"}))


def load_plan(path: str | Path) -> TrialPlan:
    """Read and check the plan of a trial.

    Parameters
    ----------
    path : str or Path
        A ``trial.yaml``; ``workflow/schemas/trial.schema.json`` describes every key.

    Raises
    ------
    InputError
        Where the file breaks the schema, or a part of the plan refers to a condition, sequence,
        analysis, session or column that the plan does not have, a participant of a crossover never gets
        the reference condition, or an arm is not the baseline and one condition. The message names
        file, key and remedy.
    """
    path = Path(path)
    return read_plan(path, read_checked_yaml(path, SCHEMA))


def read_plan(path: Path, content: dict) -> TrialPlan:
    """Return the plan that `content` is, which keeps the schema; errors call it `path`. See `load_plan`."""
    conditions = _check_conditions(path, content)
    _check_allocation(path, content, conditions)
    sessions, missing = _sessions(path, content)
    experiments, events = read_experiments(path, content), read_events(path, content)
    outcomes, populations = read_outcomes(path, content), read_populations(path, content, events)
    analyses = read_analyses(path, content)
    plan = TrialPlan(
        path=path,
        name=content["trial"]["name"],
        title=content["trial"]["title"],
        design=content["design"]["type"],
        sequences={name: tuple(order) for name, order in content["design"]["sequences"].items()},
        baseline=content["design"].get("baseline"),
        reference=content["conditions"]["reference"],
        conditions=conditions,
        participants=content["participants"],
        sessions=sessions,
        missing_sessions=missing,
        task=content["contractions"]["task"],
        maximal_task=content["contractions"].get("maximal_task"),
        vibstim_task=content["contractions"].get("vibstim_task"),
        target_torque=content["contractions"]["target_torque"],
        outcomes=outcomes,
        analyses=analyses,
        families=read_families(path, content, analyses),
        experiments=experiments,
        events=events,
        populations=populations,
        estimands=read_estimands(path, content, analyses, populations, events),
        analysed_as=content["design"].get("other_condition", {}).get("analysed_as", "planned"),
    )
    _check_contractions(plan)
    return plan


def schedule(plan: TrialPlan) -> pd.DataFrame:
    """Return the planned sessions as a table, schema ``schedule``: known before there are data."""
    import pandas as pd

    return pd.DataFrame(plan.sessions, columns=list(PlannedSession._fields))


def _check_conditions(path: Path, content: dict) -> dict[str, str]:
    where = f"{path}, key conditions"
    levels, reference = content["conditions"]["levels"], content["conditions"]["reference"]
    labels = {level["name"]: level["label"] for level in levels}
    if len(labels) < len(levels):
        raise InputError(f"{where}.levels", "two levels share a name", "Name every condition once.")
    refuse_unknown(f"{where}.reference", "condition", reference, labels)
    if reference != next(iter(labels)):
        raise InputError(
            f"{where}.levels",
            f"the reference {reference!r} is not the first level",
            "Move it to the first place.",
        )
    design = content["design"]["type"]
    least, wanted = {
        "single_session": (1, "one condition"),
        "crossover": (2, "two or more conditions"),
        "parallel": (3, "three or more conditions, the baseline and those of the arms"),
    }[design]
    if len(labels) < least or (design == "single_session" and len(labels) > 1):
        rule = f"a {design} design has {wanted}, not {len(labels)}"
        raise InputError(f"{where}.levels", rule, "Correct design.type or the levels.")
    return labels


def _check_allocation(path: Path, content: dict, conditions: dict[str, str]) -> None:
    sequences, reference = content["design"]["sequences"], content["conditions"]["reference"]
    for name, order in sequences.items():
        for condition in order:
            refuse_unknown(f"{path}, key design.sequences.{name}", "condition", condition, conditions)
    baseline = content["design"].get("baseline")
    if baseline:
        _check_arms(path, content, conditions)
    for condition in conditions:
        if not any(condition in order for order in sequences.values()):
            where = f"{path}, key conditions.levels, {condition}"
            raise InputError(where, "no sequence has this condition", "Add it to a sequence or remove it.")
    for participant, sequence in content["participants"].items():
        where = f"{path}, key participants.{participant}"
        refuse_unknown(where, "sequence", sequence, sequences)
        if not baseline and reference not in sequences[sequence]:
            rule = f"the participant never gets the reference condition {reference!r} (sequence {sequence})"
            raise InputError(where, rule, "Without it nothing can be compared: correct the sequence.")


def _check_arms(path: Path, content: dict, conditions: dict[str, str]) -> None:
    where, baseline = f"{path}, key design", content["design"]["baseline"]
    refuse_unknown(f"{where}.baseline", "condition", baseline, conditions)
    if baseline == content["conditions"]["reference"]:
        rule = f"{baseline!r} is the reference, but arms are compared with an arm"
        raise InputError(f"{where}.baseline", rule, "Make the condition of the control arm the reference.")
    for name, order in content["design"]["sequences"].items():
        if len(order) != 2 or order[0] != baseline:
            rule = f"an arm is the baseline {baseline!r} and then one condition, not {order}"
            remedy = "Correct the arm; more than one visit after the baseline is not supported."
            raise InputError(f"{where}.sequences.{name}", rule, remedy)


def _sessions(path: Path, content: dict) -> tuple[tuple[PlannedSession, ...], tuple[MissingSession, ...]]:
    """Return the sessions that take place, sorted by participant and period, and the missing ones."""
    reference, parallel = content["conditions"]["reference"], "baseline" in content["design"]
    planned = {
        (participant, str(period)): PlannedSession(participant, sequence, str(period), period, condition)
        for participant, sequence in sorted(content["participants"].items())
        for period, condition in enumerate(content["design"]["sequences"][sequence], start=1)
    }
    missing = []
    for entry in content.get("missing_sessions", []):
        participant, session = entry["participant"], entry["session"]
        where = f"{path}, key missing_sessions, participant {participant}, session {session}"
        if (participant, session) not in planned:
            raise InputError(where, "this session was not planned", "Name a planned session, once.")
        missing.append(MissingSession(planned.pop((participant, session)), entry["reason"]))
        if not parallel and missing[-1].planned.condition == reference:
            rule = f"it is the participant's only session in the reference condition {reference!r}"
            raise InputError(where, rule, "Without it nothing can be compared: remove the participant.")
        if not any(other == participant for other, _ in planned):
            rule = "no session of the participant took place"
            raise InputError(where, rule, "There is nothing to analyse: remove the participant.")
    return tuple(planned.values()), tuple(missing)


def _check_contractions(plan: TrialPlan) -> None:
    if plan.vibstim_task and not plan.maximal_task:
        rule = "vibstim_task needs maximal_task, of whose EMG and torque VibStim's are expressed in per cent"
        raise InputError(f"{plan.path}, key contractions", rule, "Name the task of the maximal contraction.")
