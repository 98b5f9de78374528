"""The campaign of faults: that it sees what is lost, and a few of its kills."""

import sys
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import fault_files
import faults


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_what_is_lost_is_seen(tmp_path):
    undisturbed = faults.contents(write(tmp_path / "a", ard="1", pairs="2", **{"logs/job.log": "now"}))
    some = write(tmp_path / "b", ard="1", **{"logs/job.log": "then"})
    assert faults.outcome(some, undisturbed) == faults.SAME
    assert faults.outcome(some, undisturbed, whole=True) == f"{faults.LOST}: pairs"
    half = write(tmp_path / "c", ard="1", pairs="")
    assert faults.outcome(half, undisturbed) == f"{faults.LOST}: pairs"
    left = write(tmp_path / "d", ard="1", pairs="2", **{".unfinished-1-ard": "1"})
    assert faults.outcome(left, undisturbed) == f"{faults.LOST}: .unfinished-1-ard"
    assert faults.outcome(tmp_path / "e", undisturbed).startswith(faults.LOST)


def test_broken_files_are_put_back(tmp_path, monkeypatch):
    path = tmp_path / "recording.bdf"
    path.write_bytes(bytes(100))
    times, seen = path.stat().st_mtime_ns, []
    monkeypatch.setattr(fault_files, "run", lambda *_: seen.append(path.is_dir()) or (1, "Error"))
    for fault in (fault_files.truncate, fault_files.folder_instead, fault_files.broken_link):
        assert fault_files.broken(tmp_path, path, fault, "target") == (1, "Error")
        assert path.read_bytes() == bytes(100)
        assert path.stat().st_mtime_ns == times
    assert seen == [False, True, False]


def test_page_counts_faults_of_a_kind():
    kill = {"part": "kills", "fault": "kill: a job", "outcome": faults.SAME}
    rows = [
        kill | {"then": "chain 1"},
        kill | {"then": "chain 2"},
        kill | {"outcome": "NOT", "then": "chain 2"},
    ]
    rows += [{"part": "inputs", "fault": "cut", "outcome": faults.REFUSED, "then": "Error: a|b"}]
    lines = faults.page_table(pd.DataFrame(rows)).splitlines()[2:]
    assert lines == [
        "| kill: a job | 2 | same results | – |",
        "| kill: a job | 1 | NOT | – |",
        "| cut | 1 | refused, same results after repair | Error: a/b |",
    ]


@pytest.mark.slow
def test_killed_runs_end_with_the_results_of_an_undisturbed_run(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "TARGETS", (faults.DECOMPOSED,))
    assert faults.run(faults.fresh(tmp_path / "undisturbed"))[0] == 0
    rows = list(
        chain.from_iterable(faults.kills(tmp_path / "kills", tmp_path / "undisturbed", 4, seed=3, longest=5))
    )
    assert [row["outcome"] for row in rows] == [faults.SAME] * 4
