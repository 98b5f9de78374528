"""The body of `pictrial stage`."""

import argparse
from pathlib import Path


def add_stage(commands) -> None:
    """Add the command to the parser's."""
    stage = commands.add_parser("stage", help="enter a stage of masking and lock, and log it")
    stage.add_argument("configuration", type=Path, metavar="CONFIG.yaml", help="with a section masking")
    stage.add_argument("stage", choices=["dummy", "masked", "locked", "unmasked"], help="docs/masking.md")
    stage.add_argument("--by", required=True, metavar="NAME", help="who enters it")
    stage.add_argument("--note", metavar="TEXT", help="why; needed to lock again")
    stage.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Enter the stage, and print what readers will be told and what to keep to oneself."""
    from datetime import UTC, datetime

    from pictrial.trial.stages import enter_stage

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entered = enter_stage(options.configuration, options.stage, options.by, now, options.note)
    print(f"{options.configuration}: {entered.sentence}")
    if entered.lock:
        print(f"lock {entered.lock}")
    if not entered.truth_is_open:
        print("Plan, key and data set tell the truth: keep them from those who are to stay masked.")
