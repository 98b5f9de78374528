"""Likelihood-ratio tests against closed forms of balanced designs, and which terms are tested."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from pictrial.statistics.likelihood_ratio import (
    BOUNDARY,
    SAME_SIZE,
    fixed_term_tests,
    random_term_tests,
    without_fixed_terms,
    without_random_terms,
)
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.model_matrices import build_model

LEVELS = {"condition": ["control", "RI", "WBR"]}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Ten people, three conditions, two observations each; balanced."""
    rng = np.random.default_rng(11)
    rows = [
        (f"p{person}", condition, "FM"[person % 2], float(person % 4 + repeat), repeat)
        for person in range(10)
        for condition in LEVELS["condition"]
        for repeat in range(2)
    ]
    frame = pd.DataFrame(rows, columns=["participant", "condition", "sex", "x", "repeat"])
    effects = dict(zip(frame["participant"].unique(), rng.normal(0, 1.2, 10), strict=True))
    y = 4 + frame["participant"].map(effects) - 0.5 * (frame["condition"] == "RI")
    return frame.assign(y=y + rng.normal(0, 0.8, len(frame)))


def fitted(frame, formula, reml=True):
    design = build_model(frame, formula, LEVELS)
    return design, fit_linear_mixed_model(design.matrices, reml)


def test_fixed_term_of_complete_blocks_in_closed_form(frame):
    """-2 log likelihood differs by the within-people sums of squares alone: n_w log(SS0 / SS1)."""
    design, fit = fitted(frame, "y ~ condition + (1 | participant)")
    (row,) = fixed_term_tests(design, fit).to_dict("records")
    y = frame["y"] - frame.groupby("participant")["y"].transform("mean")
    within = y - y.groupby(frame["condition"]).transform("mean")
    # Of 60 observations 10 means go to the people.
    expected = 50 * np.log((y @ y) / (within @ within))
    assert row["term"] == "condition"
    assert row["df"] == 2
    assert row["chi_square"] == pytest.approx(expected, rel=1e-7)
    assert row["p"] == pytest.approx(chi2.sf(expected, 2), rel=1e-6)
    # A fit by maximum likelihood gives the same.
    again = fixed_term_tests(design, fit_linear_mixed_model(design.matrices, reml=False))
    assert again["chi_square"][0] == pytest.approx(expected, rel=1e-7)


def test_last_random_term_against_the_ordinary_linear_model(frame):
    design, fit = fitted(frame, "y ~ condition + (1 | participant)")
    (row,) = random_term_tests(design, fit).to_dict("records")
    x, y = design.matrices.fixed, design.matrices.response
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    df = len(y) - x.shape[1]
    deviance = df * (1 + np.log(2 * np.pi * (residual @ residual) / df)) + np.linalg.slogdet(x.T @ x)[1]
    assert row["term"] == "(1 | participant)"
    assert row["log_likelihood"] == pytest.approx(-deviance / 2, rel=1e-10)
    assert row["chi_square"] == pytest.approx(deviance - fit.deviance, rel=1e-8)
    assert (row["df"], row["warning"]) == (1, BOUNDARY)


def test_only_terms_that_no_other_contains_are_left_out(frame):
    design, fit = fitted(frame, "y ~ condition * sex + x + (1 | participant)")
    reduced = without_fixed_terms(design, fit.matrices)
    assert [(less.term, less.df) for less in reduced] == [("x", 1), ("condition:sex", 2)]
    assert all(len(less.matrices.columns) == less.matrices.fixed.shape[1] for less in reduced)


def test_an_aliased_column_takes_the_place_of_the_one_left_out(frame):
    twin = frame.assign(z=2 * frame["x"] + 1)
    design, fit = fitted(twin, "y ~ x + z + (1 | participant)")
    assert design.dropped == ["z"]
    # Without x there is z, which says the same: nothing is tested.
    x, z = fixed_term_tests(design, fit).to_dict("records")
    assert (x["term"], x["df"], x["warning"]) == ("x", 0, SAME_SIZE)
    assert x["chi_square"] == pytest.approx(0, abs=1e-7)
    assert np.isnan(x["p"])
    assert (z["df"], z["warning"]) == (0, SAME_SIZE)


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        ("(x|participant)", [("x in (x | participant)", 2, [("(Intercept)",)])]),
        ("(1 + x | participant)", [("x in (1 + x | participant)", 2, [("(Intercept)",)])]),
        ("(0+x|participant)", [("x in (0 + x | participant)", 0, [("(Intercept)",)])]),
        (
            "(x || participant)",
            [
                ("(1 | participant)", 1, [("x",)]),
                ("x in (0 + x | participant)", 1, [("(Intercept)",)]),
            ],
        ),
        (
            "(condition + x | participant)",
            [
                ("condition in (condition + x | participant)", 7, [("(Intercept)", "x")]),
                (
                    "x in (condition + x | participant)",
                    4,
                    [("(Intercept)", "conditionRI", "conditionWBR")],
                ),
            ],
        ),
        (
            "(1 | participant/condition)",
            [
                ("(1 | condition:participant)", 1, [("(Intercept)",)]),
                ("(1 | participant)", 1, [("(Intercept)",)]),
            ],
        ),
        (
            "(0 + condition + sex | participant)",
            [
                ("condition in (0 + condition + sex | participant)", 7, [("(Intercept)", "sexM")]),
                (
                    "sex in (0 + condition + sex | participant)",
                    4,
                    [("conditioncontrol", "conditionRI", "conditionWBR")],
                ),
            ],
        ),
    ],
)
def test_random_terms_are_reduced_as_lmertest_reduces_them(frame, random, expected):
    design = build_model(frame, f"y ~ 1 + {random}", LEVELS)
    reduced = without_random_terms(design, design.matrices)
    found = [(r.term, r.df, [term.columns for term in r.matrices.random]) for r in reduced]
    assert found == expected


def test_a_model_nested_by_its_last_slope_is_never_better(frame):
    design, fit = fitted(frame, "y ~ condition + (condition | participant)")
    table = random_term_tests(design, fit)
    assert table["chi_square"][0] > -1e-7
    assert table["df"][0] == 5
    reduced = fitted(frame, "y ~ condition + (1 | participant)")[1]
    assert table["log_likelihood"][0] == pytest.approx(reduced.log_likelihood, rel=1e-10)
