"""Descriptive numbers are the counts of the tables, counted here row by row, and nothing is lost unsaid."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, stdev

import pandas as pd
import pytest
from made_up_trial import losing, made_up_tables

from pictrial.statistics.trial_descriptives import describe_trial
from pictrial.statistics.trial_flow import same_words
from pictrial.tables import check_table
from pictrial.trial.plan import load_plan

CONFIG = Path(__file__).resolve().parents[2] / "config"
TRIALS = {
    "crossover": (CONFIG / "trial.yaml", 3),
    "parallel": (CONFIG / "spasticity" / "trial.yaml", 4),
    "experiments": (CONFIG / "two_experiments" / "trial.yaml", 4),
    "single": (CONFIG / "vastus_lateralis" / "trial.yaml", 0),
}


def shas(tables):
    return {name: f"{number:064x}" for number, name in enumerate(tables)}


@pytest.fixture(scope="module", params=TRIALS)
def described(request):
    """A trial that loses sessions, values and motor units: plan, tables, values of the ARD by key."""
    path, n_missing = TRIALS[request.param]
    plan = losing(load_plan(path), n_missing)
    tables = made_up_tables(plan)
    ard = check_table(describe_trial(plan, tables, shas(tables)), "ard", "test")
    assert not ard["ard_id"].duplicated().any()
    keys = zip(ard["analysis"], ard["outcome"], ard["contrast_or_level"], ard["statistic"], strict=True)
    values = dict(zip(keys, ard["value"], strict=True))
    assert len(values) == len(ard)
    return plan, tables, values


def parts_of(plan):
    """Return every analysis' suffix with the sequences of its people."""
    return {f"_{name}" if name else "": plan.sequences_of(name) for name in plan.experiments or [None]}


def small_crossover():
    plan = load_plan(TRIALS["crossover"][0])
    outcomes, analyses = {"delta_f": plan.outcomes["delta_f"]}, {"primary": plan.analyses["primary"]}
    return replace(plan, outcomes=outcomes, analyses=analyses)


def rows(table):
    return table.astype(object).where(table.notna(), None).to_dict("records")


def test_sessions_are_counted_as_planned_delivered_and_analysed(described):
    plan, tables, values = described
    for suffix, sequences in parts_of(plan).items():
        expected = Counter()
        for one in rows(tables["delivery"]):
            if one["sequence"] not in sequences:
                continue
            for group in (one["sequence"], "all"):
                cell = f"{group}, period {one['period']}"
                expected[cell, "n_planned"] += 1
                missing = one["status"] == "missing"
                expected[cell, "n_not_delivered" if missing else "n_delivered"] += 1
                if missing:
                    expected[f"{cell}, {one['reason']}", "n_not_delivered"] += 1
        found = {key[2:]: n for key, n in values.items() if key[:2] == (f"flow{suffix}", "sessions") and n}
        assert found == expected
    if plan.missing_sessions:
        assert any(key[3] == "n_not_delivered" and n for key, n in values.items())


def test_participants_are_analysed_or_not_with_the_reason(described):
    plan, tables, values = described
    for suffix, sequences in parts_of(plan).items():
        included, codes, n_values = {}, {}, Counter()
        for one in rows(tables["populations"]):
            if one["sequence"] in sequences:
                key = (one["outcome"], one["sequence"], one["population"], one["participant"])
                included[key] = included.get(key, False) or one["included"]
                codes.setdefault(key, []).append(one["reason_code"])
                n_values[key[:3]] += one["n_values"]
        expected = Counter()
        for (outcome, sequence, population, _), inside in included.items():
            expected[outcome, f"{sequence}, {population}", "n_analysed" if inside else "n_not_analysed"] += 1
        for (outcome, sequence, population), n in n_values.items():
            expected[outcome, f"{sequence}, {population}", "n_values"] = n
        checked = 0
        for (analysis, outcome, level, statistic), value in values.items():
            at = level.split(", ")
            if (
                analysis == f"flow{suffix}"
                and len(at) == 2
                and at[0] in sequences
                and at[1] in plan.populations
            ):
                assert value == expected[outcome, level, statistic]
                checked += 1
        assert checked >= 3 * len({sequence for _, sequence, _, _ in included})
        for (analysis, outcome, level, statistic), value in values.items():
            if analysis == f"flow{suffix}" and statistic == "n_not_analysed" and level.count(", ") == 1:
                parts = [
                    n
                    for key, n in values.items()
                    if key[:2] == (analysis, outcome)
                    and key[3] == statistic
                    and key[2].startswith(f"{level}, ")
                ]
                assert sum(parts) == value


