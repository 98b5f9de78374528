"""The multiverse of ΔF: every combination once, each as if it had been estimated alone."""

import functools
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from motor_unit_trains import arch, train_at_rate

from pictrial.errors import InputError
from pictrial.motor_units import smoothing
from pictrial.motor_units.aggregation import AGGREGATIONS, composite_delta_f, unit_delta_f
from pictrial.motor_units.delta_f import estimate_delta_f, judge_pairs
from pictrial.motor_units.pair_measures import measure_pairs
from pictrial.motor_units.sensitivity import MAIN, SensitivitySettings, rules_of, rules_table, vary_delta_f
from pictrial.tables import check_table

CONFIG = yaml.safe_load((Path(__file__).resolve().parents[2] / "config" / "config.yaml").read_text())
SECTION = {
    "smoother": "polynomial",
    "smoothers": {"polynomial": {"order": 3}, "hanning": {"width": 1.5}},
    "limits": {"isi_max": 0.4},
    "criteria": {"recruitment_gap": 1.0, "overlap_discharges": 5},
    "sensitivity": {
        "smoothers": [
            {"smoother": "polynomial"},
            {"smoother": "polynomial", "order": 5},
            {"smoother": "hanning"},
        ],
        "correlation_rule": ["r", "r2"],
        "recruitment_gap": [1.0, 3.5],
        "derecruitment_gap": [None, 1.0],
    },
}


def units(session):
    """Return four units of a ramp, recruited one after the other; no polynomial is exactly their rate."""

    def rate(n):
        smooth = arch(peak=15 - n - 0.3 * session, curvature=0.06 + 0.01 * n, middle=10)
        return lambda t: smooth(t) + 0.5 * np.sin(t)

    return {f"unit{n}": train_at_rate(rate(n), 1.5 + 1.6 * n, 18.5 - 1.2 * n) for n in range(4)}


SESSIONS = {("07", str(number)): units(number) for number in (1, 2)}


@pytest.fixture(scope="module")
def rules():
    return rules_of(SECTION)


@pytest.fixture(scope="module")
def varied(rules):
    return vary_delta_f(SESSIONS, rules)


def choice(rule):
    criteria = rule.criteria
    return (
        rule.rates.smoother,
        tuple(rule.rates.constants.items()),
        criteria.correlation_rule,
        criteria.recruitment_gap,
        criteria.derecruitment_gap,
    )


def test_every_combination_is_a_rule_once_after_the_main_one(rules):
    constants = [
        ("polynomial", (("order", 3), ("interval_share", 0.5))),
        ("polynomial", (("order", 5), ("interval_share", 0.5))),
        ("hanning", (("width", 1.5),)),
    ]
    expected = [(*rate, *rest) for rate, *rest in product(constants, ["r", "r2"], [1.0, 3.5], [None, 1.0])]
    assert rules[0].name == MAIN
    assert [choice(rule) for rule in rules[1:]] == expected
    assert len({rule.name for rule in rules}) == len(expected) + 1


def test_what_is_not_varied_is_as_in_the_main_rule(rules):
    for rule in rules:
        assert rule.rates.limits.isi_max == 0.4
        assert rule.criteria.overlap_discharges == 5


def test_shipped_grid_has_72_rules_of_which_one_is_the_main_one():
    rules = rules_of(CONFIG["motor_units"])
    choices = [choice(rule) for rule in rules]
    assert len(set(choices)) == len(choices) - 1 == 72
    assert choices.count(choices[0]) == 2
    assert rules_of({})[1:] != [] and SensitivitySettings().recruitment_gap == (0.5, 1.0, 2.0)


def test_table_says_what_each_rule_is(rules):
    table = check_table(rules_table(rules), "delta_f_rules", "test")
    assert table["rule"].tolist() == [rule.name for rule in rules]
    last = table.iloc[-1]
    assert (last["smoother"], last["constants"], last["correlation_rule"]) == ("hanning", "width = 1.5", "r2")
    assert (last["recruitment_gap"], last["derecruitment_gap"], last["overlap_discharges"]) == (3.5, 1.0, 5)
    assert table["derecruitment_gap"].isna().sum() == 1 + 12


def test_rates_are_smoothed_once_for_each_smoother(rules, monkeypatch):
    calls = []

    def counted(name, smooth):
        @functools.wraps(smooth)
        def recorded(times, **settings):
            calls.append((name, settings.get("order"), settings["limits"].isi_max))
            return smooth(times, **settings)

        return recorded

    for name, smooth in list(smoothing.SMOOTHERS.items()):
        monkeypatch.setitem(smoothing.SMOOTHERS, name, counted(name, smooth))
    vary_delta_f(SESSIONS, rules)
    n_trains = sum(map(len, SESSIONS.values()))
    each = [("polynomial", 3, 0.4), ("polynomial", 5, 0.4), ("hanning", None, 0.4)]
    assert {call: calls.count(call) for call in each} == dict.fromkeys(each, n_trains)
    assert len(calls) == len(each) * n_trains


def test_the_rule_that_is_the_main_one_again_has_exactly_its_values(varied):
    main, again = (
        varied[varied["rule"] == rule].drop(columns="rule").reset_index(drop=True)
        for rule in (MAIN, "rule001")
    )
    assert len(main) > 20
    assert set(main["aggregation"]) == set(AGGREGATIONS)
    pd.testing.assert_frame_equal(main, again, check_exact=True)


def test_every_rule_is_as_if_estimated_alone(rules, varied):
    counts = []
    for rule in rules:
        ledgers = [
            estimate_delta_f(discharges, rule.criteria, rule.rates).assign(
                participant=participant, session=session
            )
            for (participant, session), discharges in SESSIONS.items()
        ]
        alone = [
            unit_delta_f(pd.concat(ledgers), name) for name in AGGREGATIONS if name != "composite_control"
        ]
        for ledger, discharges in zip(ledgers, SESSIONS.values(), strict=True):
            alone.append(composite_delta_f(measure_pairs(discharges, rule.rates), ledger))
        expected = pd.concat([table for table in alone if len(table)] or alone[:1], ignore_index=True)
        found = varied[varied["rule"] == rule.name].reset_index(drop=True)
        columns = [
            "participant",
            "session",
            "unit_id",
            "aggregation",
            "delta_f",
            "standard_error",
            "n_controls",
        ]
        pd.testing.assert_frame_equal(found[columns], expected[columns], check_exact=True)
        counts.append(len(found))
    # The rules do differ: a longer gap leaves fewer pairs.
    assert len(set(counts)) > 1


def test_constants_of_a_smoother_change_its_values(varied):
    values = varied[varied["aggregation"] == "mean_over_passing_controls"].set_index(
        ["rule", "session", "unit_id"]
    )
    third, fifth, hanning = (values.loc[rule, "delta_f"] for rule in ("rule001", "rule009", "rule017"))
    assert (third - fifth).abs().max() > 1e-3
    assert (third - hanning).abs().max() > 1e-2


def test_table_meets_its_schema_also_without_units(rules, varied):
    check_table(varied, "delta_f_multiverse", "test")
    empty = {("07", "1"): {}, ("07", "2"): {"unit0": np.array([1.0, 1.1])}}
    assert check_table(vary_delta_f(empty, rules), "delta_f_multiverse", "test").empty
    assert judge_pairs(measure_pairs({}), rules[0].criteria).empty


def test_unknown_constant_is_refused():
    with pytest.raises(InputError, match="no constant 'width'"):
        rules_of({"sensitivity": {"smoothers": [{"smoother": "polynomial", "width": 3}]}})
