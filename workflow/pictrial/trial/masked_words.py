"""Taking the names of conditions and sequences out of the words of a plan.

The plan is walked beside its JSON Schema, which tells names from free text from what has a fixed meaning, so
that a key that the schema gains later is masked, too.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache

from pictrial.errors import InputError
from pictrial.trial.plan import SCHEMA

#: What free text about one session becomes: it may tell by itself which condition that was.
WITHHELD = "withheld while masked"
_CONDITION, _SEQUENCE = "[condition]", "[sequence]"
#: From this length on, words that only begin with a name are hidden as well: "controls", "stimulation's".
_STEM = 4
#: Keys whose values are columns of tables, recorded codes, people and sessions, which stay as they are.
_KEPT = ("formula", "measure", "event", "leaves_out", "participant", "session")


class PlanWords:
    """Names and free text of a plan, without what they say about its conditions and sequences.

    Parameters
    ----------
    content : dict
        What the plan's file says.
    conditions, sequences : mapping of str to str
        New name of every condition and of every sequence.
    """

    def __init__(self, content: dict, conditions: Mapping[str, str], sequences: Mapping[str, str]):
        levels = content["conditions"]["levels"]
        labels = [str(level[key]) for level in levels for key in ("name", "label", "description")]
        self._conditions, self._sequences = conditions, sequences
        self._schema = _schema()
        self._phrases = re.compile(_any_of(map(_phrase, labels)), re.IGNORECASE)
        self._orders = re.compile(_any_of(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sequences))
        stems = (
            rf"{re.escape(name)}{'' if len(name) >= _STEM else '(?![A-Za-z0-9])'}" for name in conditions
        )
        self._names = re.compile(rf"(?<![A-Za-z0-9])({_any_of(stems)})")

    def hide(self, text: str) -> str:
        """Return free text without conditions' names, labels and descriptions, and sequences' names."""
        return self._orders.sub(_SEQUENCE, self._phrases.sub(_CONDITION, text))

    def rename(self, name: str) -> str:
        """Return a name, or a contrast of two, with the conditions' new names in it."""
        return self._names.sub(lambda found: self._conditions[found[0]], name)

    def plan(self, content: dict) -> dict:
        """Return the plan with all names and texts changed; allocation and sequences' contents as they are.

        Raises
        ------
        InputError
            Where a name that comes from the data set tells a condition, or two names become one.
        """
        changed = self._walk(content, self._schema, "")
        changed["participants"] = {
            name: self._sequences[order] for name, order in content["participants"].items()
        }
        changed["design"]["sequences"] = {
            self._sequences[name]: order for name, order in content["design"]["sequences"].items()
        }
        return changed

    def _walk(self, value, rule: dict, key: str):
        definition = rule.get("$ref", "").removeprefix("#/$defs/")
        rule = self._schema["$defs"].get(definition, rule)
        if isinstance(value, dict):
            return self._mapping(value, rule, key)
        if isinstance(value, list):
            if key == "sequences":
                return [self._sequences[name] for name in value]
            return [self._walk(part, rule.get("items", {}), key) for part in value]
        if not isinstance(value, str) or "enum" in rule or "const" in rule:
            return value
        if key in _KEPT or definition == "task":
            if key != "formula" and (definition == "task" or value.startswith("scores.")):
                self._refuse_telling(value, key)
            return value
        return self.rename(value) if "pattern" in rule else self.hide(value)

    def _mapping(self, value: dict, rule: dict, key: str) -> dict:
        known = rule.get("properties", {})
        named: dict = next(iter(rule.get("patternProperties", {}).values()), {})
        changed: dict = {}
        for name, part in value.items():
            if key in ("events", "participants"):
                self._refuse_telling(name, key)
            as_it_is = name in known or key in ("events", "participants")
            new = name if as_it_is else self.rename(name)
            if new in changed:
                raise InputError(
                    f"{key}.{name}", f"masked, it would be called {new!r} as another", "Rename it."
                )
            inner = known.get(name, named)
            about_session = "participant" in value and inner.get("$ref") == "#/$defs/text"
            changed[new] = WITHHELD if about_session else self._walk(part, inner, name)
        return changed

    def _refuse_telling(self, name: str, key: str) -> None:
        told = self._names.search(name)
        if told:
            rule = (
                f"{name!r} tells the condition {told[0]!r}, and masking cannot change what the data set uses"
            )
            raise InputError(f"plan, key {key}", rule, "Rename it in the data set and in the plan.")


@cache
def _schema() -> dict:
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def without_session_texts(content: dict) -> dict:
    """Return the plan without the reasons of single sessions, which may tell their conditions."""
    entries = [entry | {"reason": WITHHELD} for entry in content.get("missing_sessions", [])]
    return content | ({"missing_sessions": entries} if entries else {})


def _phrase(text: str) -> str:
    """Return a pattern of `text` however its words are joined and, if it is not short, however it goes on."""
    words = re.findall(r"[^\W_]+", text)
    if not words:
        return r"(?!)"
    end = r"[^\W_]*" if sum(map(len, words)) >= _STEM else r"(?![^\W_])"
    return r"(?<![^\W_])" + r"[\W_]+".join(map(re.escape, words)) + end


def _any_of(patterns: Iterable[str]) -> str:
    """Return a pattern of the longest of `patterns` that fits; of nothing where there are none."""
    return "|".join(sorted(patterns, key=len, reverse=True)) or r"(?!)"
