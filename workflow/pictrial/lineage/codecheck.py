"""`codecheck.yml`: what a codechecker has to reproduce.

Source: CODECHECK configuration file specification 2.0, https://codecheck.org.uk/spec/config/2.0/
"""

import yaml

from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.lineage.documents import documents
from pictrial.lineage.run import Run

CODECHECK = "codecheck.yml"
_FILL_IN = "FIXME"
_HEAD = f"---\n# What says {_FILL_IN} is for authors and codechecker. Only the manifest is written anew.\n"


def write_codecheck(run: Run, title: str) -> None:
    """Write the manifest of a run, and what people are to fill in, where they have not yet.

    Raises
    ------
    InputError
        Where there is a file of that name that is not YAML with keys.
    """
    path = run.results / CODECHECK
    person = {"name": _FILL_IN, "ORCID": _FILL_IN}
    content = {
        "version": "https://codecheck.org.uk/spec/config/2.0/",
        "manifest": [],
        "paper": {"title": title, "authors": [person.copy()], "reference": _FILL_IN},
        "source": "Made from the recordings; reviewers_guide.html says by which rule and script.",
        "codechecker": [person.copy()],
        "report": _FILL_IN,
        "summary": _FILL_IN,
        "certificate": _FILL_IN,
    }
    if path.is_file():
        content |= _filled_in(path)
    content["manifest"] = [
        {"file": document.files[0], "comment": f"by the rule {document.job.rule}"}
        for document in documents(run)
        if (run.results / document.files[0]).is_file()
    ]
    write_text(path, _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))


def _filled_in(path) -> dict:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        raise InputError(path, f"it is not YAML ({said})", "Correct or remove it.") from error
    if not isinstance(content, dict):
        raise InputError(path, "it has no keys", "Correct or remove it.")
    return content
