"""Other tools' files: read to the sample, refused where they cannot be right, written so that they open."""

import gzip
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from decomposition_recordings import CHANNELS, RATE, recording, trains
from scipy.io import loadmat, savemat

from pictrial.cli import main
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.edits import difference
from pictrial.decomposition.exchange_foreign import (
    check_same_recording,
    export_for_editing,
    import_decomposition,
    read_foreign,
)
from pictrial.decomposition.given_discharges import pulse_trains_of
from pictrial.decomposition.storage import write_decomposition
from pictrial.errors import InputError
from pictrial.recordings.otb import read_otb
from pictrial.tables import read_table

GOOD = np.ones(CHANNELS, dtype=bool)
SETTINGS = DecompositionSettings(extended_channels=240)
LENGTH = 5000


def cells(*rows: list) -> np.ndarray:
    """A MATLAB cell array; short rows end with empty cells, as MATLAB pads them."""
    array = np.empty((len(rows), max(map(len, rows))), dtype=object)
    array.fill(np.zeros((0, 0)))
    for number, row in enumerate(rows):
        for place, item in enumerate(row):
            array[number, place] = np.atleast_2d(item)
    return array


def write_demuse(path, units, length=LENGTH, **fields):
    """As DEMUSE saves: discharges count from 1 and from the start of the recording."""
    content = {
        "MUPulses": cells([np.asarray(unit) for unit in units]),
        "IPTs": np.zeros((len(units), length)),
        "fsamp": np.uint16(2048),
        "PNR": np.full(len(units), 33.8),
        "startSIGInt": np.uint8(1),
        "stopSIGInt": np.uint8(2),
        "IED": np.uint8(8),
        "ref_signal": np.zeros((1, length)),
    }
    content |= fields
    savemat(path, {key: value for key, value in content.items() if value is not None})


def muedit_struct(grids, length=LENGTH, flagged=()):
    pulse_trains = []
    for grid, units in enumerate(grids):
        block = np.ones((len(units), length))
        for unit in [unit for place, unit in flagged if place == grid]:
            block[unit] = 0
        pulse_trains.append(block)
    trains_of_grids = [[np.asarray(unit, float) for unit in units] for units in grids]
    return {"Pulsetrain": cells(pulse_trains), "Dischargetimes": cells(*trains_of_grids)}


def write_muedit_file(path, decomposed, edited=None, length=LENGTH):
    """As MUedit saves, but for the version of the MATLAB file."""
    signal = {"data": np.zeros((4, length)), "fsamp": 2048.0, "ngrid": float(len(decomposed))}
    content = {"signal": signal | muedit_struct(decomposed, length), "parameters": {"NITER": 75.0}}
    if edited is not None:
        content["edition"] = edited
    savemat(path, content)


def write_muedit2(path, units, length=LENGTH, **arrays):
    """As MUedit2 2.1.0 saves: an object array of discharges that count from 0."""
    packed = np.empty(len(units), dtype=object)
    for number, unit in enumerate(units):
        packed[number] = np.asarray(unit)
    content = {
        "pulse_trains": np.zeros((len(units), length)),
        "discharge_times": packed,
        "fsamp": 2048.0,
        "total_samples": length,
        "parameters": np.array([{"target_muscle": "TA"}], dtype=object),
    }
    np.savez_compressed(path, **(content | arrays))


