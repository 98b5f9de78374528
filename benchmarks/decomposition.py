"""This decomposition beside those of other tools, on the same recordings with the same number of starts.

    python benchmarks/decomposition.py time                  time, memory and yield on a quiet machine
    python benchmarks/decomposition.py yield --threads 1     motor units found on the held-back simulated grid
    python benchmarks/decomposition.py render                tables of the results into docs/benchmarks.md

Every result is written as soon as it is there; what is there for the same EMG is not run again.
"""

import argparse
import hashlib
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.files import write_text
from pictrial.recordings.model import Recording
from pictrial.recordings.otb import read_otb
from pictrial.recordings.quality import QualitySettings, assess_channels

sys.path.insert(0, str(Path(__file__).parent))
from peers.tables import render
from peers.tools import TOOLS, NotRunError, python_of, run_tool
from simulated_grid import cells, load_cell

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
REAL = "vastus_lateralis"
REAL_FILE = "otb_testfile.mat"
TABLES = {name: HERE / "results" / f"decomposition_{name}.tsv" for name in ("time", "yield")}
PAGE = PROJECT / "docs" / "benchmarks.md"
KEY = ["recording", "tool", "starts", "threads"]
COLUMNS = [
    *KEY,
    "version",
    "status",  # ok, or why there is no result
    "wall_total",  # s
    "wall_import",  # s
    "wall_decompose",  # s
    "cpu_time",  # s
    "peak_memory",  # MiB
    "accepted_agreement",  # of each accepted unit: its best rate of agreement with a reference unit
    "reference_agreement",  # of each reference unit: its best rate of agreement with an accepted unit
    "emg_sha256",  # first digits: what was decomposed
    "processor",
]


def recordings_of(names: list[str] | None, which: str) -> list[str]:
    """Return the recordings whose names begin with one of `names`; by default those of benchmark `which`."""
    held_back = [cell.name for cell in cells("held_back")]
    if names is None:
        return [REAL] if which == "time" else held_back
    return [name for name in [REAL, *held_back] if name.startswith(tuple(names))]


def load(name: str, grid: Path) -> tuple[Recording, dict[str, np.ndarray]]:
    """Return a raw recording and the discharges that count as true: the simulated ones, or the vendor's."""
    if name == REAL:
        shared = Path(os.environ.get("PICTRIAL_DATA", PROJECT.parent / "shared" / "data"))
        folders = [PROJECT / "data", shared / "vastus_lateralis_trapezoid", shared]
        found = [folder / REAL_FILE for folder in folders if (folder / REAL_FILE).is_file()]
        if not found:
            raise SystemExit(f"There is no data/{REAL_FILE}: `make recording` fetches it.")
        return read_otb(found[0])
    recording, truth = load_cell(next(cell for cell in cells("held_back") if cell.name == name), grid)
    return recording, truth.discharges


def best_agreement(
    trains: list[np.ndarray], others: list[np.ndarray], sampling_rate: float
) -> tuple[list[float], list[float]]:
    """Return the best rate of agreement (tolerance 0.5 ms) of each train, and of each of the others."""
    rates = np.zeros((len(trains), len(others)))
    for i, train in enumerate(trains):
        for j, other in enumerate(others):
            rates[i, j] = rate_of_agreement(train, other, sampling_rate)
    return list(rates.max(axis=1, initial=0.0)), list(rates.max(axis=0, initial=0.0))


def prepare(name: str, grid: Path) -> tuple[np.ndarray, float, list[np.ndarray], str]:
    """Return raw EMG of the channels that are good by our rules, its rate, the true trains, and its hash."""
    recording, reference = load(name, grid)
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(dtype=bool)
    emg = np.ascontiguousarray(recording.emg[good])
    fingerprint = hashlib.sha256(emg.tobytes()).hexdigest()[:12]
    return emg, recording.sampling_rate, list(reference.values()), fingerprint


