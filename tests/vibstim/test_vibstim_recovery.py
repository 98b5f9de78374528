"""Planted outcomes are recovered from simulated recordings, and without cleaning they are not."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "vibstim.py"
    spec = importlib.util.spec_from_file_location("vibstim_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compared(benchmark, n_recordings: int, variant: str):
    return benchmark.compare(n_recordings, benchmark.VARIANTS[variant]).set_index("outcome")


@pytest.fixture(scope="module")
def recovered(benchmark):
    return compared(benchmark, 60, "as configured")


def test_torque_and_emg_are_recovered(recovered):
    values = recovered.drop(index="responder")
    assert len(values) == 9 and (values["n"] == 60).all() and (values["n_missing"] == 0).all()
    assert (values["bias_percent"].abs() <= 2).all(), values["bias_percent"]
    assert (values["correlation"] >= 0.98).all(), values["correlation"]


def test_responders_are_told(recovered):
    assert recovered.loc["responder", "agreement"] >= 0.95
    assert 0.3 < recovered.loc["responder", "mean_true"] < 0.9, "both kinds are there"


def test_without_blanking_emg_is_that_of_the_pulses(benchmark):
    """EMG between the pulses and before the first one is then mostly artefact; torque does not change."""
    found = compared(benchmark, 6, "pulses not blanked")
    assert (found.loc[["emg_nmes", "emg_before_nmes"], "bias_percent"] > 500).all()
    assert abs(found.loc["torque_vibration", "bias_percent"]) <= 2


def test_without_removing_vibration_emg_under_it_is_too_strong(benchmark):
    found = compared(benchmark, 6, "vibration left in")
    under = ["emg_before_nmes", "emg_nmes", "emg_vibration"]
    assert (found.loc[under, "bias_percent"] > 5).all(), found["bias_percent"]
