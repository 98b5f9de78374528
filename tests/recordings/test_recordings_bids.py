"""Writing EMG-BIDS and reading it again; every content check of the reader."""

import json
import shutil
from dataclasses import replace

import edfio
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.files import sha256
from pictrial.recordings.bdf import record_samples
from pictrial.recordings.bids import bids_name, channels_marked_bad, read_bids_recording, recording_path
from pictrial.recordings.bids_writer import write_bids_dataset, write_bids_recording, write_bids_sessions
from pictrial.seeds import random_generator

PARTICIPANTS = pd.DataFrame({"participant_id": ["sub-01"], "sex": ["F"]})


def write(root, recording, **options):
    return write_bids_recording(root, recording, "01", "1", "ramp", **options)


def sidecar(path, suffix):
    return path.with_name(path.name.replace("emg.bdf", suffix))


def edit_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_channels(path, change):
    file = sidecar(path, "channels.tsv")
    table = pd.read_csv(file, sep="\t", dtype=str, keep_default_na=False)
    change(table).to_csv(file, sep="\t", index=False)


def test_names_and_paths(tmp_path):
    assert bids_name("01", "1", "ramp") == "sub-01_ses-1_task-ramp_run-1"
    expected = tmp_path / "sub-01" / "ses-1" / "emg" / "sub-01_ses-1_task-mvc_run-2_emg.bdf"
    assert recording_path(tmp_path, "01", "1", "mvc", 2) == expected


@pytest.mark.parametrize("label", ["", "0_1", "ramp-1", "a b", "../x"])
def test_label_that_bids_forbids(label):
    with pytest.raises(InputError, match="only letters and digits"):
        bids_name("01", "1", label)


def test_round_trip(tmp_path, recording):
    read = read_bids_recording(write(tmp_path, recording))
    assert read.name == recording.name
    assert read.sampling_rate == recording.sampling_rate
    assert read.channel_names == recording.channel_names
    assert read.torque_unit == "% MVC"
    assert read.emg.shape == (6, 3000) and read.emg.dtype == np.float32
    np.testing.assert_allclose(read.emg, recording.emg, atol=1e-4)
    np.testing.assert_allclose(read.torque, recording.torque, atol=1e-5)
    np.testing.assert_array_equal(read.positions, recording.positions)
    np.testing.assert_allclose(read.stimulation, recording.stimulation, atol=1e-9)


def test_round_trip_without_torque_positions_and_pulses(tmp_path, recording):
    bare = replace(
        recording, torque=None, stimulation=np.empty(0), positions=np.full_like(recording.positions, np.nan)
    )
    path = write(tmp_path, bare)
    read = read_bids_recording(path, require_torque=False)
    assert read.torque is None
    assert read.stimulation.size == 0
    assert np.isnan(read.positions).all()
    with pytest.raises(InputError, match="no torque channel"):
        read_bids_recording(path)


def test_torque_in_newton_metres(tmp_path, recording):
    read = read_bids_recording(write(tmp_path, replace(recording, torque_unit="N.m")))
    assert read.torque_unit == "N.m"


def test_same_input_same_bytes(tmp_path, recording):
    for folder in ("a", "b"):
        write(tmp_path / folder, recording)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 7
    for file in files:
        assert sha256(tmp_path / "a" / file) == sha256(tmp_path / "b" / file)


def test_what_was_read_is_written_alike(tmp_path, recording):
    first = write(tmp_path / "a", recording)
    second = write(tmp_path / "b", read_bids_recording(first))
    assert sha256(first) == sha256(second)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n_samples=st.integers(1500, 5000),
    rate=st.sampled_from([512.0, 1000.0, 2000.0, 2048.0, 1925.93, 10240.0]),
    scale=st.sampled_from([1e-3, 1.0, 300.0, 2e4]),
)
def test_any_length_rate_and_size_survives(tmp_path, recording, n_samples, rate, scale):
    emg = scale * random_generator(0, n_samples, rate).uniform(-1, 1, (2, n_samples)).astype(np.float32)
    changed = replace(
        recording,
        sampling_rate=rate,
        emg=emg,
        channel_names=("A", "B"),
        positions=np.zeros((2, 2)),
        torque=np.zeros(n_samples),
        stimulation=np.empty(0),
    )
    path = write(tmp_path / f"{n_samples}_{rate}_{scale}", changed)
    read = read_bids_recording(path)
    assert read.n_samples == n_samples
    assert read.sampling_rate == rate
    np.testing.assert_allclose(read.emg, emg, atol=0.005 + 1e-6 * scale)


