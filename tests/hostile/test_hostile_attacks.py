"""Files that are made to do harm: run code, leave the data set, fill the memory, never end, or be misread."""

import gzip
import io
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import hostile_files as files
import numpy as np
import pytest
import trial_plans
from hostile_watch import watched
from scipy.io import loadmat, savemat

from pictrial.checked_yaml import read_checked_yaml
from pictrial.decomposition.exchange_foreign import read_foreign
from pictrial.decomposition.pickled_arrays import read_array_of_arrays
from pictrial.errors import InputError
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.matlab_files import read_matlab
from pictrial.recordings.otb import read_otb
from pictrial.recordings.packed_files import ALWAYS_ALLOWED
from pictrial.tables import read_table, read_text_table
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.plan import load_plan
from pictrial.trial.stages import CONFIGURATION_SCHEMA

MEGABYTE = 2**20
BOMB = 3 * ALWAYS_ALLOWED // 2  # bytes when unpacked


def refused(path: Path, read, message: str) -> None:
    """Check that a file is refused with `message`, without a step outside its folder."""
    with watched(path.parent), pytest.raises(InputError, match=message) as error:
        read(path)
    assert str(path) in error.value.where


# Code in data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.system ['touch trap']", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: 1\na: 2", "key 'a' occurs twice"),
        ("seed: .nan", "nan is not a finite number"),
        ("seed: 1.0e+999", "not a finite number"),
        ("trial: 2026-99-99", "line 1: month must be in 1..12"),
        ("trial: !!float x", "could not convert"),
        ("a: &a [*a]", "aliases make it larger"),
        ("[" * 5000, "nested too deeply"),
        ("a: &a {<<: *a}", "not YAML|aliases|nested"),
        ("a: b\0", "not YAML"),
        ("trial: \udcff", "not YAML"),
    ],
)
def test_yaml_that_is_more_than_data(tmp_path, text, message):
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    refused(path, lambda file: read_checked_yaml(file, CONFIGURATION_SCHEMA), message)
    assert os.listdir(tmp_path) == ["config.yaml"]


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(lines)


def test_yaml_aliases_may_save_typing_but_not_multiply(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(laughs(3))
    refused(path, lambda file: read_checked_yaml(file, CONFIGURATION_SCHEMA), "key 'trial' is missing")
    path.write_text(laughs(12))
    refused(path, lambda file: read_checked_yaml(file, CONFIGURATION_SCHEMA), "aliases make it larger than")


class Trap:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def pickled(*items) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


@pytest.mark.parametrize("member", ["discharge_times", "fsamp", "total_samples"])
def test_a_pickle_in_an_archive_is_never_run(tmp_path, member):
    path = files.write_muedit2(tmp_path)
    content = {"discharge_times": np.ones((1, 1)), "fsamp": 2048.0, "total_samples": 9}
    np.savez(path, **(content | {member: pickled(Trap(os.mkdir, (str(tmp_path / "trap"),)))}))
    refused(path, read_foreign, "cannot be read")
    assert not (tmp_path / "trap").exists()


def type_with_false_flags() -> bytes:
    """A pickle whose dtype says that objects are plain bytes: unpickled, numpy would follow any pointer."""
    good = pickle.dumps(pickled(np.arange(3), np.arange(2)), protocol=4)
    assert good.count(b"i8") == 1
    return good.replace(b"i8", b"O8")


@pytest.mark.parametrize(
    "content",
    [
        type_with_false_flags(),
        b"\x80\x04r\xff\xff\xff\xff.",  # a place in the memory of 4 billion entries
        b"\x80\x04" + b"(" * 100_000 + b".",
        b"\x80\x04\x8e" + b"\xff" * 8,
        b"\x80\x04K\x01.",
        b"\x80\x04].",
        pickle.dumps(pickled("text"), protocol=4),
        pickle.dumps(pickled({"a": 1}), protocol=4),
    ],
)
def test_a_pickle_of_something_else_is_refused(tmp_path, content):
    path = files.write_muedit2(tmp_path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (2,)})
    files.Target(None, None, "discharge_times.npy").put(path, header.getvalue() + content)
    refused(path, read_foreign, "'discharge_times' cannot be read")


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_of_arrays_are_read_as_numpy_reads_them(tmp_path, protocol):
    rows = [
        np.arange(5),
        np.array([], np.int64),
        np.array([[1.5, 2.5]]),
        np.asfortranarray(np.ones((2, 3))),
        7,
    ]
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (5,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + pickle.dumps(pickled(*rows), protocol=protocol))
    read = read_array_of_arrays(tmp_path / "a.npz", "a")
    for row, expected in zip(read, rows, strict=True):
        np.testing.assert_array_equal(row, np.atleast_1d(expected))
    equal = np.empty((2, 3), dtype=object)
    equal[:] = [[1, 2, 3], [4, 5, 6]]
    np.savez(tmp_path / "b.npz", a=equal)
    assert [row.tolist() for row in read_array_of_arrays(tmp_path / "b.npz", "a")] == [[1, 2, 3], [4, 5, 6]]