def test_what_goes_in_stays_or_is_lost(described):
    plan, _, values = described
    sums = {
        "n_planned": (("n_delivered", 1), ("n_not_delivered", 1)),
        "n_in": (("n_kept", 1), ("n_lost", 1), ("n_gained", -1)),
    }
    n = 0
    for (*where, statistic), value in values.items():
        for name, sign in sums.get(statistic, ()):
            value -= sign * values[(*where, name)]
        if statistic in sums:
            assert value == 0, where
            n += 1
        if statistic == "n_with_value":
            held = values[where[0], "sessions", where[2], "n_delivered"]
            assert value + values[(*where, "n_without_value")] == held
            level = f"{where[2]}, {plan.everyone}"
            planned = values[where[0], "sessions", where[2], "n_planned"]
            assert values[where[0], where[1], level, "n_analysed"] == value
            assert values[where[0], where[1], level, "n_not_analysed"] == planned - value
    assert n > 10
    # The sequences add up to all, and the periods hold everybody.
    for suffix, sequences in parts_of(plan).items():
        allocated = [
            values.get((f"flow{suffix}", "participants", one, "n_allocated"), 0) for one in sequences
        ]
        assert sum(allocated) == values[f"flow{suffix}", "participants", "all", "n_allocated"]
        assert sum(allocated) == sum(plan.participants[one] in sequences for one in plan.participants)


def test_every_stage_is_that_of_the_attrition_table(described):
    plan, tables, values = described
    for suffix, sequences in parts_of(plan).items():
        expected, seen = Counter(), set()
        for one in rows(tables["attrition"]):
            if plan.participants[one["participant"]] not in sequences:
                continue
            session = (one["participant"], one["session"], one["stage"])
            for condition in (one["condition"], "all"):
                where = (one["stage"], condition)
                for name in ("n_in", "n_kept"):
                    expected[(*where, name)] += 0 if session in seen else one[name]
                for name in ("n_lost", "n_gained"):
                    expected[(*where, name)] += one[name]
                    if one["reason"]:
                        expected[one["stage"], f"{condition}, {one['reason']}", name] += one[name]
            seen.add(session)
        here = {k[1:]: n for k, n in values.items() if k[0] == f"attrition{suffix}" and k[1] != "model"}
        assert {key: n for key, n in here.items() if n} == {key: n for key, n in expected.items() if n}


def test_the_model_is_given_the_test_units(described):
    plan, _, values = described
    of_delta_f = [k for k in values if k[1] == "model" and k[3] == "n_in" and k[2] != "all"]
    for analysis, _, condition, _ in of_delta_f:
        assert (
            values[analysis, "model", condition, "n_in"]
            == values[analysis, "test_units", condition, "n_kept"]
        )
    analyses = {a.experiment for a in plan.analyses.values() if plan.outcomes[a.outcome].measure == "delta_f"}
    assert {k[0] for k in of_delta_f} == {f"attrition_{e}" if e else "attrition" for e in analyses}


