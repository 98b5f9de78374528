"""How long mixed models take, beside R on the same data.

    python benchmarks/mixed_models.py

*Kenward–Roger*: standard errors, degrees of freedom and P of six contrasts of a fitted model; pbkrtest
through emmeans. *Nested fit*: from the table to the fit; ours with its own starts, lme4 as `lmer` comes.
*Bootstrap*: refits of the primary model to drawn responses. Medians over the runs, of processor seconds,
which depend less on what else is running; for the bootstrap, seconds on the clock. Imports and the first run
of each are not counted: R loads pbkrtest in it. Both use one thread, the bootstrap two processes. Without
Rscript only our times are written.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import StringIO
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pictrial.seeds import random_generator
from pictrial.statistics.estimated_marginal_means import marginal_means, pairwise
from pictrial.statistics.fitted_model import FittedModel, fit_model, model_frame
from pictrial.statistics.model_inference import small_sample_inference
from pictrial.statistics.parametric_bootstrap import bootstrap_variance_components
from pictrial.trial.plan import PlannedSession, load_plan

sys.path.insert(0, str(Path(__file__).parent))
from drawn_trial import DrawnTrial, draw_outcomes
from marked_page import write_between_marks

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
PLAN = HERE.parent / "config" / "trial.yaml"
SEED = 41
CONDITIONS = {"condition": ["control", "stimulation", "relaxation"]}
NAMES = np.array(CONDITIONS["condition"])
ROWS = 511
REFITS, PROCESSES, PARTICIPANTS = 1000, 2, 15
#: Task: what it is, what may not be exceeded (in R's time, or seconds), and how that is written.
TASKS = {
    "kenward_roger": (f"Kenward–Roger, time × condition, {ROWS} values", 0.01, "R ≥ 100 × ours"),
    "kenward_roger_slopes": ("the same with slopes of time and condition", 0.01, "R ≥ 100 × ours"),
    "kenward_roger_crossed": ("the same with units crossed with people", 0.01, "R ≥ 100 × ours"),
    "nested": ("nested fit, 21,000 values, 4,550 random effects", 2.0, "ours ≤ 2 × R"),
    "bootstrap": (f"{REFITS:,} refits of the primary model, {PARTICIPANTS} people", 60.0, "ours ≤ 60 s"),
}

#: Random terms of the models whose contrasts are tested; mixed_models.R has the same.
RANDOM = {
    "kenward_roger": "(1 | participant) + (1 | participant:unit)",
    "kenward_roger_slopes": "(time + condition | participant) + (1 | participant:unit)",
    "kenward_roger_crossed": "(1 | participant) + (1 | unit)",
}


def drawn(levels: dict[str, int], deviations: dict[tuple[str, ...], float]) -> pd.DataFrame:
    """Draw values with independent effects of every combination of the columns in `deviations`."""
    rng = random_generator(SEED, *levels)
    frame = pd.DataFrame(list(product(*map(range, levels.values()))), columns=list(levels))
    value = 3 + rng.normal(0, 0.6, len(frame))
    for columns, deviation in deviations.items():
        codes = frame.groupby(list(columns)).ngroup().to_numpy()
        value += rng.normal(0, deviation, codes.max() + 1)[codes]
    text = frame.map(lambda number: f"{number:02d}")
    return text.assign(value=value)


def time_by_condition() -> pd.DataFrame:
    """Return values of 15 people with six units each, two times and three conditions; some are lost."""
    deviations = {("participant",): 0.7, ("participant", "unit"): 0.95}
    deviations |= {("participant", "time"): 0.3, ("participant", "condition"): 0.4}
    frame = drawn({"participant": 15, "unit": 6, "time": 2, "condition": 3}, deviations)
    kept = random_generator(SEED, "kept").choice(len(frame), ROWS, replace=False)
    return frame.assign(condition=NAMES[frame["condition"].astype(int)]).iloc[np.sort(kept)]


def nested_values() -> pd.DataFrame:
    """Return values of 50 people in six sessions with 14 units each, five times; conditions are sessions'."""
    person, session = ("participant",), ("participant", "session")
    deviations = {person: 0.7, session: 0.3, (*session, "unit"): 0.95}
    frame = drawn({"participant": 50, "session": 6, "unit": 14, "repetition": 5}, deviations)
    return frame.assign(condition=NAMES[frame["session"].astype(int) % 3])


def timed(task: str, what: Callable[[], float], runs: int) -> pd.DataFrame:
    """Time `what`, after a run that does not count: task, clock and processor (s), value."""
    what()
    rows = []
    for _ in range(runs):
        begin, processor = time.perf_counter(), time.process_time()
        value = what()
        rows.append((task, time.perf_counter() - begin, time.process_time() - processor, value))
    return pd.DataFrame(rows, columns=["task", "clock", "processor", "value"])


