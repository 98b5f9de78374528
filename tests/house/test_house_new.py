"""`pictrial new`: two files that fit each other and the example exports, and nothing overwritten."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from pictrial.checked_yaml import check_content
from pictrial.cli import main
from pictrial.recordings.otb import read_otb
from pictrial.trial.plan import load_plan

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", ["config/my_trial_2", "pilot", "elsewhere/my_trial"])
def test_files_are_called_after_the_folder_and_fit_each_other(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new", folder]) == 0
    assert capsys.readouterr().out == f"{folder}/config.yaml\n{folder}/trial.yaml\n"
    configuration = yaml.safe_load(Path(folder, "config.yaml").read_text(encoding="utf-8"))
    check_content(configuration, PROJECT / "workflow" / "schemas" / "config.schema.json", "config.yaml")
    assert configuration["trial"] == f"{folder}/trial.yaml"
    plan = load_plan(configuration["trial"])
    assert [plan.name, configuration["results"]] == [Path(folder).name, f"results/{Path(folder).name}"]
    listed = configuration["data"]["import"]
    delivered = {(entry["participant"], entry["session"], entry["condition"]) for entry in listed}
    assert delivered == {(row.participant, row.session, row.condition) for row in plan.sessions}
    assert {entry["task"] for entry in listed} == {plan.task}


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "pilot").mkdir()
    (tmp_path / "pilot" / "trial.yaml").write_text("mine")
    assert main(["new", str(tmp_path / "pilot")]) == 2
    assert "trial.yaml: it is there already" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "pilot").iterdir()] == ["trial.yaml"]
    assert (tmp_path / "pilot" / "trial.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["My trial", "2nd", "a-b", "trial.1"])
def test_names_that_the_plan_would_refuse_are_refused(name, tmp_path, capsys):
    assert main(["new", str(tmp_path / name)]) == 2
    assert repr(name) in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_example_exports_are_those_of_the_new_trial(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("exports", PROJECT / "docs" / "example_exports.py")
    exports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exports)
    listed = yaml.safe_load((PROJECT / "workflow" / "new_trial" / "config.yaml").read_text())["data"][
        "import"
    ]
    people = exports.SimulatedParticipant(exports.SampleTrialSettings(), 1, "01")
    long, _ = exports.simulate_ramp(people, "1", "control")
    peak = slice(int(np.argmax(long.torque)) - 1024, int(np.argmax(long.torque)) + 1024)
    short = replace(long, emg=long.emg[:, peak], torque=long.torque[peak])
    conditions = []

    def simulated(person, session, condition):
        conditions.append(condition)
        return short, None

    monkeypatch.setattr(exports, "simulate_ramp", simulated)
    written = exports.write_exports(tmp_path)
    assert [f"data/exports/{path.name}" for path in written] == [entry["file"] for entry in listed]
    assert conditions == [entry["condition"] for entry in listed]
    read, vendor = read_otb(written[0])
    np.testing.assert_array_equal(read.emg, short.emg)
    assert np.isfinite(read.positions).all() and not vendor
    # At its peak the ramp is at 20 % of the maximum.
    assert read.torque_unit == "% MVC" and 18 < read.torque.max() < 23