def zipped(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def write_json(path, units, length=LENGTH, **fields):
    """As openhdemg saves: JSON texts in a gzipped JSON object."""
    content = {"SOURCE": "OTB", "FILENAME": "a.mat", "FSAMP": 2048.0, "EMG_LENGTH": length}
    content |= {"MUPULSES": [list(unit) for unit in units], "NUMBER_OF_MUS": len(units)} | fields
    path.write_bytes(zipped(json.dumps({key: json.dumps(value) for key, value in content.items()})))


FORMATS = {
    "DEMUSE": SimpleNamespace(write=write_demuse, first=1, suffix=".mat"),
    "MUedit": SimpleNamespace(
        write=lambda path, units, length=LENGTH: write_muedit_file(path, [units], None, length),
        first=1,
        suffix=".mat",
    ),
    "MUedit2": SimpleNamespace(write=write_muedit2, first=0, suffix=".npz"),
    "openhdemg": SimpleNamespace(write=write_json, first=0, suffix=".json"),
}


@pytest.fixture(params=FORMATS)
def tool(request, tmp_path):
    form = FORMATS[request.param]
    return SimpleNamespace(name=request.param, path=tmp_path / f"file{form.suffix}", **vars(form))


def test_first_and_last_sample_are_read_exactly(tool):
    tool.write(tool.path, [[tool.first, 700, LENGTH - 1 + tool.first], [33, 44]])
    read = read_foreign(tool.path)
    assert (read.tool, read.sampling_rate, read.n_samples) == (tool.name, 2048.0, LENGTH)
    assert list(read.discharges) == ["MU01", "MU02"]
    assert read.discharges["MU01"].tolist() == [0, 700 - tool.first, LENGTH - 1]
    assert read.discharges["MU02"].tolist() == [33 - tool.first, 44 - tool.first]
    assert read.discharges["MU01"].dtype == np.int64
    assert read.left_out == read.repaired == {}


def test_one_unit_and_units_of_equal_length_are_read(tool):
    tool.write(tool.path, [[11, 22, 33]])
    assert [len(train) for train in read_foreign(tool.path).discharges.values()] == [3]
    tool.write(tool.path, [[11, 22], [33, 44], [55, 66]])
    assert [train[1] + tool.first for train in read_foreign(tool.path).discharges.values()] == [22, 44, 66]


def test_format_is_found_by_content(tool, tmp_path):
    tool.write(tool.path, [[11, 22]])
    other = tmp_path / "renamed.dat"
    os.rename(tool.path, other)
    assert read_foreign(other).tool == tool.name


def test_disorder_is_put_right_and_told_and_empty_units_are_left_out(tool):
    tool.write(tool.path, [[90, 11, 22], [], [5, 6, 6, 6]])
    read = read_foreign(tool.path)
    assert (read.discharges["MU01"] + tool.first).tolist() == [11, 22, 90]
    assert (read.discharges["MU03"] + tool.first).tolist() == [5, 6]
    assert read.left_out == {"MU02": "no discharges"}
    assert read.repaired == {
        "MU01": "its discharges were not in order",
        "MU03": "2 discharges were listed more than once",
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("before", "discharge {} is not among the samples {} to {}"),
        (-7, "discharge -7 is not among the samples"),
        ("after", "discharge {} is not among the samples {} to {}"),
        (10.5, "discharge 10.5 is not a whole number of samples"),
        (float("nan"), "discharge nan is not a whole number"),
    ],
)
def test_impossible_discharges_are_refused(tool, wrong, message):
    last = LENGTH - 1 + tool.first
    value = {"before": tool.first - 1, "after": last + 1}.get(wrong, wrong)
    tool.write(tool.path, [[11, 22], [value, 30, 40]])
    with pytest.raises(InputError) as error:
        read_foreign(tool.path)
    assert error.value.where == f"{tool.path}, motor unit 2"
    assert message.format(value, tool.first, last) in error.value.rule


def test_damaged_files_are_refused(tool):
    tool.write(tool.path, [[11, 22]] * 9)
    content = tool.path.read_bytes()
    tool.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError):
        read_foreign(tool.path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fsamp": None}, "'fsamp' is not one number"),
        ({"fsamp": np.array([2048, 2048])}, "'fsamp' is not one number"),
        ({"fsamp": 0.0}, "the sampling rate is 0"),
        ({"IPTs": None}, "'IPTs' does not have one row for each of the 2 motor units"),
        ({"IPTs": np.zeros((3, LENGTH))}, "'IPTs' does not have one row"),
        ({"MUPulses": np.arange(9)}, "'MUPulses' is not a cell array"),
        ({"MUPulses": cells(["abc", [1]])}, "motor unit 1: its discharges are not numbers"),
    ],
)
def test_demuse_fields_that_do_not_fit_are_refused(tmp_path, fields, message):
    write_demuse(tmp_path / "d.mat", [[11, 22], [33]], **fields)
    with pytest.raises(InputError, match=message):
        read_foreign(tmp_path / "d.mat")


def test_edition_counts_and_flagged_units_are_left_out(tmp_path):
    path = tmp_path / "m.mat_edited.mat"
    edited = muedit_struct([[[1, 9], [1, 2048], [7]], [[5, 8, 12]]], flagged=[(0, 1)])
    write_muedit_file(path, [[[1], [2], [3]], [[4]]], edited)
    read = read_foreign(path)
    units = {unit: train.tolist() for unit, train in read.discharges.items()}
    assert units == {"MU01": [0, 8], "MU03": [6], "MU04": [4, 7, 11]}
    assert read.left_out == {"MU02": "flagged for deletion in MUedit"}


