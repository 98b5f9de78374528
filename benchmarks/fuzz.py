"""Fuzz the readers of what users give: damage that reaches new code is kept and damaged further.

    pip install atheris
    python benchmarks/fuzz.py --minutes 2

Of every target of tests/hostile (or of those named by --target), a small valid file is damaged for so many
minutes, half by libFuzzer and half by the damage that the tests do, too. A finding is an input that ends in
anything but a sound object or an InputError: another exception, a crash, more than 2 GB, more than 20 s, a
file outside the data set. One input of each kind is kept in tests/hostile/found/<target>, where a test reads
it again. The table of results counts these, and how many are read or refused now (mended); `--minutes 0`
counts again, without fuzzing.
"""

import argparse
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import pandas as pd
from marked_page import write_between_marks

HERE = Path(__file__).resolve().parent
HOSTILE = HERE.parent / "tests" / "hostile"
# As pytest has them: the files of the targets take writers of other rooms.
ROOMS = [str(HOSTILE.parent / room) for room in ("hostile", "recordings", "trial")]
sys.path[:0] = ROOMS
RESULTS, PAGE = HERE / "results" / "fuzzing.tsv", HERE.parent / "docs" / "hostile_input.md"
RECOUNT = """
import os
import sys
sys.path[:0] = sys.argv[1].split(os.pathsep)
from hostile_watch import replay
for path in sys.argv[3:]:
    try:
        replay(sys.argv[2], path)
        print("mended", flush=True)
    except Exception:
        pass
"""
COLUMNS = ["target", "executions", "minutes", "found", "mended"]
LIMITS = ["-rss_limit_mb=2048", "-malloc_limit_mb=2048", "-max_len=100000"]
LIMITS += ["-timeout=20", "-report_slow_units=20"]
#: Modules whose branches are followed.
FOLLOWED = [
    "pictrial",
    "edfio",
    "yaml",
    "tarfile",
    "zipfile",
    "json",
    "csv",
    "gzip",
    "pickletools",
    "fastjsonschema",
]


def fuzz(name: str, found: Path, corpus: Path, seconds: float) -> None:
    """Fuzz one target in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=FOLLOWED, enable_loader_override=False):
        from hostile_files import TARGETS
        from hostile_mutations import MOST, mutate
        from hostile_watch import read_or_refuse
    target, folder = TARGETS[name], Path(tempfile.mkdtemp())
    path = target.write(folder)
    whole = path.read_bytes()
    target.read(path)  # what is imported late
    (corpus / "valid").write_bytes(target.payload(path))

    def once(payload: bytes) -> None:
        path.write_bytes(whole)
        target.put(path, payload)
        try:
            read_or_refuse(target, path, folder)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__}_{last.name.rpartition('.')[2]}"
            kept = found / f"{kind}.bin"
            if not kept.exists():
                kept.write_bytes(payload)
                print(f"found {kind}: {error}", file=sys.stderr)

    def damage(payload: bytes, most: int, seed: int) -> bytes:
        own = random.Random(seed)
        return (
            atheris.Mutate(payload, most) if own.random() < 0.5 else mutate(payload, own)[: min(most, MOST)]
        )

    options = [*LIMITS, f"-max_total_time={max(1, round(seconds))}", "-print_final_stats=1"]
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={found}/", str(corpus)], once, custom_mutator=damage
    )
    atheris.Fuzz()


def run(name: str, found: Path, minutes: float) -> tuple[int, float]:
    """Fuzz one target in processes of their own, a new one after each crash.

    Returns executions, and minutes of the processor, start and end of the processes included.
    """
    executions, start, used = 0, time.monotonic(), cpu_minutes()
    with tempfile.TemporaryDirectory() as corpus:
        while (left := 60 * minutes - (time.monotonic() - start)) > 1:
            command = [sys.executable, __file__, "--target", name, "--found", found, "--child", corpus]
            done = subprocess.run(
                [*map(str, command), f"--minutes={left / 60}"], capture_output=True, text=True
            )
            stated = re.search(r"number_of_executed_units: (\d+)", done.stderr)
            executions += int(stated[1]) if stated else 0
            print(
                "\n".join(line for line in done.stderr.splitlines() if line.startswith("found")), flush=True
            )
            if not stated and not list((found / name).glob("*-*")):
                raise RuntimeError(done.stderr[-2000:])
    return executions, cpu_minutes() - used


def cpu_minutes() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) / 60


def mended(name: str, kept: list[Path]) -> int:
    """Return how many inputs are read or refused now, in a process of its own because one may crash it."""
    command = [sys.executable, "-c", RECOUNT, os.pathsep.join(ROOMS), name, *kept]
    return subprocess.run(command, capture_output=True, text=True).stdout.count("mended")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", action="append", metavar="NAME", help="default: all")
    parser.add_argument(
        "--minutes", type=float, default=2.0, help="on the clock, for each target; default: 2"
    )
    parser.add_argument("--found", type=Path, default=HOSTILE / "found", help="folder of what was found")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        fuzz(options.target[0], options.found / options.target[0], options.child, 60 * options.minutes)
    from hostile_files import TARGETS

    known = pd.read_csv(RESULTS, sep="\t").set_index("target") if RESULTS.is_file() else pd.DataFrame()
    rows = known.to_dict("index")
    for name in options.target or TARGETS:
        (options.found / name).mkdir(parents=True, exist_ok=True)
        before = rows.get(name, {"executions": 0, "minutes": 0.0})
        executions, minutes = run(name, options.found, options.minutes)
        kept = sorted(path for path in (options.found / name).iterdir() if path.is_file())
        rows[name] = {
            "executions": before["executions"] + executions,
            "minutes": round(before["minutes"] + minutes, 1),
            "found": len(kept),
            "mended": mended(name, kept),
        }
        print(name, rows[name], flush=True)
        write(rows)


def write(rows: dict[str, dict]) -> None:
    """Write the table of results, and the page of the docs from it."""
    table = pd.DataFrame([{"target": name, **row} for name, row in sorted(rows.items())])[COLUMNS]
    table.to_csv(RESULTS, sep="\t", index=False, lineterminator="\n")
    total = table.drop(columns="target").sum()
    lines = ["| target | executions | minutes | found | mended |", "|---|---:|---:|---:|---:|"]
    for row in [*table.itertuples(index=False), ("all", *total)]:
        lines.append(f"| {row[0]} | {row[1]:,.0f} | {row[2]:.1f} | {row[3]:.0f} | {row[4]:.0f} |")
    write_between_marks(PAGE, "fuzzing", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
