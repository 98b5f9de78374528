"""Models of the plan fitted to drawn outcomes: means, contrasts, and what cannot be estimated."""

import json

import numpy as np
import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.statistics.analysis import run_analysis
from pictrial.statistics.fitted_model import (
    condition_means,
    contrast_covariance,
    fit_model,
    model_frame,
    planned_contrasts,
)
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.trial.plan import PlannedSession

CONDITIONS = ["control", "stimulation", "relaxation"]
LEVELS = {"condition": CONDITIONS}
CELLS = "value ~ condition + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
DF_METHODS = ["kenward-roger", "satterthwaite"]


def crossed(participants: int, periods: int = 3) -> list[PlannedSession]:
    return [
        PlannedSession(f"{p:02d}", "A", str(k + 1), k + 1, CONDITIONS[(k + p) % 3])
        for p in range(participants)
        for k in range(periods)
    ]


@pytest.fixture(scope="module")
def fit(plan, outcomes):
    return fit_model(model_frame(outcomes), plan.analyses["primary"].formula, LEVELS)


def test_recovers_the_parameters_of_a_large_trial():
    settings = DrawnTrial(units=8, matched=1.0, period_effect=0.0)
    model = fit_model(model_frame(draw_outcomes(crossed(60), settings, seed=3)), CELLS, LEVELS)
    found = {
        term.group: covariance[0, 0] ** 0.5
        for term, covariance in zip(model.fit.matrices.random, model.fit.term_covariances, strict=True)
    }
    assert found["participant"] == pytest.approx(0.7, abs=0.2)
    assert found["participant:condition"] == pytest.approx(0.3, abs=0.1)
    assert found["participant:unit"] == pytest.approx(0.95, abs=0.1)
    assert model.fit.sigma == pytest.approx(0.6, abs=0.04)
    table = planned_contrasts(model, PAIRS, "kenward-roger")
    np.testing.assert_allclose(table["estimate"], [-1.125, -1.0], atol=3 * table["standard_error"].max())
    assert table["standard_error"].max() < 0.09


@pytest.mark.parametrize("df_method", DF_METHODS)
def test_balanced_trial_is_the_classical_analysis_of_variance(df_method):
    """Every unit in every condition: the contrast is the paired t test with a pooled error term."""
    frame = model_frame(draw_outcomes(crossed(8), DrawnTrial(matched=1.0, sd_participant_condition=0.8), 5))
    model = fit_model(frame, CELLS, LEVELS)
    assert not model.fit.singular and model.warnings == []
    means = frame.pivot_table(index="participant", columns="condition", values="value")[CONDITIONS].to_numpy()
    rest = means - means.mean(0) - means.mean(1, keepdims=True) + means.mean()
    error = np.sqrt(2 / 8 * (rest**2).sum() / (7 * 2))
    table = planned_contrasts(model, PAIRS, df_method)
    np.testing.assert_allclose(table["estimate"], (means[:, 1:] - means[:, :1]).mean(0), atol=1e-9)
    np.testing.assert_allclose(table["standard_error"], error, rtol=1e-6)
    np.testing.assert_allclose(table["df"], 14, rtol=1e-6)
    np.testing.assert_allclose(condition_means(model, df_method)["estimate"], means.mean(0))
    covariance = contrast_covariance(model, PAIRS, df_method)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), table["standard_error"], rtol=1e-6)
    assert covariance[0, 1] == pytest.approx(error**2 / 2)  # they share the control


def test_interval_and_p_share_their_t_distribution(fit):
    from scipy import stats

    for row in planned_contrasts(fit, PAIRS, "kenward-roger").itertuples():
        assert 7 < row.df < 8.5  # 18 means less 6 participants, 2 periods and 2 contrasts; units are lost
        assert row.t == pytest.approx(row.estimate / row.standard_error)
        assert row.p == pytest.approx(2 * stats.t.sf(abs(row.t), row.df))
        assert stats.t.interval(0.95, row.df, row.estimate, row.standard_error) == pytest.approx(
            (row.ci_lower, row.ci_upper)
        )


