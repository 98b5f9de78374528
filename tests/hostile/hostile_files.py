"""Small valid files of every format that users give, and what reads them.

A target is one file of a small data set. The fuzzer and the tests damage its payload, the bytes behind
compression, so that damage is not only found by a checksum.
"""

import gzip
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import edfio
import numpy as np
import otb_archives
import pandas as pd
import trial_plans
from scipy.io import savemat

from pictrial.checked_yaml import read_checked_yaml
from pictrial.decomposition.edits import files_of_recordings, read_edits
from pictrial.decomposition.exchange_foreign import read_foreign
from pictrial.decomposition.exchange_muedit import write_muedit
from pictrial.decomposition.exchange_openhdemg import write_openhdemg
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.storage import (
    read_decomposition,
    read_discharges,
    write_decomposition,
)
from pictrial.recordings.bids import channels_marked_bad, read_bids_recording, read_events
from pictrial.recordings.bids_writer import write_bids_dataset, write_bids_recording
from pictrial.recordings.model import Recording
from pictrial.recordings.otb import read_otb
from pictrial.seeds import random_generator
from pictrial.tables import load_schema, write_table
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.delivery import check_delivered
from pictrial.trial.plan import load_plan
from pictrial.trial.recorded_events import read_recorded_events
from pictrial.trial.stages import COLUMNS, CONFIGURATION_SCHEMA, _append, read_log

TESTS = Path(__file__).resolve().parents[1]
PROJECT = TESTS.parent

RATE, N_SAMPLES = 1000.0, 120  # one data record
NAME = "sub-01_ses-1_task-ramp_run-1"
DISCHARGES = {"MU01": np.array([3, 40, 77]), "MU02": np.array([20, 60])}


