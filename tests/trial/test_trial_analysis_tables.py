import pandas as pd
import pytest
from trial_plans import SAMPLE, changed

from pictrial.errors import InputError
from pictrial.tables import check_table, read_table, write_table
from pictrial.trial.analysis_tables import (
    build_exclusions,
    build_outcomes,
    build_participants,
    build_periods,
)
from pictrial.trial.plan import load_plan, schedule
from pictrial.trial.populations import select_population

PLAN = load_plan(SAMPLE)
SCHEDULE = schedule(PLAN)


def table(columns, *rows):
    return pd.DataFrame(rows, columns=columns.split())


# Participant 01 (control, stimulation, relaxation): unit b in all three, unit c lost under stimulation.
UNIT_DELTA_F = table(
    "participant session unit_id delta_f standard_error n_controls sd",
    ("01", "1", "b", 3.0, 0.2, 2, 0.1),
    ("01", "2", "b", 2.5, 0.3, 1, None),
    ("01", "3", "b", 2.0, 0.2, 2, 0.1),
    ("01", "1", "c", 4.0, 0.2, 2, 0.1),
    ("01", "3", "c", 3.0, None, 1, None),
    ("02", "3", "d", -0.5, 0.4, 1, None),
)
UNITS = table(
    "participant session unit_id excluded",
    *[("01", session, unit, None) for session in "123" for unit in "ab"],
    ("01", "1", "c", None),
    ("01", "3", "c", None),
    ("02", "3", "a", None),
    ("02", "3", "d", None),
    ("02", "3", "e", "too_few_discharges: 3 rates of 7"),
)
PAIRS = table(
    "participant session control_unit test_unit passed reason",
    ("01", "1", "a", "b", True, None),
    ("01", "1", "b", "a", False, "test_recruited_first;recruitment_gap"),
    ("01", "1", "a", "c", True, None),
    ("01", "1", "c", "a", False, "test_recruited_first"),
    ("01", "1", "b", "c", False, "correlation"),
    ("02", "3", "a", "d", True, None),
)
QUALITY = table(
    "participant session unit_id accepted reason",
    ("01", "1", "b", True, None),
    ("01", "2", "rejected01", False, "silhouette 0.700, 0.9 needed"),
)
CHANNELS = table(
    "participant session channel status reason",
    ("01", "1", "E01", "good", None),
    ("01", "1", "E13", "bad", "no signal"),
)


@pytest.fixture
def outcomes():
    return build_outcomes(PLAN, SCHEDULE, {"delta_f": UNIT_DELTA_F.rename(columns={"delta_f": "value"})})


def test_each_test_unit_has_a_row_in_every_session(outcomes):
    check_table(outcomes, "outcomes", "test")
    assert len(outcomes) == 3 * 3
    lost = outcomes[(outcomes["unit_id"] == "c") & (outcomes["session"] == "2")].iloc[0]
    assert pd.isna(lost["value"]) and lost["n_controls"] == 0 and lost["condition"] == "stimulation"
    values = outcomes.dropna(subset=["value"]).set_index(["participant", "session", "unit_id"])["value"]
    expected = UNIT_DELTA_F.set_index(["participant", "session", "unit_id"])["delta_f"]
    assert values.to_dict() == expected.to_dict()
    errors = outcomes.set_index(["unit_id", "session"])["standard_error"]
    assert errors["b", "2"] == 0.3 and pd.isna(errors["c", "2"]) and pd.isna(errors["c", "3"])


def test_matched_units_have_a_value_in_every_condition(outcomes):
    assert outcomes.groupby("unit_id")["matched"].unique().map(list).to_dict() == {
        "b": [True],
        "c": [False],
        "d": [False],
    }
    assert len(select_population(outcomes, PLAN.populations["all_units"])) == 6
    assert select_population(outcomes, PLAN.populations["matched_units"])["unit_id"].tolist() == [
        "b",
        "b",
        "b",
    ]


