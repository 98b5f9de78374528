"""The log of a job: what it says goes to the log file and to the terminal, what it did into its record."""

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from pictrial.errors import InputError
from pictrial.job_record import JobRecord


class _Tee:
    """A text stream that writes to several streams at once."""

    def __init__(self, *streams: TextIO):
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
            stream.flush()
        return len(text)

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()


@contextmanager
def job_log(job: Any) -> Iterator[Callable[..., None]]:
    """Keep everything that the block prints or warns in the job's log and show it; write the job's record.

    Parameters
    ----------
    job : object
        As :class:`pictrial.job_record.JobRecord` takes it: the object ``snakemake`` of a script.

    Yields
    ------
    say : callable
        Takes what ``print`` takes; for the lines that tell how the job gets on.

    Raises
    ------
    SystemExit
        Status 2 after an :class:`InputError` (one line is shown), 1 after any other error (its
        traceback is shown). In both cases the log has the text too.
    """
    path = Path(job.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        tee = _Tee(sys.stderr, stream)
        # The standard library asks for a whole TextIO, but only write and flush are used.
        with redirect_stdout(tee), redirect_stderr(tee):  # type: ignore[type-var]
            record = JobRecord(job)
            warnings.showwarning = _warning_to(record.warnings)
            try:
                record.hash_inputs()
                yield print
                record.finish()
            except InputError as error:
                print(f"Error: {error}")
                record.fail(error)
                raise SystemExit(2) from None
            except Exception as error:
                traceback.print_exc()
                record.fail(error)
                raise SystemExit(1) from None


def _warning_to(warned: list[str]) -> Callable[..., None]:
    def show(message, category, filename, lineno, file=None, line=None) -> None:
        warned.append(f"{message} ({category.__name__}, {Path(filename).name}:{lineno})")
        print(f"Warning: {warned[-1]}", file=sys.stderr)

    return show
