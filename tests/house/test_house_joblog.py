"""What a job says is in its log and on the terminal, what it did in its record; errors end it."""

import hashlib
import json
import subprocess
import sys
import time
from datetime import datetime

import pytest
from made_up_jobs import made_up_job

from pictrial.errors import InputError
from pictrial.joblog import job_log


def job(folder, **given):
    (folder / "results").mkdir(exist_ok=True)
    (folder / "in.bdf").write_bytes(b"recording")
    parts = {
        "input": {"recording": str(folder / "in.bdf")},
        "output": {"table": str(folder / "results/out.tsv")},
    }
    parts |= {
        "params": {"code": "abc", "seed": 3, "gap": {"s": 1.5}},
        "wildcards": {"participant": "01"},
    } | given
    log = str(folder / "results" / "logs" / "decompose" / "sub-01.log")
    return made_up_job("decompose", log, **parts)


def record(folder) -> dict:
    return json.loads((folder / "results" / "lineage" / "decompose" / "sub-01.json").read_text())


def run(body: str, folder) -> subprocess.CompletedProcess:
    code = f"import sys; sys.path.insert(0, {str(__file__).rpartition('/')[0]!r})\nfrom pathlib import Path\n"
    code += "from test_house_joblog import job\nfrom pictrial.joblog import job_log\n"
    code += f"one = job(Path({str(folder)!r}))\nwith job_log(one) as say:\n    {body}\n"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def text_of_log(folder) -> str:
    return (folder / "results" / "logs" / "decompose" / "sub-01.log").read_text()


