"""The benchmark of decompositions: what it counts, measures, keeps and writes."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PEERS = BENCHMARKS / "peers"
RATE = 2048.0


@pytest.fixture(scope="module")
def benchmark():
    """The benchmark as a module under a name of its own."""
    spec = importlib.util.spec_from_file_location("decomposition_benchmark", BENCHMARKS / "decomposition.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def tools(benchmark):
    return sys.modules["peers.tools"]


def row(**changed) -> dict:
    base = {"recording": "a", "tool": "pictrial", "starts": 40, "threads": 2, "status": "ok", "version": "1"}
    base |= {"wall_total": 10.0, "wall_import": 1.0, "wall_decompose": 8.0, "cpu_time": 16.0}
    base |= {"peak_memory": 100.0, "emg_sha256": "012345678901", "processor": "P, 2 cores"}
    return base | {"accepted_agreement": "0.950 0.400", "reference_agreement": "0.950 0.900 0.400"} | changed


def test_agreement_is_the_best_of_each_with_the_others(benchmark):
    train = np.arange(100, 20000, 200)
    accepted, reference = benchmark.best_agreement([train[::2], train + 20], [train, train[:10]], RATE)
    # The second is the first reference but for a constant lag; the first has every other discharge of it.
    assert accepted == [0.5, 1.0]
    assert reference == [1.0, 0.1]
    assert benchmark.best_agreement([], [train], RATE) == ([], [0.0])


def test_a_result_replaces_only_the_one_of_the_same_run(benchmark, tmp_path):
    path = tmp_path / "results.tsv"
    for result in (row(tool="swarm"), row(starts=8), row(), row(wall_total=11.0)):
        benchmark.add_result(path, result)
    results = benchmark.read_results(path)
    assert list(results["tool"]) == ["pictrial", "pictrial", "swarm"]
    assert list(results["starts"]) == [8, 40, 40]
    assert results["wall_total"].tolist() == [10.0, 11.0, 10.0]
    there = [*benchmark.KEY, "emg_sha256"]
    assert benchmark.rows_of(results, row(), there).tolist() == [False, True, False]
    assert not benchmark.rows_of(results, row(emg_sha256="other"), there).any()


def test_only_named_recordings_run(benchmark):
    assert benchmark.recordings_of(None, "time") == [benchmark.REAL]
    assert len(benchmark.recordings_of(None, "yield")) == 16
    assert [name[:11] for name in benchmark.recordings_of(["held_back07"], "time")] == ["held_back07"]


def page_with(tmp_path) -> Path:
    page = tmp_path / "page.md"
    page.write_text(
        "Above\n<!-- time: begin -->\nold\n<!-- time: end -->\nbetween\n"
        "<!-- yield: begin -->\n<!-- yield: end -->\nbelow\n"
    )
    return page


def test_tables_show_ratios_losses_and_failures(benchmark, tmp_path):
    peer = {"tool": "openhdemg", "version": "2"}
    time = [row(starts=900), row(wall_total=4.0), row(**peer, wall_total=25.0)]
    time += [row(tool="swarm", status="stopped after 9 s")]
    found = [
        row(starts=8, reference_agreement="0.950 0.100 0.100"),
        row(),
        row(**peer, reference_agreement="0.950 0.900 0.910", accepted_agreement="0.950 0.900 0.910"),
        row(recording="b", reference_agreement="0.899 0.100", accepted_agreement=np.nan),
        row(**peer, recording="b", reference_agreement="0.100 0.100", accepted_agreement="0.100"),
        row(**peer, recording="c"),  # not comparable: pictrial has not been run on it
    ]
    page = page_with(tmp_path)
    for _ in range(2):  # the second time changes nothing
        benchmark.render(page, {"time": pd.DataFrame(time), "yield": pd.DataFrame(found)})
        text = page.read_text()
        assert "old" not in text
        assert (
            "| openhdemg 2 | 40 | 25.0 (2.5) | 8.0 (1) | 16.0 (1) | 100.0 (1) | 2 | 2 of 3 | 0.68 |" in text
        )
        assert "| pictrial 1 | 40 | 4.0 (0.4) | 8.0 (1) |" in text
        assert "- swarm: stopped after 9 s (1 recording)" in text
        assert "| a | 3 | 1 / 2 | 2 / 2 | **3 / 3** |" in text
        assert "| b | 2 | – | **0 / 0** | **0 / 1** |" in text
        assert "| c | 3 | – | – | **2 / 2** |" in text
        assert "| openhdemg, 40 | 2 | 3 | 2 | 1 / 1 / 0 | 4 | 75% | 0.91 |" in text
        assert text.startswith("Above\n") and text.endswith("below\n") and text.count("between") == 1


def test_page_without_results_keeps_its_marks(benchmark, tmp_path):
    page = page_with(tmp_path)
    empty = pd.DataFrame(columns=benchmark.COLUMNS)
    benchmark.render(page, {"time": empty, "yield": empty})
    assert page.read_text() == page_with(tmp_path).read_text().replace("old\n", "")


FAKE = """
import os, sys, time
sys.path.insert(0, {peers!r})
from protocol import run
def load():
    memory = bytearray(300 * 2**20)
    def separate(emg, rate, starts):
        if starts == 0:
            raise ValueError("no starts at https://example.org/x")
        time.sleep(60 if starts == 99 else 0.2)
        end = time.process_time() + 0.8
        while time.process_time() < end:
            pass
        return [[30, 10, 10, 20], [len(emg), round(rate), int(os.environ["OMP_NUM_THREADS"])]]
    return separate
run("numpy", load)
"""


@pytest.fixture
def fake(tools, tmp_path, monkeypatch):
    """A tool that takes 0.8 s of the processor, 1 s on the clock and 300 MiB."""
    (tmp_path / "run_fake.py").write_text(FAKE.format(peers=str(PEERS)))
    monkeypatch.setattr(tools, "HERE", tmp_path)

    def run(starts: int, limit: float = 60.0):
        return tools.run_tool("fake", Path(sys.executable), np.ones((4, 8)), RATE, starts, 3, limit)

    return run


def test_a_run_is_measured_from_outside(fake):
    run = fake(8)
    assert [list(train) for train in run.trains] == [[10, 20, 30], [3, 4, 2048]]
    assert run.version == np.__version__
    assert run.wall_total > run.wall_decompose >= 1.0
    assert run.cpu_time >= 0.8
    assert 300 < run.peak_memory < 1000


def test_a_run_without_result_says_why(fake, tools):
    with pytest.raises(tools.NotRunError, match=r"^failed: ValueError: no starts at …$"):
        fake(0)
    with pytest.raises(tools.NotRunError, match=r"^stopped after 1 s$"):
        fake(99, limit=1.0)


def test_every_tool_has_a_runner_and_pinned_requirements(tools):
    assert {f"run_{tool}.py" for tool in tools.TOOLS} == {path.name for path in PEERS.glob("run_*.py")}
    for tool in set(tools.TOOLS) - {tools.OURS}:
        lines = (PEERS / f"requirements-{tool}.txt").read_text().splitlines()
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), tool
