"""The figure of a decomposed ramp: torque, discharges, smoothed rates, and the ΔF of one pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.motor_units.smoothing import RateSettings, TooFewDischarges, smooth_units
from pictrial.reporting.figures import COLOURS, STYLE, WIDTH
from pictrial.reporting.numbers import count, decimal
from pictrial.reporting.shown import Shown
from pictrial.trial.plan import PlannedSession, TrialPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT = 170.0  # mm
_CONTROL, _TEST = COLOURS[1], COLOURS[2]
_GREY = "0.55"
_INSTANTS = 400  # at which a smoothed rate is drawn
_DASHED = (0, (4, 3))
_MARGINS = {"left": 0.08, "right": 0.96, "bottom": 0.06, "top": 0.97, "hspace": 0.3}


@dataclass(frozen=True)
class DecomposedRamp:
    """One recording, and the pair of it that is shown.

    Attributes
    ----------
    session : PlannedSession
    times, torque : ndarray, shape (samples,)
        In s, and % MVC.
    discharges : mapping of str to ndarray
        Times (s) of every accepted motor unit.
    rates : RateSettings
        How rates are smoothed.
    pair : Series or None
        Row of the ledger; None where no pair passed.
    """

    session: PlannedSession
    times: np.ndarray
    torque: np.ndarray
    discharges: Mapping[str, np.ndarray]
    rates: RateSettings
    pair: pd.Series | None

    @property
    def source(self) -> str:
        """The row of the ledger that the pair is, as `Shown` names it."""
        pair = self.pair
        if pair is None:
            return ""
        return f"pairs:{pair.participant}/{pair.session}/{pair.control_unit}/{pair.test_unit}"


def example_pair(pairs: pd.DataFrame, participant: str, session: str) -> pd.Series | None:
    """Return the passing pair of a recording with the highest correlation of its rates, None without one.

    Parameters
    ----------
    pairs : DataFrame
        Schema ``pairs``.
    """
    here = (pairs["participant"] == participant) & (pairs["session"] == session)
    passed = pairs[here & pairs["passed"]]
    order = passed.sort_values("correlation", ascending=False, kind="stable")
    return order.iloc[0] if len(order) else None


def decomposed_ramp(
    session: PlannedSession,
    torque: Mapping[str, np.ndarray],
    discharges: Mapping[str, np.ndarray],
    pairs: pd.DataFrame,
    motor_units: Mapping,
) -> DecomposedRamp:
    """Return what `draw_ramp` draws.

    Parameters
    ----------
    session : PlannedSession
    torque : mapping of str to ndarray
        ``torque`` (% MVC) and ``sampling_rate`` (Hz), as the checks of the recording wrote them.
    discharges : mapping of str to ndarray
    pairs : DataFrame
        Schema ``pairs``.
    motor_units : mapping
        Section ``motor_units`` of the configuration.

    Raises
    ------
    InputError
        Where the ledger's pair has a motor unit that the recording has not.
    """
    pair = example_pair(pairs, session.participant, session.session)
    for unit in [] if pair is None else [pair.control_unit, pair.test_unit]:
        if unit not in discharges:
            where = f"participant {session.participant}, session {session.session}"
            raise InputError(where, f"the ledger's unit {unit} has no discharges", "Run the trial again.")
    times = np.arange(len(torque["torque"])) / float(torque["sampling_rate"])
    ordered = dict(sorted(discharges.items(), key=lambda item: (item[1][0] if len(item[1]) else 0, item[0])))
    settings = RateSettings.configured(motor_units)
    return DecomposedRamp(session, times, torque["torque"], ordered, settings, pair)


def draw_ramp(plan: TrialPlan, ramp: DecomposedRamp) -> Figure:
    """Draw one recording.

    **A** torque and the peak of the target; **B** every discharge, motor units from below by recruitment;
    **C** their smoothed rates; **D** the pair: instantaneous and smoothed rates, and the control's smoothed
    rate when the test unit is recruited and derecruited. Their difference is ΔF.

    Returns
    -------
    Figure
        174 mm wide. Save it with `pictrial.reporting.figures.write_figure`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    smoothed = smooth_units(dict(ramp.discharges), ramp.rates)
    curves = {unit: rate for unit, rate in smoothed.items() if not isinstance(rate, TooFewDischarges)}
    with matplotlib.rc_context(STYLE):
        figure = Figure((WIDTH / 25.4, _HEIGHT / 25.4), STYLE["savefig.dpi"])
        panels = figure.subplots(4, 1, sharex=True, height_ratios=(1, 1.5, 1.1, 1.8), gridspec_kw=_MARGINS)
        _draw_torque(panels[0], ramp, plan.target_torque)
        _draw_raster(panels[1], ramp)
        for unit, rate in curves.items():
            times = np.linspace(rate.recruitment, rate.derecruitment, _INSTANTS)
            panels[2].plot(
                times, rate(times), color=_colour(ramp, unit), lw=1.2 if _role(ramp, unit) else 0.6
            )
        panels[2].set_ylabel("Smoothed rate (pps)")
        _draw_pair(panels[3], ramp, curves)
        panels[3].set_xlabel("Time (s)")
        panels[3].set_xlim(ramp.times[0], ramp.times[-1])
        for axes, letter in zip(panels, "ABCD", strict=True):
            axes.set_title(letter, loc="left", fontweight="bold", fontsize=10)
        figure.align_ylabels(panels)
    return figure


def ramp_texts(ramp: DecomposedRamp) -> list[tuple[str, Shown]]:
    """Return what is written in the figure with numbers, by place."""
    return [] if ramp.pair is None else [("D, ΔF", _delta_f(ramp))]


