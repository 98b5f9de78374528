"""Events of a VibStim recording: what is refused, and where the windows lie."""

import numpy as np
import pytest
from vibstim_parts import BOUTS, END, ONSET, RATE, Parts

from pictrial.errors import InputError
from pictrial.vibstim.settings import ANCHORS, Window, WindowSettings
from pictrial.vibstim.timing import read_timing, samples_between, window_limits

VIBRATION, FIRST, SECOND = Parts().events
PULSES = Parts().pulses


def timing_of(**changed):
    parts = Parts(**changed)
    return read_timing(parts.recording(), parts.table())


def test_timing_is_that_of_the_events():
    timing = timing_of(events=[SECOND, VIBRATION, (20.5, np.nan, "stimulation"), FIRST])
    assert (timing.onset, timing.end) == (ONSET, END)
    assert timing.bouts.tolist() == [list(bout) for bout in BOUTS]


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"events": [FIRST, SECOND]}, "it has 0 events 'vibration', not one"),
        ({"events": [VIBRATION, VIBRATION, FIRST]}, "it has 2 events 'vibration', not one"),
        ({"events": [VIBRATION], "pulses": []}, "it has no events 'nmes'"),
        (
            {"events": [(4, 37, "vibration"), FIRST, SECOND]},
            "vibration from 4 to 41 s is not within its 40 s",
        ),
        ({"events": [(4, np.nan, "vibration"), FIRST]}, "vibration from 4 to nan s is not within its 40 s"),
        ({"events": [(13, 17, "vibration"), FIRST, SECOND]}, "NMES from 12 to 20 s is not within vibration"),
        ({"events": [(4, 15, "vibration"), FIRST, SECOND]}, "NMES from 12 to 20 s is not within vibration"),
        ({"events": [VIBRATION, FIRST, (13, 7, "nmes")]}, "its NMES bouts overlap or have no length"),
        ({"events": [VIBRATION, FIRST, (18, np.nan, "nmes")]}, "its NMES bouts overlap or have no length"),
        ({"pulses": PULSES[:40]}, "the NMES bout from 18 to 20 s has no stimulation pulse"),
        ({"pulses": np.append(PULSES, 25.0)}, "the stimulation pulse at 25 s is in no NMES bout"),
    ],
)
def test_events_that_cannot_be_are_refused(changed, rule):
    with pytest.raises(InputError) as error:
        timing_of(**changed)
    assert error.value.where == "vibstim_emg.bdf"
    assert error.value.rule.startswith(rule)


def test_windows_are_counted_from_their_anchors():
    timing = timing_of()
    limits = [window_limits(Window(anchor, -0.5, 1.0), timing) for anchor in ANCHORS]
    assert limits == [(3.5, 5.0), (11.5, 13.0), (19.5, 21.0), (29.5, 31.0)]


def test_a_window_has_all_its_samples_or_none():
    recording = Parts().recording()
    assert samples_between(recording, 1.0, 1.5) == slice(2048, 3072)
    assert samples_between(recording, 39.5, 40.0).stop == recording.n_samples
    for start, end in ((-0.1, 0.4), (39.6, 40 + 1 / RATE)):
        assert samples_between(recording, start, end) == slice(0, 0)


@pytest.mark.parametrize(
    ("window", "rule"),
    [
        ({"anchor": "vibration", "start": 0, "end": 1}, "anchor 'vibration' is unknown"),
        ({"anchor": "first_bout", "start": 1, "end": 1}, "a window from 1 to 1 s has no length"),
    ],
)
def test_windows_that_make_no_sense_are_refused(window, rule):
    with pytest.raises(InputError) as error:
        WindowSettings(rest=window)
    assert error.value.rule == rule
