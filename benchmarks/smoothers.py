"""How well each smoother of discharge rates gives the ΔF that was planted, on simulated contractions.

    python benchmarks/smoothers.py --contractions 500 --output benchmarks/results/smoothers.tsv

Pools of motoneurones as in the sample trial discharge in a ramp; of each, 15 motor units are taken with their
exact discharges. A pair's true ΔF is the gain of its control times the hysteresis of its test unit. Error of
ΔF of the pairs that pass by the usual criteria, and of the units by every way to aggregate them, with the
standard error of its mean over contractions, and how often the 95 % interval (± 1.96 standard errors) holds
the truth.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.motor_units.aggregation import composite_delta_f, unit_delta_f
from pictrial.motor_units.delta_f import USUAL_CRITERIA, judge_pairs
from pictrial.motor_units.pair_measures import measure_pairs
from pictrial.motor_units.smoothing import SMOOTHERS, RateSettings
from pictrial.seeds import random_generator
from pictrial.simulation.motoneurones import draw_contraction

SEED = 17
UNITS = 15
#: Of one session, the same pairs are all pairs.
AVERAGED = ("mean_over_passing_controls", "median_over_passing_controls")
CONDITIONS = ("control", "stimulation", "relaxation")


def errors_of(number: int) -> pd.DataFrame:
    """Return error and standard error of ΔF of a contraction's pairs and units, by every smoother."""
    random = random_generator(SEED, "smoothers", number)
    contraction = draw_contraction(random, CONDITIONS[number % len(CONDITIONS)])
    units = contraction.units[contraction.units["derecruitment_time"].notna()].set_index("unit_id")
    taken = random.choice(units.index.to_numpy(), min(UNITS, len(units)), replace=False)
    trains = {unit: contraction.discharges[unit] for unit in sorted(taken)}
    tables = []
    for smoother in SMOOTHERS:
        measured = measure_pairs(trains, RateSettings(smoother))
        ledger = judge_pairs(measured, USUAL_CRITERIA)
        pairs = ledger[ledger["passed"]]
        gain = units["gain"][pairs["control_unit"]].to_numpy()
        pairs = pairs.assign(true=gain * units["hysteresis"][pairs["test_unit"]].to_numpy())
        pairs["standard_error"] = np.hypot(pairs["own_standard_error"], pairs["shared_standard_error"])
        levels = {"pairs": pairs}
        true = pairs.groupby("test_unit")["true"].mean()
        for aggregation in AVERAGED:
            means = unit_delta_f(pairs, aggregation)
            levels[aggregation] = means.assign(true=means["unit_id"].map(true))
        # The controls of a composite have a gain of 1 on average.
        composite = composite_delta_f(measured, ledger)
        levels["composite_control"] = composite.assign(true=composite["unit_id"].map(units["hysteresis"]))
        for level, table in levels.items():
            error = (table["delta_f"] - table["true"]).to_numpy(float)
            columns = {"error": error, "standard_error": table["standard_error"].to_numpy(float)}
            tables.append(pd.DataFrame(columns).assign(smoother=smoother, level=level))
    return pd.concat(tables).assign(contraction=number)


def summarise(errors: pd.DataFrame) -> pd.DataFrame:
    """Return one row per level and smoother."""
    rows = []
    for (smoother, level), of in errors.groupby(["smoother", "level"], sort=False):
        means = of.groupby("contraction")["error"].mean()
        held = of["error"].abs() <= 1.96 * of["standard_error"]
        rows.append(
            {
                "smoother": smoother,
                "level": level,
                "contractions": errors["contraction"].nunique(),
                "n": len(of),
                "mean_error": of["error"].mean(),
                "standard_error": means.sem(),
                "sd_error": of["error"].std(),
                "root_mean_square_error": np.sqrt(np.mean(of["error"] ** 2)),
                "coverage": held.mean() if of["standard_error"].notna().any() else np.nan,
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
