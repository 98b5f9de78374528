"""How often the 95 % confidence intervals of the primary analysis hold the planted effects.

Trials are simulated at the level of discharges and go through the pipeline's own functions: ΔF of every
pair, unit means, outcomes, primary analysis. With --drawn they are drawn from the mixed model itself,
which tells the inference's share of an error from that of the estimate of ΔF.

    python benchmarks/coverage.py --seeds 100 --output coverage
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import write_text
from pictrial.motor_units.aggregation import unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f
from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.discharge_trial import simulate_discharge_trial
from pictrial.simulation.motoneurones import HysteresisSettings
from pictrial.statistics.analysis import run_analysis
from pictrial.statistics.analysis_results import contrast_name, look_up
from pictrial.trial.analysis_tables import build_outcomes
from pictrial.trial.plan import TrialPlan, load_plan, schedule

sys.path.insert(0, str(Path(__file__).parent))
from drawn_trial import DrawnTrial, draw_outcomes

PLAN = Path(__file__).resolve().parents[1] / "config" / "trial.yaml"
EFFECTS = {name: HysteresisSettings().planted_effect(name) for name in ("stimulation", "relaxation")}


def simulated_outcomes(plan: TrialPlan, seed: int) -> pd.DataFrame:
    """Simulate the discharges of one trial and estimate its outcomes."""
    planned = schedule(plan)
    trial = simulate_discharge_trial(planned, SampleTrialSettings(), seed)
    pairs = [
        estimate_delta_f(discharges).assign(participant=participant, session=session)
        for (participant, session), discharges in trial.discharges.items()
    ]
    return build_outcomes(
        plan,
        planned,
        {"delta_f": unit_delta_f(pd.concat(pairs, ignore_index=True)).rename(columns={"delta_f": "value"})},
    )


def drawn_outcomes(plan: TrialPlan, seed: int) -> pd.DataFrame:
    """Draw the outcomes of one trial from the mixed model."""
    return draw_outcomes(plan.sessions, DrawnTrial(effects=EFFECTS), seed)


def contrasts_of_trial(outcomes_of: Callable[[TrialPlan, int], pd.DataFrame], seed: int) -> list[dict]:
    """Return for one trial the contrasts of the primary analysis, and the planted effects."""
    plan = load_plan(PLAN)
    outcomes = outcomes_of(plan, seed)
    ard, _ = run_analysis(plan, "primary", outcomes, "none", seed=1)
    rows = []
    for condition, effect in EFFECTS.items():
        name = contrast_name(condition, plan.reference)
        row = {"seed": seed, "contrast": name, "planted": effect, "n_values": int(outcomes["value"].count())}
        for statistic in ("estimate", "standard_error", "df", "ci_lower", "ci_upper"):
            row[statistic] = look_up(ard, "primary", name, statistic)
        rows.append(row)
    return rows


def summarise(trials: pd.DataFrame) -> pd.DataFrame:
    """Return coverage and bias of each contrast, with their Monte-Carlo standard errors.

    The standard error of the coverage c over n trials is sqrt(c (1 - c) / n), that of the bias the SD of
    the estimates over sqrt(n) (Morris, White & Crowther 2019, Stat Med 38:2074, table 6).
    """
    rows = []
    for name, of in trials.groupby("contrast", sort=False):
        there = of.dropna(subset=["estimate"])
        n = len(there)
        covered = (there["ci_lower"] <= there["planted"]) & (there["planted"] <= there["ci_upper"])
        error = there["estimate"] - there["planted"]
        rows.append(
            {
                "contrast": name,
                "planted": there["planted"].iloc[0],
                "trials": n,
                "not_estimable": len(of) - n,
                "coverage": covered.mean(),
                "coverage_se": np.sqrt(covered.mean() * (1 - covered.mean()) / n),
                "bias": error.mean(),
                "bias_se": error.std(ddof=1) / np.sqrt(n),
                "sd_of_estimates": error.std(ddof=1),
                "mean_standard_error": there["standard_error"].mean(),
                "mean_width": (there["ci_upper"] - there["ci_lower"]).mean(),
                "mean_n_values": there["n_values"].mean(),
            }
        )
    return pd.DataFrame(rows)


def run_trials(
    outcomes_of: Callable[[TrialPlan, int], pd.DataFrame], seeds: Iterable[int], processes: int = 1
) -> pd.DataFrame:
    """Return the contrasts of every trial, one row per seed and contrast."""
    one = partial(contrasts_of_trial, outcomes_of)
    if processes == 1:
        return pd.DataFrame([row for seed in seeds for row in one(seed)])
    with ProcessPoolExecutor(processes) as pool:
        return pd.DataFrame([row for rows in pool.map(one, seeds) for row in rows])


def markdown(summary: pd.DataFrame, what: str) -> str:
    """Write the summary as a table in Markdown."""
    lines = [
        f"Coverage of the 95 % confidence intervals over {summary['trials'].max()} {what} "
        "(± Monte-Carlo standard error):",
        "",
        "| contrast | planted, pps | coverage | bias, pps | SD of estimates | mean SE |",
        "|---|---|---|---|---|---|",
    ]
    for row in summary.itertuples():
        lines.append(
            f"| {row.contrast} | {row.planted:.3f} | {row.coverage:.3f} ± {row.coverage_se:.3f} "
            f"| {row.bias:+.3f} ± {row.bias_se:.3f} "
            f"| {row.sd_of_estimates:.3f} | {row.mean_standard_error:.3f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=100, help="number of trials (default 100)")
    parser.add_argument("--first-seed", type=int, default=1, help="seed of the first trial (default 1)")
    parser.add_argument("--drawn", action="store_true", help="draw outcomes from the mixed model instead")
    parser.add_argument("--processes", type=int, default=1, help="trials at a time (default 1)")
    parser.add_argument("--output", default="coverage", help="written with .tsv, .md and _trials.tsv")
    options = parser.parse_args()
    outcomes_of = drawn_outcomes if options.drawn else simulated_outcomes
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    trials = run_trials(outcomes_of, seeds, options.processes)
    summary = summarise(trials)
    what = "trials drawn from the model" if options.drawn else "trials simulated from discharges"
    for frame, suffix in ((trials, "_trials.tsv"), (summary, ".tsv")):
        write_text(
            f"{options.output}{suffix}",
            frame.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.6g", lineterminator="\n"),
        )
    text = markdown(summary, what)
    write_text(f"{options.output}.md", text)
    print(text, end="")


if __name__ == "__main__":
    main()
