"""How well each smoother of discharge rates gives the ΔF that was planted, on simulated contractions.

    python benchmarks/smoothers.py --contractions 500 --output benchmarks/results/smoothers.tsv

Pools of motoneurones as in the sample trial discharge in a ramp; of each, 15 motor units are taken with their
exact discharges. A pair's true ΔF is the gain of its control times the hysteresis of its test unit. Of the
pairs that pass by the usual criteria: error of ΔF, over pairs, with its standard error over contractions.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.motor_units.smoothing import SMOOTHERS, RateSettings
from pictrial.seeds import random_generator
from pictrial.simulation.motoneurones import (
    HysteresisSettings,
    PoolSettings,
    draw_hysteresis,
    draw_pool,
    simulate_discharges,
)
from pictrial.simulation.torque import RampSettings

SEED = 17
UNITS = 15
CONDITIONS = ("control", "stimulation", "relaxation")


def errors_of(number: int) -> pd.DataFrame:
    """Return the error of ΔF of every passing pair of one contraction, by every smoother."""
    random = random_generator(SEED, "smoothers", number)
    pool_settings, settings = PoolSettings(), HysteresisSettings()
    pool = draw_pool(pool_settings, settings, random)
    condition = CONDITIONS[number % len(CONDITIONS)]
    hysteresis = draw_hysteresis(pool, settings, condition, random, random)
    contraction = simulate_discharges(pool, hysteresis, pool_settings, RampSettings(), random)
    units = contraction.units[contraction.units["derecruitment_time"].notna()].set_index("unit_id")
    taken = random.choice(units.index.to_numpy(), min(UNITS, len(units)), replace=False)
    trains = {unit: contraction.discharges[unit] for unit in sorted(taken)}
    tables = []
    for smoother in SMOOTHERS:
        pairs = estimate_delta_f(trains, rates=RateSettings(smoother)).query("passed")
        gain = units["gain"][pairs["control_unit"]].to_numpy()
        true = gain * units["hysteresis"][pairs["test_unit"]].to_numpy()
        error = pairs["delta_f"].to_numpy(float) - true
        tables.append(pd.DataFrame({"smoother": smoother, "contraction": number, "error": error}))
    return pd.concat(tables)


def summarise(errors: pd.DataFrame) -> pd.DataFrame:
    """Return one row per smoother."""
    rows = []
    for smoother, of in errors.groupby("smoother", sort=False):
        means = of.groupby("contraction")["error"].mean()
        rows.append(
            {
                "smoother": smoother,
                "contractions": errors["contraction"].nunique(),
                "passing_pairs": len(of),
                "mean_error": of["error"].mean(),
                "standard_error": means.sem(),
                "sd_error": of["error"].std(),
                "root_mean_square_error": np.sqrt(np.mean(of["error"] ** 2)),
            }
        )
    return pd.DataFrame(rows).round(4)


def main() -> None:
    """Run all contractions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contractions", type=int, default=500)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        errors = pd.concat(pool.map(errors_of, range(options.contractions), chunksize=10))
    table = summarise(errors)
    print(table.to_string(index=False))
    with atomic_path(options.output) as temporary:
        table.to_csv(temporary, sep="\t", index=False)


if __name__ == "__main__":
    main()
