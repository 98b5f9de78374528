"""The page of diagnostics of one fitted mixed model, and its caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pictrial.reporting.figures import COLOURS, STYLE, WIDTH, wrapped
from pictrial.reporting.numbers import MINUS, count, decimal, p_value
from pictrial.reporting.planned import analysis_label, lower
from pictrial.statistics.diagnostics import (
    diagnostics_summary,
    normal_band,
    normal_quantiles,
    residual_deviations,
)
from pictrial.trial.plan import TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 184.0  # mm
#: Conditions differ by colour and by marker.
_MARKERS = "os^DvP"
#: With more participants than this only those who change the contrast most are named.
_MOST_NAMES = 12
_NAMED = 3
_LINE: Any = {"color": "0.5", "lw": 0.6, "ls": (0, (4, 3)), "zorder": 0}


def draw_diagnostics(
    title: str,
    unit: str,
    conditions: Mapping[str, str],
    observations: pd.DataFrame,
    random_effects: pd.DataFrame,
    whole: pd.DataFrame,
    without: pd.DataFrame,
) -> Figure:
    """Draw residuals, random effects and influence of participants of one fit on one page.

    Parameters
    ----------
    title : str
    unit : str
        Of the response.
    conditions : mapping of str to str
        Label of every condition, in the order of the plan.
    observations : DataFrame
        Of `pictrial.statistics.diagnostics.observation_diagnostics`.
    random_effects : DataFrame
        Of `pictrial.statistics.diagnostics.random_effect_diagnostics`.
    whole, without : DataFrame
        Planned contrasts of all participants, and without each of them: ``whole`` and ``contrasts`` of
        `pictrial.statistics.influence.participant_influence`.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    terms: list[Any] = list(random_effects.groupby(["group", "effect"], sort=False))
    with matplotlib.rc_context(STYLE):
        # Laid out at the resolution at which it is saved: letters are wider at a lower one.
        figure = Figure((WIDTH / 25.4, _HEIGHT / 25.4), STYLE["savefig.dpi"], layout="constrained")
        figure.suptitle(title, fontsize=9, fontweight="bold")
        parts: Any = figure.subfigures(3, 1, height_ratios=(1.2, 1, 1.1))
        above, middle, below = parts
        first, second, third = above.subplots(1, 3)
        _draw_residuals(first, second, third, unit, conditions, observations)
        effects = middle.subplots(1, len(terms), squeeze=False)[0]
        for axes, ((group, effect), rows) in zip(effects, terms, strict=True):
            _draw_quantiles(axes, rows["standardised_blup"].to_numpy(float), "0.2", 3)
            axes.set_title(_term(group, effect, len(rows)), loc="right", fontsize=7.5)
            axes.set_xlabel("Normal quantile")
        effects[0].set_ylabel("Standardised effect")
        last = below.subplots(1, 1 + len(whole), squeeze=False)[0]
        _draw_deviations(last[0], unit, conditions, observations)
        for axes, contrast in zip(last[1:], whole.to_dict("records"), strict=True):
            _draw_influence(axes, conditions, contrast, without)
        if len(whole):
            last[1].set_ylabel(f"Difference ({unit})")
        for letter, axes in zip("ABCDEFGHIJKLMNOP", [first, second, third, *effects, *last], strict=False):
            axes.set_title(letter, loc="left", fontweight="bold", fontsize=10)
    return figure


def diagnostics_title(plan: TrialPlan, analysis: str) -> str:
    """Return the outcome and the analysis that a page is of, once where both have one name."""
    outcome, name = plan.outcomes[plan.analyses[analysis].outcome].label, analysis_label(plan, analysis)
    return name if lower(outcome) in lower(name) else f"{outcome}: {lower(name)}"


