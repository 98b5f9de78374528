"""Cluster-robust errors agree with closed forms, R's clubSandwich and the formula on whole matrices."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import ttest_rel

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.cluster_robust import (
    cluster_robust_contrasts,
    cluster_robust_covariance,
    clusters_of,
)
from pictrial.statistics.fitted_model import fit_model, model_frame
from pictrial.statistics.marginal_covariance import (
    conditional_residuals,
    independent_blocks,
    marginal_covariance,
    projection_blocks,
    residuals_and_leverages,
)

LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
RANDOM = "(1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
MODEL = f"value ~ condition + period + {RANDOM}"


def of_coefficients(model, cluster="participant"):
    robust = cluster_robust_covariance(model.fit, clusters_of(model.fit.matrices, cluster))
    return np.array([robust.contrast(row) for row in np.eye(len(model.fit.beta))]).T


def expected_covariance(robust):
    """Return what the robust covariance is on average if the model is right."""
    lost = np.einsum("iab,ac,icd->bd", robust.shared, robust.model_covariance, robust.shared)
    return robust.own.sum(axis=0) - lost


def test_sleepstudy_agrees_with_clubsandwich(lme4):
    # R 4.2.2, clubSandwich 0.5.8: coef_test(lmer(...), vcov = "CR2").
    sleep = pd.read_csv(lme4 / "data" / "sleepstudy.csv", dtype={"Subject": str})
    error, df, _ = of_coefficients(fit_model(sleep, "Reaction ~ Days + (Days | Subject)", {}), "Subject")
    np.testing.assert_allclose(error, [6.82455653207, 1.54578889629], rtol=1e-7)
    np.testing.assert_allclose(df, [17, 17], rtol=1e-9)
    gone = [0, 1, 2, 14, 15, *range(39, 45), 89, *range(139, 143)]
    unbalanced = sleep.drop(index=gone).reset_index(drop=True)
    error, df, share = of_coefficients(
        fit_model(unbalanced, "Reaction ~ Days + (1 | Subject)", {}), "Subject"
    )
    np.testing.assert_allclose(error, [7.37491113777, 1.51843177215], rtol=1e-7)
    np.testing.assert_allclose(df, [16.79184037141, 15.33037062089], rtol=1e-7)
    np.testing.assert_allclose(share, 1, rtol=1e-12)


def test_trial_agrees_with_clubsandwich(outcomes):
    # As above; lme4 stops at 9e-6 where the variance of participants is zero, hence the tolerance.
    model = fit_model(model_frame(outcomes), MODEL, LEVELS)
    table = cluster_robust_contrasts(model, PAIRS)
    np.testing.assert_allclose(table["standard_error"], [0.164194647937, 0.221785135498], rtol=1e-6)
    np.testing.assert_allclose(table["df"], [4.51964264646, 4.56633875695], rtol=1e-6)
    np.testing.assert_allclose(table["p"], [3.73902394343e-4, 2.94984386688e-3], rtol=1e-5)
    assert table["n_clusters"].tolist() == [6, 6]
    assert table["warning"].tolist() == ["", ""]


def test_saturated_clusters_agree_with_clubsandwich(outcomes):
    # Every participant has a sequence of their own: B_i is singular for each of them.
    model = fit_model(model_frame(outcomes), MODEL.replace("period", "period + sequence"), LEVELS)
    error, df, share = of_coefficients(model)
    np.testing.assert_allclose(
        error[:6],
        [0.206411991582, 0.162422781387, 0.225569668087, 0.131202594795, 0.227780441600, 0.110117276581],
        rtol=5e-6,
    )
    np.testing.assert_allclose(
        df[:6],
        [3.14974439074, 4.52237971522, 4.56708060495, 4.50992695757, 4.57087064117, 1.94612122680],
        rtol=1e-5,
    )
    # Differences within a participant lose nearly nothing by that, those between participants nearly all.
    assert (share[1:5] > 0.995).all() and (share[1:5] < 1).all()
    assert share[5] < 0.1


@pytest.mark.parametrize("formula", [MODEL, MODEL.replace("(1 | participant)", "(condition | participant)")])
def test_unbiased_where_the_model_is_right(outcomes, formula):
    frame = model_frame(outcomes)
    sparse = frame.drop(index=frame.index[[3, 4, 5, 20, 21, 50]]).reset_index(drop=True)
    fit = fit_model(sparse, formula, LEVELS).fit
    robust = cluster_robust_covariance(fit, clusters_of(fit.matrices, "participant"))
    np.testing.assert_allclose(expected_covariance(robust), fit.covariance, rtol=1e-8, atol=1e-12)


def test_formula_on_whole_matrices(outcomes):
    """Pustejovsky & Tipton's formula, with H, selection of rows and matrix roots written out."""
    frame = model_frame(outcomes)
    weights = 0.5 + random_generator(1, "weights").random(len(frame))
    fit = fit_model(frame, MODEL, LEVELS, weights).fit
    clusters = clusters_of(fit.matrices, "participant")
    x, n = fit.matrices.fixed, len(frame)
    v = marginal_covariance(fit, np.arange(n))
    w = np.linalg.inv(v)
    bread = np.linalg.inv(x.T @ w @ x)
    hat = np.eye(n) - x @ bread @ x.T @ w
    residual = hat @ fit.matrices.response
    covariance, maps = np.zeros_like(bread), []
    for cluster in range(6):
        own = clusters == cluster
        d = np.linalg.cholesky(v[np.ix_(own, own)]).T
        b = d @ hat[own] @ v @ hat[own].T @ d.T
        values, vectors = np.linalg.eigh(b)
        a = d.T @ (vectors / np.sqrt(values)) @ vectors.T @ d
        through = bread @ x[own].T @ w[np.ix_(own, own)] @ a
        covariance += through @ np.outer(residual[own], residual[own]) @ through.T
        maps.append((through @ hat[own]).T)
    robust = cluster_robust_covariance(fit, clusters)
    np.testing.assert_allclose(robust.covariance, covariance, rtol=1e-8)
    row = np.array([0.0, 1, -0.5, 0, 0.2])
    p = np.column_stack([each @ row for each in maps])
    shares = p.T @ v @ p
    error, df, _ = robust.contrast(row)
    assert error == pytest.approx(np.sqrt(row @ covariance @ row), rel=1e-8)
    assert df == pytest.approx(np.trace(shares) ** 2 / np.sum(shares**2), rel=1e-8)


