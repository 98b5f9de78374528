"""Deviations, intercurrent events and adverse events: read, checked, and what they do to the delivery."""

import pandas as pd
import pytest
from trial_plans import SAMPLE, changed, two_experiments, write_delivered, write_phenotype

from pictrial.errors import InputError
from pictrial.tables import check_table, read_table, write_table
from pictrial.trial.delivery import analysed_schedule, as_analysed, check_delivered
from pictrial.trial.plan import load_plan, schedule
from pictrial.trial.recorded_events import add_conditions, nothing_recorded, read_recorded_events

PLAN = load_plan(SAMPLE)
DEVIATION = "participant_id session_id code severity text"
EVENT = "participant_id session_id code text"
HARM = "participant_id session_id term severity serious relatedness text"
SWAP = "sub-01|ses-2|other_condition_delivered|major|stimulator failed"


def swapped(plan, root, old="ses-2\t2\tstimulation", new="ses-2\t2\trelaxation"):
    """Deliver the data set of `plan` with one line of participant 01 changed."""
    path = write_delivered(plan, root) / "sub-01" / "sub-01_sessions.tsv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return root


def as_delivered(tmp_path):
    def change(content):
        content["design"]["other_condition"]["analysed_as"] = "delivered"

    return load_plan(changed(tmp_path, change))


def test_what_is_not_there_records_nothing(tmp_path):
    events = read_recorded_events(PLAN, tmp_path)
    assert check_table(events, "recorded_events", "test").empty
    assert nothing_recorded(tmp_path) == [
        f"phenotype/{name}.tsv" for name in ("protocol_deviations", "intercurrent_events", "adverse_events")
    ]
    delivery = check_delivered(PLAN, write_delivered(PLAN, tmp_path), events)
    write_table(add_conditions(events, delivery), tmp_path / "events.tsv", "recorded_events")
    assert read_table(tmp_path / "events.tsv", "recorded_events").empty


def test_what_is_recorded_is_told_with_its_session(tmp_path):
    swapped(PLAN, tmp_path)
    write_phenotype(tmp_path, "adverse_events", HARM, "sub-02|n/a|headache|mild|no|unlikely|n/a")
    write_phenotype(tmp_path, "intercurrent_events", EVENT, "sub-03|ses-1|drug_taken|a triptan")
    late = "sub-01|ses-2|session_out_of_order|minor|n/a"
    write_phenotype(tmp_path, "protocol_deviations", DEVIATION, SWAP, late)
    assert nothing_recorded(tmp_path) == []
    events = read_recorded_events(PLAN, tmp_path)
    told = add_conditions(events, check_delivered(PLAN, tmp_path, events))
    rows = check_table(told, "recorded_events", "test").astype(object).fillna("").to_numpy().tolist()
    label = {name: event.label for name, event in PLAN.events.items()}
    assert rows == [
        [
            *("protocol_deviation", "01", "CSR", "2", 2, "relaxation", "other_condition_delivered"),
            *(label["other_condition_delivered"], "major", "", "", "stimulator failed"),
        ],
        [
            *("protocol_deviation", "01", "CSR", "2", 2, "relaxation", "session_out_of_order"),
            *(label["session_out_of_order"], "minor", "", "", ""),
        ],
        [
            *("intercurrent_event", "03", "RCS", "1", 1, "relaxation", "drug_taken", label["drug_taken"]),
            *("", "", "", "a triptan"),
        ],
        [
            *("adverse_event", "02", "SRC", "", "", "", "headache", "headache"),
            *("mild", "no", "unlikely", ""),
        ],
    ]


