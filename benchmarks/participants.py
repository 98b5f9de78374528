"""What 200 and 1000 participants cost, estimated from finished runs of the shipped trials.

    python benchmarks/participants.py results/sample results/spasticity results/two_experiments

The first run is the trial that is scaled. The jobs of participants and recordings cost as many times as
much as there are more participants, and so is a job of models longer: the trials have different analyses. CPU
time and memory of the other jobs of all participants are lines through what the runs needed, by their numbers
of participants (least squares, never falling). Writes the table of docs/scaling.md.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from marked_page import write_between_marks

from pictrial.lineage.run import read_run
from pictrial.trial.plan import load_plan

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scaling.md"
NUMBERS = (200, 1000)
MODELS = ("run_analysis", "draw_diagnostics", "cross_check_models", "draw_power")


def costs(results: Path) -> pd.DataFrame:
    """Return a row per rule: CPU time (s) of a job of it, jobs, peak memory (MB), whether people have one."""
    run, people = read_run(results), len(load_plan(results / "plan" / "trial.yaml").participants)
    rows = [
        {
            "rule": job.script.removesuffix(".py"),
            "each": "participant" in job.wildcards,
            "cpu": job.cpu_seconds,
            "memory": 1.048576 * job.peak_memory_mib,
            "people": people,
        }
        for job in run.jobs
    ]
    of_rules = pd.DataFrame(rows).groupby(["rule", "each", "people"], as_index=False)
    return of_rules.agg(
        one=("cpu", "mean"), longest=("cpu", "max"), jobs=("cpu", "size"), memory=("memory", "max")
    )


def estimate(runs: list[pd.DataFrame], people: int) -> pd.DataFrame:
    """Return CPU time and memory by rule of the first run with as many `people`."""
    table = runs[0].copy()
    for row, of_rule in table.iterrows():
        if of_rule["each"]:
            table.loc[row, "jobs"] = of_rule["jobs"] * people / of_rule["people"]
            continue
        if of_rule["rule"] in MODELS:
            table.loc[row, "one"] = of_rule["one"] * people / of_rule["people"]
            continue
        points = pd.concat([run[run["rule"] == of_rule["rule"]] for run in runs])
        for what in ("one", "memory"):
            slope = np.polyfit(points["people"], points[what], 1)[0] if len(points) > 1 else 0
            table.loc[row, what] = of_rule[what] + max(slope, 0) * (people - of_rule["people"])
    return table.assign(longest=table["longest"] * table["one"] / runs[0]["one"])


def markdown(tables: dict[int, pd.DataFrame], sizes: dict[int, float]) -> str:
    """Return the table of the page; `sizes` are GB of a run's folder."""
    lines = ["| participants | jobs of participants and recordings, core-hours | jobs of all, core-hours |"]
    lines[0] += " of these the longest job, min | the largest, MB | disk, GB |"
    lines += ["|" + "---|" * 6]
    for people, table in tables.items():
        cpu, joint = table["one"] * table["jobs"], table[~table["each"]].set_index("rule")
        longest, largest = joint["longest"].idxmax(), joint["memory"].idxmax()
        cells = [
            f"{people}",
            f"{cpu[table['each']].sum() / 3600:.2g}",
            f"{cpu[~table['each']].sum() / 3600:.2g}",
        ]
        cells += [f"{joint.loc[longest, 'longest'] / 60:.1f} (`{longest}`)"]
        cells += [f"{joint.loc[largest, 'memory']:.0f} (`{largest}`)", f"{sizes[people]:.2g}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    options = parser.parse_args()
    runs = [costs(results) for results in options.results]
    measured = int(runs[0]["people"].iloc[0])
    size = sum(path.stat().st_size for path in options.results[0].rglob("*") if path.is_file()) / 1e9
    tables = {measured: runs[0]} | {people: estimate(runs, people) for people in NUMBERS}
    for people, table in tables.items():
        print(people, table[~table["each"]].sort_values("one").tail(12).to_string(), sep="\n")
    write_between_marks(PAGE, "participants", markdown(tables, {n: size * n / measured for n in tables}))


if __name__ == "__main__":
    main()
