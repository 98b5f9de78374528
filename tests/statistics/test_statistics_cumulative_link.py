"""The cumulative logit mixed model against R's ordinal, statsmodels, integration and known truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from pictrial.errors import InputError
from pictrial.statistics.cumulative_link import (
    fit_cumulative_link,
    likelihood_ratio_test,
    odds_ratio_contrasts,
)
from pictrial.statistics.model_arrays import NotEstimable

# Bitterness of wine by nine judges, Randall 1989; rows are the bottles: cold, then warm; without, then with
# contact; two of each.
WINE = """
2 1 2 3 2 3 1 2 1
3 2 3 2 3 2 1 2 2
3 1 3 3 4 3 2 2 3
4 3 2 2 3 2 2 3 2
4 2 5 3 3 2 2 3 3
4 3 5 2 3 4 3 3 2
5 5 4 5 3 5 2 3 4
5 4 4 3 3 4 3 4 4
"""
FORMULA = "value ~ temp + contact + (1 | participant)"
LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]


@pytest.fixture(scope="module")
def wine():
    rows = [
        {
            "value": float(score),
            "temp": "warm" if bottle > 3 else "cold",
            "contact": "yes" if bottle % 4 > 1 else "no",
            "participant": str(judge),
        }
        for bottle, line in enumerate(WINE.split("\n")[1:-1])
        for judge, score in enumerate(line.split())
    ]
    return pd.DataFrame(rows)


def trial(n, effect, sd, seed, sessions=3):
    """Scores 0 to 3 by the model, cut at -1, 0.5 and 2; stimulation is `effect` logits above the others."""
    rng = np.random.default_rng(seed)
    participant = np.repeat(np.arange(n), sessions)
    condition = np.tile((LEVELS["condition"] * 3)[:sessions], n)
    latent = rng.normal(0, sd, n)[participant] + rng.logistic(size=n * sessions)
    latent += effect * (condition == "stimulation")
    score = np.searchsorted([-1, 0.5, 2], latent).astype(float)
    return pd.DataFrame({"participant": participant.astype(str), "condition": condition, "value": score})


def test_laplace_gives_the_published_fit_of_wine(wine):
    # Christensen, A tutorial on fitting cumulative link mixed models with clmm2, R package ordinal.
    fit = fit_cumulative_link(wine, FORMULA, {}, n_nodes=1)
    assert fit.log_likelihood == pytest.approx(-81.56541, abs=1e-5)
    np.testing.assert_allclose(fit.coefficients, [3.0630, 1.8349], atol=5e-5)
    np.testing.assert_allclose(fit.thresholds, [-1.6237, 1.5134, 4.2285, 6.0888], atol=5e-5)
    assert fit.sd**2 == pytest.approx(1.279, abs=5e-4)
    errors = np.sqrt(np.diag(fit.covariance))
    np.testing.assert_allclose(errors[:6], [0.6824, 0.6038, 0.8090, 0.9725, 0.5954, 0.5126], atol=1e-4)
    assert fit.warnings == []


def test_more_nodes_change_nothing(wine):
    fits = [fit_cumulative_link(wine, FORMULA, {}, n_nodes=n) for n in (15, 31)]
    assert fits[0].log_likelihood == pytest.approx(-81.53246, abs=1e-5)
    np.testing.assert_allclose(fits[0].coefficients, fits[1].coefficients, atol=1e-5)
    np.testing.assert_allclose(fits[0].covariance, fits[1].covariance, atol=1e-4)


def test_likelihood_is_the_integral(wine):
    fit = fit_cumulative_link(wine, FORMULA, {})
    limits = np.concatenate([[-np.inf], fit.thresholds, [np.inf]])
    eta = fit.design.matrices.fixed[:, 1:] @ fit.coefficients

    def of_judge(rows):
        category = wine["value"].to_numpy(int)[rows] - 1

        def density(u):
            x = eta[rows] + u
            chance = expit(limits[category + 1] - x) - expit(limits[category] - x)
            return np.prod(chance) * norm.pdf(u, scale=fit.sd)

        return quad(density, -12, 12, points=[0], epsabs=1e-14)[0]

    total = sum(np.log(of_judge(wine["participant"] == str(j))) for j in range(9))
    assert fit.log_likelihood == pytest.approx(total, abs=1e-7)


def test_odds_ratio_is_that_of_a_higher_score(wine):
    table = odds_ratio_contrasts(fit_cumulative_link(wine, FORMULA, {}), [("warm", "cold")], "temp").iloc[0]
    assert table["odds_ratio"] == pytest.approx(np.exp(3.061896), rel=1e-4)
    assert table["z"] == pytest.approx(3.061896 / 0.595076, rel=1e-4)
    assert table["p"] == pytest.approx(2 * norm.sf(3.061896 / 0.595076), rel=1e-3)
    half = norm.ppf(0.975) * 0.595076
    assert np.log(table["odds_ratio_ci_upper"]) == pytest.approx(3.061896 + half, abs=1e-4)
    assert table["ci_lower"] == pytest.approx(3.061896 - half, abs=1e-4)
    assert table["warning"] == ""
    # Only the order of the scores counts; turned round, so is the effect.
    for scores in (np.exp(wine["value"]), -wine["value"]):
        fit = fit_cumulative_link(wine.assign(value=scores), FORMULA, {})
        sign = 1 if scores[0] > 0 else -1
        again = odds_ratio_contrasts(fit, [("warm", "cold")], "temp").iloc[0]
        assert again["estimate"] == pytest.approx(sign * table["estimate"], abs=1e-4)
        assert again["standard_error"] == pytest.approx(table["standard_error"], abs=1e-4)


def test_likelihood_ratio_of_a_term(wine):
    found = likelihood_ratio_test(wine, FORMULA, {}, "contact")
    reduced = fit_cumulative_link(wine, "value ~ temp + (1 | participant)", {})
    assert found["chi_square"] == pytest.approx(2 * (-81.532461 - reduced.log_likelihood), abs=1e-4)
    assert found["df"] == 1
    assert found["p"] == pytest.approx(2 * norm.sf(np.sqrt(found["chi_square"])))
    # Without the last term nothing but thresholds and judges is left.
    assert likelihood_ratio_test(wine, "value ~ temp + (1 | participant)", {}, "temp")["chi_square"] > 20
    with pytest.raises(InputError, match="no fixed term 'condition'"):
        likelihood_ratio_test(wine, FORMULA, {})


def test_without_variance_between_participants_it_is_statsmodels_model():
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    frame = trial(60, 1.0, 0.0, seed=4)
    fit = fit_cumulative_link(frame, "value ~ condition + (1 | participant)", LEVELS)
    assert fit.sd < 1e-3
    assert fit.warnings == ["variance of the participants estimated as zero"]
    exog = np.column_stack([frame["condition"] == name for name in LEVELS["condition"][1:]]).astype(float)
    other = OrderedModel(frame["value"].to_numpy(int), exog, distr="logit").fit(
        method="bfgs", disp=False, gtol=1e-8
    )
    assert fit.log_likelihood == pytest.approx(other.llf, abs=1e-5)
    np.testing.assert_allclose(fit.coefficients, other.params[:2], atol=1e-4)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance))[3:5], other.bse[:2], rtol=1e-3)


def test_truth_comes_back():
    fit = fit_cumulative_link(trial(300, 1.0, 1.5, seed=1), "value ~ condition + (1 | participant)", LEVELS)
    table = odds_ratio_contrasts(fit, PAIRS)
    assert table["estimate"][0] == pytest.approx(1.0, abs=3 * table["standard_error"][0])
    assert table["estimate"][1] == pytest.approx(0.0, abs=3 * table["standard_error"][1])
    assert table["standard_error"].max() < 0.25
    assert fit.sd == pytest.approx(1.5, abs=0.4)
    np.testing.assert_allclose(fit.thresholds, [-1, 0.5, 2], atol=0.3)


def test_separated_levels_are_no_estimate():
    frame = trial(12, 0.0, 1.0, seed=2)
    frame.loc[frame["condition"] == "stimulation", "value"] = 3.0
    frame.loc[(frame["condition"] != "stimulation") & (frame["value"] == 3), "value"] = 2.0
    formula = "value ~ condition + (1 | participant)"
    table = odds_ratio_contrasts(fit_cumulative_link(frame, formula, LEVELS), PAIRS)
    assert np.isnan(table.loc[0, ["estimate", "p", "odds_ratio"]].astype(float)).all()
    assert table["warning"][0].startswith("not estimable: the levels are separated")
    # The other contrast does not suffer: it is that of the two conditions alone.
    alone = frame[frame["condition"] != "stimulation"]
    two = fit_cumulative_link(alone, formula, {"condition": ["control", "relaxation"]})
    expected = odds_ratio_contrasts(two, PAIRS[1:])
    assert table["estimate"][1] == pytest.approx(expected["estimate"][0], abs=1e-2)
    assert np.isfinite(table["p"][1])
    found = likelihood_ratio_test(frame, formula, LEVELS)
    assert found["p"] < 1e-6


def test_levels_separated_within_every_participant_are_no_estimate():
    # Between participants the scores overlap, so that the fixed effects alone are not separated.
    rows = [(str(i), c, i % 3 + d) for i in range(9) for c, d in (("control", 0.0), ("stimulation", 1.0))]
    frame = pd.DataFrame(rows, columns=["participant", "condition", "value"])
    levels = {"condition": ["control", "stimulation"]}
    table = odds_ratio_contrasts(
        fit_cumulative_link(frame, "value ~ condition + (1 | participant)", levels), PAIRS[:1]
    )
    assert np.isnan(table["estimate"][0])
    assert table["warning"][0].startswith("not estimable: the likelihood is flat")


def test_aliased_and_missing_levels():
    frame = trial(10, 0.5, 1.0, seed=7).assign(period=lambda x: x["condition"].map("p{}".format))
    fit = fit_cumulative_link(frame, "value ~ period + condition + (1 | participant)", LEVELS)
    table = odds_ratio_contrasts(fit, [*PAIRS, ("placebo", "control")])
    assert table["estimate"].isna().all()
    assert table["warning"][0].startswith("not estimable: aliased columns (condition")
    assert table["warning"][2] == "not estimable: a level has no value"
    assert fit.warnings[0].startswith("aliased columns left out: conditionstimulation")
    found = likelihood_ratio_test(frame, "value ~ period + condition + (1 | participant)", LEVELS)
    assert found["warning"] == "not estimable: the other terms leave it no column"


def test_what_cannot_be_fitted_says_so():
    frame = trial(6, 0.0, 1.0, seed=1)
    with pytest.raises(NotEstimable, match="all scores are the same"):
        fit_cumulative_link(frame.assign(value=1.0), "value ~ condition + (1 | participant)", LEVELS)
    formula = "value ~ condition + (condition | participant)"
    with pytest.raises(InputError, match="one random intercept"):
        fit_cumulative_link(frame, formula, LEVELS)


def test_one_score_per_participant_tells_no_random_intercept():
    frame = pd.DataFrame({"participant": list("abcdef"), "value": [0, 1, 2, 1, 2, 3], "arm": list("xxxyyy")})
    with pytest.raises(NotEstimable, match="one score for each participant"):
        fit_cumulative_link(frame, "value ~ arm + (1 | participant)", {})
