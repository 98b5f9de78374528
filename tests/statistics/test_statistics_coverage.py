import importlib.util
from pathlib import Path

import pandas as pd
import pytest

STUDY = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"


@pytest.fixture(scope="module")
def study():
    """The study as a module; under its own name it would hide the package `coverage`."""
    spec = importlib.util.spec_from_file_location("coverage_study", STUDY)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_coverage_and_bias_are_what_they_say(study):
    trials = pd.DataFrame(
        {
            "contrast": "a - b",
            "planted": -1.0,
            "estimate": [-1.0, -0.5, -1.5, None],
            "standard_error": [0.2, 0.2, 0.2, None],
            "ci_lower": [-1.4, -0.9, -1.9, None],
            "ci_upper": [-0.6, -0.1, -0.9, None],
            "n_values": 60,
        }
    )
    row = study.summarise(trials).iloc[0]
    assert row["coverage"] == pytest.approx(2 / 3)
    assert row["coverage_se"] == pytest.approx((2 / 9 / 3) ** 0.5)
    assert row["bias"] == pytest.approx(0)
    assert row["bias_se"] == pytest.approx(0.5 / 3**0.5)
    assert (row["trials"], row["not_estimable"]) == (3, 1)


@pytest.mark.slow
def test_planted_contrasts_are_covered(study):
    summary = study.summarise(study.run_trials(study.simulated_outcomes, range(101, 125)))
    assert (summary["trials"] == 24).all()
    # 95 % coverage gives fewer than 20 of 24 in 2 % of such studies.
    assert (summary["coverage"] >= 20 / 24).all()
    assert (summary["bias"].abs() < 0.25).all()
