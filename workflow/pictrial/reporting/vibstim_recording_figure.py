"""The figure of one VibStim recording: torque, EMG before and after cleaning, and what was measured where."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pictrial.reporting.numbers import MINUS, decimal
from pictrial.reporting.quality_svg import Panel, drawing, nice_ticks, text

WIDTH, LEFT, RIGHT = 720.0, 62.0, 704.0  # pixels; at 174 mm, 11 pixels are 7.5 points
#: Outcomes whose windows are shaded, by panel.
SHADED = {
    "torque": ("torque_before_nmes", "torque_vibration", "torque_sustained"),
    "emg": ("emg_before_nmes", "emg_nmes", "emg_vibration", "emg_sustained"),
}
STYLE = """<style>
text { font: 11px "DejaVu Sans", system-ui, sans-serif; fill: #1c2126; }
path { fill: none; stroke-linejoin: round; }
.axis { stroke: #8a949c; stroke-width: 1; }
.torque { stroke: #1c2126; stroke-width: 12; }
.raw { stroke: #8a949c; stroke-width: 10; } .clean { stroke: #0072b2; stroke-width: 10; }
.vibration { fill: #e69f00; } .nmes { fill: #555555; } .window { fill: #d55e00; fill-opacity: .3; }
.zero { stroke: #8a949c; stroke-width: .6; stroke-dasharray: 4 3; } .value { font-weight: 700; }
</style>"""


def draw_vibstim_recording(signals: Mapping[str, np.ndarray], outcomes: pd.DataFrame) -> str:
    """Draw one recording.

    From above: when there was vibration and NMES; torque; raw EMG; clean EMG, 0 where it was blanked. Windows
    are shaded and carry their values, a dash where there is none. The condition is not shown.

    Parameters
    ----------
    signals : mapping of str to ndarray
        As :func:`pictrial.vibstim.signals.write_signals` wrote them.
    outcomes : DataFrame
        Schema ``vibstim_outcomes``, rows of this recording.

    Returns
    -------
    str
        A file of SVG.
    """
    torque, clean = signals["torque"], np.where(signals["blanked"], 0, signals["clean"])
    times = np.arange(len(torque)) / float(signals["sampling_rate"])
    values = outcomes.set_index("outcome")
    span = (0.0, float(times[-1]))

    def panel(top: float, height: float, shown: np.ndarray) -> Panel:
        room = 0.08 * max(float(np.ptp(shown)), 1e-6)
        return Panel(LEFT, top, RIGHT - LEFT, height, span, (shown.min() - room, shown.max() + room))

    coarse = slice(None, None, max(1, len(times) // 2000))
    upper, middle, lower = panel(62, 150, torque), panel(236, 90, signals["raw"]), panel(350, 120, clean)
    parts = [
        *_bars(signals, span),
        *_windows(upper, values, SHADED["torque"]),
        f'<path class="zero" d="M{LEFT:g} {float(upper.py(0)):.1f}H{RIGHT:g}"/>',
        upper.line(times[coarse], torque[coarse], "torque"),
        _y_axis(upper, "Torque (% MVC)"),
        middle.envelope(signals["raw"], "raw"),
        _y_axis(middle, "Raw EMG (µV)"),
        *_windows(lower, values, SHADED["emg"]),
        lower.envelope(clean, "clean"),
        _y_axis(lower, "Clean EMG (µV)"),
        *(each.x_axis() for each in (upper, middle)),
        lower.x_axis("Time (s)"),
        text(LEFT, 524, _summary(values)),
    ]
    name = "Torque and EMG under vibration and electrical stimulation"
    drawn = drawing(WIDTH, 534, [STYLE, *parts], name)
    return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def _bars(signals: Mapping[str, np.ndarray], span: tuple[float, float]) -> list[str]:
    """Draw when there was vibration and NMES."""
    bars = Panel(LEFT, 0, RIGHT - LEFT, 1, span, (0, 1))
    parts = []
    for top, style, label, limits in (
        (16, "vibration", "vibration", signals["vibration"][None]),
        (32, "nmes", "NMES", signals["bouts"]),
    ):
        for start, end in bars.px(limits):
            parts.append(f'<path class="{style}" d="M{start:.1f} {top}H{end:.1f}v9H{start:.1f}z"/>')
        parts.append(text(float(bars.px(limits[0, 0])) - 6, top + 8.5, label, "end"))
    return parts


def _y_axis(panel: Panel, label: str) -> str:
    ticks = nice_ticks(*panel.y, 5)
    return panel.y_axis(label, {tick: f"{tick:g}".replace("-", MINUS) for tick in ticks})


def _windows(panel: Panel, values: pd.DataFrame, outcomes: tuple[str, ...]) -> list[str]:
    """Shade the windows of these outcomes in a panel, each with its value above."""
    parts = []
    for row in values.loc[list(outcomes)].itertuples():
        start, end = np.clip(
            panel.px(np.array([row.window_start, row.window_end])), panel.left, panel.left + panel.width
        )
        box = f"M{start:.1f} {panel.top:g}H{end:.1f}v{panel.height:g}H{start:.1f}z"
        value = decimal(None if pd.isna(row.value) else float(row.value), 1)
        parts.append(f'<path class="window" d="{box}"/>')
        parts.append(text((start + end) / 2, panel.top - 3, value, "middle", 'class="value"'))
    return parts


def _summary(values: pd.DataFrame) -> str:
    def shown(outcome: str, unit: str) -> str:
        value = values.loc[outcome, "value"]
        return f"{decimal(None if pd.isna(value) else float(value), 1)} {unit}"

    at_least = "at least " if values.loc["sustained_duration", "quality"] == "censored" else ""
    return (
        f"Evoked by NMES {shown('evoked_torque', '% MVC')}; sustained {at_least}"
        f"{shown('sustained_duration', 's')}. Numbers: torque in % MVC, EMG in % of its RMS in the MVC."
    )
