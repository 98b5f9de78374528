"""The figure of power over the number of participants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import MINUS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 70.0  # mm, of a row of panels
#: About as many fit beside each other.
_LETTERS = 120
_MARKERS = "osD^vPX"


def draw_power(curve: pd.DataFrame, target: float) -> Figure:
    """Draw power over participants, a panel per contrast, a line per number of units, loss and effects.

    Bars are 95 % Monte-Carlo intervals (± 1.96 standard errors).

    Parameters
    ----------
    curve : DataFrame
        From `pictrial.statistics.power.power_curve`.
    target : float
        Drawn as a dashed line.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    panels = list(curve.groupby(["level", "minus"], sort=False))
    columns = 2 if len(panels) in (2, 4) else min(3, len(panels))
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        size = (WIDTH / 25.4, rows * _HEIGHT / 25.4)
        figure = Figure(size, STYLE["savefig.dpi"], layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, ((level, minus), of) in zip(grid.flat, panels, strict=False):
            for number, (settings, line) in enumerate(
                of.groupby(["units", "lost_units", "effects"], sort=False)
            ):
                ordered = line.sort_values("participants")
                axes.errorbar(
                    ordered["participants"],
                    ordered["power"],
                    1.96 * ordered["standard_error"],
                    color=COLOURS[1:][number % len(COLOURS[1:])],
                    marker=_MARKERS[number % len(_MARKERS)],
                    ms=4,
                    lw=1,
                    label=_label(curve, *settings),
                )
            axes.axhline(target, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
            title = f"{level} {MINUS} {minus}" if minus else level
            axes.set_title(title[0].upper() + title[1:])
            axes.set_xticks(sorted(set(curve["participants"])))
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        grid[0, 0].set_ylim(-0.02, 1.02)
        figure.supxlabel("Participants", fontsize=STYLE["axes.labelsize"])
        figure.supylabel("Power", fontsize=STYLE["axes.labelsize"])
        lines, labels = grid[0, 0].get_legend_handles_labels()
        if len(lines) > 1:
            ncols = max(1, _LETTERS // (max(map(len, labels)) + 6))
            figure.legend(lines, labels, loc="outside upper center", ncols=ncols, frameon=False, fontsize=7.5)
    return figure


def _label(curve: pd.DataFrame, units: int, lost: float, effects: str) -> str:
    """Return what tells a line from the others."""
    parts = {
        "units": f"{units} units",
        "lost_units": f"{100 * lost:g} % lost",
        "effects": effects.replace("-", MINUS).replace("=", " "),
    }
    return ", ".join(text for name, text in parts.items() if len(set(curve[name])) > 1)
