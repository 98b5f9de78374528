"""The body of `pictrial new`."""

import argparse
import re
from pathlib import Path

from pictrial.errors import InputError

TEMPLATES = Path(__file__).resolve().parent.parent / "new_trial"


def add_new(commands) -> None:
    """Add the command to the parser's."""
    new = commands.add_parser("new", help="begin a trial: configuration and plan to fill in")
    new.add_argument("folder", type=Path, metavar="FOLDER", help="such as config/my_trial")
    new.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write both files into the folder; nothing is overwritten."""
    from pictrial.files import write_text

    name = options.folder.name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        rule = f"the trial gets the folder's name, and {name!r} is not small letters, digits and _"
        raise InputError(options.folder, rule, "Choose another name, such as config/my_trial.")
    templates = sorted(TEMPLATES.glob("*.yaml"))
    for template in templates:
        if (options.folder / template.name).exists():
            remedy = "Choose another folder, or remove the file."
            raise InputError(options.folder / template.name, "it is there already", remedy)
    for template in templates:
        text = template.read_text(encoding="utf-8")
        text = re.sub("(config/)?my_trial", lambda found: str(options.folder) if found[1] else name, text)
        write_text(options.folder / template.name, text)
        print(options.folder / template.name)
