"""Writing files so that neither a kill nor a power cut leaves half of one, and fingerprints of files."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pictrial.errors import InputError

_UNFINISHED = re.compile(r"\.unfinished-\d+-.+")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move the file or folder there to `path` when the block has ended.

    The temporary name keeps the suffix, because some writers choose their format by it. After an error
    it is removed; a kill leaves it to :func:`remove_unfinished`.

    Raises
    ------
    InputError
        Where it cannot be written, because the disk is full for example.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".unfinished-{os.getpid()}-{path.name}")
    try:
        yield temporary
        _write_through(temporary)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    except OSError as error:
        remedy = "Is the disk full, or the folder read-only?"
        raise InputError(path, f"it cannot be written ({error})", remedy) from error
    finally:
        _remove(temporary)


def remove_unfinished(folder: str | Path) -> list[Path]:
    """Remove what killed jobs left in `folder`, while no job writes there; return it."""
    left = [path for path in Path(folder).rglob(".*") if _UNFINISHED.fullmatch(path.name)]
    for path in left:
        _remove(path)
    return left


def _write_through(path: Path) -> None:
    """Wait until what is written is on the disk: a name that a power cut leaves then has all of its file.

    The name itself may be lost by a power cut. Then the file is missing, and the job runs again.
    """
    for file in [path] if path.is_file() else filter(Path.is_file, path.rglob("*")):
        with open(file, "rb") as stream:
            os.fsync(stream.fileno())


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 with LF line ends, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
