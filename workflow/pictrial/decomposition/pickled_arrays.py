"""Arrays of arrays in .npz archives, which numpy stores as a pickle, read as data and never unpickled.

To unpickle is to run a program that the file holds. Here the program is only looked through, by Python's
pickletools, for what numpy writes: arrays of numbers, built from shape, type and bytes.
"""

import math
import pickletools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pictrial.errors import InputError
from pictrial.recordings.packed_files import REMEDY

_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE"}
_VALUES |= {"BINBYTES", "SHORT_BINBYTES"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MODULES = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}
_MARK = object()


class _Name(str):
    """The name of something of numpy's, as the file has it."""


class _Built(list):
    """What a call in the file would build: name, arguments, and the state that follows."""


class _NotNumpys(Exception):
    """What the file holds besides arrays."""


def read_array_of_arrays(path: Path, name: str) -> list[np.ndarray]:
    """Return the arrays of numbers that one array of an .npz archive holds.

    Raises
    ------
    InputError
        Where there is no such array, it is damaged, or it holds anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            version = np.lib.format.read_magic(stream)
            header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }
            shape, _, dtype = header[version](stream)
            content = stream.read()
        if dtype.kind != "O":
            values = np.frombuffer(content, dtype).reshape(shape)
            return [np.asarray(row) for row in values]
        return _rows(_parts(content))
    except _NotNumpys as reason:
        raise InputError(path, f"array {name!r} cannot be read: {reason}", REMEDY) from None
    except Exception as error:  # zipfile, numpy and pickletools meet damage with errors of many kinds
        raise InputError(path, f"array {name!r} cannot be read: {error}", REMEDY) from error


def _parts(content: bytes) -> object:
    """Return what a pickle describes, with calls as `_Built`."""
    stack: list = []
    memory: dict[int, object] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(content):
        name = opcode.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _TUPLES:
            stack[-_TUPLES[name] :] = [tuple(stack[-_TUPLES[name] :])]
        elif name in ("TUPLE", "APPENDS"):
            place = len(stack) - 1 - stack[::-1].index(_MARK)
            items = stack[place + 1 :]
            del stack[place:]
            if name == "TUPLE":
                stack.append(tuple(items))
            else:
                stack[-1].extend(items)
        elif name == "APPEND":
            item = stack.pop()
            stack[-1].append(item)
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memory[len(memory) if argument is None else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memory[argument])
        elif name == "GLOBAL":
            stack.append(_name(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            stack[-2:] = [_name(*stack[-2:])]
        elif name == "REDUCE":
            stack[-2:] = [_Built(stack[-2:])]
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].append(state)
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise _NotNumpys(f"it holds more than arrays of numbers ({name})")
    raise _NotNumpys("it is cut")


def _name(module: str, name: str) -> _Name:
    if module not in _MODULES or name not in ("_reconstruct", "ndarray", "dtype", "scalar"):
        raise _NotNumpys(f"it holds {module}.{name}")
    return _Name(name)


def _rows(whole: object) -> list[np.ndarray]:
    """Return the items of an array of objects; where it has two dimensions, its rows."""
    (_, shape, _, _, items) = _state(whole)
    if not isinstance(items, list) or len(items) != math.prod(shape) or len(shape) not in (1, 2):
        raise _NotNumpys("it is no list of arrays")
    if len(shape) == 1:
        return [_numbers(item) for item in items]
    width = shape[1]
    starts = range(0, len(items), max(1, width))
    return [np.ravel([_numbers(item) for item in items[start : start + width]]) for start in starts]


def _numbers(item: object) -> np.ndarray:
    if isinstance(item, int | float):
        return np.array([item])
    if isinstance(item, _Built) and item[0] == "scalar":
        kind, content = item[1]
        return np.frombuffer(content, _dtype(kind))
    _, shape, kind, by_columns, content = _state(item)
    return np.frombuffer(content, _dtype(kind)).reshape(shape, order="F" if by_columns else "C")


def _state(item: object) -> tuple:
    if not isinstance(item, _Built) or len(item) != 3 or item[0] != "_reconstruct" or len(item[2]) != 5:
        raise _NotNumpys("it holds more than arrays of numbers")
    return item[2]


def _dtype(item: object) -> np.dtype:
    """Return the type of numbers, from its name (such as i8) and the order of its bytes."""
    if isinstance(item, _Built) and len(item) == 3 and item[0] == "dtype":
        name, order = item[1][0], item[2][1]
        if name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8") and order in ("<", ">", "|"):
            return np.dtype(order + name)
    raise _NotNumpys("it holds more than arrays of numbers")
