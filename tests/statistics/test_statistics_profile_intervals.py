"""Profile-likelihood intervals against closed forms, the likelihood itself and lme4."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import chi2
from validation import LEVELS, read_cases, read_layout

from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.model_matrices import build_model
from pictrial.statistics.profile_intervals import (
    AT_BOUND,
    NO_CORRELATION,
    component_names,
    component_values,
    profile_intervals,
)

RISE = chi2.ppf(0.95, 1)


def one_way(between: float, seed: int = 3) -> pd.DataFrame:
    """Twelve balanced groups of five."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(12), 5)
    y = 7 + between * rng.normal(size=12)[group] + rng.normal(size=60)
    return pd.DataFrame({"y": y, "g": [f"g{i:02d}" for i in group]})


def fit(frame, formula="y ~ 1 + (1 | g)"):
    return fit_linear_mixed_model(build_model(frame, formula, {}).matrices)


def one_way_deviance(frame, mean, deviation, sigma):
    """-2 log likelihood from the sums of squares."""
    means = frame.groupby("g")["y"].mean()
    within = frame["y"] - frame.groupby("g")["y"].transform("mean")
    between = sigma**2 + 5 * deviation**2
    square = within @ within / sigma**2 + 5 * ((means - mean) ** 2).sum() / between
    return square + 12 * np.log(between) + 48 * np.log(sigma**2) + 60 * np.log(2 * np.pi)


def test_balanced_one_way_from_its_sums_of_squares():
    frame = one_way(1.0)
    table = profile_intervals(fit(frame)).set_index("parameter")
    assert list(table.index) == ["sd_(Intercept)|g", "sigma", "(Intercept)"]
    mean = frame["y"].mean()

    def lowest(name, value):
        def deviance(free):
            values = {"(Intercept)": mean, **free_names(free, name), name: value}
            return one_way_deviance(frame, values["(Intercept)"], values["sd_(Intercept)|g"], values["sigma"])

        return minimize(
            deviance, [1.0, 1.0][: 1 if name != "(Intercept)" else 2], method="Nelder-Mead", tol=1e-11
        ).fun

    def free_names(free, held):
        names = [name for name in ("sd_(Intercept)|g", "sigma") if name != held]
        return dict(zip(names, np.abs(free), strict=True))

    least = fit_linear_mixed_model(fit(frame).matrices, reml=False).deviance
    for name, row in table.iterrows():
        assert row["ci_lower"] < row["estimate"] < row["ci_upper"]
        assert row["warning"] == ""
        for limit in (row["ci_lower"], row["ci_upper"]):
            assert lowest(name, limit) - least == pytest.approx(RISE, abs=1e-4)


def test_an_interval_that_reaches_zero_says_so():
    frame = one_way(0.0, seed=4)
    row = profile_intervals(fit(frame)).iloc[0]
    assert row["ci_lower"] == 0
    assert row["ci_upper"] > 0.1
    assert row["warning"] == AT_BOUND


def test_a_singular_correlation_is_open_and_one_of_a_zero_deviation_is_none():
    frame = one_way(0.0, seed=4).assign(x=np.tile(np.arange(-2.0, 3.0), 12))
    frame["y"] += frame["g"].str[1:].astype(float) * frame["x"] / 5
    ml = fit_linear_mixed_model(fit(frame, "y ~ x + (x | g)").matrices, reml=False)
    row = profile_intervals(ml).set_index("parameter").loc["cor_x.(Intercept)|g"]
    assert row[["estimate", "ci_lower", "ci_upper"]].to_list() == pytest.approx([1, -1, 1])
    assert row["warning"] == AT_BOUND
    zero = replace(ml, term_covariances=(np.diag([0.0, 0.5]),))
    row = profile_intervals(zero).set_index("parameter").loc["cor_x.(Intercept)|g"]
    assert row[["estimate", "ci_lower", "ci_upper"]].isna().all()
    assert row["warning"] == NO_CORRELATION


def test_confidence_widens_and_units_scale():
    frame = one_way(1.0)
    narrow, wide = (profile_intervals(fit(frame), level) for level in (0.8, 0.99))
    assert (wide["ci_lower"] < narrow["ci_lower"]).all()
    assert (wide["ci_upper"] > narrow["ci_upper"]).all()
    scaled = profile_intervals(fit(frame.assign(y=1000 * frame["y"])), 0.8)
    columns = ["estimate", "ci_lower", "ci_upper"]
    assert scaled[columns].to_numpy() == pytest.approx(1000 * narrow[columns].to_numpy(), rel=1e-5)


def test_a_fixed_effect_crosses_where_the_offset_model_does():
    """Held at a limit, the slope is an offset: that model's own fit has the deviance of the limit."""
    rng = np.random.default_rng(5)
    frame = one_way(0.7).assign(x=rng.normal(size=60))
    whole = fit(frame, "y ~ x + (1 | g)")
    least = fit_linear_mixed_model(whole.matrices, reml=False).deviance
    table = profile_intervals(whole).set_index("parameter")

    def rise(slope):
        offset = replace(
            whole.matrices,
            response=frame["y"].to_numpy() - slope * frame["x"].to_numpy(),
            fixed=whole.matrices.fixed[:, :1],
            columns=("(Intercept)",),
        )
        return fit_linear_mixed_model(offset, reml=False).deviance - least - RISE

    estimate = table.loc["x", "estimate"]
    assert table.loc["x", "ci_upper"] == pytest.approx(brentq(rise, estimate, estimate + 2), abs=1e-6)


def test_components_are_named_and_taken_as_lme4_does():
    frame = one_way(1.0).assign(x=np.tile(np.arange(5.0), 12))
    terms = fit(frame, "y ~ x + (x | g)").matrices.random
    assert component_names(terms) == ["sd_(Intercept)|g", "cor_x.(Intercept)|g", "sd_x|g", "sigma"]
    covariance = np.array([[4.0, -3.0], [-3.0, 9.0]])
    assert component_values((covariance,), 0.5) == pytest.approx([2.0, -0.5, 3.0, 0.5])
    assert np.isnan(component_values((np.diag([0.0, 1.0]),), 0.5)[1])


@pytest.mark.parametrize("case", ["pastes", pytest.param("sleep_slope", marks=pytest.mark.slow)])
def test_intervals_are_those_of_lme4(lme4, case):
    settings = read_cases(lme4).loc[case]
    frame = pd.read_csv(lme4 / "data" / settings["data"])
    levels = {name: text.split(",") for name, text in LEVELS.items() if name in frame}
    model = fit_linear_mixed_model(build_model(frame, settings["formula"], levels).matrices)
    expected = read_layout(lme4 / "expected" / f"{case}.csv")
    expected = expected[expected["section"] == "profile_ci"].pivot_table("value", "term", "stat")
    table = profile_intervals(model).set_index("parameter")
    assert set(table.index) == set(expected.index)
    expected = expected.loc[table.index]
    width = expected["upper"] - expected["lower"]
    assert ((table["ci_lower"] - expected["lower"]).abs() < 2e-4 * width).all()
    assert ((table["ci_upper"] - expected["upper"]).abs() < 2e-4 * width).all()
