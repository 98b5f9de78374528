"""Whether any engine finds a better optimum than our fit, in small, unbalanced trials with variances of zero.

Each trial is fitted by our fit, from 12 random starts of our equations, by statsmodels' MixedLM with three
optimisers and, where there is R, by lme4. All ends are judged by one criterion, our REML deviance there; the
lowest is the optimum. A miss is an end more than 0.01 above it.

    nice python benchmarks/stress_trials.py run
    python benchmarks/stress_trials.py render          the table into docs/power.md
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.seeds import random_generator
from pictrial.statistics import cross_checks
from pictrial.statistics.fitted_model import FittedModel, fit_model, model_frame
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.simulated_outcomes import (
    OutcomeModel,
    StandardDeviations,
    crossover_sessions,
    draw_outcomes,
    williams_sequences,
)

sys.path.insert(0, str(Path(__file__).parent))
from marked_page import write_between_marks

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "stress_trials.tsv"
PAGE = ROOT / "docs" / "power.md"
SEED = 31
TRIALS = 160
MISSED = 0.01
RANDOM_STARTS = 12
CONDITIONS = ("control", "stimulation", "relaxation")
FIXED = "value ~ condition + period + sequence"
MODELS = {
    "nested": "value ~ condition + (1 | participant) + (1 | participant:unit)",
    "primary": f"{FIXED} + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)",
    "random slopes": f"{FIXED} + (condition | participant) + (1 | participant:unit)",
}
#: Standard deviations that a random part can have; the residual has one of the last four.
DEVIATIONS = (0.0, 0.0, 0.05, 0.2, 0.5, 1.0, 3.0)
STATSMODELS = {name: f"statsmodels, {name}" for name in ("default", "powell", "lbfgs")}
OURS, STARTS, LME4 = "pictrial", f"pictrial's equations, {RANDOM_STARTS} random starts", "lme4"
#: Reads numbered tables and their formulas; writes theta of each fit, in lme4's order.
R_SCRIPT = """
suppressMessages(library(lme4))
folder <- commandArgs(TRUE)[1]
formulas <- read.delim(file.path(folder, "formulas.tsv"), colClasses = "character")
for (i in seq_len(nrow(formulas))) {
  data <- read.csv(file.path(folder, paste0(formulas$trial[i], ".csv")), colClasses = c(value = "numeric",
    participant = "character", unit = "character", period = "character"))
  data$condition <- factor(data$condition, c("control", "stimulation", "relaxation"))
  formula <- as.formula(formulas$formula[i])
  fit <- try(suppressMessages(suppressWarnings(lmer(formula, data))), silent = TRUE)
  theta <- if (inherits(fit, "try-error")) "" else format(getME(fit, "theta"), digits = 17)
  cat(paste0(formulas$trial[i], "\\t", paste(theta, collapse = " "), "\\n"))
}
"""


def draw_trial(number: int) -> tuple[str, pd.DataFrame]:
    """Return the name of a model and the rows of an unbalanced trial for it."""
    random = random_generator(SEED, "stress trial", number)
    deviations = StandardDeviations(*random.choice(DEVIATIONS, 3), residual=random.choice(DEVIATIONS[-4:]))
    model = OutcomeModel(
        deviations,
        effects={"stimulation": -0.45},
        period_effects=(0.0, 0.1, 0.2),
        units=(2, 8),
        lost_units=dict(zip(CONDITIONS, random.uniform(0, 0.5, 3), strict=True)),
        lost_sessions=random.choice([0.0, 0.1]),
    )
    sessions = crossover_sessions(int(random.integers(6, 20)), williams_sequences(CONDITIONS)[:3])
    return list(MODELS)[number % len(MODELS)], model_frame(draw_outcomes(sessions, model, random))


def best_of_random_starts(model: FittedModel, number: int) -> float:
    """Return the lowest deviance that L-BFGS-B reaches from random starts."""
    from scipy.optimize import minimize

    equations = model.fit.equations
    random = random_generator(SEED, "random starts", number)
    bounds = [(0.0 if diagonal else None, None) for diagonal in equations.diagonal]
    found = []
    for _ in range(RANDOM_STARTS):
        size = 10 ** random.uniform(-1.5, 1.0, len(bounds))
        start = np.where(equations.diagonal, size, size * random.uniform(-1, 1, len(bounds)))
        end = minimize(equations.deviance, start, (True,), "L-BFGS-B", jac=True, bounds=bounds)
        found.append(float(end.fun))
    return min(found)


def by_lme4(trials: dict[int, tuple[pd.DataFrame, FittedModel]]) -> dict[int, float]:
    """Return our deviance where lme4's default ends; nothing where there is no R."""
    if shutil.which("Rscript") is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        formulas = []
        for number, (frame, model) in trials.items():
            absorbed = list(model.design.absorbed)
            text = model.design.formula.without(absorbed) if absorbed else model.design.formula.text
            formulas.append((number, text))
            frame.to_csv(Path(folder, f"{number}.csv"), index=False)
        table = pd.DataFrame(formulas, columns=["trial", "formula"])
        table.to_csv(Path(folder, "formulas.tsv"), sep="\t", index=False)
        Path(folder, "fit.R").write_text(R_SCRIPT)
        command = ["Rscript", "--vanilla", str(Path(folder, "fit.R")), folder]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in printed.splitlines():
        number, _, theta = line.partition("\t")
        equations = trials[int(number)][1].fit.equations
        if theta.strip():
            found[int(number)] = equations.deviance(equations.scaled(np.array(theta.split(), float)), True)[0]
    return found


