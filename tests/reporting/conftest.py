"""A drawn trial and its results."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.statistics.analysis import analyse_trial
from pictrial.trial.plan import TrialPlan, load_plan

REPOSITORY = Path(__file__).resolve().parents[2]

SHA = "cd" * 32


@pytest.fixture(scope="session")
def plan() -> TrialPlan:
    """The sample plan with the analyses of ΔF that a table and a figure show."""
    whole = load_plan(REPOSITORY / "config" / "trial.yaml")
    shown = ("primary", "participant_means")
    return dataclasses.replace(
        whole,
        outcomes={"delta_f": whole.outcomes["delta_f"]},
        analyses={name: whole.analyses[name] for name in shown},
        families={name: dataclasses.replace(f, analyses=shown) for name, f in whole.families.items()},
    )


@pytest.fixture(scope="session")
def outcomes(plan) -> pd.DataFrame:
    return draw_outcomes(plan.sessions, DrawnTrial(), seed=1)


@pytest.fixture(scope="session")
def ard(plan, outcomes) -> pd.DataFrame:
    return analyse_trial(plan, outcomes, SHA, 1)[0]


@pytest.fixture(scope="session")
def single(outcomes) -> tuple[TrialPlan, pd.DataFrame, pd.DataFrame]:
    """Plan, outcomes and ARD of one participant in one condition."""
    plan = load_plan(REPOSITORY / "config" / "vastus_lateralis" / "trial.yaml")
    one = outcomes[(outcomes["participant"] == "01") & (outcomes["condition"] == "control")]
    return plan, one, analyse_trial(plan, one, SHA, 1)[0]
