"""The figure of power over the number of participants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import MINUS, count, decimal
from pictrial.reporting.planned import contrast_label, of_experiment
from pictrial.reporting.shown import Shown, joined
from pictrial.statistics.power import primary_analyses
from pictrial.trial.plan import Analysis, TrialPlan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 70.0  # mm, of a row of panels
#: About as many fit beside each other.
_LETTERS = 120
_MARKERS = "osD^vPX"


def draw_power(curve: pd.DataFrame, target: float, titles: Mapping[str, str] | None = None) -> Figure:
    """Draw power over participants, a panel per contrast, a line per number of units, loss and effects.

    Bars are 95 % Monte-Carlo intervals (Wilson's score intervals).

    Parameters
    ----------
    curve : DataFrame
        From `pictrial.statistics.power.power_curve`, or schema ``power``.
        Where it has no rows, the figure says so.
    target : float
        Drawn as a dashed line.
    titles : mapping of str to str, optional
        What stands above the contrasts of an analysis.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    if curve.empty:
        return _without_curve()
    panels = list(curve.groupby([_analyses(curve), "level", "minus"], sort=False))
    columns = 2 if len(panels) in (2, 4) else min(3, len(panels))
    rows = -(-len(panels) // columns)
    with matplotlib.rc_context(STYLE):
        size = (WIDTH / 25.4, rows * _HEIGHT / 25.4)
        figure = Figure(size, STYLE["savefig.dpi"], layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, ((analysis, level, minus), of) in zip(grid.flat, panels, strict=False):
            for number, (settings, line) in enumerate(
                of.groupby(["units", "lost_units", "effects"], sort=False)
            ):
                ordered = line.sort_values("participants")
                axes.errorbar(
                    ordered["participants"],
                    ordered["power"],
                    np.abs(ordered[["ci_lower", "ci_upper"]].sub(ordered["power"], axis=0)).to_numpy(float).T,
                    color=COLOURS[1:][number % len(COLOURS[1:])],
                    marker=_MARKERS[number % len(_MARKERS)],
                    ms=4,
                    lw=1,
                    label=_label(curve, *settings),
                )
            axes.axhline(target, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
            title = f"{level} {MINUS} {minus}" if minus else level
            title = title[0].upper() + title[1:]
            axes.set_title("\n".join(filter(None, ((titles or {}).get(analysis), title))))
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


def experiment_titles(plan: TrialPlan) -> dict[str, str]:
    """Return the experiment of each primary analysis, as `draw_power` takes them; none where there is one."""
    return {
        one.name: plan.experiments[one.experiment].label for one in primary_analyses(plan) if one.experiment
    }


def power_caption(
    plan: TrialPlan, curve: pd.DataFrame, reasons: Mapping[str, str], target: float
) -> list[Shown]:
    """Return the paragraphs of the caption of a trial's own power curve.

    Parameters
    ----------
    curve, reasons : DataFrame, mapping of str to str
        From `pictrial.statistics.next_trial_power.next_trial_power`.
    target : float
    """
    title = Shown(f"**{plan.title}: power of a next trial like this one, by its number of participants.** ")
    parts = []
    for primary in primary_analyses(plan):
        of_it = curve[_analyses(curve) == primary.name]
        said = (
            _drawn(plan, primary, of_it)
            if len(of_it)
            else f"Not estimated: {reasons[primary.name].removesuffix('.')}."
        )
        parts.append(of_experiment(plan, primary.experiment) + said)
    if curve.empty:
        return [title + (joined(parts, " ") if parts else "Not estimated: the plan has no primary analysis.")]
    source = ("table:statistics/power",)
    return [
        title
        + "Not the power that this trial had. "
        + Shown(count(int(curve["trials"].iloc[0]), "trial"), source)
        + " were drawn for each number of participants, with the standard deviations of the primary model "
        "and, as an assumption, half of the estimated differences, and analysed as planned. "
        + joined(parts, " ")
        + " Bars: 95 % Wilson score intervals of the drawn share, wide because few trials were drawn; "
        "``pictrial power`` draws more. Dashed: "
        + Shown(f"{decimal(100 * target, 0)} %", ("code:power_target",))
        + "."
    ]


def _drawn(plan: TrialPlan, primary: Analysis, curve: pd.DataFrame) -> Shown:
    """Write what the trials of one analysis were drawn with."""
    first, source = curve.iloc[0], ("table:statistics/power",)
    outcome = plan.outcomes[primary.outcome]
    cells = curve[(curve["participants"] == first["participants"]) & curve["difference"].notna()]
    planted = (
        Shown(
            f"{contrast_label(plan, row.level, row.minus)} "
            f"{decimal(float(row.difference), outcome.decimals)} {outcome.unit}",
            source,
        )
        for row in cells.itertuples()
    )
    units = Shown(count(int(first["units"]), "motor unit"), source) + " of each participant"
    return (
        (units if outcome.level == "motor_unit" else Shown("One value of each session"))
        + " ("
        + Shown(f"{decimal(100 * float(first['lost_units']), 0)} %", source)
        + " of values lost); "
        + joined(planted, "; ")
        + "."
    )


def _analyses(curve: pd.DataFrame) -> pd.Series:
    """Return the analysis of each row; nothing where the curve is of one that has no name."""
    return curve["analysis"] if "analysis" in curve else pd.Series("", curve.index, name="analysis")


def _without_curve() -> Figure:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH / 25.4, _HEIGHT / 2 / 25.4), STYLE["savefig.dpi"])
        figure.text(0.5, 0.5, "Power was not estimated.", ha="center", va="center")
    return figure


def _label(curve: pd.DataFrame, units: int, lost: float, effects: str) -> str:
    """Return what tells a line from the others."""
    parts = {
        "units": f"{units} units",
        "lost_units": f"{100 * lost:g} % lost",
        "effects": effects.replace("-", MINUS).replace("=", " "),
    }
    return ", ".join(text for name, text in parts.items() if len(set(curve[name])) > 1)
