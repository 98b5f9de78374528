"""Events beside the pulses, and bipolar channels beside a grid: written, read, refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.recordings.bids import read_bids_recording, read_events
from pictrial.recordings.bids_writer import write_bids_recording

EVENTS = pd.DataFrame(
    {"onset": [1.0, 0.25], "duration": [1.5, 2.75], "trial_type": ["nmes", "vibration"]}, index=[7, 3]
)


@pytest.fixture
def mixed(recording):
    """Five channels of the grid, then one of soleus."""
    positions = np.vstack([recording.positions[:5], [np.nan, np.nan]])
    names = (*recording.channel_names[:5], "SOL")
    return replace(recording, channel_names=names, positions=positions, groups=("grid1",) * 5 + ("soleus",))


@pytest.fixture
def soleus(mixed):
    return replace(
        mixed,
        emg=mixed.emg[5:],
        channel_names=("SOL",),
        positions=mixed.positions[5:],
        groups=("soleus",),
    )


def write(root, recording, task="vibstim", **options):
    return write_bids_recording(root, recording, "01", "1", task, **options)


def table(path, suffix):
    file = path.with_name(path.name.replace("emg.bdf", suffix))
    return pd.read_csv(file, sep="\t", keep_default_na=False)


def session_table(path, suffix):
    return pd.read_csv(path.with_name(f"sub-01_ses-1_{suffix}"), sep="\t", keep_default_na=False)


def test_events_survive_and_pulses_stay_pulses(tmp_path, recording):
    path = write(tmp_path, recording, events=EVENTS)
    read = read_events(path)
    assert read["trial_type"].tolist() == ["vibration", "stimulation", "nmes", "stimulation", "stimulation"]
    np.testing.assert_allclose(read["onset"], [0.25, 0.5, 1.0, 1.2345, 2.0])
    np.testing.assert_allclose(read["duration"], [2.75, 0, 1.5, 0, 0])
    assert read.dtypes[["onset", "duration"]].tolist() == [float, float]
    np.testing.assert_allclose(read_bids_recording(path).stimulation, [0.5, 1.2345, 2.0])
    assert table(path, "events.tsv")["sample"].tolist() == [250, 500, 1000, 1234, 2000]
    levels = pd.read_json(path.with_name(path.name.replace("emg.bdf", "events.json")))["trial_type"]["Levels"]
    assert set(levels) == {"vibration", "stimulation", "nmes"}


def test_events_without_any_pulse(tmp_path, recording):
    path = write(tmp_path, replace(recording, stimulation=np.empty(0)), events=EVENTS)
    assert read_events(path)["trial_type"].tolist() == ["vibration", "nmes"]
    assert read_bids_recording(path).stimulation.size == 0


def test_events_in_any_order_and_of_unknown_duration(tmp_path, recording):
    path = write(tmp_path, recording, events=EVENTS)
    file = path.with_name(path.name.replace("emg.bdf", "events.tsv"))
    header, *rows = file.read_text().splitlines()
    rows = [row.replace("\t1.5\t", "\tn/a\t") for row in reversed(rows)]
    file.write_text("\n".join([header, *rows]) + "\n")
    read = read_events(path)
    assert read["onset"].is_monotonic_increasing
    assert np.isnan(read.loc[read["trial_type"] == "nmes", "duration"]).all()
    assert read_bids_recording(path).stimulation.size == 3


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("1\t1.5\t", "soon\t1.5\t", "line 4: onset 'soon' is no number"),
        ("1\t1.5\t", "n/a\t1.5\t", "line 4: onset 'n/a' is no number"),
        ("1\t1.5\t", "1\tlong\t", "line 4: duration 'long' is no number"),
        ("1\t1.5\t", "1\t-1\t", "line 4: the event lies outside"),
        ("1\t1.5\t", "1\t2.1\t", r"line 4: the event lies outside the recording \(0 to 3 s\)"),
        ("0.25\t2.75\t", "-0.1\t2.75\t", "line 2: the event lies outside"),
    ],
)
def test_bad_event_is_named_by_file_and_line(tmp_path, recording, old, new, rule):
    path = write(tmp_path, recording, events=EVENTS)
    file = path.with_name(path.name.replace("emg.bdf", "events.tsv"))
    text = file.read_text()
    assert text.count("\n" + old) == 1
    file.write_text(text.replace("\n" + old, "\n" + new))
    with pytest.raises(InputError, match=f"events.tsv, {rule}"):
        read_events(path)
    assert read_bids_recording(path).stimulation.size == 3  # only the pulses are asked


def test_no_events_file(tmp_path, recording):
    path = write(tmp_path, replace(recording, stimulation=np.empty(0)))
    with pytest.raises(InputError, match=r"events\.tsv is missing"):
        read_events(path)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"trial_type": "stimulation"}, "kind of event 'stimulation' is unknown"),
        ({"trial_type": "rest"}, "kind of event 'rest' is unknown"),
        ({"duration": 2.5}, "'nmes' lies outside"),
        ({"onset": np.nan}, "'nmes' lies outside"),
    ],
)
def test_events_that_cannot_be_written(tmp_path, recording, change, rule):
    with pytest.raises(InputError, match=rule):
        write(tmp_path, recording, events=EVENTS.assign(**change))
    assert not list(tmp_path.rglob("*.bdf"))


def test_grid_and_bipolar_channel_of_one_recording(tmp_path, mixed):
    muscles = {"grid1": "gastrocnemius medialis", "soleus": "soleus"}
    path = write(tmp_path, mixed, metadata={"target_muscle": muscles})
    read = read_bids_recording(path)
    assert read.groups == mixed.groups
    np.testing.assert_array_equal(read.positions, mixed.positions)
    channels = table(path, "channels.tsv").set_index("name")
    assert channels.loc["SOL", ["signal_electrode", "reference", "target_muscle"]].tolist() == [
        "SOL1",
        "SOL2",
        "soleus",
    ]
    assert channels.loc["EMG5", ["signal_electrode", "reference", "target_muscle"]].tolist() == [
        "E5",
        "R1",
        "gastrocnemius medialis",
    ]
    grid = read_bids_recording(path, group="grid1")
    assert grid.channel_names == mixed.channel_names[:5]
    np.testing.assert_allclose(grid.emg, mixed.emg[:5], atol=1e-4)
    np.testing.assert_array_equal(grid.positions, mixed.positions[:5])
    alone = read_bids_recording(path, group="soleus")
    assert alone.channel_names == ("SOL",) and np.isnan(alone.positions).all()
    np.testing.assert_allclose(alone.emg[0], mixed.emg[5], atol=1e-4)
    with pytest.raises(InputError, match=r"no EMG channel is of the group 'vastus' .*\['grid1', 'soleus'\]"):
        read_bids_recording(path, group="vastus")


def test_electrodes_of_a_session_are_those_of_all_its_recordings(tmp_path, recording, mixed, soleus):
    path = write(tmp_path, recording, "ramp")
    before = session_table(path, "electrodes.tsv")
    write(tmp_path, mixed, "mvc")
    write(tmp_path, soleus)
    write(tmp_path, recording, "ramp")
    after = session_table(path, "electrodes.tsv")
    assert after["name"].tolist() == [*before["name"], "SOL1", "SOL2"]
    assert after["group"].tolist()[-3:] == ["n/a", "soleus", "soleus"]
    np.testing.assert_array_equal(read_bids_recording(path).positions, recording.positions)


def test_electrodes_at_places_that_decimals_do_not_hold(tmp_path, recording):
    thirds = replace(recording, positions=recording.positions / 3)
    path = write(tmp_path, thirds)
    assert len(session_table(write(tmp_path, thirds), "electrodes.tsv")) == 7
    np.testing.assert_allclose(read_bids_recording(path).positions, thirds.positions, atol=1e-8)


def test_two_channels_of_a_bipolar_group_are_refused(tmp_path, mixed):
    doubled = replace(mixed, groups=("grid1",) * 4 + ("soleus",) * 2)
    with pytest.raises(InputError, match="several channels are of the group 'soleus'"):
        write(tmp_path, doubled)
