"""The figure of estimate against truth, and its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pictrial.reporting.figures import COLOURS, HEIGHT, STYLE, WIDTH, tick_label, write_letter
from pictrial.reporting.numbers import count, decimal
from pictrial.reporting.shown import Shown
from pictrial.reporting.truth_comparison import AGREEMENT, TruthComparison
from pictrial.statistics.analysis_results import contrast_name
from pictrial.trial.plan import TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_truth_comparison(plan: TrialPlan, comparison: TruthComparison) -> Figure:
    """Draw the rates of agreement, the ΔF of passing pairs against the truth, and the contrasts.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), layout="constrained")
        panels = figure.subplots(1, 3, width_ratios=(1, 1.5, 1))
        _draw_agreement(panels[0], comparison.units)
        _draw_pairs(panels[1], comparison.pairs)
        _draw_contrasts(panels[2], plan, comparison.contrasts)
        for axes, letter in zip(panels, "ABC", strict=True):
            write_letter(axes, letter)
    return figure


def truth_caption(plan: TrialPlan, comparison: TruthComparison) -> list[Shown]:
    """Return the paragraphs of the caption of `draw_truth_comparison`; their numbers are the summary's."""
    summary = comparison.summary.set_index("measure")

    def value(measure: str, places: int = 2, factor: float = 1.0) -> str:
        number = summary.loc[measure, "value"]
        return decimal(None if pd.isna(number) else factor * float(number), places)

    def n(measure: str, noun: str) -> str:
        return count(summary.loc[measure, "n"], noun)

    title = f"**{plan.title}: estimate against truth.** The trial is simulated, so the truth is known."
    found = (
        f"**A** Rate of agreement of each accepted motor unit with the true unit it agrees with best, "
        f"sorted (n = {n('units_found_share', 'unit')}, counted in each session; tolerance 0.5 ms after the "
        f"common lag): {value('units_found_share', 1, 100)} % reach {AGREEMENT} (dashed line), the median is "
        f"{value('median_rate_of_agreement', 3)}; duplicates of another unit: {value('duplicates', 0)}. "
        f"**B** ΔF of the passing pairs (n = {n('delta_f_mean_error', 'pair')} with a truth, "
        f"{value('pairs_without_truth', 0)} without); the line is identity. Mean error "
        f"{value('delta_f_mean_error')} pps, SD {value('delta_f_sd_of_error')} pps, root mean square error "
        f"{value('delta_f_root_mean_square_error')} pps. **C** Contrasts of the primary analysis with 95 % "
        f"confidence intervals and the planted effects (crosses), which lie in "
        f"{value('contrasts_covered', 0)} of {n('contrasts_covered', 'interval')}."
    )
    return [Shown(title), Shown(found, ("table:tables/truth_comparison",))]


def _draw_agreement(axes: Axes, units: pd.DataFrame) -> None:
    agreement = np.sort(units["rate_of_agreement"].to_numpy(float))[::-1]
    axes.axhline(AGREEMENT, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
    axes.plot(np.arange(1, len(agreement) + 1), agreement, "o", ms=2.5, color=COLOURS[1], mew=0)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("Motor unit (sorted)")
    axes.set_ylabel("Rate of agreement with the true unit")


def _draw_pairs(axes: Axes, pairs: pd.DataFrame) -> None:
    known = pairs.dropna(subset=["error"])
    true, estimated = known["true_delta_f"].to_numpy(float), known["delta_f"].to_numpy(float)
    axes.set_xlabel("True ΔF (pps)")
    axes.set_ylabel("Estimated ΔF (pps)")
    if not len(known):
        axes.text(0.5, 0.5, "no pair has a truth", ha="center", va="center", transform=axes.transAxes)
        return
    low, high = min(true.min(), estimated.min()) - 0.3, max(true.max(), estimated.max()) + 0.3
    axes.plot([low, high], [low, high], color="0.3", lw=0.8, zorder=2)
    axes.plot(true, estimated, "o", ms=2.5, color=COLOURS[1], alpha=0.4, mew=0, zorder=1)
    axes.set(xlim=(low, high), ylim=(low, high))


def _draw_contrasts(axes: Axes, plan: TrialPlan, contrasts: pd.DataFrame) -> None:
    axes.axhline(0, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
    names = {contrast_name(a, b): (a, b) for a in plan.conditions for b in plan.conditions}
    labels = []
    for position, row in enumerate(contrasts.itertuples()):
        level, minus = names[row.contrast]
        labels.append(tick_label(plan, level, minus))
        colour = COLOURS[list(plan.conditions).index(level)]
        axes.plot(position + 0.18, row.planted, "x", color="black", ms=6, mew=1.4)
        if pd.isna(row.estimate):
            continue
        axes.plot([position - 0.1] * 2, [row.ci_lower, row.ci_upper], color=colour, lw=1.6)
        axes.plot(position - 0.1, row.estimate, "D", color=colour, ms=6, mec="white", mew=0.6)
    axes.set_xlim(-0.6, max(len(labels), 1) - 0.4)
    axes.set_xticks(range(len(labels)), labels, fontsize=7)
    axes.set_ylabel("Difference in ΔF (pps)")
    axes.plot([], [], "D-", color="0.35", ms=6, mec="white", lw=1.6, label="95 % CI")
    axes.plot([], [], "x", color="black", ms=6, mew=1.4, ls="none", label="planted")
    place: dict = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0.2, "ncols": 2}
    axes.legend(**place, frameon=False, fontsize=7.5, columnspacing=1, handletextpad=0.4, handlelength=2)
