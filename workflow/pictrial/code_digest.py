"""A fingerprint of the code behind a job: its script, and all of the package that it imports."""

import hashlib
import re
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_SCHEMAS = _PACKAGE.parent / "schemas" / "tables"
_IMPORT = re.compile(r"\bfrom (pictrial[\w.]*) import (\([^)]*\)|[\w, ]+)")
_QUOTED_WORD = re.compile(r'"(\w+)"')


def code_digest(*sources: str | Path) -> str:
    """Return the SHA-256 over `sources`, the modules they import and the table schemas they name.

    Parameters
    ----------
    *sources : str or Path
        Scripts or notebooks.

    Returns
    -------
    str
        64 hexadecimal digits. Modules are followed through their own imports, those inside functions too.
    """
    digest = hashlib.sha256()
    files = {file for source in sources for file in code_files(Path(source))}
    # By name and content: where the project lies must not matter.
    for path in sorted(files, key=lambda path: (path.name, path.read_bytes())):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def code_files(source: Path) -> frozenset[Path]:
    """Return `source`, the files of the package that it imports, and the table schemas that they name."""
    found, waiting = {source}, [source]
    while waiting:
        new = _named_in(waiting.pop()) - found
        found |= new
        waiting += [path for path in new if path.suffix == ".py"]
    return frozenset(found)


@cache
def _named_in(source: Path) -> frozenset[Path]:
    """Return the modules that one file imports, and the table schemas that it names."""
    text = source.read_text(encoding="utf-8")
    named = {_SCHEMAS / f"{word}.json" for word in _QUOTED_WORD.findall(text)}
    for module, words in _IMPORT.findall(text):
        folder = _PACKAGE.parent / module.replace(".", "/")
        named.add(folder.with_suffix(".py"))
        named |= {folder / f"{word}.py" for word in re.findall(r"\w+", words)}
    return frozenset(path for path in named if path.is_file())
