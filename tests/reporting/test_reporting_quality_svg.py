"""Drawing by hand: what is drawn is what was given."""

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.reporting.quality_figures import PALETTE
from pictrial.reporting.quality_svg import Panel, image, nice_ticks


def strokes(path: str) -> list[tuple[float, float, float]]:
    """Follow relative upright strokes: x, upper and lower end of each, in pixels."""
    x = y = 0
    found = []
    for dx, dy, span in re.findall(r"m(-?\d+) ?(-?\d+)v(-?\d+)", path):
        x, y = x + int(dx), y + int(dy)
        found.append((x / 10, y / 10, (y + int(span)) / 10))
        y += int(span)
    return found


def test_envelope_keeps_every_extreme():
    values = np.zeros(10_000)
    values[[1234, 8765]] = 1, -1
    panel = Panel(10, 20, 100, 50, (0, 1), (-1, 1))
    found = strokes(panel.envelope(values, "s"))
    assert len(found) == 100
    assert found[12] == (22.5, 20.0, 45.0)
    assert found[87] == (97.5, 45.0, 70.0)
    assert all(
        lower - upper == pytest.approx(0.8) for n, (_, upper, lower) in enumerate(found) if n not in (12, 87)
    )


def test_line_returns_to_its_points():
    panel = Panel(5, 5, 200, 100, (0, 10), (-2, 2))
    x, y = np.linspace(0, 10, 30), np.sin(np.linspace(0, 9, 30))
    y[11] = np.nan
    drawn = re.search(' d="([^"]*)"', panel.line(x, y, "s")).group(1)
    points = []
    for run in re.findall(r"M([^M]*)", drawn):
        start, steps = (np.array(re.findall(r"-?\d+", part), int).reshape(-1, 2) for part in run.split("l"))
        points += [start, start + np.cumsum(steps, axis=0)]
    known = np.isfinite(y)
    expected = np.column_stack([panel.px(x), panel.py(y)])[known]
    np.testing.assert_allclose(np.concatenate(points) / 10, expected, atol=0.051)


def test_image_holds_its_shades():
    from PIL import Image

    shades = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = re.search('base64,([^"]*)', image(Panel(0, 0, 1, 1, (0, 1), (0, 1)), shades, PALETTE)).group(1)
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    np.testing.assert_array_equal(found, PALETTE[shades])


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e4), st.integers(2, 8))
def test_ticks_are_round_and_inside(low, span, about):
    ticks = np.array(nice_ticks(low, low + span, about))
    assert about / 2.6 - 1 <= len(ticks) <= about + 2
    assert np.all((ticks >= low - 1e-6 * span) & (ticks <= low + span + 1e-6 * span))
    if len(ticks) > 1:
        step = np.diff(ticks).mean()
        np.testing.assert_allclose(np.diff(ticks), step, rtol=1e-4)
        assert round(step / 10 ** np.floor(np.log10(step * 1.0001)), 3) in (1, 2, 5)