def test_mean_of_unequal_clusters_has_its_closed_form():
    """Under working independence, the variance between clusters being zero."""
    rng = random_generator(3, "clusters")
    sizes = np.array([2, 3, 5, 4, 7, 2, 9])
    groups = np.repeat([f"g{i}" for i in range(7)], sizes)
    values = rng.normal(size=sizes.sum())
    # Centred clusters with an alternating rest of the mean: less variance between than by chance.
    means = pd.Series(values).groupby(groups).transform("mean").to_numpy()
    frame = pd.DataFrame({"value": values - means + 0.01 * (np.arange(sizes.sum()) % 2), "group": groups})
    fit = fit_model(frame, "value ~ 1 + (1 | group)", {})
    assert fit.fit.singular
    n, mean = sizes.sum(), frame.groupby("group")["value"].mean().to_numpy()
    square = np.sum(sizes**2 * (mean - frame["value"].mean()) ** 2 / (1 - sizes / n)) / n**2
    rest = n - sizes
    df = n**2 / (
        n**2 * np.sum(sizes**2 / rest**2) - 2 * n * np.sum(sizes**3 / rest**2) + np.sum(sizes**2 / rest) ** 2
    )
    error, found_df, _ = of_coefficients(fit, "group")
    assert error[0] == pytest.approx(np.sqrt(square), rel=1e-9)
    assert found_df[0] == pytest.approx(df, rel=1e-9)


def paired_frame(n=9):
    rng = random_generator(5, "pairs")
    person = np.repeat(rng.normal(0, 2, n), 2)
    return pd.DataFrame(
        {
            "participant": np.repeat([f"{i:02d}" for i in range(n)], 2),
            "condition": ["control", "stimulation"] * n,
            "value": person + np.tile([0.0, 1.0], n) + rng.normal(0, 0.5, 2 * n),
        }
    )


def test_balanced_pairs_are_the_paired_t_test():
    frame = paired_frame()
    table = cluster_robust_contrasts(
        fit_model(frame, "value ~ condition + (1 | participant)", LEVELS), [("stimulation", "control")]
    )
    wide = frame.pivot_table(index="participant", columns="condition", values="value")
    found = ttest_rel(wide["stimulation"], wide["control"])
    interval = found.confidence_interval()
    row = table.iloc[0]
    assert row["df"] == pytest.approx(8, rel=1e-9)
    assert row["t"] == pytest.approx(found.statistic, rel=1e-9)
    assert row["p"] == pytest.approx(found.pvalue, rel=1e-9)
    assert [row["ci_lower"], row["ci_upper"]] == pytest.approx([interval.low, interval.high], rel=1e-9)


