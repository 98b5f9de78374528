"""Missing units: imputation against the normal conditional, and loss of a known size undone."""

import numpy as np
import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.missing_units import (
    _tipping_delta,
    delta_adjustment,
    extreme_case_bounds,
    planned_cells,
    presence_patterns,
)
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable, RandomTerm
from pictrial.statistics.multiple_imputation import Variances, _draw_missing, impute, rubins_rules

FORMULA = (
    "value ~ condition + period + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
)
CONDITIONS = ["control", "stimulation", "relaxation"]
LEVELS = {"condition": CONDITIONS}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
NUMBERS = ["estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper"]
METHOD = "satterthwaite"


def adjusted(rows, deltas, **changes):
    settings = {"shifted": ["stimulation"], "seed": 1, "n_imputations": 5} | changes
    return delta_adjustment(rows, FORMULA, LEVELS, PAIRS, METHOD, deltas, **settings)


def complete_trial(plan, seed=1, units=5):
    return draw_outcomes(plan.sessions, DrawnTrial(units=units, matched=1.0), seed)


def of_hand():
    values = {"control": [1.0, 2, 3, 4], "stimulation": [1.0, np.nan, 2, np.nan]}
    rows = [
        (f"0{1 + unit // 2}", "AB", str(period), period, condition, f"MU{unit}", values[condition][unit])
        for unit in range(4)
        for period, condition in enumerate(values, 1)
    ]
    names = ["participant", "sequence", "session", "period", "condition", "unit_id", "value"]
    return pd.DataFrame(rows, columns=names)


def test_patterns_of_presence():
    rows = of_hand()
    patterns = presence_patterns(rows.drop(index=7), ["control", "stimulation"])
    assert patterns["present_in"].tolist() == ["control, stimulation", "control"]
    assert patterns["missing_in"].tolist() == ["", "stimulation"]
    assert patterns["n_units"].tolist() == [2, 2] and patterns["n_participants"].tolist() == [2, 2]
    assert patterns["share_of_units"].tolist() == [0.5, 0.5]
    with_third = presence_patterns(rows, ["control", "stimulation", "relaxation"])
    assert with_third["missing_in"].tolist() == ["relaxation", "stimulation, relaxation"]


def test_every_unit_has_a_cell_in_every_session():
    rows = of_hand()
    rows.loc[rows["unit_id"] == "MU3", "value"] = np.nan
    cells = planned_cells(rows.drop(index=3))
    assert len(cells) == 6, "of MU3 nothing is known"
    missing = cells[cells["value"].isna()]
    assert missing.iloc[0][["participant", "unit_id", "condition"]].tolist() == ["01", "MU1", "stimulation"]
    assert len(missing) == 1
    assert cells["value"].notna().tolist() == [True] * 5 + [False]
    sessions = pd.DataFrame(
        [(p, "ABC", str(k), k, c) for p in ("01", "02") for k, c in enumerate(CONDITIONS, 1)],
        columns=["participant", "sequence", "session", "period", "condition"],
    ).assign(sequence="AB")
    assert planned_cells(rows, sessions)["condition"].value_counts().to_dict() == dict.fromkeys(CONDITIONS, 3)


def test_rubins_rules():
    estimates, errors = np.array([1.0, 1.2, 0.8, 1.1, 0.9]), np.array([0.3, 0.31, 0.29, 0.3, 0.3])
    estimate, error, df, share = rubins_rules(estimates, errors, 8.0)
    total = np.mean(errors**2) + 1.2 * 0.025
    assert (estimate, error) == pytest.approx((1.0, np.sqrt(total)))
    assert share == pytest.approx(0.03 / total)
    # Barnard & Rubin's degrees of freedom as R's mice writes them.
    rest = (1 - share) * 9 * 8
    assert df == pytest.approx(4 * rest / (11 * 4 + share**2 * rest))
    assert rubins_rules(np.ones(5), errors, 8.0)[2] == pytest.approx(8 * 9 / 11)


def test_imputations_have_the_conditional_distribution():
    """A flat prior on b is a prior variance without bounds: then one normal conditional gives it all."""
    rng = random_generator(1, "conditional")
    n = 14
    x = np.column_stack([np.ones(n), np.arange(n) % 2])
    codes = np.arange(n) // 4
    term = RandomTerm("participant", ("(Intercept)",), np.ones((n, 1)), codes, ("a", "b", "c", "d"))
    response = rng.normal(3, 1, n)
    observed = ~np.isin(np.arange(n), [1, 2, 12, 13])  # of the last participant nothing is observed
    variances = Variances({("participant", ("(Intercept)",)): np.array([[0.8]])}, 0.5)
    matrices = ModelMatrices(response, x, ("a", "b"), (term,))
    drawn = np.array([_draw_missing(matrices, observed, variances, rng) for _ in range(3000)])
    v = 0.8 * (codes[:, None] == codes) + 0.5 * np.eye(n) + 1e5 * x @ x.T
    weights = v[np.ix_(~observed, observed)] @ np.linalg.inv(v[np.ix_(observed, observed)])
    covariance = v[np.ix_(~observed, ~observed)] - weights @ v[np.ix_(observed, ~observed)]
    error = 4 * np.sqrt(np.diag(covariance) / 3000)
    assert (np.abs(drawn.mean(axis=0) - weights @ response[observed]) < error).all()
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.15)
    assert covariance[2, 3] > 0.8 and abs(covariance[0, 3]) < 0.3