def draw_no_model(title: str, reason: str) -> Figure:
    """Draw a page that says why there is no model to look at."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH / 25.4, 40 / 25.4), STYLE["savefig.dpi"])
        figure.suptitle(title, fontsize=9, fontweight="bold")
        figure.text(0.5, 0.45, wrapped(f"No model: {reason}.", 90), ha="center", va="center")
    return figure


def diagnostics_caption(
    title: str, conditions: Mapping[str, str], observations: pd.DataFrame, without: pd.DataFrame
) -> str:
    """Write the caption of `draw_diagnostics` in reStructuredText.

    Parameters
    ----------
    title, conditions, observations, without
        As `draw_diagnostics`.
    """
    numbers = diagnostics_summary(observations)
    table = residual_deviations(observations).set_index("level")
    deviations = ", ".join(
        f"{label} {decimal(table.loc[level, 'residual_standard_deviation'])}"
        for level, label in conditions.items()
        if level in table.index
    )
    return (
        f"**{title}: diagnostics of the model.** Look at shapes, not for a verdict: no P decides whether "
        "residuals are normal.\n\n"
        "First row: residuals against fitted values (a bend means that the mean is wrong; a straight rise is "
        "expected, because random effects are shrunk towards zero), their normal quantiles (heavy tails bend "
        "away from the line; the band holds each point in 95 % of samples, so that about one in 20 lies "
        "outside), and the root of their size against fitted values (a slope means that the variance changes "
        f"with the mean). {count(numbers['n_observations'], 'observation')}, "
        f"skewness {decimal(numbers['residual_skewness'])}, excess kurtosis "
        f"{decimal(numbers['residual_excess_kurtosis'])}, rank correlation of size and fitted value "
        f"{decimal(numbers['spearman_absolute_residual_fitted'])}, "
        f"{count(numbers['n_beyond_3_sd'], 'residual')} beyond 3 SD.\n\n"
        "Second row: the same band for the random effects of each term; a point far out is a participant, "
        "a participant's response or a motor unit unlike the others.\n\n"
        "Third row: residual SD by condition with rough 95 % intervals "
        f"({deviations}; largest over smallest {decimal(numbers['largest_residual_sd_ratio'])}), and each "
        "contrast with its 95 % confidence interval without each participant; the line and the band are the "
        f"contrast of all participants, a cross is one without an estimate. "
        f"{_influence(conditions, without)}\n"
    )


def _draw_residuals(
    first: Axes, second: Axes, third: Axes, unit: str, conditions: Mapping[str, str], rows: pd.DataFrame
) -> None:
    # Smaller points where there are more.
    size = float(np.clip(1600 / len(rows), 3, 14))
    roots = rows.assign(root=np.sqrt(rows["standardised_residual"].abs()))
    for level, label in conditions.items():
        there = roots[roots["level"] == level]
        if there.empty:  # a condition of another experiment
            continue
        for axes, column in ((first, "residual"), (third, "root")):
            axes.scatter(
                there["fitted"],
                there[column],
                s=size,
                alpha=0.6,
                lw=0,
                label=label,
                **_style(conditions, level),
            )
    first.axhline(0, **_LINE)
    for axes, column in ((first, "residual"), (third, "root")):
        _draw_trend(axes, roots["fitted"], roots[column])
        axes.set_xlabel(f"Fitted ({unit})")
    first.set_ylabel(f"Residual ({unit})")
    third.set_ylabel("√ |std. residual|")
    third.set_ylim(bottom=0)
    _draw_quantiles(second, rows["standardised_residual"].to_numpy(float), "0.2", np.sqrt(size))
    second.set_xlabel("Normal quantile")
    second.set_ylabel("Standardised residual")
    first.figure.legend(
        *first.get_legend_handles_labels(),
        loc="outside upper center",
        ncols=int(roots["level"].nunique()),
        frameon=False,
        markerscale=np.sqrt(24 / size),
    )


def _draw_trend(axes: Axes, x: pd.Series, y: pd.Series) -> None:
    from statsmodels.nonparametric.smoothers_lowess import lowess

    if y.notna().sum() >= 10:
        axes.plot(*lowess(y, x).T, color="black", lw=1.2)


def _draw_quantiles(axes: Axes, values: np.ndarray, colour: str, size: float) -> None:
    """Draw standardised values against normal quantiles, with their band."""
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        axes.text(0.5, 0.5, "variance\nestimated as zero", ha="center", va="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    quantiles = normal_quantiles(values)
    axes.fill_between(quantiles, *normal_band(len(values)), color="0.88", lw=0, zorder=0)
    axes.plot(quantiles, quantiles, **_LINE)
    axes.plot(quantiles, values, "o", color=colour, ms=size, mew=0, alpha=0.8)


def _draw_deviations(axes: Axes, unit: str, conditions: Mapping[str, str], rows: pd.DataFrame) -> None:
    table = residual_deviations(rows).set_index("level")
    shown = [level for level in conditions if level in table.index]
    for place, level in enumerate(shown):
        row, style = table.loc[level], _style(conditions, level)
        axes.plot([place] * 2, [row["ci_lower"], row["ci_upper"]], color=style["color"], lw=1.6)
        axes.plot(place, row["residual_standard_deviation"], ms=6, mec="white", mew=0.6, **style)
    axes.set_xticks(range(len(shown)), [conditions[level] for level in shown], rotation=30, ha="right")
    axes.set_xlim(-0.5, len(shown) - 0.5)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"Residual SD ({unit})")


def _draw_influence(axes: Axes, conditions: Mapping[str, str], contrast: dict, without: pd.DataFrame) -> None:
    rows = _of_contrast(without, contrast)
    places, colour = np.arange(len(rows)), _style(conditions, contrast["level"])["color"]
    axes.axhspan(contrast["ci_lower"], contrast["ci_upper"], color="0.92", lw=0, zorder=0)
    axes.axhline(contrast["estimate"], color="black", lw=0.8)
    axes.vlines(places, rows["ci_lower"], rows["ci_upper"], color=colour, lw=1.0, alpha=0.45)
    axes.plot(places, rows["estimate"], "o", color=colour, ms=4 if len(rows) < 40 else 2.2, mew=0)
    low, high = axes.get_ylim()
    if low - (high - low) < 0 < high + (high - low):  # further off, it would squeeze the rest
        axes.axhline(0, **_LINE)
    lost = places[rows["estimate"].isna()]
    axes.plot(lost, np.full(len(lost), 0.03), "x", color="0.35", ms=4, transform=axes.get_xaxis_transform())
    named = places if len(rows) <= _MOST_NAMES else _most_influential(rows)
    axes.set_xticks(named, rows["without"].iloc[named], rotation=90 if len(rows) > 6 else 0, fontsize=7)
    axes.set_xlabel("Without participant")
    axes.set_title(_contrast(conditions, contrast), loc="right", fontsize=7.5)


def _most_influential(rows: pd.DataFrame) -> np.ndarray:
    """Return the places of those who change the contrast most, without those next to one named."""
    named: list[int] = []
    for place in np.argsort(-rows["estimate_change"].abs().fillna(-1).to_numpy(), kind="stable"):
        if len(named) < _NAMED and all(abs(place - other) > len(rows) / 12 for other in named):
            named.append(int(place))
    return np.array(named, int)


def _influence(conditions: Mapping[str, str], without: pd.DataFrame) -> str:
    """Write whose absence changes each contrast most, and between what P lies."""
    parts = []
    for contrast in without[["level", "minus"]].drop_duplicates().to_dict("records"):
        rows = _of_contrast(without, contrast).dropna(subset=["estimate"])
        shown = _contrast(conditions, contrast)
        if rows.empty:
            parts.append(f"{shown}: not estimable without any of them.")
            continue
        most = rows.loc[rows["estimate_change"].abs().idxmax()]
        parts.append(
            f"{shown}: most by {decimal(most['estimate_change'], signed=True)} without {most['without']} "
            f"({decimal(most['standardised_change'], signed=True)} standard errors); P from "
            f"{p_value(rows['p'].min())} to {p_value(rows['p'].max())}."
        )
    return " ".join(parts)


def _of_contrast(without: pd.DataFrame, contrast: dict) -> pd.DataFrame:
    same = (without["level"] == contrast["level"]) & (without["minus"] == contrast["minus"])
    return without[same].reset_index(drop=True)


def _contrast(conditions: Mapping[str, str], contrast: dict) -> str:
    return f"{conditions[contrast['level']]} {MINUS} {lower(conditions[contrast['minus']])}"


def _term(group: str, effect: str, n: int) -> str:
    named = group.replace(":", " × ")
    return f"{named} (n = {n})" if effect == "(Intercept)" else f"{effect} by {named} (n = {n})"


def _style(conditions: Mapping[str, str], level: str) -> dict[str, Any]:
    index = list(conditions).index(level)
    return {"color": COLOURS[index % len(COLOURS)], "marker": _MARKERS[index % len(_MARKERS)]}
