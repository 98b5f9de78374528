"""Drawing for the quality pages: signals, dots and axes as compact SVG, written by hand.

A page has hundreds of small plots; as text they take milliseconds and a few kilobytes each. Paths are
written in tenths of a pixel with relative steps, inside ``scale(.1)``: exact enough for print, and small.
Colours, line widths (in tenths, too) and fonts are those of the page's style sheet, by class.
"""

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np


@dataclass(frozen=True)
class Panel:
    """A rectangle of a drawing with a linear scale in each direction.

    Attributes
    ----------
    left, top, width, height : float
        Pixels.
    x, y : tuple of float
        Values at the left and right, and at the lower and upper edge.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    def px(self, values: np.ndarray | float) -> np.ndarray:
        """Return horizontal pixels of `values`."""
        return self.left + (np.asarray(values, float) - self.x[0]) / (self.x[1] - self.x[0]) * self.width

    def py(self, values: np.ndarray | float) -> np.ndarray:
        """Return vertical pixels of `values`, those beyond the panel on its edge."""
        share = (np.asarray(values, float) - self.y[0]) / (self.y[1] - self.y[0])
        return self.top + (1 - np.clip(share, 0, 1)) * self.height

    def line(self, x: np.ndarray, y: np.ndarray, style: str) -> str:
        """Draw a line through points; NaN interrupts it."""
        known = np.isfinite(y)
        ends = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
        runs = zip(ends[::2], ends[1::2], strict=True)
        steps = [_steps(self.px(x[a:b]), self.py(y[a:b])) for a, b in runs]
        return _path("".join(steps), style)

    def band(self, x: np.ndarray, lower: np.ndarray, upper: np.ndarray, style: str) -> str:
        """Fill the band between two lines."""
        around = np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]])
        return _path(_steps(self.px(around[0]), self.py(around[1])) + "z", style)

    def dots(self, x: np.ndarray, y: np.ndarray, style: str) -> str:
        """Draw dots: strokes without length, with the round caps of the style."""
        tenths = np.diff(_tenths(self.px(x), self.py(y)), axis=0, prepend=0).tolist()
        return _path("".join(f"m{dx} {dy}h0" for dx, dy in tenths).replace(" -", "-"), style)

    def ticks_at(self, x: np.ndarray, style: str, share: tuple[float, float] = (0, 1)) -> str:
        """Draw upright strokes at `x`, between two shares of the height."""
        low, high = (round(10 * (self.top + (1 - part) * self.height)) for part in share)
        steps = np.diff(np.rint(10 * self.px(x)).astype(int), prepend=0).tolist()
        return _path(f"M0 {low}" + "".join(f"m{step} 0v{high - low}m0 {low - high}" for step in steps), style)

    def envelope(self, values: np.ndarray, style: str) -> str:
        """Draw a signal that spans the panel: in each column of a pixel an upright stroke from min to max."""
        columns = int(min(self.width, len(values)))
        starts = np.arange(columns) * len(values) // columns
        highest, lowest = np.maximum.reduceat(values, starts), np.minimum.reduceat(values, starts)
        x = np.rint(10 * (self.left + (np.arange(columns) + 0.5) * self.width / columns)).astype(int)
        upper, lower = np.rint(10 * self.py(highest)).astype(int), np.rint(10 * self.py(lowest)).astype(int)
        lower = np.maximum(lower, upper + 8)  # a flat signal is a line of 0.8 pixels
        moves = np.column_stack(
            [np.diff(x, prepend=0), np.diff(upper, prepend=0) - np.append(0, (lower - upper)[:-1])]
        )
        spans = (lower - upper).tolist()
        steps = (f"m{dx} {dy}v{span}" for (dx, dy), span in zip(moves.tolist(), spans, strict=True))
        return _path("".join(steps).replace(" -", "-"), style)

    def x_axis(self, label: str = "", ticks: Sequence[float] | None = None) -> str:
        """Draw the lower axis; without a label it has ticks only."""
        low = self.top + self.height
        parts = [f'<path class="axis" d="M{self.left:g} {low:g}h{self.width:g}"/>']
        for tick in nice_ticks(*self.x) if ticks is None else ticks:
            at = float(self.px(tick))
            parts.append(f'<path class="axis" d="M{at:.1f} {low:g}v4"/>')
            if label:
                parts.append(text(at, low + 15, f"{tick:g}", "middle"))
        if label:
            parts.append(text(self.left + self.width / 2, low + 29, label, "middle"))
        return "".join(parts)

    def y_axis(self, label: str, ticks: dict[float, str] | None = None, right: bool = False) -> str:
        """Draw the left or right axis; `ticks` are values with their texts."""
        at, away = (self.left + self.width, 1) if right else (self.left, -1)
        parts = [f'<path class="axis" d="M{at:g} {self.top:g}v{self.height:g}"/>']
        if ticks is None:
            ticks = {tick: f"{tick:g}" for tick in nice_ticks(*self.y, 3)}
        beyond = 18 + 6.6 * max(len(name) for name in ticks.values())
        for value, name in ticks.items():
            height = float(self.py(value))
            parts.append(f'<path class="axis" d="M{at:g} {height:.1f}h{4 * away}"/>')
            parts.append(text(at + 7 * away, height + 3.5, name, "start" if right else "end"))
        middle = self.top + self.height / 2
        turned = f'transform="rotate(-90 {at + beyond * away:g} {middle:g})"'
        parts.append(text(at + beyond * away, middle + 3, label, "middle", turned))
        return "".join(parts)


def nice_ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Return round values (steps of 1, 2 or 5 times a power of ten) from `low` to `high`."""
    rough = (high - low) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    return [float(f"{number * step:.10g}") for number in range(first, last + 1)]


def text(x: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    """Write `words` at a point."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def drawing(width: float, height: float, parts: Sequence[str], name: str) -> str:
    """Put parts together; `name` says what is seen to those who do not see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img"'
        f' aria-label="{escape(name, quote=True)}">{"".join(parts)}</svg>'
    )


def image(panel: Panel, shades: np.ndarray, palette: np.ndarray) -> str:
    """Fill a panel with an image, the first row on top.

    Parameters
    ----------
    shades : ndarray of uint8, shape (rows, columns)
        Rows of the palette.
    palette : ndarray of uint8, shape (colours, 3)
    """
    rows, columns = shades.shape
    pixels = b"".join(b"\0" + row.tobytes() for row in shades)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(pixels, 9)),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return (
        f'<image x="{panel.left:g}" y="{panel.top:g}" width="{panel.width:g}" height="{panel.height:g}"'
        ' preserveAspectRatio="none" style="image-rendering:pixelated"'
        f' href="data:image/png;base64,{base64.b64encode(png).decode()}"/>'
    )


def _tenths(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.rint(10 * np.column_stack([x, y])).astype(int)


def _steps(x: np.ndarray, y: np.ndarray) -> str:
    points = _tenths(x, y)
    steps = " ".join(map(str, np.diff(points, axis=0).ravel().tolist())) or "0 0"
    return f"M{points[0, 0]} {points[0, 1]}l{steps}".replace(" -", "-")


def _path(steps: str, style: str) -> str:
    return f'<path class="{style}" transform="scale(.1)" d="{steps}"/>' if steps else ""
