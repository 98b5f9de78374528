"""Effect sizes: R's reference, closed forms, exact intervals and what moves them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictrial.statistics import effect_sizes
from pictrial.statistics.effect_sizes import (
    model_effect_sizes,
    noncentralities,
    participant_effect_sizes,
    standardisers,
)
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts

LEVELS = {"condition": ["control", "stimulation", "relaxation"]}
PAIRS = [("stimulation", "control"), ("relaxation", "control")]
PRIMARY = (
    "value ~ condition + period + (1 | participant) + (1 | participant:condition) + (1 | participant:unit)"
)
KR = "kenward-roger"


@pytest.fixture(scope="module")
def frame(outcomes) -> pd.DataFrame:
    return model_frame(outcomes)


@pytest.fixture(scope="module")
def model(frame):
    return fit_model(frame, PRIMARY, LEVELS)


def test_d_residual_is_that_of_emmeans(lme4):
    levels = {"condition": ["control", "RI", "WBR"]}
    formula = "dF ~ condition + (condition|participant) + (1|participant:unit)"
    model = fit_model(pd.read_csv(lme4 / "data" / "trial_small6.csv"), formula, levels)
    table = pd.read_csv(lme4 / "expected" / "small6_slope.csv")
    expected = table[(table["section"] == "effsize_kr") & (table["stat"] == "d")].set_index("term")["value"]
    pairs = [("control", "RI"), ("control", "WBR"), ("RI", "WBR")]
    found = model_effect_sizes(model, pairs, KR)
    assert list(found["d_residual"]) == pytest.approx(
        [float(expected[f"{a} - {b}"]) for a, b in pairs], rel=5e-3
    )


def test_table_and_estimates(model):
    found = model_effect_sizes(model, PAIRS, KR)
    contrasts = planned_contrasts(model, PAIRS, KR)
    total = np.sqrt(sum(float(c[0, 0]) for c in model.fit.term_covariances) + model.fit.sigma**2)
    assert list(found.columns) == [
        "level",
        "minus",
        "d_residual",
        "d_residual_ci_lower",
        "d_residual_ci_upper",
        "d_total",
        "d_total_ci_lower",
        "d_total_ci_upper",
        "warning",
    ]
    assert list(zip(found["level"], found["minus"], strict=True)) == PAIRS
    assert found["d_residual"].tolist() == pytest.approx((contrasts["estimate"] / model.fit.sigma).tolist())
    assert found["d_total"].tolist() == pytest.approx((contrasts["estimate"] / total).tolist())
    assert (found["d_total_ci_lower"] < found["d_total"]).all()
    assert (found["d_total"] < found["d_total_ci_upper"]).all()


def test_degrees_of_freedom_of_balanced_standardisers():
    """One-way layout: V = (MSB + (k - 1) MSW) / k, so df by Satterthwaite's 1946 formula."""
    y = np.array([[1, 2, 3.5], [4, 5, 4.2], [9, 8, 8.1], [3, 2, 4.4], [6, 7, 6.6]])
    frame = pd.DataFrame({"value": y.ravel(), "g": np.repeat(list("abcde"), 3)})
    (residual, df_residual), (total, df_total) = standardisers(
        fit_model(frame, "value ~ 1 + (1 | g)", {}).fit
    )
    within, between = y.var(axis=1, ddof=1).mean(), 3 * y.mean(axis=1).var(ddof=1)
    variance = (between + 2 * within) / 3
    assert residual == pytest.approx(np.sqrt(within), rel=1e-6)
    assert total == pytest.approx(np.sqrt(variance), rel=1e-6)
    assert df_residual == pytest.approx(10, rel=1e-5)
    assert df_total == pytest.approx(
        variance**2 / ((between / 3) ** 2 / 4 + (2 * within / 3) ** 2 / 10), rel=1e-5
    )


