"""The figure of all VibStim outcomes: every participant in every condition; and its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import count
from pictrial.reporting.shown import Shown
from pictrial.trial.plan import TrialPlan, schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 165.0  # mm
#: Panels, row by row: outcome and label of its axis.
PANELS = (
    ("torque_before_nmes", "Before NMES (% MVC)"),
    ("torque_vibration", "End of vibration (% MVC)"),
    ("torque_rise", "Rise (% MVC)"),
    ("torque_sustained", "After vibration (% MVC)"),
    ("emg_before_nmes", "EMG before NMES (%)"),
    ("emg_nmes", "EMG between pulses (%)"),
    ("emg_vibration", "EMG, end of vibration (%)"),
    ("emg_sustained", "EMG after vibration (%)"),
    ("evoked_torque", "Evoked by NMES (% MVC)"),
    ("sustained_duration", "Sustained for (s)"),
    ("responder", "Responders (participants)"),
)


class _Group(NamedTuple):
    """Places on the axis, participants and conditions of an experiment or arm."""

    places: np.ndarray
    people: list[str]
    conditions: list[str]


def draw_vibstim(plan: TrialPlan, outcomes: pd.DataFrame) -> Figure:
    """Draw every outcome: each participant's value in each condition, joined by a line.

    Open points had no EMG above rest (0), triangles were still sustained when the recording ended. Of
    responders, each participant is a row, filled where they responded.

    Parameters
    ----------
    plan : TrialPlan
    outcomes : DataFrame
        Schema ``vibstim_outcomes``.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    rows, groups = outcomes.merge(schedule(plan), on=["participant", "session"]), _groups(plan)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), layout="constrained")
        panels = figure.subplots(3, 4).ravel()
        for axes, (outcome, label) in zip(panels, PANELS, strict=False):
            shown = rows[(rows["outcome"] == outcome) & rows["value"].notna()]
            for group in groups:
                draw = _draw_responders if outcome == "responder" else _draw_values
                draw(axes, plan, shown, group)
            axes.set_ylabel(label)
            positions = np.concatenate([group.places for group in groups])
            labels = [plan.conditions[name] for group in groups for name in group.conditions]
            axes.set_xlim(-0.5, positions[-1] + 0.5)
            turned: dict = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
            axes.set_xticks(positions, labels, **turned)
        _draw_key(panels[-1], plan)
    return figure


def vibstim_caption(plan: TrialPlan, outcomes: pd.DataFrame) -> list[Shown]:
    """Return the paragraphs of the caption of `draw_vibstim`."""
    measured = outcomes[outcomes["value"].notna()]
    sessions = measured[["participant", "session"]].drop_duplicates()
    marked = outcomes["quality"].value_counts()
    source = ("table:vibstim/outcomes",)
    title = (
        f"**{plan.title}: torque and EMG under tendon vibration and electrical stimulation (VibStim).** "
        f"n = {count(sessions['participant'].nunique(), 'participant')}, "
        f"{count(len(sessions), 'recording')}."
    )
    marks = (
        f"{_from_left(plan)}Each line joins the values of one participant. Torque is above rest; the rise is "
        "that at the end of vibration less that before NMES. EMG is the RMS above rest in per cent of that "
        "in the maximal contraction. Open points: no EMG above rest "
        f"({count(marked.get('below_rest', 0), 'value')}); triangles: torque was still sustained "
        "when the recording ended "
        f"({count(marked.get('censored', 0), 'value')}). Responders: one row per participant. "
        f"{count(outcomes['excluded'].notna().sum(), 'value')} could not be measured; "
        "``analysis/exclusions.tsv`` says why."
    )
    return [Shown(title, source), Shown(marks, source)]


def _from_left(plan: TrialPlan) -> str:
    labels = [plan.experiments[one].label for one in plan.experiments_with(plan.vibstim_task) if one]
    return f"From left to right: {'; '.join(labels)}. " if labels else ""


def _groups(plan: TrialPlan) -> list[_Group]:
    """Return places, participants and conditions of each experiment; arms share no participant, either."""
    experiments = plan.experiments_with(plan.vibstim_task)
    parts = [(plan.sequences_of(one), plan.conditions_of(one)) for one in experiments]
    if plan.baseline:
        parts = [([arm], list(conditions)) for arm, conditions in plan.sequences.items()]
    groups, place = [], 0.0
    for sequences, conditions in parts:
        people = sorted(name for name, sequence in plan.participants.items() if sequence in sequences)
        groups.append(_Group(place + np.arange(len(conditions)), people, conditions))
        place += len(conditions) + 0.4
    return groups


def _by_participant(shown: pd.DataFrame, column: str, group: _Group) -> pd.DataFrame:
    """Return participants × conditions, NaN where there is no value."""
    table = shown.pivot_table(index="participant", columns="condition", values=column, aggfunc="first")
    return table.reindex(index=group.people, columns=group.conditions)


def _colour(plan: TrialPlan, condition: str) -> str:
    return COLOURS[list(plan.conditions).index(condition)]


def _draw_values(axes: Axes, plan: TrialPlan, shown: pd.DataFrame, group: _Group) -> None:
    values = _by_participant(shown, "value", group).astype(float)
    quality = _by_participant(shown.fillna({"quality": ""}), "quality", group)
    beside = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(1)
    for participant, offset in zip(values.index, beside, strict=True):
        axes.plot(group.places + offset, values.loc[participant], color="0.6", lw=0.6, zorder=1)
    for place, condition in zip(group.places, group.conditions, strict=True):
        for mark, style in _marks(_colour(plan, condition)).items():
            here = (quality[condition] == mark).to_numpy()
            axes.scatter(place + beside[here], values[condition][here], zorder=2, **style)
    axes.axhline(0, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)


def _draw_responders(axes: Axes, plan: TrialPlan, shown: pd.DataFrame, group: _Group) -> None:
    values = _by_participant(shown, "value", group).astype(float).to_numpy()
    order = np.argsort(-np.nansum(values, axis=1), kind="stable")
    for place, condition, column in zip(group.places, group.conditions, values[order].T, strict=True):
        for row in np.flatnonzero(~np.isnan(column)):
            style = _marks(_colour(plan, condition))["" if column[row] else "below_rest"]
            axes.scatter(place, row + 1, **style)
    most = max(len(values), round(axes.get_ylim()[1] - 0.8))  # of the groups so far
    axes.set_ylim(0.2, most + 0.8)
    axes.set_yticks(range(1, most + 1, max(1, most // 6)))


def _marks(colour: str) -> dict[str, dict]:
    """Return how values are drawn, by their quality."""
    filled = {"color": colour, "ec": "white", "lw": 0.5}
    return {
        "": {"s": 20, **filled},
        "censored": {"s": 26, "marker": "^", **filled},
        "below_rest": {"s": 14, "facecolors": "white", "edgecolors": colour, "lw": 0.8},
    }


def _draw_key(axes: Axes, plan: TrialPlan) -> None:
    axes.set_axis_off()
    marks = _marks("0.35")
    names = {"": "value", "below_rest": "no EMG above rest;\nno responder", "censored": "at least so long"}
    handles: list = [axes.scatter([], [], label=name, **marks[mark]) for mark, name in names.items()]
    handles.append(axes.plot([], [], color="0.6", lw=0.6, label="one participant")[0])
    axes.legend(handles=handles, loc="center left", frameon=False, fontsize=7.5)
