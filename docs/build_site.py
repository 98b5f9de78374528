"""Build the documentation site: ``python docs/build_site.py [FOLDER]``, by default into build/site.

The pages of docs/ are copied, those that follow from schemas and from the command line are written,
equations become MathML, and zensical makes a site of them that needs no network. Dead links stop it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from latex2mathml.converter import convert
from reference_pages import reference_pages

PROJECT = Path(__file__).resolve().parent.parent
_CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_DISPLAYED = re.compile(r"^\$\$\n(.+?)\n\$\$$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"\$`([^`]+)`\$")
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")  # a link to what is no page, such as ../Makefile


def site_page(text: str) -> str:
    """Return a page as the site needs it: equations as MathML, no links out of docs/."""
    parts = _CODE.split(text)
    for number in range(0, len(parts), 2):
        part = _DISPLAYED.sub(lambda found: _equation(found[1]), parts[number])
        part = _INLINE.sub(lambda found: _symbol(found[1]), part)
        parts[number] = _OUTSIDE.sub(r"\1", part)
    return "".join(parts)


def _equation(latex: str) -> str:
    return f'<div class="equation">{convert(latex, display="block")}</div>'


def _symbol(latex: str) -> str:
    # Markdown takes <math> for a block and ends the paragraph before it, unless it is within a <span>.
    return f"<span>{convert(latex)}</span>"


def write_sources(folder: Path) -> None:
    """Write what the site is made of into an empty `folder`: mkdocs.yml and docs/."""
    pages = folder / "docs"
    (pages / "reference").mkdir(parents=True)
    texts = {path.name: path.read_text(encoding="utf-8") for path in (PROJECT / "docs").glob("*.md")}
    for name, text in (texts | reference_pages(PROJECT)).items():
        (pages / name).write_text(site_page(text), encoding="utf-8")
    for path in [*(PROJECT / "docs").glob("*.png"), PROJECT / "docs" / "site.css"]:
        shutil.copy(path, pages)
    shutil.copy(PROJECT / "mkdocs.yml", folder)


def build_site(folder: Path) -> Path:
    """Build the site in `folder`; return its first page."""
    sources, site = folder / "site_sources", folder / "site"
    for old in (sources, site):
        shutil.rmtree(old, ignore_errors=True)
    write_sources(sources)
    command = [Path(sys.executable).parent / "zensical", "build", "--strict"]
    subprocess.run([*command, "--config-file", sources / "mkdocs.yml"], check=True, cwd=sources)
    shutil.move(sources / "site", site)
    return site / "index.html"


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"  # where argparse breaks the lines of its help
    print(build_site(Path(sys.argv[1] if len(sys.argv) > 1 else PROJECT / "build").resolve()))
