"""The figure: every participant in every condition, and the contrasts on an axis of their own."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.reporting.numbers import MINUS
from pictrial.reporting.planned import (
    axis_label,
    contrast_analysis,
    contrast_label,
    difference_label,
    is_share,
    lower,
    missing_contrast,
    no_difference,
    of_participants,
    panel_letters,
    planned_contrasts,
)
from pictrial.reporting.shown import Results
from pictrial.statistics.analysis_results import contrast_name, look_up
from pictrial.statistics.paired import participant_means
from pictrial.trial.plan import Outcome, TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Width of two columns of a journal page, mm.
WIDTH, HEIGHT = 174.0, 88.0
#: Okabe & Ito's colours, told apart by colour-blind readers; the reference is grey.
COLOURS = ("#555555", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_ESTIMATE = ("estimate", "ci_lower", "ci_upper")
FORMATS = ("pdf", "png", "svg")
#: Of every figure: text of at least 7 points, embedded as text.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "pictrial",
    "savefig.dpi": 300,
}


def draw_outcome(plan: TrialPlan, ard: pd.DataFrame, outcomes: pd.DataFrame, outcome: str) -> Figure:
    """Draw one outcome.

    Left: each participant's mean in each condition, joined by a line, with the values of the motor
    units behind, where there are any. Right, on an axis of their own: the contrasts of the outcome's main
    analysis with their 95 % confidence intervals, and each participant's difference, where the analysis
    estimates differences in the outcome's unit. Contrasts are read from the ARD. Where there is none, the
    right panel says why. Each experiment of the plan has a row of its own; parallel arms stand beside each
    other, each with its baseline.

    Parameters
    ----------
    plan : TrialPlan
    ard : DataFrame
        Schema ``ard``.
    outcomes : DataFrame
        Schema ``outcomes``.
    outcome : str
        Which outcome.

    Returns
    -------
    Figure
        174 mm wide. Save it with `write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows = outcomes[(outcomes["outcome"] == outcome) & outcomes["value"].notna()]
    parts: list[tuple[str | None, pd.DataFrame]] = [
        (experiment, rows[rows["sequence"].isin(plan.sequences_of(experiment))])
        for experiment in plan.experiments
    ]
    parts = [part for part in parts if len(part[1])] or [(None, rows)]
    n_conditions = max(len(plan.conditions_of(experiment)) for experiment, _ in parts)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 25.4, HEIGHT * len(parts) / 25.4), layout="constrained")
        ratio = [max(2, n_conditions), max(1.4, n_conditions - 1)]
        panels = figure.subplots(len(parts), 2, width_ratios=ratio, squeeze=False)
        for row, ((left, right), (experiment, there)) in enumerate(zip(panels, parts, strict=True)):
            means = participant_means(there, plan.conditions_of(experiment))
            _draw_conditions(left, plan, there, experiment, plan.outcomes[outcome])
            _draw_contrasts(right, plan, ard, means, plan.outcomes[outcome], experiment)
            if experiment:  # above the legend
                title: dict = {"loc": "left", "fontweight": "bold", "fontsize": 9, "pad": 18}
                left.set_title(plan.experiments[experiment].label, **title)
            for axes, letter in zip((left, right), panel_letters(row), strict=True):
                write_letter(axes, letter)
    return figure


def write_letter(axes: Axes, letter: str) -> None:
    """Write the letter of a panel at its upper left, clear of legend and axis."""
    place: dict = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(letter, (0, 1), (-30, 3), **place, fontweight="bold", fontsize=10)


def write_figure(figure: Figure, stem: str | Path) -> list[Path]:
    """Write a figure as PDF, PNG and SVG beside each other, the same bytes for the same figure.

    Parameters
    ----------
    stem : str or Path
        Path without suffix.

    Returns
    -------
    list of Path
        The files.
    """
    import matplotlib

    paths = [Path(f"{stem}.{suffix}") for suffix in FORMATS]
    # Without these the formats would carry the date, and SVG random identifiers.
    metadata: dict[str, dict] = {"pdf": {"CreationDate": None}, "png": {}, "svg": {"Date": None}}
    with matplotlib.rc_context(STYLE), _fixed_date():
        _fix_layout(figure)
        for path, suffix in zip(paths, FORMATS, strict=True):
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format=suffix, metadata=metadata[suffix])
    return paths


def _fix_layout(figure: Figure) -> None:
    """Fix the axes where the layout put them; the last digits of its solver differ from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        left, bottom, width, height = (round(value, 4) for value in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


@contextmanager
def _fixed_date():
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = before


def _draw_conditions(
    axes: Axes, plan: TrialPlan, rows: pd.DataFrame, experiment: str | None, outcome: Outcome
) -> None:
    of_units = outcome.level == "motor_unit"
    groups = [rows]
    if plan.baseline:  # arms share no participant: lines stay within each
        groups = [rows[rows["sequence"] == arm] for arm in plan.sequences]
    ticks: dict[float, str] = {}
    for here in groups:
        means = participant_means(here, plan.conditions_of(experiment))
        shown = [condition for condition in means if means[condition].notna().any()]
        shown.sort(key=lambda condition: condition != plan.baseline)
        positions = np.arange(len(shown)) + (max(ticks) + 1.4 if ticks else 0.0)
        ticks |= dict(zip(positions, (plan.conditions[condition] for condition in shown), strict=True))
        if is_share(plan, outcome.name):  # all are yes or no, so that they would hide each other
            means = means.add(_spread(len(means), 0.12), axis=0)
        _draw_group(axes, plan, here if of_units else here.iloc[:0], means[shown], positions)
    axes.set_xlim(-0.5, max(ticks, default=0.0) + 0.5)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_ylabel(axis_label(outcome))
    if is_share(plan, outcome.name):
        axes.set_ylabel(outcome.label)
        axes.set_yticks([0, 1], ["No", "Yes"])
        axes.set_ylim(-0.3, 1.3)
    name = "participant's mean" if of_units else "participant"
    handles: list = [axes.plot([], [], color="0.35", lw=0.8, marker="o", ms=5, mec="white", label=name)[0]]
    if of_units:
        handles.insert(0, axes.scatter([], [], s=8, color="0.35", alpha=0.5, lw=0, label="motor unit"))
    _legend(axes, handles)


def _draw_group(
    axes: Axes, plan: TrialPlan, units: pd.DataFrame, means: pd.DataFrame, positions: np.ndarray
) -> None:
    """Draw participants' means, joined, and behind them the values of the motor units."""
    # Each participant stands a little beside the next, so that equal means do not hide each other.
    values = pd.Series(means.to_numpy(float).ravel()).dropna()
    reach = 0.2 if values.duplicated().mean() > 0.5 else 0.06  # of a score, many have the same
    beside = np.linspace(-reach, reach, len(means)) if len(means) > 1 else np.zeros(len(means))
    for participant, offset in zip(means.index, beside, strict=True):
        values = means.loc[participant].to_numpy(float)
        there = ~np.isnan(values)
        axes.plot(positions[there] + offset, values[there], color="0.35", lw=0.8, zorder=2)
    for position, condition in zip(positions, means, strict=True):
        colour = COLOURS[list(plan.conditions).index(condition)]
        values = units.loc[units["condition"] == condition, "value"].to_numpy(float)
        if len(values):
            beside_it = position + _spread(len(values), 0.24)
            axes.scatter(beside_it, values, s=8, color=colour, alpha=0.4, lw=0, zorder=1)
        axes.scatter(position + beside, means[condition], s=26, color=colour, ec="white", lw=0.6, zorder=3)


def _draw_contrasts(
    axes: Axes,
    plan: TrialPlan,
    ard: pd.DataFrame,
    means: pd.DataFrame,
    outcome: Outcome,
    experiment: str | None,
) -> None:
    ard = ard[ard["outcome"] == outcome.name]
    analysis = contrast_analysis(plan, outcome.name, experiment)
    reason = missing_contrast(plan, Results(ard), outcome.name, analysis).text
    if reason or analysis is None:
        axes.set_axis_off()
        text = wrapped(f"No contrast: {reason}.")
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
        return
    axes.set_ylabel(difference_label(plan, analysis, lower(outcome.label)))
    pairs = planned_contrasts(plan, analysis)
    axes.axhline(no_difference(analysis), color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
    for position, (level, minus) in enumerate(pairs):
        colour = COLOURS[list(plan.conditions).index(level)]
        if of_participants(plan, analysis):
            differences = (means[level] - means[minus]).dropna().to_numpy(float)
            beside = position - 0.16 + _spread(len(differences), 0.08)
            axes.scatter(beside, differences, s=16, color=colour, alpha=0.55, lw=0, zorder=1)
        contrast = [look_up(ard, analysis.name, contrast_name(level, minus), one) for one in _ESTIMATE]
        _draw_estimate(axes, position + 0.16, contrast, no_difference(analysis), colour)
    axes.set_xlim(-0.6, len(pairs) - 0.4)
    axes.set_xticks(range(len(pairs)), [tick_label(plan, *pair) for pair in pairs])
    handles: list = [
        axes.plot([], [], "D-", color="0.35", ms=6, mec="white", lw=1.6, label="estimate, 95 % CI")[0]
    ]
    if of_participants(plan, analysis):
        points = axes.scatter([], [], s=16, color="0.35", alpha=0.55, lw=0, label="participant")
        handles.insert(0, points)
    _legend(axes, handles)


def _draw_estimate(axes: Axes, place: float, contrast: list[float | None], none: float, colour: str) -> None:
    """Draw an estimate with its interval; where there is none, say so at `none`, where there is no effect."""
    estimate, low, high = contrast
    if estimate is None or low is None or high is None:
        axes.text(place, none, "not\nestimable", ha="center", va="bottom", fontsize=7)
        return
    axes.plot([place] * 2, [low, high], color=colour, lw=1.6, solid_capstyle="butt", zorder=2)
    axes.plot(place, estimate, "D", color=colour, ms=6, mec="white", mew=0.6, zorder=3)


def _legend(axes: Axes, handles: list) -> None:
    axes.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
        frameon=False,
        fontsize=7.5,
        borderaxespad=0.2,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def tick_label(plan: TrialPlan, level: str, minus: str) -> str:
    """Return the label of a contrast on an axis, in two lines."""
    return contrast_label(plan, level, minus).replace(f" {MINUS}", f"\n{MINUS}")


def _spread(n: int, half_width: float) -> np.ndarray:
    """Spread n points evenly but out of order (golden ratio), the same every time; shape (n,)."""
    return half_width * (2 * ((np.arange(n) * 0.6180339887498949 + 0.5) % 1) - 1)


def wrapped(text: str, width: int = 34) -> str:
    """Return a text in lines of at most `width` letters."""
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
