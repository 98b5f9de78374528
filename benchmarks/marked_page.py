"""The part of a page of the docs that a benchmark writes."""

from pathlib import Path

from pictrial.files import write_text


def write_between_marks(page: Path, name: str, text: str) -> None:
    """Write `text` between the marks ``<!-- name: begin -->`` and ``<!-- name: end -->`` of `page`.

    Raises
    ------
    ValueError
        Where the page has no such marks.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, rest = page.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    write_text(page, f"{before}{begin}{text}{end}{after}")
