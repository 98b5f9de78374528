"""The tools that are compared: their environments, and one run of one tool in a process of its own."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pictrial.files import write_text

HERE = Path(__file__).parent
OURS = "pictrial"
#: In this order they run and are shown.
TOOLS = (OURS, "openhdemg", "muniverse", "swarm")
#: Libraries of numerics read their number of threads from these.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class NotRunError(Exception):
    """A tool could not be installed, failed, or took too long; the message says which."""


@dataclass(frozen=True)
class Run:
    """What one run of a tool gave.

    Attributes
    ----------
    version : str
        Version of the tool.
    trains : list of ndarray of int64
        Discharges of every accepted unit as sample indices.
    wall_total, wall_import, wall_decompose : float
        s on the clock: the whole process; importing the tool; from raw EMG in memory to discharges,
        with the tool's filters.
    cpu_time : float
        s of the processors, user and system, over the process and its children.
    peak_memory : float
        MiB, the largest resident size of the process or a child of it.
    """

    version: str
    trains: list[np.ndarray]
    wall_total: float
    wall_import: float
    wall_decompose: float
    cpu_time: float
    peak_memory: float


def python_of(tool: str, folder: Path) -> Path:
    """Return the Python of a tool's environment below `folder`, which is made where it is not there.

    The project itself runs in the environment that runs the benchmark.

    Raises
    ------
    NotRunError
        Where pip cannot install the tool.
    """
    if tool == OURS:
        return Path(sys.executable)
    requirements = HERE / f"requirements-{tool}.txt"
    environment = folder / tool
    python, stamp = environment / "bin" / "python", environment / requirements.name
    if stamp.is_file() and stamp.read_text() == requirements.read_text():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
    options = ["--disable-pip-version-check", "--requirement", str(requirements)]
    done = subprocess.run([str(python), "-m", "pip", "install", *options], capture_output=True, text=True)
    if done.returncode:
        raise NotRunError(f"not installed: {_error(done.stdout + done.stderr)}")
    write_text(stamp, requirements.read_text())
    return python


def run_tool(
    tool: str, python: Path, emg: np.ndarray, sampling_rate: float, starts: int, threads: int, limit: float
) -> Run:
    """Decompose raw EMG, shape (channels, samples), with a tool in a fresh process.

    Raises
    ------
    NotRunError
        Where the tool fails or needs more than `limit` s.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording, output, log = folder / "recording.npz", folder / "output.npz", folder / "log.txt"
        np.savez(recording, emg=emg, sampling_rate=sampling_rate)
        runner = HERE / f"run_{tool}.py"
        command = [str(path) for path in (python, runner, recording, output)] + ["--starts", str(starts)]
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
        with log.open("w") as stream:
            begin = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT
            )
            timer = threading.Timer(limit, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            wall_total = time.perf_counter() - begin
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
        if process.returncode and wall_total >= limit:
            raise NotRunError(f"stopped after {limit:.0f} s")
        if process.returncode:
            raise NotRunError(f"failed: {_error(log.read_text(errors='replace'))}")
        with np.load(output) as arrays:
            return Run(
                version=str(arrays["version"]),
                trains=[arrays[unit] for unit in arrays if unit.startswith("unit")],
                wall_total=wall_total,
                wall_import=float(arrays["wall_import"]),
                wall_decompose=float(arrays["wall_decompose"]),
                cpu_time=usage.ru_utime + usage.ru_stime,
                peak_memory=usage.ru_maxrss / 1024,
            )


def _error(output: str) -> str:
    """Return the line of a log that says what went wrong, without addresses, for a cell of a table."""
    lines = [line.strip(" │") for line in output.splitlines() if line.strip(" │")] or ["no message"]
    telling = [line for line in lines if re.match(r"(fatal|error|\w*Error)\b", line, re.IGNORECASE)]
    line = next((line for line in telling if line.startswith("fatal")), (telling or lines)[-1])
    return re.sub(r"https?://\S+", "…", line).replace("\t", " ")[:200]