def test_data_records_divide_usual_lengths():
    assert record_samples(26 * 2048, 2048) == 2048
    assert record_samples(66560, 2048) == 1664
    assert record_samples(53251, 2048) == 2048  # a prime: padded, and cut again by RecordingDuration


def test_sidecars_hold_what_bids_asks_for(tmp_path, recording):
    metadata = {"PowerLineFrequency": 50, "target_muscle": "soleus"}
    path = write(tmp_path, recording, metadata=metadata)
    written = json.loads(sidecar(path, "emg.json").read_text())
    assert written["ElectrodeManufacturersModelName"] == "n/a"
    assert written["PowerLineFrequency"] == 50
    assert (written["EMGChannelCount"], written["MISCChannelCount"], written["TriggerChannelCount"]) == (
        6,
        1,
        1,
    )
    channels = pd.read_csv(sidecar(path, "channels.tsv"), sep="\t", keep_default_na=False)
    assert list(channels["type"]) == ["EMG"] * 6 + ["MISC", "TRIG"]
    assert list(channels["target_muscle"].iloc[5:7]) == ["soleus", "n/a"]
    events = pd.read_csv(sidecar(path, "events.tsv"), sep="\t")
    assert list(events["sample"]) == [500, 1234, 2000]
    assert set(events["trial_type"]) == {"stimulation"}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"channel_names": ("E1", "E1", "E3", "E4", "E5", "E6")}, "the name is taken"),
        ({"channel_names": ("torque", "E2", "E3", "E4", "E5", "E6")}, "the name is taken"),
        ({"channel_names": ("x" * 17, "E2", "E3", "E4", "E5", "E6")}, "does not fit a BDF header"),
        ({"channel_names": ("E1",)}, "1 names for 6 EMG channels"),
        ({"torque_unit": "kg"}, "torque is in 'kg'"),
        ({"torque": np.zeros(10)}, "torque has 10 samples"),
        ({"torque": np.full(3000, np.nan)}, "not finite"),
        ({"emg": np.full((6, 3000), np.inf, np.float32)}, "not finite"),
        ({"emg": np.full((6, 3000), 1e6, np.float32)}, "beyond 80000"),
        ({"stimulation": np.array([3.5])}, "outside the recording"),
        ({"stimulation": np.array([1.0, 1.0005])}, "less than 2 samples apart"),
    ],
)
def test_recording_that_cannot_be_written(tmp_path, recording, changes, rule):
    with pytest.raises(InputError, match=rule):
        write(tmp_path, replace(recording, **changes))
    assert not list(tmp_path.rglob("*.bdf"))


@pytest.mark.parametrize("metadata", [{"SamplingFrequency": 2048}, {"muscle": "soleus"}])
def test_metadata_that_cannot_be_written(tmp_path, recording, metadata):
    with pytest.raises(InputError, match="metadata"):
        write(tmp_path, recording, metadata=metadata)


def test_electrodes_are_fixed_within_a_session(tmp_path, recording):
    write(tmp_path, recording)
    write(tmp_path, recording)
    with pytest.raises(InputError, match="other electrodes"):
        write(tmp_path, replace(recording, positions=recording.positions + 1), run=2)


def test_dataset_and_sessions_are_checked(tmp_path):
    with pytest.raises(InputError, match="'sex' has no description"):
        write_bids_dataset(tmp_path, "Name", "Text", PARTICIPANTS, {})
    doubled = pd.concat([PARTICIPANTS, PARTICIPANTS])
    with pytest.raises(InputError, match="occurs twice"):
        write_bids_dataset(tmp_path, "Name", "Text", doubled, {"sex": {"Description": "Sex"}})
    with pytest.raises(InputError, match="'1' is not ses-"):
        write_bids_sessions(tmp_path, "01", pd.DataFrame({"session_id": ["1"]}))


def cut_bytes(count):
    def damage(path):
        path.write_bytes(path.read_bytes()[:count])

    return damage


def swap_first_two(table):
    return table.iloc[[1, 0, *range(2, len(table))]]


