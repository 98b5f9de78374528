"""The figure of one motor unit on a quality page: potential, source, discharge rate, intervals."""

from dataclasses import dataclass

import numpy as np

from pictrial.decomposition.potentials import AFTER, BEFORE
from pictrial.motor_units.discharge_trains import (
    DischargeLimits,
    SmoothedRate,
    clean_train,
    instantaneous_rate,
)
from pictrial.reporting.quality_figures import WIDTH, layout_of, torque_area, torque_range
from pictrial.reporting.quality_measures import RecordingQuality
from pictrial.reporting.quality_svg import Panel, drawing, nice_ticks, text

HEIGHT = 272.0
#: Left edge and width of the time axes (pixels).
LEFT, LONG = 286.0, 626.0
#: Points of a potential in each channel.
POINTS = 36
#: Bars of the intervals (ms): width, and end of the axis; longer intervals are in the last bar.
BAR, LONGEST = 10, 400


@dataclass(frozen=True)
class UnitView:
    """What is drawn of a motor unit.

    Attributes
    ----------
    name : str
    source : ndarray, shape (samples,)
    samples : ndarray of int64, shape (discharges,)
    smoothed : SmoothedRate or None
        None where there are too few discharges.
    potential : ndarray, shape (channels, window)
        µV.
    """

    name: str
    source: np.ndarray
    samples: np.ndarray
    smoothed: SmoothedRate | None
    potential: np.ndarray


def draw_unit(unit: UnitView, page: RecordingQuality, highest_rate: float) -> str:
    """Draw a motor unit; `highest_rate` (pps) ends the axis of rates, alike in all units of a page."""
    limits, rate = page.settings.rates.limits, page.recording.sampling_rate
    parts = [
        *_potential(unit.potential, page.recording.positions, page.good),
        *_source(unit, rate),
        *_rate(unit, rate, highest_rate, page.torque, limits),
        *_intervals(np.diff(unit.samples) / rate, limits),
    ]
    return drawing(WIDTH, HEIGHT, parts, f"{unit.name}: potential, source, discharge rate, intervals")


def _potential(potential: np.ndarray, positions: np.ndarray, good: np.ndarray) -> list[str]:
    """Draw the potential at every channel's place, to one scale; neighbours may overlap."""
    layout = layout_of(positions)
    frame = Panel(6, 10, 214, 226, *layout.limits())
    wide, high = np.array([frame.width, frame.height]) / layout.counts()
    x, y = frame.px(layout.places[:, 0]) - wide / 2 + 2, frame.py(layout.places[:, 1])
    ranges = np.where(good, np.ptp(potential, axis=1), 0)
    largest = int(np.argmax(ranges))
    microvolts = (ranges[largest] or 1.0) / np.clip(2.2 * high, 24, 44)  # in a pixel
    kept = np.linspace(0, potential.shape[1] - 1, POINTS).round().astype(int)
    across = x[:, None] + np.append(np.linspace(0, wide - 4, POINTS), np.nan)
    curves = np.full(across.shape, np.nan)
    curves[:, :POINTS] = y[:, None] - potential[:, kept] / microvolts
    others = good & (np.arange(len(good)) != largest)
    pixels = Panel(0, 0, WIDTH, HEIGHT, (0, WIDTH), (HEIGHT, 0))
    parts = [pixels.line(across[others].ravel(), curves[others].ravel(), "potential")]
    if good.any():
        parts.append(pixels.line(across[largest], curves[largest], "largest"))
    for channel in np.flatnonzero(~good):
        parts.append(text(x[channel] - 2 + wide / 2, y[channel] + 3.5, "✕", "middle", 'class="bad"'))
    bar, time = nice_ticks(0, ranges[largest] or 1.0, 4)[1], 0.01
    long = time / (BEFORE + AFTER) * (wide - 4)
    parts.append(f'<path class="axis" d="M14 {268 - bar / microvolts:.1f}V268h{long:.1f}"/>')
    parts.append(text(20 + long, 268, f"{bar:g} µV, {1000 * time:g} ms"))
    return parts


def _source(unit: UnitView, rate: float) -> list[str]:
    scaled = unit.source / np.median(unit.source[unit.samples])
    panel = Panel(LEFT, 8, LONG, 88, (0.0, len(scaled) / rate), (-0.5, 1.8))
    return [
        panel.envelope(scaled, "source"),
        panel.dots(unit.samples / rate, scaled[unit.samples], "discharged"),
        panel.y_axis("Source", {0.0: "0", 1.0: "1"}),
        panel.x_axis(),
    ]


def _rate(
    unit: UnitView, rate: float, highest_rate: float, torque: np.ndarray | None, limits: DischargeLimits
) -> list[str]:
    panel = Panel(LEFT, 110, LONG, 122, (0.0, len(unit.source) / rate), (0.0, highest_rate))
    parts = []
    if torque is not None:
        behind = Panel(panel.left, panel.top, panel.width, panel.height, panel.x, torque_range(torque))
        parts += [torque_area(behind, torque), behind.y_axis("Torque (% MVC)", right=True)]
    train = clean_train(unit.samples / rate, limits)
    times, rates = instantaneous_rate(unit.samples / rate)
    unused = ~np.isin(times, train.rate_times)
    parts.append(panel.dots(train.rate_times, train.rates, "rate"))
    parts.append(panel.dots(times[unused], rates[unused], "unused"))
    if unit.smoothed is not None:
        grid = np.linspace(unit.smoothed.recruitment, unit.smoothed.derecruitment, 100)
        parts.append(panel.line(grid, unit.smoothed(grid), "smoothed"))
    return [*parts, panel.y_axis("Rate (pps)"), panel.x_axis("Time (s)")]


def _intervals(intervals: np.ndarray, limits: DischargeLimits) -> list[str]:
    edges = np.arange(0, LONGEST + BAR, BAR)
    counts = np.histogram(np.minimum(1000 * intervals, LONGEST - BAR / 2), edges)[0]
    panel = Panel(1022, 8, 130, 224, (0, LONGEST), (0, max(5.0, 1.05 * counts.max(initial=0))))
    bars = [
        f"M{panel.px(edge):.1f} {panel.py(0):.1f}V{panel.py(number):.1f}h2.7V{panel.py(0):.1f}z"
        for edge, number in zip(edges[:-1], counts, strict=True)
        if number
    ]
    marks = 1000 * np.array([limits.isi_min, limits.isi_max])
    return [
        f'<path class="bars" d="{"".join(bars)}"/>',
        panel.ticks_at(marks[marks < LONGEST], "limit"),
        panel.y_axis("Intervals"),
        panel.x_axis("Inter-spike interval (ms)", range(0, LONGEST + 1, 100)),
    ]
