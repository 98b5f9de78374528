"""How often the analyses of a trial find an effect that is not there, and miss one that is.

Crossover trials are drawn from the mixed model (spread as in the sample trial, 10 motor units, a fifth of the
values lost). Stimulation has an effect, relaxation none: the contrast of relaxation gives the type I error,
that of stimulation the coverage of the 95 % confidence interval. The joint test is of the true hypothesis
that both are what was planted.

    nice python benchmarks/type_one_error.py run --processes 2
    python benchmarks/type_one_error.py render         the table into docs/power.md
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.seeds import random_generator
from pictrial.statistics import kenward_roger, satterthwaite
from pictrial.statistics.estimated_marginal_means import custom_contrasts, marginal_means
from pictrial.statistics.fitted_model import FittedModel, fit_model, model_frame, planned_contrasts
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.paired import paired_comparison, participant_means
from pictrial.statistics.simulated_outcomes import (
    OutcomeModel,
    StandardDeviations,
    crossover_sessions,
    draw_outcomes,
    williams_sequences,
)
from pictrial.statistics.unconstrained_variances import NONNEGATIVE, UNCONSTRAINED

sys.path.insert(0, str(Path(__file__).parent))
from marked_page import write_between_marks

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "type_one_error.tsv"
PAGE = ROOT / "docs" / "power.md"
SEED = 29
ALPHA = 0.05
PARTICIPANTS = (8, 15, 30)
SD_PARTICIPANT_CONDITION = (0.0, 0.2, 0.4)
CONDITIONS = ("control", "stimulation", "relaxation")
EFFECT = -0.45
PAIRS = [("relaxation", "control"), ("stimulation", "control")]
PRIMARY = (
    "value ~ condition + period + sequence + (1 | participant) + (1 | participant:condition)"
    " + (1 | participant:unit)"
)
HABIT = "value ~ condition + (1 | participant) + (1 | participant:unit)"
JOINT_TESTS = {"kenward-roger": kenward_roger.joint_test, "satterthwaite": satterthwaite.joint_test}
#: Method as the table names it: formula, degrees of freedom and whether variances may be below zero.
MODELS = {
    "primary, variances unconstrained, Kenward-Roger": (PRIMARY, "kenward-roger", UNCONSTRAINED),
    "primary, Kenward-Roger": (PRIMARY, "kenward-roger", NONNEGATIVE),
    "primary, Satterthwaite": (PRIMARY, "satterthwaite", NONNEGATIVE),
    "field's habit, Satterthwaite": (HABIT, "satterthwaite", NONNEGATIVE),
}
MEANS = "participants' means, paired t"
CELL = ["participants", "sd_participant_condition"]
MEASURES = {
    "contrast": "type I error, one contrast",
    "joint": "type I error, joint test",
    "covered": "coverage of the 95 % interval",
}


def outcomes_of(participants: int, sd_participant_condition: float, number: int) -> pd.DataFrame:
    """Draw trial `number` of a cell."""
    model = OutcomeModel(
        StandardDeviations(participant_condition=sd_participant_condition),
        effects={"stimulation": EFFECT},
        period_effects=(0.0, 0.1, 0.2),
        lost_units=0.2,
    )
    sessions = crossover_sessions(participants, williams_sequences(CONDITIONS))
    random = random_generator(SEED, "type I error", participants, sd_participant_condition, number)
    return draw_outcomes(sessions, model, random)


def judged(table: pd.DataFrame) -> dict[str, float]:
    """Return whether the contrast without effect is found, and whether the interval holds the effect."""
    null, effect = table.iloc[0], table.iloc[1]
    if np.isnan(null["p"]) or np.isnan(effect["ci_lower"]):
        return {"contrast": np.nan, "covered": np.nan}
    return {
        "contrast": float(null["p"] <= ALPHA),
        "covered": float(effect["ci_lower"] <= EFFECT <= effect["ci_upper"]),
    }


def joint_p(model: FittedModel, df_method: str) -> float:
    """Return P of the F test that both contrasts are as planted."""
    means = marginal_means(model.design, "~ condition")
    rows = custom_contrasts(means, {level: {level: 1.0, minus: -1.0} for level, minus in PAIRS}).rows
    # The variances that REML estimates do not depend on the fixed effects.
    planted = np.array([EFFECT * (name == "conditionstimulation") for name in model.fit.matrices.columns])
    return JOINT_TESTS[df_method](replace(model.fit, beta=model.fit.beta - planted), rows).p


def one_trial(
    participants: int, sd_participant_condition: float, methods: Sequence[str], number: int
) -> list[dict]:
    """Return what every one of `methods` says of one trial."""
    outcomes = outcomes_of(participants, sd_participant_condition, number)
    frame, fits, rows = model_frame(outcomes), {}, []
    for method in methods:
        if method == MEANS:
            means = participant_means(outcomes, list(CONDITIONS))
            compared = pd.DataFrame([paired_comparison(means, level, minus) for level, minus in PAIRS])
            rows.append({"method": MEANS, **judged(compared), "joint": np.nan, "singular": np.nan})
            continue
        formula, df_method, variances = MODELS[method]
        found = dict.fromkeys((*MEASURES, "singular"), np.nan)
        try:
            key = (formula, variances)
            if key not in fits:
                fits[key] = fit_model(frame, formula, {"condition": CONDITIONS}, variances=variances)
            model = fits[key]
            found |= judged(planned_contrasts(model, PAIRS, df_method))
            found["joint"] = float(joint_p(model, df_method) <= ALPHA)
            found["singular"] = float(model.fit.singular)
        except NotEstimable:
            pass
        rows.append({"method": method, **found})
    return rows


def summarise(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each measure by method, with its standard error sqrt(s (1 - s) / trials)."""
    rows = []
    for method, of in trials.groupby("method", sort=False):
        for measure in (*MEASURES, "singular"):
            there = of[measure].dropna()
            if there.empty:
                continue
            share, n = there.mean(), len(there)
            error = np.sqrt(share * (1 - share) / n)
            rows.append((method, measure, n, len(of) - n, share, error))
    names = ["method", "measure", "trials", "not_estimable", "share", "standard_error"]
    return pd.DataFrame(rows, columns=names)


