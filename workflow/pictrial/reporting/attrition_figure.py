"""The figure of attrition, each loss by its name, and its caption."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pictrial.motor_units.delta_f import CRITERIA
from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import count, p_value, with_interval
from pictrial.reporting.planned import contrast_label, of_experiment
from pictrial.reporting.shown import Shown
from pictrial.statistics.analysis_results import ALL, contrast_name
from pictrial.statistics.differential_loss import LOST_UNITS, STAGES, compared_conditions
from pictrial.statistics.multiverse import of_experiment as rows_of
from pictrial.trial.attrition import stage_counts
from pictrial.trial.plan import TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_HEIGHT, _OF_SEVERAL = 130.0, 102.0  # mm, of a trial and of each of its experiments
#: What is kept by the stages of motor units, and how it is called here.
_KEPT = {
    "accepted": "accepted",
    "tracking": "after tracking",
    "usable_rate": "with a rate",
    "test_units": "with a ΔF",
    "every_session": "in every session",
}
#: What is compared between conditions, and how it is called in the caption.
_COMPARED = dict(
    zip(
        STAGES,
        (
            "motor units found by decomposition",
            "motor units found after tracking",
            "test units with a ΔF",
            "motor units of every session with a ΔF",
            "pairs that passed",
        ),
        strict=True,
    )
)


def draw_attrition(plan: TrialPlan, attrition: pd.DataFrame) -> Figure:
    """Draw the attrition of a trial, of each of its experiments apart.

    A: motor units from candidates to test units, and those found in every session. B: ordered pairs that are
    left after each criterion. A thin line is one participant in one condition; the thick one is the mean of
    the condition. C: motor units lost or gained, in per cent of those that entered the stage, by reason; a
    point is a session, the upright stroke the mean of its condition.

    Parameters
    ----------
    plan : TrialPlan
    attrition : DataFrame
        Schema ``attrition``.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    experiments = plan.experiments_with(plan.task)
    height = _HEIGHT if len(experiments) == 1 else _OF_SEVERAL * len(experiments)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 25.4, height / 25.4), layout="constrained")
        parts: Any = figure.subfigures(len(experiments), 1, squeeze=False)
        for row, (part, experiment) in enumerate(zip(parts[:, 0], experiments, strict=True)):
            if experiment:
                part.suptitle(plan.experiments[experiment].label, fontsize=9, fontweight="bold")
            _draw_part(part, plan, _of(plan, attrition, experiment), ascii_uppercase[3 * row :])
    return figure


def _draw_part(figure: SubFigure, plan: TrialPlan, attrition: pd.DataFrame, letters: str) -> None:
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1))
    panels = [
        figure.add_subplot(grid[0, 0]),
        figure.add_subplot(grid[1, 0]),
        figure.add_subplot(grid[:, 1]),
    ]
    # Units in every session are counted apart: they need not have a ΔF.
    _draw_flow(panels[0], plan, unit_flow(attrition), "Motor units", n_apart=1)
    _draw_flow(panels[1], plan, pair_flow(attrition), "Ordered pairs left", n_apart=0)
    panels[0].legend(loc="upper right", frameon=False, fontsize=7.5, borderaxespad=0.2)
    _draw_losses(panels[2], plan, loss_shares(attrition))
    for axes, letter in zip(panels, letters, strict=False):
        axes.set_title(letter, loc="left", fontweight="bold", fontsize=10)


def _of(plan: TrialPlan, attrition: pd.DataFrame, experiment: str | None) -> pd.DataFrame:
    """Return the rows of an experiment's participants; all where the trial has no experiments."""
    people = [name for name in plan.participants if plan.experiment_of(name) == experiment]
    return attrition[attrition["participant"].isin(people)]