def test_xml_has_no_entities(tmp_path):
    path = files.write_archive(".otb4")(tmp_path)
    with tarfile.open(path) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
    entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    members["Tracks_000.xml"] = members["Tracks_000.xml"].replace(b"?>", b"?>" + entity, 1)
    files.otb_archives.write_tar(path, members)
    with watched(tmp_path), pytest.raises(InputError, match="document type"):
        read_otb(path)


# Paths


@pytest.mark.parametrize(
    "suffix", ["_emg.bdf", "_emg.json", "_channels.tsv", "_electrodes.tsv", "_coordsystem.json"]
)
def test_a_link_out_of_the_data_set_is_not_followed(tmp_path, suffix):
    recording = files.write_bids(tmp_path / "bids")
    assert read_bids_recording(recording).n_samples == files.N_SAMPLES
    file = next(recording.parent.glob(f"*{suffix}"))
    inner, outer = tmp_path / "bids" / f"kept{suffix}", tmp_path / f"secret{suffix}"
    file.rename(inner)
    file.symlink_to(inner)
    assert read_bids_recording(recording).n_samples == files.N_SAMPLES
    inner.rename(outer)
    file.unlink()
    file.symlink_to(outer)
    refused(file, lambda _: read_bids_recording(recording), "link that leads out of the data set")


def test_a_table_linked_out_of_the_data_set_is_not_read(tmp_path):
    path = files.scores(".tsv")(tmp_path)
    (tmp_path / "dataset_description.json").write_text("{}")
    plan = files.plan_with_score(tmp_path / "plan")
    assert len(clinical_scores(plan, tmp_path)["spasticity"]) == 1
    path.unlink()
    path.symlink_to("/etc/passwd")
    refused(path, lambda _: clinical_scores(plan, tmp_path), "link that leads out of the data set")


@pytest.mark.parametrize(
    "name", ["scores.../etc/passwd.x", "scores./etc/passwd.x", "scores.a/../b.x", "scores.a.b\n"]
)
def test_a_measure_is_no_path(tmp_path, name):
    def change(content):
        content["outcomes"]["delta_f"]["measure"] = name

    with pytest.raises(InputError, match="measure"):
        load_plan(trial_plans.changed(tmp_path, change))


@pytest.mark.parametrize("name", ["../01", "/etc", "01/..", "01\n", "0 1", ""])
def test_a_participant_is_no_path(tmp_path, name):
    def change(content):
        people = content["participants"]
        people[name] = people.pop("01")

    with pytest.raises(InputError, match="participants"):
        load_plan(trial_plans.changed(tmp_path, change))


def test_members_of_an_archive_are_not_unpacked(tmp_path):
    path = files.write_archive(".otb+")(tmp_path)
    with tarfile.open(path, "a") as tar:
        for name in ("../../outside", "/tmp/outside"):
            tar.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("signal9.pro")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    refused(path, read_otb, "not a plain file")


# Text that readers fill, cut or misread


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the table is empty"),
        (b"\n\n", "the table is empty"),
        (b"a\tb\n1\n", "line 2: the line has 1 cells, the header 2"),
        (b"a\tb\n1\t2\n1\t2\t3\n", "line 3: the line has 3 cells, the header 2"),
        (b"a\ta\n1\t2\n", "column 'a' occurs twice"),
        (b"a\tb\n1\t\0\n", "null character"),
        ("a\tb\n1\t2\n".encode("utf-16"), "UTF-8"),
        ("a\tµ\n1\t2\n".encode("latin-1"), "UTF-8"),
        (b'a\tb\n"1\t2\n', "not a table"),
    ],
)
def test_a_damaged_table_is_neither_filled_nor_cut(tmp_path, content, message):
    (tmp_path / "t.tsv").write_bytes(content)
    refused(tmp_path / "t.tsv", read_text_table, message)


