"""Transformed outcomes: closed forms, errors that name the row, and ratios that do not depend on the unit."""

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import condition_means, fit_model, planned_contrasts
from pictrial.statistics.transformation import (
    METHODS,
    back_transform_contrasts,
    back_transform_means,
    transform,
)

VALUES = pd.Series([0.5, 2.0, 8.0], index=[10, 11, 12])
LEVELS = {"condition": ["control", "stimulation"]}


def rows(factor=3.0):
    rng = np.random.default_rng(5)
    table = [
        {"participant": f"{i}", "condition": c, "value": np.exp(person + rng.normal(0, 0.3)) * ratio}
        for i, person in enumerate(rng.normal(0, 1, 10))
        for c, ratio in (("control", 1.0), ("stimulation", factor))
    ]
    return pd.DataFrame(table)


def fitted(values):
    return fit_model(rows().assign(value=values), "value ~ condition + (1 | participant)", LEVELS)


@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [
        ("none", {}, VALUES),
        ("log", {}, np.log(VALUES)),
        ("log", {"offset": 0.5}, np.log([1, 2.5, 8.5])),
        ("sqrt", {"offset": 1}, np.sqrt([1.5, 3, 9])),
        ("asinh", {}, np.log(VALUES + np.sqrt(VALUES**2 + 1))),
        ("asinh", {"scale": 2}, np.arcsinh([0.25, 1, 4])),
        ("inverse_normal_ranks", {}, [-0.8694238, 0, 0.8694238]),  # normal quantiles of 5/26, 1/2, 21/26
    ],
)
def test_closed_forms(method, options, expected):
    found = transform(VALUES, method, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert list(found.index) == [10, 11, 12]


def test_ranks_share_ties():
    found = transform(pd.Series([1, 1, 7.0, 9]), "inverse_normal_ranks")
    assert found[0] == found[1] < found[2] < found[3]


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("log", {}, "transformation log, row 11: 0 is not above 0"),
        ("log", {"offset": 0.1}, "transformation log, row 12: -0.4 is not above 0"),
        ("sqrt", {}, "transformation sqrt, row 12: -0.5 is below 0"),
        ("cube", {}, "'cube' is unknown"),
        ("asinh", {"offset": 1}, "asinh has no offset"),
        ("log", {"scale": 2}, "log has no scale"),
        ("asinh", {"scale": 0}, "The scale must be above 0"),
    ],
)
def test_errors_say_where(method, options, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        transform(pd.Series([1.0, 0.0, -0.5], index=[10, 11, 12]), method, **options)


@pytest.mark.parametrize("method", METHODS)
def test_missing_value_is_an_error(method):
    with pytest.raises(InputError, match="row 1: nan has no value"):
        transform(pd.Series([1.0, np.nan]), method)


def test_ratio_of_geometric_means():
    frame = rows()
    model = fitted(transform(frame["value"], "log"))
    pairs = [("stimulation", "control")]
    table = back_transform_contrasts(planned_contrasts(model, pairs, "kenward-roger"), "log").iloc[0]
    geometric = frame.assign(value=np.log(frame["value"])).groupby("condition")["value"].mean()
    assert table["ratio"] == pytest.approx(np.exp(geometric["stimulation"] - geometric["control"]))
    assert table["ratio_ci_lower"] < 3 < table["ratio_ci_upper"]
    assert table["ratio_ci_lower"] * table["ratio_ci_upper"] == pytest.approx(table["ratio"] ** 2)
    # Another unit of measurement changes nothing.
    other = fitted(transform(frame["value"] * 1000, "log"))
    again = back_transform_contrasts(planned_contrasts(other, pairs, "kenward-roger"), "log").iloc[0]
    names = ["ratio", "ratio_ci_lower", "ratio_ci_upper", "p"]
    np.testing.assert_allclose(again[names].astype(float), table[names].astype(float), rtol=1e-6)


@pytest.mark.parametrize(
    ("method", "options"),
    [("none", {}), ("log", {"offset": 0.2}), ("sqrt", {"offset": 0.2}), ("asinh", {"scale": 0.5})],
)
def test_means_come_back(method, options):
    values = transform(VALUES, method, **options)
    table = pd.DataFrame({"estimate": values, "ci_lower": values, "ci_upper": values, "warning": ""})
    found = back_transform_means(table, method, **options)
    for name in ("back_transformed", "back_transformed_ci_lower", "back_transformed_ci_upper"):
        np.testing.assert_allclose(found[name], VALUES)
    assert (found["warning"] == "").all()
    assert found.columns[-1] == "warning"


def test_interval_of_roots_stops_at_zero():
    table = pd.DataFrame({"estimate": [1.0], "ci_lower": [-0.5], "ci_upper": [2.5], "warning": [""]})
    assert back_transform_means(table, "sqrt", offset=0.1)["back_transformed_ci_lower"][0] == -0.1


def test_what_does_not_come_back_says_so():
    model = fitted(transform(rows()["value"], "inverse_normal_ranks"))
    means = back_transform_means(condition_means(model, "satterthwaite"), "inverse_normal_ranks")
    assert means["back_transformed"].isna().all()
    assert (means["warning"] == "scale of ranks: no value in units of the outcome").all()
    contrasts = planned_contrasts(model, [("stimulation", "control")], "satterthwaite")
    for method in ("sqrt", "asinh", "inverse_normal_ranks"):
        table = back_transform_contrasts(contrasts, method)
        assert np.isnan(table["ratio"][0])
        assert table["warning"][0].startswith(f"{method} scale: a difference has no counterpart")
    table = back_transform_contrasts(contrasts, "log", offset=0.5)
    assert table["warning"][0] == "ratio of geometric means of the outcome plus 0.5"