def attrition_caption(plan: TrialPlan, attrition: pd.DataFrame, losses: pd.DataFrame) -> list[Shown]:
    """Return the paragraphs of the caption of `draw_attrition`.

    Parameters
    ----------
    losses : DataFrame
        Schema ``differential_loss``.
    """
    experiments, sessions = plan.experiments_with(plan.task), stage_counts(attrition, "recordings")
    missing = attrition[(attrition["stage"] == "recordings") & (attrition["n_lost"] > 0)]
    named = "; ".join(
        f"participant {row.participant}, session {row.session}: {row.reason}" for row in missing.itertuples()
    )
    counted = [
        of_experiment(plan, experiment) + _condition(plan, attrition, experiment, condition)
        for experiment in experiments
        for condition in plan.conditions_of(experiment)
    ]
    letters = [ascii_uppercase[first : first + 3] for first in range(0, 3 * len(experiments), 3)]
    first, second, third = (", ".join(one) for one in zip(*letters, strict=True))
    kept = (
        f"**{plan.title}: attrition.** {count(sessions['n_kept'].sum(), 'session')} of "
        f"{sessions['n_in'].sum()} planned took place{f' (missing: {named})' if named else ''}. "
        f"{'. '.join(counted)}."
    )
    panels = (
        f"**{first}** Motor units of each session, from the candidates of the decomposition to those with a "
        f"ΔF, and apart those found in every session of the participant. **{second}** Ordered pairs left "
        "after each criterion. Thin lines are participants in one condition, thick ones its mean. "
        f"**{third}** Motor units lost (or gained) by reason, in per cent of those that entered the stage; "
        "points are sessions, strokes the mean of the condition. A unit without ΔF has the criterion that "
        "failed with the control that came furthest."
    )
    tested = f"Differential loss, permutation within participants, P not adjusted. {_losses(plan, losses)}"
    return [
        Shown(kept, ("table:analysis/attrition",)),
        Shown(panels),
        Shown(tested, ("table:statistics/differential_loss",)),
    ]


def _condition(plan: TrialPlan, attrition: pd.DataFrame, experiment: str | None, condition: str) -> str:
    there = _of(plan, attrition, experiment)
    there = there[there["condition"] == condition]
    units = unit_flow(there).sum()
    pairs = pair_flow(there).sum()
    passed = f"{pairs.iloc[-1]:.0f} of {pairs.iloc[0]:.0f} pairs passed"
    numbers = [f"{units['candidates']:.0f} candidates"]
    numbers += [f"{units[name]:.0f} {name}" for name in _KEPT.values()]
    return f"{plan.conditions[condition]}: {', '.join(numbers)}; {passed}"


def _losses(plan: TrialPlan, losses: pd.DataFrame) -> str:
    if plan.no_comparison:
        return plan.no_comparison
    if losses["p_value"].isna().all():
        return f"{losses['warning'].iloc[0].capitalize()}."
    return " ".join(
        of_experiment(plan, experiment) + _tests(plan, experiment, rows_of(losses, experiment))
        for experiment in plan.experiments_with(plan.task)
    )


def _tests(plan: TrialPlan, experiment: str | None, losses: pd.DataFrame) -> str:
    numbers = dict.fromkeys(("estimate", "ci_lower", "ci_upper", "p_value"), float)
    found = losses.astype(numbers).set_index(["stage", "contrast"])
    parts = [
        f"{name}: P = {p_value(found.loc[(stage, ALL), 'p_value'])}" for stage, name in _COMPARED.items()
    ]
    text = f"Shares kept, all conditions: {'; '.join(parts)}."
    for level in compared_conditions(plan, experiment):
        row = found.loc[(LOST_UNITS, contrast_name(level, plan.reference))]
        shown = with_interval(row["estimate"], row["ci_lower"], row["ci_upper"], unit="pps")
        lost = count(row["n_lost"], "unit")
        what = f"{shown}, P = {p_value(row['p_value'])}" if pd.notna(row["estimate"]) else row["warning"]
        text += (
            f" {contrast_label(plan, level, plan.reference)}: {lost} with a ΔF in the "
            f"reference lost, {row['n_kept']} kept; lost − kept, ΔF in the reference: {what}."
        )
    return text


def unit_flow(attrition: pd.DataFrame) -> pd.DataFrame:
    """Return motor units, sessions (participant, condition, session) by what they are after each stage."""
    flow = {"candidates": _by_session(attrition, "accepted")["n_in"]}
    return pd.DataFrame(
        flow | {name: _by_session(attrition, stage)["n_kept"] for stage, name in _KEPT.items()}
    )