def test_missing_at_random_is_about_what_the_available_cells_give(outcomes):
    cells = planned_cells(outcomes)
    assert cells["value"].isna().sum() > 10
    model = fit_model(model_frame(outcomes), FORMULA, LEVELS)
    primary = planned_contrasts(model, PAIRS, "kenward-roger")
    run = (outcomes, FORMULA, LEVELS, PAIRS, "kenward-roger", [0.0], ["stimulation"], 1)
    found = delta_adjustment(*run, n_imputations=15).contrasts
    error = primary["standard_error"]
    assert (abs(found["estimate"] - primary["estimate"]) < 0.35 * error).all()
    np.testing.assert_allclose(found["standard_error"], error, rtol=0.25)
    assert found["missing_share"].between(0.005, 0.5).all() and (found["df"] < primary["df"]).all()
    assert (found["n_imputed"] == cells["value"].isna().sum()).all()
    again = (delta_adjustment(*run, n_imputations=2).contrasts for _ in range(2))
    pd.testing.assert_frame_equal(*again)


def test_variances_of_the_imputations_are_uncertain(outcomes):
    """Imputed values spread wider than the residual, and another seed draws others."""
    cells = model_frame(planned_cells(outcomes))
    observed = cells["value"].notna().to_numpy()
    model = fit_model(cells[observed], FORMULA, LEVELS)
    whole = fit_model(cells.fillna({"value": 1.0}), FORMULA, LEVELS).design.matrices
    one, other = (impute(model, whole, observed, 20, seed) for seed in (1, 2))
    assert one.shape == (20, (~observed).sum()) and (one != other).all()
    assert np.sqrt(one.var(axis=0, ddof=1).mean()) > model.fit.sigma
    unseen = observed & (cells["condition"] != "relaxation").to_numpy()
    with pytest.raises(NotEstimable, match="mean of every missing one"):
        impute(model, whole, unseen, 2, 1)


def test_without_a_missing_cell_every_delta_is_the_primary_analysis(plan):
    rows = complete_trial(plan)
    primary = planned_contrasts(fit_model(model_frame(rows), FORMULA, LEVELS), PAIRS, METHOD)
    found = adjusted(rows, [-1.0, 0.0, 2.0])
    for delta in (-1.0, 0.0, 2.0):
        table = found.contrasts[found.contrasts["delta"] == delta]
        np.testing.assert_allclose(table[NUMBERS], primary[NUMBERS], rtol=1e-7)
    assert (found.contrasts["n_imputed"] == 0).all()
    assert found.tipping_points["tipping_delta"].isna().all()
    assert (found.tipping_points["warning"] == "no missing cell to shift").all()
    bounds = extreme_case_bounds(rows, FORMULA, LEVELS, PAIRS, METHOD)
    np.testing.assert_allclose(bounds["lowest_estimate"], primary["estimate"], rtol=1e-7)
    np.testing.assert_allclose(bounds["highest_ci_upper"], primary["ci_upper"], rtol=1e-7)
    assert (bounds["n_filled"] == 0).all()


def test_informative_loss_of_a_known_size_is_undone_by_its_delta(plan):
    """Units lost under stimulation are 2 pps lower there than they would have been at random."""
    rng = random_generator(1, "informative loss")
    errors = []
    for seed in range(6):
        rows = complete_trial(plan, seed, units=6)
        lost = (rows["condition"] == "stimulation") & (rows["unit_id"].isin(["unit01", "unit04"]))
        rows["value"] += np.where(lost, -2.0, 0.0)
        truth = planned_contrasts(fit_model(model_frame(rows), FORMULA, LEVELS), PAIRS, METHOD)["estimate"]
        left = rows.assign(value=rows["value"].mask(lost)).sample(frac=1, random_state=rng.integers(2**31))
        table = adjusted(left, [-2.0, 0.0], n_imputations=2).contrasts
        errors.append(table["estimate"].to_numpy().reshape(2, 2) - truth.to_numpy())
    mean, error = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1) / np.sqrt(6)
    # A third of the units is lost, so that missing at random is wrong by 2/3 pps.
    assert mean[1, 0] == pytest.approx(2 / 3, abs=4 * error[1, 0])
    assert mean[0, 0] == pytest.approx(0, abs=4 * error[0, 0])
    assert error[:, 0].max() < 0.08 and np.abs(mean[:, 1]).max() < 0.1


