"""What openhdemg says of many trains of discharges: asked live, or as it was frozen.

    make oracle recording
    .venv/bin/python tests/motor_units/openhdemg_oracle.py data/otb_testfile.mat

writes the frozen answers anew, with the simulated trains to which they belong. Those of the real recording
are not kept: tests read them from its file.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from motor_unit_trains import arch, train_at_rate

from pictrial.files import write_text
from pictrial.recordings.otb import read_otb
from pictrial.seeds import random_generator
from pictrial.simulation.motoneurones import draw_contraction

REPOSITORY = Path(__file__).resolve().parents[2]
PYTHON = REPOSITORY / "build" / "oracle" / "bin" / "python"
SCRIPT = REPOSITORY / "tests" / "oracles" / "run_openhdemg.py"
FROZEN = Path(__file__).with_suffix(".json")

SAMPLING_RATE = 2048
CONTRACTIONS = 20
UNITS = 8
REAL = "vastus_lateralis"


def ask(cases: dict[str, dict], step: int) -> dict:
    """Return openhdemg's answers, see its script."""
    questions = json.dumps({"step": step, "cases": cases})
    done = subprocess.run([PYTHON, SCRIPT], input=questions, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def frozen_cases() -> dict[str, dict]:
    """Return every frozen case: its answer and, but for the real recording, its trains (samples)."""
    cases = json.loads(FROZEN.read_text())["cases"]
    for case in cases.values():
        case["trains"] = [np.cumsum(intervals).tolist() for intervals in case.pop("intervals", [])]
    return cases


def contraction(trains: list[list[int]]) -> dict:
    """Return a case for openhdemg; its recording ends one second after the last discharge."""
    length = max(train[-1] for train in trains if train) + SAMPLING_RATE
    return {"sampling_rate": SAMPLING_RATE, "length": length, "trains": trains}


def real_contraction(path: Path) -> dict:
    """Return the vendor's trains of the real recording, in order of recruitment as openhdemg wants them."""
    _, vendor = read_otb(path)
    return contraction(sorted((train.tolist() for train in vendor.values()), key=lambda train: train[0]))


def simulated_contraction(number: int) -> dict:
    """Return motor units of a simulated pool in a ramp, in order of recruitment."""
    random = random_generator(23, "openhdemg", number)
    simulated = draw_contraction(random)
    active = sorted(unit for unit, times in simulated.discharges.items() if times.size >= 20)
    taken = [simulated.discharges[unit] for unit in random.choice(active, UNITS, replace=False)]
    return contraction([samples(times) for times in sorted(taken, key=lambda times: times[0])])


def samples(times: np.ndarray) -> list[int]:
    return np.round(times * SAMPLING_RATE).astype(int).tolist()


def awkward_contractions() -> dict[str, dict]:
    """Return contractions of four units or fewer, of which openhdemg gets something wrong."""
    early, middle, late, brief, stopping = (
        samples(train_at_rate(arch(peak, 0.06, 10), start, stop))
        for peak, start, stop in ((14, 5, 19), (13, 7, 17), (12, 9, 15), (13, 1, 4), (13, 6.5, 12))
    )
    units = {
        "pair_without_overlap": [brief, early, middle, late],
        "empty_unit_first": [[], early, middle, late],
        "empty_unit_between": [early, [], middle, late],
        "empty_unit_last": [early, middle, late, []],
        "unsorted_units": [late, early, middle],
        "one_discharge": [early, middle, late, [10 * SAMPLING_RATE]],
        "control_stops_early": [early, stopping, late],
    }
    return {name: contraction(trains) for name, trains in units.items()}


def freeze(recording: Path) -> None:
    """Write openhdemg's answers to :data:`FROZEN`, a case per line."""
    step = SAMPLING_RATE // 2
    cases = awkward_contractions() | {
        f"simulated_{number:02}": simulated_contraction(number) for number in range(CONTRACTIONS)
    }
    said = ask(cases | {REAL: real_contraction(recording)}, step)
    lines = []
    for name, answer in said["cases"].items():
        answer.pop("seconds", None)
        kept = {"length": cases[name]["length"], "sampling_rate": SAMPLING_RATE} if name in cases else {}
        trains = (
            [np.diff(train, prepend=0).tolist() for train in cases[name]["trains"]] if name in cases else None
        )
        kept |= {"intervals": trains} if trains else {}
        lines.append(f"{json.dumps(name)}: {json.dumps(kept | {'answer': answer}, separators=(',', ':'))}")
    head = {"tool": f"openhdemg {said['version']}", "written_by": "tests/motor_units/openhdemg_oracle.py"}
    units = {"intervals": "samples; the first from the start", "answer": "see tests/oracles/run_openhdemg.py"}
    first = json.dumps(head | {"step": step, "contents": units})[:-1]
    write_text(FROZEN, first + ', "cases": {\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    freeze(Path(sys.argv[1]))
