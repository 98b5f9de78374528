"""Faults done to runs of a small trial, and what a rerun by the same command then ends with.

    nice python benchmarks/faults.py --folder build/faults --kills 60

First the trial runs undisturbed. Then runs are killed at random moments of a seed and started again until
they end; recordings, tables and intermediate files are broken; the disk is full; the clock is wrong; two runs
start at once. After each fault every file but logs and benchmarks is held against the undisturbed run. Writes
benchmarks/results/faults.tsv, a row per fault, and the table of docs/faults.md. A full disk is a small tmpfs,
which only root may mount.
"""

import argparse
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
from marked_page import write_between_marks

from pictrial.files import atomic_path, sha256

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests" / "house"))
from house_trials import FEW, write_trial  # noqa: E402 (its folder is on the path since the line above)

RESULTS = PROJECT / "benchmarks" / "results" / "faults.tsv"
PAGE = PROJECT / "docs" / "faults.md"
COLUMNS = ["fault", "what", "at", "then", "outcome"]
SAME, REFUSED, LOST = "same results", "refused, same results after repair", "NOT the same results"
#: Enough to find motor units, and quick.
DECOMPOSITION = {"stages": 2, "starts": 40}
#: All stages but power, rules compared, notebooks and the report, which take longest and come last.
TARGETS = ("statistics/ard.tsv", "figures/delta_f.svg", "tables/delta_f.html")
OF_THE_RUN = ("logs", "benchmarks", "lineage")
FIRST = "sub-01/ses-1"
RAMP = "sub-01_ses-1_task-ramp_run-1"
CHECKED = f"recordings/{FIRST}/{RAMP}_desc-quality_channels.tsv"
DECOMPOSED = f"decomposition/{FIRST}/{RAMP}_desc-decomposed_events.tsv"
FILTERS = f"decomposition/{FIRST}/{RAMP}_desc-decomposed_filters.npz"
TRACKED = f"decomposition/{FIRST}/{RAMP}_desc-tracked_events.tsv"


def command(*targets: str) -> list[str]:
    """Return what `make trial` runs, for some of the results, in the current folder."""
    words = [sys.executable, PROJECT / "workflow" / "run_alone.py", sys.executable, "-m", "snakemake"]
    words += ["--snakefile", PROJECT / "Snakefile"]
    words += ["--workflow-profile", PROJECT / "workflow" / "profiles" / "default"]
    words += ["--cores", "2", *(f"results/{target}" for target in targets or TARGETS)]
    return [*map(str, words), "--configfile", "config.yaml"]


def start(folder: Path, *targets: str, retries: int = 0, **environment: str) -> subprocess.Popen:
    """Start a run in a session of its own; what it says goes to ``said.txt``."""
    with open(folder / "said.txt", "w", encoding="utf-8") as said:
        return subprocess.Popen(
            [*command(*targets), "--retries", str(retries)],
            cwd=folder,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env=os.environ | environment,
        )


def run(folder: Path, *targets: str, **environment: str) -> tuple[int, str]:
    """Run to the end; return the status, and the line that tells why it failed."""
    status = start(folder, *targets, **environment).wait()
    lines = (folder / "said.txt").read_text(encoding="utf-8").splitlines()
    return status, reason(lines).replace(str(folder), "…")[:160]


def reason(lines: list[str]) -> str:
    """Return the line of what a run said that tells why it failed or did nothing."""
    for line, following in itertools.pairwise([*lines, ""]):
        if "affected files:" in line:
            return f"Missing input file: {following.strip()}"
        if any(sign in line for sign in ("Error: ", "Nothing to be done", "older modification time")):
            return line.strip()
        if line.strip() == "WorkflowError:":
            return following.strip()
    return ""


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of every file of the results, unfinished ones too, but those `OF_THE_RUN`."""
    results = folder / "results"
    files = [path.relative_to(results) for path in sorted(results.rglob("*")) if path.is_file()]
    return {str(path): sha256(results / path) for path in files if path.parts[0] not in OF_THE_RUN}


def outcome(folder: Path, undisturbed: dict[str, str], whole: bool = False) -> str:
    """Compare the files that are there with the undisturbed run; a run of the `whole` must have all."""
    found = contents(folder)
    wrong = [name for name, digest in found.items() if undisturbed.get(name) != digest]
    wrong += sorted(undisturbed.keys() - found.keys()) if whole else []
    return SAME if found and not wrong else f"{LOST}: {' '.join(wrong[:3])}"


def fresh(folder: Path, copy_of: Path | None = None) -> Path:
    """Make `folder` anew, as an unused trial or as a copy with all times."""
    shutil.rmtree(folder, ignore_errors=True)
    if copy_of:
        subprocess.run(["cp", "-a", str(copy_of), str(folder)], check=True)
    else:
        write_trial(folder, participants=2, analyses=FEW, decomposition=DECOMPOSITION)
    return folder


def jobs_of(process: psutil.Process) -> list[psutil.Process]:
    """Return the jobs' Python processes below `process`, and of a job its kernels of notebooks not."""
    found = []
    for child in process.children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if len(words) > 1 and "python" in words[0] and ".snakemake/scripts" in words[1]:
            found.append(child)
    return found


def rule_of(job: psutil.Process) -> str:
    """Return the name of the script that a job runs."""
    try:
        return Path(job.cmdline()[1]).stem.partition(".")[2]
    except (psutil.Error, IndexError):
        return "?"


