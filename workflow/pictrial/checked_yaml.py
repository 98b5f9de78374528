"""Reading a YAML file against its JSON Schema, with errors that a person can act on.

The schemas are JSON Schema 2020-12, restricted to keywords that mean the same in draft 7, which is what
fastjsonschema compiles. It is imported in milliseconds where jsonschema takes seconds, and the plan is
read whenever Snakemake builds its graph.
"""

import json
import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import fastjsonschema
import yaml

from pictrial.errors import InputError


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML without its silent habit of letting the last of two equal keys win."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            place = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key, str):
                raise _KeyProblem(f"{place}: key {key!r} is not text", "Write the key in quotes.")
            if key in seen:
                raise _KeyProblem(f"{place}: key {key!r} occurs twice", "Keep one of the two.")
            seen.add(key)
        return super().construct_mapping(node, deep)


class _KeyProblem(Exception):
    """A rule about keys that YAML itself does not have: what is wrong, and what to do."""


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
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except _KeyProblem as problem:
        raise InputError(path, *problem.args) from None
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
    patterns = list(definition.get("patternProperties", {}))
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