def our_times(kenward_roger: pd.DataFrame, nested: pd.DataFrame, runs: int) -> pd.DataFrame:
    """Return the times of the tasks that R does, too."""
    levels = CONDITIONS | {"time": ["00", "01"]}

    def contrasts(model: FittedModel, rows: np.ndarray) -> float:
        fresh = replace(model.fit)  # what was evaluated for the run before is forgotten
        inference = small_sample_inference(fresh, "kr")
        return min(inference.contrast(row)[2] for row in rows)

    def fit() -> float:
        random = "(1 | participant / session / unit)"
        return fit_model(nested, f"value ~ condition + {random}", CONDITIONS).fit.deviance

    tables = [timed("nested", fit, runs)]
    for task, random in RANDOM.items():
        model = fit_model(kenward_roger, f"value ~ time * condition + {random}", levels)
        rows = pairwise(marginal_means(model.design, "~ condition | time")).rows
        tables.append(timed(task, partial(contrasts, model, rows), runs))
    return pd.concat(tables)


def bootstrap_times(runs: int) -> pd.DataFrame:
    """Return the times of the bootstrap of the primary model; its value is the lower limit of sigma."""
    plan = load_plan(PLAN)
    sequences = list(plan.sequences.items())
    sessions = [
        PlannedSession(f"{person:02d}", sequences[person % 6][0], str(period), period, condition)
        for person in range(PARTICIPANTS)
        for period, condition in enumerate(sequences[person % 6][1], start=1)
    ]
    frame = model_frame(draw_outcomes(sessions, DrawnTrial(), SEED))
    fit = fit_model(frame, str(plan.analyses["primary"].formula), CONDITIONS).fit

    def refits() -> float:
        table = bootstrap_variance_components(fit, SEED, REFITS, PROCESSES)
        return table.set_index("parameter")["ci_lower"]["sigma"]

    return timed("bootstrap", refits, runs)


def times_of_r(kenward_roger: pd.DataFrame, nested: pd.DataFrame, runs: int) -> pd.DataFrame:
    """Return R's times after a run that does not count, none where there is no Rscript.

    Raises
    ------
    subprocess.CalledProcessError
        Where R fails, such as without its packages.
    """
    found = "task\tclock\tprocessor\tvalue\n"
    if shutil.which("Rscript"):
        with tempfile.TemporaryDirectory() as folder:
            for name, frame in (("kenward_roger", kenward_roger), ("nested", nested)):
                frame.to_csv(Path(folder) / f"{name}.tsv", sep="\t", index=False)
            command = ["Rscript", "--vanilla", str(HERE / "mixed_models.R"), folder, str(runs + 1)]
            one = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
            found += subprocess.run(command, env=one, stdout=subprocess.PIPE, text=True, check=True).stdout
    every = pd.read_csv(StringIO(found), sep="\t")
    return every[every.groupby("task").cumcount() > 0]


def markdown(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """Return a row per task: times, their ratio, and whether the goal is met.

    Raises
    ------
    RuntimeError
        Where R computed something else.
    """
    lines = ["| task | pictrial, s | R, s | R / pictrial | goal | met |", "|---|---|---|---|---|---|"]
    for task, (what, limit, goal) in TASKS.items():
        of_us, of_r = ours[ours["task"] == task], theirs[theirs["task"] == task]
        measure = "clock" if task == "bootstrap" else "processor"
        seconds, ratio, r = of_us[measure].median(), "–", "–"
        met = "yes" if seconds <= limit else "no"
        if task != "bootstrap":
            met = "–"
            if len(of_r):
                r_seconds = of_r[measure].median()
                met = "yes" if seconds <= limit * r_seconds else "no"
                ratio, r = f"{r_seconds / seconds:.3g}", f"{r_seconds:.3g}"
                # R ends a little short of the optimum with slopes; degrees of freedom follow.
                if not np.isclose(of_us["value"].iloc[0], of_r["value"].iloc[0], rtol=1e-2):
                    raise RuntimeError(f"{task}: {of_us['value'].iloc[0]} is {of_r['value'].iloc[0]} in R")
        lines.append(f"| {what} | {seconds:.3g} | {r} | {ratio} | {goal} | {met} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="times that each is run (default 3)")
    parser.add_argument("--page", type=Path, default=PAGE, help="page whose table is written")
    options = parser.parse_args()
    kenward_roger, nested = time_by_condition(), nested_values()
    with threadpool_limits(1):
        ours = pd.concat([our_times(kenward_roger, nested, options.runs), bootstrap_times(1)])
    table = markdown(ours, times_of_r(kenward_roger, nested, options.runs))
    write_between_marks(options.page, "mixed models", table)
    print(table, end="")


if __name__ == "__main__":
    main()
