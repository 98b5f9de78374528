"""Raw archives of OT Bioelettronica, synthetic: layout, gains, torque; and hostile or damaged ones."""

import tarfile

import numpy as np
import pytest
from otb_archives import (
    N_SAMPLES,
    RATE,
    TORQUE,
    counts,
    feedback_track,
    otb4,
    otb_plus,
    other,
    track,
    tracks,
    write_tar,
)

from pictrial.errors import InputError
from pictrial.recordings.bids import read_bids_recording
from pictrial.recordings.bids_sidecars import read_sidecar
from pictrial.recordings.otb import grid_positions, import_otb, read_otb


def read(tmp_path, members, suffix=".otb+", **options):
    write_tar(tmp_path / f"a{suffix}", members)
    return read_otb(tmp_path / f"a{suffix}", **options)[0]


@pytest.mark.parametrize(
    ("device", "gain", "microvolts"),
    [
        ("QUATTROCENTO", 150, 0.50863),  # µV of a step as the vendor's reader prints them
        ("SESSANTAQUATTRO", 256, 0.28610),
        ("SESSANTAQUATTRO+", 256, 0.28610),
        ("MUOVI", 1, 0.28610),
        ("SYNCSTATION", 1, 0.28610),
    ],
)
def test_otb_plus(tmp_path, device, gain, microvolts):
    recording = read(tmp_path, otb_plus(device, gain))
    assert (recording.name, recording.sampling_rate, recording.torque_unit) == ("a", RATE, "% MVC")
    assert recording.emg.shape == (64, N_SAMPLES) and recording.emg.dtype == np.float32
    np.testing.assert_allclose(recording.emg, counts(66)[:, :64].T * microvolts, rtol=2e-5)
    np.testing.assert_allclose(recording.torque, TORQUE)
    np.testing.assert_array_equal(recording.positions, grid_positions("GR08MM1305", np.arange(1, 65)))
    assert recording.channel_names[::63] == ("EMG1", "EMG64")
    assert recording.stimulation.size == 0


@pytest.mark.parametrize(("size", "dtype", "bits"), [(2, "<i2", 16), (4, "<i4", 24)])
def test_otb4(tmp_path, size, dtype, bits):
    shared = {"SampleSize": size, "ADC_Nbits": bits}
    infos = (
        track(**shared, Gain=2),
        other(64, "AUX 1", **shared),
        other(65, "Buffer", **shared, IsControl="true"),
    )
    recording = read(tmp_path, otb4(*infos, dtype=dtype), ".otb4")
    np.testing.assert_allclose(recording.emg, counts(66)[:, :64].T * (4.8e6 / 2**bits / 2), rtol=1e-6)
    assert np.isnan(recording.positions).all()  # the numbering of HD grids is not known here
    # The performed path has 10 Hz and ends at 2 s, as the EMG does.
    np.testing.assert_allclose(recording.torque, np.arange(N_SAMPLES) / RATE * 10, atol=1e-9)


def test_torque_at_the_full_rate_comes_before_the_performed_path(tmp_path):
    torque = other(64, "Torque", UnitOfMeasurement="N.m", UnitOfMeasurementFactor=50, Gain=0.5)
    recording = read(tmp_path, otb4(track(), torque, other(65, "Buffer", IsControl="true")), ".otb4")
    assert recording.torque_unit == "N.m"
    np.testing.assert_allclose(recording.torque, counts(66)[:, 64] * (4.8 / 2**16 / 0.5 * 50))


def test_members_that_count_their_own_channels(tmp_path):
    """With several members the acquisition channel counts over all, the offset within each."""
    grid = {"SignalStreamPath": "grid.sig", "TotalChannelsInFile": 65, "AcquisitionChannel": 70}
    infos = track(**grid, ChannelOffsetInSubPacket=1), other(0, "AUX 1", UnitOfMeasurement="V")
    members = otb4(*infos) | {"grid.sig": counts(65).astype("<i2").tobytes()}
    emg = read(tmp_path, members, ".otb4").emg
    np.testing.assert_allclose(emg, counts(65)[:, 1:].T * (4.8e6 / 2**16 / 256), rtol=1e-6)