def writing(folder: Path, jobs: list[psutil.Process]) -> list[psutil.Process]:
    """Return the jobs that have an unfinished file."""
    names = [path.name.split("-")[1] for path in (folder / "results").rglob(".unfinished-*")]
    return [job for job in jobs if str(job.pid) in names]


def hit(folder: Path, run_: subprocess.Popen, kind: str, chance: random.Random) -> str | None:
    """Kill as `kind` says; return what ran then, or None where the run had ended or nothing fitted."""
    main = psutil.Process(run_.pid)
    engine = next(iter(main.children()), main)
    jobs = jobs_of(main)
    running = " ".join(sorted(map(rule_of, jobs))) or "no job"
    if kind in ("a job", "a job that writes"):
        chosen = writing(folder, jobs) if kind == "a job that writes" else jobs
        if not chosen:
            return None
        victim = chance.choice(chosen)
        running = rule_of(victim)
        victim.kill()
    elif kind == "everything":
        for process in [main, *main.children(recursive=True)]:
            process.kill()
    elif kind == "Ctrl-C":
        os.killpg(run_.pid, signal.SIGINT)
    elif kind == "SIGTERM":
        main.terminate()
    else:
        engine.kill()
    return running


#: What is killed, and how often among all kills.
KINDS = {"a job": 6, "a job that writes": 4, "Snakemake": 3, "everything": 3, "SIGTERM": 1, "Ctrl-C": 1}


def strike(folder: Path, process: subprocess.Popen, chance: random.Random, longest: float) -> dict | None:
    """Kill something of a run within `longest` s of its first job or its start, unless it ends before."""
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    wanted, early, begun = chance.uniform(0, longest), chance.random() < 0.15, None
    while process.poll() is None:
        time.sleep(0.002 if kind == "a job that writes" and begun else 0.1)
        try:
            if begun is None:
                begun = time.monotonic() if early or jobs_of(psutil.Process(process.pid)) else None
            elif time.monotonic() - begun >= wanted:
                at = hit(folder, process, kind, chance)
                if at is not None:
                    return {"fault": f"kill: {kind}", "what": f"after {wanted:.1f} s", "at": at}
        except psutil.NoSuchProcess:
            continue
    return None


def kills(folder: Path, reference: Path, number: int, seed: int, longest: float) -> Iterator[list[dict]]:
    """Kill `number` times, in chains of runs that begin anew or late and end at last; yield those of a chain.

    A run goes on after the kill of a job (``--retries``), so that it may be hit again.
    """
    chance, total = random.Random(seed), 0
    for chain in itertools.count(1):
        fresh(folder, None if chain % 2 else reference)
        if not chain % 2:
            for late in ("motor_units", "analysis", "statistics", "figures", "tables"):
                shutil.rmtree(folder / "results" / late, ignore_errors=True)
        done, hits = False, []
        while not done and total + len(hits) < number:
            process = start(folder, retries=9)
            while process.poll() is None and total + len(hits) < number:
                struck = strike(folder, process, chance, longest)
                hits += [struck] if struck else []
                print(chain, len(hits), struck, flush=True)
            done = process.wait() == 0
        status, said = run(folder)
        ended = outcome(folder, contents(reference), whole=True) if status == 0 else f"{LOST}: {said}"
        yield [row | {"then": f"run again, chain {chain}", "outcome": ended} for row in hits]
        total += len(hits)
        if total >= number:
            return


def main() -> None:
    """Do all faults, or those named."""
    from fault_files import bad_inputs, changed_intermediates, full_disk, two_runs, wrong_clock

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=20.0, help="latest moment of a kill, s")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    folder, reference = options.folder.resolve(), options.folder.resolve() / "undisturbed"
    if not (reference / "results" / TARGETS[-1]).is_file():
        status, said = run(fresh(reference))
        if status:
            sys.exit(said)
    campaign = {
        "kills": lambda: itertools.chain.from_iterable(
            kills(folder / "kills", reference, options.kills, options.seed, options.longest)
        ),
        "inputs": lambda: bad_inputs(folder / "inputs", reference),
        "intermediates": lambda: changed_intermediates(folder / "intermediates", reference),
        "clock": lambda: wrong_clock(folder / "clock", reference),
        "two": lambda: two_runs(folder / "two", reference),
        "disk": lambda: full_disk(folder / "disk", reference),
    }
    for name in options.only or campaign:
        rows = [{"part": name, **row} for row in campaign[name]()]
        add(rows, name)


def add(rows: list[dict], part: str) -> None:
    """Put the rows of a part of the campaign in place of its earlier ones, and write the page."""
    table = pd.DataFrame(rows, columns=["part", *COLUMNS])
    if RESULTS.is_file():
        before = pd.read_csv(RESULTS, sep="\t", dtype=str, keep_default_na=False)
        table = pd.concat([before[before["part"] != part], table])
    with atomic_path(RESULTS) as temporary:
        table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
    write_between_marks(PAGE, "faults", page_table(table))


def page_table(table: pd.DataFrame) -> str:
    """Return the table of the page: every fault, how often, how it ended, and what the run said."""
    kills_ = table["part"] == "kills"
    said = table["then"].mask(kills_ | (table["then"] == ""), "–")
    shown = table.assign(said=said, ended=table["outcome"])
    lines = ["| fault | times | outcome | what the run said |", "|---|---|---|---|"]
    for (fault, ended, said), rows in shown.groupby(["fault", "ended", "said"], sort=False):
        lines.append(f"| {fault} | {len(rows)} | {ended} | {said.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
