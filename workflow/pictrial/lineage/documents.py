"""What readers see of a run: its tables, figures and texts, each with the job that made it."""

from dataclasses import dataclass
from pathlib import Path

from pictrial.lineage.run import Job, Run

ARD = "statistics/ard.tsv"
_FOLDERS = ("figures", "tables", "diagnostics", "paper", "notebooks", "site")
#: Captions are in their documents, and the rows behind numbers are for the audit.
_BESIDE = (".rst", "_numbers.tsv")
#: The form that people are pointed at, first choice first.
_FORMS = (".pdf", ".html", ".tsv", ".csv")


@dataclass(frozen=True)
class Document:
    """A table, figure or text, in all its forms.

    Attributes
    ----------
    name : str
        Path without suffix.
    files : tuple of str
        The best form first.
    job : Job
        What made it.
    """

    name: str
    files: tuple[str, ...]
    job: Job


def documents(run: Run) -> list[Document]:
    """Return the documents of a run, the Analysis Results Data first, then by name."""
    forms: dict[str, list[str]] = {}
    for path in run.maker:
        if path == ARD or (path.split("/")[0] in _FOLDERS and not path.endswith(_BESIDE)):
            forms.setdefault(str(Path(path).with_suffix("")), []).append(path)
    found = [
        Document(name, tuple(sorted(files, key=_order)), run.maker[files[0]]) for name, files in forms.items()
    ]
    return sorted(found, key=lambda document: (ARD not in document.files, document.name))


def _order(path: str) -> tuple[int, str]:
    suffix = Path(path).suffix
    return (_FORMS.index(suffix) if suffix in _FORMS else len(_FORMS), path)