def test_muedit_without_a_decomposition_is_refused(tmp_path):
    savemat(tmp_path / "m.mat", {"signal": {"data": np.zeros((4, 50)), "fsamp": 2048.0}})
    with pytest.raises(InputError, match="it has no field 'Pulsetrain'"):
        read_foreign(tmp_path / "m.mat")
    few = muedit_struct([[[1], [2]]]) | {"Dischargetimes": cells([np.array([1.0])])}
    write_muedit_file(tmp_path / "f.mat", [[[1]]], few)
    with pytest.raises(InputError, match="grid 1 has 2 pulse trains, but fewer cells of discharges"):
        read_foreign(tmp_path / "f.mat")


def test_matlab_7_3_says_what_to_do(tmp_path):
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512)
    (tmp_path / "m.mat").write_bytes(text + b"\x89HDF\r\n\x1a\n" + bytes(64))
    with pytest.raises(InputError, match=r"version 7.3.*save\('other.mat', '-struct', 'S', '-v7'\)"):
        read_foreign(tmp_path / "m.mat")


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(("function", "arguments"), [(os.mkdir, ("trap.npy",)), (np.save, ("trap.npy", 1))])
def test_npz_cannot_run_code(tmp_path, monkeypatch, function, arguments):
    monkeypatch.chdir(tmp_path)
    trap = np.array([Trap(function, arguments)], dtype=object)
    write_muedit2(tmp_path / "m.npz", [[1]], discharge_times=trap)
    with pytest.raises(
        InputError, match=rf"'discharge_times' cannot be read: it holds .*{function.__name__}"
    ):
        read_foreign(tmp_path / "m.npz")
    assert not (tmp_path / "trap.npy").exists()


OTHER_CONTENT = {
    "nothing": (b"", "its format is unknown"),
    "table": (b"onset\tsample\n", "its format is unknown"),
    "no_archive": (b"PK\x03\x04 no archive", "it cannot be read"),
    "cut": (zipped("[1, 2]" * 99)[:-9], "it cannot be read"),
    "list": (zipped("[1, 2]"), "not openhdemg's JSON"),
    "no_units": (zipped('{"FSAMP": "2048"}'), "it has no 'MUPULSES', so no decomposition"),
    "bad_json": (zipped('{"MUPULSES": "[[1", "FSAMP": "1", "EMG_LENGTH": "9"}'), "not openhdemg's JSON"),
    "no_rate": (
        zipped('{"MUPULSES": "[]", "FSAMP": "null", "EMG_LENGTH": "9"}'),
        "'FSAMP' is not one number",
    ),
}


@pytest.mark.parametrize(("content", "message"), OTHER_CONTENT.values(), ids=OTHER_CONTENT)
def test_other_content_is_refused(tmp_path, content, message):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_foreign(tmp_path / "x.json")


def test_missing_file_and_other_archives_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_foreign(tmp_path / "no.mat")
    np.savez(tmp_path / "a.npz", torque=np.zeros(3))
    with pytest.raises(InputError, match="its format is unknown"):
        read_foreign(tmp_path / "a.npz")
    savemat(tmp_path / "a.mat", {"EMG": np.zeros(3)})
    with pytest.raises(InputError, match="its format is unknown"):
        read_foreign(tmp_path / "a.mat")


def test_otbiolab_export_is_read_as_the_importer_reads_it(otb_testfile):
    read = read_foreign(otb_testfile)
    assert (read.tool, read.sampling_rate, read.n_samples) == ("OTBioLab+", 2048.0, 66560)
    expected = read_otb(otb_testfile)[1]
    assert list(read.discharges) == list(expected)
    for unit, train in expected.items():
        np.testing.assert_array_equal(read.discharges[unit], train)


@pytest.fixture(scope="module")
def signal():
    return recording(trains(3, 8.0, "exchange"), 8.0, "rec-1")


@pytest.fixture(scope="module")
def imported(signal, tmp_path_factory):
    """The known trains of the recording, as DEMUSE would have them, and an empty unit."""
    known = trains(3, 8.0, "exchange")
    path = tmp_path_factory.mktemp("foreign") / "d.mat"
    # A filter peaks somewhere within the potential; its middle is what a tool would find.
    write_demuse(path, [*[train + 20 + 1 for train in known.values()], []], signal.n_samples)
    return import_decomposition(read_foreign(path), signal, GOOD, SETTINGS)


