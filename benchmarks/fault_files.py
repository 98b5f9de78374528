"""The faults of the campaign that are done to files, disk and clock; `faults.py` runs them."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from faults import (
    CHECKED,
    DECOMPOSED,
    FILTERS,
    FIRST,
    LOST,
    RAMP,
    REFUSED,
    SAME,
    TRACKED,
    command,
    contents,
    fresh,
    outcome,
    run,
    start,
)

DAY = 86400


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_bit(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def broken_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.bdf")


def broken(folder: Path, path: Path, fault: Callable[[Path], object], *targets: str) -> tuple[int, str]:
    """Do `fault` to a file or folder, run, put it back with its time; return what the run said."""
    aside = folder / "aside"
    if path.is_dir():
        shutil.copytree(path, aside, symlinks=True)
    else:
        shutil.copy2(path, aside)
    fault(path)
    said = run(folder, *targets)
    if path.is_dir():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        path.unlink()
    aside.rename(path)
    return said


def bad_inputs(folder: Path, reference: Path) -> list[dict]:
    """Break an external data set in one place after the other; after all repairs the results are compared."""
    fresh(folder)
    bids, undisturbed = folder / "bids", contents(reference)
    shutil.copytree(reference / "results" / "bids", bids)
    configuration = yaml.safe_load((folder / "config.yaml").read_text())
    configuration["data"] = {"source": "bids", "bids": "bids", "format": "bdf"}
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration))
    recording = bids / FIRST / "emg" / f"{RAMP}_emg.bdf"
    faults = {
        "recording truncated": (recording, truncate),
        "recording, bit of the header flipped": (recording, lambda path: flip_bit(path, 238)),
        "recording, bit of the samples flipped": (recording, lambda path: flip_bit(path, 2_000_000)),
        "folder in place of a recording": (recording, folder_instead),
        "link to nothing in place of a recording": (recording, broken_link),
        "channels.tsv empty": (recording.with_name(f"{RAMP}_channels.tsv"), lambda path: path.write_text("")),
        "sessions.tsv empty": (bids / "sub-01" / "sub-01_sessions.tsv", lambda path: path.write_text("")),
        "session's folder missing": (bids / FIRST, shutil.rmtree),
        "participant's folder missing": (bids / "sub-01", shutil.rmtree),
    }
    rows = []
    for fault, (path, done) in faults.items():
        status, said = broken(folder, path, done, CHECKED)
        rows.append({"fault": fault, "what": str(path.relative_to(folder)), "then": said, "outcome": status})
    status, said = run(folder, DECOMPOSED)
    ended = outcome(folder, undisturbed) if status == 0 else f"{LOST}: {said}"
    refused = REFUSED if ended == SAME else ended
    noticed = "not noticed at once: a valid file; its hash is in recordings.tsv"
    return [row | {"outcome": refused if row["outcome"] else noticed} for row in rows]


def changed_intermediates(folder: Path, reference: Path) -> list[dict]:
    """Change a result between two runs: with a new time, and keeping its time as a failing disk would."""
    undisturbed, rows = contents(reference), []
    for name, fault, done in (
        (FILTERS, "intermediate array truncated", truncate),
        (FILTERS, "intermediate array, bit flipped", lambda path: flip_bit(path, path.stat().st_size // 2)),
        (DECOMPOSED, "intermediate table truncated", truncate),
        (DECOMPOSED, "intermediate table, digit changed", lambda path: flip_bit(path, 90)),
    ):
        for keep in (False, True):
            fresh(folder, reference)
            path = folder / "results" / name
            times = path.stat()
            done(path)
            if keep:
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
            _, said = run(folder, TRACKED)
            path.unlink()
            status, again = run(folder, TRACKED)
            ended = outcome(folder, undisturbed) if status == 0 else f"{LOST}: {again}"
            fault_ = f"{fault}, {'time kept' if keep else 'new time'}"
            after = "same results after the file was deleted" if ended == SAME else ended
            rows.append({"fault": fault_, "what": name, "then": said, "outcome": after})
    return rows


def wrong_clock(folder: Path, reference: Path) -> list[dict]:
    """Give files other times, and the machine another time zone."""
    undisturbed, rows, now = contents(reference), [], time.time()
    recording = f"bids/{FIRST}/emg/{RAMP}_emg.bdf"
    for fault, name, shift, environment in (
        ("recording from tomorrow", recording, DAY, {}),
        ("result from tomorrow", DECOMPOSED, DAY, {}),
        ("result from 1970", DECOMPOSED, -now + DAY, {}),
        ("an hour back (end of summer time)", TRACKED, -3600, {}),
        ("another time zone", "", 0, {"TZ": "Pacific/Kiritimati"}),
    ):
        fresh(folder, reference)
        if name:
            os.utime(folder / "results" / name, (now + shift, now + shift))
        status, said = run(folder, TRACKED, **environment)
        ended = outcome(folder, undisturbed)
        if status:  # refused: the file gets the time that it is
            os.utime(folder / "results" / name)
            again, _ = run(folder, TRACKED)
            ended = REFUSED if again == 0 and outcome(folder, undisturbed) == SAME else f"{LOST}: {said}"
        rows.append({"fault": f"clock: {fault}", "what": name, "then": said or "ran again", "outcome": ended})
    return rows


def two_runs(folder: Path, reference: Path) -> list[dict]:
    """Start a second run beside the first: by the same command, and by Snakemake alone."""
    undisturbed, rows = contents(reference), []
    fresh(folder)
    first = start(folder, DECOMPOSED)
    while not (folder / "results" / "logs" / "simulate_participant").is_dir():
        time.sleep(0.2)
    second = subprocess.run(command(DECOMPOSED), cwd=folder, capture_output=True, text=True)
    bare = subprocess.run(command(DECOMPOSED)[2:], cwd=folder, capture_output=True, text=True)
    ended = outcome(folder, undisturbed) if first.wait() == 0 else LOST
    for fault, done in (("the same command", second), ("Snakemake alone", bare)):
        said = next((line for line in done.stderr.splitlines() if "Error" in line), "")
        refused = f"second refused, first {ended}" if done.returncode else f"{LOST}: second ran"
        rows.append(
            {
                "fault": f"second run at once: {fault}",
                "then": said.replace(str(folder), "…")[:160],
                "outcome": refused,
            }
        )
    return rows


def full_disk(folder: Path, reference: Path) -> list[dict]:
    """Run on a file system that is too small, then make it larger."""
    undisturbed, rows = contents(reference), []
    for part, sizes in (("", (1, 12, 40, 60)), ("results", (4, 20, 50))):
        for size in sizes:
            fresh(folder)
            place = folder / part
            place.mkdir(exist_ok=True)
            kept = {path.name: path.read_bytes() for path in place.glob("*.yaml")}
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(place)], check=True)
            try:
                for name, content in kept.items():
                    (place / name).write_bytes(content)
                status, said = run(folder, CHECKED, DECOMPOSED)
                subprocess.run(["mount", "-o", "remount,size=2g", str(place)], check=True)
                again, why = run(folder, CHECKED, DECOMPOSED)
                ended = outcome(folder, undisturbed) if again == 0 else f"{LOST}: {why}"
            finally:
                subprocess.run(["umount", str(place)], check=True)
            ended = REFUSED if status and ended == SAME else ended
            what = f"{size} MB for {part or 'everything'}"
            rows.append({"fault": "full disk", "what": what, "then": said, "outcome": ended})
    return rows
