"""What a reader sees of a document, as plain text."""

from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from pictrial.errors import InputError

_UNSEEN = {"style", "script", "head"}


def visible_text(path: str | Path) -> str:
    """Return the text of an HTML page, SVG, Word or typst document.

    Raises
    ------
    InputError
        Where the format is not one of these.
    """
    path = Path(path)
    if path.suffix == ".html":
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        return "\n".join(page.texts)
    if path.suffix == ".svg":
        return "\n".join(
            "".join(element.itertext())
            for element in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")
        )
    if path.suffix == ".docx":
        import docx
        from docx.oxml.ns import qn

        # Tables stand inside the body, which `paragraphs` alone would not reach.
        paragraphs = docx.Document(str(path)).element.body.iter(qn("w:p"))
        return "\n".join("".join(run.text for run in one.iter(qn("w:t"))) for one in paragraphs)
    if path.suffix == ".typ":
        return path.read_text(encoding="utf-8").replace("\\", "")
    raise InputError(path, f"{path.suffix!r} is no format of documents", "Give .html, .svg, .docx or .typ.")


class _Page(HTMLParser):
    """Collects the texts of a page but those of its head, styles and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in _UNSEEN:
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.texts.append(data)
