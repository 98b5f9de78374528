"""Flow diagrams: columns of boxes from top to bottom, and beside each arrow what was lost on the way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import TYPE_CHECKING

from pictrial.reporting.figures import STYLE, WIDTH
from pictrial.reporting.shown import Shown, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Columns that stand side by side in the width of a page; more go below.
COLUMNS = 6
#: Text size, points; height of its lines, free space in and between boxes, widest box: mm.
_SIZE, _LINE, _PAD, _GAP, _ARROW, _WIDEST = 7.0, 3.2, 1.2, 2.0, 4.5, 78.0
_POINT = 25.4 / 72
_INK, _LOST = "0.15", "0.3"


@dataclass(frozen=True)
class Box:
    """A box: heading, lines, what was lost (or gained) on the way to it, and the colour of its edge."""

    heading: str
    lines: tuple[Shown, ...]
    lost: tuple[Shown, ...] = ()
    colour: str = "#555555"


@dataclass(frozen=True)
class FlowDiagram:
    """A diagram: its title, the box above its columns (None without), and the columns by their names.

    Columns have the same number of boxes; None stands where a column has none.
    """

    title: str
    top: Box | None
    columns: dict[str, tuple[Box | None, ...]]


@dataclass(frozen=True)
class _Part:
    """As much of a diagram as stands in one band of the page."""

    title: str
    top: Box | None
    columns: list[tuple[Box | None, ...]]


def draw_flow(diagrams: list[FlowDiagram]) -> Figure:
    """Draw flow diagrams, those that fit beside each other, the others below.

    Parameters
    ----------
    diagrams : list of FlowDiagram

    Returns
    -------
    Figure
        174 mm wide, as high as its boxes need. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        bands = _bands(diagrams)
        figure = Figure()
        axes = figure.add_axes((0, 0, 1, 1))
        bottom = _GAP
        for band in bands:
            bottom = _draw_band(axes, band, bottom) + 2 * _GAP
        figure.set_size_inches(WIDTH / 25.4, bottom / 25.4)
        axes.set(xlim=(0, WIDTH), ylim=(bottom, 0))
        axes.set_axis_off()
    return figure


def flow_texts(diagrams: list[FlowDiagram]) -> list[tuple[str, Shown]]:
    """Return every text with numbers and its place: ``title / column / heading``."""
    found = []
    for diagram in diagrams:
        columns: dict[str, tuple[Box | None, ...]] = {"": (diagram.top,)} | diagram.columns
        for name, boxes in columns.items():
            for box in filter(None, boxes):
                place = " / ".join(filter(None, (diagram.title, name, box.heading)))
                found += [(f"{place}, lost", text) for text in box.lost]
                found += [(place, text) for text in box.lines]
    return found


def listed(head: Shown, parts: list[Shown]) -> Shown:
    """Return a text and what it consists of: ``Lost: n = 3 (duplicate 2; silhouette 1)``."""
    return head + " (" + joined(parts, "; ") + ")" if parts else head


def _bands(diagrams: list[FlowDiagram]) -> list[list[_Part]]:
    """Put diagrams side by side as long as their columns fit, evenly; cut those that are too wide."""
    parts = []
    for diagram in diagrams:
        columns = list(diagram.columns.values())
        size = ceil(len(columns) / ceil(len(columns) / COLUMNS))
        for first in range(0, len(columns), size):
            title = diagram.title + (" (continued)" if first and diagram.title else "")
            top = None if first else diagram.top
            parts.append(_Part(title, top, columns[first : first + size]))
    widest = max(len(part.columns) for part in parts)
    tried = [_packed(parts, limit) for limit in range(widest, COLUMNS + 1)]
    return next(bands for bands in tried if len(bands) == len(tried[-1]))


def _packed(parts: list[_Part], limit: int) -> list[list[_Part]]:
    bands: list[list[_Part]] = [[]]
    for part in parts:
        if sum(len(other.columns) for other in bands[-1]) + len(part.columns) > limit:
            bands.append([])
        bands[-1].append(part)
    return bands


def _draw_band(axes: Axes, band: list[_Part], y: float) -> float:
    """Draw the parts of one band from `y` downwards; return where it ends, mm."""
    pitch = WIDTH / sum(len(part.columns) for part in band)
    width = min(pitch - 1.5 * _GAP, _WIDEST)
    lefts, left = [], 0.0
    for part in band:
        lefts.append([left + n * pitch + (pitch - width) / 2 for n in range(len(part.columns))])
        left += pitch * len(part.columns)
    if any(part.title for part in band):
        titles = [
            _wrap(part.title, xs[-1] + width - xs[0], bold=True) for part, xs in zip(band, lefts, strict=True)
        ]
        for xs, title in zip(lefts, titles, strict=True):
            _write(axes, xs[0], y, title, bold=True)
        y += _LINE * max(map(len, titles)) + _GAP / 2
    if any(part.top for part in band):
        y = _draw_tops(axes, band, lefts, width, y)
    columns = [
        (x, boxes)
        for part, xs in zip(band, lefts, strict=True)
        for x, boxes in zip(xs, part.columns, strict=True)
    ]
    return _draw_columns(axes, columns, width, y)