def test_what_cannot_be_told_is_nan_with_its_reason(outcomes):
    frame = model_frame(outcomes)
    few = frame[frame["participant"].isin(["01", "02", "03"])]
    table = cluster_robust_contrasts(fit_model(few, MODEL, LEVELS), [*PAIRS, ("other", "control")])
    assert (table["df"][:2] < 4).all()
    assert table["warning"][:2].str.startswith("fewer than 4 degrees of freedom").all()
    assert table["warning"][2] == "not estimable: a level has no value"
    assert np.isnan(table.loc[2, ["estimate", "standard_error", "p", "ci_lower"]].astype(float)).all()
    one = frame[frame["participant"] == "01"]
    alone = cluster_robust_contrasts(
        fit_model(one, "value ~ condition + (1 | participant:unit)", LEVELS), PAIRS
    )
    assert alone["estimate"].notna().all()
    assert alone[["standard_error", "df", "p", "ci_lower"]].isna().all(axis=None)
    assert (alone["warning"] == "no cluster-robust error: one cluster alone tells part of it").all()


def test_difference_that_one_participant_tells_has_no_robust_error():
    frame = paired_frame()
    stratum = frame["participant"].where(frame["participant"] == "07", "other")
    model = fit_model(
        frame.assign(stratum=stratum), "value ~ stratum + condition + (1 | participant)", LEVELS
    )
    table = cluster_robust_contrasts(model, [("other", "07")], factor="stratum")
    assert table["estimate"].notna().all() and table["p"].isna().all()
    within = cluster_robust_contrasts(model, [("stimulation", "control")])
    assert within["df"][0] == pytest.approx(8, rel=1e-9)


def test_clusters_must_hold_every_random_effect(outcomes):
    frame = model_frame(outcomes)
    crossed = fit_model(frame, "value ~ condition + (1 | participant) + (1 | session)", LEVELS)
    with pytest.raises(InputError, match="effects of session are shared"):
        cluster_robust_contrasts(crossed, PAIRS)
    with pytest.raises(InputError, match="no random term of the model names it"):
        cluster_robust_contrasts(fit_model(frame, MODEL, LEVELS), PAIRS, cluster="centre")
    # The same clusters whichever term names them.
    nested = fit_model(frame, "value ~ condition + (1 | participant:unit)", LEVELS)
    whole = clusters_of(fit_model(frame, MODEL, LEVELS).fit.matrices, "participant")
    np.testing.assert_array_equal(clusters_of(nested.fit.matrices, "participant"), whole)


def test_covariance_of_observations_is_that_of_the_fit(outcomes):
    frame = model_frame(outcomes)
    formula = MODEL.replace("(1 | participant) ", "(condition | participant) ")
    fit = fit_model(frame, formula, LEVELS, 0.5 + random_generator(2, "weights").random(len(frame))).fit
    n, x, y = len(frame), fit.matrices.fixed, fit.matrices.response
    factor = cho_factor(marginal_covariance(fit, np.arange(n)))
    bread = np.linalg.inv(x.T @ cho_solve(factor, x))
    np.testing.assert_allclose(bread, fit.covariance, rtol=1e-8)
    np.testing.assert_allclose(bread @ x.T @ cho_solve(factor, y), fit.beta, rtol=1e-8)
    # R P y is y - Xb - Zu, block by block.
    residuals, leverages = residuals_and_leverages(fit)
    projected = cho_solve(factor, y - x @ fit.beta)
    np.testing.assert_allclose(fit.sigma**2 / fit.matrices.weights * projected, residuals, atol=1e-9)
    np.testing.assert_allclose(residuals, conditional_residuals(fit))
    whole = cho_solve(factor, np.eye(n) - x @ bread @ cho_solve(factor, x).T)
    np.testing.assert_allclose(leverages, 1 - np.diag(whole) * fit.sigma**2 / fit.matrices.weights)
    for rows, block in projection_blocks(fit):
        np.testing.assert_allclose(block, whole[np.ix_(rows, rows)], atol=1e-9)


def test_blocks_share_no_random_effect(outcomes):
    frame = model_frame(outcomes)
    blocks = independent_blocks(fit_model(frame, MODEL, LEVELS).fit.matrices)
    assert [frame["participant"].iloc[rows].unique().tolist() for rows in blocks] == [
        [name] for name in frame["participant"].unique()
    ]
    crossed = fit_model(frame, "value ~ condition + (1 | participant) + (1 | session)", LEVELS)
    assert [len(rows) for rows in independent_blocks(crossed.fit.matrices)] == [len(frame)]
    matrices = crossed.fit.matrices
    assert len(independent_blocks(replace(matrices, random=matrices.random[:1]))) == 6
