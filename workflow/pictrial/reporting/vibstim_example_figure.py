"""The figure of one VibStim recording for print: torque, clean EMG, and what was measured where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import decimal
from pictrial.reporting.shown import Shown
from pictrial.reporting.vibstim_recording_figure import SHADED
from pictrial.trial.plan import PlannedSession, TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 100.0  # mm
_MARGINS = {"left": 0.09, "right": 0.98, "bottom": 0.1, "top": 0.99, "hspace": 0.3}
_BINS = 1500  # of the EMG's envelope
_VIBRATION, _NMES, _WINDOW = COLOURS[5], COLOURS[0], COLOURS[2]


def draw_vibstim_example(signals: Mapping[str, np.ndarray], outcomes: pd.DataFrame) -> Figure:
    """Draw one recording: when there was vibration and NMES, torque, and clean EMG (0 where it was blanked).

    Windows are shaded and carry their values, a dash where there is none.

    Parameters
    ----------
    signals : mapping of str to ndarray
        As `pictrial.vibstim.signals.write_signals` wrote them.
    outcomes : DataFrame
        Schema ``vibstim_outcomes``, rows of this recording.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    clean = np.where(signals["blanked"], 0, signals["clean"])
    times = np.arange(len(clean)) / float(signals["sampling_rate"])
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH / 25.4, _HEIGHT / 25.4), STYLE["savefig.dpi"])
        above, torque, emg = figure.subplots(
            3, 1, sharex=True, height_ratios=(0.3, 1.4, 1), gridspec_kw=_MARGINS
        )
        _draw_stimuli(above, signals)
        torque.axhline(0, color="0.5", lw=0.6, ls=(0, (4, 3)), zorder=0)
        step = max(1, len(times) // 2000)
        torque.plot(times[::step], signals["torque"][::step], color="black", lw=0.9)
        torque.set_ylabel("Torque (% MVC)")
        edges = np.linspace(0, len(clean), _BINS, endpoint=False).astype(int)
        lower, upper = np.minimum.reduceat(clean, edges), np.maximum.reduceat(clean, edges)
        emg.vlines(times[edges], lower, upper, color=COLOURS[1], lw=0.5)
        emg.set_ylabel("Clean EMG (µV)")
        emg.set_xlabel("Time (s)")
        emg.set_xlim(times[0], times[-1])
        for axes, name in ((torque, "torque"), (emg, "emg")):
            _draw_windows(axes, outcomes, name)
        for axes, letter in ((torque, "A"), (emg, "B")):
            axes.set_title(letter, loc="left", fontweight="bold", fontsize=10, x=-0.06)
        figure.align_ylabels([torque, emg])
    return figure


def vibstim_example_texts(outcomes: pd.DataFrame) -> list[tuple[str, Shown]]:
    """Return what is written in the figure with numbers, by place."""
    return [(name, _value(row)) for names in SHADED.values() for name, row in _rows(outcomes, names)]


def vibstim_example_caption(plan: TrialPlan, session: PlannedSession, outcomes: pd.DataFrame) -> list[Shown]:
    """Return the paragraphs of the caption."""
    shown = dict(_rows(outcomes, ("evoked_torque", "sustained_duration")))
    longer = shown["sustained_duration"].quality == "censored"
    where = f"participant {session.participant}, session {session.session}"
    title = Shown(
        f"**{plan.title}: a recording under tendon vibration and electrical stimulation (VibStim).** The "
        f"plan's first recording: {where} ({plan.conditions[session.condition]}). ",
        ("plan:participants",),
    )
    return [
        title + "**A** Torque above rest. **B** EMG after blanking of the stimuli and subtraction of the "
        "vibration. Shaded: windows and what was measured in them, torque in % MVC, EMG in % of its RMS in "
        "the maximal contraction. NMES evoked "
        + _value(shown["evoked_torque"])
        + f" % MVC; torque was sustained for {'at least ' if longer else ''}"
        + _value(shown["sustained_duration"])
        + " s after vibration."
    ]


def _rows(outcomes: pd.DataFrame, names: tuple[str, ...]) -> list[tuple[str, pd.Series]]:
    table = outcomes.set_index("outcome", drop=False)
    return [(name, table.loc[name]) for name in names]


def _value(row: pd.Series) -> Shown:
    source = f"table:vibstim/outcomes/{row['participant']}/{row['session']}/{row['outcome']}"
    return Shown(decimal(None if pd.isna(row["value"]) else float(row["value"]), 1), (source,))


def _draw_stimuli(axes: Axes, signals: Mapping[str, np.ndarray]) -> None:
    for place, (label, limits, colour) in enumerate(
        (("NMES", signals["bouts"], _NMES), ("Vibration", signals["vibration"][None], _VIBRATION))
    ):
        spans = [(start, end - start) for start, end in limits]
        axes.broken_barh(spans, (place - 0.35, 0.7), color=colour)
        first = (limits[0, 0], place)
        axes.annotate(
            label, first, (-3, 0), textcoords="offset points", ha="right", va="center", fontsize=7.5
        )
    axes.set_ylim(-0.6, 1.6)
    axes.set_axis_off()


def _draw_windows(axes: Axes, outcomes: pd.DataFrame, panel: str) -> None:
    for _, row in _rows(outcomes, SHADED[panel]):
        if pd.isna(row["window_start"]):
            continue
        axes.axvspan(row["window_start"], row["window_end"], color=_WINDOW, alpha=0.35, lw=0)
        middle = (row["window_start"] + row["window_end"]) / 2
        style: dict = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom"}
        axes.text(middle, 1.01, _value(row).text, fontsize=7.5, **style)
