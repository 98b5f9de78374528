"""The body of `pictrial lineage`."""

import argparse
from pathlib import Path


def add_lineage(commands) -> None:
    """Add the command to the parser's."""
    lineage = commands.add_parser("lineage", help="check where every file of a run comes from, and tell it")
    lineage.add_argument("results", type=Path, metavar="RESULTS", help="folder of a finished run")
    lineage.add_argument(
        "--of", metavar="ARD_ID", help="print what this number goes back to; nothing is written"
    )
    lineage.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write crate, `codecheck.yml` and reviewer's guide of a run, or print the origin of one number."""
    from pictrial.lineage.codecheck import CODECHECK, write_codecheck
    from pictrial.lineage.origin import origin_of_number
    from pictrial.lineage.reviewers_guide import GUIDE, write_reviewers_guide
    from pictrial.lineage.run import read_run
    from pictrial.lineage.run_crate import CRATE, write_run_crate
    from pictrial.trial.plan import load_plan

    done = read_run(options.results)
    if options.of:
        print("\n".join(origin_of_number(done, options.of)))
        return
    title = load_plan(options.results / "plan" / "trial.yaml").title
    write_run_crate(done, title)
    write_codecheck(done, title)
    write_reviewers_guide(done, title)
    for name in (CRATE, CODECHECK, GUIDE):
        print(options.results / name)
    print(f"{len(done.jobs)} jobs and {len(done.files) - len(done.absent)} files agree with their records")
    if done.left_over:
        print(f"Of an earlier plan, and left aside: {len(done.left_over)} records ({done.left_over[0]}, …)")
    if done.absent:
        print(f"{len(done.absent)} files from outside the folder are not at hand and were not checked")
