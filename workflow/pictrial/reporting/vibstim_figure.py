"""The figure of all VibStim outcomes: every participant in every condition; and its caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import count
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

    rows = outcomes.merge(schedule(plan), on=["participant", "session"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), layout="constrained")
        panels = figure.subplots(3, 4).ravel()
        for axes, (outcome, label) in zip(panels, PANELS, strict=False):
            shown = rows[(rows["outcome"] == outcome) & rows["value"].notna()]
            (_draw_responders if outcome == "responder" else _draw_values)(axes, plan, shown)
            axes.set_ylabel(label)
            axes.set_xlim(-0.5, len(plan.conditions) - 0.5)
            turned: dict = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
            axes.set_xticks(range(len(plan.conditions)), list(plan.conditions.values()), **turned)
        _draw_key(panels[-1], plan)
    return figure


def vibstim_caption(plan: TrialPlan, outcomes: pd.DataFrame) -> str:
    """Write the caption of `draw_vibstim` in reStructuredText."""
    measured = outcomes[outcomes["value"].notna()]
    sessions = measured[["participant", "session"]].drop_duplicates()
    marked = outcomes["quality"].value_counts()
    return (
        f"**{plan.title}: torque and EMG under tendon vibration and electrical stimulation (VibStim).** "
        f"n = {count(sessions['participant'].nunique(), 'participant')}, "
        f"{count(len(sessions), 'recording')}.\n\n"
        "Each line joins the values of one participant. Torque is above rest; the rise is that at the end "
        "of vibration less that before NMES. EMG is the RMS above rest in per cent of that in the maximal "
        f"contraction. Open points: no EMG above rest ({count(marked.get('below_rest', 0), 'value')}); "
        "triangles: torque was still sustained when the recording ended "
        f"({count(marked.get('censored', 0), 'value')}). Responders: one row per participant. "
        f"{count(outcomes['excluded'].notna().sum(), 'value')} could not be measured; "
        "``analysis/exclusions.tsv`` says why.\n"
    )


def _by_participant(plan: TrialPlan, shown: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return participants × conditions, NaN where there is no value."""
    table = shown.pivot_table(index="participant", columns="condition", values=column, aggfunc="first")
    return table.reindex(index=sorted(plan.participants), columns=list(plan.conditions))


def _draw_values(axes: Axes, plan: TrialPlan, shown: pd.DataFrame) -> None:
    values = _by_participant(plan, shown, "value").astype(float)
    quality = _by_participant(plan, shown.fillna({"quality": ""}), "quality")
    positions = np.arange(len(plan.conditions))
    beside = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(1)
    for participant, offset in zip(values.index, beside, strict=True):
        axes.plot(positions + offset, values.loc[participant], color="0.6", lw=0.6, zorder=1)
    for position, condition in enumerate(plan.conditions):
        for mark, style in _marks(COLOURS[position]).items():
            here = (quality[condition] == mark).to_numpy()
            axes.scatter(position + beside[here], values[condition][here], zorder=2, **style)
    axes.axhline(0, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)


def _draw_responders(axes: Axes, plan: TrialPlan, shown: pd.DataFrame) -> None:
    values = _by_participant(plan, shown, "value").astype(float).to_numpy()
    order = np.argsort(-np.nansum(values, axis=1), kind="stable")
    for position, column in enumerate(values[order].T):
        for row in np.flatnonzero(~np.isnan(column)):
            style = _marks(COLOURS[position])["" if column[row] else "below_rest"]
            axes.scatter(position, row + 1, **style)
    axes.set_ylim(0.2, len(values) + 0.8)
    axes.set_yticks(range(1, len(values) + 1, max(1, len(values) // 6)))


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
