import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from drawn_trial import DrawnTrial, draw_outcomes

from pictrial.statistics.analysis import model_frame
from pictrial.statistics.contrasts import contrasts, holm, marginal_means, within_df
from pictrial.statistics.mixed_model import (
    RESIDUAL,
    NotEstimable,
    fit_mixed_model,
    fit_record,
    generalised_least_squares,
    write_record,
)
from pictrial.trial.plan import PlannedSession

CONDITIONS = ["control", "stimulation", "relaxation"]
LEVELS = {"condition": CONDITIONS}
CELLS = "value ~ condition + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
#: Reference case, file, formula.
LME4 = [
    (
        "homo_pxc",
        "trial_homo",
        "dF ~ condition + (1|participant) + (1|participant:condition) + (1|participant:unit)",
    ),
    ("homo_nested", "trial_homo", "dF ~ condition + (1|participant/unit)"),
    ("small6_nested", "trial_small6", "dF ~ condition + (1|participant) + (1|participant:unit)"),
    ("singular_nested", "trial_singular", "dF ~ condition + (1|participant) + (1|participant:unit)"),
    ("machines", "machines", "score ~ Machine + (1|Worker) + (1|Worker:Machine)"),
    ("pastes", "pastes", "strength ~ 1 + (1|batch) + (1|batch:cask)"),
    ("sleep_int", "sleepstudy", "Reaction ~ Days + (1|Subject)"),
]


def crossed(participants: int, periods: int = 3) -> list[PlannedSession]:
    return [
        PlannedSession(f"{p:02d}", "A", str(k + 1), k + 1, CONDITIONS[(k + p) % 3])
        for p in range(participants)
        for k in range(periods)
    ]


@pytest.fixture(scope="module")
def fit(plan, outcomes):
    return fit_mixed_model(model_frame(outcomes), plan.analyses["primary"].formula, LEVELS)


@pytest.mark.parametrize(("case", "data", "formula"), LME4, ids=[case for case, *_ in LME4])
def test_reml_agrees_with_lme4(lme4, case, data, formula):
    frame = pd.read_csv(lme4 / "data" / f"{data}.csv")
    expected = pd.read_csv(lme4 / "expected" / f"{case}.csv")
    levels = {"condition": ["control", "RI", "WBR"]} if "condition" in frame else {}
    fit = fit_mixed_model(frame, formula, levels)

    fixed = expected[expected["section"] == "fixef"].set_index("term")
    wanted, errors = (fixed.loc[fixed["stat"] == stat, "value"].astype(float) for stat in ("estimate", "se"))
    reml = float(expected.loc[expected["stat"] == "reml_crit", "value"].iloc[0])
    assert fit.reml_deviance <= reml + 1e-4
    estimates = pd.Series(fit.coefficients, fit.design.columns)[wanted.index]
    np.testing.assert_allclose((estimates - wanted) / errors, 0, atol=1e-2)
    found = pd.Series(np.sqrt(np.diag(fit.covariance)), fit.design.columns)[wanted.index]
    np.testing.assert_allclose(found, errors, rtol=2e-3)
    components = expected[expected["section"] == "vc"].set_index("term")["value"].astype(float)
    names = [name.split("|")[0].replace("Residual", RESIDUAL) for name in components.index]
    np.testing.assert_allclose(
        [fit.variances[name] for name in names], components, rtol=1e-2, atol=1e-3 * components.max()
    )


def test_training_trial(public_data):
    file = public_data / "training_trial_delta_f" / "Delta F soleus 20pc_ALL_MUS_and_PAIRS_stats.csv"
    if not file.is_file():
        pytest.skip(f"needs the public table: there is no {file}")
    frame = pd.read_csv(file).dropna(subset=["deltaf"])
    fit = fit_mixed_model(frame, "deltaf ~ time + (1|participant)", {"time": ["c1", "c2", "post"]})
    np.testing.assert_allclose(fit.coefficients, [1.500, 0.185, 0.871], atol=6e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), [0.284, 0.250, 0.225], atol=6e-4)


