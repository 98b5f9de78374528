"""How a table for readers is laid out, whatever it is written as: headings, widths, alignment."""

from dataclasses import dataclass
from itertools import groupby

from pictrial.reporting.report_table import ReportTable, Row

#: Text of more characters is broken into lines.
_LONGEST_LINE = 40
#: Characters in a line of a table on a portrait and on a landscape page, in letters that can be read.
_PORTRAIT, _LANDSCAPE = 105, 165
#: Characters between two columns; of a bold letter against a plain one.
_BETWEEN, _BOLD = 2, 1.15


@dataclass(frozen=True)
class Heading:
    """A heading, the column where it begins (0 is that of the labels), and the columns and rows it spans."""

    text: str
    column: int
    columns: int = 1
    rows: int = 1


def headings(table: ReportTable) -> list[list[Heading]]:
    """Return the rows of headings: one, or two where columns stand in groups."""
    if not any(column.group for column in table.columns):
        names = [table.label_heading, *(column.heading for column in table.columns)]
        return [[Heading(name, place) for place, name in enumerate(names)]]
    upper, lower = [Heading(table.label_heading, 0, rows=2)], []
    numbered = list(enumerate(table.columns, start=1))
    for group, found in groupby(numbered, key=lambda member: member[1].group):
        members = list(found)
        if group:
            upper.append(Heading(group, members[0][0], columns=len(members)))
            lower += [Heading(column.heading, place) for place, column in members]
        else:
            upper += [Heading(column.heading, place, rows=2) for place, column in members]
    return [upper, lower]


def sections(table: ReportTable) -> list[tuple[str, list[Row]]]:
    """Return the rows section by section."""
    return [(name, list(rows)) for name, rows in groupby(table.rows, key=lambda row: row.section)]


def column_shares(table: ReportTable) -> list[float]:
    """Return which share of the page's width each column gets, that of the labels first.

    Each gets what it wants where there is room. Where there is not, each gets what it needs to break no word,
    and of the rest the more, the more it lacks. Numbers with their intervals stay in one line if they can.
    """
    wanted, needed = _widths(table)
    unbroken_numbers = [
        most if is_number else least
        for most, least, is_number in zip(wanted, needed, at_the_right(table), strict=True)
    ]
    if sum(unbroken_numbers) <= (_LANDSCAPE if is_wide(table) else _PORTRAIT):
        needed = unbroken_numbers
    lacking = [most - least for most, least in zip(wanted, needed, strict=True)]
    rest = (_LANDSCAPE if is_wide(table) else _PORTRAIT) - sum(needed)
    part = min(1.0, max(0.0, rest / (sum(lacking) or 1.0)))
    widths = [least + part * lack for least, lack in zip(needed, lacking, strict=True)]
    return [width / sum(widths) for width in widths]


def is_wide(table: ReportTable) -> bool:
    """Whether the table wants a landscape page."""
    return sum(_widths(table)[0]) > _PORTRAIT


def at_the_right(table: ReportTable) -> list[bool]:
    """Return for each column, that of the labels first, whether its cells are numbers."""
    return [False, *(not any(map(_has_words, cells)) for cells in _cells(table)[1:])]


def words_after_number(right: list[bool], place: int) -> bool:
    """Whether a column of words follows one of numbers: they need more space between them."""
    return place > 0 and right[place - 1] and not right[place]


def unbroken(text: str) -> str:
    """Return text whose powers of ten stay in one line."""
    return text.replace(" × 10", "\u00a0×\u00a010")


def _has_words(text: str) -> bool:
    return any(map(str.isalpha, text.replace(" to ", " ")))


def _cells(table: ReportTable) -> list[list[str]]:
    columns = [[row.label for row in table.rows]]
    return columns + [[row.cells[place].text for row in table.rows] for place in range(len(table.columns))]


def _widths(table: ReportTable) -> tuple[list[float], list[float]]:
    """Return how many characters each column wants, and how many it needs."""
    names = [table.label_heading, *(column.heading for column in table.columns)]
    wanted, needed, right = [], [], at_the_right(table)
    for place, (name, cells) in enumerate(zip(names, _cells(table), strict=True)):
        between = _BETWEEN * (2 if words_after_number(right, place) else 1)
        lengths = [len(word) for text in cells for word in unbroken(text).split(" ")]
        heading = _BOLD * max(3, *map(len, name.split()))
        longest = max((len(text) for text in cells), default=0)
        needed.append(max(heading, *lengths, 3) + between)
        # Headings may be broken into three lines.
        longest = longest if right[place] else min(longest, _LONGEST_LINE)
        wanted.append(max(needed[-1], longest + between, _BOLD * len(name) / 3 + between))
    return wanted, needed