def pair_flow(attrition: pd.DataFrame) -> pd.DataFrame:
    """Return ordered pairs, sessions by criterion: how many are left after it, in the order of judgement.

    Criteria that no pair failed first are left out.
    """
    lost = attrition[(attrition["stage"] == "passing_pairs") & attrition["reason"].notna()]
    failed = [name for name in CRITERIA if name in set(lost["reason"])]
    left = _by_session(attrition, "passing_pairs")["n_in"]
    flow = {"all": left}
    for name in failed:
        of_reason = lost[lost["reason"] == name].set_index(["participant", "condition", "session"])["n_lost"]
        left = left - of_reason.reindex(left.index, fill_value=0)
        flow[name.replace("_", " ")] = left
    return pd.DataFrame(flow)


def loss_shares(attrition: pd.DataFrame) -> pd.DataFrame:
    """Return motor units lost or gained, in percent of those that entered, sessions by stage and reason."""
    shown = {"accepted": "candidate", "tracking": "tracking", "usable_rate": "rate", "test_units": "no ΔF"}
    shares = {}
    for stage, name in (shown | {"every_session": "sessions"}).items():
        rows = attrition[attrition["stage"] == stage]
        entered = _by_session(attrition, stage)["n_in"].astype(float).replace(0, np.nan)
        for reason, of_reason in rows.dropna(subset=["reason"]).groupby("reason"):
            index = of_reason.set_index(["participant", "condition", "session"])
            number = (index["n_lost"] + index["n_gained"]).reindex(entered.index, fill_value=0)
            called = "gained" if index["n_gained"].any() else str(reason).replace("_", " ")
            shares[f"{name}: {called}"] = 100 * number / entered
    return pd.DataFrame(shares, dtype=float)


def _by_session(attrition: pd.DataFrame, stage: str) -> pd.DataFrame:
    return stage_counts(attrition, stage).set_index(["participant", "condition", "session"])


def _draw_flow(axes: Axes, plan: TrialPlan, flow: pd.DataFrame, label: str, n_apart: int) -> None:
    """Draw the columns of `flow` in order, joined but for the last `n_apart`."""
    positions = np.arange(float(flow.shape[1]))
    positions[flow.shape[1] - n_apart :] += 0.4
    joined = slice(None, flow.shape[1] - n_apart)
    beside = np.linspace(-0.12, 0.12, len(plan.conditions)) if len(plan.conditions) > 1 else np.zeros(1)
    for colour, offset, (condition, name) in zip(COLOURS, beside, plan.conditions.items(), strict=False):
        rows = flow[flow.index.get_level_values("condition") == condition].to_numpy(float)
        for row in rows:
            axes.plot((positions + offset)[joined], row[joined], color=colour, lw=0.5, alpha=0.6)
            axes.plot(positions + offset, row, "o", color=colour, ms=2, mew=0, alpha=0.6)
        if len(rows):
            mean = rows.mean(axis=0)
            axes.plot((positions + offset)[joined], mean[joined], color=colour, lw=1.6, label=name)
            axes.plot(
                (positions + offset)[joined.stop :], mean[joined.stop :], "_", color=colour, ms=6, mew=1.6
            )
    axes.set_xticks(positions, list(flow.columns), fontsize=7.5)
    axes.tick_params(axis="x", labelrotation=35)
    for tick in axes.get_xticklabels():
        tick.set(ha="right", rotation_mode="anchor")
    axes.set_ylabel(label)
    axes.set_ylim(bottom=0)


def _draw_losses(axes: Axes, plan: TrialPlan, shares: pd.DataFrame) -> None:
    beside = np.linspace(-0.25, 0.25, len(plan.conditions)) if len(plan.conditions) > 1 else np.zeros(1)
    for line, reason in enumerate(shares):
        for colour, offset, condition in zip(COLOURS, beside, plan.conditions, strict=False):
            there = shares.index.get_level_values("condition") == condition
            values = shares.loc[there, reason].dropna().to_numpy(float)
            axes.scatter(values, np.full(len(values), line + offset), s=7, color=colour, alpha=0.6, lw=0)
            if len(values):
                axes.plot(values.mean(), line + offset, "|", color=colour, ms=6, mew=1.6)
    for line in range(1, shares.shape[1]):
        axes.axhline(line - 0.5, color="0.9", lw=0.5, zorder=0)
    axes.set_yticks(range(shares.shape[1]), list(shares.columns), fontsize=7.5)
    axes.set_ylim(max(shares.shape[1], 1) - 0.5, -0.5)
    axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    axes.set_xlabel("Lost or gained, % of entered")
