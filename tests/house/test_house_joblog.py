"""What a job says is in its log and on the terminal; errors end it with a status."""

import subprocess
import sys

import pytest

from pictrial.errors import InputError
from pictrial.joblog import job_log


def run(body: str, log) -> subprocess.CompletedProcess:
    code = f"from pictrial.joblog import job_log\nwith job_log({str(log)!r}) as say:\n    {body}\n"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_messages_and_warnings_go_to_both(tmp_path):
    log = tmp_path / "logs" / "job.log"
    done = run("say('5 motor units'); import warnings; warnings.warn('few')", log)
    assert done.returncode == 0
    assert done.stderr == log.read_text()
    assert done.stderr.splitlines()[0] == "5 motor units"
    assert done.stderr.splitlines()[1].startswith("Warning: few (UserWarning")


def test_unexpected_error_leaves_its_traceback_in_both(tmp_path):
    done = run("say('start'); 1 / 0", tmp_path / "job.log")
    assert done.returncode == 1
    for text in (done.stderr, (tmp_path / "job.log").read_text()):
        assert text.startswith("start\nTraceback")
        assert text.count("ZeroDivisionError") == 1


def test_input_error_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop, job_log(tmp_path / "job.log"):
        raise InputError("sub-01.bdf", "it is truncated", "Copy it again.")
    assert stop.value.code == 2
    assert (tmp_path / "job.log").read_text() == "Error: sub-01.bdf: it is truncated. Copy it again.\n"
    assert capsys.readouterr().err == (tmp_path / "job.log").read_text()
