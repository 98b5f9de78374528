"""BDF and EDF files: 24-bit signals out, checked headers and signals in."""

import warnings
from pathlib import Path

import numpy as np

from pictrial.errors import InputError
from pictrial.files import atomic_path
from pictrial.recordings.model import Recording

TORQUE_CHANNEL = "torque"
STIMULATION_CHANNEL = "stimulation"
TORQUE_UNITS = {"N.m": "N.m", "% MVC": "%"}  # unit of a Recording: unit in the files
DIGITAL_STEPS = 8_000_000  # symmetric part of the 24-bit range: a step is an exact decimal, zero stays zero


def read_signals(path: Path):
    """Return the BDF or EDF as edfio's object.

    Raises
    ------
    InputError
        Where the file is missing, of another kind or malformed; whatever edfio only warns about, above
        all a cut file, counts as malformed.
    """
    import edfio

    suffix = path.suffix.lower()
    if suffix not in (".bdf", ".edf"):
        raise InputError(path, "this is neither BDF nor EDF", "Give an …_emg.bdf or …_emg.edf.")
    if not path.is_file():
        raise InputError(path, "there is no such file", "Check the path.")
    remedy = "Copy it again from its source."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read = edfio.read_bdf(path) if suffix == ".bdf" else edfio.read_edf(path)
            # edfio decodes most of the header when it is asked for; here, where errors are expected.
            rates = [signal.sampling_frequency for signal in read.signals]
            if min((signal.samples_per_data_record for signal in read.signals), default=1) < 1:
                raise ValueError("a channel has no samples")
            with open(path, "rb") as stream:
                n_signals = int(stream.read(256)[252:])
            if read.bytes_in_header_record != 256 * (n_signals + 1):
                raise ValueError("its header does not have the length that it states")
    except Exception as error:  # edfio meets damage with errors and warnings of many kinds
        rule = f"the file is truncated or malformed ({' '.join(str(error).split())})"
        raise InputError(path, rule, remedy) from error
    if not all(0 < rate < np.inf for rate in rates):
        raise InputError(path, f"its sampling rates are {sorted(set(rates))}", remedy)
    return read


def write_bdf(path: Path, recording: Recording, pulses: np.ndarray) -> None:
    """Write EMG, torque and trigger as 24-bit BDF, with no date and no name in the header.

    A step is 10^-6 to 10^-2 of the unit, by the largest value; so reading and writing again changes
    nothing more.

    Parameters
    ----------
    path : Path
        The file to write.
    recording : Recording
        EMG in µV, torque in its unit.
    pulses : ndarray of int64, shape (pulses,)
        Samples at which the trigger channel is 1; without pulses there is no such channel.

    Raises
    ------
    InputError
        Where a name does not fit a BDF header, or values are not finite or beyond 80000.
    """
    import edfio

    _check_signals(recording, path)
    per_record = record_samples(recording.n_samples, recording.sampling_rate)
    n_records = -(-recording.n_samples // per_record)
    padding = n_records * per_record - recording.n_samples
    duration = float(f"{per_record / recording.sampling_rate:.6g}")

    def signal(values: np.ndarray, label: str, unit: str, physical: float, digital: int):
        counts = np.rint(np.asarray(values, dtype=np.float64) * (digital / physical)).astype(np.int32)
        low = 0 if digital == 1 else -1
        return edfio.BdfSignal.from_digital(
            np.pad(counts, (0, padding), mode="edge"),
            per_record / duration,
            label=label,
            physical_dimension=unit,
            physical_range=(low * physical, physical),
            digital_range=(low * digital, digital),
        )

    full_scale = _full_scale(recording.emg, path, "EMG")
    signals = [
        signal(row, name, "uV", full_scale, DIGITAL_STEPS)
        for name, row in zip(recording.channel_names, recording.emg, strict=True)
    ]
    if recording.torque is not None:
        scale = _full_scale(recording.torque, path, TORQUE_CHANNEL)
        unit = TORQUE_UNITS[recording.torque_unit]
        signals.append(signal(recording.torque, TORQUE_CHANNEL, unit, scale, DIGITAL_STEPS))
    if pulses.size:
        trigger = np.zeros(recording.n_samples)
        trigger[pulses] = 1
        signals.append(signal(trigger, STIMULATION_CHANNEL, "V", 1, 1))
    with atomic_path(path) as temporary:
        edfio.Bdf(signals, data_record_duration=duration).write(temporary)


def record_samples(n_samples: int, sampling_rate: float) -> int:
    """Return the samples per BDF data record.

    The longest divisor of `n_samples` between 0.1 and 1 s whose duration the 8 characters of the header
    hold exactly; without one, the samples of about 1 s, and the last record is padded with the last
    value. Readers cut the padding by ``RecordingDuration``.
    """
    for candidate in range(int(sampling_rate), int(sampling_rate / 10), -1):
        duration = candidate / sampling_rate
        if n_samples % candidate == 0 and float(f"{duration:.6g}") == duration:
            return candidate
    return round(sampling_rate)


def _check_signals(recording: Recording, where: Path) -> None:
    names = recording.channel_names
    remedy = "BDF labels are unique, of 1 to 16 ASCII characters."
    if len(names) != recording.emg.shape[0] or not names:
        raise InputError(where, f"{len(names)} names for {recording.emg.shape[0]} EMG channels", remedy)
    seen = {TORQUE_CHANNEL, STIMULATION_CHANNEL}
    for name in names:
        if not (name.isascii() and name.isprintable() and 0 < len(name.strip()) == len(name) <= 16):
            raise InputError(f"{where}, channel {name!r}", "the name does not fit a BDF header", remedy)
        if name in seen:
            raise InputError(f"{where}, channel {name!r}", "the name is taken", remedy)
        seen.add(name)
    if recording.torque is not None and recording.torque_unit not in TORQUE_UNITS:
        raise InputError(where, f"torque is in {recording.torque_unit!r}", "Use 'N.m' or '% MVC'.")
    if recording.torque is not None and len(recording.torque) != recording.n_samples:
        raise InputError(
            where, f"torque has {len(recording.torque)} samples, EMG {recording.n_samples}", "Cut them alike."
        )


def _full_scale(values: np.ndarray, where: Path, what: str) -> float:
    """Return the smallest of 8, 80, … 80000 that holds the values, so that a step is 10^-6 … 0.01."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if not np.isfinite(largest):
        raise InputError(where, f"{what} has values that are not finite", "Correct or cut them.")
    for scale in (8, 80, 800, 8_000, 80_000):
        if largest <= scale:
            return scale
    raise InputError(where, f"{what} reaches {largest:.6g}, beyond 80000", "Check its unit.")
