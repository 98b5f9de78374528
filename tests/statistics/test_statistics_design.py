import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.statistics.design import build_design, independent_columns

LEVELS = {"condition": ["control", "stimulation", "relaxation"]}


def test_reference_is_the_first_level_named():
    frame = pd.DataFrame(
        {"y": [1.0, 2, 3, 4], "condition": ["RI", "control", "RI", "control"], "a": list("ppqq")}
    )
    design = build_design(frame, "y ~ condition + (1 | a)", {"condition": ["control", "RI"]})
    assert design.columns == ["(Intercept)", "conditionRI"]
    np.testing.assert_array_equal(design.fixed[:, 1], [1, 0, 1, 0])


def test_numeric_column_is_a_covariate_and_interactions_multiply():
    frame = pd.DataFrame({"y": [1.0, 2, 3], "x": [1.0, 2, 4], "f": ["u", "v", "v"], "a": list("ppq")})
    design = build_design(frame, "y ~ x + f + x:f + (1 | a)", {})
    assert design.columns == ["(Intercept)", "x", "fv", "x:fv"]
    np.testing.assert_array_equal(design.fixed[:, 3], [0, 2, 4])
    assert design.covariate_means == {"x": pytest.approx(7 / 3)}


def test_participant_on_a_sequence_of_their_own(plan, outcomes):
    from pictrial.statistics.analysis import model_frame

    design = build_design(model_frame(outcomes), plan.analyses["primary"].formula, LEVELS)
    assert design.kept.all()
    assert np.linalg.matrix_rank(design.fixed) == design.fixed.shape[1] == 1 + 2 + 2 + 5
    assert design.estimable == ["participant:condition", "participant:unit"]
    assert "fixed part" in design.not_estimable["participant"]


def test_aliased_columns_are_named():
    frame = pd.DataFrame(
        {"y": np.arange(4.0), "condition": list("abab"), "period": list("1212"), "p": list("ssTT")}
    )
    design = build_design(frame, "y ~ condition + period + (1 | p)", {})
    assert design.dropped_columns == ["period2"]


@pytest.mark.parametrize(
    ("units", "reason"), [(["a", "b", "c", "d", "e", "f"], "told apart"), (["a", "b", "c"] * 2, None)]
)
def test_unit_seen_once_cannot_be_told_from_residual(units, reason):
    frame = pd.DataFrame({"y": np.arange(6.0), "p": list("ssTTuu"), "unit": units, "x": [0.0, 1, 0, 1, 0, 1]})
    frame["p"] = list("ssssTT") if reason is None else frame["p"]
    design = build_design(frame, "y ~ x + (1 | p) + (1 | p:unit)", {})
    assert ("p:unit" in design.not_estimable) == (reason is not None)
    if reason:
        assert reason in design.not_estimable["p:unit"]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 4))
def test_independent_columns_span_the_whole(seed, rank, extra):
    rng = np.random.default_rng(seed)
    basis = rng.integers(-3, 4, (12, rank)).astype(float)
    matrix = np.column_stack([basis, basis @ rng.integers(-2, 3, (rank, extra))])
    kept = independent_columns(matrix)
    assert kept.sum() == np.linalg.matrix_rank(matrix) == np.linalg.matrix_rank(matrix[:, kept])


@pytest.mark.parametrize(
    ("change", "formula", "message"),
    [
        ({}, "value ~ dose + (1 | participant)", "'dose' is missing"),
        ({}, "value ~ condition", "no random term"),
        ({}, "value ~ condition + (1 | participant) + (1 | unit_id)", "share no grouping factor"),
        ({"value": np.nan}, "value ~ condition + (1 | participant)", "has no value"),
        ({"condition": "sham"}, "value ~ condition + (1 | participant)", "'sham' is not one of"),
        ({"value": "high"}, "value ~ condition + (1 | participant)", "not numeric"),
    ],
)
def test_table_and_formula_disagree(outcomes, change, formula, message):
    with pytest.raises(InputError, match=message):
        build_design(outcomes.assign(**change), formula, LEVELS)