def _draw_tops(axes: Axes, band: list[_Part], lefts: list[list[float]], width: float, y: float) -> float:
    """Draw the box above each part's columns, and the lines from it to them."""
    placed = []
    for part, xs in zip(band, lefts, strict=True):
        if part.top:
            whole = xs[-1] + width - xs[0]
            wide = min(whole, max(width, 42.0))
            middle = xs[0] + whole / 2
            placed.append((part.top, middle - wide / 2, wide, middle, xs))
    height = max(_height(box, wide) for box, _, wide, _, _ in placed)
    below = y + height + _GAP
    for box, x, wide, middle, xs in placed:
        _draw_box(axes, box, x, y, wide, height)
        centres = [left + width / 2 for left in xs]
        if len(centres) == 1:
            _arrow(axes, middle, y + height, below + _GAP + 0.5)
            continue
        axes.plot([middle, middle], [y + height, below], color=_INK, lw=0.7)
        axes.plot([centres[0], centres[-1]], [below, below], color=_INK, lw=0.7)
        for centre in centres:
            _arrow(axes, centre, below, below + _GAP + 0.5)
    return below + _GAP + 0.5


def _draw_columns(
    axes: Axes, columns: list[tuple[float, tuple[Box | None, ...]]], width: float, y: float
) -> float:
    """Draw columns of boxes row by row, so that boxes of one row stand side by side."""
    above = {x: y for x, _ in columns}  # the lower edge of each column's last box
    for row in range(max(len(boxes) for _, boxes in columns)):
        there = [(x, box) for x, boxes in columns if row < len(boxes) and (box := boxes[row])]
        if row:
            lines = max((len(_lost_lines(box, width)) for _, box in there), default=0)
            gap = max(_ARROW, lines * _LINE + 1.5)
            for x, box in there:
                _arrow(axes, x + 4, above[x], y + gap)
                lost = _lost_lines(box, width)
                _write(axes, x + 5.5, y + (gap - len(lost) * _LINE) / 2, lost, colour=_LOST)
            y += gap
        height = max((_height(box, width) for _, box in there), default=0.0)
        for x, box in there:
            _draw_box(axes, box, x, y, width, height)
            above[x] = y + height
        y += height
    return y


def _draw_box(axes: Axes, box: Box, x: float, y: float, width: float, height: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y), width, height, fc="white", ec=box.colour, lw=0.9))
    heading = _wrap(box.heading, width - 2 * _PAD, bold=True) if box.heading else ()
    _write(axes, x + _PAD, y + _PAD, heading, bold=True)
    _write(axes, x + _PAD, y + _PAD + len(heading) * _LINE, _body(box, width))


def _arrow(axes: Axes, x: float, start: float, end: float) -> None:
    style = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": _INK, "lw": 0.7}
    axes.annotate("", (x, end), (x, start), arrowprops=style | {"shrinkA": 0, "shrinkB": 0})


def _write(
    axes: Axes, x: float, y: float, lines: Sequence[str], bold: bool = False, colour: str = _INK
) -> None:
    for number, line in enumerate(lines):
        weight = "bold" if bold else "normal"
        # A dollar sign in a plan's words is no mathematics.
        axes.text(
            x,
            y + (number + 0.78) * _LINE,
            line,
            fontsize=_SIZE,
            weight=weight,
            color=colour,
            va="baseline",
            parse_math=False,
        )


def _height(box: Box, width: float) -> float:
    heading = len(_wrap(box.heading, width - 2 * _PAD, bold=True)) if box.heading else 0
    return (heading + len(_body(box, width))) * _LINE + 2 * _PAD


def _body(box: Box, width: float) -> list[str]:
    return [line for text in box.lines for line in _wrap(text.text, width - 2 * _PAD)]


def _lost_lines(box: Box, width: float) -> list[str]:
    return [line for text in box.lost for line in _wrap(text.text, width - 6)]


@cache
def _wrap(text: str, width: float, bold: bool = False) -> tuple[str, ...]:
    """Break a text at its spaces into lines of at most `width` mm; a longer word within itself.

    A number stays with the word before it, and values with their number.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=_SIZE, weight="bold" if bold else "normal")

    def fits(line: str) -> bool:
        return text_to_path.get_text_width_height_descent(line, font, False)[0] * _POINT <= width

    lines = [""]
    for word in re.sub(r" (?=\d|= )|(?<=\d) (?=values?\b)", "\u00a0", text).split(" "):
        longer = f"{lines[-1]} {word}".strip(" ")
        if fits(longer):
            lines[-1] = longer
            continue
        lines = [*lines, word] if lines[-1] else [word]
        while not fits(lines[-1]) and len(lines[-1]) > 1:
            cut = next(n for n in range(len(lines[-1]) - 1, 0, -1) if n == 1 or fits(lines[-1][:n]))
            lines[-1:] = [lines[-1][:cut], lines[-1][cut:]]
    return tuple(line.replace("\u00a0", " ") for line in lines)