def test_line_ends_marks_and_formulas_are_what_they_are(tmp_path):
    (tmp_path / "t.tsv").write_bytes(b"\xef\xbb\xbfa\tb\r\n=1+1\tn/a\r\n\tNA\r\n")
    assert read_text_table(tmp_path / "t.tsv").to_dict("list") == {"a": ["=1+1", ""], "b": ["n/a", "NA"]}


@pytest.mark.parametrize("number", ["nan", "NaN", "1_0", "９", "0x1", "1,5", "=1+1", "", "True", " 1"])
@pytest.mark.parametrize("column", ["onset", "sample"])
def test_a_number_is_a_number(tmp_path, column, number):
    path = files.decomposition(tmp_path)
    table = read_text_table(path)
    table.loc[1, column] = number
    table.to_csv(path, sep="\t", index=False)
    refused(
        path, lambda file: read_table(file, "events"), f"column '{column}', line 3: .*is no (number|integer)"
    )


def test_a_whole_number_that_no_computer_word_holds(tmp_path):
    path = files.decomposition(tmp_path)
    path.write_text(path.read_text().replace("\t3\t", f"\t{10**20}\t"))
    refused(path, lambda file: read_table(file, "events"), "is no integer")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"SamplingFrequency": NaN}', "NaN is not a finite number"),
        ('{"SamplingFrequency": 1e999}', "1e999 is not a finite number"),
        ('{"SamplingFrequency": 1%s}' % ("0" * 400), "not a finite number"),
        ('{"a": 1, "a": 2}', "key 'a' has two values"),
        ("[" * 100_000, "nested too deeply"),
        ('[["SamplingFrequency", 1000]]', "not a JSON object"),
        ('{"SamplingFrequency": true}', "no SamplingFrequency"),
    ],
)
def test_a_sidecar_says_what_it_says_once(tmp_path, text, message):
    recording = files.write_bids(tmp_path)
    recording.with_name(recording.name.replace(".bdf", ".json")).write_text(text)
    with watched(tmp_path), pytest.raises(InputError, match=message):
        read_bids_recording(recording)


def in_header(start: int, width: int, text: str):
    def change(data: bytes) -> bytes:
        return data[:start] + text.encode().ljust(width)[:width] + data[start + width :]

    return change


@pytest.mark.parametrize(
    ("start", "width", "text"),
    [
        *((236, 8, text) for text in ("-1", "0", "99999999", "nan", "1e9", "")),  # number of data records
        *((244, 8, text) for text in ("0", "-0.12", "nan", "inf", "1e-320", "")),  # s of a data record
        *((252, 4, text) for text in ("-4", "0", "9999", "3", "")),  # number of signals
        *((184, 8, text) for text in ("0", "-1", "1281", "99999999", "")),  # bytes of the header
        *(
            (256 + 4 * 216, 8, text) for text in ("0", "-120", "99999999", "119", "")
        ),  # samples of a data record
    ],
)
def test_a_header_of_bdf_out_of_range(tmp_path, start, width, text):
    path = files.write_bids(tmp_path)
    assert path.read_bytes()[236:256].split() == [b"1", b"0.12", b"4"]
    path.write_bytes(in_header(start, width, text)(path.read_bytes()))
    refused(path, read_bids_recording, "truncated or malformed|channels|sampling rate|header says|lasts")


def test_a_description_of_any_length_ends(tmp_path):
    path = files.write_export(tmp_path)
    content = loadmat(path)
    texts = [" - " * 200_000, *(str(text.item()) for text in content["Description"].ravel()[1:])]
    savemat(path, {**content, "Description": np.array(texts, dtype=object)})
    refused(path, read_otb, "its description has 599999 characters|600000|599998")


# Memory


def matrix(kind: int, shape: tuple, content: bytes, name: bytes = b"Data") -> bytes:
    """An array of a MATLAB file, as its layout has it."""

    def element(number: int, data: bytes) -> bytes:
        return np.array([number, len(data)], "<u4").tobytes() + data + bytes(-len(data) % 8)

    flags = np.array([kind, 0], "<u4").tobytes()
    return element(
        14, element(6, flags) + element(5, np.array(shape, "<i4").tobytes()) + element(1, name) + content
    )


def matlab(*elements: bytes) -> bytes:
    return b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + b"".join(elements)


def compressed(content: bytes) -> bytes:
    data = zlib.compress(content, 1)
    return np.array([15, len(data)], "<u4").tobytes() + data


