"""The log of stages, what may follow what, and the lock that unmasking waits for."""

import json
import runpy
import shutil

import pytest
import yaml
from made_up_jobs import made_up_job
from test_trial_masking import TELLING, renamed
from trial_plans import SAMPLE, write_delivered

from pictrial.cli import main
from pictrial.errors import InputError
from pictrial.tables import check_table, read_table
from pictrial.trial import stages
from pictrial.trial.plan import load_plan
from pictrial.trial.stages import current_stage, enter_stage, read_log, stage_trial, write_staged_plan

SCRIPTS = SAMPLE.parents[1] / "workflow" / "scripts"
WHEN = "2026-01-31T12:00:00Z"


@pytest.fixture
def trial(tmp_path, monkeypatch):
    """A folder with plan, configuration with masking, and a small data set; the working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, tmp_path / "trial.yaml")
    content = yaml.safe_load((SAMPLE.parent / "config.yaml").read_text(encoding="utf-8"))
    content |= {"trial": "trial.yaml", "results": "results"}
    content["masking"] = {"log": "stages/stages.tsv", "key": "stages/masking.key"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for name in ("participants.tsv", "sub-01/sub-01_sessions.tsv", "phenotype/scores.tsv"):
        path = tmp_path / "results" / "bids" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    return tmp_path


def enter(*names, note=None):
    entered = [enter_stage("config.yaml", name, "A. B.", WHEN, note) for name in names]
    return entered[-1] if entered else None


def content():
    with open("config.yaml", encoding="utf-8") as stream:
        return yaml.safe_load(stream)


def staged(folder):
    """Write plan and stage; return the stage's file as read, and the bytes of the plan."""
    write_staged_plan("config.yaml", content(), folder / "plan.yaml", folder / "stage.json")
    return json.loads((folder / "stage.json").read_text()), (folder / "plan.yaml").read_bytes()


def test_without_masking_the_plan_is_a_copy_and_the_stage_says_so(trial):
    without = {key: value for key, value in content().items() if key != "masking"}
    stage = write_staged_plan("config.yaml", without, trial / "plan.yaml", trial / "stage.json")
    assert (trial / "plan.yaml").read_bytes() == (trial / "trial.yaml").read_bytes()
    assert stage.sentence == "Unmasked; no stage of masking or lock was used."
    assert json.loads((trial / "stage.json").read_text())["masking"] is False


def test_way_from_dummy_to_unmasked(trial):
    enter("dummy")
    told, dummy = staged(trial)
    assert (told["stage"], told["lock"]) == ("dummy", None)
    assert "Nothing here is a result" in told["sentence"]
    enter("masked")
    _, masked = staged(trial)
    assert len({dummy, masked, (trial / "trial.yaml").read_bytes()}) == 3
    assert list(load_plan(trial / "plan.yaml").conditions) == ["x", "y", "z"]
    locked = enter("locked")
    told, still_masked = staged(trial)
    assert still_masked == masked and told["lock"] == locked.lock
    enter("unmasked")
    told, plan = staged(trial)
    assert plan == (trial / "trial.yaml").read_bytes()
    assert told["changed"] == [] and told["lock"] == locked.lock
    assert told["sentence"] == (
        "Unmasked after data, plan, code and environment had been locked under masking."
    )
    log = read_table("stages/stages.tsv", "stages")
    assert log["stage"].tolist() == ["dummy", "masked", "locked", "unmasked"]
    assert set(log["when"]) == {WHEN} and set(log["commit"]) == {"not under version control"}
    check_table(log, "stages", "log")


def test_same_key_same_bytes_other_key_other_labels(trial):
    enter("masked")
    first = staged(trial)[1]
    assert staged(trial)[1] == first
    (trial / "stages" / "masking.key").write_text("0" * 64)
    assert staged(trial)[1] != first


