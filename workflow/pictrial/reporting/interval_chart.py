"""Estimates with their intervals, line by line, each written out beside its mark: forest and dot plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pictrial.reporting.figures import STYLE, WIDTH
from pictrial.reporting.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 3.2  # mm, height of a line
_ABOVE, _BELOW = 7.0, 10.0  # mm, above a panel for its title, below for its axis
_TITLE = 3.8  # mm, of every further line of a title
_GAP = 3.0  # mm, between the axis and the columns of text
_SMALL = 7.0  # points
_DASHED = (0, (4, 3))


@dataclass(frozen=True)
class Line:
    """A line of a panel.

    Attributes
    ----------
    label : str
    texts : tuple of Shown
        What stands at the right, one in each of the panel's columns.
    value, lower, upper : float or None
        Where the mark and the ends of its interval are; None where there is none.
    main : bool
        Whether it is a diamond, not a point.
    """

    label: str
    texts: tuple[Shown, ...]
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    main: bool = False


@dataclass(frozen=True)
class IntervalPanel:
    """Lines on one scale.

    Attributes
    ----------
    title, axis : str
        Above the panel, and below its axis.
    colour : str
    columns : tuple of tuple of str and float
        Heading and width (mm) of each column of text.
    sections : dict of str to list of Line
        By heading; an empty one is not written.
    from_zero : bool
        Whether the axis starts at zero, where nothing is below it.
    """

    title: str
    axis: str
    colour: str
    columns: tuple[tuple[str, float], ...]
    sections: dict[str, list[Line]]
    from_zero: bool = False

    @property
    def rows(self) -> list[str | Line]:
        """Headings and lines from above."""
        return [
            row for name, lines in self.sections.items() if lines for row in ([name] * bool(name) + lines)
        ]

    def texts(self) -> list[tuple[str, Shown]]:
        """Return what is written at the right, by place."""
        title = self.title.replace("\n", ": ")
        return [
            (f"{title}: {section + ': ' if section else ''}{line.label} / {heading}", text)
            for section, lines in self.sections.items()
            for line in lines
            for (heading, _), text in zip(self.columns, line.texts, strict=True)
        ]


def draw_intervals(
    panels: list[IntervalPanel],
    label_width: float,
    below: Sequence[str] = (),
    one_scale: bool = False,
    beside: int = 1,
) -> Figure:
    """Draw panels below each other, or several beside each other.

    Parameters
    ----------
    panels : list of IntervalPanel
    label_width : float
        Room for the labels at the left, mm.
    below : sequence of str
        Lines of text at the bottom.
    one_scale : bool
        Whether panels with the same words at their axes have the same limits.
    beside : int
        Panels in a row.

    Returns
    -------
    Figure
        174 mm wide, as high as its lines are many. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows = [panels[first : first + beside] for first in range(0, len(panels), beside)]
    heights = [max(map(_height, row)) for row in rows]
    height, pitch = sum(heights) + _LINE * len(below) + 2.0, WIDTH / beside
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH / 25.4, height / 25.4), STYLE["savefig.dpi"])
        top = height
        for row, room in zip(rows, heights, strict=True):
            for column, panel in enumerate(row):
                width = pitch - label_width - _GAP - sum(width for _, width in panel.columns) - 1
                high = _LINE * max(len(panel.rows), 1)
                bottom = top - _height(panel) + _BELOW
                where = (column * pitch + label_width) / WIDTH, bottom / height, width / WIDTH, high / height
                axes = figure.add_axes(where)
                _draw_panel(axes, panel, width, label_width)
                alike = [other for other in panels if one_scale and other.axis == panel.axis]
                axes.set_xlim(_limits(alike or [panel]))
            top -= room
        for number, text in enumerate(below):
            place = (top - _LINE * (number + 0.5)) / height
            figure.text(1 / WIDTH, place, text, fontsize=_SMALL, va="center")
    return figure


def _height(panel: IntervalPanel) -> float:
    """Return the height of a panel with its title and axis, mm."""
    return _ABOVE + _TITLE * panel.title.count("\n") + _LINE * max(len(panel.rows), 1) + _BELOW


def _draw_panel(axes: Axes, panel: IntervalPanel, width: float, label_width: float) -> None:
    rows = panel.rows
    axes.set_xlabel(panel.axis)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color="0.5", lw=0.6, ls=_DASHED, zorder=0)
    beside, left = axes.get_yaxis_transform(), (1 - label_width) / width
    axes.text(left, -0.9, panel.title, transform=beside, fontsize=9, fontweight="bold", va="bottom")
    starts = 1 + (_GAP + np.cumsum([0, *(room for _, room in panel.columns)])) / width
    for (heading, _), start in zip(panel.columns, starts, strict=False):
        axes.text(start, -0.9, heading, transform=beside, fontsize=_SMALL, va="bottom", color="0.3")
    for place, row in enumerate(rows):
        style: dict = {"transform": beside, "fontsize": _SMALL, "va": "center"}
        if isinstance(row, str):
            axes.text(left, place, row, fontweight="bold", **style)
            continue
        axes.text(-1.8 / width, place, row.label, ha="right", **style)
        for text, start in zip(row.texts, starts, strict=False):
            axes.text(start, place, text.text, **style)
        _draw_mark(axes, place, row, panel.colour)


def _draw_mark(axes: Axes, place: int, line: Line, colour: str) -> None:
    if line.lower is not None and line.upper is not None:
        ends = [line.lower, line.upper]
        axes.plot(ends, [place] * 2, color=colour, lw=1.4, solid_capstyle="butt", clip_on=False)
    if line.value is not None:
        marker, size = ("D", 5.5) if line.main else ("o", 4.5)
        style: dict = {"ms": size, "mec": "white", "mew": 0.5, "zorder": 3, "clip_on": False}
        axes.plot(line.value, place, marker, color=colour, **style)
        if line.main:
            axes.axvline(line.value, color=colour, lw=0.6, ls=(0, (1, 2)), zorder=0)


def _limits(panels: list[IntervalPanel]) -> tuple[float, float]:
    lines = [row for panel in panels for row in panel.rows if isinstance(row, Line)]
    ends = [end for line in lines for end in (line.value, line.lower, line.upper) if end is not None]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    room = 0.05 * (high - low) or 1.0
    return (0.0 if panels[0].from_zero and low == 0 else low - room), high + room