@dataclass(frozen=True)
class Target:
    """A file that users give: how a valid one is written into a folder, and what reads it.

    `inside` is where the payload is: the file itself, ``gzip``, or a member of a zip archive.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    inside: str = "file"

    def payload(self, path: Path) -> bytes:
        if self.inside == "file":
            return path.read_bytes()
        if self.inside == "gzip":
            return gzip.decompress(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            return archive.read(self.inside)

    def put(self, path: Path, payload: bytes) -> None:
        if self.inside == "file":
            path.write_bytes(payload)
        elif self.inside == "gzip":
            path.write_bytes(gzip.compress(payload, compresslevel=1))
        else:
            with zipfile.ZipFile(path) as archive:
                members = {name: archive.read(name) for name in archive.namelist()}
            with zipfile.ZipFile(path, "w") as archive:
                for name, content in (members | {self.inside: payload}).items():
                    archive.writestr(name, content)


def recording(folder: Path) -> Recording:
    random = random_generator(1, "hostile recording")
    return Recording(
        name=NAME,
        sampling_rate=RATE,
        emg=(50 * random.standard_normal((2, N_SAMPLES))).astype(np.float32),
        channel_names=("EMG1", "EMG2"),
        positions=np.array([[0.0, 0.0], [0.0, 8.0]]),
        torque=np.linspace(0, 20, N_SAMPLES),
        torque_unit="% MVC",
        stimulation=np.array([0.02, 0.07]),
        source=folder,
    )


def write_bids(folder: Path) -> Path:
    people = pd.DataFrame({"participant_id": ["sub-01"]})
    write_bids_dataset(folder, "Hostile", "A data set to damage.", people, {})
    return write_bids_recording(folder, recording(folder), "01", "1", "ramp")


def write_edf(folder: Path) -> Path:
    path = write_bids(folder)
    signals = [
        edfio.EdfSignal(
            signal.data,
            signal.sampling_frequency,
            label=signal.label,
            physical_dimension=signal.physical_dimension,
            physical_range=signal.physical_range,
        )
        for signal in edfio.read_bdf(path).signals
    ]
    edfio.Edf(signals, data_record_duration=N_SAMPLES / RATE).write(path.with_suffix(".edf"))
    path.unlink()
    return path.with_suffix(".edf")


def sidecar(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_bids(folder)
        return next(folder.glob(f"sub-01/ses-1/emg/*{suffix}"))

    return write


def read_bids(path: Path) -> None:
    """Read all that is beside a file of the data set of `write_bids`."""
    read = next(found for kind in ("bdf", "edf") for found in path.parent.glob(f"*_emg.{kind}"))
    found = read_bids_recording(read)
    channels_marked_bad(read)
    events = read_events(read)
    assert sound(found) and found.torque is not None and len(found.torque) == found.n_samples
    assert np.all(np.diff(found.stimulation) > 0) and np.isfinite(found.stimulation).all()
    assert found.positions.shape == (len(found.emg), 2) and not np.isinf(found.positions).any()
    assert np.isfinite(events["onset"]).all() and events["onset"].between(0, found.duration).all()


def sound(found: Recording) -> bool:
    """Whether a recording is one that later stages can rely on."""
    torque = np.zeros(1) if found.torque is None else found.torque
    names = len(set(found.channel_names)) == len(found.channel_names) == len(found.emg) > 0
    rate = 0 < found.sampling_rate < 1e9
    return names and rate and bool(np.isfinite(found.emg).all() and np.isfinite(torque).all())


def write_export(folder: Path) -> Path:
    grid = "Soleus - AUX 1 (Channel 1->1) - GR08MM1305"
    emg, train = recording(folder).emg.T[:20], np.zeros((20, 1))
    train[[4, 12]] = 1
    content = {
        "Data": np.hstack([emg, train, np.ones((20, 1))]),
        "Description": np.array(
            [f"{grid} (1)[uV]", f"{grid} (2)[uV]", f"Decomposition of {grid} (1)[a.u]", "acquired data[Nm]"],
            dtype=object,
        ),
        "SamplingFrequency": 2048.0,
    }
    savemat(folder / "export.mat", content)
    return folder / "export.mat"


def write_archive(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        members = otb_archives.otb_plus() if suffix == ".otb+" else otb_archives.otb4()
        whole, kept = otb_archives.N_SAMPLES, 8
        for name, content in members.items():
            if name.endswith((".sig", ".sip")) and name != "path.sig":
                members[name] = content[: len(content) * kept // whole]
            elif name == "Tracks_000.xml":
                stated = "<TimeDuration>{}</TimeDuration>"
                old, new = (stated.format(n / otb_archives.RATE) for n in (whole, kept))
                members[name] = content.replace(old, new)
        otb_archives.write_tar(folder / f"raw{suffix}", members)
        return folder / f"raw{suffix}"

    return write


def read_recording(path: Path) -> None:
    found, discharges = read_otb(path)
    assert sound(found)
    check_trains(discharges, found.n_samples)


def check_trains(discharges: dict[str, np.ndarray], n_samples: int) -> None:
    for train in discharges.values():
        assert train.dtype == np.int64 and train.ndim == 1 and np.all(np.diff(train) > 0)
        assert not len(train) or (train[0] >= 0 and train[-1] < n_samples)


def read_decomposed(path: Path) -> None:
    found = read_foreign(path)
    assert 0 < found.sampling_rate < np.inf and found.n_samples >= 0
    check_trains(found.discharges, found.n_samples)


def cells(items: list) -> np.ndarray:
    array = np.empty((1, len(items)), dtype=object)
    for number, item in enumerate(items):
        array[0, number] = item
    return array


def write_demuse(folder: Path) -> Path:
    pulses = [train[None] + 1 for train in DISCHARGES.values()]
    content = {
        "MUPulses": cells(pulses),
        "IPTs": np.zeros((2, N_SAMPLES), np.uint8),
        "fsamp": np.uint16(2048),
    }
    savemat(folder / "demuse.mat", content)
    return folder / "demuse.mat"


def write_edited(folder: Path) -> Path:
    path, small = folder / "edited.mat", recording(folder)
    write_muedit(path, small, np.ones(2, bool), np.ones((2, N_SAMPLES)), DISCHARGES)
    content = {name: value for name, value in _loaded(path).items() if name == "signal"}
    savemat(path, content)  # not compressed, so that damage reaches the parser
    return path


def _loaded(path: Path) -> dict:
    from scipy.io import loadmat

    return loadmat(path)


def write_muedit2(folder: Path) -> Path:
    packed = np.empty(2, dtype=object)
    packed[:] = list(DISCHARGES.values())
    np.savez(folder / "edited.npz", discharge_times=packed, fsamp=2048.0, total_samples=N_SAMPLES)
    return folder / "edited.npz"


def write_openhdemg_file(folder: Path) -> Path:
    path = folder / "edited.json"
    write_openhdemg(path, recording(folder), np.ones((2, N_SAMPLES)), DISCHARGES, np.ones(2))
    return path


def decomposition(folder: Path) -> Path:
    """Write a decomposition and return the path of its events."""
    columns = load_schema("quality_units")["columns"]
    filled = {"string": "text", "boolean": True, "integer": 1, "number": 1.0}
    quality = pd.DataFrame({name: [filled[rule["type"]]] * 2 for name, rule in columns.items()})
    quality["unit_id"] = list(DISCHARGES)
    sources = {unit: np.ones(len(train)) for unit, train in DISCHARGES.items()}
    whole = Decomposition(
        recording=NAME,
        sampling_rate=RATE,
        n_samples=N_SAMPLES,
        discharges=DISCHARGES,
        sources=sources,
        filters=np.ones((2, 2, 3), np.float32),
        quality=quality,
    )
    write_decomposition(whole, folder, "decomposed")
    return folder / f"{NAME}_desc-decomposed_events.tsv"


def write_filters(folder: Path) -> Path:
    return Path(str(decomposition(folder)).replace("events.tsv", "filters.npz"))


def read_own(path: Path) -> None:
    found = read_decomposition(path.parent, NAME, "decomposed")
    assert len(found.discharges) == len(found.filters) and list(found.sources) == list(found.discharges)
    assert 0 < found.sampling_rate < np.inf
    check_trains(found.discharges, found.n_samples)


def read_times(path: Path) -> None:
    for times in read_discharges(path).values():
        assert np.isfinite(times).all() and np.all(np.diff(times) >= 0)


def write_edits(folder: Path) -> Path:
    fixed = {"recording": NAME, "decomposition": "0123456789abcdef", "editor": "A. B.", "reason": "missed"}
    rows = [("MU01", "add_discharges", 0.01), ("MU02", "remove_unit", None), ("MU03", "add_unit", None)]
    table = pd.DataFrame(rows, columns=["unit_id", "operation", "onset"])
    write_table(table.assign(**fixed, date="2026-01-31"), folder / "edits.tsv", "edits")
    return folder / "edits.tsv"


def read_edit_table(path: Path) -> None:
    assert files_of_recordings(path.parent, [NAME]).keys() == {NAME}
    edits = read_edits([path], NAME)
    assert np.isfinite(edits["onset"].dropna().to_numpy(float)).all()


@cache
def plan():
    return load_plan(trial_plans.SAMPLE)


def delivered(part: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        trial_plans.write_delivered(plan(), folder)
        columns = "participant_id session_id code severity text"
        codes = [name for name, event in plan().events.items() if event.recorded_as == "protocol_deviation"]
        row = f"sub-01|ses-2|{codes[0]}|major|power cut"
        trial_plans.write_phenotype(folder, "protocol_deviations", columns, row)
        return next(folder.rglob(part))

    return write


def read_delivered(path: Path) -> None:
    root = next(folder for folder in path.parents if (folder / "participants.tsv").is_file())
    table = check_delivered(plan(), root, read_recorded_events(plan(), root))
    assert len(table) == len(plan().sessions) + len(plan().missing_sessions)


@cache
def plan_with_score(folder: Path):
    def change(content: dict) -> None:
        measure = "scores.spasticity.ashworth"
        keys = {"label": "Spasticity", "unit": "score", "level": "participant", "source": "test"}
        content["outcomes"]["spasticity"] = {**keys, "measure": measure}

    folder.mkdir(exist_ok=True)
    return load_plan(trial_plans.changed(folder, change))


def scores(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        plan_with_score(folder / "plan")
        path = folder / "phenotype" / "spasticity.tsv"
        path.parent.mkdir()
        rows = ["participant_id\tsession_id\tashworth", "sub-01\tses-1\t1.5", "sub-01\tses-2\tn/a"]
        path.write_text("\n".join(rows) + "\n")
        levels = {"Levels": {"0": "", "1": "", "1.5": "1+", "2": "", "n/a": ""}}
        path.with_suffix(".json").write_text(json.dumps({"ashworth": levels}, indent=1))
        return path.with_suffix(suffix)

    return write


def read_scores(path: Path) -> None:
    root = path.parents[1]
    found = clinical_scores(plan_with_score(root / "plan"), root)["spasticity"]
    assert np.isfinite(found["value"]).all()


def configuration(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        shipped = trial_plans.CONFIG / "vastus_lateralis" / name
        (folder / name).write_bytes(shipped.read_bytes())
        return folder / name

    return write


def write_log(folder: Path) -> Path:
    for stage in ("dummy", "masked"):
        _append(folder / "stages.tsv", (stage, "A. B.", "2026-01-31T12:00:00Z", "0123abc", "", "ü"))
    return folder / "stages.tsv"


def read_stage_log(path: Path) -> None:
    assert all(tuple(row) == COLUMNS for row in read_log(path))


TARGETS = {
    "bdf": Target(write_bids, read_bids),
    "edf": Target(write_edf, read_bids),
    "channels_tsv": Target(sidecar("_channels.tsv"), read_bids),
    "electrodes_tsv": Target(sidecar("_electrodes.tsv"), read_bids),
    "events_tsv": Target(sidecar("_events.tsv"), read_bids),
    "emg_json": Target(sidecar("_emg.json"), read_bids),
    "coordsystem_json": Target(sidecar("_coordsystem.json"), read_bids),
    "otb_mat": Target(write_export, read_recording),
    "otb_plus": Target(write_archive(".otb+"), read_recording),
    "otb4": Target(write_archive(".otb4"), read_recording),
    "demuse": Target(write_demuse, read_decomposed),
    "muedit": Target(write_edited, read_decomposed),
    "muedit2": Target(write_muedit2, read_decomposed),
    "muedit2_trains": Target(write_muedit2, read_decomposed, "discharge_times.npy"),
    "openhdemg": Target(write_openhdemg_file, read_decomposed, "gzip"),
    "filters_foreign": Target(write_filters, read_decomposed),
    "filters": Target(write_filters, read_own),
    "filters_counts": Target(write_filters, read_own, "n_discharges.npy"),
    "discharges_tsv": Target(decomposition, read_times),
    "edits_tsv": Target(write_edits, read_edit_table),
    "plan_yaml": Target(configuration("trial.yaml"), load_plan),
    "config_yaml": Target(
        configuration("config.yaml"), lambda path: read_checked_yaml(path, CONFIGURATION_SCHEMA)
    ),
    "stages_tsv": Target(write_log, read_stage_log),
    "participants_tsv": Target(delivered("participants.tsv"), read_delivered),
    "sessions_tsv": Target(delivered("sub-01_sessions.tsv"), read_delivered),
    "deviations_tsv": Target(delivered("protocol_deviations.tsv"), read_delivered),
    "scores_tsv": Target(scores(".tsv"), read_scores),
    "scores_json": Target(scores(".json"), read_scores),
}
