"""Trials drawn from the mixed model, and the reference fits by lme4."""

import sys
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "benchmarks"))

# Imports stand below the path to the benchmarks, hence E402.
from drawn_trial import DrawnTrial, draw_outcomes  # noqa: E402

from pictrial.trial.plan import TrialPlan, load_plan  # noqa: E402


@pytest.fixture(scope="session")
def plan() -> TrialPlan:
    return load_plan(REPOSITORY / "config" / "trial.yaml")


@pytest.fixture(scope="session")
def single_plan() -> TrialPlan:
    return load_plan(REPOSITORY / "config" / "vastus_lateralis" / "trial.yaml")


@pytest.fixture(scope="session")
def outcomes(plan) -> pd.DataFrame:
    return draw_outcomes(plan.sessions, DrawnTrial(), seed=1)


@pytest.fixture(scope="session")
def lme4(public_data) -> Path:
    """The folder of reference fits by R's lme4, beside the public data."""
    folder = public_data.resolve().parent / "reference" / "lme4"
    if not folder.is_dir():
        pytest.skip(f"needs the reference fits: there is no {folder}")
    return folder
