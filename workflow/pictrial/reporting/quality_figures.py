"""The figures of a whole recording on its quality page: channels, spectrum, contraction, raster."""

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from pictrial.recordings.model import Recording
from pictrial.reporting.numbers import MINUS
from pictrial.reporting.quality_svg import Panel, drawing, image, nice_ticks, text

#: Width of a figure that spans the page, and the edges of its time axis, in pixels.
WIDTH, LEFT, RIGHT = 1160, 70, 1090
#: Shades of the maps, from little to much: readable in grey, no hue to tell apart.
PALETTE = np.rint(np.linspace((243, 247, 250), (8, 60, 100), 64)).astype(np.uint8)
#: Letters of the reasons on the channel map.
REASONS = {
    "marked": "M",
    "dead": "D",
    "saturated": "S",
    "line": "L",
    "noisy": "N",
    "weak": "W",
    "uncorrelated": "U",
}
_REST = 0.1  # s, windows of the RMS over time


@dataclass(frozen=True)
class Layout:
    """Where the channels are drawn: places (channels, 2), their pitch in x and y, and if these are mm."""

    places: np.ndarray
    pitch: np.ndarray
    known: bool

    def counts(self) -> np.ndarray:
        """Return how many cells it spans in x and y."""
        return np.ptp(self.places, axis=0) / self.pitch + 1

    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return its edges in x and y, half a cell beyond the outermost places."""
        low, high = self.places.min(axis=0) - self.pitch / 2, self.places.max(axis=0) + self.pitch / 2
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def layout_of(positions: np.ndarray) -> Layout:
    """Lay channels out as their electrodes are; in rows of about a square where that is not known."""
    if np.isfinite(positions).all() and len(np.unique(positions, axis=0)) == len(positions):
        steps = [np.diff(np.unique(np.round(axis, 3))) for axis in positions.T]
        known = [step.min() for step in steps if len(step)] or [1.0]
        pitch = [step.min() if len(step) else min(known) for step in steps]
        # Electrodes that are not on a grid would give cells too small to see.
        return Layout(positions, np.maximum(pitch, np.ptp(positions, axis=0).max() / 40), True)
    order = np.arange(len(positions))
    columns = int(np.ceil(np.sqrt(len(positions))))
    return Layout(np.column_stack([order % columns, -(order // columns)]).astype(float), np.ones(2), False)


def draw_channels(positions: np.ndarray, channels: pd.DataFrame) -> str:
    """Draw the map of the channels with the RMS of each; bad ones show the letter of their reason."""
    layout = layout_of(positions)
    columns, rows = layout.counts()
    cell = float(np.clip(min(300 / columns, 340 / rows), 6, 30))
    panel = Panel(48, 8, columns * cell, rows * cell, *layout.limits())
    highest = float(channels.loc[channels["status"] == "good", "rms"].max())
    places = zip(panel.px(layout.places[:, 0]), panel.py(layout.places[:, 1]), strict=True)
    parts = [
        part
        for row, place in zip(channels.itertuples(), places, strict=True)
        for part in _channel(row, place, cell, highest)
    ]
    if layout.known:
        parts += [
            panel.x_axis("across fibres (mm)", nice_ticks(*panel.x, 3)),
            panel.y_axis("along fibres (mm)"),
        ]
    else:
        lines = enumerate(("positions unknown:", "in the order of the file"))
        parts += [text(48, panel.top + panel.height + 15 * n + 16, words) for n, words in lines]
    return drawing(60 + panel.width, panel.height + 46, parts, "Map of the channels with their RMS in µV")


def _channel(row, place: tuple[float, float], cell: float, highest: float) -> list[str]:
    (x, y), side, is_good = place, cell - 1.5, row.status == "good"
    shade = round(row.rms / highest * (len(PALETTE) - 1)) if is_good and highest > 0 else 0
    fill = "#" + bytes(PALETTE[shade]).hex()
    words = f"{row.rms:.0f}" if is_good else REASONS[row.reason]
    style = "bad" if not is_good else "cell dark" if shade > 34 else "cell"
    says = f"{row.channel}: RMS {row.rms:.1f} µV, at rest {row.baseline_rms:.1f} µV"
    corner = f'x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}"'
    marked = "" if is_good else ' class="badbox"'
    box = f'<rect {corner} fill="{fill}"{marked}><title>{escape(says)}</title></rect>'
    fits = cell >= 18 or not is_good
    return [box, text(x, y + 3.5, words, "middle", f'class="{style}"')] if fits else [box]


def draw_spectrum(
    frequencies: np.ndarray, raw: np.ndarray, conditioned: np.ndarray, line_frequency: float
) -> str:
    """Draw the power spectral densities (channels, frequencies) of the good channels, raw and conditioned."""
    highest = np.log10(max(raw.max(), 1e-12))
    span = (np.floor(highest - 5.5), np.ceil(highest))
    shown = frequencies <= 700
    panel = Panel(62, 10, 500, 300, (0, float(frequencies[shown][-1])), span)
    harmonics = np.arange(1, 50) * line_frequency if line_frequency > 0 else np.empty(0)
    parts = [panel.ticks_at(harmonics[harmonics < panel.x[1]], "mains")]
    for spectra, style in ((raw, "raw"), (conditioned, "clean")):
        levels = np.log10(np.maximum(np.percentile(spectra[:, shown], (5, 50, 95), axis=0), 1e-12))
        parts.append(panel.band(frequencies[shown], levels[0], levels[2], f"{style}band"))
        parts.append(panel.line(frequencies[shown], levels[1], f"{style}line"))
    powers = range(int(span[0]), int(span[1]) + 1)
    exponents = {
        float(power): f"10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
        for power in powers
    }
    parts += [panel.x_axis("Frequency (Hz)"), panel.y_axis("Power density (µV²/Hz)", exponents)]
    keys = [("rawline", "raw"), ("cleanline", "conditioned")]
    keys += [("mains", f"mains, {line_frequency:g} Hz and multiples")] if line_frequency > 0 else []
    for number, (style, words) in enumerate(keys):
        parts.append(f'<path class="{style}" transform="scale(.1)" d="M3300 {220 + 160 * number}h240"/>')
        parts.append(text(360, 26 + 16 * number, words))
    return drawing(575, 350, parts, "Power spectrum of the good channels")


def draw_contraction(conditioned: Recording, good: np.ndarray, torque: np.ndarray | None) -> str:
    """Draw torque, EMG of five channels from the loudest to the quietest, and the RMS of all over time."""
    duration, parts, top = (0.0, conditioned.duration), [], 8.0
    if torque is not None:
        panel = Panel(LEFT, top, RIGHT - LEFT, 80, duration, torque_range(torque))
        parts += [torque_area(panel, torque), panel.y_axis("Torque (% MVC)"), panel.x_axis()]
        top += 96
    traces, top = _traces(conditioned, np.flatnonzero(good), top)
    parts, emg = parts + traces, conditioned.emg
    top += 24
    panel = Panel(LEFT, top, RIGHT - LEFT, max(96, min(160, 2 * len(emg))), duration, (len(emg) + 0.5, 0.5))
    over_time = _rms_over_time(emg, conditioned.sampling_rate)
    highest = float(np.percentile(over_time, 99)) or 1.0
    shades = np.rint(np.minimum(over_time / highest, 1) * (len(PALETTE) - 1)).astype(np.uint8)
    ticks = {float(n): f"{n}" for n in sorted({1, len(emg), *range(16, len(emg) - 7, 16)})}
    parts += [image(panel, shades, PALETTE), panel.y_axis("Channel", ticks), panel.x_axis("Time (s)")]
    for channel in np.flatnonzero(~good):
        at = float(panel.py(float(channel + 1)))
        parts.append(
            text(RIGHT + 3, at + 3, f"✕ {conditioned.channel_names[channel]}", "start", 'class="bad"')
        )
    parts.append(text(LEFT, top - 5, f"RMS of every channel, light 0 to dark {highest:.0f} µV"))
    return drawing(WIDTH, top + panel.height + 36, parts, "Torque, EMG of five channels, RMS of all channels")


def _traces(conditioned: Recording, good: np.ndarray, top: float) -> tuple[list[str], float]:
    """Draw five of the `good` channels (indices) to one scale; return where they end, too."""
    emg, high = conditioned.emg, 48
    rms = np.sqrt(np.mean(np.square(emg[good], dtype=np.float64), axis=1))
    ranks = np.unique(np.linspace(0, len(good) - 1, 5).round().astype(int))
    chosen = good[np.argsort(-rms, kind="stable")][ranks]
    limit = float(np.percentile(np.abs(emg[chosen]), 99.95)) or 1.0
    parts = []
    for number, channel in enumerate(chosen):
        at = top + high * number
        panel = Panel(LEFT, at, RIGHT - LEFT, high - 2, (0.0, conditioned.duration), (-limit, limit))
        parts += [panel.envelope(emg[channel], "emg")]
        parts += [text(RIGHT + 7, at + 27, conditioned.channel_names[channel])]
        if number == 0:
            step = nice_ticks(0, limit, 3)[-1]
            parts += [panel.y_axis("EMG (µV)", {-step: f"{MINUS}{step:g}", 0.0: "0", step: f"{step:g}"})]
    return parts, top + high * len(chosen)


def _rms_over_time(emg: np.ndarray, rate: float) -> np.ndarray:
    length = max(1, round(_REST * rate))
    windows = emg[:, : emg.shape[1] // length * length].reshape(len(emg), -1, length)
    return np.sqrt(np.einsum("cwt,cwt->cw", windows, windows) / length)


def torque_range(torque: np.ndarray) -> tuple[float, float]:
    """Return the range of an axis of torque (% MVC)."""
    return min(0.0, float(torque.min())), max(float(torque.max()) * 1.05, 1.0)


def torque_area(panel: Panel, torque: np.ndarray) -> str:
    """Fill the area under the torque (samples,), which spans the panel."""
    columns = np.linspace(0, len(torque) - 1, min(len(torque), int(panel.width / 3))).round().astype(int)
    times = panel.x[0] + (panel.x[1] - panel.x[0]) * columns / max(1, len(torque) - 1)
    floor = np.full(len(columns), max(panel.y[0], 0.0))
    return panel.band(times, floor, torque[columns], "torque")


def draw_raster(
    discharges: dict[str, np.ndarray], order: list[str], duration: float, torque: np.ndarray | None
) -> str:
    """Draw the discharges (times in s) of all motor units over the torque, from the bottom in `order`."""
    height = max(60, (16 if len(order) <= 20 else 11) * len(order))
    row = height / max(1, len(order))
    span = (0.0, duration)
    parts = []
    if torque is not None:
        panel = Panel(LEFT, 8, RIGHT - LEFT, height, span, torque_range(torque))
        parts += [torque_area(panel, torque), panel.y_axis("Torque (% MVC)", right=True)]
    for number, unit in enumerate(reversed(order)):
        panel = Panel(LEFT, 8 + row * number, RIGHT - LEFT, row, span, (0, 1))
        parts.append(panel.ticks_at(discharges[unit], "discharge", (0.14, 0.86)))
        parts.append(text(LEFT - 7, 8 + row * (number + 0.5) + 3.5, unit, "end"))
    panel = Panel(LEFT, 8, RIGHT - LEFT, height, span, (0, 1))
    if not order:
        parts.append(text(LEFT + panel.width / 2, 8 + height / 2, "no motor unit", "middle"))
    parts.append(panel.x_axis("Time (s)"))
    return drawing(WIDTH, height + 44, parts, "Discharges of all motor units, with torque")
