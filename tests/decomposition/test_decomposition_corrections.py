"""Isolated discharges are removed, unusual ones listed; a stated probability follows from what is seen."""

import numpy as np
import pytest

from pictrial.decomposition.candidates import DecompositionSettings, rejection
from pictrial.decomposition.confidence import COEFFICIENTS, INTERCEPT, features, probability_right
from pictrial.decomposition.corrections import correct_discharges
from pictrial.decomposition.quality import Discharges, short_interval_share

RATE = 2048.0
REGULAR = np.arange(2048, 20480, 205)


def test_a_late_isolated_discharge_is_removed_and_logged():
    train = np.append(REGULAR, REGULAR[-1] + 3000)
    kept, log = correct_discharges("MU01", train, RATE)
    np.testing.assert_array_equal(train[kept], REGULAR)
    assert log[["unit_id", "operation"]].to_numpy().tolist() == [["MU01", "removed"]]
    assert log["onset"].tolist() == pytest.approx([train[-1] / RATE])


def test_isolated_discharges_at_the_beginning_are_removed_up_to_two_of_them():
    kept, _ = correct_discharges("MU01", np.concatenate([[0, 200], REGULAR + 3000]), RATE)
    assert (~kept).sum() == 2 and not kept[:2].any()
    kept, log = correct_discharges("MU01", np.concatenate([[0, 200, 400], REGULAR + 3000]), RATE)
    assert kept.all(), "three are a period of activity"
    assert log["reason"].tolist() == ["after a pause of 2.27 s"]


def test_doublets_and_pauses_are_kept_and_listed_in_order():
    train = np.sort(np.concatenate([REGULAR[:40], [REGULAR[10] + 25], REGULAR[40:] + 1300]))
    kept, log = correct_discharges("MU07", train, RATE)
    assert kept.all()
    assert log["operation"].tolist() == ["kept", "kept"]
    assert log["reason"].str.contains("doublet").tolist() == [True, False]
    assert log["onset"].is_monotonic_increasing


def test_half_of_a_split_train_is_a_row_at_its_first_discharge():
    late = np.append(REGULAR, REGULAR[-1] + 3000)
    _, log = correct_discharges("MU02", late, RATE, split=True)
    assert log["operation"].tolist() == ["split", "removed"]
    assert log["onset"][0] == pytest.approx(REGULAR[0] / RATE)
    assert "two units" in log["reason"][0]


def test_a_regular_train_and_a_short_one_are_left_alone():
    for train in (REGULAR, np.array([0, 5000, 10000])):
        kept, log = correct_discharges("MU01", train, RATE)
        assert kept.all() and not log["operation"].eq("removed").any()


def test_merged_trains_have_short_intervals_and_an_irregular_one_has_not():
    merged = np.sort(np.concatenate([REGULAR, REGULAR + 30 + np.arange(len(REGULAR)) % 50]))
    assert short_interval_share(merged, RATE) > 0.2
    irregular = np.cumsum(np.where(np.arange(100) % 2, 120, 400))
    assert short_interval_share(irregular, RATE) == 0
    assert np.isnan(short_interval_share(np.array([7]), RATE))


def test_the_probability_is_the_logistic_function_of_its_features():
    good = Discharges(REGULAR, 0.97, 22.0, 0.05)
    values = features(good, RATE)
    assert values["height_variability"] == pytest.approx(np.log(0.05))
    assert values["number"] == pytest.approx(np.log(len(REGULAR)))
    logit = INTERCEPT + sum(COEFFICIENTS[name] * value for name, value in values.items())
    assert probability_right(good, RATE) == pytest.approx(1 / (1 + np.exp(-logit)))
    assert probability_right(good, RATE) > 0.95
    worse = probability_right(Discharges(REGULAR, 0.86, 14.0, 0.25), RATE)
    assert (
        worse < probability_right(Discharges(REGULAR, 0.86, 14.0, 0.05), RATE) < probability_right(good, RATE)
    )
    assert np.isnan(probability_right(Discharges(REGULAR, 0.97, 22.0), RATE))


def test_what_discharges_once_a_second_is_no_motor_unit():
    slow = Discharges(np.arange(30) * 2048, 0.99, 25.0, 0.03)
    assert "no motor unit discharges so slowly" in rejection(slow, RATE, DecompositionSettings())
    assert rejection(Discharges(REGULAR, 0.99, 25.0, 0.03), RATE, DecompositionSettings()) == ""
