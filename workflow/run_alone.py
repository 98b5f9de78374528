"""Run Snakemake while no other run, and no job that a killed run left behind, lives in this folder.

    python workflow/run_alone.py snakemake --cores all …

The lock is a flock on a file that becomes the standard input of Snakemake, which its jobs inherit. The
kernel gives it up when the last of them ends, however that happens. The file holds the number of Snakemake's
process while it runs: a number that is left there tells that the run was killed, and that Snakemake's own
lock means nothing any more.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".snakemake")


def take(lock) -> None:
    """Lock the open file, after the jobs of a killed run have ended; exit where another run lives."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = lock.read()
        if not process or lives(int(process)):
            rule = f"another run (process {process}) is going on"
            sys.exit(f"Error: {Path.cwd()}: {rule}. Wait until it has ended.")
        print("Waiting for the jobs of a run that was killed", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def lives(process: int) -> bool:
    """Tell whether there is such a process, and not only what a killed one leaves until it is waited for."""
    import psutil

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def note(lock, process: int | str) -> None:
    """Make `process` all that the lock's file says."""
    lock.truncate(0)
    lock.write(str(process))
    lock.flush()


def main() -> int:
    """Run the command of the arguments; return its status."""
    FOLDER.mkdir(exist_ok=True)
    with open(FOLDER / "run.lock", "a+", encoding="ascii") as lock:
        lock.seek(0)
        take(lock)
        lock.seek(0)
        if lock.read():
            shutil.rmtree(FOLDER / "locks", ignore_errors=True)
        note(lock, os.getpid())
        child = subprocess.Popen(sys.argv[1:], stdin=lock)
        # An interrupt from the keyboard reaches Snakemake by itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
        note(lock, child.pid)
        status = child.wait()
        if status >= 0:
            note(lock, "")
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
