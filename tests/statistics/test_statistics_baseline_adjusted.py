"""Parallel groups: analysis of covariance, its robust twin, and the joint model of baseline and follow-up."""

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.statistics.baseline_adjusted import baseline_adjusted
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.model_arrays import NotEstimable

PAIR = [("stimulation", "control")]
LEVELS = {"condition": ["baseline", "control", "stimulation"]}
JOINT = "value ~ condition + (1 | participant) + (1 | participant:condition)"


def parallel_trial(seed, n=40, units=6, effect=-0.5):
    """A baseline session of everybody, then one condition each; effect in pps."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(n):
        arm = "stimulation" if person % 2 else "control"
        level = rng.normal(4, 1)
        for session, condition in enumerate(("baseline", arm)):
            shift = rng.normal(0.3 * session, 0.4) + effect * (condition == "stimulation")
            for unit in range(units):
                value = level + shift + rng.normal(0, 0.5)
                rows.append(
                    (f"{person:02d}", str(session), session, condition, f"u{session}{unit}", value, arm)
                )
    columns = ["participant", "session", "period", "condition", "unit_id", "value", "site"]
    return pd.DataFrame(rows, columns=columns)


def by_hand(rows):
    """Means and least squares in numpy."""
    means = rows.pivot_table(index="participant", columns="condition", values="value")
    follow_up = means["stimulation"].fillna(means["control"])
    arm = means["stimulation"].notna().astype(float)
    x = np.column_stack([np.ones(len(means)), arm, means["baseline"]])
    beta = np.linalg.solve(x.T @ x, x.T @ follow_up)
    residual = follow_up - x @ beta
    return x, beta, residual.to_numpy()


def test_contrast_is_that_of_least_squares():
    rows = parallel_trial(1)
    result = baseline_adjusted(rows, "baseline", PAIR)
    row = result.contrasts.iloc[0]
    x, beta, residual = by_hand(rows)
    inverse = np.linalg.inv(x.T @ x)
    assert row["estimate"] == pytest.approx(beta[1])
    assert result.baseline_slope == pytest.approx(beta[2])
    assert row["df"] == 40 - 3
    assert row["standard_error"] == pytest.approx(np.sqrt(inverse[1, 1] * residual @ residual / 37))
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    weights = (residual / (1 - leverage)) ** 2
    robust = inverse @ (x.T * weights) @ x @ inverse
    assert row["robust_standard_error"] == pytest.approx(np.sqrt(robust[1, 1]))
    assert row["n_participants"] == 40 and row["warning"] == ""
    means = result.means.set_index("level")
    at = x[:, 2].mean()
    assert means.loc["control", "estimate"] == pytest.approx(beta[0] + beta[2] * at)
    assert means.loc["stimulation", "estimate"] - means.loc["control", "estimate"] == pytest.approx(beta[1])


def test_order_of_the_arms_turns_the_sign():
    table = baseline_adjusted(parallel_trial(2), "baseline", [*PAIR, PAIR[0][::-1]]).contrasts
    assert table["estimate"][0] == pytest.approx(-table["estimate"][1])
    assert table["ci_lower"][0] == pytest.approx(-table["ci_upper"][1])
    assert table["robust_p"][0] == pytest.approx(table["robust_p"][1])


def test_joint_model_and_covariance_analysis_agree_and_find_the_truth():
    found = []
    for seed in range(12):
        rows = parallel_trial(seed, n=60)
        model = fit_model(model_frame(rows), JOINT, LEVELS)
        joint = planned_contrasts(model, PAIR, "kenward-roger").iloc[0]
        adjusted = baseline_adjusted(rows, "baseline", PAIR).contrasts.iloc[0]
        found.append((adjusted["estimate"], joint["estimate"]))
        assert adjusted["estimate"] == pytest.approx(joint["estimate"], abs=0.05)
        assert adjusted["standard_error"] == pytest.approx(joint["standard_error"], rel=0.15)
    means = np.mean(found, axis=0)
    # One trial has a standard error of about 0.15.
    np.testing.assert_allclose(means, -0.5, atol=3 * 0.15 / np.sqrt(12))


def test_adjusting_takes_out_a_chance_difference_at_baseline():
    rows = parallel_trial(3, effect=0.0)
    # Who is in the stimulation arm was 2 pps higher before anything was done.
    rows.loc[rows["site"] == "stimulation", "value"] += 2.0
    row = baseline_adjusted(rows, "baseline", PAIR).contrasts.iloc[0]
    assert abs(row["estimate"]) < 3 * row["standard_error"]
    follow_up = rows[rows["condition"] != "baseline"].groupby("condition")["value"].mean()
    assert follow_up["stimulation"] - follow_up["control"] > 1.2


def test_arm_that_is_a_site_is_not_estimable():
    rows = parallel_trial(4)
    result = baseline_adjusted(rows, "baseline", PAIR, ["site"])
    for table in (result.means, result.contrasts):
        assert table["estimate"].isna().all()
        assert (
            table["warning"] == "not estimable: the arm cannot be told from other terms of the model"
        ).all()
    # The joint model has an answer, as baseline tells the sites apart: the difference of changes.
    formula = "value ~ condition + site + (1 | participant) + (1 | participant:condition)"
    joint = planned_contrasts(fit_model(model_frame(rows), formula, LEVELS), PAIR, "kenward-roger").iloc[0]
    means = rows.groupby(["site", "condition"])["value"].mean()
    change = means["stimulation", "stimulation"] - means["stimulation", "baseline"]
    change -= means["control", "control"] - means["control", "baseline"]
    assert joint["estimate"] == pytest.approx(change, abs=1e-6)


def test_covariates_and_three_arms():
    rows = parallel_trial(5, n=45)
    person = rows["participant"].astype(int)
    rows["age"] = 30.0 + person % 7
    rows["sex"] = np.where(person % 4 < 2, "F", "M")
    third = (person % 3 == 0) & (rows["condition"] != "baseline")
    rows.loc[third, "condition"] = "relaxation"
    rows["value"] += 0.1 * rows["age"] * (rows["condition"] != "baseline") + 1.0 * third
    pairs = [("relaxation", "control"), ("stimulation", "control"), ("placebo", "control")]
    result = baseline_adjusted(rows, "baseline", pairs, ["age", "sex"])
    assert result.contrasts["df"][0] == 45 - 6
    assert result.contrasts["estimate"][0] == pytest.approx(
        1.0, abs=3 * result.contrasts["standard_error"][0]
    )
    assert result.contrasts["warning"][2] == "not estimable: an arm has no participant"
    assert result.means["n_participants"].sum() == 45


def test_who_has_no_baseline_is_left_out():
    rows = parallel_trial(6)
    gone = (rows["participant"] == "03") & (rows["condition"] == "baseline")
    result = baseline_adjusted(rows[~gone], "baseline", PAIR)
    assert result.n_left_out == 1
    assert result.contrasts["n_participants"][0] == 39


def test_one_participant_in_an_arm_has_no_robust_error():
    rows = parallel_trial(7)
    few = rows[(rows["site"] == "control") | (rows["participant"] == "01")]
    row = baseline_adjusted(few, "baseline", PAIR).contrasts.iloc[0]
    assert np.isfinite(row["p"]) and np.isnan(row["robust_p"])
    assert row["warning"] == "no robust standard error: one participant alone decides a coefficient"


def test_what_is_no_parallel_trial():
    rows = parallel_trial(8)
    crossover = rows.copy()
    crossover.loc[(rows["participant"] == "00") & (rows["unit_id"] == "u00"), "condition"] = "stimulation"
    with pytest.raises(InputError, match="participant 00: has 2 conditions besides 'baseline'"):
        baseline_adjusted(crossover, "baseline", PAIR)
    moved = rows.copy()
    moved.loc[0, "site"] = "elsewhere"
    with pytest.raises(InputError, match="participant 00: 'site' has two values"):
        baseline_adjusted(moved, "baseline", PAIR, ["site"])
    with pytest.raises(NotEstimable, match="3 participants with baseline and follow-up, 4 are needed"):
        baseline_adjusted(rows[rows["participant"] < "03"], "baseline", PAIR)
