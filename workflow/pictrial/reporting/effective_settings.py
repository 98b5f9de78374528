"""The configuration with every default filled in: what the methods text and reports quote."""

from collections.abc import Mapping
from pathlib import Path

from pictrial.checked_yaml import read_checked_yaml

_WORKFLOW = Path(__file__).resolve().parents[2]
#: Its stages' values are the defaults of the stages' settings; a test holds them equal.
DEFAULTS = _WORKFLOW.parent / "config" / "config.yaml"
#: Which trial it is and where its data are: never taken from the defaults.
_OWN = ("trial", "results", "seed", "data", "masking")


def effective_settings(config: Mapping) -> dict:
    """Return a checked configuration with the defaults of everything that it does not say.

    Parameters
    ----------
    config : mapping
        Content of a ``config.yaml`` that keeps its schema.
    """
    defaults = read_checked_yaml(DEFAULTS, _WORKFLOW / "schemas" / "config.schema.json")
    stages = {name: value for name, value in defaults.items() if name not in _OWN}
    return _filled(config, stages)


def _filled(given: Mapping, defaults: Mapping) -> dict:
    both = {
        name: _filled(given[name], value)
        if isinstance(value, Mapping) and name in given
        else given.get(name, value)
        for name, value in defaults.items()
    }
    return {**both, **{name: value for name, value in given.items() if name not in defaults}}
