"""Synthetic archives in the layout of ``.otb+`` and ``.otb4``, for tests."""

import io
import tarfile
from xml.sax.saxutils import quoteattr

import numpy as np

from pictrial.seeds import random_generator

RATE, N_SAMPLES = 2048, 4096
TORQUE = np.linspace(0, 20, N_SAMPLES)  # % MVC


def counts(n_channels: int) -> np.ndarray:
    """Return what the converter wrote, shape (samples, channels)."""
    random = random_generator(1, "counts", n_channels)
    return random.integers(-3000, 3000, (N_SAMPLES, n_channels))


def write_tar(path, members: dict[str, bytes | str]) -> None:
    """Write an uncompressed tar of the members, in their order."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def adapter(name: str, start: int, gain: float, channels: list[dict]) -> str:
    inner = "".join(
        "<Channel " + " ".join(f"{key}={quoteattr(str(value))}" for key, value in channel.items()) + "/>"
        for channel in channels
    )
    return (
        f'<Adapter ID="{name}" Gain="{gain}" HighPassFilter="10" LowPassFilter="500" AdapterIndex="0" '
        f'ChannelStartIndex="{start}">{inner}</Adapter>'
    )


def otb_plus(
    device: str = "QUATTROCENTO", gain: float = 150, bits: int = 16, grid: str = "GR08MM1305"
) -> dict:
    """Return the members of an archive: a grid of 64, an auxiliary input, a control channel, the feedback."""
    sensor = {
        "ID": grid,
        "Description": "Array 64 electrodes i.e.d. 8mm",
        "Muscle": "Soleus",
        "Side": "Right",
    }
    channels = [{"Index": n, "Gain": 1, "Prefix": "MULTIPLE IN1", **sensor} for n in range(64)]
    adapters = [
        adapter("AD1x64SE", 0, gain, channels),
        adapter("Direct connection to Auxiliary Input", 64, 0.5, [{"Index": 0, "ID": "AUX 1", "Gain": 1}]),
        adapter("AdapterControl", 65, 1, [{"Index": 0, "ID": "RampChannel", "Gain": 1}]),
    ]
    xml = (
        f'<?xml version="1.0" encoding="utf-8"?><Device Name="{device};1.7" DeviceTotalChannels="66" '
        f'SampleFrequency="{RATE}" ad_bits="{bits}"><Channels>{"".join(adapters)}</Channels></Device>'
    )
    feedback = {"acquired data": (TORQUE, "%(MVC)"), "requested path": (TORQUE + 1, "%(MVC)")}
    members = {
        "patient.xml": "<patient><family_name>Nobody</family_name></patient>",
        "20260101.sig": counts(66).astype("<i2").tobytes(),
        "20260101.xml": xml,
    }
    for number, (name, (values, unit)) in enumerate(feedback.items(), start=1):
        fields = {"description": name, "fsample": RATE, "unity_of_measurement": unit}
        inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items())
        members[f"signal{number}.pro"] = f"<ProcessedSignal>{inner}</ProcessedSignal>"
        members[f"signal{number}.sip"] = values.astype("<f8").tobytes()
    return members


def track(**changes) -> str:
    """Return a TrackInfo; the defaults are those of a grid."""
    fields = {
        "Device": "Muovi+;1.0",
        "Title": "IN1",
        "SubTitle": "Soleus",
        "IsControl": "false",
        "SignalStreamPath": "rec.sig",
        "SamplingFrequency": RATE,
        "SampleSize": 2,
        "TotalChannelsInFile": 66,
        "NumberOfChannels": 64,
        "AcquisitionChannel": 0,
        "ChannelOffsetInSubPacket": 0,
        "ADC_Nbits": 16,
        "ADC_Range": 4.8,
        "Gain": 256,
        "UnitOfMeasurement": "mV",
        "UnitOfMeasurementFactor": 1000,
        "TimeDuration": N_SAMPLES / RATE,
        "Muscle": "Soleus",
        "sensor": "HD08MM1305",
    } | changes
    sensor = fields.pop("sensor")
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items() if text is not None)
    strings = f"<StringsDescriptions><OriginalSensor>{sensor}</OriginalSensor></StringsDescriptions>"
    return f"<TrackInfo>{inner}{strings}</TrackInfo>"


def tracks(*infos: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?><ArrayOfTrackInfo>{"".join(infos)}</ArrayOfTrackInfo>'


def other(first: int, name: str, **changes) -> str:
    place = {"NumberOfChannels": 1, "AcquisitionChannel": first, "ChannelOffsetInSubPacket": first}
    return track(**({"Title": name, "SubTitle": "", "sensor": "Unknown", "Muscle": ""} | place | changes))


def feedback_track(first: int, name: str) -> str:
    converter = {"SampleSize": 8, "ADC_Nbits": 1, "ADC_Range": 1, "Gain": 0.5}
    place = {"SignalStreamPath": "path.sig", "TotalChannelsInFile": 2, "SamplingFrequency": 10}
    names = {"SubTitle": name, "UnitOfMeasurement": "%MVC", "TimeDuration": None}
    return other(first, "Feedback", **converter, **place, **names)


def otb4(*infos: str, dtype: str = "<i2") -> dict:
    """Return the members of an archive: a grid of 64, an auxiliary input, a control channel, feedback."""
    usual = (track(), other(64, "AUX 1", UnitOfMeasurement="V"), other(65, "Buffer", IsControl="true"))
    path = np.column_stack([np.linspace(0, 20, 21), np.linspace(1, 21, 21)])
    return {
        "DeviceParameters.xml": "<DeviceParameters><AdBits>16</AdBits></DeviceParameters>",
        "Tracks_000.xml": tracks(*(infos or usual)),
        "rec.sig": counts(66).astype(dtype).tobytes(),
        "TrapezoidalTracks_000.xml": tracks(
            feedback_track(0, "Performed Path"), feedback_track(1, "Original Path")
        ),
        "path.sig": path.astype("<f8").tobytes(),
    }