def test_messages_and_warnings_go_to_both_and_warnings_into_the_record(tmp_path):
    write = "Path(one.output[0]).write_text('x')"
    done = run(f"say('5 motor units'); import warnings; warnings.warn('few'); {write}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == text_of_log(tmp_path)
    assert done.stderr.splitlines()[0] == "5 motor units"
    assert done.stderr.splitlines()[1].startswith("Warning: few (UserWarning")
    assert [warning.startswith("few (UserWarning") for warning in record(tmp_path)["warnings"]] == [True]


def test_unexpected_error_leaves_its_traceback_in_both(tmp_path):
    done = run("say('start'); 1 / 0", tmp_path)
    assert done.returncode == 1
    for text in (done.stderr, text_of_log(tmp_path)):
        assert text.startswith("start\nTraceback")
        assert text.count("ZeroDivisionError") == 1
    assert record(tmp_path)["status"] == "failed"
    assert record(tmp_path)["error"] == "ZeroDivisionError: division by zero"


def test_input_error_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop, job_log(job(tmp_path)):
        raise InputError("sub-01.bdf", "it is truncated", "Copy it again.")
    assert stop.value.code == 2
    assert text_of_log(tmp_path) == "Error: sub-01.bdf: it is truncated. Copy it again.\n"
    assert capsys.readouterr().err == text_of_log(tmp_path)
    assert record(tmp_path)["status"] == "failed"


def test_record_of_a_finished_job(tmp_path):
    one = job(tmp_path)
    with job_log(one):
        (tmp_path / "results" / "out.tsv").write_text("table")
        held = bytearray(80 << 20)
        time.sleep(0.05)
        del held
    told = record(tmp_path)
    assert told["inputs"] == {"../in.bdf": hashlib.sha256(b"recording").hexdigest()}
    assert told["outputs"] == {"out.tsv": hashlib.sha256(b"table").hexdigest()}
    assert (told["status"], told["error"], told["warnings"]) == ("finished", None, [])
    assert (told["rule"], told["wildcards"], told["threads"]) == ("decompose", {"participant": "01"}, 1)
    assert (told["code"], told["params"]) == ("abc", {"seed": 3, "gap": {"s": 1.5}})
    took = datetime.fromisoformat(told["end"]) - datetime.fromisoformat(told["start"])
    assert took.total_seconds() == pytest.approx(told["wall_seconds"], abs=0.002)
    assert told["wall_seconds"] >= 0.05 and told["cpu_seconds"] > 0
    assert told["peak_memory_mib"] > 80
    packages = told["environment"]["packages"]
    assert packages["threadpoolctl"] and not {"sys", "json", "pictrial.errors"} & set(packages)
    assert told["environment"]["python"] == sys.version.split()[0]


def test_record_does_not_tell_those_who_are_masked_who_has_which_condition(tmp_path):
    def told(condition):
        params = {
            "plan": {"01": condition},
            "title": f"Of {condition}",
            "config": {"seed": 3, "simulation": {condition: 1}},
        }
        with job_log(job(tmp_path, params=params, output={})):
            pass
        return record(tmp_path)["params"]

    first = told("quokka")
    assert "quokka" not in str(first) and first["config"]["seed"] == 3
    assert first == told("quokka")
    other = told("wombat")
    assert other["plan"] != first["plan"] and other["config"]["simulation"] != first["config"]["simulation"]


def test_threads_of_numerical_libraries_are_told(tmp_path):
    body = "import numpy; Path(one.output[0]).write_text('x')"
    assert run(body, tmp_path).returncode == 0
    (library,) = record(tmp_path)["environment"]["libraries"]
    assert library["num_threads"] >= 1 and library["internal_api"] and "filepath" not in library


def test_folder_that_is_an_output_has_a_hash_that_content_and_names_decide(tmp_path):
    def hashed(**files):
        folder = tmp_path / "results" / "site"
        with job_log(job(tmp_path, output={"site": str(folder)})):
            folder.mkdir(exist_ok=True)
            for path in folder.iterdir():
                path.unlink()
            for name, text in files.items():
                (folder / name).write_text(text)
        return record(tmp_path)["outputs"]["site"]

    first = hashed(a="1", b="2")
    assert hashed(b="2", a="1") == first
    assert len({first, hashed(a="2", b="1"), hashed(a="1", c="2"), hashed(a="1")}) == 4


def test_input_that_need_only_be_there_has_no_hash(tmp_path):
    (tmp_path / "checked.tsv").write_text("")
    inputs = {"awaited": str(tmp_path / "checked.tsv"), "recording": str(tmp_path / "in.bdf")}
    with job_log(job(tmp_path, input=inputs, output={})):
        pass
    assert [path for path, said in record(tmp_path)["inputs"].items() if said is None] == ["../checked.tsv"]


def test_unreadable_input_stops_the_job_before_it_begins(tmp_path):
    one = job(tmp_path, input={"recording": str(tmp_path / "gone.bdf")})
    with pytest.raises(SystemExit) as stop, job_log(one):
        pytest.fail("the job began")
    assert stop.value.code == 2
    assert "gone.bdf: cannot be read (No such file or directory)" in text_of_log(tmp_path)
    assert record(tmp_path)["inputs"] == {"../gone.bdf": None}


def test_output_that_was_not_written_is_a_failure(tmp_path):
    with pytest.raises(SystemExit), job_log(job(tmp_path)):
        pass
    assert record(tmp_path)["status"] == "failed" and "out.tsv" in record(tmp_path)["error"]


def test_killed_job_leaves_no_record_and_not_that_of_the_run_before(tmp_path):
    with job_log(job(tmp_path)):
        (tmp_path / "results" / "out.tsv").write_text("x")
    assert record(tmp_path)["status"] == "finished"
    done = run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert done.returncode == -9
    assert not (tmp_path / "results" / "lineage" / "decompose" / "sub-01.json").exists()


def test_record_costs_little(tmp_path):
    """Of the order of ten milliseconds: a run has hundreds of jobs."""
    one = job(tmp_path)
    (tmp_path / "results" / "out.tsv").write_text("x")
    with job_log(one):
        pass
    begun = time.process_time()
    for _ in range(5):
        with job_log(one):
            pass
    assert (time.process_time() - begun) / 5 < 0.1
