"""Read OT Bioelettronica's raw archives: ``.otb+`` (OTBioLab+) and ``.otb4`` (OTBioLab 4).

Both are uncompressed tar files of XML and of signals with interleaved channels. Members are read
where they lie in the file, block by block: nothing is unpacked to disk, and a hostile size, link or
entity ends in an :class:`InputError`. ``patient.xml``, which names the person, is not opened.

The layout and the conversion factors are those of the vendor's public readers (OpenOTBfilesConvFact.m,
OpenOTB4.m), as MNE-Python, MUedit and muniverse read them too; where these differ, the file is refused.
"""

import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

import numpy as np

from pictrial.errors import InputError

SUFFIXES = (".otb+", ".otb4")
LARGEST_XML = 16_000_000  # bytes; real ones have some 100 000
MOST_MEMBERS = 10_000
BLOCK = 4_000_000  # bytes of signal that are held beside the result
REMEDY = "Record or copy it again, or export it from OTBioLab as MATLAB file (.mat)."

_GRID = re.compile(r"(GR|HD)\d{2}MM\d{4}")
_TORQUE_UNITS = {"%": "% MVC", "%MVC": "% MVC", "MVC": "% MVC", "Nm": "N.m"}
_ACQUIRED, _PERFORMED = re.compile("acquired data.*", re.I), re.compile(".*performed path.*", re.I)
# Device in capitals: V of the converter's range, and gain; all with 16 bit.
_OTB_PLUS = {
    "QUATTROCENTO": (5.0, 150.0),
    "SESSANTAQUATTRO": (4.8, 256.0),
    "SESSANTAQUATTRO+": (4.8, 256.0),
    "MUOVI": (4.8, 256.0),
    "MUOVI+": (4.8, 256.0),
    "SYNCSTATION": (4.8, 256.0),
}
_LABELS = ("ID", "Description", "Muscle", "Side")  # attributes of a channel
_PLACES = ("AcquisitionChannel", "ChannelOffsetInSubPacket")  # of a track: both are in use
_NUMBERS = ("SamplingFrequency", "ADC_Range", "Gain")
_WHOLE = ("TotalChannelsInFile", "NumberOfChannels", "SampleSize", "ADC_Nbits")
_SAMPLES = {2: "<i2", 4: "<i4", 8: "<f8"}  # bytes: type


@dataclass(frozen=True)
class Track:
    """Channels that lie side by side in a member of an archive.

    Attributes
    ----------
    member : str
        Name of the member.
    dtype : str
        Type of its samples.
    n_total, first, count : int
        Channels in the member; first of this track, and how many.
    sampling_rate : float
        Hz.
    scale : float
        Value of one step in `unit`.
    unit : str
        Unit as the file states it.
    name, grid, muscle : str
        Grid is empty where the track is not the EMG of a known grid.
    """

    member: str
    dtype: str
    n_total: int
    first: int
    count: int
    sampling_rate: float
    scale: float
    unit: str
    name: str
    grid: str = ""
    muscle: str = ""


@dataclass(frozen=True)
class RawSignals:
    """What an archive holds of one grid: EMG in µV (channels, samples), torque, and names."""

    sampling_rate: float
    emg: np.ndarray
    torque: np.ndarray | None
    torque_unit: str
    grid: str
    muscle: str
    device: str
    left_out: tuple[str, ...]


def read_archive(path: Path, require_torque: bool) -> RawSignals:
    """Read the grid's EMG and the torque of an ``.otb+`` or ``.otb4`` archive.

    Torque is the acquired force where its unit is one of torque or % MVC, else the performed path of
    the feedback, in % MVC; where it has another sampling rate it is interpolated.

    Raises
    ------
    InputError
        Where the archive is damaged, cut, hostile, of an unknown device or sample type, contradicts
        itself, or holds another number of grids than one; where there is no torque but `require_torque`.
    """
    with _open(path) as archive:
        device, tracks = (_otb4_tracks if path.suffix.lower() == ".otb4" else _otb_plus_tracks)(archive)
        grids = [track for track in tracks if track.grid]
        if len(grids) != 1:
            raise InputError(path, f"it holds {len(grids)} grids of EMG", "Export one grid as .mat file.")
        grid = grids[0]
        electrodes = int(grid.grid[-4:-2]) * int(grid.grid[-2:])  # rows and columns
        if grid.count not in (electrodes, electrodes - 1):
            raise InputError(path, f"{grid.grid} has {grid.count} channels", REMEDY)
        emg = archive.signals(grid, np.float32)
        source = _torque_track(path, tracks, require_torque)
        torque, unit = None, "N.m"
        if source is not None:
            unit = _TORQUE_UNITS[_letters(source.unit)]
            torque = _on_clock(path, archive.signals(source, np.float64)[0], source, grid, emg.shape[1])
    left_out = tuple(track.name for track in tracks if track not in (grid, source))
    return RawSignals(grid.sampling_rate, emg, torque, unit, grid.grid, grid.muscle, device, left_out)


