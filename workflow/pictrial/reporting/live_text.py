"""Text whose numbers are live: each is put there from the ARD or the settings, none is typed.

While a template is filled in, every number stands between marks that no keyboard has. What has a digit
outside the marks was typed by hand and is refused; then the marks are taken away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pictrial.errors import InputError
from pictrial.reporting.shown import Shown

#: A marked number: which of those shown, and its text.
_MARKED = re.compile("\ue000([0-9]+)\ue001([^\ue002]*)\ue002")
#: What reviewers of this field do not want to read, and what to write instead.
UNWANTED = {
    r"\b[Pp]\s*[<≤>]": "P as an inequality; give it exactly",
    r"(?-i:\bSEMs?\b)|\bs\.e\.m\.|standard errors? of the mean": "SEM; give SD or a confidence interval",
    r"\btrend(s|ed|ing)?\b": "a trend; give the estimate and its interval",
    r"\b(non-?|in)?significan(t|tly|ce)\b": "significance; give the estimate, its interval and P",
}


@dataclass
class LiveText:
    """Collects the numbers of a text while it is written.

    Attributes
    ----------
    escape : callable
        Makes a text safe for the document's markup.
    shown : list of Shown
        In the order in which they were asked for.
    """

    escape: Callable[[str], str]
    shown: list[Shown] = field(default_factory=list)

    def show(self, shown: Shown) -> str:
        """Return a text for the document and remember where its numbers come from."""
        self.shown.append(shown)
        return f"\ue000{len(self.shown) - 1}\ue001{self.escape(shown.text)}\ue002"

    def places(self, marked: str) -> list[tuple[str, Shown]]:
        """Return every number in the order of the text, with the heading (``= …``) that it stands under."""
        found, heading = [], "title"
        for line in marked.splitlines():
            heading = line.strip("= ") if line.startswith("=") else heading
            found += [(without_marks(heading), self.shown[int(mark[1])]) for mark in _MARKED.finditer(line)]
        return found


def typed_numbers(marked: str) -> list[str]:
    """Return the lines of a marked text that have a digit outside the marks."""
    lines = (_MARKED.sub("…", line) for line in marked.splitlines())
    return [line.strip() for line in lines if re.search(r"\d", line)]


def unwanted_phrases(text: str) -> list[str]:
    """Return what a text says that `UNWANTED` lists: the words found and why."""
    return [
        f"{found[0]!r}: {why}"
        for pattern, why in UNWANTED.items()
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def without_marks(marked: str) -> str:
    """Return a marked text as readers get it."""
    return _MARKED.sub(r"\2", marked)


def check_live_text(marked: str, where: str) -> str:
    """Return the text without marks.

    Raises
    ------
    InputError
        Where a number was typed, or a phrase stands there that `UNWANTED` lists.
    """
    if typed := typed_numbers(marked):
        rule = f"a number does not come from the ARD or the settings: {typed[0]!r}"
        raise InputError(where, rule, "Put it there as a reference.")
    text = without_marks(marked)
    if unwanted := unwanted_phrases(text):
        raise InputError(where, f"it has {unwanted[0]}", "Rewrite the sentence.")
    return text
