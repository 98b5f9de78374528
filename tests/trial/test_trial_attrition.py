"""Counts that add up in every stage, reasons by their name, and the same numbers as the other tables."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trial_plans import SAMPLE, SINGLE, changed

from pictrial.decomposition.candidates import DecompositionSettings, rejection
from pictrial.decomposition.quality import Discharges
from pictrial.errors import InputError
from pictrial.motor_units.delta_f import CRITERIA
from pictrial.seeds import random_generator
from pictrial.tables import check_table, load_schema, read_table, write_table
from pictrial.trial.analysis_tables import build_outcomes, build_periods
from pictrial.trial.attrition import _class, compare_before_and_after, count_attrition, stage_counts
from pictrial.trial.plan import load_plan, schedule

PLAN = load_plan(SAMPLE)
CHAIN = ["accepted", "tracking", "usable_rate", "test_units"]
SESSION = ["participant", "session"]


def frame(columns, rows):
    return pd.DataFrame(rows, columns=columns.split()).astype({"reason": "string"})


def drawn_trial(plan, seed):
    """Return tables of a trial in which everything is lost and gained now and then."""
    rng = random_generator(seed, "attrition")
    reasons = ["silhouette 0.7, 0.9 needed; 1 discharges, 20 needed", "no match: similarity 0.3", "odd: 3"]
    candidates, matches, tracked, units, pairs = [], [], [], [], []
    for planned in plan.sessions:
        where = (planned.participant, planned.session)
        names = [f"MU{n}" for n in range(5)]
        found = [name for name in names if rng.random() < 0.7]
        own = [name for name in found if rng.random() < 0.8]
        gone = [f"x{n}" for n in range(rng.integers(3))]
        candidates += [(*where, f"c{n}", True, None) for n in range(len(own) + len(gone))]
        candidates += [(*where, f"r{n}", False, rng.choice(reasons)) for n in range(rng.integers(4))]
        matches += [(*where, name, name, None) for name in own]
        matches += [(*where, name, None, "not_confirmed") for name in gone]
        matches += [(*where, None, name, "found_by_tracking") for name in found if name not in own]
        tracked += [
            (*where, name, name in found, None if name in found else rng.choice(reasons)) for name in names
        ]
        usable = [name for name in found if rng.random() < 0.8]
        units += [(*where, name, None if name in usable else "too_few_discharges: 2 of 7") for name in found]
        for control in found:
            for test in found:
                if control != test:
                    passed = control in usable and test in usable and rng.random() < 0.3
                    failed = ";".join(name for name in CRITERIA if rng.random() < 0.4) or "saturation"
                    pairs.append((*where, control, test, passed, None if passed else failed, 3.0))
    quality = "participant session unit_id accepted reason"
    return {
        "candidates": frame(quality, candidates),
        "matches": frame("participant session before after reason", matches),
        "tracked": frame(quality, tracked),
        "units": frame("participant session unit_id reason", units).rename(columns={"reason": "excluded"}),
        "pairs": frame("participant session control_unit test_unit passed reason delta_f", pairs),
    }


def reasons_of(attrition, stage, session="1", participant="01"):
    rows = attrition[(attrition["stage"] == stage) & (attrition["participant"] == participant)]
    rows = rows[(rows["session"] == session) & rows["reason"].notna()]
    return rows.set_index("reason")[["n_lost", "n_gained"]].T.to_dict("list")


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_every_stage_adds_up_and_agrees_with_the_periods(seed):
    tables = drawn_trial(PLAN, seed)
    attrition = count_attrition(PLAN, **tables)
    stages = list(load_schema("attrition")["columns"]["stage"]["Levels"])
    assert list(attrition["stage"].unique()) == stages
    by_stage = attrition.groupby([*SESSION, "stage"])
    assert len(attrition[[*SESSION, "stage", "n_in", "n_kept"]].drop_duplicates()) == by_stage.ngroups
    sums = by_stage.agg({"n_in": "first", "n_lost": "sum", "n_gained": "sum", "n_kept": "first"})
    assert (sums["n_in"] - sums["n_lost"] + sums["n_gained"] == sums["n_kept"]).all()
    assert len(sums) == len(stages) * len(PLAN.sessions)
    for before, after in pairwise(CHAIN):
        kept, entered = stage_counts(attrition, before)["n_kept"], stage_counts(attrition, after)["n_in"]
        assert kept.tolist() == entered.tolist(), after

    calendar, pairs = schedule(PLAN), tables["pairs"]
    values = (
        pairs[pairs["passed"]]
        .groupby([*SESSION, "test_unit"])["delta_f"]
        .agg(delta_f="mean", n_controls="count")
        .assign(standard_error=0.1)
    )
    outcomes = build_outcomes(
        PLAN,
        calendar,
        {
            "delta_f": values.rename_axis([*SESSION, "unit_id"])
            .reset_index()
            .rename(columns={"delta_f": "value"})
        },
    )
    periods = build_periods(calendar, tables["candidates"], tables["units"], pairs, outcomes)
    for column, stage in {
        "n_units": "tracking",
        "n_units_tracked": "every_session",
        "n_pairs_passed": "passing_pairs",
        "n_test_units": "test_units",
    }.items():
        assert stage_counts(attrition, stage)["n_kept"].tolist() == periods[column].tolist(), column
    for stage, n_in in (("found", "n_units"), ("delta_f", "n_test_units")):
        assert stage_counts(attrition, stage)["n_kept"].tolist() == periods[n_in].tolist(), stage
    rejected = stage_counts(attrition, "accepted")
    assert (rejected["n_in"] - rejected["n_kept"]).tolist() == periods["n_units_rejected"].tolist()
    assert (
        (stage_counts(attrition, "delta_f")["n_in"]).tolist()
        == (
            outcomes.groupby(SESSION)
            .size()
            .reindex(pd.MultiIndex.from_frame(calendar[SESSION]), fill_value=0)
        ).tolist()
    )


# Participant 01: a, b in every session; c found by tracking alone in session 1, and d only there.
UNITS = frame(
    "participant session unit_id reason",
    [("01", session, unit, None) for session in "123" for unit in "ab"]
    + [("01", "1", "c", None), ("01", "2", "c", "too_few_discharges: 3 of 7"), ("01", "1", "d", None)],
).rename(columns={"reason": "excluded"})
TABLES = {
    "candidates": frame(
        "participant session unit_id accepted reason",
        [("01", "1", f"MU{n}", True, None) for n in range(4)]
        + [("01", "1", "r1", False, "silhouette 0.700, 0.9 needed; 30% of intervals below 25 ms, 5% allowed")]
        + [("01", "1", "r2", False, "duplicate of another candidate")],
    ),
    "matches": frame(
        "participant session before after reason",
        [("01", "1", f"MU{n}", unit, None) for n, unit in enumerate("abd")]
        + [("01", "1", "MU3", None, "not_confirmed"), ("01", "1", None, "c", "found_by_tracking")]
        + [("01", session, f"MU{n}", unit, None) for session in "23" for n, unit in enumerate("ab")]
        + [("01", "2", "MU2", "c", None)],
    ),
    "tracked": frame(
        "participant session unit_id accepted reason",
        [("01", session, unit, True, None) for session in "123" for unit in "ab"]
        + [("01", "1", "c", True, None), ("01", "1", "d", True, None), ("01", "2", "c", True, None)]
        + [("01", "2", "d", False, "no match: similarity of potentials 0.30, 0.85 needed")]
        + [("01", "3", "c", False, "duplicate of a in this recording")]
        + [("01", "3", "d", False, "no match: similarity of potentials 0.40")],
    ),
    "units": UNITS,
    "pairs": frame(
        "participant session control_unit test_unit passed reason",
        [
            ("01", "1", "a", "b", True, None),
            ("01", "1", "b", "a", False, "test_recruited_first"),
            ("01", "1", "a", "c", False, "correlation;saturation"),
            ("01", "1", "b", "c", False, "recruitment_gap"),
            ("01", "2", "b", "c", False, "test_too_few_discharges"),
            ("01", "3", "a", "b", False, "modulation"),
        ],
    ),
}


@pytest.fixture(scope="module")
def attrition():
    return count_attrition(PLAN, **TABLES)


def test_losses_and_gains_have_their_names(attrition):
    assert reasons_of(attrition, "accepted") == {"silhouette": [1, 0], "duplicate": [1, 0]}
    assert reasons_of(attrition, "tracking") == {"not_confirmed": [1, 0], "found_by_tracking": [0, 1]}
    assert reasons_of(attrition, "decomposed") == {"found_by_tracking": [1, 0]}
    assert reasons_of(attrition, "found") == {}
    assert reasons_of(attrition, "found", "3") == {"duplicate": [1, 0], "no_matching_potential": [1, 0]}
    assert reasons_of(attrition, "every_session") == {
        "not_in_every_session": [1, 0],
        "in_this_session_only": [1, 0],
    }
    assert reasons_of(attrition, "every_session", "2") == {"not_in_every_session": [1, 0]}
    assert reasons_of(attrition, "usable_rate", "2") == {"too_few_discharges": [1, 0]}
    assert reasons_of(attrition, "passing_pairs") == {
        "correlation": [1, 0],
        "recruitment_gap": [1, 0],
        "test_recruited_first": [1, 0],
    }


def test_a_unit_without_delta_f_has_the_criterion_at_which_its_best_control_failed(attrition):
    # c fails the correlation with a, but only the gap with b: a came further.
    assert reasons_of(attrition, "test_units") == {
        "correlation": [1, 0],
        "no_other_unit": [1, 0],
        "test_recruited_first": [1, 0],
    }


def test_test_units_of_a_participant_are_those_with_a_value_anywhere(attrition):
    counts = stage_counts(attrition, "delta_f").head(3)
    assert counts["n_in"].tolist() == [1, 1, 1]
    assert counts["n_kept"].tolist() == [1, 0, 0]
    assert reasons_of(attrition, "delta_f", "3") == {"modulation": [1, 0]}
    assert reasons_of(attrition, "delta_f", "2") == {"no_other_unit": [1, 0]}


def test_sessions_without_anything_are_rows_of_zeros(attrition):
    rows = attrition[(attrition["participant"] == "06") & (attrition["stage"] != "recordings")]
    assert len(rows) == 3 * 10
    assert (rows[["n_in", "n_lost", "n_gained", "n_kept"]] == 0).all(axis=None)


def test_a_missing_session_is_lost_at_the_first_stage_and_nowhere_else(tmp_path):
    def without(content):
        content["missing_sessions"] = [{"participant": "02", "session": "1", "reason": "ill"}]

    plan = load_plan(changed(tmp_path, without))
    attrition = check_table(count_attrition(plan, **TABLES), "attrition", "test")
    rows = attrition[(attrition["participant"] == "02") & (attrition["session"] == "1")]
    assert rows[["condition", "stage", "n_in", "reason", "n_lost", "n_kept"]].to_numpy().tolist() == [
        ["stimulation", "recordings", 1, "ill", 1, 0]
    ]
    assert stage_counts(attrition, "recordings")["n_in"].sum() == 18


def test_units_in_every_session_that_took_place_are_complete(tmp_path):
    def without(content):
        content["missing_sessions"] = [{"participant": "01", "session": "3", "reason": "ill"}]

    plan = load_plan(changed(tmp_path, without))
    tables = {name: table[table["session"] != "3"] for name, table in TABLES.items()}
    counts = stage_counts(count_attrition(plan, **tables), "every_session")
    assert counts.loc[counts["participant"] == "01", "n_kept"].tolist() == [3, 3]


@pytest.mark.parametrize("name", ["candidates", "units", "pairs", "matches"])
def test_a_session_outside_the_schedule_is_refused(name):
    foreign = TABLES | {name: TABLES[name].replace({"session": {"3": "7", "1": "7"}})}
    with pytest.raises(InputError, match="session 7 is not in the schedule"):
        count_attrition(PLAN, **foreign)


def test_from_files_and_with_one_session(tmp_path):
    plan = load_plan(SINGLE)
    tables = {name: table[table["session"] == "1"] for name, table in TABLES.items()}
    write_table(count_attrition(plan, **tables), tmp_path / "attrition.tsv", "attrition")
    attrition = read_table(tmp_path / "attrition.tsv", "attrition")
    assert stage_counts(attrition, "every_session")["n_kept"].tolist() == [4]
    assert stage_counts(attrition, "found")[["n_in", "n_kept"]].to_numpy().tolist() == [[4, 4]]


def test_reasons_of_the_decomposition_are_known():
    rng = random_generator(1, "reasons")
    few = Discharges(np.sort(rng.integers(0, 20_000, 5)), 0.5, 20.0, 0.3)
    short = Discharges(np.arange(0, 4000, 20), 0.95, 30.0, 0.3)
    rejected = rejection(few, 2048.0, DecompositionSettings()).split("; ")
    rejected += rejection(short, 2048.0, DecompositionSettings()).split("; ")
    named = {_class(reason) for reason in rejected}
    assert named == {"too_few_discharges", "silhouette", "short_intervals", "probability"}
    assert _class("removed in editing by me: silhouette is low") == "removed_in_editing"
    assert _class("nobody knows; silhouette 0.1, 0.9 needed") == "nobody knows"


def test_units_are_told_by_their_discharges_before_and_after_tracking():
    rng = random_generator(1, "trains")

    def train():
        return np.cumsum(rng.normal(0.1, 0.02, 100).clip(0.03))

    kept, merged, gone, new = train(), train(), train(), train()
    half = np.sort(np.concatenate([merged[::2], merged[1::2][:10]]))
    before = {"MU1": half, "MU2": kept, "MU3": gone, "MU4": merged}
    after = {"MU1": merged, "MU7": kept + 0.004, "MU8": new}
    found = compare_before_and_after(before, after, 0.3)
    assert [tuple(None if pd.isna(x) else x for x in row) for row in found.to_numpy()] == [
        ("MU1", None, "duplicate"),
        ("MU2", "MU7", None),
        ("MU3", None, "not_confirmed"),
        ("MU4", "MU1", None),
        (None, "MU8", "found_by_tracking"),
    ]
    assert compare_before_and_after({}, {}, 0.3).empty