def test_import(tmp_path):
    write_tar(tmp_path / "a.otb+", otb_plus())
    path = import_otb(tmp_path / "a.otb+", tmp_path / "bids", "01", "1", "ramp", condition="control")
    np.testing.assert_allclose(read_bids_recording(path).emg, read_otb(tmp_path / "a.otb+")[0].emg, atol=1e-3)
    sidecar = read_sidecar(path)
    assert sidecar["ManufacturersModelName"] == "QUATTROCENTO"
    assert sidecar["EMGPlacementSchemeDescription"].startswith(
        "Grid GR08MM1305 over right soleus. Not imported: "
    )
    assert "AUX 1" in sidecar["EMGPlacementSchemeDescription"]
    everything = b"".join(file.read_bytes() for file in (tmp_path / "bids").rglob("*") if file.is_file())
    assert b"Nobody" not in everything


def changed(members, name, old, new):
    content = members[name]
    assert old in content
    return members | {name: content.replace(old, new)}


def without(members, name):
    return {key: value for key, value in members.items() if key != name}


BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><Device Name="&c;"/>'
XML, SIG = "20260101.xml", "20260101.sig"
REFUSED = {
    "unknown device": (lambda m: changed(m, XML, "QUATTROCENTO", "OCTAVA"), "device 'OCTAVA' is unknown"),
    "24 bit": (lambda m: changed(m, XML, 'ad_bits="16"', 'ad_bits="24"'), "24 bit, not 16"),
    "no rate": (lambda m: changed(m, XML, f'SampleFrequency="{RATE}"', ""), "SampleFrequency is None"),
    "rate of nothing": (lambda m: changed(m, XML, f'"{RATE}"', '"nan"'), "SampleFrequency is 'nan'"),
    "half a channel": (lambda m: changed(m, XML, '"66"', '"66.5"'), "'66.5', not a whole number"),
    "no channels": (lambda m: changed(m, XML, '"66"', '"0"'), "DeviceTotalChannels is '0'"),
    "a billion": (lambda m: changed(m, XML, '"66"', '"1000000000"'), "no multiple of 1000000000"),
    "too few channels": (lambda m: changed(m, XML, '"66"', '"64"'), "do not fit"),
    "overlap": (lambda m: changed(m, XML, 'ChannelStartIndex="64"', 'ChannelStartIndex="63"'), "do not fit"),
    "order": (lambda m: changed(m, XML, 'Index="5"', 'Index="6"'), "not in order"),
    "no grid": (lambda m: changed(m, XML, "GR08MM1305", "bipolar"), "0 grids"),
    "another grid": (lambda m: changed(m, XML, "GR08MM1305", "GR10MM0804"), "GR10MM0804 has 64 channels"),
    "two recordings": (lambda m: m | {"b.sig": m[SIG]}, "2 recordings"),
    "no recording": (lambda m: without(m, SIG), "0 recordings"),
    "no description": (lambda m: without(m, XML), f"no member '{XML}'"),
    "cut signal": (lambda m: m | {SIG: m[SIG][:-2]}, "no multiple of 66 channels"),
    "empty signal": (lambda m: m | {SIG: b""}, "no multiple of 66 channels"),
    "bomb": (lambda m: m | {XML: BOMB}, "has a document type"),
    "bomb in UTF-16": (lambda m: m | {XML: BOMB.encode("utf-16")}, "has a document type"),
    "not XML": (lambda m: m | {XML: "<Device"}, "not well-formed"),
    "unknown encoding": (lambda m: m | {XML: '<?xml version="1.0" encoding="no"?><a/>'}, "not well-formed"),
    "deep XML": (lambda m: m | {XML: "<a>" * 100_000 + "</a>" * 100_000}, "device '' is unknown"),
    "large XML": (lambda m: m | {XML: " " * 16_000_001}, "larger than"),
    "path not finite": (lambda m: m | {"signal1.sip": np.full(N_SAMPLES, np.nan).tobytes()}, "not finite"),
    "short path": (lambda m: m | {"signal1.sip": bytes(8 * 2000)}, "ends more than 1 s before"),
    "no path": (lambda m: without(m, "signal1.sip"), "no member 'signal1.sip'"),
    "unit of torque": (lambda m: changed(m, "signal1.pro", "%(MVC)", "kg"), "no torque in N.m"),
    "two torques": (
        lambda m: changed(m, "signal2.pro", "requested path", "acquired data 2"),
        "2 signals of torque",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_otb_plus_that_is_refused(tmp_path, name):
    damage, rule = REFUSED[name]
    with pytest.raises(InputError, match=rule):
        read(tmp_path, damage(otb_plus()))


def test_gain_that_readers_take_differently(tmp_path):
    with pytest.raises(InputError, match="gain of 64 means in µV is not known"):
        read(tmp_path, otb_plus("SESSANTAQUATTRO", 64))


REFUSED_OTB4 = {
    "no track": ([" "], "names no track"),
    "outside": ([track(SignalStreamPath="../rec.sig")], "no member '../rec.sig'"),
    "no member": ([track(SignalStreamPath=None)], "no member ''"),
    "sample size": ([track(SampleSize=3)], "3 bytes and 16 bit are unknown"),
    "gain": ([track(Gain=0)], "Gain is '0'"),
    "bits": ([track(ADC_Nbits=None)], "ADC_Nbits is None"),
    "duration": ([track(TimeDuration=9)], "lasts 2 s, by its TimeDuration 9 s"),
    "wrong size": ([track(SampleSize=4)], "lasts 1 s, by its TimeDuration 2.0 s"),
    "two grids": ([track(NumberOfChannels=32), track(NumberOfChannels=32, AcquisitionChannel=32)], "2 grids"),
    "totals differ": ([track(), other(64, "AUX", TotalChannelsInFile=65, TimeDuration=None)], "do not fit"),
    "many bits": ([track(ADC_Nbits=100_000)], "100000 bit are unknown"),
}


@pytest.mark.parametrize("name", REFUSED_OTB4)
def test_otb4_that_is_refused(tmp_path, name):
    infos, rule = REFUSED_OTB4[name]
    with pytest.raises(InputError, match=rule):
        read(tmp_path, otb4(*infos), ".otb4")


def test_torque_may_be_missing_when_told(tmp_path):
    members = {name: data for name, data in otb_plus().items() if not name.startswith("signal")}
    assert read(tmp_path, members, require_torque=False).torque is None
    with pytest.raises(InputError, match="no torque"):
        read(tmp_path, members)


def member(name, kind=tarfile.REGTYPE, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    for key, value in fields.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ([member(SIG, tarfile.SYMTYPE, linkname="/etc/passwd"), member(XML)], "not well-formed"),
        ([member(SIG), member(XML, tarfile.LNKTYPE, linkname=SIG)], "not a plain file"),
        ([member(SIG), member(XML, tarfile.CHRTYPE)], "not a plain file"),
        ([member(SIG), member(SIG)], "one twice"),
        ([member(SIG), member(XML, size=10**12)], "cut|not a readable tar|no member"),
        ([member(f"{number}.sig") for number in range(10_001)], "far too many"),
    ],
)
def test_hostile_tar(tmp_path, members, rule):
    with tarfile.open(tmp_path / "a.otb+", "w") as tar:
        for info in members:
            tar.fileobj.write(info.tobuf())
    with pytest.raises(InputError, match=rule):
        read_otb(tmp_path / "a.otb+")


def header(kind: bytes, size: int) -> bytes:
    """Return a tar header that states any size, with a valid checksum."""
    block = bytearray(member("a", kind).tobuf(tarfile.GNU_FORMAT))
    block[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [-1024, -1, 10**13, 2**60])
def test_hostile_header(tmp_path, kind, size):
    (tmp_path / "a.otb+").write_bytes(header(kind, size) + header(tarfile.REGTYPE, 0) + bytes(1024))
    with pytest.raises(InputError):
        read_otb(tmp_path / "a.otb+")


def test_chain_of_headers(tmp_path):
    (tmp_path / "a.otb+").write_bytes(header(tarfile.XHDTYPE, 0) * 5000 + bytes(1024))
    with pytest.raises(InputError, match="not a readable tar"):
        read_otb(tmp_path / "a.otb+")


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_compressed_archive_is_refused(tmp_path, mode):
    """What is compressed may unpack to any size."""
    with tarfile.open(tmp_path / "a.otb+", mode) as tar:
        tar.addfile(member("a.sig"))
    with pytest.raises(InputError, match="not a readable tar"):
        read_otb(tmp_path / "a.otb+")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
def test_cut_archive(tmp_path, share):
    path = tmp_path / "a.otb+"
    write_tar(path, otb_plus())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError):
        read_otb(path)
    with pytest.raises(InputError, match="no such file"):
        read_otb(tmp_path / "none.otb4")


def test_nothing_is_unpacked(tmp_path):
    (tmp_path / "in").mkdir()
    write_tar(tmp_path / "in" / "a.otb+", otb_plus() | {"../../evil.txt": "evil", "/tmp/evil.txt": "evil"})
    read_otb(tmp_path / "in" / "a.otb+")
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["a.otb+"]


def test_flat_path_of_the_feedback_is_not_needed(tmp_path):
    members = otb4() | {"TrapezoidalTracks_001.xml": tracks(feedback_track(0, "Performed Path"))}
    with pytest.raises(InputError, match="do not fit"):  # the same channel twice
        read(tmp_path, members, ".otb4")
