"""Ordinal clinical scores: a latent severity, and how many thresholds it passes.

The severity of a session is the sum of the participant's own (normal), the effect of the condition and what
changes from session to session (standard logistic), all in logits. Given the participant, the odds of a score
above any threshold are thus multiplied by exp(effect) under every condition: proportional odds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError
from pictrial.recordings.bids_writer import write_json, write_tsv
from pictrial.seeds import random_generator
from pictrial.simulation.planted import of_condition


@dataclass(frozen=True)
class ScoreSettings:
    """One ordinal score.

    Attributes
    ----------
    description : str
        What it is, for the data dictionary.
    levels : dict of str to str
        Its numbers, ascending, each with its meaning.
    thresholds : tuple of float
        Between neighbouring levels, ascending, logits: a severity between the first and the second gives
        the second level.
    participant_sd : float
        SD of the participants' severity, logits.
    effects : dict of str to float
        Shift of the severity in each condition, logits.
    """

    description: str
    levels: dict[str, str]
    thresholds: tuple[float, ...]
    participant_sd: float
    effects: dict[str, float]

    def __post_init__(self):
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        numbers = list(map(float, self.levels))
        if len(self.thresholds) != len(numbers) - 1:
            rule = f"{len(numbers)} levels have {len(numbers) - 1} thresholds, not {len(self.thresholds)}"
            raise InputError("config, key simulation.scores", rule, "Correct levels or thresholds.")
        for name, values in (("levels", numbers), ("thresholds", self.thresholds)):
            if not (np.diff(values) > 0).all():
                rule = f"{name} do not ascend: {', '.join(f'{value:g}' for value in values)}"
                raise InputError("config, key simulation.scores", rule, "Sort them, each once.")

    def planted_effect(self, name: str, condition: str) -> float:
        """Return the shift of the severity in `condition`, logits.

        Raises
        ------
        InputError
            Where no effect is set for the condition.
        """
        return of_condition(f"scores.{name}.effects", self.effects, condition)


def planned_scores(configured: Mapping[str, Mapping], measures: Iterable[str]) -> dict[str, ScoreSettings]:
    """Return the settings of the scores among the plan's `measures`, by ``<table>.<column>``.

    Raises
    ------
    InputError
        Where one of them is not configured, or a configured one is not planned.
    """
    planned = [name.removeprefix("scores.") for name in measures if name.startswith("scores.")]
    for name in planned:
        if name not in configured:
            rule = f"the plan's score {name!r} is not described"
            raise InputError("config, key simulation.scores", rule, did_you_mean(name, list(configured)))
    for name in configured:
        if name not in planned:
            rule = f"no outcome of the plan has the measure scores.{name}"
            raise InputError("config, key simulation.scores", rule, "Add the outcome, or remove the score.")
    return {name: ScoreSettings(**configured[name]) for name in planned}


def draw_scores(name: str, score: ScoreSettings, schedule: pd.DataFrame, seed: int) -> np.ndarray:
    """Draw one score of every session, shape (sessions,).

    Parameters
    ----------
    name : str
        ``<table>.<column>``.
    score : ScoreSettings
        Its settings.
    schedule : DataFrame
        Columns participant, session, condition; one row per session.
    seed : int
        Seed of the trial.
    """
    levels = np.array(list(map(float, score.levels)))
    drawn = []
    for row in schedule.itertuples():
        person = random_generator(seed, "simulation", row.participant, "score", name)
        session = random_generator(seed, "simulation", row.participant, row.session, "score", name)
        severity = score.participant_sd * person.standard_normal() + session.logistic()
        severity += score.planted_effect(name, row.condition)
        drawn.append(levels[np.searchsorted(score.thresholds, severity)])
    return np.array(drawn)


def write_scores(
    scores: Mapping[str, ScoreSettings], schedule: pd.DataFrame, seed: int, bids_root: str | Path
) -> None:
    """Write ``phenotype/<table>.tsv`` and its data dictionary for every table of `scores`."""
    tables: dict[str, dict[str, ScoreSettings]] = {}
    for name, score in scores.items():
        tables.setdefault(name.split(".")[0], {})[name] = score
    for table, columns in tables.items():
        rows = pd.DataFrame(
            {
                "participant_id": "sub-" + schedule["participant"],
                "session_id": "ses-" + schedule["session"],
            }
        )
        described: dict[str, dict] = {
            "participant_id": {"Description": "Participant"},
            "session_id": {"Description": "Session"},
        }
        for name, score in columns.items():
            column = name.split(".")[1]
            rows[column] = draw_scores(name, score, schedule, seed)
            described[column] = {"Description": score.description, "Levels": score.levels}
        write_tsv(Path(bids_root) / "phenotype" / f"{table}.tsv", rows)
        write_json(Path(bids_root) / "phenotype" / f"{table}.json", described)
