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
        Names the key, its value and the rule that it breaks; the first in the order of the keys.
    """
    import jsonschema

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(
        validator.iter_errors(configuration), key=lambda error: list(map(str, error.absolute_path))
    )
    if errors:
        raise InputError(f"{where}, {_key(errors[0])}", _rule(errors[0]), _REMEDY)
    assert isinstance(configuration, dict)
    return configuration


def _key(error) -> str:
    path = ".".join(map(str, error.absolute_path))
    return f"key {path!r}" if path else "top level"


def _rule(error) -> str:
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})), key=str)
        known = ", ".join(sorted(error.schema.get("properties", {})))
        return f"unknown key {', '.join(map(repr, unknown))} (known are: {known})"
    return error.message
