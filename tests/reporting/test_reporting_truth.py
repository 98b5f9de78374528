import numpy as np
import pandas as pd
import pytest
from made_up_results import text_of

from pictrial.reporting.figures import write_figure
from pictrial.reporting.truth_comparison import (
    compare_contrasts,
    compare_pairs,
    compare_units,
    compare_with_truth,
    write_truth_comparison,
)
from pictrial.reporting.truth_figure import draw_truth_comparison, truth_caption
from pictrial.seeds import random_generator
from pictrial.tables import read_table

RATE = 2048.0


def train(name: str, rate: float = 10.0) -> np.ndarray:
    """A train of 200 discharges, s."""
    return np.cumsum(random_generator(1, name).gamma(60, 1 / (60 * rate), 200))


@pytest.fixture(scope="module")
def truth():
    return {("01", "1"): {unit: train(unit) for unit in ("t1", "t2", "t3")}}


@pytest.fixture(scope="module")
def estimated(truth):
    true = truth["01", "1"]
    half = np.sort(np.concatenate([true["t2"][::2], train("noise", 5.0)]))
    found = {
        "a": true["t1"] + 0.005,
        "b": np.delete(true["t2"], slice(0, 10)),
        "c": half,
        "d": train("other"),
    }
    return {("01", "1"): found}


@pytest.fixture(scope="module")
def units(estimated, truth):
    return compare_units(estimated, truth, RATE)


@pytest.fixture(scope="module")
def pairs():
    return pd.DataFrame(
        {
            "participant": "01",
            "session": "1",
            "control_unit": ["a", "a", "a", "b"],
            "test_unit": ["b", "d", "c", "a"],
            "delta_f": [2.5, 3.0, 1.0, 9.0],
            "passed": [True, True, True, False],
        }
    )


@pytest.fixture(scope="module")
def true_pairs():
    return pd.DataFrame(
        {
            "participant": "01",
            "session": "1",
            "control_unit": ["t1", "t2"],
            "test_unit": ["t2", "t1"],
            "true_delta_f": [2.0, np.nan],
        }
    )


@pytest.fixture(scope="module")
def true_effects():
    return pd.DataFrame(
        {
            "outcome": "delta_f",
            "condition": ["stimulation", "relaxation"],
            "reference": "control",
            "effect": [-1.5, 5.0],
        }
    )


def test_units_are_matched_after_their_lag(units):
    found = units.set_index("unit_id")
    assert found.loc["a", "true_unit"] == "t1"
    assert found.loc["a", "rate_of_agreement"] == 1
    assert found.loc["a", "lag"] == pytest.approx(0.005, abs=1 / RATE)
    assert found.loc["b", "rate_of_agreement"] == pytest.approx(190 / 200)
    assert found.loc["d", "rate_of_agreement"] < 0.3
    assert found.loc[["b", "c"], "true_unit"].tolist() == ["t2", "t2"]
    assert found.loc[["a", "b", "c"], "duplicate"].tolist() == [False, False, True]


def test_pairs_have_the_truth_of_their_units_or_a_reason(pairs, units, true_pairs):
    table = compare_pairs(pairs, units, true_pairs).set_index(["control_unit", "test_unit"])
    assert len(table) == 3  # the pair that did not pass is not compared
    assert table.loc[("a", "b"), "error"] == pytest.approx(0.5)
    assert pd.isna(table.loc[("a", "b"), "reason"])
    for unknown in (("a", "d"), ("a", "c")):
        assert pd.isna(table.loc[unknown, "error"])
        assert table.loc[unknown, "reason"] == "a unit agrees with no true unit"


def test_contrasts_against_planted_effects(plan, ard, true_effects):
    table = compare_contrasts(plan, ard, true_effects, "delta_f").set_index("contrast")
    assert table["planted"].tolist() == [-1.5, 5.0]
    assert table["covered"].tolist() == [True, False]


def test_summary_tables_and_figure(plan, estimated, truth, pairs, true_pairs, ard, true_effects, tmp_path):
    comparison = compare_with_truth(plan, estimated, truth, RATE, pairs, true_pairs, ard, true_effects)
    summary = comparison.summary.set_index("measure")
    assert summary.loc["units_found_share", "value"] == 2 / 4
    assert summary.loc["delta_f_mean_error", "value"] == pytest.approx(0.5)
    assert summary.loc["delta_f_mean_error", "n"] == 1
    assert summary.loc["pairs_without_truth", "value"] == 2
    assert summary.loc["contrasts_covered"].tolist() == [1, 2]
    for path in write_truth_comparison(comparison, tmp_path):
        assert len(read_table(path, path.stem))
    caption = text_of(truth_caption(plan, comparison))
    assert "50.0 % reach 0.9" in caption
    assert "n = 1 pair with a truth" in caption
    assert "which lie in 1 of 2 intervals" in caption
    assert truth_caption(plan, comparison)[1].sources == ("table:tables/truth_comparison",)
    assert all(
        path.stat().st_size for path in write_figure(draw_truth_comparison(plan, comparison), tmp_path / "f")
    )


def test_units_tracked_to_one_true_unit(truth):
    one, two = truth["01", "1"]["t1"], truth["01", "1"]["t2"]
    true = {("01", session): {"t1": one, "t2": two} for session in "12"}
    swapped = {("01", "1"): {"a": one, "b": two}, ("01", "2"): {"a": one, "b": one + 0.001}}
    units = compare_units(swapped, true, RATE)
    people = units.groupby("unit_id")["true_unit"].nunique()
    assert people.to_dict() == {"a": 1, "b": 2}


def test_nothing_found(plan, true_pairs, ard, true_effects, pairs):
    comparison = compare_with_truth(plan, {}, {}, RATE, pairs.iloc[:0], true_pairs, ard, true_effects)
    assert comparison.summary.set_index("measure").loc["units_found_share", "n"] == 0
    draw_truth_comparison(plan, comparison).draw_without_rendering()
