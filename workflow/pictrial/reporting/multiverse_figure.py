"""The figure of the multiverse, a specification curve for each contrast, and its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pictrial.motor_units.sensitivity import MAIN
from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import count, interval, with_interval
from pictrial.reporting.planned import contrast_label, of_experiment
from pictrial.reporting.shown import Results, Shown, joined
from pictrial.statistics.analysis_results import contrast_name
from pictrial.statistics.multiverse import delta_f_contrasts, main_analysis, measured_in
from pictrial.statistics.multiverse import of_experiment as rows_of
from pictrial.statistics.summary_results import MULTIVERSE, multiverse_results
from pictrial.statistics.trial_flow import of_part
from pictrial.trial.plan import TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 140.0  # mm
#: Intervals are cut, because some rules leave few participants, where they go further than this share of the
#: range of 96 % of the intervals' ends beyond it.
_REACH = 0.25
#: Columns left free between the curve and the analyses without an estimate.
_GAP = 8
_AGGREGATION = "Unit's ΔF"
#: Of what the ARD does not have.
_TABLE = "table:statistics/multiverse_summary"
#: The rows of the ARD are made from the summary once more, for their names; outcomes are only counted there.
_NO_ROWS = pd.DataFrame(columns=["participant", "sequence", "unit_id", "n_controls", "outcome", "value"])


def draw_multiverse(plan: TrialPlan, rules: pd.DataFrame, contrasts: pd.DataFrame) -> Figure:
    """Draw every contrast of every experiment by every rule and aggregation.

    Above: the estimates with their 95 % confidence intervals, sorted by size; the diamond is the main
    analysis, in its place. Below: what each analysis is, a stroke in the line of each of its choices. Grey
    strokes on the right are analyses without an estimate. Without contrasts the conditions' means are drawn.
    A few intervals may be cut: a triangle says so.

    Parameters
    ----------
    plan : TrialPlan
    rules : DataFrame
        Schema ``delta_f_rules``.
    contrasts : DataFrame
        Schema ``multiverse_contrasts``; analyses on another scale than the main one are not drawn.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    outcome, panels, shown = plan.outcomes["delta_f"], _panels(plan), _shown(plan, rules, contrasts)
    with matplotlib.rc_context(STYLE):
        # Laid out at the resolution at which it is saved: letters are wider at a lower one.
        figure = Figure((WIDTH / 25.4, _HEIGHT / 25.4), STYLE["savefig.dpi"], layout="constrained")
        grid = figure.subplots(
            2, len(panels), sharex="col", sharey="row", squeeze=False, height_ratios=(1, 1.3)
        )
        for (above, below), ((experiment, name), (title, condition)) in zip(
            grid.T, panels.items(), strict=True
        ):
            colour = COLOURS[list(plan.conditions).index(condition)]
            rows = rows_of(shown, experiment)
            rows = rows[rows["contrast_or_level"] == name]
            _draw_panel(above, below, rows, main_analysis(plan, rows), colour)
            _cut_intervals(above, rows, _span(plan, shown))
            above.set_title(title)
            below.set_xlabel("Analyses, sorted by estimate")
            below.set_xticks([])
            below.tick_params(axis="y", length=0)
            if delta_f_contrasts(plan):
                above.axhline(0, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
        what = "Difference in" if delta_f_contrasts(plan) else "Mean"
        grid[0, 0].set_ylabel(f"{what} {outcome.label} ({measured_in(str(outcome.aggregation))})")
        _legend(figure, grid[0, 0], bool(delta_f_contrasts(plan)))
        _label_choices(grid[1, 0], _lines(shown))
    return figure


def multiverse_caption(plan: TrialPlan, contrasts: pd.DataFrame, summary: pd.DataFrame) -> list[Shown]:
    """Return the paragraphs of the caption of `draw_multiverse`.

    Parameters
    ----------
    summary : DataFrame
        Schema ``multiverse_summary``; its numbers are rows of the ARD.
    """
    scale = measured_in(str(plan.outcomes["delta_f"].aggregation))
    shown = contrasts[contrasts["measured_in"] == scale]
    n_rules = count(shown.loc[shown["rule"] != MAIN, "rule"].nunique(), "rule")
    n_aggregations = count(shown["aggregation"].nunique(), "way")
    found = [
        f"{of_experiment(plan, experiment)}{contrast_label(plan, *pair)}: "
        + _found(plan, summary, experiment, contrast_name(*pair), scale)
        for experiment, *pair in delta_f_contrasts(plan)
    ]
    estimates = "means over participants, sorted"
    if found:
        estimates = (
            "estimates, sorted, with 95 % confidence intervals (participants' means, compared in pairs; at a "
            "triangle an interval goes on)"
        )
    why = "Nobody is in two arms: nothing is compared in pairs." if plan.baseline else ""
    nothing = f"{plan.no_comparison or why or 'The plan has no contrast.'} Drawn are means."
    return [
        f"**{plan.title}: sensitivity of {plan.outcomes['delta_f'].label} to how it is estimated.** "
        + Shown(f"{n_rules} times {n_aggregations} from pairs to a motor unit's value. ", (_TABLE,))
        + "Exploratory: P is not adjusted and not shown, and no analysis may be picked for its result.",
        Shown(
            f"Above: {estimates}; the diamond and the dotted line are the main analysis. Below: the choices "
            "of each analysis, a stroke in the line of each; a smoother's constants go by the last word of "
            "their names in ``motor_units/rules.tsv``. Grey strokes: analyses without an estimate."
        ),
        joined(found, " ") if found else Shown(nothing),
    ]


def choices(rules: pd.DataFrame) -> pd.DataFrame:
    """Return how the choices of each rule are called, rules by kinds of choice; categories are in order."""
    several = rules.groupby("smoother")["constants"].transform("nunique") > 1
    # The last word of a constant's name and its value: there is little room.
    constants = rules["constants"].str.replace(r"(?:\w+_)?(\w+) = ", r"\1 ", regex=True).str.replace(";", ",")
    called = rules["smoother"].replace({"svr": "SVR", "hanning": "Hanning window"})
    smoother = called.where(~several, called + ", " + constants)
    sign = rules["correlation_rule"].map({"r": "r ≥ ", "r2": "r² ≥ "})
    table = {
        "Smoother": _ordered(smoother),
        "Correlation": _ordered(sign + rules["correlation"].map("{:g}".format)),
    }
    for name in ("recruitment_gap", "derecruitment_gap"):
        gaps = rules[name].astype(float)
        shown = gaps.map("{:g} s".format).where(gaps.notna(), "no rule")
        heading = name.replace("_", " ").capitalize()
        table[heading] = _ordered(shown, gaps.sort_values(na_position="first", kind="stable").index)
    return pd.DataFrame(table).set_axis(rules["rule"])


def _ordered(labels: pd.Series, order: pd.Index | None = None) -> pd.Series:
    """Return labels as categories, as they come first in `order`."""
    first = labels if order is None else labels[order]
    return pd.Series(pd.Categorical(labels, list(dict.fromkeys(first))), index=labels.index)


def _shown(plan: TrialPlan, rules: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the panels on the scale of the main analysis, with what each is."""
    scale = measured_in(str(plan.outcomes["delta_f"].aggregation))
    names = [name for _, name in _panels(plan)]
    rows = contrasts[(contrasts["measured_in"] == scale) & contrasts["contrast_or_level"].isin(names)]
    rows = rows.astype(dict.fromkeys(("estimate", "ci_lower", "ci_upper"), float))
    way = rows["aggregation"].str.replace("_over_passing_controls", " of controls").str.replace("_", " ")
    return rows.join(choices(rules), on="rule").assign(**{_AGGREGATION: _ordered(way)})


def _panels(plan: TrialPlan) -> dict[tuple[str | None, str], tuple[str, str]]:
    """Return title and condition of each panel, by experiment and contrast; without contrasts, condition."""
    panels = {
        (experiment, contrast_name(*pair)): (contrast_label(plan, *pair), pair[0])
        for experiment, *pair in delta_f_contrasts(plan)
    } or {
        (experiment, condition): (plan.conditions[condition], condition)
        for experiment in plan.experiments_with(plan.task)
        for condition in plan.conditions_of(experiment)
    }
    return {
        (experiment, name): (f"{plan.experiments[experiment].label}\n{title}" if experiment else title, of)
        for (experiment, name), (title, of) in panels.items()
    }


def _draw_panel(above: Axes, below: Axes, rows: pd.DataFrame, main: pd.DataFrame, colour: str) -> None:
    """Draw the analyses of the grid, and the main one in its place among them."""
    varied = rows[rows["rule"] != MAIN].sort_values("estimate", kind="stable", ignore_index=True)
    found = int(varied["estimate"].notna().sum())
    there, missing = varied.iloc[:found], varied.iloc[found:]
    above.vlines(there.index, there["ci_lower"], there["ci_upper"], color=colour, lw=0.5, alpha=0.35)
    above.plot(there.index, there["estimate"], "o", color=colour, ms=1.6, mew=0)
    _draw_choices(below, there.index, there, colour)
    _draw_choices(below, missing.index + _GAP, missing, "0.6")
    if found == 0:
        above.text(0.5, 0.5, "Not estimable", ha="center", va="center", transform=above.transAxes)
    elif len(missing):
        middle = float(missing.index.to_numpy().mean()) + _GAP
        words = above.text(middle, 0.02, "not estimable", transform=above.get_xaxis_transform())
        words.set(rotation=90, ha="center", va="bottom", color="0.4", fontsize=7)
    for row in main.dropna(subset=["estimate"]).itertuples():
        # A rule of the grid that is the main one again has the same place.
        place = int((there["estimate"] < row.estimate - 1e-9).sum())
        for axes in (above, below):
            axes.axvline(place, color="black", lw=0.6, ls=(0, (1, 2)), zorder=0)
        above.plot([place] * 2, [row.ci_lower, row.ci_upper], color="black", lw=1.4, zorder=3)
        above.plot(place, row.estimate, "D", color="black", ms=5, mec="white", mew=0.6, zorder=4)
        _draw_choices(below, np.array([place]), main, "black", lw=1.8)
    above.set_xlim(-_GAP, len(varied) + 2 * _GAP)
    above.spines["bottom"].set_visible(False)
    above.tick_params(axis="x", length=0)


def _span(plan: TrialPlan, shown: pd.DataFrame) -> tuple[float, float]:
    """Return the range of the upper panels: all estimates, the main interval and nearly all others."""
    main = main_analysis(plan, shown)
    low = shown["ci_lower"].quantile(0.02, interpolation="higher")
    high = shown["ci_upper"].quantile(0.98, interpolation="lower")
    reach = _REACH * (high - low)
    low, high = max(low - reach, shown["ci_lower"].min()), min(high + reach, shown["ci_upper"].max())
    ends = [low, high, *shown["estimate"], *main["ci_lower"], *main["ci_upper"]]
    ends = [end for end in ends if np.isfinite(end)] or [0.0]
    if delta_f_contrasts(plan):
        ends.append(0.0)
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def _cut_intervals(above: Axes, rows: pd.DataFrame, span: tuple[float, float]) -> None:
    """Limit the panel, and mark with a triangle where an interval goes on."""
    ordered = rows[rows["rule"] != MAIN].sort_values("estimate", kind="stable")
    ends = {"v": (0.01, ordered["ci_lower"] < span[0]), "^": (0.99, ordered["ci_upper"] > span[1])}
    for marker, (height, cut) in ends.items():
        places = np.flatnonzero(cut)
        heights, transform = np.full(places.size, height), above.get_xaxis_transform()
        above.plot(places, heights, marker, color="0.35", ms=3, mew=0, transform=transform)
    above.set_ylim(span)


def _legend(figure: Figure, axes: Axes, compared: bool) -> None:
    """Put the legend below: any place inside the panels may be taken by an interval."""
    handles = [
        axes.plot(
            [], [], "o-", color="0.35", ms=1.6, lw=0.5, label="analysis, 95 % CI" if compared else "analysis"
        )[0],
        axes.plot([], [], "D-", color="black", ms=5, mec="white", lw=1.4, label="main analysis")[0],
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=7.5)


def _lines(rows: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the line of each choice, by kind of choice and its name; a heading's name is empty."""
    names = [
        (kind, name)
        for kind in (column for column in rows if rows[column].dtype == "category")
        for name in ("", *rows[kind].cat.categories)
    ]
    return {name: line for line, name in enumerate(names)}


def _draw_choices(axes: Axes, places: np.ndarray, rows: pd.DataFrame, colour: str, lw: float = 0.6) -> None:
    for (kind, name), line in _lines(rows).items():
        chosen = np.asarray(places)[(rows[kind] == name).to_numpy(bool)]
        axes.vlines(chosen, line - 0.4, line + 0.4, color=colour, lw=lw)


def _label_choices(axes: Axes, lines: dict[tuple[str, str], int]) -> None:
    axes.set_yticks(list(lines.values()), [name or kind for kind, name in lines], fontsize=7.5)
    for tick, (_, name) in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("normal" if name else "bold")
    axes.set_ylim(len(lines) - 0.5, -0.5)


def _found(
    plan: TrialPlan, summary: pd.DataFrame, experiment: str | None, contrast: str, scale: str
) -> Shown:
    """Write what the analyses of one contrast came to."""
    here = rows_of(summary, experiment)
    row = here[(here["contrast"] == contrast) & (here["measured_in"] == scale)].iloc[0]
    of_ard = Results(multiverse_results(plan, summary, _NO_ROWS, ""))
    key = (of_part(MULTIVERSE, experiment), "delta_f", f"{contrast}, {scale}")
    if row["n_estimated"] == 0:
        return "no estimate in " + of_ard.count(*key, "n_analyses") + " analyses."
    main = "not estimable"
    if pd.notna(row["main_estimate"]):
        shown = with_interval(row["main_estimate"], row["main_ci_lower"], row["main_ci_upper"], unit=scale)
        main = f"{shown}, {count(row['n_below_main'], 'estimate')} lower"
    least = count(row["least_participants"], "participant")
    return (
        "estimates of "
        + of_ard.count(*key, "n_estimated")
        + " of "
        + of_ard.count(*key, "n_analyses")
        + " analyses, from at least "
        + Shown(least, (_TABLE,))
        + ", range from "
        + of_ard.written(interval, *key, "lowest", "highest")
        + f" {scale}, median "
        + of_ard.number(*key, "median")
        + "; "
        + of_ard.count(*key, "n_below_zero")
        + " intervals lie below and "
        + of_ard.count(*key, "n_above_zero")
        + " above 0; main analysis "
        + Shown(main, (_TABLE,))
        + "."
    )
