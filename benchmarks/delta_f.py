"""How long ΔF takes: with every smoother, and beside openhdemg on the same contraction.

    make oracle
    python benchmarks/delta_f.py --contractions 1000 --output benchmarks/results/delta_f_speed.tsv

Contractions are simulated as in the sample trial, with 15 motor units each; to simulate them is not counted.
*Many*: from discharges to the ΔF of every unit, shared by two processes. *One*: smoothed rates and all pairs
of one contraction, in one process, with support-vector regression in both tools; imports and a first run
are not counted. Runs of the two take turns, three of openhdemg and thirty of ours; medians. Seconds are
those on the clock, and those of the processors, which depend less on what else is running. Every process
has one thread.
"""

import argparse
import json
import os
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pictrial.files import atomic_path
from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.motor_units.smoothing import SMOOTHERS, RateSettings
from pictrial.seeds import random_generator
from pictrial.simulation.motoneurones import draw_contraction

REPOSITORY = Path(__file__).resolve().parent.parent
OPENHDEMG = [REPOSITORY / "build/oracle/bin/python", REPOSITORY / "tests/oracles/run_openhdemg.py"]
SEED = 29
UNITS = 15
SAMPLING_RATE = 2048
PROCESSES = 2
RUNS = 3
OUR_RUNS = 10  # each time: they are short


def trains_of(number: int) -> dict[str, np.ndarray]:
    """Return the discharges (s, whole samples) of motor units of one contraction."""
    random = random_generator(SEED, "delta_f", number)
    while True:  # until as many are recruited
        simulated = draw_contraction(random).discharges
        active = [unit for unit, times in simulated.items() if times.size >= 20]
        if len(active) >= UNITS:
            taken = sorted(random.choice(active, UNITS, replace=False))
            return {unit: np.round(simulated[unit] * SAMPLING_RATE) / SAMPLING_RATE for unit in taken}


def many(smoother: str, contractions: list[dict[str, np.ndarray]], pool: ProcessPoolExecutor) -> np.ndarray:
    """Return the seconds that all contractions take, on the clock and of the processors."""
    begin = time.perf_counter()
    shares = [contractions[start::PROCESSES] for start in range(PROCESSES)]
    processor = sum(pool.map(estimate_all, [smoother] * PROCESSES, shares))
    return np.array([time.perf_counter() - begin, processor])


def estimate_all(smoother: str, contractions: list[dict[str, np.ndarray]]) -> float:
    """Return the seconds of the processor that contractions take, one after the other."""
    begin = time.process_time()
    with threadpool_limits(1):
        for trains in contractions:
            unit_delta_f(estimate_delta_f(trains, rates=RateSettings(smoother)))
    return time.process_time() - begin


def one(trains: dict[str, np.ndarray]) -> np.ndarray:
    """Return the seconds that one contraction takes, on the clock and of the processor."""
    begin = np.array([time.perf_counter(), time.process_time()])
    with threadpool_limits(1):
        estimate_delta_f(trains, rates=RateSettings("svr"))
    return np.array([time.perf_counter(), time.process_time()]) - begin


def one_by_openhdemg(trains: dict[str, np.ndarray]) -> tuple[str, list[float]]:
    """Return openhdemg's version and the seconds that the same contraction takes it."""
    samples = [np.round(times * SAMPLING_RATE).astype(int).tolist() for times in trains.values()]
    length = max(train[-1] for train in samples) + SAMPLING_RATE
    case = {"sampling_rate": SAMPLING_RATE, "length": length, "trains": samples}
    questions = json.dumps({"step": length, "cases": {"first": case, "counted": case}})
    one_thread = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        OPENHDEMG, input=questions, env=one_thread, capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout)
    return f"openhdemg {said['version']}", said["cases"]["counted"]["seconds"]


def main() -> None:
    """Time everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contractions", type=int, default=1000)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    trains = trains_of(0)
    one(trains)
    ours, theirs = [], []
    for _ in range(RUNS):
        ours += [one(trains) for _ in range(OUR_RUNS)]
        tool, seconds = one_by_openhdemg(trains)
        theirs.append(seconds)
    rows = [
        ("one", name, "svr", 1, 1, *np.median(runs, axis=0))
        for name, runs in ((tool, theirs), ("pictrial", ours))
    ]
    with ProcessPoolExecutor(PROCESSES) as pool:
        contractions = list(pool.map(trains_of, range(options.contractions), chunksize=20))
        for smoother in SMOOTHERS:
            many(smoother, contractions[:PROCESSES], pool)  # imports
            seconds = many(smoother, contractions, pool)
            rows.append(("many", "pictrial", smoother, len(contractions), PROCESSES, *seconds))
    columns = ["what", "tool", "smoother", "contractions", "processes", "seconds", "processor_seconds"]
    table = pd.DataFrame(rows, columns=columns).round(4)
    print(table.to_string(index=False))
    with atomic_path(options.output) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


if __name__ == "__main__":
    main()
