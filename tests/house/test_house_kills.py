"""What a kill leaves: no half file, and a folder that the same command takes up again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pictrial.errors import InputError
from pictrial.files import atomic_path, remove_unfinished

RUN_ALONE = Path(__file__).resolve().parents[2] / "workflow" / "run_alone.py"
WRITER = """
import sys, time
from pictrial.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    with open(temporary, "w") as stream:
        for _ in range(1000):
            stream.write("half a file\\n" * 100)
            stream.flush()
            print("writing", flush=True)
            time.sleep(0.01)
"""


def killed_writer(path: Path) -> None:
    """Write `path` in a process that is killed after some of it."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"writing\n"
        process.kill()


def test_killed_writer_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("old\n")
    killed_writer(path)
    assert path.read_text() == "old\n"
    (left,) = set(tmp_path.iterdir()) - {path}
    assert left.stat().st_size >= 1200
    assert remove_unfinished(tmp_path) == [left]
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_is_unfinished_is_removed(tmp_path):
    kept = [".hidden", ".17.table.tsv", "unfinished-17-table.tsv", ".unfinished-x-table.tsv", "a/.git"]
    left = [".unfinished-17-table.tsv", "a/.unfinished-18-site/data/rows.js"]
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert len(remove_unfinished(tmp_path)) == 2
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == set(kept)


def test_folder_replaces_a_folder_only_when_it_is_whole(tmp_path):
    folder = tmp_path / "site"
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        (temporary / "old.html").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_path(folder) as temporary:
        temporary.mkdir()
        (temporary / "new.html").write_text("new")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["site", "old.html"]
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        (temporary / "new.html").write_text("new")
    assert [path.name for path in tmp_path.rglob("*")] == ["site", "new.html"]


def test_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    replace, fsync = os.replace, os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (order.append("fsync"), fsync(file)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("replace"), replace(*names)))
    with atomic_path(tmp_path / "file") as temporary:
        temporary.write_text("text")
    assert order == ["fsync", "replace"]


def test_full_disk_names_the_file(tmp_path):
    path = tmp_path / "filters.npz"
    rule = r"filters\.npz: it cannot be written \(.*No space left"
    with pytest.raises(InputError, match=rule), atomic_path(path) as temporary:
        temporary.write_text("half")
        Path("/dev/full").write_text("the rest")
    assert list(tmp_path.iterdir()) == []


def alone(folder: Path, body: str) -> subprocess.Popen:
    """Run Python code by run_alone; code that is to outlast a test sleeps 60 s at most."""
    return subprocess.Popen(
        [sys.executable, RUN_ALONE, sys.executable, "-c", body],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


#: Tells the numbers of its own process and of a job; the job ends when `end` is there.
ENGINE = """
import subprocess, sys, time
waits = "import os, time\\nwhile not os.path.exists('end'): time.sleep(.02)"
job = subprocess.Popen([sys.executable, "-c", waits])
print(job.pid, flush=True)
job.wait()
"""


def engine_of(folder: Path) -> int:
    return int((folder / ".snakemake" / "run.lock").read_text())


def snakemake_lock(folder: Path) -> Path:
    lock = folder / ".snakemake" / "locks" / "0.input.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("")
    return lock


def test_second_run_is_refused_while_the_first_lives(tmp_path):
    first = alone(tmp_path, ENGINE)
    first.stdout.readline()
    lock = snakemake_lock(tmp_path)
    second = alone(tmp_path, "print('ran')")
    said = second.communicate()
    assert second.returncode == 1
    assert said[0] == ""
    assert said[1].startswith(f"Error: {tmp_path}: another run (process {engine_of(tmp_path)}) is going on.")
    assert lock.exists()
    (tmp_path / "end").touch()
    first.communicate()
    assert first.returncode == 0
    assert alone(tmp_path, "").wait() == 0


def test_rerun_waits_for_the_jobs_of_a_killed_run_and_takes_its_lock_away(tmp_path):
    first = alone(tmp_path, ENGINE)
    first.stdout.readline()
    lock = snakemake_lock(tmp_path)
    engine = engine_of(tmp_path)
    first.kill()
    os.kill(engine, signal.SIGKILL)
    again = alone(tmp_path, "print('ran')")
    assert again.stderr.readline() == "Waiting for the jobs of a run that was killed\n"
    time.sleep(0.2)
    assert again.poll() is None
    assert lock.exists()
    (tmp_path / "end").touch()
    assert again.communicate()[0] == "ran\n"
    assert not lock.exists()


def test_lock_of_snakemake_itself_stays_where_no_run_was_killed(tmp_path):
    assert alone(tmp_path, "import sys; sys.exit(3)").wait() == 3
    lock = snakemake_lock(tmp_path)
    assert alone(tmp_path, "").wait() == 0
    assert lock.exists()


def test_termination_reaches_the_engine(tmp_path):
    run = alone(tmp_path, "import time; print('up', flush=True); time.sleep(60)")
    run.stdout.readline()
    run.terminate()
    assert run.wait() == 128 + signal.SIGTERM
    # It was killed: what it had locked is free again.
    lock = snakemake_lock(tmp_path)
    assert alone(tmp_path, "").wait() == 0
    assert not lock.exists()
