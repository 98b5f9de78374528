"""What is to be estimated, in whom, and what may come between: experiments, events, populations, estimands.

The attributes of an estimand are those of ICH E9(R1), Addendum on estimands and sensitivity analysis in
clinical trials (2019), section A.3: treatment, population, variable, intercurrent events, summary.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pictrial.errors import InputError
from pictrial.trial.planned_analyses import Analysis, refuse_unknown, unsourced

#: Why a population may leave a row of outcomes out. That there is no value leaves a row out of every one.
REASONS = {
    "protocol_deviation": "a major protocol deviation in this session",
    "intercurrent_event": "an intercurrent event in this session",
    "not_in_reference": "no value in the reference condition (of parallel groups, in the baseline)",
    "in_reference_only": "no value but in the reference condition (of parallel groups, in the baseline)",
    "unit_unmatched": "no value in every condition of the sequence",
}


@dataclass(frozen=True)
class Experiment:
    """A part of the trial with people, conditions and recordings of its own.

    Attributes
    ----------
    name, label : str
    sequences : tuple of str
        Those of its participants.
    tasks : tuple of str
        BIDS task labels of what is recorded: the plan's contraction, VibStim or both.
    """

    name: str
    label: str
    sequences: tuple[str, ...]
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Population:
    """Who and what is analysed. `leaves_out` names `REASONS` or events of the plan."""

    name: str
    label: str
    definition: str
    leaves_out: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """What may happen to a session, and where it is recorded; see ``trial.schema.json``."""

    name: str
    label: str
    recorded_as: str


@dataclass(frozen=True)
class IntercurrentEvent:
    """How an estimand deals with an event: its strategy by ICH E9(R1), and what is done."""

    event: str
    strategy: str
    handling: str


@dataclass(frozen=True)
class Estimand:
    """What is to be estimated. The first of `analyses` is the main estimator."""

    name: str
    label: str
    treatment: str
    population: str
    outcome: str
    summary: str
    intercurrent_events: tuple[IntercurrentEvent, ...]
    analyses: tuple[str, ...]


def read_experiments(path: Path, content: dict) -> dict[str, Experiment]:
    """Return the experiments of a plan that keeps its schema; empty where the trial is one.

    Raises
    ------
    InputError
        Where one names a sequence or task that the plan does not have, or a sequence is in none or in two.
    """
    contractions, sequences = content["contractions"], content["design"]["sequences"]
    tasks = [contractions[key] for key in ("task", "vibstim_task") if key in contractions]
    experiments: dict[str, Experiment] = {}
    of_sequence: dict[str, str] = {}
    for name, entry in content.get("experiments", {}).items():
        where = f"{path}, key experiments.{name}"
        for sequence in entry["sequences"]:
            refuse_unknown(f"{where}.sequences", "sequence", sequence, sequences)
            if sequence in of_sequence:
                rule = f"sequence {sequence!r} is in the experiment {of_sequence[sequence]!r}, too"
                raise InputError(f"{where}.sequences", rule, "Give each experiment sequences of its own.")
            of_sequence[sequence] = name
        for task in entry.get("tasks", []):
            refuse_unknown(f"{where}.tasks", "task", task, tasks)
        experiments[name] = Experiment(
            name, entry["label"], tuple(entry["sequences"]), tuple(entry.get("tasks", tasks))
        )
    for sequence in sequences:
        if experiments and sequence not in of_sequence:
            where = f"{path}, key design.sequences.{sequence}"
            raise InputError(where, "the sequence is in no experiment", "Name it in one of the experiments.")
    return experiments


def read_events(path: Path, content: dict) -> dict[str, Event]:
    """Return the events of a plan that keeps its schema."""
    events = {name: Event(name, **unsourced(entry)) for name, entry in content.get("events", {}).items()}
    for name in events:
        if name in REASONS:
            rule = "this is the name of a reason of populations"
            raise InputError(f"{path}, key events.{name}", rule, "Choose another name.")
    return events


def read_populations(path: Path, content: dict, events: Mapping[str, Event]) -> dict[str, Population]:
    """Return the populations of a plan that keeps its schema.

    Raises
    ------
    InputError
        Where the first leaves anything out, or one leaves out what is neither a reason nor a recorded event.
    """
    recorded = [name for name, event in events.items() if event.recorded_as not in _OF_THE_DATA]
    populations: dict[str, Population] = {}
    for name, entry in content["populations"].items():
        where = f"{path}, key populations.{name}.leaves_out"
        if not populations and entry["leaves_out"]:
            rule = "the first population is that of everyone with a value, and leaves nothing else out"
            raise InputError(where, rule, "Put such a population before it.")
        for reason in entry["leaves_out"]:
            refuse_unknown(where, "reason or recorded event", reason, [*REASONS, *recorded])
        kept = unsourced(entry) | {"leaves_out": tuple(entry["leaves_out"])}
        populations[name] = Population(name, **kept)
    return populations


#: Events that follow from plan and data: without a value no population can hold a row.
_OF_THE_DATA = ("missing_session", "no_value")


def read_estimands(
    path: Path,
    content: dict,
    analyses: Mapping[str, Analysis],
    populations: Mapping[str, Population],
    events: Mapping[str, Event],
) -> dict[str, Estimand]:
    """Return the estimands of a plan that keeps its schema.

    Raises
    ------
    InputError
        Where one names a population, outcome, event or analysis that the plan does not have, an event twice,
        analyses of several experiments, or a first analysis of another outcome or population.
    """
    estimands = {}
    for name, entry in content.get("estimands", {}).items():
        where = f"{path}, key estimands.{name}"
        refuse_unknown(f"{where}.population", "population", entry["population"], populations)
        refuse_unknown(f"{where}.outcome", "outcome", entry["outcome"], content["outcomes"])
        for analysis in entry["analyses"]:
            refuse_unknown(f"{where}.analyses", "analysis", analysis, analyses)
        named = [item["event"] for item in entry["intercurrent_events"]]
        for event in named:
            refuse_unknown(f"{where}.intercurrent_events", "event", event, events)
            if named.count(event) > 1:
                rule = f"the event {event!r} is dealt with twice"
                raise InputError(f"{where}.intercurrent_events", rule, "Keep one of the two.")
        _check_estimators(where, entry, [analyses[analysis] for analysis in entry["analyses"]])
        kept = unsourced(entry) | {
            "intercurrent_events": tuple(IntercurrentEvent(**item) for item in entry["intercurrent_events"]),
            "analyses": tuple(entry["analyses"]),
        }
        estimands[name] = Estimand(name, **kept)
    return estimands


def _check_estimators(where: str, entry: dict, analyses: list[Analysis]) -> None:
    main = analyses[0]
    for key in ("outcome", "population"):
        if getattr(main, key) != entry[key]:
            rule = f"its first analysis {main.name} has the {key} {getattr(main, key)!r}, not {entry[key]!r}"
            raise InputError(f"{where}.{key}", rule, "Put the main estimator first, or correct one of them.")
    for analysis in analyses:
        if analysis.experiment != main.experiment:
            rule = f"{analysis.name} is of the experiment {analysis.experiment!r}, not {main.experiment!r}"
            raise InputError(f"{where}.analyses", rule, "Give each experiment estimands of its own.")