def measure(
    tool: str, emg: np.ndarray, rate: float, reference: list[np.ndarray], options: argparse.Namespace
) -> dict[str, object]:
    """Run one tool; return what it gave, or the reason why it gave nothing."""
    try:
        python = python_of(tool, options.environments)
        run = run_tool(tool, python, emg, rate, options.starts, options.threads, options.limit)
    except NotRunError as reason:
        return {"status": str(reason)}
    accepted, found = best_agreement(run.trains, reference, rate)
    agreement = {"accepted_agreement": _listed(accepted), "reference_agreement": _listed(found)}
    return {"status": "ok", **agreement} | {c: getattr(run, c) for c in COLUMNS if hasattr(run, c)}


def _listed(rates: list[float]) -> str:
    return " ".join(f"{rate:.3f}" for rate in rates)


def processor() -> str:
    """Return the name of the processor and the number of cores."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown'}, {os.cpu_count()} cores"


def read_results(path: Path) -> pd.DataFrame:
    """Return the results that are there so far, one row per tool and recording."""
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    texts = ("version", "accepted_agreement", "reference_agreement", "emg_sha256")
    return pd.read_csv(path, sep="\t", dtype=dict.fromkeys(texts, str))


def rows_of(results: pd.DataFrame, row: dict[str, object], columns: list[str]) -> pd.Series:
    """Tell which results agree with `row` in `columns`."""
    return (results[columns] == [row[column] for column in columns]).all(axis=1)


def add_result(path: Path, row: dict[str, object]) -> None:
    """Add a row to the results, in place of an earlier one with the same key."""
    results = read_results(path)
    rows = [*results[~rows_of(results, row, KEY)].to_dict("records"), row]
    table = pd.DataFrame(rows, columns=COLUMNS).assign(order=lambda t: t["tool"].map(TOOLS.index))
    table = table.sort_values(["recording", "order", "starts", "threads"]).drop(columns="order")
    text = table.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.2f", lineterminator="\n")
    write_text(path, text)


def run_all(options: argparse.Namespace) -> None:
    """Run every tool on every recording, one at a time, and write each result as soon as it is there."""
    path = TABLES[options.what]
    for tool in options.tools:
        for name in recordings_of(options.recordings, options.what):
            emg, rate, reference, fingerprint = prepare(name, options.grid)
            row = {"recording": name, "tool": tool, "starts": options.starts, "threads": options.threads}
            row |= {"emg_sha256": fingerprint, "processor": processor()}
            results = read_results(path)
            if not options.again and rows_of(results, row, [*KEY, "emg_sha256"]).any():
                continue
            row |= measure(tool, emg, rate, reference, options)
            add_result(path, row)
            print(name, tool, row["status"], f"{row.get('wall_total', 0):.0f} s", flush=True)


def parse() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=[*TABLES, "render"])
    parser.add_argument("--recordings", nargs="+", help="beginnings of names (default: all)")
    quick = [tool for tool in TOOLS if tool != "swarm"]
    parser.add_argument(
        "--tools", nargs="+", choices=TOOLS, default=quick, help="(default: all but swarm, which takes hours)"
    )
    parser.add_argument("--starts", type=int, default=40, help="of every tool (default 40)")
    parser.add_argument("--threads", type=int, default=2, help="of every tool (default 2)")
    parser.add_argument("--limit", type=float, default=3600.0, help="s that one run may take (default 3600)")
    parser.add_argument("--again", action="store_true", help="run also what is there")
    parser.add_argument("--grid", type=Path, default=PROJECT / "build" / "grid", help="simulated recordings")
    parser.add_argument(
        "--environments", type=Path, default=PROJECT / "build" / "peers", help="of the other tools"
    )
    return parser.parse_args()


def main() -> None:
    """Run a benchmark, or write its tables."""
    options = parse()
    if options.what == "render":
        render(PAGE, {what: read_results(path) for what, path in TABLES.items()})
    else:
        run_all(options)


if __name__ == "__main__":
    main()