def test_import_keeps_discharges_and_estimates_filters_that_separate(signal, imported):
    known = trains(3, 8.0, "exchange")
    assert list(imported.discharges) == ["MU01", "MU02", "MU03"]
    for train, pulse_train, (unit, samples) in zip(
        known.values(), pulse_trains_of(imported, signal.emg), imported.discharges.items(), strict=True
    ):
        np.testing.assert_array_equal(samples, train + 20)
        assert pulse_train[samples].mean() == pytest.approx(1, rel=1e-4)
        away = np.convolve(np.isin(np.arange(signal.n_samples), samples), np.ones(21), "same") == 0
        assert pulse_train[away].max() < 0.1, "high at discharges only"
        assert len(imported.sources[unit]) == len(samples)
    quality = imported.quality.set_index("unit_id")
    assert (quality.loc[["MU01", "MU02", "MU03"], "silhouette"] > 0.95).all()
    assert quality.loc["MU04", ["accepted", "reason", "n_discharges"]].tolist() == [False, "no discharges", 0]


def test_file_of_another_recording_is_refused(signal, tmp_path):
    n = signal.n_samples
    for length, rate, message in [
        (n - 1, 2048.0, f"it has {n - 1} samples, the recording {n}"),
        (n + 2049, 2048.0, "samples, the recording"),
        (n, 2000.0, "its sampling rate is 2000 Hz, the recording's 2048 Hz"),
    ]:
        write_json(tmp_path / "o.json", [[11, 22]], length, FSAMP=rate)
        with pytest.raises(InputError, match=message):
            import_decomposition(read_foreign(tmp_path / "o.json"), signal, GOOD, SETTINGS)
    write_json(tmp_path / "o.json", [[11, n]], n + 2048)
    with pytest.raises(InputError, match="samples, the recording"):
        check_same_recording(read_foreign(tmp_path / "o.json"), RATE, n)
    write_json(tmp_path / "o.json", [[11, n - 1]], n + 2048)
    check_same_recording(read_foreign(tmp_path / "o.json"), RATE, n)
    write_json(tmp_path / "o.json", [[]], n)
    with pytest.raises(InputError, match="no motor unit with discharges"):
        import_decomposition(read_foreign(tmp_path / "o.json"), signal, GOOD, SETTINGS)


@pytest.fixture(params=["muedit", "openhdemg"])
def exported(request, tmp_path, signal, imported):
    path = tmp_path / {"muedit": "e.mat", "openhdemg": "e.json"}[request.param]
    export_for_editing(path, request.param, imported, signal, GOOD)
    return SimpleNamespace(editor=request.param, path=path)


def edited_file(exported, trains_after: list[np.ndarray]):
    """Save `trains_after` (samples from 0) in the exported file, as the editor would."""
    if exported.editor == "muedit":
        content = loadmat(exported.path, variable_names=["signal", "parameters"])
        content["edition"] = muedit_struct([[train + 1 for train in trains_after]], LENGTH)
        savemat(exported.path, {key: content[key] for key in ("signal", "parameters", "edition")})
    else:
        content = json.loads(gzip.decompress(exported.path.read_bytes()))
        content["MUPULSES"] = json.dumps([train.tolist() for train in trains_after])
        exported.path.write_bytes(zipped(json.dumps(content)))


def test_unchanged_export_has_no_edits(exported, imported):
    after = read_foreign(exported.path)
    check_same_recording(after, imported.sampling_rate, imported.n_samples)
    assert len(difference(imported, after.discharges, 0.3, "A", "2024-05-01", "seen")) == 0


def test_edited_export_gives_exactly_these_edits(exported, imported):
    one, two, _ = imported.discharges.values()
    own = np.arange(100, 9000, 777)
    edited_file(exported, [own, np.delete(two, 5), np.append(one, one[-1] + 300)])
    edits = difference(imported, read_foreign(exported.path).discharges, 0.3, "A", "2024-05-01", "seen")
    changes = {
        (row.unit_id, row.operation, None if row.operation.endswith("unit") else round(row.onset * RATE))
        for row in edits.itertuples()
    }
    assert changes == {
        ("MU03", "remove_unit", None),
        ("MU01", "add_discharges", one[-1] + 300),
        ("MU02", "remove_discharges", two[5]),
        ("MU05", "add_unit", None),
        *(("MU05", "add_discharges", sample) for sample in own),
    }
    assert len(edits) == len(changes)


def test_export_holds_signal_and_pulse_trains(exported, signal, imported):
    if exported.editor == "muedit":
        struct = loadmat(exported.path)["signal"][0, 0]
        emg, pulse_trains = struct["data"], struct["Pulsetrain"][0, 0]
        assert struct["EMGmask"][0, 0].shape == (CHANNELS, 1)
        assert struct["Dischargetimes"][0, 0][0, 0] == imported.discharges["MU01"][0] + 1
    else:
        content = json.loads(gzip.decompress(exported.path.read_bytes()))
        emg, pulse_trains = (np.array(json.loads(content[key])["data"]).T for key in ("RAW_SIGNAL", "IPTS"))
        firing = np.array(json.loads(content["BINARY_MUS_FIRING"])["data"])
        assert np.flatnonzero(firing[:, 1]).tolist() == imported.discharges["MU02"].tolist()
        assert json.loads(json.loads(json.dumps(content["NUMBER_OF_MUS"]))) == 3
    np.testing.assert_allclose(emg, signal.emg, atol=1e-5)
    np.testing.assert_allclose(pulse_trains, pulse_trains_of(imported, signal.emg), atol=1e-5)


