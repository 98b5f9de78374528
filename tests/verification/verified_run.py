"""A made-up run of a few files: enough of each kind of comparison."""

from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import write_text
from pictrial.tables import write_table

TRAINS = {"MU01": [100, 250, 410, 555], "MU02": [90, 300]}
EVENTS = "decomposition/sub-01/ses-1/sub-01_ses-1_task-ramp_run-1_desc-tracked_events.tsv"
PAIRS = "motor_units/values.tsv"
FIGURE = "figures/delta_f.svg"


def write_ard(results: Path, change: float = 0.0, **columns: str) -> None:
    """Write three numbers; `change` is added to the second, `columns` are set in its row."""
    names = ["primary.estimate", "primary.p_value", "primary.n_units"]
    values = [-0.4512345678, 0.01234567891, 96.0]
    values[1] += change
    row = {
        "analysis": "primary",
        "role": "primary",
        "outcome": "delta_f",
        "population": "all_units",
        "contrast_or_level": "stimulation - control",
        "statistic": "estimate",
        "n_participants": 6,
        "n_units": 96,
        "n_pairs": 2302,
        "method": "linear mixed model",
        "inputs_sha256": "0" * 64,
    }
    nothing = dict.fromkeys(["df_method", "family", "adjustment", "warning"])
    rows = [row | nothing | {"ard_id": n, "value": v} for n, v in zip(names, values, strict=True)]
    rows[1] |= columns
    write_table(pd.DataFrame(rows), results / "statistics" / "ard.tsv", "ard")


def write_trains(results: Path, trains: dict[str, list[int]] = TRAINS) -> None:
    rows = [(s / 2048, 0, s, unit, "motor-unit-spike") for unit, own in trains.items() for s in own]
    events = pd.DataFrame(rows, columns=["onset", "duration", "sample", "unit_id", "event_type"])
    write_table(events.sort_values("sample"), results / EVENTS, "events")


def write_values(results: Path, values: np.ndarray, decision: str = "True") -> None:
    """Write a table of floats and decisions, the first decision as given."""
    decisions = [decision] + ["False"] * (len(values) - 1)
    lines = [f"{value:.10g}\t{passed}" for value, passed in zip(values, decisions, strict=True)]
    write_text(results / PAIRS, "\n".join(["delta_f\tpassed", *lines]) + "\n")


def values() -> np.ndarray:
    return np.random.default_rng(3).normal(3, 1, 500)


def write_run(results: Path) -> Path:
    """Write the run and return its folder."""
    write_ard(results)
    write_trains(results)
    write_values(results, values())
    write_text(results / FIGURE, '<svg><path d="M1.25 2.5"/><text>2.96</text></svg>')
    (results / "figures" / "delta_f.png").write_bytes(b"\x89PNG")
    np.savez(results / "arrays.npz", torque=np.linspace(0, 1, 50), samples=np.arange(5))
    write_text(results / "logs" / "run.log", "took 3.1 s")
    write_text(results / "lineage" / "run.json", '{"wall_seconds": 3.1}')
    write_text(results / "codecheck.yml", "made of the records")
    write_text(results / "bids" / "README.md", "raw")
    return results