def test_degrees_of_freedom_do_not_grow_with_motor_units():
    for units in (4, 20):
        settings = DrawnTrial(units=units, matched=1.0, sd_participant_condition=0.8)
        model = fit_model(model_frame(draw_outcomes(crossed(6), settings, 2)), CELLS, LEVELS)
        np.testing.assert_allclose(planned_contrasts(model, PAIRS, "kenward-roger")["df"], 10, rtol=1e-6)


def test_contrast_does_not_depend_on_row_order_or_names(plan, outcomes, fit):
    frame = model_frame(outcomes.sample(frac=1, random_state=1))
    frame["participant"] = frame["participant"].map(lambda name: f"z{9 - int(name)}")
    other = fit_model(frame, plan.analyses["primary"].formula, LEVELS)
    columns = ["estimate", "standard_error", "df"]
    one, two = (planned_contrasts(model, PAIRS, "kenward-roger")[columns] for model in (other, fit))
    np.testing.assert_allclose(one, two, rtol=1e-6)


def test_singular_component_is_named():
    """Cell means that agree better than their units' scatter allows leave no variance for the cells."""
    frame = model_frame(draw_outcomes(crossed(5), DrawnTrial(units=4, matched=1.0), 1))
    keys = ["participant", "condition"]
    effects = frame["condition"].map({"control": 3.0, "stimulation": 2.0, "relaxation": 2.2})
    people = frame["participant"].astype(float)
    frame["value"] += effects + people - frame.groupby(keys)["value"].transform("mean")
    model = fit_model(frame, CELLS, LEVELS)
    assert model.fit.zero_components == ("participant:condition.(Intercept)",)
    assert "variance estimated as zero: participant:condition" in model.warnings[0]


def test_a_participant_on_each_sequence_leaves_the_participant_term_out(fit):
    assert list(fit.design.absorbed) == ["participant"]
    assert [term.group for term in fit.fit.matrices.random] == ["participant:unit", "participant:condition"]
    assert "(1 | participant)" not in fit.design.fitted_formula
    assert fit.warnings[0].startswith("variance of participant left out: the fixed part already has")


def test_aliased_condition_is_not_estimable():
    frame = model_frame(draw_outcomes(crossed(6), DrawnTrial(), 4))
    frame["period"] = frame["condition"]  # each condition always in the same period
    model = fit_model(frame, CELLS.replace("condition +", "period + condition +", 1), LEVELS)
    table = planned_contrasts(model, PAIRS, "kenward-roger")
    assert table[["estimate", "ci_lower", "p"]].isna().all(axis=None)
    assert table["warning"].str.contains("aliased columns").all()
    assert model.design.dropped == ["conditionstimulation", "conditionrelaxation"]


def test_condition_without_values_is_not_estimable():
    frame = model_frame(draw_outcomes(crossed(6), DrawnTrial(), 4)).query("condition != 'relaxation'")
    model = fit_model(frame, CELLS, LEVELS)
    table = planned_contrasts(model, PAIRS, "kenward-roger").set_index("level")
    assert np.isfinite(table.loc["stimulation", "p"])
    assert np.isnan(table.loc["relaxation", "p"])
    assert "no value" in table.loc["relaxation", "warning"]
    assert np.isnan(contrast_covariance(model, PAIRS, "kenward-roger")).tolist() == [
        [False, True],
        [True, True],
    ]


def test_too_few_values():
    frame = pd.DataFrame({"value": [1.0, 2], "condition": CONDITIONS[:2], "participant": ["1", "2"]})
    with pytest.raises(NotEstimable, match="can be estimated"):
        fit_model(frame, "value ~ condition + (1 | participant)", LEVELS)


def test_record_is_json_with_what_a_reader_needs(plan, outcomes):
    record = json.loads(json.dumps(run_analysis(plan, "primary", outcomes, "0" * 64, 1)[1]))
    assert record["formula"].startswith("value ~ condition")
    assert record["fitted_formula"].endswith("(1 | participant:condition) + (1 | participant:unit)")
    assert record["n"] == {"observations": len(outcomes), "participant:condition": 18, "participant:unit": 36}
    assert record["levels"]["condition"] == CONDITIONS
    assert len(record["start_deviances"]) >= 3 and record["absorbed"].keys() == {"participant"}
    assert min(record["start_deviances"]) == pytest.approx(record["reml_deviance"], abs=1e-6)