def test_recovers_the_parameters_of_a_large_trial():
    settings = DrawnTrial(units=8, matched=1.0, period_effect=0.0)
    frame = model_frame(draw_outcomes(crossed(60), settings, seed=3))
    fit = fit_mixed_model(frame, CELLS, LEVELS)
    found = {name: variance**0.5 for name, variance in fit.variances.items()}
    assert found["participant"] == pytest.approx(0.7, abs=0.2)
    assert found["participant:condition"] == pytest.approx(0.3, abs=0.1)
    assert found["participant:unit"] == pytest.approx(0.95, abs=0.1)
    assert found[RESIDUAL] == pytest.approx(0.6, abs=0.04)
    table = contrasts(fit, "condition", PAIRS)
    np.testing.assert_allclose(table["estimate"], [-1.125, -1.0], atol=3 * table["standard_error"].max())
    assert table["standard_error"].max() < 0.09


def test_balanced_trial_is_the_classical_analysis_of_variance():
    """Every unit in every condition: the contrast is the paired t test with a pooled error term."""
    frame = model_frame(draw_outcomes(crossed(8), DrawnTrial(matched=1.0, sd_participant_condition=0.8), 5))
    fit = fit_mixed_model(frame, CELLS, LEVELS)
    assert not fit.singular
    means = frame.pivot_table(index="participant", columns="condition", values="value")[CONDITIONS].to_numpy()
    rest = means - means.mean(0) - means.mean(1, keepdims=True) + means.mean()
    error = np.sqrt(2 / 8 * (rest**2).sum() / (7 * 2))
    table = contrasts(fit, "condition", PAIRS)
    np.testing.assert_allclose(table["estimate"], (means[:, 1:] - means[:, :1]).mean(0), atol=1e-9)
    np.testing.assert_allclose(table["standard_error"], error, rtol=1e-3)
    assert (table["df"] == 14).all()
    np.testing.assert_allclose(marginal_means(fit, "condition", CONDITIONS)["estimate"], means.mean(0))


def test_interval_and_p_share_their_t_distribution(fit):
    from scipy import stats

    for row in contrasts(fit, "condition", PAIRS).itertuples():
        assert row.df == 8  # 18 means less 6 participants, 2 periods and 2 contrasts
        assert row.t == pytest.approx(row.estimate / row.standard_error)
        assert row.p == pytest.approx(2 * stats.t.sf(abs(row.t), 8))
        assert stats.t.interval(0.95, 8, row.estimate, row.standard_error) == pytest.approx(
            (row.ci_lower, row.ci_upper)
        )


def test_degrees_of_freedom_do_not_grow_with_motor_units():
    few, many = (
        fit_mixed_model(model_frame(draw_outcomes(crossed(6), DrawnTrial(units=n), 2)), CELLS, LEVELS)
        for n in (4, 20)
    )
    assert within_df(few, "condition") == within_df(many, "condition") == 10


def test_without_a_condition_term_the_residual_counts():
    frame = model_frame(draw_outcomes(crossed(6), DrawnTrial(matched=1.0), 2))
    fit = fit_mixed_model(frame, "value ~ condition + (1 | participant/unit)", LEVELS)
    assert within_df(fit, "condition") == len(frame) - 36 - 2


def test_contrast_does_not_depend_on_row_order_or_names(plan, outcomes, fit):
    frame = model_frame(outcomes.sample(frac=1, random_state=1))
    frame["participant"] = frame["participant"].map(lambda name: f"z{9 - int(name)}")
    other = fit_mixed_model(frame, plan.analyses["primary"].formula, LEVELS)
    columns = ["estimate", "standard_error", "df"]
    np.testing.assert_allclose(
        contrasts(other, "condition", PAIRS)[columns], contrasts(fit, "condition", PAIRS)[columns], rtol=1e-3
    )


