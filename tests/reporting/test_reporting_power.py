"""The figure of power shows every cell in its place."""

import hashlib
from itertools import product

import matplotlib.text
import pandas as pd
import pytest

from pictrial.reporting.figures import write_figure
from pictrial.reporting.power_figure import draw_power

CONTRASTS = (
    ("stimulation", "control"),
    ("relaxation", "control"),
    ("any contrast", ""),
    ("all contrasts", ""),
)
LONG = "stimulation=-0.45, relaxation=-0.4"


@pytest.fixture(scope="module")
def curve():
    rows = product((12, 6, 9), (5, 10), (0.0, 0.2), (LONG, LONG.replace("0.4", "0.8")), CONTRASTS)
    table = pd.DataFrame(
        [(n, units, lost, effects, *contrast) for n, units, lost, effects, contrast in rows],
        columns=["participants", "units", "lost_units", "effects", "level", "minus"],
    )
    power = table["participants"] / 20 + table["units"] / 40 - table["lost_units"] / 4
    return table.assign(power=power, ci_lower=power - 0.05, ci_upper=power + 0.03)


@pytest.fixture(scope="module")
def figure(curve):
    figure = draw_power(curve, 0.8)
    figure.draw_without_rendering()
    return figure


def lines_of(axes):
    return [container.lines[0] for container in axes.containers]


def test_every_contrast_has_a_panel_with_a_line_per_setting(figure):
    titles = ["Stimulation − control", "Relaxation − control", "Any contrast", "All contrasts"]
    assert [axes.get_title() for axes in figure.axes] == titles
    for axes in figure.axes:
        assert len(lines_of(axes)) == 8
        assert axes.lines[-1].get_ydata() == [0.8, 0.8]
    first = lines_of(figure.axes[0])[0]
    assert first.get_xdata().tolist() == [6, 9, 12]
    assert first.get_ydata() == pytest.approx([0.425, 0.575, 0.725])
    (bars,) = figure.axes[0].containers[0].lines[2]
    assert bars.get_segments()[0][:, 1] == pytest.approx([0.375, 0.455])


def test_lines_are_told_apart_by_what_differs(figure, curve):
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "5 units, 0 % lost, stimulation −0.45, relaxation −0.4"
    assert len(set(labels)) == 8
    few = draw_power(curve[(curve["effects"] == LONG) & (curve["lost_units"] == 0)], 0.8)
    assert [text.get_text() for text in few.legends[0].get_texts()] == ["5 units", "10 units"]
    one = curve[(curve["effects"] == LONG) & (curve["lost_units"] == 0) & (curve["units"] == 5)]
    assert not draw_power(one, 0.8).legends


def test_text_is_large_enough_and_inside(figure):
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 7
    assert figure.get_figwidth() * 25.4 == pytest.approx(174)
    box = figure.get_tightbbox()
    assert box.x0 >= 0 and box.x1 <= figure.get_figwidth()
    assert box.y0 >= 0 and box.y1 <= figure.get_figheight()


def test_files_are_the_same_bytes_twice(curve, tmp_path):
    digests = [
        [
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in write_figure(draw_power(curve, 0.8), tmp_path / name)
        ]
        for name in "ab"
    ]
    assert digests[0] == digests[1]
