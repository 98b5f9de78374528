"""MATLAB files of version 5 to 7, read so that no damage can do harm.

scipy's reader trusts the types and sizes that a file states: a changed byte can crash the process, a small
compressed file can fill the memory. Here everything is checked against the bytes that are there. Layout:
"MAT-File Format", The MathWorks, R2023b, chapter 1.
"""

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pictrial.errors import InputError
from pictrial.recordings.packed_files import most_unpacked

REMEDY = "Copy it again, or save it again in the tool that wrote it (version 7 or lower)."
MOST_ELEMENTS = 100_000
DEEPEST = 20
_ORDERS = {b"IM": "<", b"MI": ">"}
_MATRIX, _COMPRESSED = 14, 15
_NAMED = 1000  # bytes at the beginning of a variable that hold its name
#: How numbers are stored, and in which classes of arrays they are.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_NUMERIC = dict(enumerate(("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), start=6))
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHARACTERS = 1, 2, 4
_COMPLEX = 0x0800
_MOST_PLACES = 2**40  # of an array: numpy refuses larger shapes, also of empty arrays


def read_matlab(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Return the variables called `names` that a file has.

    Parameters
    ----------
    path : Path
        File.
    names : collection of str
        Variables to read; others are passed over.

    Returns
    -------
    dict of str to ndarray
        Numbers as arrays, with MATLAB's shape; characters as arrays of str, one per row; cells as arrays of
        objects; structs as arrays of dict.

    Raises
    ------
    InputError
        Where there is no file, it is of version 7.3 or none of MATLAB's, damaged, or holds what is not read:
        complex or sparse numbers, objects, more than 20 levels, more than `most_unpacked` bytes.
    """
    with _opened(path) as file:
        return file.read(names)


def variable_names(path: Path) -> set[str]:
    """Return the names of a file's variables; errors as of `read_matlab`."""
    with _opened(path) as file:
        return file.names()


@contextmanager
def _opened(path: Path) -> Iterator["_File"]:
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    data = path.read_bytes()
    if b"\x89HDF\r\n" in data[:520]:
        remedy = "In MATLAB: S = load('this.mat'); save('other.mat', '-struct', 'S', '-v7')."
        raise InputError(path, "this is a MATLAB file of version 7.3", remedy)
    if not data.startswith(b"MATLAB 5.0") or data[126:128] not in _ORDERS:
        raise InputError(path, "this is not a readable MATLAB file", REMEDY)
    try:
        yield _File(data)
    except _Damaged as damage:
        raise InputError(path, f"this is not a readable MATLAB file ({damage})", REMEDY) from None


class _Damaged(Exception):
    """What is wrong with the content."""


def _unpacked(packed: memoryview, most: int) -> bytes:
    """Return the first `most` bytes of a compressed part."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error as error:
        raise _Damaged(str(error)) from None


class _File:
    """A file that is read once; it counts what was unpacked and how many parts there were."""

    def __init__(self, data: bytes):
        self._data, self._order = data, _ORDERS[data[126:128]]
        self._left, self._elements = most_unpacked(len(data)), 0

    def names(self) -> set[str]:
        """Return the names of the file's variables."""
        return {name for name, _, _ in self._variables()}

    def read(self, names: Collection[str]) -> dict[str, np.ndarray]:
        """Return those of the file's variables that are called `names`."""
        found: dict[str, np.ndarray] = {}
        for name, kind, body in self._variables():
            if name not in names:
                continue
            if name in found:
                raise _Damaged(f"variable {name!r} occurs twice")
            if kind == _COMPRESSED:
                unpacked = _unpacked(body, self._left + 1)
                self._left -= len(unpacked)
                if self._left < 0:
                    raise _Damaged("it unpacks to far more than its size")
                _, body, _ = self._element(memoryview(unpacked))
            found[name] = self._array(body, 0)
        return found

    def _variables(self) -> Iterator[tuple[str, int, memoryview]]:
        """Yield name, type and content of the variables; only the names of compressed ones are unpacked."""
        rest = memoryview(self._data)[128:]
        while len(rest):
            kind, body, rest = self._element(rest)
            if kind not in (_MATRIX, _COMPRESSED):
                raise _Damaged(f"a variable is of type {kind}")
            start = memoryview(_unpacked(body, _NAMED)[8:]) if kind == _COMPRESSED else body
            yield self._header(start)[2], kind, body

    def _element(self, data: memoryview) -> tuple[int, memoryview, memoryview]:
        """Return type and content of the first element, and what follows it."""
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise _Damaged(f"it has more than {MOST_ELEMENTS} parts")
        if len(data) < 8:
            raise _Damaged("it is cut")
        kind, size = struct.unpack(f"{self._order}II", data[:8])
        if kind >> 16:  # of at most 4 bytes, in the tag itself
            kind, size = kind & 0xFFFF, kind >> 16
            if size > 4:
                raise _Damaged(f"a part of {size} bytes stands in a place of 4")
            return kind, data[4 : 4 + size], data[8:]
        if size > len(data) - 8:
            raise _Damaged("it is cut")
        end = 8 + size + (0 if kind == _COMPRESSED else -size % 8)
        return kind, data[8 : 8 + size], data[end:]

    def _header(self, body: memoryview) -> tuple[int, tuple[int, ...], str, memoryview]:
        """Return class and flags, shape and name of a matrix, and its content."""
        _, flags, rest = self._element(body)
        kind, sizes, rest = self._element(rest)
        _, name, rest = self._element(rest)
        if len(flags) != 8 or kind != 5 or len(sizes) % 4 or not 8 <= len(sizes) <= 128:
            raise _Damaged("the beginning of an array is damaged")
        shape = tuple(np.frombuffer(sizes, f"{self._order}i4").tolist())
        if min(shape) < 0 or math.prod(max(1, n) for n in shape) > _MOST_PLACES:
            raise _Damaged(f"an array has the shape {shape}")
        return struct.unpack(f"{self._order}I", flags[:4])[0], shape, bytes(name).decode("latin-1"), rest

    def _array(self, body: memoryview, depth: int) -> np.ndarray:
        if not len(body):
            return np.empty((0, 0))
        flags, shape, _, rest = self._header(body)
        kind = flags & 0xFF
        if depth > DEEPEST:
            raise _Damaged(f"it has more than {DEEPEST} levels")
        if kind == _CELL:
            return self._objects(shape, rest, [], depth)
        if kind == _STRUCT:
            _, width, rest = self._element(rest)
            _, text, rest = self._element(rest)
            length = struct.unpack(f"{self._order}i", width)[0] if len(width) == 4 else 0
            if length < 1 or len(text) % length:
                raise _Damaged("the names of a struct's fields are damaged")
            places = range(0, len(text), length)
            fields = [bytes(text[n : n + length]).split(b"\0")[0].decode("latin-1") for n in places]
            return self._objects(shape, rest, fields, depth)
        if kind == _CHARACTERS:
            return self._characters(shape, rest)
        if kind not in _NUMERIC or flags & _COMPLEX:
            raise _Damaged(f"arrays of class {kind}{', complex,' if flags & _COMPLEX else ''} are not read")
        stored, values, _ = self._element(rest)
        if stored not in _STORED:
            raise _Damaged(f"numbers are stored as type {stored}")
        dtype = np.dtype(self._order + _STORED[stored])
        if len(values) != math.prod(shape) * dtype.itemsize:
            raise _Damaged(f"an array of shape {shape} has {len(values)} bytes")
        numbers = np.frombuffer(values, dtype).reshape(shape, order="F")
        with np.errstate(invalid="ignore"):
            return numbers.astype(_NUMERIC[kind])

    def _objects(self, shape: tuple[int, ...], rest: memoryview, fields: list[str], depth: int) -> np.ndarray:
        """Return an array of arrays, or of dict where there are `fields`."""
        count = math.prod(shape)
        if count * 8 * max(1, len(fields)) > len(rest):
            raise _Damaged(f"an array of shape {shape} is cut")
        objects = np.empty(count, dtype=object)
        for place in range(count):
            parts = []
            for _ in fields or [""]:
                kind, body, rest = self._element(rest)
                if kind != _MATRIX:
                    raise _Damaged(f"a cell or field is of type {kind}")
                parts.append(self._array(body, depth + 1))
            objects[place] = dict(zip(fields, parts, strict=True)) if fields else parts[0]
        return objects.reshape(shape, order="F")

    def _characters(self, shape: tuple[int, ...], rest: memoryview) -> np.ndarray:
        kind, content, _ = self._element(rest)
        if kind not in _ENCODINGS:
            raise _Damaged(f"characters are stored as type {kind}")
        width = _ENCODINGS[kind]
        encoding = (
            width + ("-le" if self._order == "<" else "-be") if width in ("utf-16", "utf-32") else width
        )
        try:
            text = bytes(content).decode(encoding)
        except UnicodeDecodeError:
            raise _Damaged(f"characters are no {width}") from None
        if len(text) != math.prod(shape):
            raise _Damaged(f"{len(text)} characters for the shape {shape}")
        if not text:
            return np.full(shape[:-1], "")
        single = np.frombuffer(text.encode("utf-32-le"), "<U1").reshape(shape, order="F")
        return np.ascontiguousarray(single).view(f"<U{shape[-1]}")[..., 0]