@pytest.mark.parametrize(
    ("before", "stage", "message"),
    [
        ([], "locked", "locked cannot follow the start.*dummy, masked"),
        ([], "unmasked", "unmasked cannot follow the start"),
        (["dummy"], "locked", "locked cannot follow dummy"),
        (["dummy"], "dummy", "dummy cannot follow dummy"),
        (["masked"], "dummy", "dummy cannot follow masked"),
        (["masked"], "unmasked", "unmasked cannot follow masked.*locked"),
        (["masked", "locked"], "masked", "masked cannot follow locked"),
        (["masked", "locked"], "locked", "locked again needs a reason.*--note"),
        (["masked", "locked", "unmasked"], "masked", "the truth stays seen"),
        (["masked", "locked", "unmasked"], "locked", "the truth stays seen"),
    ],
)
def test_what_may_not_follow_is_refused_and_not_logged(trial, before, stage, message):
    enter(*before)
    rows = read_log("stages/stages.tsv")
    with pytest.raises(InputError, match=message):
        enter(stage)
    assert read_log("stages/stages.tsv") == rows


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (
            "results/bids/phenotype/scores.tsv",
            r"data: results/bids/phenotype/scores.tsv \(ch",
        ),
        ("results/bids/sub-02/new.tsv", r"data: results/bids/sub-02/new.tsv \(added\)"),
        ("trial.yaml", r"plan: trial.yaml \(changed\)"),
        ("config.yaml", r"configuration: config.yaml \(changed\)"),
        ("stages/masking.key", r"key: stages/masking.key \(changed\)"),
    ],
)
def test_what_changed_since_the_lock_is_named_until_it_is_locked_again(trial, path, named):
    enter("masked", "locked")
    changed = trial / path
    changed.parent.mkdir(exist_ok=True)
    old = changed.read_text() if changed.exists() else "missing"
    changed.write_text(old + "\n# more\n")
    with pytest.raises(InputError, match=named + r".*lock again with a reason"):
        enter("unmasked")
    assert current_stage(content()["masking"]).stage == "locked"
    enter("locked", note="corrected an entry")
    assert len(list((trial / "stages").glob("stages_lock-*.json"))) == 2, "the first lock is kept"
    assert enter("unmasked").truth_is_open


def test_removed_file_code_and_packages_count(trial, monkeypatch):
    enter("masked", "locked")
    lock = json.loads((trial / "stages" / "stages_lock-1.json").read_text())
    assert "workflow/pictrial/trial/masking.py" in lock["code"] and "Snakefile" in lock["code"]
    assert {"python", "numpy", "snakemake", "requirements.lock"} <= lock["environment"].keys()
    (trial / "results" / "bids" / "participants.tsv").unlink()
    with pytest.raises(InputError, match=r"data: results/bids/participants.tsv \(removed\)"):
        enter("unmasked")
    monkeypatch.setattr("pictrial.trial.lock.version", lambda name: "0")
    with pytest.raises(InputError, match=r"environment: \w+ \(changed\).* and \d+ more"):
        enter("unmasked")


def test_lock_file_that_was_edited_is_refused(trial):
    enter("masked", "locked")
    path = trial / "stages" / "stages_lock-1.json"
    path.write_text(path.read_text().replace('"python": "', '"python": "9'))
    with pytest.raises(InputError, match="not the one in the log of stages"):
        enter("unmasked")


def test_no_data_set_no_lock(trial):
    enter("masked")
    shutil.rmtree(trial / "results" / "bids")
    with pytest.raises(InputError, match="no data set to lock"):
        enter("locked")
    assert read_log("stages/stages.tsv")[-1]["stage"] == "masked"


def test_plan_that_changed_after_unmasking_is_told(trial):
    enter("masked", "locked", "unmasked")
    with open("trial.yaml", "a", encoding="utf-8") as stream:
        stream.write("# a late thought\n")
    told, _ = staged(trial)
    assert told["changed"] == ["plan: trial.yaml (changed)"]
    assert told["sentence"].endswith("under masking. Changed since: plan.")