def run(n_trials: int, processes: int, output: Path) -> None:
    """Run every method that a cell has no result of; the table is written anew after each cell."""
    order = [*MODELS, MEANS]
    tables = [pd.read_csv(output, sep="\t")] if output.exists() else []
    key = [*CELL, "method"]
    done = {one for table in tables for one in zip(*(table[name] for name in key), strict=True)}
    with ProcessPoolExecutor(processes) as pool:
        for participants in PARTICIPANTS:
            for sd in SD_PARTICIPANT_CONDITION:
                methods = [name for name in order if (participants, sd, name) not in done]
                if not methods:
                    continue
                one = partial(one_trial, participants, sd, methods)
                trials = [row for rows in pool.map(one, range(n_trials), chunksize=25) for row in rows]
                table = summarise(pd.DataFrame(trials))
                table.insert(0, "participants", participants)
                table.insert(1, "sd_participant_condition", sd)
                tables.append(table)
                with atomic_path(output) as temporary:
                    whole = pd.concat(tables).sort_values(key, key=_rank, kind="stable").round(5)
                    whole.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def _rank(column: pd.Series) -> pd.Series:
    """Return what a column of the table is sorted by: methods in the order of the table."""
    order = [*MODELS, MEANS]
    return column.map(order.index) if column.name == "method" else column


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown per measure."""
    lines = []
    for measure, title in MEASURES.items():
        of = table[table["measure"] == measure].copy()
        of["text"] = [
            f"{100 * share:.1f} ± {100 * error:.1f}"
            for share, error in zip(of["share"], of["standard_error"], strict=True)
        ]
        cells = of.pivot_table("text", CELL, "method", "first")[list(dict.fromkeys(of["method"]))]
        lines += [f"**{title[0].upper()}{title[1:]}, %**", ""]
        lines += [f"| participants | SD participant:condition, pps | {' | '.join(cells.columns)} |"]
        lines += ["|---|---|" + "---|" * len(cells.columns)]
        for (participants, sd), row in cells.iterrows():
            lines.append(f"| {participants} | {sd:g} | {' | '.join(row)} |")
        lines.append("")
    singular = table[table["measure"] == "singular"].pivot_table("share", CELL, "method", "first")
    held, bounded = list(MODELS)[:2]
    lines.append("Primary fits with a variance of zero (in brackets: also where it may be below zero):")
    shares = [
        f"{participants} people, SD {sd:g}: {100 * row[bounded]:.0f} % ({100 * row[held]:.1f} %)"
        for (participants, sd), row in singular.iterrows()
    ]
    return "\n".join([*lines, f"{', '.join(shares)}.", ""])


def render(results: Path, page: Path) -> None:
    """Write the tables between the marks of the page."""
    table = pd.read_csv(results, sep="\t")
    usual = int(table["trials"].mode()[0])
    others = table[table["trials"] != usual].drop_duplicates([*CELL, "method"])
    more = "".join(
        f" ({row.trials} of {row.participants} people, SD {row.sd_participant_condition:g}: {row.method})"
        for row in others.itertuples()
    )
    text = (
        f"{usual} trials in every row{more}, ± Monte-Carlo standard error; "
        f"{table['not_estimable'].sum()} not estimable.\n\n{markdown(table)}"
    )
    write_between_marks(page, "type I error", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "render"])
    parser.add_argument("--trials", type=int, default=2000, help="of each cell (default 2000)")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.what == "run":
        run(options.trials, options.processes, options.results)
    else:
        render(options.results, PAGE)


if __name__ == "__main__":
    main()