def test_degrees_of_freedom_with_slopes_do_not_depend_on_the_coding(lme4):
    frame = pd.read_csv(lme4 / "data" / "sleepstudy.csv")
    shifted = frame.assign(Days=3 * frame["Days"] - 20)
    formula = "Reaction ~ Days + (Days|Subject)"
    weights = np.where(frame["Days"] < 3, 4.0, 1.0)
    one, other = (standardisers(fit_model(f, formula, {}, weights).fit) for f in (frame, shifted))
    assert np.ravel(other) == pytest.approx(np.ravel(one), rel=1e-4)
    assert one[1][1] < one[0][1]


def test_interval_agrees_with_the_test_and_reverses_with_the_contrast(model, frame):
    reverse = model_effect_sizes(model, [pair[::-1] for pair in PAIRS], KR)
    found = model_effect_sizes(model, PAIRS, KR)
    for name in ("d_residual", "d_total"):
        assert found[f"{name}_ci_lower"].tolist() == pytest.approx((-reverse[f"{name}_ci_upper"]).tolist())
    # A shift of one condition by just its limit puts zero on the edge of both intervals.
    limit = planned_contrasts(model, PAIRS, KR)["ci_upper"][0]
    at = frame["condition"] == "stimulation"
    moved = fit_model(frame.assign(value=frame["value"].where(~at, frame["value"] - limit)), PRIMARY, LEVELS)
    edge = model_effect_sizes(moved, PAIRS[:1], KR).iloc[0]
    assert edge["d_residual_ci_upper"] == pytest.approx(0, abs=1e-5)
    assert edge["d_total_ci_upper"] == pytest.approx(0, abs=1e-5)


def test_interval_of_a_known_contrast_is_that_of_the_deviation():
    # Chi-squared with 10 degrees of freedom, from tables: 3.247 and 20.483.
    found = effect_sizes._ratio_interval(np.array([6.0, 1e-6, 20.0]), 2.0, 10.0)
    assert found == pytest.approx(3 * np.sqrt([0.3247, 2.0483]), rel=0.01)
    # A known deviation leaves the t interval of the contrast.
    found = effect_sizes._ratio_interval(np.array([6.0, 1.0, 10.0]), 2.0, 1e9)
    assert found == pytest.approx((3 - 2.228139 / 2, 3 + 2.228139 / 2), rel=1e-4)


def test_units_do_not_matter(model, frame):
    scaled = fit_model(frame.assign(value=frame["value"] * 250 + 3), PRIMARY, LEVELS)
    names = [name for name in model_effect_sizes(model, PAIRS, KR) if name.startswith("d_")]
    one, other = (model_effect_sizes(m, PAIRS, KR)[names].to_numpy(float) for m in (model, scaled))
    assert other == pytest.approx(one, rel=1e-4)


def test_warnings_of_models(frame, model):
    taken = fit_model(frame, PRIMARY.replace("period", "period + sequence"), LEVELS)
    found = model_effect_sizes(taken, [*PAIRS, ("absent", "control")], KR)
    assert found["warning"][0].startswith("d_total: differences between levels of participant")
    assert "not estimable" in found["warning"][2]
    assert found.iloc[2][["d_residual", "d_total", "d_total_ci_upper"]].isna().all()
    assert model_effect_sizes(model, PAIRS, KR)["warning"].tolist() == ["", ""]


@pytest.mark.slow
def test_intervals_cover(plan):
    """Six people, d of -1.9 and -0.8: 95 % intervals over 150 drawn trials."""
    from drawn_trial import DrawnTrial, draw_outcomes

    drawn = DrawnTrial()
    total = np.sqrt(0.7**2 + 0.3**2 + 0.95**2 + 0.6**2)
    truth = {"d_residual": -1.125 / 0.6, "d_total": -1.125 / total}
    hits = dict.fromkeys(truth, 0)
    for seed in range(150):
        rows = model_frame(draw_outcomes(plan.sessions, drawn, seed))
        found = model_effect_sizes(fit_model(rows, PRIMARY, LEVELS), PAIRS[:1], KR).iloc[0]
        for name, true in truth.items():
            hits[name] += found[f"{name}_ci_lower"] <= true <= found[f"{name}_ci_upper"]
    assert all(135 <= count <= 149 for count in hits.values()), hits