@pytest.mark.parametrize(
    ("table", "header", "line", "message"),
    [
        (
            "protocol_deviations",
            DEVIATION,
            "sub-07|ses-1|contraction_off_target|minor|x",
            "'sub-07' is not in",
        ),
        (
            "protocol_deviations",
            DEVIATION,
            "sub-01|ses-4|contraction_off_target|minor|x",
            "sub-01 has no session 'ses-4' that took place. Name one of ses-1, ses-2, ses-3",
        ),
        (
            "protocol_deviations",
            DEVIATION,
            "sub-01|n/a|contraction_off_target|minor|x",
            "no session 'n/a' that took place",
        ),
        (
            "protocol_deviations",
            DEVIATION,
            "sub-01|ses-1|contraction_of_target|minor|x",
            "is no event of the plan .* recorded here. Did you mean 'contraction_off_target'",
        ),
        ("protocol_deviations", DEVIATION, "sub-01|ses-1|drug_taken|minor|x", "'drug_taken' is no event"),
        ("intercurrent_events", EVENT, "sub-01|ses-1|contraction_off_target|x", "is no event of the plan"),
        (
            "protocol_deviations",
            DEVIATION,
            "sub-01|ses-1|contraction_off_target|severe|x",
            "severity 'severe' is not one of minor, major",
        ),
        ("adverse_events", HARM, "sub-01|ses-1|headache|mild|maybe|possible|x", "serious 'maybe' is not one"),
        ("adverse_events", HARM, "sub-01|ses-1|headache|mild|no|n/a|x", "relatedness 'n/a' is not one of"),
        ("adverse_events", HARM, "sub-01|ses-1|n/a|mild|no|possible|x", "the term is missing"),
        ("intercurrent_events", DEVIATION[:-5], "sub-01|ses-1|drug_taken|minor", "column 'text' is missing"),
    ],
)
def test_a_slip_in_a_record_is_named_with_its_line(tmp_path, table, header, line, message):
    path = write_phenotype(tmp_path, table, header, line)
    with pytest.raises(InputError, match=message) as caught:
        read_recorded_events(PLAN, tmp_path)
    assert caught.value.where == (str(path) if "column" in message else f"{path}, line 2")


def test_an_event_is_recorded_once_and_of_a_session_that_took_place(tmp_path):
    write_phenotype(tmp_path, "protocol_deviations", DEVIATION, SWAP, SWAP.replace("major", "minor"))
    with pytest.raises(InputError, match=r"line 3: .*'other_condition_delivered' is listed twice"):
        read_recorded_events(PLAN, tmp_path)
    write_phenotype(tmp_path, "protocol_deviations", DEVIATION, SWAP)
    missing = {"participant": "01", "session": "2", "reason": "ill"}
    plan = load_plan(changed(tmp_path, lambda c: c.update(missing_sessions=[missing])))
    with pytest.raises(InputError, match=r"no session 'ses-2' that took place.*missing_sessions"):
        read_recorded_events(plan, tmp_path)


def test_a_recorded_swap_is_analysed_as_planned_or_as_delivered(tmp_path):
    third = "sub-01|ses-3|other_condition_delivered|minor|n/a"
    for plan, analysed in ((PLAN, "stimulation"), (as_delivered(tmp_path), "relaxation")):
        root = swapped(plan, tmp_path / analysed)
        path = root / "sub-01" / "sub-01_sessions.tsv"
        path.write_text(path.read_text().replace("ses-3\t3\trelaxation", "ses-3\t3\tstimulation"))
        write_phenotype(root, "protocol_deviations", DEVIATION, SWAP, third)
        delivery = check_delivered(plan, root, read_recorded_events(plan, root))
        row = check_table(delivery, "delivery", "test").set_index(["participant", "session"]).loc["01", "2"]
        assert row["planned_condition"] == "stimulation" and row["delivered_condition"] == "relaxation"
        assert row["condition"] == analysed and row["status"] == "other_condition"
        assert row["reason"].endswith("delivered: stimulator failed")
        assert (delivery["status"] == "as_planned").sum() == 16
        planned = check_table(analysed_schedule(delivery), "schedule", "test")
        assert planned.set_index(["participant", "session"]).loc[("01", "2"), "condition"] == analysed
        write_table(delivery, root / "delivery.tsv", "delivery")
        again = as_analysed(plan, read_table(root / "delivery.tsv", "delivery"))
        pd.testing.assert_frame_equal(schedule(again), planned, check_dtype=False)
        assert again.sessions[0] == plan.sessions[0] and (again.sessions == plan.sessions) is (plan is PLAN)


