"""What conditions do, as it is planted: the look-up that every simulated outcome shares."""

from collections.abc import Mapping

from pictrial.checked_yaml import did_you_mean
from pictrial.errors import InputError


def of_condition(key: str, planted: Mapping[str, float], condition: str) -> float:
    """Return what is planted for a condition.

    Parameters
    ----------
    key : str
        Key of the configuration below ``simulation``.
    planted : mapping of str to float
        Its value for each condition.
    condition : str
        A level of the plan.

    Raises
    ------
    InputError
        Where nothing is planted for the condition.
    """
    if condition not in planted:
        where = f"config, key simulation.{key}"
        raise InputError(
            where, f"condition {condition!r} has no effect", did_you_mean(condition, list(planted))
        )
    return planted[condition]
