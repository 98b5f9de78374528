"""Size and time of the report that people click through, at any number of participants.

Usage: python benchmarks/site_size.py [--participants 100] [--units 20] [--numbers 10000] [--folder FOLDER]
"""

import argparse
import dataclasses
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.files import write_text
from pictrial.reporting import site_pages
from pictrial.reporting.site import SiteContent, write_site
from pictrial.statistics.analysis import analyse_trial
from pictrial.tables import check_table, load_schema, write_table
from pictrial.trial.plan import PlannedSession, TrialPlan, load_plan

REPOSITORY = Path(__file__).resolve().parents[1]
SHOWN = ("primary", "participant_means")
SHA = "cd" * 32


def made_plan(participants: int) -> TrialPlan:
    """The sample plan with two analyses of ΔF and as many participants as wanted."""
    whole = load_plan(REPOSITORY / "config" / "trial.yaml")
    names, sequences = [f"{n + 1:03d}" for n in range(participants)], list(whole.sequences)
    allocated = {name: sequences[n % len(sequences)] for n, name in enumerate(names)}
    return dataclasses.replace(
        whole,
        participants=allocated,
        sessions=tuple(
            PlannedSession(name, sequence, str(period), period, condition)
            for name, sequence in allocated.items()
            for period, condition in enumerate(whole.sequences[sequence], start=1)
        ),
        outcomes={"delta_f": whole.outcomes["delta_f"]},
        analyses={name: whole.analyses[name] for name in SHOWN},
        families={name: dataclasses.replace(f, analyses=SHOWN) for name, f in whole.families.items()},
    )


def filled(schema: str, rows: list[dict]) -> pd.DataFrame:
    """Rows of a schema; what they leave out is 0.75, 3, true or a word."""
    defaults = {"string": "word", "integer": 3, "number": 0.75, "boolean": True}
    rules = load_schema(schema)["columns"]
    others = {
        name: next(iter(r["Levels"])) if "Levels" in r else defaults[r["type"]] for name, r in rules.items()
    }
    frame = pd.DataFrame([others | row for row in rows], columns=list(rules))
    return check_table(frame, schema, schema)


def made_content(folder: Path, participants: int, units: int, numbers: int = 0) -> SiteContent:
    """Content of a site from drawn outcomes; events, quality pages and a figure are written into `folder`."""
    plan = made_plan(participants)
    outcomes = draw_outcomes(plan.sessions, DrawnTrial(units=units), seed=1)
    outcomes = check_table(outcomes[list(load_schema("outcomes")["columns"])], "outcomes", "outcomes")
    ard, records = analyse_trial(plan, outcomes, SHA, 1)
    ard = check_table(pd.concat([ard, *_copies(ard, numbers)]), "ard", "ard")
    names = [f"unit{n:02d}" for n in range(units)]
    places = [(s.participant, s.session) for s in plan.sessions]
    at = [{"participant": p, "session": s} for p, s in places]
    pairs = [
        place | {"control_unit": c, "test_unit": t} for place in at for c in names for t in names if c != t
    ]
    tables = {
        "ard": ard,
        "outcomes": outcomes,
        "exclusions": filled("exclusions", [place | {"what": "channel", "item": "EMG06"} for place in at]),
        "units": filled("units", [place | {"unit_id": name} for place in at for name in names]),
        "unit_delta_f": filled("unit_delta_f", [place | {"unit_id": name} for place in at for name in names]),
        "pairs": filled(
            "pairs",
            [p | {"passed": n % 3 > 0, "recruitment_gap_pass": n % 3 > 0} for n, p in enumerate(pairs)],
        ),
        "recording_files": filled("recording_files", [_recording(*place) for place in places]),
    }
    # Values of real pairs hardly repeat, and what repeats takes less room.
    measured = [name for name, rule in load_schema("pairs")["columns"].items() if rule["type"] == "number"]
    spread = np.random.default_rng(1).uniform(0, 1, (len(pairs), len(measured)))
    tables["pairs"][measured] = spread
    events, pages = {}, {}
    rows = [
        {"onset": round(0.5 + u + 0.1 * n, 3), "unit_id": name}
        for u, name in enumerate(names)
        for n in range(200)
    ]
    for place in places:
        stem = folder / f"sub-{place[0]}_ses-{place[1]}"
        events[place], pages[place] = [stem.with_suffix(".tsv")], [stem.with_suffix(".html")]
        if len(events) == 1:
            write_table(filled("events", rows), events[place][0], "events")
        else:
            shutil.copyfile(next(iter(events.values()))[0], events[place][0])
        write_text(pages[place][0], "<!DOCTYPE html><title>Quality</title>\n")
    figure = folder / "delta_f.svg"
    write_text(figure, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\n')
    write_text(figure.with_suffix(".rst"), "**ΔF.** A caption.\n")
    settings = {"seed": 3, "simulation": {"planted": 1}, "tracking": {"method": "combined"}}
    stage = "Unmasked; no stage of masking or lock was used."
    return SiteContent(plan, {"analyses": {}}, settings, stage, records, tables, events, pages, [figure])


def _recording(participant: str, session: str) -> dict:
    sha = f"{int(participant):04d}{int(session)}".rjust(64, "a")
    file = f"sub-{participant}_ses-{session}_task-ramp_run-1_emg.bdf"
    return {"participant": participant, "session": session, "task": "ramp", "file": file, "sha256": sha}


def _copies(ard: pd.DataFrame, numbers: int) -> list[pd.DataFrame]:
    n = max(0, int(np.ceil((numbers - len(ard)) / len(ard))))
    names = [f"copy{number:03d}" for number in range(n)]
    return [
        ard.assign(ard_id=f"{name}." + ard["ard_id"], analysis=f"{name}_" + ard["analysis"]) for name in names
    ]


def page_times(site: Path) -> dict[str, float]:
    """Seconds until pages of the site are filled in headless Chromium."""
    from playwright.sync_api import sync_playwright

    pages = ["index.html", "numbers.html", "recordings.html", "session.html#001/1", "unit.html#001/1/unit05"]
    pages.append("analysis.html#primary/delta_f/control")
    times = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for page in pages:
            tab = browser.new_page()
            start = time.perf_counter()
            tab.goto(f"{site.resolve().as_uri()}/{page}")
            tab.wait_for_selector("main:not(:has([aria-busy]))", state="attached")
            times[page] = time.perf_counter() - start
            tab.close()
        browser.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("participants", 100), ("units", 20), ("numbers", 10000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    site_pages.table_names = lambda plan: ["primary", "sensitivity"]  # what the drawn ARD has rows for
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        content = made_content(folder, given.participants, given.units, given.numbers)
        start = time.perf_counter()
        write_site(content, folder / "site")
        seconds = time.perf_counter() - start
        files = [path for path in (folder / "site").rglob("*") if path.is_file()]
        sizes = {path.name: path.stat().st_size for path in files}
        print(f"{len(content.plan.sessions)} sessions, {len(content.tables['units'])} units")
        print(f"{len(content.tables['pairs'])} pairs, {len(content.tables['ard'])} numbers")
        print(f"written in {seconds:.1f} s: {len(files)} files, {sum(sizes.values()) / 1e6:.1f} MB")
        largest = sorted(sizes.items(), key=lambda item: -item[1])[:4]
        print("largest: " + ", ".join(f"{name} {size / 1e3:.0f} kB" for name, size in largest))
        if shutil.which("chromium"):
            for page, taken in page_times(folder / "site").items():
                print(f"{page}: {taken:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
