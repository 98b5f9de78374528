"""Archives of arrays (.npz): only numbers and text; and how much compressed files may unpack to."""

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from pictrial.errors import InputError

#: Signals compress to a half or a tenth; what unpacks to a hundred times its size, and is large, is hostile.
LARGEST_RATIO = 100
ALWAYS_ALLOWED = 100_000_000  # bytes
REMEDY = "Copy it again, or save it again in the tool that wrote it."


def most_unpacked(size: int) -> int:
    """Return how many bytes a compressed file of `size` bytes may unpack to."""
    return max(ALWAYS_ALLOWED, LARGEST_RATIO * size)


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """Return the arrays called `names` of an .npz archive.

    Raises
    ------
    InputError
        Where there is no file, it is damaged, unpacks to far more than its size, has no such array, or one
        of objects: these are stored as pickles, which can run any code.
    """
    check_archive(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in names}
    except KeyError as error:
        raise InputError(path, f"it has no array ({error.args[0]})", REMEDY) from error
    except Exception as error:  # zipfile, zlib and numpy meet damage with errors of many kinds
        raise InputError(path, f"it cannot be read ({' '.join(str(error).split())})", REMEDY) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufU":
            raise InputError(path, f"{name!r} is no array of numbers or text", REMEDY)
    return arrays


def check_archive(path: Path) -> set[str]:
    """Return the members of a zip archive that unpacks to a reasonable size.

    Raises
    ------
    InputError
        Where it does not, or is no archive.
    """
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except Exception as error:  # damage has errors of many kinds
        raise InputError(path, f"it cannot be read ({error})", REMEDY) from error
    if sum(member.file_size for member in members) > most_unpacked(path.stat().st_size):
        raise InputError(path, "it unpacks to far more than its size", REMEDY)
    return {member.filename for member in members}