def test_export_is_the_same_to_the_byte(exported, signal, imported, tmp_path):
    again = tmp_path / f"again{exported.path.suffix}"
    export_for_editing(again, exported.editor, imported, signal, GOOD)
    assert again.read_bytes() == exported.path.read_bytes()


def test_export_of_another_recording_or_suffix_is_refused(signal, imported, tmp_path):
    short = recording({}, 5.0, "rec-2")
    with pytest.raises(InputError, match="not the recording of which rec-1 was decomposed"):
        export_for_editing(tmp_path / "e.mat", "muedit", imported, short, GOOD)
    with pytest.raises(InputError, match=r"openhdemg opens .json files"):
        export_for_editing(tmp_path / "e.mat", "openhdemg", imported, signal, GOOD)


def test_import_edits_from_the_command_line(exported, imported, tmp_path, capsys):
    write_decomposition(imported, tmp_path, "imported")
    events = tmp_path / "rec-1_desc-imported_events.tsv"
    options = [
        "--editor",
        "A. B.",
        "--reason",
        "seen",
        "--date",
        "2024-05-01",
        "--output",
        str(tmp_path / "edits"),
    ]
    assert main(["import-edits", str(events), str(exported.path), *options]) == 0
    assert capsys.readouterr().out == f"{exported.path}: nothing was edited\n"
    assert not (tmp_path / "edits").exists()

    one, two, three = imported.discharges.values()
    edited_file(exported, [three, one[2:], two])
    assert main(["import-edits", str(events), str(exported.path), *options]) == 0
    table = tmp_path / "edits" / "rec-1_edits.tsv"
    assert capsys.readouterr().out == f"{table}: 2 remove_discharges\n"
    assert read_table(table, "edits")["unit_id"].tolist() == ["MU01", "MU01"]
    # Our own filters file is a decomposition to compare with, too: to carry edits over.
    assert (
        main(["import-edits", str(events), str(tmp_path / "rec-1_desc-imported_filters.npz"), *options]) == 0
    )
    assert "nothing was edited" in capsys.readouterr().out
    assert main(["import-edits", str(events), str(exported.path), *options]) == 2
    assert "it already has edits of decomposition" in capsys.readouterr().err
    assert main(["import-edits", str(tmp_path / "x.tsv"), str(exported.path), *options]) == 2
    assert "not the events table of a decomposition" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".mat", ".otb+", ".otb4", ".bdf", ".edf"])
def test_command_line_takes_every_format_of_recordings(suffix, imported, tmp_path, capsys):
    write_decomposition(imported, tmp_path, "imported")
    events, missing = tmp_path / "rec-1_desc-imported_events.tsv", tmp_path / f"no{suffix}"
    options = ["--recording", str(missing), "--format", "muedit", "--output", str(tmp_path / "e.mat")]
    assert main(["export-decomposition", str(events), *options]) == 2
    said = capsys.readouterr().err
    assert str(missing) in said and "no format of recordings" not in said


@pytest.mark.slow
def test_from_a_vendors_decomposition_to_edits(otb_testfile, tmp_path, capsys):
    source, events = str(otb_testfile), str(tmp_path / "otb_testfile_desc-imported_events.tsv")
    assert main(["import-decomposition", source, "--recording", source, "--output", str(tmp_path)]) == 0
    assert "5 motor units of OTBioLab+" in capsys.readouterr().out
    units = read_table(tmp_path / "otb_testfile_desc-imported_units.tsv", "quality_units")
    # The vendor's discharges of one unit are at the beginning of its potential: see docs/editing.md.
    assert units["silhouette"].min() > 0.65 and units["silhouette"].median() > 0.9
    for editor, name in (("muedit", "e.mat"), ("openhdemg", "e.json")):
        file = str(tmp_path / name)
        command = [
            "export-decomposition",
            events,
            "--recording",
            source,
            "--format",
            editor,
            "--output",
            file,
        ]
        assert main(command) == 0
        capsys.readouterr()
        options = ["--editor", "A", "--reason", "r", "--output", str(tmp_path)]
        assert main(["import-edits", events, file, *options]) == 0
        assert "nothing was edited" in capsys.readouterr().out