def nested(levels: int) -> bytes:
    content = b"\x0e\0\0\0\0\0\0\0"
    for _ in range(levels):
        content = matrix(1, (1, 1), content)
    return content


def tag(number: int, size: int) -> bytes:
    return np.array([number, size], "<u4").tobytes()


BOMBS = {
    "mat_unpacks.mat": lambda: matlab(compressed(matrix(6, (1, BOMB // 8), tag(9, BOMB) + bytes(BOMB)))),
    "mat_says_so.mat": lambda: matlab(matrix(6, (2**31 - 1, 2**31 - 1), tag(9, 8) + bytes(8))),
    "mat_cells.mat": lambda: matlab(compressed(matrix(1, (1, 10**7), tag(14, 0) * 10**7))),
    "mat_empty_cells.mat": lambda: matlab(matrix(1, (2**31 - 1, 2), b"")),
    "mat_levels.mat": lambda: matlab(nested(1000)),
    "mat_type.mat": lambda: matlab(matrix(6, (1, 1), tag(200, 8) + bytes(8))),
    "mat_class.mat": lambda: matlab(matrix(99, (1, 1), tag(9, 8) + bytes(8))),
    "gzip.json": lambda: gzip.compress(b'{"MUPULSES": "' + b" " * BOMB, 1),
    "zip.npz": lambda: zipped(b" " * (BOMB // 3)),
    "zip_says_so.npz": lambda: zipped(npy_header("<f8", (10**12,))),
    "zip_wide.npz": lambda: zipped(npy_header("<U900000000", (3,))),
}


def npy_header(dtype: str, shape: tuple) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue()


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("discharge_times", "fsamp", "total_samples"):
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


READ_ALL = """
import sys, resource
from pathlib import Path
from pictrial.decomposition.exchange_foreign import read_foreign
from pictrial.recordings.otb import read_otb
from pictrial.errors import InputError
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 900 * 2**20,) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        (read_otb if path.suffix == ".mat" else read_foreign)(path)
        print(path.name, "was read")
    except InputError as error:
        assert path.name in error.where
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(path.name, round((peak - start) / 1024))
"""


def test_small_files_do_not_fill_the_memory(tmp_path):
    """No file of at most 3 MB takes much more than what any file may unpack to."""
    for name, make in BOMBS.items():
        (tmp_path / name).write_bytes(make())
        assert (tmp_path / name).stat().st_size < 3.1 * MEGABYTE
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, tmp_path], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    taken = dict(line.split() for line in done.stdout.splitlines())
    assert taken.keys() == BOMBS.keys()
    assert max(map(int, taken.values())) < 1.3 * ALWAYS_ALLOWED / MEGABYTE, taken


# The reader of MATLAB files, which scipy's reader would not survive


@pytest.mark.parametrize("compress", [False, True])
def test_matlab_files_are_read_as_scipy_reads_them(tmp_path, compress):
    cell = np.empty((2, 2), dtype=object)
    cell[:] = [[np.arange(3.0), "text µ"], [np.int16([[1], [-2]]), np.zeros((0, 0))]]
    content = {
        "numbers": np.arange(24.0).reshape(2, 3, 4),
        "bytes": np.uint8([[250, 7]]),
        "large": np.int64([[2**60, -5]]),
        "truth": np.array([[True, False]]),
        "words": np.array(["ab", "c "]),
        "cell": cell,
        "struct": {"a": 1.5, "b": {"inner": "x"}},
    }
    savemat(tmp_path / "m.mat", content, do_compression=compress)
    read, expected = read_matlab(tmp_path / "m.mat", [*content, "other"]), loadmat(tmp_path / "m.mat")
    assert read.keys() == content.keys()
    for name in ("numbers", "bytes", "large", "truth"):
        np.testing.assert_array_equal(read[name], expected[name])
    assert read["numbers"].dtype == np.float64 and read["bytes"].dtype == np.uint8
    assert read["words"].tolist() == ["ab", "c "]
    assert read["cell"].shape == (2, 2) and read["cell"][0, 1].tolist() == ["text µ"]
    for place in ((0, 0), (1, 0), (1, 1)):
        np.testing.assert_array_equal(read["cell"][place], expected["cell"][place])
    struct = read["struct"].item()
    assert struct["a"].tolist() == [[1.5]] and struct["b"].item()["inner"].tolist() == ["x"]
    assert read_matlab(tmp_path / "m.mat", ["large"]).keys() == {"large"}
