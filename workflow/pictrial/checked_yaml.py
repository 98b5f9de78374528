"""Reading a YAML file against its JSON Schema, with errors that a person can act on.

The schemas are JSON Schema 2020-12, restricted to keywords that mean the same in draft 7, which is what
fastjsonschema compiles. It is imported in milliseconds where jsonschema takes seconds, and the plan is
read whenever Snakemake builds its graph.
"""

import json
import math
import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import fastjsonschema
import yaml

from pictrial.errors import InputError

_MOST_NODES = 100_000


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML without its silent habit of letting the last of two equal keys win, and with finite numbers."""

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError) as error:  # of dates and numbers that are none
            raise _ContentProblem(f"line {node.start_mark.line + 1}: {error}", "Correct the value.") from None

    def construct_yaml_float(self, node):
        number = super().construct_yaml_float(node)
        if not math.isfinite(number):
            raise ValueError(f"{node.value} is not a finite number")
        return number

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            place = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key, str):
                raise _ContentProblem(f"{place}: key {key!r} is not text", "Write the key in quotes.")
            if key in seen:
                raise _ContentProblem(f"{place}: key {key!r} occurs twice", "Keep one of the two.")
            seen.add(key)
        return super().construct_mapping(node, deep)


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:float", _UniqueKeyLoader.construct_yaml_float)


class _ContentProblem(Exception):
    """A rule that YAML itself does not have: what is wrong, and what to do."""


def _loaded(text: str) -> object:
    """Return what YAML makes of a text; aliases must not multiply it beyond `_MOST_NODES`."""
    loader = _UniqueKeyLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST_NODES:
            raise _ContentProblem(f"its aliases make it larger than {_MOST_NODES} values", "Use fewer.")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node has once every alias is written out; infinite where one holds itself."""
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        inner = [part for pair in parts for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in inner)
    return known[id(node)]


def read_checked_yaml(path: str | Path, schema: str | Path) -> dict:
    """Read the YAML file at `path` and check it against the JSON Schema at `schema`.

    Parameters
    ----------
    path, schema : str or Path
        Files.

    Returns
    -------
    dict
        What the file says; no defaults are filled in.

    Raises
    ------
    InputError
        Where the file is missing, is not YAML, has a key twice or a key that is not text, or breaks
        the schema: the message names the file, the key and the rule, and for an unknown key the
        nearest known one.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    try:
        content = _loaded(path.read_text(encoding="utf-8"))
    except _ContentProblem as problem:
        raise InputError(path, *problem.args) from None
    except RecursionError:
        raise InputError(path, "it is nested too deeply", "Write it flatter.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f"not YAML: {' '.join(str(error).split())}", "Correct the syntax.") from error
    return check_content(content, schema, path)


def check_content(content: object, schema: str | Path, where: object) -> dict:
    """Check what a file says against the JSON Schema at `schema` and return it.

    Parameters
    ----------
    content : object
        What YAML made of the file.
    schema : str or Path
        File.
    where : object
        What to call the content in an error, usually its file.

    Raises
    ------
    InputError
        As :func:`read_checked_yaml`.
    """
    try:
        return _validator(Path(schema).read_text(encoding="utf-8"))(content)
    except fastjsonschema.JsonSchemaValueException as error:
        raise _as_input_error(where, error) from error


@cache
def _validator(schema: str) -> Callable[[object], dict]:
    return fastjsonschema.compile(json.loads(schema), use_default=False)


def _as_input_error(place: object, error: fastjsonschema.JsonSchemaValueException) -> InputError:
    key = ".".join(str(part) for part in error.path[1:])
    where = f"{place}, key {key}" if key else str(place)
    if error.rule == "additionalProperties" and isinstance(error.value, dict):
        return _unknown_key(where, error.value, error.definition)
    if error.rule == "required":
        missing = [name for name in error.rule_definition if name not in error.value]
        return InputError(where, f"key {missing[0]!r} is missing", "Add it.")
    if error.definition is False:
        return InputError(where, "the key has no meaning here", "Remove it.")
    rule = f"{error.message.removeprefix(error.name or '').strip()} (it is {error.value!r})"
    return InputError(where, rule, "Correct the value.")


def _unknown_key(where: str, value: dict, definition: dict) -> InputError:
    known = list(definition.get("properties", {}))
    # Python's $ also matches before a line end that closes the name; that of JSON Schema does not.
    patterns = [pattern.replace("$", r"\Z") for pattern in definition.get("patternProperties", {})]
    unknown = next(
        key for key in value if key not in known and not any(re.search(pattern, key) for pattern in patterns)
    )
    if not known:
        return InputError(where, f"name {unknown!r} does not match {patterns[0]}", "Rename it.")
    return InputError(where, f"unknown key {unknown!r}", did_you_mean(unknown, known))


def did_you_mean(name: str, known: list[str]) -> str:
    """Return a remedy that names the nearest of the `known` names, or all of them."""
    near = get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}."
