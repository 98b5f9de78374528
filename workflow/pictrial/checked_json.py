"""Reading JSON that users give: UTF-8, no key with two values, numbers finite."""

import json
import math
from pathlib import Path

from pictrial.errors import InputError


def read_json_object(path: str | Path) -> dict:
    """Return the object that a JSON file holds.

    Raises
    ------
    InputError
        Where the file is missing, or as of :func:`parse_json_object`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    return parse_json_object(path, path.read_bytes())


def parse_json_object(where: object, text: bytes) -> dict:
    """Return the object that a JSON text is.

    Python alone would take NaN, let the last of two values of a key win, and turn 1e999 into infinity.

    Parameters
    ----------
    where : object
        What to call the text in an error, usually its file.
    text : bytes
        UTF-8, with or without a byte-order mark.

    Raises
    ------
    InputError
        Where it is not UTF-8 or no JSON object, gives a key two values, has a number that is not finite, or
        is nested too deeply.
    """
    try:
        content = json.loads(
            text.decode("utf-8-sig"),
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_unique,
        )
        if isinstance(content, dict):
            return content
        reason = "it is another kind of value"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError as error:
        reason = str(error)
    raise InputError(where, f"this is not a JSON object ({reason})", "Correct the file.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not a finite number")
    return number


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _unique(pairs: list[tuple[str, object]]) -> dict:
    content: dict = {}
    for key, value in pairs:
        if content.setdefault(key, value) != value:
            raise ValueError(f"key {key!r} has two values")
    return content