def test_units_of_two_participants_with_one_name_stay_apart():
    shared = UNIT_DELTA_F.replace({"unit_id": {"d": "b"}})
    outcomes = build_outcomes(PLAN, SCHEDULE, {"delta_f": shared.rename(columns={"delta_f": "value"})})
    matched = outcomes.groupby(["participant", "unit_id"])["matched"].first()
    assert matched["01", "b"] and not matched["02", "b"]


def test_the_order_of_the_rows_does_not_matter(outcomes):
    shuffled = UNIT_DELTA_F.sample(frac=1, random_state=3)
    again = build_outcomes(PLAN, SCHEDULE, {"delta_f": shuffled.rename(columns={"delta_f": "value"})})
    pd.testing.assert_frame_equal(again, outcomes)


def test_values_of_participants_stand_beside_those_of_motor_units(outcomes):
    values = table("participant session value", ("01", "1", 4.0), ("01", "2", 0.0), ("01", "3", 1.5))
    both = build_outcomes(
        PLAN,
        SCHEDULE,
        {"delta_f": UNIT_DELTA_F.rename(columns={"delta_f": "value"}), "torque_sustained": values},
    )
    check_table(both, "outcomes", "test")
    pd.testing.assert_frame_equal(both[both["outcome"] == "delta_f"], outcomes)
    torque = both[both["outcome"] == "torque_sustained"].set_index(["participant", "session"])
    assert torque["unit_id"].isna().all() and (torque["n_controls"] == 0).all()
    assert torque.loc["01", "value"].tolist() == [4.0, 0.0, 1.5] and torque.loc["01", "matched"].all()
    assert torque.loc["02", "value"].isna().all() and not torque.loc["02", "matched"].any()


def test_the_previous_condition_is_that_of_the_session_before(outcomes):
    previous = outcomes.drop_duplicates(["participant", "session"]).set_index(["participant", "session"])
    planned = SCHEDULE.set_index(["participant", "session"])["condition"]
    assert (previous.xs("1", level="session")["previous"] == "none").all()
    assert previous.loc[("01", "2"), "previous"] == planned["01", "1"]
    assert previous.loc[("01", "3"), "previous"] == planned["01", "2"]


def test_values_outside_the_schedule_or_given_twice_are_refused():
    foreign = UNIT_DELTA_F.assign(session="7")
    with pytest.raises(InputError, match="participant 01, session 7 is not in the schedule"):
        build_outcomes(PLAN, SCHEDULE, {"delta_f": foreign.rename(columns={"delta_f": "value"})})
    with pytest.raises(InputError, match="motor unit b has two values"):
        build_outcomes(
            PLAN,
            SCHEDULE,
            {"delta_f": pd.concat([UNIT_DELTA_F, UNIT_DELTA_F.head(1)]).rename(columns={"delta_f": "value"})},
        )


def test_periods_count_what_each_session_gave(outcomes):
    periods = check_table(
        build_periods(SCHEDULE, QUALITY, UNITS, PAIRS, outcomes), "analysis_periods", "test"
    ).set_index(["participant", "session"])
    assert len(periods) == 18
    counts = [name for name in periods if name.startswith("n_")]
    assert counts == [
        *("n_units_rejected", "n_units", "n_units_tracked", "n_pairs", "n_pairs_passed", "n_test_units"),
    ]
    assert periods.loc[("01", "1"), counts].tolist() == [0, 3, 2, 5, 2, 2]
    assert periods.loc[("01", "2"), counts].tolist() == [1, 2, 2, 0, 0, 1]
    assert periods.loc[("03", "1"), counts].tolist() == [0] * 6
    assert periods.loc[("01", "1"), "mean_delta_f"] == 3.5
    assert pd.isna(periods.loc[("03", "1"), "mean_delta_f"])


def test_participants_say_what_they_give(outcomes):
    described = table("participant_id sex age", ("sub-01", "F", "31"), ("sub-02", "n/a", "n/a"))
    participants = check_table(
        build_participants(PLAN, SCHEDULE, described, outcomes), "analysis_participants", "test"
    ).set_index("participant")
    assert len(participants) == 6
    first = participants.loc["01"]
    assert (first["sequence"], first["sex"], first["age"]) == ("CSR", "F", 31)
    assert first[["n_sessions", "n_conditions", "n_test_units", "n_matched_units"]].tolist() == [3, 3, 2, 1]
    assert participants["analysed"].tolist() == [True, True, False, False, False, False]
    assert pd.isna(participants.loc["02", "sex"]) and participants.loc["02", "n_conditions"] == 1


