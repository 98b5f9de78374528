"""Which facts of a run depend on the processor, the number of threads and the environment.

    nice python benchmarks/determinism.py --folder build/determinism

A small trial (two participants, analyses of each kind) is simulated once. Then everything from the checks of
recordings to the results is run once in each cell: kernels of OpenBLAS and numpy for one kind of processor or
another, one or two threads, hash seed, locale and time zone. Each cell is held against the first as
`pictrial verify` does. Writes benchmarks/results/determinism.tsv and the table of docs/reproducing.md. Takes
some minutes a cell; a cell whose results are there is not run again.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
from marked_page import write_between_marks

from pictrial.files import atomic_path
from pictrial.verification.comparison import compare
from pictrial.verification.expectation import read_expectation, write_expectation

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests" / "house"))
from house_trials import FEW, write_trial  # noqa: E402 (its folder is on the path since the line above)

TARGETS = ("statistics/ard.tsv", "figures/delta_f.svg", "figures/ramp.svg", "tables/delta_f.html")
#: Steps of numpy's own kernels above those that every processor has.
AVX2, AVX512 = "X86_V3", "X86_V4 AVX512_ICL AVX512_SPR"
#: Kernels of OpenBLAS, the flag of the processor that they need, and numpy's that are switched off.
KERNELS = {
    "SKYLAKEX": ("avx512bw", ""),
    "HASWELL": ("avx2", AVX512),
    "ZEN": ("avx2", AVX512),
    "NEHALEM": ("sse4_2", f"{AVX2} {AVX512}"),
}
#: Hash seed, locale and time zone: those of the other cells, and of the last.
USUAL = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
UNUSUAL = {"PYTHONHASHSEED": "4711", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"}
#: Kernels, threads, environment; the first is what the others are held against.
CELLS = [
    ("HASWELL", 1, USUAL),
    ("HASWELL", 2, USUAL),
    ("SKYLAKEX", 1, USUAL),
    ("SKYLAKEX", 2, USUAL),
    ("ZEN", 1, USUAL),
    ("NEHALEM", 1, USUAL),
    ("HASWELL", 1, UNUSUAL),
]
COLUMNS = {
    "discharges": "discharge trains",
    "discrete": "discrete columns",
    "numbers": "numbers",
    "floats": "columns of floats, arrays",
    "documents": "documents",
}


def snakemake(configuration: Path, environment: dict[str, str], threads: int, *arguments: str) -> str:
    """Run the workflow in the configuration's folder; return what it printed."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(PROJECT / "Snakefile")]
    command += ["--workflow-profile", str(PROJECT / "workflow/profiles/default")]
    command += ["--directory", str(configuration.parent), "--configfile", str(configuration)]
    done = subprocess.run(
        [*command, "--cores", str(threads), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return done.stdout


def run_cell(folder: Path, bids: Path, kernels: str, threads: int, environment: dict[str, str]) -> Path:
    """Run the trial in one cell, if it is not there, and return its results."""
    target = folder / "results" / TARGETS[0]
    if target.is_file():
        return folder / "results"
    configuration = write_trial(
        folder,
        participants=2,
        analyses=FEW,
        data={"source": "bids", "bids": str(bids)},
    )
    environment = environment | {
        "OPENBLAS_CORETYPE": kernels,
        "NPY_DISABLE_CPU_FEATURES": KERNELS[kernels][1],
    }
    # Snakemake gives the numerical libraries of a job as many threads as the job has.
    rules = snakemake(configuration, environment, threads, "--list-rules", "--quiet").split()
    threads_of_rules = ["--set-threads", *(f"{rule}={threads}" for rule in rules if rule.isidentifier())]
    targets = [f"results/{name}" for name in TARGETS]
    snakemake(configuration, environment, threads, *targets, *threads_of_rules)
    return folder / "results"


def row_of(cell: tuple[str, int, dict[str, str]], findings: pd.DataFrame) -> dict:
    """Return how many facts of each kind are as in the first cell, and the largest deviations."""
    kernels, threads, environment = cell
    other = "" if environment is USUAL else "other hash seed, locale, time zone"
    kinds = findings["kind"].replace({"text": "documents", "bytes": "documents", "arrays": "floats"})
    kinds = kinds.mask((kinds == "table") & findings["deviation"].isna(), "discrete").replace(
        "table", "floats"
    )
    row = {"kernels": kernels, "threads": threads, "environment": other}
    for kind in COLUMNS:
        own = findings[kinds == kind]
        row |= {kind: int((own["status"] == "OK").sum()), f"{kind}_of": len(own)}
        if kind not in ("discharges", "discrete"):
            row[f"{kind}_deviation"] = own["deviation"].max()
    return row


def markdown(table: pd.DataFrame) -> str:
    """Return the table of the docs: as in the first cell of all, and the largest relative deviation."""
    heads = ["kernels", "threads", "", *COLUMNS.values()]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in table.to_dict("records"):
        cells = [row["kernels"], str(row["threads"]), row["environment"]]
        for kind in COLUMNS:
            deviation = row.get(f"{kind}_deviation", 0)
            shown = f", {deviation:.0e}" if deviation > 0 else ""
            cells.append(f"{row[kind]}/{row[f'{kind}_of']}{shown}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the cells are run")
    parser.add_argument("--cells", type=int, default=len(CELLS), help="only the first ones")
    options = parser.parse_args()
    folder = options.folder.resolve()
    shared = folder / "recordings"
    if not (shared / "results" / "bids").is_dir():
        configuration = write_trial(shared, participants=2, analyses=FEW)
        snakemake(configuration, USUAL, 1, "--until", "simulate_participant", "write_sample_dataset")
    flags = Path("/proc/cpuinfo").read_text().split()
    rows = []
    for cell in CELLS[: options.cells]:
        kernels, threads, environment = cell
        if KERNELS[kernels][0] not in flags:
            print(f"{kernels}: this processor has no {KERNELS[kernels][0]}")
            continue
        name = f"{kernels}_{threads}" + ("" if environment is USUAL else "_unusual")
        results = run_cell(folder / name, shared / "results" / "bids", *cell)
        if not rows:
            write_expectation(results, folder / "expected", replace=True)
        findings = compare(results, read_expectation(folder / "expected"))
        findings.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
        rows.append(row_of(cell, findings))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    with atomic_path(PROJECT / "benchmarks/results/determinism.tsv") as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.3g")
    write_between_marks(PROJECT / "docs/reproducing.md", "determinism", markdown(table))


if __name__ == "__main__":
    main()
