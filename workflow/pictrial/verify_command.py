"""The bodies of `pictrial verify` and `pictrial bundle`."""

import argparse
from pathlib import Path

from pictrial.errors import InputError

#: Most findings that are printed; the page and the table have all.
PRINTED = 20


def add_verify(commands) -> None:
    """Add the commands to the parser's."""
    verify = commands.add_parser("verify", help="hold a run against what is expected of it")
    verify.add_argument("results", type=Path, metavar="RESULTS", help="folder of a run")
    verify.add_argument("--expected", type=Path, required=True, metavar="DIR", help="the expectation")
    verify.add_argument("--output", type=Path, metavar="DIR", help="default: RESULTS/verification")
    verify.add_argument("--write", action="store_true", help="write the expectation from the results")
    verify.add_argument("--replace", action="store_true", help="with --write: overwrite an expectation")
    verify.set_defaults(run=_verify)

    bundle = commands.add_parser("bundle", help="pack what reviewers need to repeat a run without raw data")
    bundle.add_argument("configuration", type=Path, metavar="CONFIG.yaml", help="of a finished run")
    bundle.add_argument("--output", type=Path, required=True, metavar="FILE.tar.gz")
    bundle.set_defaults(run=_bundle)


def _verify(options: argparse.Namespace) -> int:
    """Return 0 where all is OK, else 1."""
    from pictrial.verification.comparison import compare
    from pictrial.verification.expectation import read_expectation, write_expectation
    from pictrial.verification.page import summary, write_verification

    if options.write:
        files = write_expectation(options.results, options.expected, options.replace)
        print(f"{options.expected}: {files} files of {options.results} are expected from now on")
        return 0
    if options.replace:
        raise InputError("--replace", "there is nothing to replace without --write", "Leave it out.")
    findings = compare(options.results, read_expectation(options.expected))
    output = options.output or options.results / "verification"
    write_verification(findings, output, str(options.results), str(options.expected))
    wrong = findings[findings["status"] != "OK"]
    for row in wrong.head(PRINTED).itertuples():
        print(f"{row.status} {row.file} {row.part}: expected {row.expected}, found {row.found}")
    if len(wrong) > PRINTED:
        print(f"… and {len(wrong) - PRINTED} more")
    print(f"{output / 'verification.html'}: {summary(findings)}")
    return int(len(wrong) > 0)


def _bundle(options: argparse.Namespace) -> None:
    from pictrial.verification.bundle import write_bundle

    size, files = write_bundle(Path.cwd(), options.configuration, options.output)
    print(f"{options.output}: {files} files, {size / 1e6:.1f} MB")