def test_participants_need_no_age_but_a_true_one(outcomes):
    bare = build_participants(PLAN, SCHEDULE, table("participant_id", ("sub-01",)), outcomes)
    assert check_table(bare, "analysis_participants", "test")["age"].isna().all()
    with pytest.raises(InputError, match="participant 01: age 'young' is not a number"):
        build_participants(PLAN, SCHEDULE, table("participant_id age", ("sub-01", "young")), outcomes)


def test_everything_left_out_has_a_reason(outcomes, tmp_path):
    entry = {"participant": "04", "session": "2", "reason": "moved away"}
    plan = load_plan(changed(tmp_path, lambda c: c.update(missing_sessions=[entry])))
    exclusions = build_exclusions(plan, CHANNELS, QUALITY, UNITS, PAIRS, outcomes)
    write_table(exclusions, tmp_path / "exclusions.tsv", "exclusions")
    rows = read_table(tmp_path / "exclusions.tsv", "exclusions").fillna("").astype(str).to_numpy().tolist()
    assert rows == [
        ["trial", "04", "2", "session", "", "moved away", "1"],
        ["recordings", "01", "1", "channel", "E13", "no signal", "1"],
        ["decomposition", "01", "2", "motor unit", "rejected01", "silhouette 0.700, 0.9 needed", "1"],
        ["motor_units", "02", "3", "motor unit", "e", "too_few_discharges: 3 rates of 7", "1"],
        ["motor_units", "01", "1", "pairs", "", "correlation", "1"],
        ["motor_units", "01", "1", "pairs", "", "test_recruited_first", "2"],
        ["motor_units", "01", "1", "motor unit", "a", "no_passing_control", "1"],
        ["motor_units", "01", "2", "motor unit", "a", "no_passing_control", "1"],
        ["motor_units", "01", "2", "motor unit", "b", "no_passing_control", "1"],
        ["motor_units", "01", "3", "motor unit", "a", "no_passing_control", "1"],
        ["motor_units", "01", "3", "motor unit", "b", "no_passing_control", "1"],
        ["motor_units", "01", "3", "motor unit", "c", "no_passing_control", "1"],
        ["motor_units", "02", "3", "motor unit", "a", "no_passing_control", "1"],
        *[
            ["trial", participant, "", "participant", "", "no_outcome", "1"]
            for participant in ("03", "04", "05", "06")
        ],
    ]


def test_outcomes_of_vibstim_without_a_value_are_left_out(outcomes):
    vibstim = table(
        "participant session outcome value excluded",
        (
            "01",
            "2",
            "torque_sustained",
            None,
            "window sustained, 39.8 to 40.3 s, is not within the recording",
        ),
        ("01", "2", "torque_vibration", 5.0, None),
    )
    parts = (PLAN, CHANNELS, QUALITY, UNITS, PAIRS, outcomes)
    exclusions = check_table(build_exclusions(*parts, vibstim), "exclusions", "test")
    added = exclusions[exclusions["stage"] == "vibstim"]
    reason = "window sustained, 39.8 to 40.3 s, is not within the recording"
    assert added.to_numpy().tolist() == [
        ["vibstim", "01", "2", "outcome window", "torque_sustained", reason, 1]
    ]
    assert exclusions["stage"].tolist()[-5:] == ["vibstim", *["trial"] * 4]
    assert len(exclusions) == len(build_exclusions(*parts)) + 1


def test_nothing_left_out_is_an_empty_table():
    nothing = [frame.head(0) for frame in (CHANNELS, QUALITY, UNITS, PAIRS)]
    everyone = pd.DataFrame(PLAN.participants.items(), columns=["participant", "sequence"])
    everyone = everyone.assign(outcome="delta_f", value=1.0)
    exclusions = build_exclusions(PLAN, *nothing, everyone)
    assert check_table(exclusions, "exclusions", "test").empty
