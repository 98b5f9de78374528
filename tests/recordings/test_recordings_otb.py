"""Reading OTBioLab+ exports and importing them into EMG-BIDS."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat

from pictrial.errors import InputError
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.otb import grid_positions, import_otb, read_otb


def test_grid_numbering_runs_down_and_up():
    """GR08MM1305: one corner missing, then a serpentine of 13 electrodes per column."""
    positions = grid_positions("GR08MM1305", np.arange(1, 65))
    layout = {
        1: (0, 1),
        12: (0, 12),
        13: (1, 12),
        25: (1, 0),
        26: (2, 0),
        38: (2, 12),
        39: (3, 12),
        64: (4, 12),
    }
    for number, place in layout.items():
        assert tuple(positions[number - 1] / 8) == place
    assert len(np.unique(positions, axis=0)) == 64
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    np.testing.assert_array_equal(steps, 8)  # consecutive electrodes are neighbours
    np.testing.assert_array_equal(grid_positions("GR04MM1305", np.arange(1, 65)) * 2, positions)
    assert np.isnan(grid_positions("XX99MM0101", np.arange(1, 3))).all()


def test_read_export(synthetic_export, export_content):
    recording, discharges = read_otb(synthetic_export)
    assert recording.name == "synthetic"
    assert recording.sampling_rate == 2048
    assert recording.emg.shape == (64, 4096) and recording.emg.dtype == np.float32
    np.testing.assert_array_equal(recording.emg, export_content["Data"][:, :64].T)
    np.testing.assert_allclose(recording.torque, export_content["Data"][:, -1])
    assert recording.torque_unit == "% MVC"
    assert recording.channel_names[::63] == ("EMG1", "EMG64")
    assert list(discharges) == ["OTB1", "OTB2"]
    np.testing.assert_array_equal(discharges["OTB1"], np.arange(200, 4096, 200))
    assert discharges["OTB2"].dtype == np.int64


def test_units_are_read(tmp_path, export_content):
    text = [t.replace("[uV]", "[mV]").replace("[ %(MVC)]", "[Nm]") for t in export_content["Description"]]
    savemat(tmp_path / "a.mat", export_content | {"Description": np.array(text, dtype=object)})
    recording, _ = read_otb(tmp_path / "a.mat")
    np.testing.assert_allclose(recording.emg, 1000 * export_content["Data"][:, :64].T, rtol=1e-6)
    assert recording.torque_unit == "N.m"


def described(content, number, text):
    texts = content["Description"].copy()
    texts[number] = text
    return content | {"Description": texts}


def without(content, *keys):
    return {key: value for key, value in content.items() if key not in keys}


def with_value(content, value):
    data = content["Data"].copy()
    data[10, 3] = value
    return content | {"Data": data}


def without_torque(content):
    return content | {"Data": content["Data"][:, :-1], "Description": content["Description"][:-1]}


DAMAGES = {
    "no Data": (lambda c: without(c, "Data"), "no 'Data'"),
    "no Description": (lambda c: without(c, "Description"), "no 'Description'"),
    "no rate": (lambda c: without(c, "SamplingFrequency"), "no 'SamplingFrequency'"),
    "negative rate": (lambda c: c | {"SamplingFrequency": -1.0}, "not one positive number"),
    "text for a rate": (lambda c: c | {"SamplingFrequency": "fast"}, "not one positive number"),
    "text for data": (lambda c: c | {"Data": "none"}, "not one table of numbers"),
    "fewer columns": (lambda c: c | {"Data": c["Data"][:, 1:]}, "67 columns of Data, 68 of Description"),
    "not finite": (lambda c: with_value(c, np.nan), r"column 4 .*not finite"),
    "unknown column": (
        lambda c: described(c, 66, "Temperature[K]"),
        "column 67: its description 'Temp",
    ),
    "two grids": (lambda c: described(c, 0, "Tibialis - AUX 2 - GR08MM1305 (1)[uV]"), "2 grids"),
    "electrode twice": (lambda c: described(c, 0, c["Description"][1]), "an electrode occurs twice"),
    "unit of EMG": (lambda c: described(c, 0, c["Description"][0].replace("uV", "a.u")), "no voltage"),
    "unit of torque": (lambda c: described(c, 67, "acquired data[kg]"), "column 68.*neither % MVC nor N.m"),
    "no torque": (without_torque, "no torque"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_export_that_is_refused(tmp_path, export_content, name):
    damage, rule = DAMAGES[name]
    savemat(tmp_path / "bad.mat", damage(export_content))
    with pytest.raises(InputError, match=rule):
        read_otb(tmp_path / "bad.mat")


@pytest.mark.parametrize("content", [b"", b"not a MATLAB file", b"\x80\x04K\x01." * 100])
def test_other_files(tmp_path, content):
    path = tmp_path / "bad.mat"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable MATLAB file"):
        read_otb(path)
    with pytest.raises(InputError, match="no such file"):
        read_otb(tmp_path / "none.mat")


def test_file_of_version_7_3(tmp_path):
    header = b"MATLAB 7.3 MAT-file".ljust(124) + (0x0200).to_bytes(2, "little") + b"IM"
    (tmp_path / "new.mat").write_bytes(header + b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(InputError, match=r"version 7\.3"):
        read_otb(tmp_path / "new.mat")


def test_truncated_export(tmp_path, synthetic_export):
    cut = tmp_path / "cut.mat"
    cut.write_bytes(synthetic_export.read_bytes()[:-100_000])
    with pytest.raises(InputError):
        read_otb(cut)


def test_torque_may_be_missing_when_told(tmp_path, export_content):
    savemat(tmp_path / "a.mat", without_torque(export_content))
    recording, _ = read_otb(tmp_path / "a.mat", require_torque=False)
    assert recording.torque is None


def test_import(tmp_path, synthetic_export, export_content):
    root = tmp_path / "bids"
    path = import_otb(synthetic_export, root, "01", "1", "ramp", condition="control")
    read = read_bids_recording(path)
    np.testing.assert_allclose(read.emg, export_content["Data"][:, :64].T, atol=1e-3)
    np.testing.assert_allclose(read.torque, export_content["Data"][:, -1], atol=1e-4)
    np.testing.assert_array_equal(read.positions, grid_positions("GR08MM1305", np.arange(1, 65)))
    sidecar = json.loads(path.with_name(path.name.replace(".bdf", ".json")).read_text())
    assert sidecar["ElectrodeManufacturersModelName"] == "GR08MM1305"
    assert sidecar["InterelectrodeDistance"] == 8
    events = pd.read_csv(
        root
        / "derivatives/otbiolab/sub-01/ses-1/emg/sub-01_ses-1_task-ramp_run-1_desc-decomposed_events.tsv",
        sep="\t",
    )
    assert list(events["sample"][events["unit_id"] == "OTB1"]) == list(range(200, 4096, 200))
    np.testing.assert_allclose(events["onset"], events["sample"] / 2048)


def test_import_extends_a_data_set(tmp_path, synthetic_export):
    root = tmp_path / "bids"
    import_otb(synthetic_export, root, "01", "1", "ramp", condition="control")
    import_otb(synthetic_export, root, "01", "1", "ramp", condition="control")
    import_otb(synthetic_export, root, "01", "2", "ramp")
    import_otb(synthetic_export, root, "02", "1", "ramp")
    participants = pd.read_csv(root / "participants.tsv", sep="\t")
    assert list(participants["participant_id"]) == ["sub-01", "sub-02"]
    sessions = pd.read_csv(root / "sub-01" / "sub-01_sessions.tsv", sep="\t", keep_default_na=False)
    assert sessions.to_numpy().tolist() == [["ses-1", 1, "control"], ["ses-2", 2, "n/a"]]
    with pytest.raises(InputError, match="has the condition 'control', not 'relaxation'"):
        import_otb(synthetic_export, root, "01", "1", "ramp", condition="relaxation")


def test_real_export(otb_testfile):
    recording, discharges = read_otb(otb_testfile)
    assert recording.emg.shape == (64, 66560)
    assert recording.sampling_rate == 2048
    assert recording.torque_unit == "% MVC"
    assert recording.torque.max() == pytest.approx(27.2, abs=0.1)
    assert [len(train) for train in discharges.values()] == [137, 154, 197, 293, 292]
    distances = np.linalg.norm(recording.positions[:, None] - recording.positions[None], axis=2)
    correlation = np.corrcoef(recording.emg)
    by_distance = [correlation[np.isclose(distances, d)].mean() for d in (8, 16, 24, 32)]
    assert by_distance == sorted(by_distance, reverse=True)  # a wrong numbering would break this
    assert by_distance[0] > 0.95