DAMAGES = {
    "cut within the data": (cut_bytes(-5000), "truncated or malformed"),
    "cut at a data record": (cut_bytes(-3 * 8 * 1000), "truncated or malformed"),
    "cut within the header": (cut_bytes(300), "truncated or malformed"),
    "empty file": (cut_bytes(0), "truncated or malformed"),
    "rate in emg.json": (
        lambda p: edit_json(sidecar(p, "emg.json"), SamplingFrequency=2048),
        "header says 1000 Hz, emg.json 2048 Hz",
    ),
    "no rate in emg.json": (
        lambda p: edit_json(sidecar(p, "emg.json"), SamplingFrequency="n/a"),
        "no SamplingFrequency",
    ),
    "rate in channels.tsv": (
        lambda p: edit_channels(p, lambda t: t.assign(sampling_frequency="512")),
        r"channel 'EMG1' \(row 1\).*channels.tsv says 512 Hz",
    ),
    "duration": (
        lambda p: edit_json(sidecar(p, "emg.json"), RecordingDuration=4.0),
        "lasts 3 s, by emg.json 4 s",
    ),
    "shorter duration": (
        lambda p: edit_json(sidecar(p, "emg.json"), RecordingDuration=1.5),
        "lasts 3 s, by emg.json 1.5 s",
    ),
    "number of channels": (
        lambda p: edit_channels(p, lambda t: t.drop(index=3)),
        "8 channels, channels.tsv 7",
    ),
    "channel count in emg.json": (
        lambda p: edit_json(sidecar(p, "emg.json"), EMGChannelCount=64),
        "EMGChannelCount 64, channels.tsv 6",
    ),
    "order of channels": (lambda p: edit_channels(p, swap_first_two), "'EMG2' .*the header calls it 'EMG1'"),
    "units": (
        lambda p: edit_channels(p, lambda t: t.assign(units=["mV", *t["units"][1:]])),
        "header's unit is 'uV', that of channels.tsv 'mV'",
    ),
    "missing column": (
        lambda p: edit_channels(p, lambda t: t.drop(columns="type")),
        "column 'type' is missing",
    ),
    "missing emg.json": (lambda p: sidecar(p, "emg.json").unlink(), "emg.json is missing"),
    "broken emg.json": (lambda p: sidecar(p, "emg.json").write_text("{"), "not a JSON object"),
    "missing channels.tsv": (lambda p: sidecar(p, "channels.tsv").unlink(), "channels.tsv is missing"),
    "no EMG": (lambda p: edit_channels(p, lambda t: t.assign(type="MISC")), "EMGChannelCount 6"),
    "electrode without a row": (
        lambda p: edit_channels(p, lambda t: t.assign(signal_electrode="E9")),
        "electrode 'E9' of 'grid1' is not in electrodes.tsv",
    ),
    "missing coordinate system": (
        lambda p: (p.parent / "sub-01_ses-1_space-grid1_coordsystem.json").unlink(),
        "coordsystem.json 'grid1' is missing",
    ),
    "events and trigger": (
        lambda p: sidecar(p, "events.tsv").write_text("onset\tduration\ttrial_type\n1\t0\tstimulation\n"),
        "1 stimulation pulses, the trigger channel 3",
    ),
    "shifted events": (
        lambda p: sidecar(p, "events.tsv").write_text(
            "onset\tduration\ttrial_type\n" + "".join(f"{t}\t0\tstimulation\n" for t in (0.51, 1.24, 2.1))
        ),
        "more than a sample apart",
    ),
    "events outside": (
        lambda p: sidecar(p, "events.tsv").write_text("onset\tduration\ttrial_type\n9\t0\tstimulation\n"),
        "outside the recording",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_content_check(tmp_path, recording, name):
    damage, rule = DAMAGES[name]
    path = write(tmp_path, recording)
    read_bids_recording(path)
    damage(path)
    with pytest.raises(InputError, match=rule) as caught:
        read_bids_recording(path)
    assert path.name in str(caught.value) or sidecar(path, "").name in str(caught.value)


def test_unit_of_torque_is_known(tmp_path, recording):
    path = write(tmp_path, recording)
    edit_channels(path, lambda t: t.assign(units=[*t["units"][:6], "kg", "V"]))
    header = edfio.read_bdf(path)
    header.signals[6].physical_dimension = "kg"
    header.write(path)
    with pytest.raises(InputError, match="torque is in 'kg'"):
        read_bids_recording(path)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("_physical_max", b"nan     ", "range in the header is empty"),
        ("_physical_max", b"-800    ", "range in the header is empty"),
        ("_physical_max", b"many    ", "range in the header is no number"),
        ("_digital_max", b"-8000000", "range in the header is empty"),
        ("_physical_max", b"1e39    ", "values that are not finite"),
    ],
)
@pytest.mark.parametrize("row", [2, 6])
def test_values_without_a_range(tmp_path, recording, row, field, value, rule):
    """edfio would return bare counts, with a warning at most."""
    path = write(tmp_path, replace(recording, torque=recording.torque * 10))
    header = edfio.read_bdf(path)
    assert header.signals[row].physical_range == (-800, 800)
    setattr(header.signals[row], field, value)
    header.write(path)
    with pytest.raises(InputError, match=rule) as caught:
        read_bids_recording(path)
    assert repr(header.signals[row].label) in str(caught.value)


