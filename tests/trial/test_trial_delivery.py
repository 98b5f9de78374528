import pytest
from trial_plans import SAMPLE, SINGLE, changed, write_delivered

from pictrial.errors import InputError
from pictrial.tables import check_table
from pictrial.trial.delivery import check_delivered
from pictrial.trial.plan import load_plan, schedule


@pytest.mark.parametrize("source", [SAMPLE, SINGLE])
def test_what_was_delivered_as_planned_passes(tmp_path, source):
    plan = load_plan(source)
    table = check_table(check_delivered(plan, write_delivered(plan, tmp_path)), "delivery", tmp_path)
    assert table["status"].eq("as_planned").all()
    planned = schedule(plan)
    assert table[["participant", "session", "condition"]].to_numpy().tolist() == (
        planned[["participant", "session", "condition"]].to_numpy().tolist()
    )


def test_sessions_that_the_plan_knows_to_be_missing_are_listed(tmp_path):
    entry = {"participant": "02", "session": "2", "reason": "ill"}
    plan = load_plan(changed(tmp_path, lambda c: c.update(missing_sessions=[entry])))
    table = check_table(check_delivered(plan, write_delivered(plan, tmp_path / "bids")), "delivery", tmp_path)
    assert len(table) == 18
    row = table[table["status"] == "missing"].iloc[0]
    assert (row["participant"], row["session"], row["planned_condition"], row["reason"]) == (
        "02",
        "2",
        "relaxation",
        "ill",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "stimulation",
            "stimulaton",
            r"line 3: condition 'stimulaton' is unknown.*Did you mean 'stimulation'",
        ),
        ("stimulation", "n/a", "line 3: condition 'n/a' is unknown"),
        ("control", "relaxation", "participant 01 has no session in the reference condition 'control'"),
        ("ses-2\t2\tstimulation", "ses-2\t2\trelaxation", "line 3: condition 'relaxation' of ses-2"),
        ("ses-2\t2\t", "ses-2\t3\t", "line 3: period '3' of ses-2 is not the planned '2'"),
        ("ses-3\t3\trelaxation\n", "", "planned session 'ses-3' is missing.*missing_sessions"),
        ("ses-3", "ses-4", "line 4: session 'ses-4' is not planned for participant 01"),
        ("ses-3", "ses-2", "line 4: 'ses-2' is listed twice"),
        ("condition", "arm", "column 'condition' is missing"),
    ],
)
def test_what_differs_from_the_plan_is_named(tmp_path, old, new, message):
    plan = load_plan(SAMPLE)
    path = write_delivered(plan, tmp_path) / "sub-01" / "sub-01_sessions.tsv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        check_delivered(plan, tmp_path)
    assert str(path) in caught.value.where


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sub-06\n", "", "participant 'sub-06' of the plan .* is missing"),
        ("sub-06\n", "sub-06\nsub-07\n", "line 8: participant 'sub-07' is not in the plan"),
        ("sub-06\n", "sub-01\n", "line 7: 'sub-01' is listed twice"),
    ],
)
def test_participants_are_those_of_the_plan(tmp_path, old, new, message):
    plan = load_plan(SAMPLE)
    path = write_delivered(plan, tmp_path) / "participants.tsv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        check_delivered(plan, tmp_path)


def test_a_participant_without_sessions_table_is_named(tmp_path):
    plan = load_plan(SAMPLE)
    (write_delivered(plan, tmp_path) / "sub-03" / "sub-03_sessions.tsv").unlink()
    with pytest.raises(InputError, match=r"sub-03_sessions.tsv: there is no such file"):
        check_delivered(plan, tmp_path)
