"""The configuration of a run: where the data are and how the signals are processed.

Every key is described in ``workflow/schemas/config.schema.json``; an unknown key is refused, because
a misspelt threshold would otherwise leave the default in place without a word.
"""

import json
from pathlib import Path

from pictrial.errors import InputError

SCHEMA = Path(__file__).resolve().parent.parent / "schemas" / "config.schema.json"
_REMEDY = "See the comments of config/config.yaml and workflow/schemas/config.schema.json."


def load_configuration(path: str | Path) -> dict:
    """Read and check a configuration file.

    Raises
    ------
    InputError
        Where the file is missing, is not YAML, or breaks the schema.
    """
    import yaml

    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "Name the config.yaml of a trial.")
    try:
        configuration = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(path, f"not valid YAML ({' '.join(str(error).split())})", _REMEDY) from error
    return check_configuration(configuration, path)


def check_configuration(configuration: object, where: object) -> dict:
    """Check `configuration` against its schema and return it.

    Parameters
    ----------
    configuration : object
        What the YAML file holds.
    where : object
        What to call it in an error, usually its file.

    Raises
    ------
    InputError
        Names the key, its value and the rule that it breaks.
    """
    import fastjsonschema

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    try:
        fastjsonschema.compile(schema, use_default=False)(configuration)
    except fastjsonschema.JsonSchemaValueException as error:
        key = ".".join(map(str, error.path[1:]))
        raise InputError(f"{where}, key {key!r}" if key else where, _rule(error), _REMEDY) from None
    assert isinstance(configuration, dict)
    return configuration


def _rule(error) -> str:
    if error.rule == "additionalProperties":
        known = error.definition["properties"]
        unknown = ", ".join(repr(key) for key in error.value if key not in known)
        return f"unknown key {unknown} (known are: {', '.join(sorted(known))})"
    if error.rule == "required":
        missing = ", ".join(repr(key) for key in error.rule_definition if key not in error.value)
        return f"key {missing} is missing"
    return f"{error.message.removeprefix(error.name).strip()} (it is {error.value!r})"