def test_channels_of_different_rates(tmp_path, recording):
    path = write(tmp_path, recording)
    fast, slow = np.zeros(3000), np.zeros(1500)
    signals = [edfio.BdfSignal(fast, 1000), edfio.BdfSignal(slow, 500)]
    edfio.Bdf(signals, data_record_duration=1).write(path)
    with pytest.raises(InputError, match="differ in sampling rate"):
        read_bids_recording(path)


def test_missing_file_and_other_kind(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_bids_recording(tmp_path / "sub-01_task-ramp_emg.bdf")
    with pytest.raises(InputError, match="neither BDF nor EDF"):
        read_bids_recording(tmp_path / "sub-01_task-ramp_emg.set")


def test_sidecars_are_inherited(tmp_path, recording):
    write_bids_dataset(tmp_path, "Name", "Text", PARTICIPANTS, {"sex": {"Description": "Sex"}})
    path = write(tmp_path, recording)
    sidecar(path, "emg.json").rename(tmp_path / "task-ramp_emg.json")
    sidecar(path, "channels.tsv").rename(tmp_path / "sub-01" / "sub-01_task-ramp_channels.tsv")
    edit_json(tmp_path / "task-ramp_emg.json", SamplingFrequency=512)
    with pytest.raises(InputError, match=r"emg\.json 512 Hz"):
        read_bids_recording(path)
    sidecar(path, "emg.json").write_text('{"SamplingFrequency": 1000}')
    shutil.copy(tmp_path / "task-ramp_emg.json", tmp_path / "task-mvc_emg.json")
    assert read_bids_recording(path).n_samples == recording.n_samples


def test_channels_marked_bad(tmp_path, recording):
    path = write(tmp_path, recording)
    assert channels_marked_bad(path) == ()
    edit_channels(path, lambda t: t.assign(status=["n/a", "bad", *["good"] * 6]))
    assert channels_marked_bad(path) == ("EMG2",)


def test_official_examples_disagree_with_themselves(public_data):
    """Header: 0.5 s in µV; sidecars: 1 s in V. The validator does not see it, the content checks do."""
    folder = public_data / "bids_examples_emg" / "emg_TwoHDsEMG" / "sub-01" / "emg"
    with pytest.raises(InputError, match="unit is 'uV', that of channels"):
        read_bids_recording(folder / "sub-01_task-isometric_emg.edf", require_torque=False)


@pytest.mark.parametrize(
    ("name", "recording_name"),
    [
        ("emg_TwoHDsEMG", "sub-01_task-isometric"),
        ("emg_ConcurrentIndependentUnits", "sub-01_task-jumping_recording-highDensity"),
    ],
)
def test_official_examples_once_corrected(public_data, tmp_path, name, recording_name):
    root = tmp_path / name
    shutil.copytree(public_data / "bids_examples_emg" / name, root)
    path = root / "sub-01" / "emg" / f"{recording_name}_emg.edf"
    channels = path.with_name(f"{recording_name}_channels.tsv")
    channels.write_text(channels.read_text().replace("\tEMG\tV\t", "\tEMG\tuV\t"))
    edit_json(path.with_name(f"{recording_name}_emg.json"), RecordingDuration=0.5)
    read = read_bids_recording(path, require_torque=False)
    assert read.emg.shape == (128, 1000)
    assert read.sampling_rate == 2000
    assert read.channel_names[::127] == ("EMG1", "EMG128")
    assert np.isnan(read.positions).all()  # two grids, each with its own coordinates
