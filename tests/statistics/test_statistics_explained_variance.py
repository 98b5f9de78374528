"""R² and ICC: R's reference, closed forms, weights, and terms that are left out."""

import numpy as np
import pandas as pd
import pytest

from pictrial.statistics.explained_variance import explained_variance, model_shares, term_shares
from pictrial.statistics.fitted_model import fit_model, model_frame

LEVELS = {"condition": ["control", "RI", "WBR"]}
PRIMARY = (
    "value ~ condition + period + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
)


@pytest.mark.parametrize(
    ("case", "data", "formula"),
    [
        ("sleep_slope", "sleepstudy", "Reaction ~ Days + (Days|Subject)"),
        (
            "small6_slope",
            "trial_small6",
            "dF ~ condition + (condition|participant) + (1|participant:unit)",
        ),
        ("small6_nested", "trial_small6", "dF ~ condition + (1|participant) + (1|participant:unit)"),
    ],
)
def test_agrees_with_r(lme4, case, data, formula):
    levels = LEVELS if data != "sleepstudy" else {}
    model = fit_model(pd.read_csv(lme4 / "data" / f"{data}.csv"), formula, levels)
    table = pd.read_csv(lme4 / "expected" / f"{case}.csv")
    expected = table[table["section"].isin(["r2", "icc"])].set_index("stat")["value"].astype(float)
    found = model_shares(model).iloc[0]
    assert found["r2_marginal"] == pytest.approx(expected["marginal"], rel=1e-4)
    assert found["r2_conditional"] == pytest.approx(expected["conditional"], rel=1e-4)
    assert found["icc_adjusted"] == pytest.approx(expected["adjusted"], rel=1e-4)
    terms = term_shares(model).set_index("level")
    random = terms.drop("residual")
    assert random["icc_adjusted"].sum() == pytest.approx(expected["adjusted"], rel=1e-4)
    assert terms["icc_adjusted"].sum() == pytest.approx(1)
    assert terms["icc_unadjusted"].sum() == pytest.approx(1 - expected["marginal"], rel=1e-4)
    assert random["icc_unadjusted"].sum() == pytest.approx(found["icc_unadjusted"])


def test_names_of_terms_with_slopes(lme4):
    frame = pd.read_csv(lme4 / "data" / "sleepstudy.csv")
    slopes = term_shares(fit_model(frame, "Reaction ~ Days + (Days|Subject)", {}))
    apart = term_shares(fit_model(frame, "Reaction ~ Days + (1|Subject) + (0+Days|Subject)", {}))
    assert list(slopes["level"]) == ["Subject (Intercept) + Days", "residual"]
    assert list(apart["level"]) == ["Subject", "Subject Days", "residual"]
    # Johnson 2014: the slopes' variance counts by the mean of Days^2, 28.5.
    fit = fit_model(frame, "Reaction ~ Days + (1|Subject) + (0+Days|Subject)", {}).fit
    assert apart["variance"][1] == pytest.approx(28.5 * fit.term_covariances[1][0, 0])


def test_balanced_one_way_layout_by_hand():
    """ICC of a one-way layout is (MSB - MSW) / (MSB + (k - 1) MSW)."""
    y = np.array([[1, 2, 3.5], [4, 5, 4.2], [9, 8, 8.1], [3, 2, 4.4]])
    frame = pd.DataFrame({"value": y.ravel(), "g": np.repeat(list("abcd"), 3)})
    found = model_shares(fit_model(frame, "value ~ 1 + (1 | g)", {})).iloc[0]
    within, between = y.var(axis=1, ddof=1).mean(), 3 * y.mean(axis=1).var(ddof=1)
    icc = (between - within) / (between + 2 * within)
    assert found["icc_adjusted"] == pytest.approx(icc, rel=1e-6)
    assert found["r2_marginal"] == pytest.approx(0, abs=1e-12)
    assert found["r2_conditional"] == pytest.approx(icc, rel=1e-6)


def test_residual_variance_counts_by_its_weights(lme4):
    frame = pd.read_csv(lme4 / "data" / "sleepstudy.csv")
    weights = np.where(frame["Days"] < 5, 4.0, 1.0)
    fit = fit_model(frame, "Reaction ~ Days + (1|Subject)", {}, weights).fit
    assert explained_variance(fit).residual == pytest.approx(fit.sigma**2 * (0.25 + 1) / 2)
    # Weights in other units change sigma, not the variance of an observation.
    other = fit_model(frame, "Reaction ~ Days + (1|Subject)", {}, 10 * weights).fit
    assert explained_variance(other).residual == pytest.approx(explained_variance(fit).residual, rel=1e-6)
    assert explained_variance(other).total == pytest.approx(explained_variance(fit).total, rel=1e-6)


def test_a_term_that_fixed_effects_take_up_is_named(outcomes):
    levels = {"condition": ["control", "stimulation", "relaxation"]}
    frame = model_frame(outcomes)
    whole = model_shares(fit_model(frame, PRIMARY, levels))
    taken = fit_model(frame, PRIMARY.replace("period", "period + sequence"), levels)
    assert whole["warning"].tolist() == [""]
    for table in (model_shares(taken), term_shares(taken)):
        assert (
            table["warning"].str.contains("between levels of participant count with the fixed effects").all()
        )
    assert "participant" not in term_shares(taken)["level"].tolist()