class _Archive:
    """The members of a tar file that has been checked."""

    def __init__(self, path: Path, tar: tarfile.TarFile):
        self.path, self._tar, self._size = path, tar, path.stat().st_size
        members = list(islice(tar, MOST_MEMBERS + 1))
        self._members = {member.name.removeprefix("./"): member for member in members}
        if len(members) > MOST_MEMBERS or len(members) > len(self._members):
            raise InputError(path, "it has far too many members, or one twice", REMEDY)

    def names(self, suffix: str) -> list[str]:
        return sorted(name for name in self._members if name.endswith(suffix))

    def size(self, name: str) -> int:
        """Return the bytes of a member that lies whole in the file."""
        member = self._members.get(name)
        if member is None:
            raise InputError(self.path, f"it has no member {name!r}", REMEDY)
        if not member.isreg() or member.issparse():
            raise InputError(f"{self.path}, member {name!r}", "this is not a plain file", REMEDY)
        if member.size < 0 or member.offset_data + member.size > self._size:
            raise InputError(f"{self.path}, member {name!r}", "the archive is cut", REMEDY)
        return member.size

    def xml(self, name: str) -> ElementTree.Element:
        where = f"{self.path}, member {name!r}"
        if self.size(name) > LARGEST_XML:
            raise InputError(where, f"it is larger than {LARGEST_XML} bytes", REMEDY)
        parser = ElementTree.XMLParser(target=_WithoutEntities(where))
        try:
            return ElementTree.fromstring(self._stream(name).read(), parser)
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(where, f"this is not well-formed XML ({error})", REMEDY) from error

    def _stream(self, name: str) -> IO[bytes]:
        stream = self._tar.extractfile(self._members[name])
        assert stream is not None  # it is a plain file, as `size` has made sure
        return stream

    def signals(self, track: Track, dtype: type) -> np.ndarray:
        """Return a track's channels, shape (channels, samples), in its unit."""
        where, row = f"{self.path}, member {track.member!r}", track.n_total * np.dtype(track.dtype).itemsize
        n_samples, rest = divmod(self.size(track.member), row)
        if rest or not n_samples:
            rule = f"its size is no multiple of {track.n_total} channels of {row // track.n_total} bytes"
            raise InputError(where, rule, REMEDY)
        values: np.ndarray = np.empty((track.count, n_samples), dtype=dtype)
        stream = self._stream(track.member)
        step = max(1, BLOCK // row)
        for start in range(0, n_samples, step):
            block = np.frombuffer(stream.read(min(step, n_samples - start) * row), dtype=track.dtype)
            columns = block.reshape(-1, track.n_total)[:, track.first : track.first + track.count]
            values[:, start : start + len(columns)] = columns.T * track.scale
        if not np.isfinite(values).all():
            raise InputError(where, "it has values that are not finite", REMEDY)
        return values


class _WithoutEntities(ElementTree.TreeBuilder):
    """Builds a tree but refuses a document type, without which XML has no entities to expand."""

    def __init__(self, where: str):
        super().__init__()
        self._where = where

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise InputError(self._where, "its XML has a document type", REMEDY)


@contextmanager
def _open(path: Path) -> Iterator[_Archive]:
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    with open(path, "rb") as stream:
        try:
            archive = _Archive(path, tarfile.TarFile(fileobj=stream))
        except InputError:
            raise
        except (tarfile.TarError, OSError, ValueError, MemoryError, RecursionError) as error:
            rule = f"this is not a readable tar archive ({str(error) or type(error).__name__})"
            raise InputError(path, rule, REMEDY) from error
        yield archive


def _otb_plus_tracks(archive: _Archive) -> tuple[str, list[Track]]:
    """Return the device and the tracks of an ``.otb+``: one per adapter, and the feedback's signals."""
    names = archive.names(".sig")
    if len(names) != 1:
        raise InputError(archive.path, f"it holds {len(names)} recordings", "Save one recording per file.")
    root, where = archive.xml(names[0].removesuffix(".sig") + ".xml"), archive.path
    device = root.get("Name", "").split(";")[0].strip()
    if device.upper() not in _OTB_PLUS:
        known = ", ".join(_OTB_PLUS)
        raise InputError(where, f"the device {device!r} is unknown", f"Known are {known}. {REMEDY}")
    if root.get("ad_bits") != "16":
        raise InputError(where, f"its samples have {root.get('ad_bits')} bit, not 16", REMEDY)
    total = _whole(where, root.get("DeviceTotalChannels"), "DeviceTotalChannels")
    rate = _number(where, root.get("SampleFrequency"), "SampleFrequency")
    volts, gain = _OTB_PLUS[device.upper()]
    tracks = []
    for adapter in root.iter("Adapter"):
        channels = adapter.findall("Channel")
        first = _whole(where, adapter.get("ChannelStartIndex"), "ChannelStartIndex", least=0)
        indices = [_whole(where, channel.get("Index"), "Index", least=0) for channel in channels]
        if indices != list(range(len(channels))):
            raise InputError(where, f"the channels of {adapter.get('ID')!r} are not in order", REMEDY)
        labels = {name: channels[0].get(name, "") if channels else "" for name in _LABELS}
        grid = _grid_name(labels["ID"], labels["Description"])
        if grid and device.upper().startswith("SESSANTAQUATTRO"):
            _check_gain(where, adapter, channels[0])
        track = Track(
            member=names[0],
            dtype="<i2",
            n_total=total,
            first=first,
            count=len(channels),
            sampling_rate=rate,
            scale=1e6 * volts / 2**16 / gain,
            unit="uV",
            name=f"{adapter.get('ID')} {labels['ID']}",
            grid=grid,
            muscle=f"{labels['Side']} {labels['Muscle']}".strip(),
        )
        tracks.append(track)
    feedback = [_feedback(archive, name) for name in archive.names(".pro")]
    return device, _fitting(archive, tracks) + feedback


def _check_gain(where: Path, adapter: ElementTree.Element, channel: ElementTree.Element) -> None:
    """Refuse a gain of which the public readers make different amplitudes."""
    gain = _number(where, adapter.get("Gain", "1"), "Gain") * _number(where, channel.get("Gain", "1"), "Gain")
    if gain not in (1, 256):
        raise InputError(where, f"what its gain of {gain:g} means in µV is not known", REMEDY)


def _feedback(archive: _Archive, name: str) -> Track:
    """Return a signal of the feedback, ``.sip``, that ``.pro`` describes."""
    root, where = archive.xml(name), f"{archive.path}, member {name!r}"
    rate = _number(where, root.findtext("fsample"), "fsample")
    unit, title = root.findtext("unity_of_measurement") or "", root.findtext("description") or name
    return Track(name.removesuffix(".pro") + ".sip", "<f8", 1, 0, 1, rate, 1.0, unit, title.strip())


def _otb4_tracks(archive: _Archive) -> tuple[str, list[Track]]:
    """Return the device and the tracks of an ``.otb4``: the recording's, and those of the feedback."""
    root = archive.xml("Tracks_000.xml")
    infos = list(root.iter("TrackInfo"))
    if not infos:
        raise InputError(archive.path, "its Tracks_000.xml names no track", REMEDY)
    for name in archive.names(".xml"):
        if name.startswith("TrapezoidalTracks_"):
            infos += archive.xml(name).iter("TrackInfo")
    tracks = []
    for member in dict.fromkeys(info.findtext("SignalStreamPath") for info in infos):
        own = [info for info in infos if info.findtext("SignalStreamPath") == member]
        # Where a device writes several members, only the offset counts within each.
        layouts = ([_otb4_track(archive, info, tag) for info in own] for tag in _PLACES)
        tracks += _fitting(archive, *layouts)
    return (infos[0].findtext("Device") or "").split(";")[0].strip(), tracks


def _otb4_track(archive: _Archive, info: ElementTree.Element, place: str) -> Track:
    titles = " ".join(info.findtext(tag) or "" for tag in ("Title", "SubTitle")).strip()
    where = f"{archive.path}, track {titles!r}"
    numbers = {tag: _number(where, info.findtext(tag), tag) for tag in _NUMBERS}
    total, count, size, bits = (_whole(where, info.findtext(tag), tag) for tag in _WHOLE)
    if size not in _SAMPLES or bits > 32:
        raise InputError(where, f"samples of {size} bytes and {bits} bit are unknown", REMEDY)
    member, rate = info.findtext("SignalStreamPath") or "", numbers["SamplingFrequency"]
    duration, stated = archive.size(member) / (total * size * rate), info.findtext("TimeDuration")
    if stated is not None and abs(duration - _number(where, stated, "TimeDuration")) > 0.1:
        raise InputError(where, f"it lasts {duration:.6g} s, by its TimeDuration {stated} s", REMEDY)
    sensor = ("StringsDescriptions/OriginalSensor", "Description/SensorType", "Description/Name")
    grid = _grid_name(*(info.findtext(tag) or "" for tag in sensor))
    volts = numbers["ADC_Range"] / 2**bits / numbers["Gain"]
    factor = 1e6 if grid else _number(where, info.findtext("UnitOfMeasurementFactor") or "1", "unit's factor")
    return Track(
        member=member,
        dtype=_SAMPLES[size],
        n_total=total,
        first=_whole(where, info.findtext(place) or "0", place, least=0),
        count=count,
        sampling_rate=rate,
        scale=1.0 if size == 8 else volts * factor,  # feedback is stored in its unit
        unit=info.findtext("UnitOfMeasurement") or "",
        name=titles,
        grid="" if (info.findtext("IsControl") or "").strip().lower() == "true" else grid,
        muscle=(info.findtext("Muscle") or "").strip(),
    )


def _fitting(archive: _Archive, *layouts: list[Track]) -> list[Track]:
    """Return the first layout of a member whose tracks neither overlap nor reach beyond its channels."""
    for tracks in layouts:
        ordered = sorted(tracks, key=lambda track: track.first)
        ends = [0, *(track.first + track.count for track in ordered)]
        room = [*(track.first for track in ordered), ordered[0].n_total if ordered else 0]
        alike = len({(track.n_total, track.dtype) for track in tracks}) <= 1
        if alike and all(end <= start for end, start in zip(ends, room, strict=True)):
            return tracks
    raise InputError(archive.path, f"the tracks of {tracks[0].member!r} do not fit into it", REMEDY)


def _torque_track(path: Path, tracks: list[Track], required: bool) -> Track | None:
    """Return the track that is the torque: acquired before performed."""
    known = [
        track
        for track in tracks
        if not track.grid and track.count == 1 and _letters(track.unit) in _TORQUE_UNITS
    ]
    performed = [track for track in known if _PERFORMED.fullmatch(track.name)]
    acquired = [t for t in known if _ACQUIRED.fullmatch(t.name) or (t.dtype != "<f8" and t not in performed)]
    found = acquired or performed
    if len(found) > 1:
        names = ", ".join(repr(track.name) for track in found)
        raise InputError(path, f"it has {len(found)} signals of torque ({names})", "Export one as .mat file.")
    if required and not found:
        raise InputError(path, "it has no torque in N.m or % MVC", "Export it with the force as .mat.")
    return found[0] if found else None


def _on_clock(path: Path, values: np.ndarray, source: Track, grid: Track, n_samples: int) -> np.ndarray:
    """Return torque at the samples of the EMG; up to a second that lacks at the end takes the last value."""
    if len(values) / source.sampling_rate < n_samples / grid.sampling_rate - 1:
        raise InputError(f"{path}, {source.name!r}", "it ends more than 1 s before the EMG", REMEDY)
    times = np.arange(len(values)) / source.sampling_rate
    return np.interp(np.arange(n_samples) / grid.sampling_rate, times, values)


def _letters(unit: str) -> str:
    return re.sub(r"[^a-zA-Z%]", "", unit)


def _grid_name(*texts: str) -> str:
    found = [match for text in texts if (match := _GRID.search(text.upper()))]
    return found[0][0] if found else ""


def _number(where: object, text: str | None, name: str, least: float = 1e-9) -> float:
    """Return a number from `least` to 10^9 that an XML file states."""
    try:
        value = float(text or "")
    except ValueError:
        value = np.nan
    if not least <= value <= 1e9:
        raise InputError(where, f"its {name} is {text!r}", REMEDY)
    return value


def _whole(where: object, text: str | None, name: str, least: int = 1) -> int:
    value = _number(where, text, name, least)
    if value != int(value):
        raise InputError(where, f"its {name} is {text!r}, not a whole number", REMEDY)
    return int(value)
