"""Trials drawn from the mixed model, and the reference fits by lme4."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.seeds import random_generator
from pictrial.trial.plan import TrialPlan, load_plan

REPOSITORY = Path(__file__).resolve().parents[2]


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
def quick_plan(plan) -> TrialPlan:
    """The sample plan with few resamples."""
    few = {
        "cluster_bootstrap": {"resamples": 40},
        "parametric_bootstrap": {"resamples": 40},
        "tipping_point": {"imputations": 3, "deltas": (-1.0, 0.0, 1.0)},
    }
    analyses = {name: replace(one, **few.get(one.method, {})) for name, one in plan.analyses.items()}
    return replace(plan, analyses=analyses)


@pytest.fixture(scope="session")
def trial(plan, outcomes) -> pd.DataFrame:
    """Every outcome of the sample plan, schema ``outcomes``; units that were not found are there, too."""
    rng = random_generator(1, "drawn outcomes")
    session = ["participant", "sequence", "session", "period", "condition"]
    cells = pd.DataFrame(plan.sessions, columns=session).merge(
        outcomes[["participant", "unit_id"]].drop_duplicates(), on="participant"
    )
    key = ["participant", "session", "unit_id"]
    units = cells.merge(outcomes[[*key, "value", "n_controls", "matched"]], how="left", on=key)
    units = units.fillna({"n_controls": 0, "matched": False}).astype({"n_controls": int, "matched": bool})
    error = np.where(units["value"].notna(), rng.uniform(0.1, 0.5, len(units)), np.nan)
    units = units.assign(outcome="delta_f", standard_error=error)
    noise = rng.normal(0, [[0.2], [1.0]], (2, len(units)))
    people = cells.drop_duplicates(["participant", "session"]).assign(
        unit_id=pd.Series(np.nan, dtype="str"), n_controls=0, standard_error=np.nan, matched=True
    )
    shift = people["condition"].map({"control": 0.0, "stimulation": -1.0, "relaxation": -0.5})
    torque = 1.5 + shift + rng.normal(0, 0.5, len(people))
    parts = [
        units,
        units.assign(outcome="delta_f_same_pairs", value=units["value"] + noise[0]),
        units.assign(
            outcome="peak_rate", value=12 + units["value"] + noise[1], n_controls=0, standard_error=np.nan
        ),
        people.assign(outcome="torque_vibration", value=np.sinh(torque)),
        people.assign(outcome="torque_sustained", value=np.exp(torque + rng.normal(0, 0.3, len(people)))),
        people.assign(outcome="responder", value=(rng.random(len(people)) < 0.6 + 0.3 * shift).astype(float)),
    ]
    table = pd.concat(parts, ignore_index=True).assign(left_out_for=None)
    before = {
        (one.participant, one.session): plan.sequences[one.sequence][one.period - 2]
        if one.period > 1
        else "none"
        for one in plan.sessions
    }
    people_and_sessions = zip(table["participant"], table["session"], strict=True)
    return table.assign(previous=[before[one] for one in people_and_sessions])


@pytest.fixture(scope="session")
def lme4(public_data) -> Path:
    """The folder of reference fits by R's lme4, beside the public data."""
    folder = public_data.resolve().parent / "reference" / "lme4"
    if not folder.is_dir():
        pytest.skip(f"needs the reference fits: there is no {folder}")
    return folder