def test_the_shift_moves_only_what_is_shifted(plan, outcomes):
    found = adjusted(outcomes, [0.0, 1.0], shifted=["control"], n_imputations=3).contrasts
    zero, one = (found[found["delta"] == delta].reset_index() for delta in (0.0, 1.0))
    assert ((zero["estimate"] - one["estimate"]) > 0.05).all(), "a higher control lowers every difference"
    missing = planned_cells(outcomes)
    missing = missing[missing["value"].isna() & (missing["condition"] == "control")]
    assert (found["n_shifted"] == len(missing)).all()


def test_a_whole_session_is_imputed(plan, outcomes):
    gone = (outcomes["participant"] == "02") & (outcomes["condition"] == "relaxation")
    sessions = outcomes[["participant", "sequence", "session", "period", "condition"]].drop_duplicates()
    units = outcomes.loc[~gone & (outcomes["participant"] == "02"), "unit_id"].nunique()
    without = adjusted(outcomes[~gone], [0.0], n_imputations=3).contrasts
    found = adjusted(outcomes[~gone], [0.0], sessions=sessions, n_imputations=3).contrasts
    assert found["n_imputed"].iloc[0] == without["n_imputed"].iloc[0] + units
    assert np.isfinite(found[NUMBERS].to_numpy()).all()


def table_of(delta, lower, upper, n_shifted=3):
    return pd.DataFrame(
        {"delta": delta, "ci_lower": lower, "ci_upper": upper, "n_shifted": n_shifted, "warning": ""}
    )


def test_tipping_point_is_interpolated():
    delta = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    assert _tipping_delta(table_of(delta, -3.0, [-3.0, -2.0, -1.0, -0.4, 0.2, 0.9])) == (
        pytest.approx(1 + 0.4 / 0.6),
        "",
    )
    assert _tipping_delta(table_of(delta, [-0.1, 0.3, 1.0, 1.4, 2.0, 2.5], 4.0))[0] == pytest.approx(-1.75)
    # Crossed on both sides: the nearer one counts.
    assert _tipping_delta(table_of(delta, -3.0, [0.5, -0.5, -1.0, -0.4, -0.1, 0.1]))[0] == -1.5
    assert _tipping_delta(table_of(delta, -3.0, [1.0, 0.0, -1.0, -2.0, -3.0, -4.0]))[0] == -1.0
    value, why = _tipping_delta(table_of(delta, -1.0, 1.0))
    assert np.isnan(value) and "already" in why
    value, why = _tipping_delta(table_of(delta, 1.0, 2.0))
    assert np.isnan(value) and why.endswith("every delta from -2 to 3")
    assert _tipping_delta(table_of(delta, 1.0, 2.0, 0))[1] == "no missing cell to shift"


def test_tipping_point_of_a_trial(plan):
    rows = complete_trial(plan, seed=3)
    lost = (rows["condition"] == "stimulation") & rows["unit_id"].isin(["unit01", "unit03"])
    found = adjusted(rows[~lost], [0.0, 2.0, 4.0])
    point = found.tipping_points.iloc[0]
    assert 0 < point["tipping_delta"] < 4 and point["warning"] == ""
    at_it = adjusted(rows[~lost], [0.0, point["tipping_delta"]]).contrasts
    assert at_it.iloc[2]["ci_upper"] == pytest.approx(0, abs=0.1)
    model = fit_model(model_frame(rows[~lost]), FORMULA, LEVELS)
    assert point["tipping_in_residual_sds"] == pytest.approx(point["tipping_delta"] / model.fit.sigma)
    control = rows[rows["condition"] == "control"].groupby("participant")["value"].mean()
    assert point["tipping_in_participant_sds"] == pytest.approx(point["tipping_delta"] / control.std())
    bounds = extreme_case_bounds(rows[~lost], FORMULA, LEVELS, PAIRS, METHOD).iloc[0]
    assert bounds["n_filled"] == 12
    estimate = found.contrasts.loc[found.contrasts["delta"] == 0, "estimate"].iloc[0]
    assert bounds["lowest_estimate"] < estimate - 0.5 and bounds["highest_estimate"] > estimate + 0.5


def test_delta_of_zero_is_needed(outcomes):
    with pytest.raises(InputError, match="0 is not one of"):
        adjusted(outcomes, [-1.0, 1.0])
    with pytest.raises(InputError, match="1 is too few"):
        adjusted(outcomes, [0.0], n_imputations=1)
