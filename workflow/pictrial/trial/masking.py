"""Masking: a plan whose conditions have other names, or are dealt anew, so that nobody sees the truth yet.

What comes out is a plan like any other. Statistics and reporting take it for theirs and know nothing of
masking; only the rules that meet the data set's own conditions relabel them (`StagedTrial.relabel`).
All draws are orders by HMAC-SHA256 (RFC 2104) with the trial's key: without the key nobody can repeat them.
"""

import hashlib
import hmac
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, permutations, product

import pandas as pd

from pictrial.errors import InputError
from pictrial.trial.masked_words import WITHHELD, PlanWords, without_session_texts

#: Names of masked conditions, in the order of the plan's levels.
LETTERS = "xyz" + string.ascii_lowercase[:23]
_CONDITIONS = ("planned_condition", "delivered_condition", "condition")


@dataclass(frozen=True)
class StagedTrial:
    """A plan as a stage may see it, and what turns the data set's own conditions into the plan's.

    Attributes
    ----------
    content : dict
        What the staged plan's file says.
    labels : dict of str to dict of str to str
        Of each participant: true condition and its label, one to one over all conditions.
    words : PlanWords
        Hides conditions in free text.
    """

    content: dict
    labels: dict[str, dict[str, str]]
    words: PlanWords

    def relabel(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table of sessions with the staged conditions and sequences, and without reasons in words.

        Parameters
        ----------
        table : DataFrame
            Columns participant and, as far as they are there, sequence, condition, planned_condition,
            delivered_condition and reason.
        """
        table = table.copy()
        people = table["participant"]
        for column in table.columns.intersection(_CONDITIONS):
            table[column] = [
                value if pd.isna(value) else self.labels[person][value]
                for person, value in zip(people, table[column], strict=True)
            ]
        if "sequence" in table:
            table["sequence"] = people.map(self.content["participants"])
        if "reason" in table:
            table["reason"] = table["reason"].mask(table["reason"].notna(), WITHHELD)
        return table

    def hide_texts(self, events: pd.DataFrame) -> pd.DataFrame:
        """Return recorded events (schema ``recorded_events``) without words that tell a condition."""
        hidden = {
            column: [value if pd.isna(value) else self.words.hide(value) for value in events[column]]
            for column in ("code", "label")
        }
        return events.assign(**hidden, text=events["text"].mask(events["text"].notna(), WITHHELD))


def masked_trial(content: dict, key: bytes) -> StagedTrial:
    """Rename conditions and sequences in an order drawn by the key.

    The plan's first condition, the reference, becomes ``x``, its second ``y`` and so on wherever the plan
    speaks of conditions (levels, contrasts). Which of them a session truly had is drawn: within each
    experiment, the true conditions go to these letters in an order that only the key tells. So the masked
    reference is as likely any condition as the true one, but for those that someone in a crossover lacks.
    The baseline of parallel groups, which everyone is measured in first, only loses its name.

    Parameters
    ----------
    content : dict
        What the plan's file says; a valid plan.
    key : bytes

    Raises
    ------
    InputError
        Where there are more conditions than letters, or a name of the data set tells a condition.
    """
    levels = [level["name"] for level in content["conditions"]["levels"]]
    if len(levels) > len(LETTERS):
        raise InputError(
            "plan, key conditions.levels", f"{len(levels)} conditions", "At most 26 can be masked."
        )
    letters = dict(zip(levels, LETTERS, strict=False))
    orders = content["design"]["sequences"]
    sequences = dict(zip(_shuffled(orders, key, "sequences"), _capitals(), strict=False))
    words = PlanWords(content, letters, sequences)
    truth = {
        name: drawn
        for experiment, names in _experiments(content).items()
        for drawn in [_drawn_letters(content, letters, names, key, experiment)]
        for name in names
    }
    masked = words.plan(content)
    renamed = {sequences[name]: [truth[name][one] for one in order] for name, order in orders.items()}
    masked["design"]["sequences"] = dict(sorted(renamed.items()))
    masked["conditions"]["levels"] = [
        {"name": letter, "label": letter.upper(), "description": WITHHELD, "source": WITHHELD}
        for letter in letters.values()
    ]
    return StagedTrial(masked, {who: truth[name] for who, name in content["participants"].items()}, words)


def dummy_trial(content: dict, key: bytes, seed: int) -> StagedTrial:
    """Deal the true labels anew: no session's label tells its condition.

    In a crossover, each participant's conditions are put in an order that is drawn for them alone: one of
    the plan's own where these have each condition equally often in each period, else any. Each session then
    has each of the participant's conditions with equal probability, whatever it truly was. Of parallel groups
    the arms are dealt anew between the participants of an experiment, each arm to as many as planned.

    Parameters
    ----------
    content : dict
        What the plan's file says; a valid plan.
    key : bytes
    seed : int
        That of the run.
    """
    dealt = _dealt_orders(content, key, seed)
    orders = {name: tuple(order) for name, order in content["design"]["sequences"].items()}
    new, participants = dict(orders), {}
    experiment_of = {name: one for one, names in _experiments(content).items() for name in names}
    for person, sequence in content["participants"].items():
        fitting = [
            name
            for name, order in new.items()
            if order == dealt[person] and experiment_of[name] == experiment_of[sequence]
        ]
        name = fitting[0] if fitting else next(f"D{n}" for n in count(1) if f"D{n}" not in new)
        new[name], participants[person] = dealt[person], name
        experiment_of[name] = experiment_of[sequence]
    staged = without_session_texts(content) | {"participants": participants}
    staged["design"] = content["design"] | {"sequences": {name: list(order) for name, order in new.items()}}
    if "experiments" in content:
        staged["experiments"] = {
            name: part | {"sequences": [one for one in new if experiment_of[one] == name]}
            for name, part in content["experiments"].items()
        }
    levels = [level["name"] for level in content["conditions"]["levels"]]
    labels = {
        person: _completed(dict(zip(orders[sequence], dealt[person], strict=True)), levels)
        for person, sequence in content["participants"].items()
    }
    return StagedTrial(staged, labels, PlanWords(content, _same(levels), _same(new)))


def _drawn_letters(
    content: dict, letters: dict[str, str], names: Sequence[str], key: bytes, experiment: str
) -> dict[str, str]:
    """Return the drawn letter of each condition; everyone in a crossover still has the reference."""
    orders, baseline = content["design"]["sequences"], content["design"].get("baseline")
    own = [one for one in letters if one != baseline and any(one in orders[name] for name in names)]
    reference = content["conditions"]["reference"]
    people = (
        [] if baseline else [(who, name) for who, name in content["participants"].items() if name in names]
    )
    draws = (_shuffled(own, key, "conditions", experiment, attempt) for attempt in count())
    for roles in (dict(zip(drawn, own, strict=True)) for drawn in draws):
        ordered = ((who, [roles[one] for one in orders[name]]) for who, name in people)
        if all(_has(content, who, order, reference) for who, order in ordered):
            break
    return letters | {true: letters[role] for true, role in roles.items()}


def _dealt_orders(content: dict, key: bytes, seed: int) -> dict[str, tuple[str, ...]]:
    """Return a new order of conditions for each participant; of parallel groups, the order of a new arm."""
    orders = {name: tuple(order) for name, order in content["design"]["sequences"].items()}
    allocation, reference = content["participants"], content["conditions"]["reference"]
    dealt: dict[str, tuple[str, ...]] = {}
    for experiment, names in _experiments(content).items():
        people = [person for person, name in allocation.items() if name in names]
        if "baseline" in content["design"]:
            arms = [orders[allocation[person]] for person in people]
            dealt |= dict(zip(_shuffled(people, key, "people", seed, experiment), arms, strict=True))
        else:
            for person in people:
                fair = _fair_orders([orders[name] for name in names], orders[allocation[person]])
                drawn = _shuffled(fair, key, "orders", seed, person)
                dealt[person] = next(order for order in drawn if _has(content, person, order, reference))
    return dealt


def _has(content: dict, person: str, order: Sequence[str], condition: str) -> bool:
    """Say whether a participant with this order of conditions has one in a session that took place."""
    missing = [
        int(one["session"]) for one in content.get("missing_sessions", []) if one["participant"] == person
    ]
    return condition in order and order.index(condition) + 1 not in missing


def _fair_orders(planned: list[tuple[str, ...]], own: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the planned orders of one's own conditions if each is equally often in each period, else all."""
    alike = [order for order in planned if set(order) == set(own)]
    for period in zip(*alike, strict=True):
        times = Counter(period)
        if len(times) < len(own) or len(set(times.values())) > 1:
            return list(permutations(own))
    return alike


def _completed(labels: dict[str, str], conditions: list[str]) -> dict[str, str]:
    """Return `labels` with those of the conditions that it lacks: one to one, in the plan's order."""
    rest = [one for one in conditions if one not in labels]
    left = [one for one in conditions if one not in labels.values()]
    return labels | dict(zip(rest, left, strict=True))


def _same(names: Iterable[str]) -> dict[str, str]:
    """Return names that stay as they are."""
    return {name: name for name in names}


def _experiments(content: dict) -> dict[str, list[str]]:
    """Return the sequences of each experiment; of the whole trial where it is one."""
    if "experiments" in content:
        return {name: part["sequences"] for name, part in content["experiments"].items()}
    return {"": list(content["design"]["sequences"])}


def _shuffled(items: Iterable, key: bytes, *names: object) -> list:
    """Return `items` in the order of their keyed hashes."""

    def place(item: object) -> bytes:
        return hmac.digest(key, "\x1f".join(map(str, (*names, item))).encode(), hashlib.sha256)

    return sorted(items, key=place)


def _capitals() -> Iterable[str]:
    """Yield A, B, … Z, AA, AB and so on."""
    for length in count(1):
        yield from map("".join, product(string.ascii_uppercase, repeat=length))
