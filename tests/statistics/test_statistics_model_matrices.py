"""Matrices of a model: R's coding and names, aliased columns, lme4's order, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.model_matrices import build_model, independent_columns
from pictrial.statistics.type_three import type_three_hypotheses


@pytest.fixture
def frame() -> pd.DataFrame:
    cells = [
        (f"P{p:02d}", f"u{u}", c, "FM"[p % 2])
        for p in range(1, 5)
        for u in range(3)
        for c in ("WBR", "RI", "control")
    ]
    frame = pd.DataFrame(cells, columns=["participant", "unit", "condition", "sex"])
    return frame.assign(time=np.arange(36.0), period=1 + np.arange(36) % 3, y=np.sin(np.arange(36)))


LEVELS = {"condition": ["control", "RI", "WBR"]}


def test_treatment_coding_has_the_names_and_order_of_r(frame):
    design = build_model(frame, "y ~ sex*condition + time + (1 | participant)", LEVELS)
    assert design.matrices.columns == (
        "(Intercept)",
        "sexM",
        "conditionRI",
        "conditionWBR",
        "time",
        "sexM:conditionRI",
        "sexM:conditionWBR",
    )
    assert design.terms[3:] == ["condition", "time", "sex:condition", "sex:condition"]
    expected = ((frame["sex"] == "M") & (frame["condition"] == "RI")).astype(float)
    assert design.matrices.fixed[:, 5].tolist() == expected.tolist()
    assert design.covariates == {"time": 17.5}


def test_first_factor_of_an_interaction_varies_fastest(frame):
    levels = {**LEVELS, "period": ["1", "2", "3"]}
    design = build_model(frame, "y ~ condition*period + (1 | participant)", levels)
    assert design.complete.columns[-4:] == [
        "conditionRI:period2",
        "conditionWBR:period2",
        "conditionRI:period3",
        "conditionWBR:period3",
    ]


def test_interaction_without_its_main_effect_has_every_level_as_in_r(frame):
    design = build_model(frame, "y ~ condition + condition:sex + (1 | participant)", LEVELS)
    assert design.matrices.columns[3:] == ("conditioncontrol:sexM", "conditionRI:sexM", "conditionWBR:sexM")


def test_levels_that_are_not_listed_are_sorted_and_numbers_are_covariates(frame):
    design = build_model(frame, "y ~ condition + time + (1 | participant)", {})
    assert design.levels == {"condition": ["RI", "WBR", "control"]}
    assert design.matrices.columns == ("(Intercept)", "conditionWBR", "conditioncontrol", "time")


def test_aliased_columns_are_those_that_r_drops(frame):
    frame["dose"] = frame["condition"].map({"control": 0.0, "RI": 1.0, "WBR": 1.0})
    design = build_model(frame, "y ~ condition + dose + sex + (1 | participant)", LEVELS)
    assert design.dropped == ["dose"]
    assert design.matrices.columns == ("(Intercept)", "conditionRI", "conditionWBR", "sexM")
    assert design.terms == ["(Intercept)", "condition", "condition", "sex"]
    assert "dose" not in type_three_hypotheses(design)


def test_a_column_of_any_scale_is_kept():
    x = np.column_stack([np.ones(5), 1e-9 * np.arange(5), 1e6 + np.array([0, 1, 0, 2, 5.0])])
    assert independent_columns(x).all()
    assert independent_columns(np.column_stack([x, x @ [1.0, 2.0, 3.0]])).tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_random_terms_are_sorted_as_lme4_sorts_them(frame):
    text = "y ~ condition + (1 | participant) + (1 | unit) + (condition | sex) + (1 | participant:unit)"
    random = build_model(frame, text, LEVELS).matrices.random
    assert [term.group for term in random] == ["participant:unit", "participant", "unit", "sex"]
    assert [term.n_levels for term in random] == [12, 4, 3, 2]
    assert random[3].columns == ("(Intercept)", "conditionRI", "conditionWBR")
    assert random[0].level_names[:4] == ("P01:u0", "P01:u1", "P01:u2", "P02:u0")
    for row in (0, 17, 35):
        name = random[0].level_names[random[0].codes[row]]
        assert name == f"{frame['participant'][row]}:{frame['unit'][row]}"


def test_equal_numbers_of_levels_are_reversed_where_lme4_sorts(frame):
    frame["other"] = frame["participant"].str.lower()
    sorted_already = build_model(frame, "y ~ 1 + (1 | participant) + (1 | other)", {}).matrices.random
    assert [term.group for term in sorted_already] == ["participant", "other"]
    text = "y ~ 1 + (1 | sex) + (1 | participant) + (1 | other)"
    assert [term.group for term in build_model(frame, text, {}).matrices.random] == [
        "other",
        "participant",
        "sex",
    ]


def test_random_factor_without_intercept_has_every_level(frame):
    random = build_model(frame, "y ~ 1 + (0 + condition + sex | participant)", LEVELS).matrices.random
    assert random[0].columns == ("conditioncontrol", "conditionRI", "conditionWBR", "sexM")


def test_a_covariate_with_two_values_stands_at_their_midpoint(frame):
    frame["visit"] = np.where(np.arange(36) < 30, 1, 4)
    assert build_model(frame, "y ~ visit + (1 | participant)", {}).covariates == {"visit": 2.5}


def test_rows_need_not_be_numbered_from_zero(frame):
    formula = "y ~ condition + (1 | participant)"
    design = build_model(frame.set_index(frame.index % 3), formula, LEVELS)
    assert np.array_equal(design.matrices.fixed, build_model(frame, formula, LEVELS).matrices.fixed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": None}, "row 4, column 'y' has no value"),
        ({"condition": None}, "row 4, column 'condition' has no value"),
        ({"participant": None}, "row 4, column 'participant' has no value"),
        ({"time": np.inf}, "row 4, column 'time' has no value"),
        ({"condition": "sham"}, "level 'sham' is not one of"),
    ],
)
def test_a_bad_value_is_named(frame, change, said):
    ((column, value),) = change.items()
    frame.loc[4, column] = value
    with pytest.raises(InputError, match=said):
        build_model(frame, "y ~ condition + time + (1 | participant)", LEVELS)


def test_tables_that_do_not_fit_are_refused(frame):
    with pytest.raises(InputError, match="'dose' is missing"):
        build_model(frame, "y ~ dose + (1 | participant)", {})
    with pytest.raises(NotEstimable, match="only the level 'control' occurs"):
        build_model(frame[frame["condition"] == "control"], "y ~ condition + (1 | participant)", LEVELS)
    with pytest.raises(InputError, match="'unit' is not numeric"):
        build_model(frame, "unit ~ condition + (1 | participant)", LEVELS)
    with pytest.raises(InputError, match="no row"):
        build_model(frame[:0], "y ~ condition + (1 | participant)", LEVELS)


def test_a_random_term_that_the_fixed_effects_hold_already_is_left_out(frame):
    design = build_model(frame, "y ~ condition + (1 | participant) + (1 | condition)", LEVELS)
    assert list(design.absorbed) == ["condition"]
    assert [term.group for term in design.matrices.random] == ["participant"]
    assert design.fitted_formula == "y ~ 1 + condition + (1 | participant)"
    with pytest.raises(NotEstimable, match="participant: the fixed part already has one parameter"):
        build_model(frame, "y ~ participant*time + (time | participant)", {})
    assert build_model(frame, "y ~ participant + (time | participant)", {}).absorbed == {}


def test_type_three_of_a_balanced_design_averages_over_the_other_factor(frame):
    hypotheses = type_three_hypotheses(build_model(frame, "y ~ condition*sex + (1 | participant)", LEVELS))
    assert list(hypotheses) == ["condition", "sex", "condition:sex"]
    assert hypotheses["condition"] == pytest.approx(
        np.array([[0, 1, 0, 0, 0.5, 0], [0, 0, 1, 0, 0, 0.5]]), abs=1e-9
    )
    assert hypotheses["sex"] == pytest.approx(np.array([[0, 0, 0, 1, 1 / 3, 1 / 3]]), abs=1e-9)


def test_type_three_of_one_term_are_the_rows_of_doolittle(frame):
    design = build_model(frame[2:], "y ~ condition + (1 | participant)", LEVELS)
    rows = type_three_hypotheses(design)["condition"]
    x = design.matrices.fixed
    assert rows[:, 0].tolist() == [0, 0] and np.diag(rows[:, 1:]).tolist() == [1, 1]
    # The second is the effect of WBR adjusted for nothing; the first holds the regression of WBR on RI.
    residual = x[:, 1] - x[:, 1].mean()
    assert rows[0, 2] == pytest.approx(residual @ x[:, 2] / (residual @ x[:, 1]))


def test_a_covariate_does_not_make_a_factor_contained(frame):
    design = build_model(frame, "y ~ condition*time + (1 | participant)", LEVELS)
    hypotheses = type_three_hypotheses(design)
    assert hypotheses["condition"] == pytest.approx(np.eye(6)[[1, 2]], abs=1e-9)
    assert hypotheses["time"] == pytest.approx(np.array([[0, 0, 0, 1, 1 / 3, 1 / 3]]), abs=1e-9)