def test_better_optimiser_is_kept_and_both_are_recorded(fit):
    deviances = {name: record["reml_deviance"] for name, record in fit.optimisers.items()}
    assert set(deviances) == {"default", "powell"}
    assert fit.reml_deviance == min(deviances.values())
    for factor in (0.9, 1.1):
        for name in fit.variances:
            other = {**fit.variances, name: fit.variances[name] * factor}
            assert generalised_least_squares(fit.design, other)[2] > fit.reml_deviance - 1e-6


def test_singular_component_is_named():
    """Cell means that agree better than their units' scatter allows leave no variance for the cells."""
    frame = model_frame(draw_outcomes(crossed(5), DrawnTrial(units=4, matched=1.0), 1))
    keys = ["participant", "condition"]
    effects = frame["condition"].map({"control": 3.0, "stimulation": 2.0, "relaxation": 2.2})
    people = frame["participant"].astype(float)
    frame["value"] += effects + people - frame.groupby(keys)["value"].transform("mean")
    fit = fit_mixed_model(frame, CELLS, LEVELS)
    assert fit.singular == ["participant:condition"]
    assert "variance estimated as zero: participant:condition" in fit.warnings


def test_aliased_condition_is_not_estimable():
    frame = model_frame(draw_outcomes(crossed(6), DrawnTrial(), 4))
    frame["period"] = frame["condition"]  # each condition always in the same period
    fit = fit_mixed_model(frame, CELLS.replace("condition +", "period + condition +", 1), LEVELS)
    table = contrasts(fit, "condition", PAIRS)
    assert table[["estimate", "ci_lower", "p"]].isna().all(axis=None)
    assert table["warning"].str.contains("aliased columns").all()
    assert fit.design.dropped_columns == ["conditionstimulation", "conditionrelaxation"]


def test_condition_without_values_is_not_estimable():
    frame = model_frame(draw_outcomes(crossed(6), DrawnTrial(), 4)).query("condition != 'relaxation'")
    table = contrasts(fit_mixed_model(frame, CELLS, LEVELS), "condition", PAIRS).set_index("level")
    assert np.isfinite(table.loc["stimulation", "p"])
    assert np.isnan(table.loc["relaxation", "p"])
    assert "no value" in table.loc["relaxation", "warning"]


def test_two_participants_leave_no_degrees_of_freedom(plan, outcomes):
    few = model_frame(outcomes[outcomes["participant"] <= "02"])
    fit = fit_mixed_model(few, plan.analyses["primary"].formula, LEVELS)
    assert contrasts(fit, "condition", PAIRS)["warning"].str.contains("no degrees of freedom").all()


def test_too_few_values():
    frame = pd.DataFrame({"value": [1.0, 2], "condition": CONDITIONS[:2], "participant": ["1", "2"]})
    with pytest.raises(NotEstimable, match="can be estimated"):
        fit_mixed_model(frame, "value ~ condition + (1 | participant)", LEVELS)


def test_record_is_json_with_what_a_reader_needs(fit, tmp_path):
    write_record(fit_record(fit), tmp_path / "models" / "primary.json")
    record = json.loads((tmp_path / "models" / "primary.json").read_text())
    assert record["formula"].startswith("value ~ condition")
    assert record["n"] == {
        "observations": len(fit.design.response),
        "participant": 6,
        "participant:condition": 18,
        "participant:unit": 36,
    }
    assert record["status"] == "provisional"
    assert record["levels"]["condition"] == CONDITIONS
    assert set(record["optimisers"]["default"]) >= {"log_likelihood", "converged", "reml_deviance"}
    assert "statsmodels" in record["versions"]
    assert record["not_estimable"].keys() == {"participant"}


def test_holm_against_its_definition():
    p = np.array([0.04, np.nan, 0.01, 0.03])
    np.testing.assert_allclose(holm(p), [0.06, np.nan, 0.03, 0.06])


def test_fit_is_frozen(fit):
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.reml_deviance = 0.0
