"""Clinical scores of the data set's phenotype folder."""

import json

import pytest
from trial_plans import changed

from pictrial.errors import InputError
from pictrial.tables import check_table
from pictrial.trial.analysis_tables import build_outcomes
from pictrial.trial.clinical_scores import clinical_scores
from pictrial.trial.plan import load_plan, schedule

HEADER = "participant_id\tsession_id\tmodified_ashworth\tcomment"
GOOD = [
    "sub-01\tses-1\t1.5\tspasm",
    "sub-01\tses-2\tn/a\trefused",
    "sub-01\tses-3\t0\tn/a",
    "sub-02\tses-1\t3\tn/a",
    "sub-02\tses-2\tn/a\tn/a",
]
DICTIONARY = {
    "MeasurementToolMetadata": {"Description": "Modified Ashworth scale"},
    "modified_ashworth": {"Levels": {"0": "", "1": "", "1.5": "1+", "2": "", "3": "", "4": "", "n/a": ""}},
}
SCORE = {"label": "Spasticity", "unit": "score", "level": "participant", "source": "test"}


def plan_with_score(folder, measure="scores.spasticity.modified_ashworth", **keys):
    def change(content):
        content["outcomes"]["spasticity"] = {**SCORE, "measure": measure, **keys}
        content["missing_sessions"] = [{"participant": "02", "session": "2", "reason": "ill"}]

    return load_plan(changed(folder, change))


def write_table(root, lines, dictionary=DICTIONARY):
    folder = root / "phenotype"
    folder.mkdir(parents=True)
    (folder / "spasticity.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "spasticity.json").write_text(json.dumps(dictionary), encoding="utf-8")
    return folder / "spasticity.tsv"


def test_scores_become_outcomes_of_the_participant(tmp_path):
    plan = plan_with_score(tmp_path)
    assert plan.score_tables == ("spasticity",)
    write_table(tmp_path, [HEADER, *GOOD])
    scores = clinical_scores(plan, tmp_path)
    assert list(scores) == ["spasticity"]
    assert scores["spasticity"].to_numpy().tolist() == [["01", "1", 1.5], ["01", "3", 0.0], ["02", "1", 3.0]]
    outcomes = check_table(build_outcomes(plan, schedule(plan), scores), "outcomes", "test")
    assert len(outcomes) == 17 and outcomes["value"].notna().sum() == 3
    values = outcomes.set_index(["participant", "condition"])["value"]
    assert (
        values["01", "control"] == 1.5
        and values["01", "relaxation"] == 0
        and values["02", "stimulation"] == 3
    )


def test_a_plan_without_scores_reads_no_table(tmp_path):
    plan = load_plan(changed(tmp_path, lambda content: None))
    assert plan.score_tables == () and clinical_scores(plan, tmp_path) == {}


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("sub-02\tses-1", "sub-09\tses-1", 5, "sub-09, ses-1 is no session of the plan.*Did you mean 'sub-0"),
        ("sub-02\tses-1", "02\tses-1", 5, "02, ses-1 is no session of the plan"),
        ("sub-01\tses-3", "sub-01\tses-4", 4, "sub-01, ses-4 is no session.*Did you mean 'ses-"),
        ("sub-01\tses-3", "sub-01\tses-1", 4, "'sub-01', 'ses-1' is listed twice"),
        ("\t1.5\t", "\t1+\t", 2, "modified_ashworth '1\\+' is not a number"),
        ("\t1.5\t", "\t\t", 2, "'' is not a number.*write n/a"),
        ("\t1.5\t", "\tnan\t", 2, "'nan' is not a number"),
        ("\t1.5\t", "\t15\t", 2, "'15' is not a level of spasticity.json. Levels are: 0, 1, 1.5, 2, 3, 4"),
        ("ses-2\tn/a\tn/a", "ses-2\t2\tn/a", 6, "has a score, but is listed under missing_sessions"),
        ("modified_ashworth", "modified_asworth", None, "'modified_ashworth' is missing. Did you mean"),
        ("session_id", "session", None, "'session_id' is missing"),
    ],
)
def test_a_mistake_in_the_table_is_named(tmp_path, old, new, line, message):
    plan = plan_with_score(tmp_path)
    text = "\n".join([HEADER, *GOOD])
    assert old in text
    path = write_table(tmp_path, text.replace(old, new, 1).split("\n"))
    with pytest.raises(InputError, match=message) as caught:
        clinical_scores(plan, tmp_path)
    assert caught.value.where == (f"{path}, line {line}" if line else str(path))


@pytest.mark.parametrize("dictionary", [{}, [], {"modified_ashworth": "text"}])
def test_a_score_without_description_is_named(tmp_path, dictionary):
    plan = plan_with_score(tmp_path)
    write_table(tmp_path, [HEADER, *GOOD], dictionary)
    rule = "(column .modified_ashworth. is not described|this is not a JSON object)"
    with pytest.raises(InputError, match=f"spasticity.json: {rule}"):
        clinical_scores(plan, tmp_path)


def test_without_levels_any_number_is_a_score(tmp_path):
    plan = plan_with_score(tmp_path)
    lines = [HEADER, "sub-01\tses-1\t-12.25\tn/a"]
    write_table(tmp_path, lines, {"modified_ashworth": {"Description": "no levels", "Units": "kg"}})
    assert clinical_scores(plan, tmp_path)["spasticity"]["value"].tolist() == [-12.25]


def test_missing_files_are_named(tmp_path):
    plan = plan_with_score(tmp_path)
    with pytest.raises(InputError, match=r"phenotype/spasticity.tsv: there is no such file"):
        clinical_scores(plan, tmp_path)
    path = write_table(tmp_path, [HEADER, *GOOD])
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"phenotype/spasticity.json: there is no such file"):
        clinical_scores(plan, tmp_path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"level": "motor_unit"}, "has the level participant"),
        ({"measure": "scores.modified_ashworth"}, "measure.*pattern"),
        ({"measure": "scores.../x.y"}, "measure.*pattern"),
        ({"aggregation": "composite_control"}, "no meaning here"),
    ],
)
def test_a_mistake_in_the_outcome_is_named(tmp_path, keys, message):
    with pytest.raises(InputError, match=message):
        plan_with_score(tmp_path, **keys)