def test_log_only_grows(trial):
    log, seen = trial / "stages" / "stages.tsv", b""
    for stage, note in (("dummy", None), ("masked", 'tab\t, "quotes"\nand lines'), ("locked", None)):
        enter(stage, note=note)
        assert log.read_bytes().startswith(seen) and log.read_bytes() != seen
        seen = log.read_bytes()
    assert read_log(log)[1]["note"] == 'tab , "quotes" and lines'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A. B.", "C. D.", "line 3: a row before it was changed or removed"),
        ("stage\twho", "stage\tby", "line 1: it is no log of stages"),
        ("\tn/a", "", "line 2: it is no log of stages"),
    ],
)
def test_edited_log_is_refused(trial, old, new, message):
    enter("dummy", "masked")
    log = trial / "stages" / "stages.tsv"
    log.write_text(log.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        stage_trial("trial.yaml", content()["masking"], 3)


def test_masking_without_stage_or_key_is_refused(trial):
    masking = content()["masking"]
    with pytest.raises(InputError, match=r"no stage yet.*pictrial stage"):
        current_stage(masking)
    enter("masked")
    key = trial / "stages" / "masking.key"
    assert key.stat().st_mode & 0o77 == 0, "only its owner may read it"
    key.write_text("short\n")
    with pytest.raises(InputError, match="shorter than 16 bytes"):
        stage_trial("trial.yaml", masking, 3)
    key.unlink()
    with pytest.raises(InputError, match="there is no such key"):
        stage_trial("trial.yaml", masking, 3)


def test_command(trial, capsys):
    assert main(["stage", "config.yaml", "masked", "--by", "A. B.", "--note", "planned"]) == 0
    said = capsys.readouterr().out
    assert "Masked: conditions and sequences have other names" in said and "key" in said
    row = read_log("stages/stages.tsv")[0]
    assert (row["who"], row["note"]) == ("A. B.", "planned") and row["when"].endswith("Z")
    assert main(["stage", "config.yaml", "unmasked", "--by", "A. B."]) == 2
    assert "unmasked cannot follow masked" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["dummy", "masked"])
def test_what_the_scripts_write_tells_nobody_their_condition(trial, stage):
    """Scripts as they are run: after them, nothing written says who had what, not even the logs."""
    (trial / "trial.yaml").write_text(yaml.safe_dump(renamed(SAMPLE), sort_keys=False), encoding="utf-8")
    plan = load_plan("trial.yaml")
    write_delivered(plan, trial / "results" / "bids")
    enter(stage)
    masking = content()["masking"]
    params = dict(masking=masking, seed=3, configuration="config.yaml", code="abc")
    paths = {name: f"out/{name}" for name in ("plan", "stage", "delivery.tsv")}
    run = {"stage_plan": {"output": dict(plan=paths["plan"], stage=paths["stage"], caption="out/stage.rst")}}
    run["check_delivery"] = {"output": dict(delivery=paths["delivery.tsv"])}
    inputs = dict(plan="trial.yaml", participants="results/bids/participants.tsv")
    for name, part in run.items():
        job = made_up_job(name, f"out/logs/{name}.log", input=inputs, params=params, config=content(), **part)
        runpy.run_path(SCRIPTS / f"{name}.py", init_globals={"snakemake": job})
    shown = read_table(paths["delivery.tsv"], "delivery")
    true = [row.condition for row in plan.sessions]
    assert shown["condition"].tolist() == [row.condition for row in load_plan(paths["plan"]).sessions]
    assert shown["condition"].tolist() != true
    if stage == "masked":
        text = "".join(path.read_text() for path in (trial / "out").rglob("*") if path.is_file())
        assert not TELLING.search(text), TELLING.search(text)


def test_every_stage_has_its_place():
    assert set(stages.FOLLOWING) - {""} == {name for ways in stages.FOLLOWING.values() for name in ways}