def test_noncentralities_solve_the_definition():
    from scipy.stats import nct

    for t, df in ((2.0, 5), (-3.1, 14), (0.0, 5)):
        low, high = noncentralities(t, df)
        assert nct.cdf(t, df, low) == pytest.approx(0.975, abs=1e-6)
        assert nct.cdf(t, df, high) == pytest.approx(0.025, abs=1e-6)
    assert np.isnan(noncentralities(np.nan, 5)).all()


def participants(x, y) -> pd.DataFrame:
    return pd.DataFrame({"control": y, "stimulation": x}, dtype=float)


def test_effect_sizes_of_participants_by_hand():
    x, y = np.array([3.1, 2.0, 4.4, 3.3, 2.7, 5.0]), np.array([3.9, 2.6, 4.9, 4.6, 2.9, 5.4])
    found = participant_effect_sizes(participants(x, y), PAIRS[:1]).iloc[0]
    d, n = x - y, 6
    average = np.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)
    assert found["cohen_d_z"] == pytest.approx(d.mean() / d.std(ddof=1))
    assert found["hedges_g_av"] == pytest.approx(d.mean() / average * (1 - 3 / (4 * (2 * n - 2) - 1)))
    limits = noncentralities(d.mean() / d.std(ddof=1) * np.sqrt(n), n - 1) / np.sqrt(n)
    assert [found["cohen_d_z_ci_lower"], found["cohen_d_z_ci_upper"]] == pytest.approx(limits.tolist())
    scaled = limits * d.std(ddof=1) / average
    assert [found["hedges_g_av_ci_lower"], found["hedges_g_av_ci_upper"]] == pytest.approx(scaled.tolist())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5).map(lambda v: round(v, 2)), min_size=3, max_size=8))
def test_interval_of_d_z_agrees_with_the_t_test(differences):
    from scipy.stats import ttest_1samp

    d = np.array(differences)
    if d.std(ddof=1) < 0.05:
        return
    y = np.arange(len(d), dtype=float)
    found = participant_effect_sizes(participants(y + d, y), PAIRS[:1]).iloc[0]
    p = ttest_1samp(d, 0).pvalue
    if abs(p - 0.05) > 1e-4:
        low, high = found["cohen_d_z_ci_lower"], found["cohen_d_z_ci_upper"]
        assert (low > 0 or high < 0) == (p < 0.05)
        assert np.sign(found["hedges_g_av_ci_lower"]) == np.sign(low)


def test_pingouins_interval_is_not_the_exact_one():
    """Why `compute_esci` is not used: its paired interval is symmetric and too wide."""
    import pingouin

    low, high = pingouin.compute_esci(-2, nx=6, ny=6, paired=True, decimals=6)
    exact = noncentralities(-2 * np.sqrt(6), 5) / np.sqrt(6)
    assert exact == pytest.approx([-3.41907, -0.53358], abs=1e-4)
    assert low < exact[0] - 0.3
    assert high > exact[1] + 0.3


def test_too_few_participants():
    found = participant_effect_sizes(participants([1, 2, np.nan], [2, 4, 5]), PAIRS[:1]).iloc[0]
    assert "2 participants in both conditions, 3 are needed" in found["warning"]
    assert found.drop(["level", "minus", "warning"]).isna().all()
    none = participant_effect_sizes(participants([np.nan] * 3, [2, 4, 5]), PAIRS[:1]).iloc[0]
    assert "one condition" in none["warning"]
    assert np.isnan(none["hedges_g_av_ci_upper"])