def run(count: int, output: Path) -> None:
    """Draw trials until `count` can be fitted, and fit each by every engine."""
    rows, trials, not_estimable = [], {}, 0
    number = 0
    while len(trials) < count:
        name, frame = draw_trial(number)
        try:
            model = fit_model(frame, MODELS[name], {"condition": CONDITIONS})
        except NotEstimable:
            not_estimable += 1
        else:
            trials[number] = frame, model
            ends = {OURS: (model.fit.deviance, True), STARTS: (best_of_random_starts(model, number), True)}
            for optimiser, engine in STATSMODELS.items():
                end = cross_checks.fit_by_statsmodels(model.fit, optimiser)
                found = isinstance(end, cross_checks.Optimum)
                ends[engine] = (end.deviance, end.converged) if found else (np.nan, False)
            of = {
                "trial": number,
                "model": name,
                "participants": frame["participant"].nunique(),
                "rows": len(frame),
                "singular": model.fit.singular,
            }
            rows += [{**of, "engine": e, "deviance": d, "converged": c} for e, (d, c) in ends.items()]
        number += 1
    table = pd.DataFrame(rows)
    lme4 = table[table["engine"] == OURS].assign(engine=LME4)
    deviances = by_lme4(trials)
    lme4["deviance"] = lme4["trial"].map(deviances)
    if deviances:
        table = pd.concat([table, lme4], ignore_index=True)
    table["excess"] = table["deviance"] - table.groupby("trial")["deviance"].transform("min")
    print(f"{not_estimable} trials drawn were too small for their model")
    with atomic_path(output) as temporary:
        table.round(6).to_csv(temporary, sep="\t", index=False, na_rep="n/a", lineterminator="\n")


def markdown(table: pd.DataFrame) -> str:
    """Return how often each engine misses the optimum, by model, as a table in Markdown."""
    lines = [
        f"| engine | {' | '.join(MODELS)} | all | of them “converged” | no result | largest miss |",
        "|---|" + "---|" * (len(MODELS) + 4),
    ]
    for engine, of in table.groupby("engine", sort=False):
        missed = of["excess"] > MISSED
        cells = [f"{missed[of['model'] == name].sum()} of {(of['model'] == name).sum()}" for name in MODELS]
        own_word = str((missed & of["converged"].astype(bool)).sum())
        cells += [f"{missed.sum()} of {len(of)}", own_word if engine in STATSMODELS.values() else "–"]
        cells += [str(of["excess"].isna().sum()), f"{of['excess'].max():.2g}"]
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def render(results: Path, page: Path) -> None:
    """Write the table between the marks of the page."""
    table = pd.read_csv(results, sep="\t", na_values="n/a", keep_default_na=False)
    ours = table[table["engine"] == OURS]
    people, values = ours["participants"], ours["rows"]
    text = (
        f"{len(ours)} trials, {people.min()} to {people.max()} people, {values.min()} to {values.max()} "
        f"values; {ours['singular'].sum()} with a variance of zero at the optimum. Ends more than {MISSED} "
        f"above the lowest deviance of all engines:\n\n{markdown(table)}"
    )
    write_between_marks(page, "stress trials", text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "render"])
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.what == "run":
        run(options.trials, options.results)
    else:
        render(options.results, PAGE)


if __name__ == "__main__":
    main()
