"""The official BIDS validator finds no error in what is written."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pictrial.recordings.bids_writer import write_bids_dataset, write_bids_recording, write_bids_sessions
from pictrial.recordings.otb import import_otb


def validator() -> str:
    beside = Path(sys.executable).with_name("bids-validator-deno")
    found = str(beside) if beside.is_file() else shutil.which("bids-validator-deno")
    if not found:
        pytest.skip("needs the program bids-validator-deno (python package of the same name)")
    return found


def errors_in(root: Path) -> list[dict]:
    command = [validator(), str(root), "--format", "json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert report["summary"]["totalFiles"] >= 2
    return [issue for issue in report["issues"]["issues"] if issue["severity"] == "error"]


def test_written_data_set(tmp_path, recording):
    participants = pd.DataFrame({"participant_id": ["sub-01"], "sex": ["F"], "age": [31]})
    dictionary = {"sex": {"Description": "Sex"}, "age": {"Description": "Age", "Units": "year"}}
    write_bids_dataset(tmp_path, "Validated", "A data set of one recording.", participants, dictionary)
    sessions = pd.DataFrame({"session_id": ["ses-1"], "period": [1], "condition": ["control"]})
    write_bids_sessions(tmp_path, "01", sessions)
    write_bids_recording(tmp_path, recording, "01", "1", "ramp", metadata={"PowerLineFrequency": 50})
    write_bids_recording(tmp_path, recording, "01", "1", "ramp", run=2)
    assert errors_in(tmp_path) == []


def test_written_data_set_with_events_and_bipolar_channels(tmp_path, recording):
    participants = pd.DataFrame({"participant_id": ["sub-01"]})
    write_bids_dataset(
        tmp_path, "Validated", "A grid, then a grid and soleus, then soleus.", participants, {}
    )
    beside = replace(
        recording,
        channel_names=(*recording.channel_names[:5], "SOL"),
        positions=np.vstack([recording.positions[:5], [np.nan, np.nan]]),
        groups=("grid1",) * 5 + ("soleus",),
    )
    alone = replace(
        beside, emg=beside.emg[5:], channel_names=("SOL",), positions=beside.positions[5:], groups=("soleus",)
    )
    events = pd.DataFrame({"onset": [0.25, 0.5], "duration": [2.5, 0.5], "trial_type": ["vibration", "nmes"]})
    write_bids_recording(tmp_path, recording, "01", "1", "ramp")
    write_bids_recording(tmp_path, beside, "01", "1", "mvc")
    write_bids_recording(tmp_path, alone, "01", "1", "vibstim", events=events)
    assert errors_in(tmp_path) == []


def test_recorded_events_beside_the_recordings(tmp_path, recording):
    participants = pd.DataFrame({"participant_id": ["sub-01"]})
    write_bids_dataset(tmp_path, "Validated", "A recording, and what happened.", participants, {})
    write_bids_recording(tmp_path, recording, "01", "1", "ramp")
    # Several lines of one session, and one without a session.
    lines = {
        "protocol_deviations": ["code\tseverity\ttext", "ses-1\ta\tminor\tn/a", "ses-1\tb\tmajor\tlate"],
        "intercurrent_events": ["code\ttext", "ses-1\ta\tn/a"],
        "adverse_events": [
            "term\tseverity\tserious\trelatedness\ttext",
            "n/a\tpain\tmild\tno\tunlikely\tn/a",
        ],
    }
    (tmp_path / "phenotype").mkdir()
    for table, (header, *rows) in lines.items():
        text = [f"participant_id\tsession_id\t{header}", *(f"sub-01\t{row}" for row in rows)]
        path = tmp_path / "phenotype" / f"{table}.tsv"
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        described = {name: {"Description": name} for name in ("session_id", *header.split("\t"))}
        path.with_suffix(".json").write_text(json.dumps(described), encoding="utf-8")
    # BIDS knows one line per participant in this folder, hence the .bidsignore.
    assert {issue["code"] for issue in errors_in(tmp_path)} == {"TSV_INDEX_VALUE_NOT_UNIQUE"}
    (tmp_path / ".bidsignore").write_text("phenotype/\n", encoding="utf-8")
    assert errors_in(tmp_path) == []


def test_the_validator_would_find_an_error(tmp_path, recording):
    participants = pd.DataFrame({"participant_id": ["sub-01"]})
    write_bids_dataset(tmp_path, "Invalid", "A data set without units.", participants, {})
    path = write_bids_recording(tmp_path, recording, "01", "1", "ramp")
    path.with_name(path.name.replace("emg.bdf", "emg.json")).unlink()
    assert errors_in(tmp_path) != []


def test_imported_synthetic_export(tmp_path, synthetic_export):
    root = tmp_path / "bids"
    import_otb(synthetic_export, root, "01", "1", "ramp", condition="control")
    assert errors_in(root) == []
    assert errors_in(root / "derivatives" / "otbiolab") == []  # --recursive overlooks its .bidsignore


def test_imported_real_export(tmp_path, otb_testfile):
    import_otb(otb_testfile, tmp_path, "01", "1", "ramp")
    assert errors_in(tmp_path) == []