def test_baseline_and_cells_are_means_of_participants(described):
    plan, tables, values = described
    for suffix, sequences in parts_of(plan).items():
        people = [one for one in rows(tables["participants"]) if one["sequence"] in sequences]
        ages = [one["age"] for one in people if one["age"] is not None]
        key = (f"baseline{suffix}", "age", "all")
        assert values[(*key, "n_values")] == len(ages)
        assert values[(*key, "median")] == median(ages)
        assert (values[(*key, "minimum")], values[(*key, "maximum")]) == (min(ages), max(ages))
        if len(ages) > 1:
            assert values[(*key, "mean")] == pytest.approx(fmean(ages))
            assert values[(*key, "sd")] == pytest.approx(stdev(ages))
        sexes = Counter(one["sex"] or "not recorded" for one in people)
        for sex, n in sexes.items():
            assert values[f"baseline{suffix}", "sex", f"all, {sex}", "n_participants"] == n
        start = plan.baseline or plan.reference
        for analysis, condition, period in (("baseline", start, None), ("by_period", start, 1)):
            of = {}
            for one in rows(tables["outcomes"]):
                there = one["sequence"] in sequences and one["value"] is not None
                if there and one["condition"] == condition and period in (None, one["period"]):
                    of.setdefault(one["outcome"], {}).setdefault(one["participant"], []).append(one["value"])
            for outcome, each in of.items():
                level = f"{condition}, period {period}" if period else "all"
                key = (f"{analysis}{suffix}", outcome, level)
                means = [fmean(one) for one in each.values()]
                assert values[(*key, "n_participants")] == len(means)
                assert values[(*key, "n_values")] == sum(map(len, each.values()))
                assert values[(*key, "mean")] == pytest.approx(fmean(means))
                if len(means) > 1:
                    assert values[(*key, "sd")] == pytest.approx(stdev(means))


def test_harms_are_counted_by_the_delivered_condition(described):
    plan, tables, values = described
    events = [one for one in rows(tables["recorded_events"]) if one["kind"] == "adverse_event"]
    for suffix, sequences in parts_of(plan).items():
        here = [one for one in events if one["sequence"] in sequences]
        for condition in plan.conditions:
            those = [one for one in here if one["condition"] == condition]
            key = (f"harms{suffix}", "adverse_events", condition)
            if (*key, "n_exposed") not in values:
                assert not those
                continue
            assert values[(*key, "n_adverse_events")] == len(those)
            assert values[(*key, "n_with_event")] == len({one["participant"] for one in those})
            for severity in ("mild", "moderate", "severe"):
                n = sum(one["severity"] == severity for one in those)
                assert values[(*key[:2], f"{condition}, {severity}", "n_adverse_events")] == n
            related = sum(one["relatedness"] == "possible" for one in those)
            assert values[(*key[:2], f"{condition}, related", "n_adverse_events")] == related


def test_events_that_nobody_recorded_are_not_none():
    plan = small_crossover()
    tables = made_up_tables(plan)
    empty = dict(tables, recorded_events=tables["recorded_events"].iloc[:0])
    harms = {}
    without = {name: table for name, table in empty.items() if name != "recorded_events"}
    for name, given in {"none": empty, "unknown": without}.items():
        ard = describe_trial(plan, given, shas(tables))
        harms[name] = ard[(ard["analysis"] == "harms") & (ard["statistic"] == "n_adverse_events")]
    assert (harms["none"]["value"] == 0).all() and len(harms["none"]) > 10
    assert harms["unknown"]["value"].isna().all()
    assert harms["unknown"]["warning"].str.contains("no table of adverse events").all()


def test_a_session_of_another_condition_is_told_apart():
    plan = small_crossover()
    tables = made_up_tables(plan)
    delivery = tables["delivery"].copy()
    swapped = (delivery["participant"] == "01") & (delivery["period"] == 2)
    delivery.loc[swapped, ["status", "delivered_condition"]] = ["other_condition", "relaxation"]
    ard = describe_trial(plan, dict(tables, delivery=delivery), shas(tables)).set_index("ard_id")["value"]
    of = "flow.sessions.sessions.CSR_period_2"
    assert (ard[f"{of}.n_delivered"], ard[f"{of}.n_other_condition"]) == (1, 1)
    assert pd.isna(ard.get(f"{of}_reason.n_not_delivered", float("nan")))
    # Relaxation was given to one session more, but to the same six people; stimulation to one person less.
    assert ard["harms.adverse_events.condition.stimulation.n_exposed"] == 5
    assert ard["harms.adverse_events.condition.relaxation.n_exposed"] == 6


def test_reasons_in_other_wording_are_one():
    texts = pd.Series(["moved away", "Moved, away", "ill", "moved away."])
    assert same_words(texts).tolist() == ["Moved, away", "Moved, away", "ill", "Moved, away"]