def ramp_caption(plan: TrialPlan, ramp: DecomposedRamp) -> list[Shown]:
    """Return the paragraphs of the caption."""
    session = ramp.session
    where = f"Participant {session.participant}, session {session.session}"
    title = Shown(
        f"**{plan.title}: a decomposed contraction.** {where} ({plan.conditions[session.condition]}), the "
        "plan's first recording. ",
        ("plan:participants",),
    )
    units = Shown(count(len(ramp.discharges), "motor unit"), ("table:motor_units/units",))
    target = Shown(f"{plan.target_torque:g}", ("plan:contractions.target_torque",))
    paragraph = (
        title
        + "**A** Torque; dashed: the peak of the target ("
        + target
        + " % MVC). **B** Discharges of its "
        + units
        + ", in the order of recruitment. **C** Their smoothed discharge rates ("
        + Shown(f"{ramp.rates.smoother}", ("config:motor_units.smoother",))
        + "). "
    )
    if ramp.pair is None:
        return [paragraph + "**D** No pair of the recording passed the criteria."]
    pair = ramp.pair
    words = Shown(
        f"**D** Control unit {pair.control_unit} (blue) and test unit {pair.test_unit} (orange): of the "
        "recording's pairs that pass, the one whose rates correlate best. "
        "Points are instantaneous, lines smoothed rates. ΔF is the "
        "control's smoothed rate at the test unit's recruitment less that at its derecruitment: "
        f"{decimal(float(pair.delta_f), 2)} pps.",
        (ramp.source,),
    )
    return [paragraph + words]


def _delta_f(ramp: DecomposedRamp) -> Shown:
    assert ramp.pair is not None
    return Shown(f"ΔF = {decimal(float(ramp.pair.delta_f), 2)} pps", (ramp.source,))


def _role(ramp: DecomposedRamp, unit: str) -> str:
    if ramp.pair is None:
        return ""
    return {ramp.pair.control_unit: "control", ramp.pair.test_unit: "test"}.get(unit, "")


def _colour(ramp: DecomposedRamp, unit: str) -> str:
    return {"control": _CONTROL, "test": _TEST}.get(_role(ramp, unit), _GREY)


def _draw_torque(axes: Axes, ramp: DecomposedRamp, target: float) -> None:
    step = max(1, len(ramp.times) // 2000)
    axes.plot(ramp.times[::step], ramp.torque[::step], color="black", lw=1)
    axes.axhline(target, color="0.4", lw=0.8, ls=_DASHED)
    # The peak is reached in the middle; at the left there is room above the rising torque.
    axes.text(0.01, target, "target peak", transform=axes.get_yaxis_transform(), va="bottom", fontsize=7)
    axes.set_ylim(top=1.2 * max(target, float(ramp.torque.max())))
    axes.set_ylabel("Torque (% MVC)")


def _draw_raster(axes: Axes, ramp: DecomposedRamp) -> None:
    for place, (unit, times) in enumerate(ramp.discharges.items(), start=1):
        axes.vlines(times, place - 0.4, place + 0.4, color=_colour(ramp, unit), lw=0.5)
    axes.set_ylim(0.3, max(len(ramp.discharges), 1) + 0.7)
    axes.set_yticks([1, max(len(ramp.discharges), 1)] if len(ramp.discharges) != 1 else [1])
    axes.set_ylabel("Motor unit")


def _draw_pair(axes: Axes, ramp: DecomposedRamp, curves: Mapping) -> None:
    axes.set_ylabel("Discharge rate (pps)")
    pair = ramp.pair
    if pair is None:
        axes.text(0.5, 0.5, "No pair passed.", ha="center", va="center", transform=axes.transAxes)
        return
    for unit, label in ((pair.control_unit, "control unit"), (pair.test_unit, "test unit")):
        rate, colour = curves[unit], _colour(ramp, unit)
        intervals = np.diff(ramp.discharges[unit])
        kept = (intervals >= ramp.rates.limits.isi_min) & (intervals <= ramp.rates.limits.isi_max)
        middle = (ramp.discharges[unit][1:] - intervals / 2)[kept]
        axes.plot(middle, 1 / intervals[kept], "o", color=colour, ms=2.2, mew=0, alpha=0.45)
        times = np.linspace(rate.recruitment, rate.derecruitment, _INSTANTS)
        axes.plot(times, rate(times), color=colour, lw=1.6, label=f"{label} {unit}")
    _mark_delta_f(axes, ramp, curves[pair.control_unit])
    axes.legend(loc="upper left", frameon=False, fontsize=7.5)
    axes.set_ylim(bottom=0)


def _mark_delta_f(axes: Axes, ramp: DecomposedRamp, control) -> None:
    """Mark the control's rate at both ends of the test unit, and their difference at the right."""
    assert ramp.pair is not None
    ends = np.array([ramp.pair.test_recruitment, ramp.pair.test_derecruitment], dtype=float)
    high, low = control(ends)
    right = min(ends[1] + 0.08 * np.ptp(ramp.times), ramp.times[-1])
    axes.vlines(ends, 0, [high, low], color=_TEST, lw=0.8, ls=_DASHED)
    for end, rate in zip(ends, (high, low), strict=True):
        axes.plot([end, right], [rate, rate], color="0.3", lw=0.8, ls=(0, (1, 2)))
        axes.plot(end, rate, "o", color="black", ms=4.5, mec="white", mew=0.6, zorder=4)
    axes.annotate(
        "", (right, high), (right, low), arrowprops={"arrowstyle": "<->", "lw": 1, "shrinkA": 0, "shrinkB": 0}
    )
    shift = (right, max(high, low) + 0.4)
    axes.text(*shift, _delta_f(ramp).text, ha="center", va="bottom", fontweight="bold", clip_on=False)