def test_a_condition_that_fits_two_sessions_is_ambiguous_where_analysed_as_delivered(tmp_path):
    plan = as_delivered(tmp_path)
    root = swapped(plan, tmp_path / "bids")
    write_phenotype(root, "protocol_deviations", DEVIATION, SWAP)
    with pytest.raises(InputError, match="'relaxation' was delivered in sessions 2 and 3, and both"):
        check_delivered(plan, root, read_recorded_events(plan, root))
    assert len(check_delivered(PLAN, root, read_recorded_events(PLAN, root))) == 18


def test_a_swap_that_is_not_recorded_or_did_not_happen_is_refused(tmp_path):
    root = swapped(PLAN, tmp_path)
    write_phenotype(root, "protocol_deviations", DEVIATION, SWAP.replace("ses-2", "ses-3"))
    with pytest.raises(InputError, match="line 3: condition 'relaxation' of ses-2 is not the planned"):
        check_delivered(PLAN, root, read_recorded_events(PLAN, root))
    late = "sub-01|ses-2|session_out_of_order|major|n/a"
    write_phenotype(root, "protocol_deviations", DEVIATION, late)
    with pytest.raises(InputError, match=r"of ses-2 is not the planned.*record it as a protocol deviation"):
        check_delivered(PLAN, root, read_recorded_events(PLAN, root))
    write_phenotype(root, "protocol_deviations", DEVIATION, SWAP)
    write_delivered(PLAN, root)
    with pytest.raises(InputError, match="'stimulation' is the planned one, and a deviation records another"):
        check_delivered(PLAN, root, read_recorded_events(PLAN, root))


def test_the_reference_must_be_delivered_unless_it_is_analysed_as_planned(tmp_path):
    line = SWAP.replace("ses-2", "ses-1")
    for plan in (PLAN, as_delivered(tmp_path)):
        root = swapped(plan, tmp_path / plan.analysed_as, "ses-1\t1\tcontrol", "ses-1\t1\tstimulation")
        write_phenotype(root, "protocol_deviations", DEVIATION, line)
        events = read_recorded_events(plan, root)
        if plan is PLAN:
            assert check_delivered(plan, root, events).loc[0, "condition"] == "control"
        else:
            with pytest.raises(InputError, match="no session in the reference condition 'control'"):
                check_delivered(plan, root, events)


def test_the_condition_of_another_experiment_cannot_be_analysed_as_delivered(tmp_path):
    def change(content):
        two_experiments(content)
        content["design"]["other_condition"] = {"analysed_as": "delivered", "source": "test"}

    for plan in (load_plan(changed(tmp_path, two_experiments)), load_plan(changed(tmp_path, change))):
        root = swapped(plan, tmp_path / plan.analysed_as)
        write_phenotype(root, "protocol_deviations", DEVIATION, SWAP)
        events = read_recorded_events(plan, root)
        if plan.analysed_as == "planned":
            assert check_delivered(plan, root, events)["delivered_condition"][1] == "relaxation"
        else:
            with pytest.raises(InputError, match=r"'relaxation' is unknown.*Known are: control, stimulation"):
                check_delivered(plan, root, events)


def test_columns_beside_the_known_ones_may_stand_there(tmp_path):
    write_phenotype(tmp_path, "intercurrent_events", EVENT + " dose", "sub-03|ses-1|drug_taken|n/a|5 mg")
    events = read_recorded_events(PLAN, tmp_path)
    assert events["code"].tolist() == ["drug_taken"] and pd.isna(events["text"][0])
