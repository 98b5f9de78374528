"""Fit the probability that a unit's train is right on the tuning half, and judge it on the half held back.

    python benchmarks/confidence.py --folder grid --output benchmarks/results/confidence.tsv

Writes one row per motor unit of the grid, with its true agreement, and the calibration plot of the
documentation; prints the coefficients for `pictrial.decomposition.confidence`, the calibration on the
held-back half, and what is accepted of it. For fit and plot units are accepted laxly, so that some are wrong.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from simulated_grid import GridCell, cells, irregular_cells, load_cell

from pictrial.decomposition.agreement import match_units
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.confidence import COEFFICIENTS, features
from pictrial.decomposition.quality import Discharges
from pictrial.decomposition.separation import decompose
from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
from pictrial.recordings.quality import QualitySettings, assess_channels

RIGHT = 0.9
LAX = replace(
    DecompositionSettings(),
    minimal_silhouette=0.85,
    explaining_silhouette=0.85,
    maximal_short_intervals=0.1,
    minimal_discharges=15,
    minimal_probability=0,
)
ENOUGH = 0.98
RIDGE = 1.0
BINS = [0, 0.1, 0.4, 0.7, 0.9, 0.98, 1]
PLOT = Path(__file__).parents[1] / "docs" / "calibration.png"


def judge(cell: GridCell, half: str, folder: Path) -> pd.DataFrame:
    """Decompose a cell, as shipped for `half` held_back, else laxly: one row per unit."""
    recording, truth = load_cell(cell, folder)
    good = (assess_channels(recording, QualitySettings())["status"] == "good").to_numpy(bool)
    conditioned, _ = condition_emg(recording, good, ConditioningSettings())
    rate = recording.sampling_rate
    try:
        found = decompose(conditioned, good, DecompositionSettings() if half == "held_back" else LAX)
    except InputError:
        return pd.DataFrame()
    quality = found.quality.set_index("unit_id")
    rows = match_units(found.discharges, truth.discharges, rate).set_index("unit_id")
    seen = {}
    for unit, samples in found.discharges.items():
        measured = quality.loc[unit, ["silhouette", "pulse_to_noise_ratio", "height_variability"]]
        seen[unit] = features(Discharges(samples, *measured.astype(float)), rate)
    rows = rows.join(pd.DataFrame(seen).T).join(quality["probability"]).reset_index()
    rows.insert(0, "half", half)
    rows.insert(1, "recording", cell.name)
    rows["signal_to_noise"] = cell.signal_to_noise
    rows["true_units"] = len(truth.discharges)
    return rows


def fit(rows: pd.DataFrame) -> tuple[float, dict[str, float]]:
    """Return intercept and coefficients of a ridge-penalised logistic regression."""
    names = list(COEFFICIENTS)
    rows = rows.dropna(subset=names)
    right = (rows["rate_of_agreement"] >= RIGHT).to_numpy(float)
    values = rows[names].to_numpy(float)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    design = np.column_stack([np.ones(len(rows)), (values - mean) / spread])
    penalty = np.diag([0.0] + [RIDGE] * len(names))
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        information = design.T @ (design * (p * (1 - p))[:, None]) + penalty
        weights += np.linalg.solve(information, design.T @ (right - p) - penalty @ weights)
    slopes = weights[1:] / spread
    return float(weights[0] - mean @ slopes), dict(zip(names, slopes.round(4).tolist(), strict=True))


def calibration(rows: pd.DataFrame) -> pd.DataFrame:
    """Return number, mean stated probability and share right by bins of the stated probability."""
    bins = pd.cut(rows["probability"], [0, 0.5, 0.7, 0.8, 0.9, 1.0], include_lowest=True)
    right = rows["rate_of_agreement"] >= RIGHT
    counted = {"units": "sum", "stated": "mean", "right": "mean"}
    table = pd.DataFrame({"stated": rows["probability"], "right": right, "units": 1})
    return table.groupby(bins, observed=True).agg(counted).round(3)


def limit(rows: pd.DataFrame, intercept: float, coefficients: dict[str, float]) -> float:
    """Return the least probability, in steps of 0.05, from which `ENOUGH` acceptable units are right."""
    settings = DecompositionSettings()
    logit = intercept + sum(slope * rows[name] for name, slope in coefficients.items())
    probability = 1 / (1 + np.exp(-logit))
    # The features are logarithms.
    acceptable = (
        (rows["silhouette"] >= -np.log(1 - settings.minimal_silhouette))
        & (rows["short_intervals"] <= settings.maximal_short_intervals)
        & (rows["number"] >= np.log(settings.minimal_discharges))
    )
    right = rows["rate_of_agreement"] >= RIGHT
    steps = np.arange(0, 1, 0.05)
    return next(p for p in steps if right[acceptable & (probability >= p)].mean() >= ENOUGH)


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Draw share right against stated probability, with Wilson's 95 % interval, by half."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4.2, 4), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for half, colour, label in (
        ("tuning", "0.5", "tuning (fitted)"),
        ("held_back_lax", "#0072B2", "held back"),
    ):
        part = rows[rows["half"] == half].dropna(subset=["probability"])
        right = part["rate_of_agreement"] >= RIGHT
        for _, index in part.groupby(pd.cut(part["probability"], BINS, include_lowest=True), observed=True):
            n, share = len(index), right[index.index].mean()
            centre = (share + 1.92 / n) / (1 + 3.84 / n)
            half_width = 1.96 * np.sqrt(share * (1 - share) / n + 0.96 / n**2) / (1 + 3.84 / n)
            stated = index["probability"].mean()
            axes.plot([stated, stated], [centre - half_width, centre + half_width], color=colour, linewidth=1)
            axes.plot(stated, share, "o", color=colour, label=label)
            if half != "tuning":
                axes.annotate(str(n), (stated, share), (5, -10), textcoords="offset points", fontsize=7)
            label = None
    axes.set(xlabel="Stated probability", ylabel="Share with agreement ≥ 0.9 with the truth", aspect="equal")
    axes.legend(frameon=False, loc="upper left", fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Run both halves, fit and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    halves = {"tuning": ["tuning"], "held_back": ["held_back", "held_back_lax"]}
    jobs = [
        (c, name) for half in halves for name in halves[half] for c in cells(half) + irregular_cells(half)
    ]
    with ProcessPoolExecutor(2) as pool:
        tables = list(pool.map(judge, *zip(*jobs, strict=True), [options.folder] * len(jobs)))
    rows = pd.concat(tables, ignore_index=True)
    with atomic_path(options.output) as temporary:
        rows.round(5).to_csv(temporary, sep="\t", index=False)
    draw(rows, PLOT)
    tuning = rows[rows["half"] == "tuning"]
    intercept, coefficients = fit(tuning)
    print(f"intercept {intercept:.3f}, coefficients {coefficients}")
    print(f"minimal probability {limit(tuning, intercept, coefficients):.2f}")
    held = rows[rows["half"] == "held_back"]
    print(calibration(held))
    right = held["rate_of_agreement"] >= RIGHT
    clear = held["signal_to_noise"] >= 15
    print(f"held back: {len(held)} accepted, {right.mean():.1%} right")
    print(f"at 15 dB or more: median agreement {held.loc[clear, 'rate_of_agreement'].median():.4f}")
    print(right.groupby(held["recording"]).agg(["size", "sum"]))


if __name__ == "__main__":
    main()
