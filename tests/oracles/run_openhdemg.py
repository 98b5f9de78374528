"""Ask openhdemg for smoothed discharge rates and ΔF of given trains: JSON in, JSON out.

    build/oracle/bin/python tests/oracles/run_openhdemg.py < questions.json > answers.json

In: ``step`` (samples) and ``cases``, by name, each with ``sampling_rate`` (Hz), ``length`` (samples) and
``trains`` (samples). Out: ``version`` and ``cases``, each with

- ``rates``: of every unit at every ``step``-th sample from its second discharge on, and at its last (pps);
- ``pairs``: first unit, second unit, ΔF without criteria, and ΔF where its criteria are met (pps);
- ``units``: of every unit the mean ΔF over the pairs that meet them (pps);
- ``error`` instead, where it raises one;
- ``seconds``: what its two functions took, on the clock and of the processor, without imports.

It runs in an environment of its own (`make oracle`), without windows: of Qt there are only empty shells.
"""

import json
import sys
import time
from contextlib import redirect_stdout
from importlib.metadata import version
from unittest.mock import MagicMock

import numpy as np

WINDOWS = ("PySide6", "PySide6.QtCore", "PySide6.QtGui", "PySide6.QtWidgets", "openhdemg.ui")
WINDOWS += ("openhdemg.ui.widgets", "openhdemg.ui.qt_matplotlib", "matplotlib.backends.backend_qtagg")
sys.modules |= {name: MagicMock() for name in WINDOWS}

# It must find the stand-ins for its windows, hence E402.
import openhdemg.library as openhdemg  # noqa: E402


def answer(case: dict, step: int) -> dict:
    """Return what openhdemg says of one contraction, or its error."""
    trains = [np.array(train, dtype=int) for train in case["trains"]]
    file = {
        "FSAMP": case["sampling_rate"],
        "EMG_LENGTH": case["length"],
        "NUMBER_OF_MUS": len(trains),
        "MUPULSES": trains,
        "BINARY_MUS_FIRING": openhdemg.create_binary_firings(case["length"], len(trains), trains),
    }
    begin = np.array([time.perf_counter(), time.process_time()])
    try:
        rates = openhdemg.compute_svr(file)["gensvr"]
        pairs = openhdemg.compute_deltaf(file, rates, average_method="all", clean=False)
        seconds = np.array([time.perf_counter(), time.process_time()]) - begin
        valid = openhdemg.compute_deltaf(file, rates, average_method="all")["dF"]
        units = openhdemg.compute_deltaf(file, rates)["dF"]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    read = [
        np.append(np.arange(train[1], train[-1], step), train[-1]) if train.size else [] for train in trains
    ]
    return {
        "rates": [numbers(rate[at]) if len(at) else [] for rate, at in zip(rates, read, strict=True)],
        "pairs": [
            [*map(int, pair), *numbers(values)]
            for pair, *values in zip(pairs["MU"], pairs["dF"], valid, strict=True)
        ],
        "units": numbers(units),
        "seconds": numbers(seconds),
    }


def numbers(values) -> list[float | None]:
    """Return numbers for JSON, which has no NaN."""
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


if __name__ == "__main__":
    questions = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):
        answers = {name: answer(case, questions["step"]) for name, case in questions["cases"].items()}
    json.dump({"version": version("openhdemg"), "cases": answers}, sys.stdout)
