"""What a reader must keep to with any file: an object or an InputError, and nothing outside the data set."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostile_files import PROJECT, TARGETS, Target

from pictrial.errors import InputError

#: Seconds of the processor that any of the small files may take.
LONGEST = 5.0
#: Python's own events (sys.audit) that no reader of data has a reason to raise.
FORBIDDEN = {
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect"),
    *("pickle.find_class", "os.symlink", "os.link", "os.rename", "os.remove", "os.mkdir", "shutil.rmtree"),
    *("socket.getaddrinfo", "urllib.Request", "code.__new__"),
}
_CODE = tuple(
    map(os.path.realpath, (sys.prefix, sys.base_prefix, PROJECT / "workflow", "/usr/share/zoneinfo"))
)
_watched: list[tuple[str, list[str]]] = []


class BrokenPromise(Exception):
    """A reader did what no file may make it do."""


def _hook(event: str, arguments: tuple) -> None:
    if not _watched:
        return
    folder, offences = _watched[-1]
    if event in FORBIDDEN:
        offences.append(f"{event} {arguments}")
    elif event == "open" and not isinstance(arguments[0], int):
        path, mode, flags = arguments
        real = os.path.realpath(os.fsdecode(path))
        writes = (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or set(mode or "") & set("wax+")
        if not real.startswith((folder + os.sep, *_CODE)) or (writes and not real.startswith(_CODE)):
            offences.append(f"open {real} {mode}")


sys.addaudithook(_hook)


@contextmanager
def watched(folder: Path) -> Iterator[None]:
    """Raise BrokenPromise where the block runs code of the data, writes, or reads outside `folder`."""
    offences: list[str] = []
    _watched.append((os.path.realpath(folder), offences))
    try:
        yield
    finally:
        _watched.pop()
        if offences:
            raise BrokenPromise("; ".join(offences))


def read_or_refuse(target: Target, path: Path, folder: Path) -> InputError | None:
    """Read a file; return the InputError that refuses it, None where it was read.

    Raises
    ------
    BrokenPromise
        Where the reader was slow, went outside `folder`, or its error does not name a file in it.
    Exception
        Whatever the reader let through, or AssertionError for an object that cannot be right.
    """
    start, refused = time.process_time(), None
    with watched(folder):
        try:
            target.read(path)
        except InputError as error:
            refused = error
    taken = time.process_time() - start
    if taken > LONGEST:
        raise BrokenPromise(f"it took {taken:.1f} s")
    if refused is not None and str(folder) not in refused.where:
        raise BrokenPromise(f"the error does not name the file: {refused}")
    return refused


def replay(name: str, payload: Path) -> None:
    """Read a damaged payload once more, as the fuzzer did."""
    with tempfile.TemporaryDirectory() as folder:
        path = TARGETS[name].write(Path(folder))
        TARGETS[name].read(path)
        TARGETS[name].put(path, Path(payload).read_bytes())
        read_or_refuse(TARGETS[name], path, Path(folder))
