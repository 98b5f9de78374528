"""How well motor units are followed across the sessions of a participant, by every way of tracking.

Simulated participants, whose true motor units have the same names in all sessions, are decomposed
session by session and tracked. See docs/decomposition.md for what the columns mean.

    python benchmarks/tracking.py --participants 10 --cache CACHE --output benchmarks/results/tracking

writes <output>.tsv (every scenario and way) and <output>_conditions.tsv (whether a condition is favoured).
"""

import argparse
import sys
import time
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import match_units
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.tracking import TrackingSettings, track_units
from pictrial.files import write_text
from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f

sys.path.insert(0, str(Path(__file__).parent))
from tracked_participants import SCENARIOS, Session, sessions_of

WAYS = {
    "filters, source": TrackingSettings("filters", "source"),
    "filters, pooled": TrackingSettings("filters", "pooled"),
    "filters, target": TrackingSettings("filters", "target"),
    "combined": TrackingSettings("combined"),
    "potentials": TrackingSettings("potentials"),
    "joint": TrackingSettings("joint"),
}
#: Rate of agreement from which a train counts as found, and below which it has no true unit at all.
FOUND, NOTHING = 0.9, 0.3
COUNTS = ["active", "found", "matched", "pairs", "right_pairs", "false_pairs", "without_truth"]


def identities(units: dict[str, np.ndarray], session: Session) -> pd.DataFrame:
    """Return for each train, by name, the true unit it agrees with best (None: with none) and how much."""
    matches = match_units(units, session.truth, session.recording.sampling_rate).set_index("unit_id")
    known = matches["rate_of_agreement"] >= NOTHING
    true = matches["reference_unit"].astype(object).where(known, None)
    return matches.assign(true=true)[["true", "rate_of_agreement"]]


def found_units(identity: pd.DataFrame) -> dict[str, str]:
    """Return the true units that are found, and under which name."""
    found = identity[identity["rate_of_agreement"] >= FOUND]
    return dict(zip(found["true"], found.index, strict=True))


def compare_pair(sessions: list[Session], identity: list[pd.DataFrame]) -> dict:
    """Count what tracking made of the motor units of two sessions.

    `matched` are true units found in both by the decompositions that have one name in both after tracking;
    `right_pairs` those and the ones that only tracking found; in `false_pairs` the true units differ; of
    `without_truth` at least one train belongs to no unit.
    """
    before = [found_units(identities(s.decomposition.discharges, s)) for s in sessions]
    after = [found_units(table) for table in identity]
    found = before[0].keys() & before[1].keys()
    same = {unit for unit in after[0].keys() & after[1].keys() if after[0][unit] == after[1][unit]}
    pairs = identity[0].join(identity[1], suffixes=("_a", "_b"), how="inner")
    known = pairs["true_a"].notna() & pairs["true_b"].notna()
    return {
        "active": len(sessions[0].truth.keys() & sessions[1].truth.keys()),
        "found": len(found),
        "matched": len(found & same),
        "pairs": len(pairs),
        "right_pairs": len(same),
        "false_pairs": int((known & (pairs["true_a"] != pairs["true_b"])).sum()),
        "without_truth": int((~known).sum()),
    }


def delta_f(trains: dict[str, dict[str, np.ndarray]], rate: float) -> pd.DataFrame:
    """Return each unit's ΔF in each condition, pps, units × conditions."""
    pairs = [
        estimate_delta_f({unit: samples / rate for unit, samples in units.items()})
        for units in trains.values()
    ]
    table = pd.concat(
        [one.assign(participant="", session=name) for name, one in zip(trains, pairs, strict=True)]
    )
    values = unit_delta_f(table).pivot_table(index="unit_id", columns="session", values="delta_f")
    return values.reindex(columns=list(trains))


def effect_errors(
    sessions: list[Session], tracked: list[Decomposition], identity: list[pd.DataFrame]
) -> list[dict]:
    """Compare each condition's effect on ΔF, mean over units, with that from the true trains.

    A name stands for the true unit that it is in the first session that has it, also where a false match
    gave it to another unit.
    """
    rate = sessions[0].recording.sampling_rate
    unit_of = pd.concat([table["true"] for table in identity]).dropna()
    unit_of = unit_of[~unit_of.index.duplicated()]
    estimated, true = {}, {}
    for session, decomposition in zip(sessions, tracked, strict=True):
        trains = {n: t for n, t in decomposition.discharges.items() if unit_of.get(n) in session.truth}
        estimated[session.condition] = trains
        true[session.condition] = {name: session.truth[unit_of[name]] for name in trains}
    tables = delta_f(estimated, rate), delta_f(true, rate)
    first = sessions[0].condition
    changes = [table.drop(columns=first).sub(table[first], axis=0).mean() for table in tables]
    return [
        {"condition": condition, "effect_error": changes[0][condition] - changes[1][condition]}
        for condition in changes[0].index
    ]


