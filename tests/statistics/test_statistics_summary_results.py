"""The multiverse and differential loss as rows of the ARD."""

from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.statistics.summary_results import loss_results, multiverse_results
from pictrial.tables import write_table
from pictrial.trial.plan import load_plan

SHA = "ab" * 32


def test_the_range_of_the_multiverse_is_exploratory(plan, outcomes, tmp_path):
    summary = pd.DataFrame(
        {
            "experiment": None,
            "contrast": "stimulation - control",
            "measured_in": ["pps", "share"],
            "n_analyses": [288, 72],
            "n_estimated": [285, 0],
            "lowest": [-1.3, np.nan],
            "median": [-1.0, np.nan],
            "highest": [-0.5, np.nan],
            "n_below_zero": [274, 0],
            "n_above_zero": 0,
            "share_off_zero": [0.96, np.nan],
        }
    )
    ard = multiverse_results(plan, summary, outcomes, SHA)
    write_table(ard, tmp_path / "ard.tsv", "ard")
    assert set(ard["role"]) == {"exploratory"} and ard["family"].isna().all()
    values = ard.set_index("ard_id")["value"]
    assert values["multiverse.delta_f.multiverse.stimulation-control_pps.lowest"] == -1.3
    assert values["multiverse.delta_f.multiverse.stimulation-control_pps.n_estimated"] == 285
    empty = ard[ard["value"].isna()]
    assert len(empty) == 4 and (empty["warning"] == "no rule leaves an estimate").all()


def test_losses_have_their_counts_and_no_interval_where_there_is_none(plan, tmp_path):
    losses = pd.DataFrame(
        {
            "experiment": None,
            "stage": ["found", "found", "passing_pairs"],
            "contrast": ["all", "stimulation - control", "stimulation - control"],
            "n_lost": [29, 8, 100],
            "n_kept": [376, 127, 200],
            "measure": "difference_in_share",
            "estimate": [0.01, 0.014, np.nan],
            "ci_lower": [np.nan, -0.01, np.nan],
            "ci_upper": [np.nan, 0.04, np.nan],
            "p_value": [0.8, 0.5, np.nan],
            "least_p": [0.04, 0.5, np.nan],
            "n_participants": [6, 6, 2],
            "n_permutations": [46656, 64, np.nan],
            "method": ["all", "all", None],
            "warning": [None, "P cannot fall below 0.5 with these data", "not estimable: 2 participants"],
        }
    )
    losses["n_permutations"] = losses["n_permutations"].astype("Int64")  # as it is read from its file
    ard = loss_results(plan, losses, SHA)
    write_table(ard, tmp_path / "ard.tsv", "ard")
    whole = ard[ard["contrast_or_level"] == "all, found"]
    assert set(whole["statistic"]) == {"estimate", "p", "least_p", "n_permutations"}
    assert (whole["n_units"] == 405).all() and (whole["n_pairs"] == 0).all()
    pairs = ard[ard["contrast_or_level"] == "stimulation - control, passing_pairs"]
    assert pairs["value"].isna().all() and (pairs["n_pairs"] == 300).all()
    assert (pairs["warning"] == "not estimable: 2 participants").all()


def test_each_experiment_has_an_analysis_of_its_own():
    config = Path(__file__).resolve().parents[2] / "config"
    plan = load_plan(config / "two_experiments" / "trial.yaml")
    values = pd.DataFrame(
        {
            "participant": ["101", "201", "202"],
            "sequence": ["FCS", "FCR", "FRC"],
            "unit_id": "MU01",
            "n_controls": 1,
            "outcome": "delta_f",
            "value": 1.0,
        }
    )
    summary = pd.DataFrame(
        {"experiment": ["stimulation_delta_f", "relaxation_delta_f"], "contrast": "a - b"}
        | {"measured_in": "pps"}
        | dict.fromkeys(("n_analyses", "n_estimated", "n_below_zero", "n_above_zero"), 4)
        | {name: [0.1, 0.2] for name in ("lowest", "median", "highest", "share_off_zero")}
    )
    ard = multiverse_results(plan, summary, values, SHA)
    lowest = ard[ard["statistic"] == "lowest"].set_index("analysis")
    assert lowest["value"].to_dict() == {
        "multiverse_stimulation_delta_f": 0.1,
        "multiverse_relaxation_delta_f": 0.2,
    }
    assert lowest["n_participants"].tolist() == [1, 2]
    assert set(ard["population"]) == {plan.everyone}
