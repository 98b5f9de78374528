"""Time and memory of the decomposition against channels × seconds, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/scaling.py --folder grid --output benchmarks/results/scaling.tsv

Recordings of `simulated_grid.scaling_cell`, each decomposed in a process of its own; writes one row per
recording and the plot of the documentation, and prints the exponent.
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
from simulated_grid import load_cell, scaling_cell

from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.separation import decompose
from pictrial.files import atomic_path
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.quality import QualitySettings, assess_channels

SIZES = ((32, 20), (32, 60), (64, 20), (64, 60), (64, 120), (128, 30), (128, 60), (256, 30), (256, 60))
PLOT = Path(__file__).parents[1] / "docs" / "scaling.png"


def measure(channels: int, duration: int, folder: Path) -> dict:
    """Decompose one recording: seconds of conditioning and decomposition, peak memory of the process."""
    recording, truth = load_cell(scaling_cell(channels, duration), folder)
    start = time.process_time()
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(bool)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings())
    between = time.process_time()
    found = decompose(conditioned, good, DecompositionSettings())
    return {
        "channels": channels,
        "duration": duration,
        "conditioning": between - start,
        "decomposition": time.process_time() - between,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "units": len(found.discharges),
        "true_units": len(truth.discharges),
    }


def exponent(rows: pd.DataFrame) -> float:
    """Return the slope of log time against log (channels × seconds)."""
    size = np.log(rows["channels"] * rows["duration"])
    return float(np.polyfit(size, np.log(rows["decomposition"]), 1)[0])


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Draw time against size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4.6, 3.4), layout="constrained")
    for channels, part in rows.groupby("channels"):
        size = part["channels"] * part["duration"]
        axes.loglog(
            size, part["decomposition"], "o-", markersize=4, linewidth=1, label=f"{channels} channels"
        )
    axes.set(xlabel="Channels × seconds", ylabel="Decomposition, s of one core")
    axes.set_xticks([500, 1000, 2000, 5000, 10000, 20000])
    axes.set_yticks([5, 10, 20, 40])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    axes.set_title(f"Exponent {exponent(rows):.2f}", fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Measure all sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rows = []
    for channels, duration in SIZES:
        load_cell(scaling_cell(channels, duration), options.folder)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measure, (channels, duration, options.folder)))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(2)
    with atomic_path(options.output) as temporary:
        table.to_csv(temporary, sep="\t", index=False)
    draw(table, PLOT)
    print(f"exponent {exponent(table):.2f}")


if __name__ == "__main__":
    main()
