"""What is measured and how it is analysed: outcomes, analyses and families of the plan."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError

#: What a model's formula may name: columns of analysis/outcomes.tsv, and `unit` for its `unit_id`.
MODEL_COLUMNS = [
    *("value", "condition", "period", "sequence", "participant", "session", "unit", "n_controls"),
    "previous",
]
#: Methods that compare people of one arm with those of another.
_OF_PARALLEL_GROUPS = ("baseline_adjusted", "stratified_rank")
#: Adjustments that need t, its degrees of freedom and the covariance of the contrasts.
_OF_MIXED_MODELS = ("tukey", "dunnettx", "mvt")
#: What an analysis takes from the one that it names as its `model`, where it does not say it itself.
_TAKEN = ("outcome", "population", "formula", "reml", "df_method", "variances", "experiment")


@dataclass(frozen=True)
class Outcome:
    """An outcome of the trial; see ``trial.schema.json``. `aggregation` is None but for ΔF.

    `decimals` is the number of decimals that its values are printed with.
    """

    name: str
    label: str
    unit: str
    level: str
    measure: str
    aggregation: str | None = None
    decimals: int = 2


@dataclass(frozen=True)
class Analysis:
    """A planned analysis; see ``trial.schema.json``. What its method does not need is None.

    `baseline` is that of the design: None unless groups are parallel. `experiment` is None where the trial
    has no experiments.
    """

    name: str
    role: str
    method: str
    outcome: str
    population: str
    description: str
    formula: str | None = None
    reml: bool | None = None
    df_method: str | None = None
    variances: str | None = None
    model: str | None = None
    weights: str | None = None
    transformation: dict | None = None
    resamples: int | None = None
    imputations: int | None = None
    deltas: tuple[float, ...] | None = None
    floor: float | None = None
    baseline: str | None = None
    other: str | None = None
    experiment: str | None = None


@dataclass(frozen=True)
class Family:
    """Contrasts (condition, minus condition) whose P values are adjusted together in each analysis.

    `weights` and `transitions` are those of a graphical procedure, by the contrasts' names, else empty.
    """

    name: str
    analyses: tuple[str, ...]
    contrasts: tuple[tuple[str, str], ...]
    adjustment: str
    alpha: float
    weights: dict[str, float] = field(default_factory=dict)
    transitions: dict[str, dict[str, float]] = field(default_factory=dict)


def refuse_unknown(where: str, what: str, name: str, known: Iterable[str]) -> None:
    """Raise an InputError where `name` is not one of `known`."""
    known = list(known)
    if name not in known:
        raise InputError(where, f"{what} {name!r} is unknown to the plan", did_you_mean(name, known))


def read_outcomes(path: Path, content: dict) -> dict[str, Outcome]:
    """Return the outcomes of a plan that keeps its schema."""
    outcomes = {name: Outcome(name, **unsourced(value)) for name, value in content["outcomes"].items()}
    for outcome in outcomes.values():
        where = f"{path}, key outcomes.{outcome.name}"
        of_vibstim = outcome.measure.startswith("vibstim.")
        if of_vibstim and "vibstim_task" not in content["contractions"]:
            rule = f"{outcome.measure} is not measured: contractions has no vibstim_task"
            raise InputError(where, rule, "Name the task of the VibStim recording, or remove the outcome.")
        level = "participant" if of_vibstim or outcome.measure.startswith("scores.") else "motor_unit"
        if outcome.level != level:
            raise InputError(where, f"{outcome.measure} has the level {level}", f"Write level: {level}.")
    return outcomes


def read_analyses(path: Path, content: dict) -> dict[str, Analysis]:
    """Return the analyses of a plan that keeps its schema.

    Raises
    ------
    InputError
        Where one names an outcome, a column, a population or another analysis that the plan does not have,
        its method or baseline does not fit the design, its experiment is missing, unknown or without the
        recordings, or there is not the one primary analysis that the design (an experiment) wants.
    """
    entries, design = content["analyses"], content["design"]["type"]
    baseline = content["design"].get("baseline")
    analyses = {name: _analysis(f"{path}, key analyses.{name}", name, entries, baseline) for name in entries}
    for analysis in analyses.values():
        where = f"{path}, key analyses.{analysis.name}"
        refuse_unknown(f"{where}.outcome", "outcome", analysis.outcome, content["outcomes"])
        for name in re.findall(r"[A-Za-z_][\w.]*", analysis.formula or ""):
            refuse_unknown(f"{where}.formula", "column", name, MODEL_COLUMNS)
        if analysis.other:
            refuse_unknown(f"{where}.other", "outcome", analysis.other, content["outcomes"])
            units = [content["outcomes"][name]["unit"] for name in (analysis.outcome, analysis.other)]
            if analysis.method == "agreement" and units[0] != units[1]:
                rule = f"the outcomes have different units ({units[0]}, {units[1]})"
                raise InputError(where, rule, "Take outcomes in one unit, or the method correlation.")
        if analysis.weights and content["outcomes"][analysis.outcome]["measure"] != "delta_f":
            raise InputError(where, "only values of ΔF have standard errors", "Remove its weights.")
        if analysis.weights and analysis.transformation:
            rule = "standard errors are those of the outcome before its transformation"
            raise InputError(where, rule, "Remove its weights or its transformation.")
        if analysis.method in _OF_PARALLEL_GROUPS and design != "parallel":
            rule = f"{analysis.method} compares parallel groups, this design is {design}"
            raise InputError(f"{where}.method", rule, "Choose another method, or correct design.type.")
        if analysis.baseline != baseline:
            rule = f"{analysis.baseline!r} is not the design's baseline {baseline!r}"
            raise InputError(f"{where}.baseline", rule, "Name the same condition.")
        refuse_unknown(f"{where}.population", "population", analysis.population, content["populations"])
        _check_experiment(where, content, analysis)
    wanted = 0 if design == "single_session" else 1
    for experiment in content.get("experiments", [None]):
        primary = [one for one in analyses.values() if (one.role, one.experiment) == ("primary", experiment)]
        if len(primary) != wanted:
            of = f" in the experiment {experiment}" if experiment else ""
            rule = f"a {design} plan has {wanted} analysis with the role primary{of}, not {len(primary)}"
            raise InputError(f"{path}, key analyses", rule, "Correct the roles.")
    return analyses


def _check_experiment(where: str, content: dict, analysis: Analysis) -> None:
    """Refuse an analysis without its experiment, or of what is not recorded there."""
    experiments = content.get("experiments", {})
    if not experiments and analysis.experiment:
        raise InputError(f"{where}.experiment", "the plan has no experiments", "Remove the key.")
    if experiments and not analysis.experiment:
        rule = f"the plan has experiments ({', '.join(experiments)}), and the analysis names none"
        raise InputError(where, rule, "Add its experiment.")
    if analysis.experiment:
        refuse_unknown(f"{where}.experiment", "experiment", analysis.experiment, experiments)
        for outcome in filter(None, (analysis.outcome, analysis.other)):
            task = recorded_in(content["outcomes"][outcome]["measure"], content["contractions"])
            if task and task not in experiments[analysis.experiment].get("tasks", [task]):
                rule = f"the experiment {analysis.experiment!r} has no recordings of {task!r} for {outcome!r}"
                raise InputError(where, rule, "Choose another outcome, or correct the experiment's tasks.")


def recorded_in(measure: str, contractions: dict) -> str | None:
    """Return the BIDS task label of the recordings that an outcome comes from; None of clinical scores."""
    key = {"scores": None, "vibstim": "vibstim_task"}.get(measure.split(".")[0], "task")
    return contractions[key] if key else None


def read_families(path: Path, content: dict, analyses: dict[str, Analysis]) -> dict[str, Family]:
    """Return the families of a plan that keeps its schema.

    Raises
    ------
    InputError
        Where one names an analysis or a condition that the plan (the analysis's experiment) does not have,
        or compares a condition with itself, or the baseline of parallel groups by a method that compares
        people.
    """
    baseline = content["design"].get("baseline")
    conditions = [level["name"] for level in content["conditions"]["levels"]]
    families = {name: _family(name, value) for name, value in content["families"].items()}
    for family in families.values():
        where = f"{path}, key families.{family.name}"
        for analysis in family.analyses:
            refuse_unknown(f"{where}.analyses", "analysis", analysis, analyses)
            method = analyses[analysis].method
            if family.adjustment in _OF_MIXED_MODELS and method != "mixed_model":
                rule = f"{family.adjustment} needs mixed models, and {analysis} is a {method}"
                remedy = "Take another adjustment, or leave the analysis out."
                raise InputError(f"{where}.adjustment", rule, remedy)
        for contrast in family.contrasts:
            for condition in contrast:
                refuse_unknown(f"{where}.contrasts", "condition", condition, conditions)
            if contrast[0] == contrast[1]:
                rule = f"{contrast[0]!r} is compared with itself"
                raise InputError(f"{where}.contrasts", rule, "Name two conditions.")
            between = [n for n in family.analyses if analyses[n].method in _OF_PARALLEL_GROUPS]
            if between and baseline in contrast:
                rule = f"{between[0]} compares arms, and the baseline {baseline!r} is in each"
                raise InputError(f"{where}.contrasts", rule, "Compare arms, or leave the analysis out.")
            for experiment in filter(None, dict.fromkeys(analyses[n].experiment for n in family.analyses)):
                _refuse_foreign(f"{where}.contrasts", content, experiment, contrast)
        named = [*family.weights, *family.transitions]
        for name in (*named, *(other for row in family.transitions.values() for other in row)):
            refuse_unknown(where, "contrast", name, content["families"][family.name]["contrasts"])
    return families


def _refuse_foreign(where: str, content: dict, experiment: str, contrast: tuple[str, str]) -> None:
    """Refuse a contrast of conditions that the experiment's participants do not get."""
    sequences = content["experiments"][experiment]["sequences"]
    given = {condition for name in sequences for condition in content["design"]["sequences"][name]}
    for condition in contrast:
        if condition not in given:
            rule = f"the experiment {experiment!r} has no condition {condition!r}"
            raise InputError(where, rule, "Give each experiment a family of its own.")


def _analysis(where: str, name: str, entries: dict[str, dict], baseline: str | None) -> Analysis:
    entry = {"baseline": baseline} | unsourced(entries[name])
    if "model" in entry:
        refuse_unknown(f"{where}.model", "analysis", entry["model"], entries)
        model = entries[entry["model"]]
        if model["method"] != "mixed_model" or "formula" not in model:
            rule = f"{entry['model']} is no mixed model with a formula of its own"
            raise InputError(f"{where}.model", rule, "Name such an analysis.")
        if entry["method"] != "mixed_model" and not {"weights", "transformation"}.isdisjoint(model):
            rule = f"{entry['method']} would neither weigh nor transform the values, as {entry['model']} does"
            raise InputError(f"{where}.model", rule, "Name an analysis of the values as they are.")
        entry = {key: model[key] for key in _TAKEN if key in model} | entry
    if "deltas" in entry:
        entry["deltas"] = tuple(map(float, entry["deltas"]))
    return Analysis(name, **entry)


def _family(name: str, entry: dict) -> Family:
    contrasts = [contrast.split(" - ") for contrast in entry["contrasts"]]
    return Family(
        name,
        tuple(entry["analyses"]),
        tuple((condition, minus) for condition, minus in contrasts),
        entry["adjustment"],
        float(entry["alpha"]),
        entry.get("weights", {}),
        entry.get("transitions", {}),
    )


def unsourced(entry: dict) -> dict:
    """Return an entry of the plan without its source."""
    return {key: value for key, value in entry.items() if key != "source"}