def condition_rates(sessions: list[Session], identity: list[pd.DataFrame]) -> list[dict]:
    """Return by condition the shares of true units that are found before and named rightly after tracking.

    Of the units active in all sessions and found in one: `found` by the decomposition of this session,
    `tracked` here under the name that the unit has most often. `matched` is the share of the tracked among
    those found in this and another session, so that the decomposition's yield does not count.
    """
    before = [found_units(identities(s.decomposition.discharges, s)) for s in sessions]
    after = [found_units(table) for table in identity]
    active = set.intersection(*(set(session.truth) for session in sessions))
    units = sorted(active & set().union(*before))
    names = {unit: pd.Series([own.get(unit) for own in after]).mode() for unit in units}
    rows = []
    for session, own_before, own_after in zip(sessions, before, after, strict=True):
        right = {unit for unit in units if unit in own_after and own_after[unit] in set(names[unit])}
        found = {unit for unit in units if unit in own_before}
        comparable = {unit for unit in found if sum(unit in other for other in before) > 1}
        rows.append(
            {
                "condition": session.condition,
                "found": len(found) / len(units),
                "matched": len(comparable & right) / max(1, len(comparable)),
                "tracked": len(right) / len(units),
            }
        )
    return rows


def sign_flip_test(differences: np.ndarray) -> float:
    """Return the two-sided p of a mean difference: all sign flips of the participants, exact."""
    flips = np.array(list(product((1, -1), repeat=len(differences))))
    means = np.abs(flips @ differences)
    return float(np.mean(means >= means[0] - 1e-12))


def summarise(pairs: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """Return one row per scenario and way; effect errors with the standard error over participants."""
    keys = ["scenario", "way"]
    summary = pairs.groupby(keys, sort=False)[COUNTS].sum()
    summary["matched_share"] = summary["matched"] / summary["found"]
    summary["false_share"] = summary["false_pairs"] / summary["pairs"]
    each = errors.groupby([*keys, "participant"], sort=False)["effect_error"].mean().groupby(keys, sort=False)
    summary["effect_error"], summary["effect_error_se"] = each.mean(), each.sem()
    summary["cpu_seconds"] = pairs.groupby(keys, sort=False)["cpu_seconds"].mean()
    summary["participants"] = pairs.groupby(keys, sort=False)["participant"].nunique()
    return summary.reset_index()


def summarise_conditions(rates: pd.DataFrame) -> pd.DataFrame:
    """Return for each way and condition the mean rates, and the test of the difference from control."""
    rows = []
    for way, of_way in rates.groupby("way", sort=False):
        tables = {
            name: of_way.pivot_table(index="participant", columns="condition", values=name) for name in RATES
        }
        for condition in of_way["condition"].unique():
            row = {"way": way, "condition": condition, "participants": len(tables["found"])}
            for name, table in tables.items():
                row[name] = table[condition].mean()
                difference = (table[condition] - table["control"]).to_numpy()
                row[f"{name}_p"] = np.nan if condition == "control" else sign_flip_test(difference)
            rows.append(row)
    return pd.DataFrame(rows)


RATES = ("found", "matched", "tracked")


def main() -> None:
    """Run the benchmark and write its tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--participants", type=int, default=10, help="number of participants (default 10)")
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS), choices=list(SCENARIOS))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--cache", type=Path, help="folder that keeps the decompositions for the next run")
    parser.add_argument("--output", default="tracking", help="written with .tsv and _conditions.tsv")
    options = parser.parse_args()
    pairs, errors, rates = [], [], []
    for scenario, number in product(options.scenarios, range(1, options.participants + 1)):
        sessions = sessions_of(scenario, f"{number:02d}", options.cache)
        for way in options.ways:
            where = {"scenario": scenario, "way": way, "participant": f"{number:02d}"}
            tracked, seconds = timed_tracking(sessions, WAYS[way])
            identity = [identities(t.discharges, s) for s, t in zip(sessions, tracked, strict=True)]
            for a, b in combinations(range(len(sessions)), 2):
                counts = compare_pair([sessions[a], sessions[b]], [identity[a], identity[b]])
                pairs.append(where | counts | {"cpu_seconds": seconds})
            errors += [where | row for row in effect_errors(sessions, tracked, identity)]
            if scenario == "no_effect":
                rates += [where | row for row in condition_rates(sessions, identity)]
        print(f"{scenario}, participant {number}", flush=True)
    write(summarise(pd.DataFrame(pairs), pd.DataFrame(errors)), f"{options.output}.tsv")
    if rates:
        write(summarise_conditions(pd.DataFrame(rates)), f"{options.output}_conditions.tsv")


def timed_tracking(sessions: list[Session], way: TrackingSettings) -> tuple[list[Decomposition], float]:
    """Track the units of all sessions, and say how many seconds of the processor that took."""
    start = time.process_time()
    tracked = track_units(
        [session.recording for session in sessions],
        [session.good for session in sessions],
        [session.decomposition for session in sessions],
        DecompositionSettings(),
        way,
    )
    return tracked, time.process_time() - start


def write(table: pd.DataFrame, path: str) -> None:
    """Write a table as TSV and show it."""
    print(table.to_string(index=False, float_format="%.3g"))
    write_text(
        path, table.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.4g", lineterminator="\n")
    )


if __name__ == "__main__":
    main()
