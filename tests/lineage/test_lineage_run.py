"""The records of a run are complete and agree with its files, or it is refused with the file's name."""

import json
import shutil

import pytest
from lineage_runs import do, finished_run, jobs_of, record_of

from pictrial.errors import InputError
from pictrial.files import sha256
from pictrial.lineage.run import read_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("lineage") / "run")


@pytest.fixture
def results(made, tmp_path):
    """A copy of the run, with its raw data beside it."""
    shutil.copytree(made.parent, tmp_path / "run")
    return tmp_path / "run" / "results"


def refused(results) -> str:
    with pytest.raises(InputError) as error:
        read_run(results)
    return str(error.value)


def test_jobs_come_after_those_whose_outputs_they_read(made):
    run = read_run(made)
    place = {job.name: number for number, job in enumerate(run.jobs)}
    assert len(place) == 11
    assert place["check_recordings/01"] < place["decompose_recording/01"] < place["build_analysis_tables"]
    assert place["run_analysis/weighted"] < place["join_results"] < place["draw_forest"]
    assert run.absent == frozenset()
    assert sorted(run.raw) == ["../data/sub-01 ramp.bdf", "../data/sub-02 ramp.bdf", "../trial.yaml"]
    assert run.files["statistics/ard.tsv"] == sha256(made / "statistics" / "ard.tsv")


def test_behind_a_job_is_what_it_goes_back_to_and_nothing_else(made):
    run = read_run(made)
    behind = run.behind([run.maker["statistics/analyses/primary.tsv"]])
    assert {job.name for job in behind} == {
        *(
            f"{rule}/{person}"
            for rule in ("check_recordings", "decompose_recording")
            for person in ("01", "02")
        ),
        "build_analysis_tables",
        "run_analysis/primary",
    }


def test_changed_file_is_named_with_both_hashes(results):
    path = results / "decomposition" / "sub-02.tsv"
    before = sha256(path)
    path.write_text(path.read_text().replace("decompose", "dec0mpose"))
    said = refused(results)
    assert said.startswith(
        f"{path}: its SHA-256 is {sha256(path)}, but {before} in lineage/decompose_recording/02.json"
    )


def test_changed_raw_recording_is_refused(results):
    path = results.parent / "data" / "sub-01 ramp.bdf"
    path.write_bytes(b"another")
    assert "data/sub-01 ramp.bdf: its SHA-256 is" in refused(results)


def test_missing_file_is_refused(results):
    (results / "figures" / "forest.pdf").unlink()
    assert "figures/forest.pdf: it is missing" in refused(results)


def test_raw_data_that_are_elsewhere_are_told_and_not_refused(results):
    shutil.rmtree(results.parent / "data")
    assert read_run(results).absent == {"../data/sub-01 ramp.bdf", "../data/sub-02 ramp.bdf"}


def test_missing_record_is_refused(results):
    (results / "lineage" / "build_analysis_tables.json").unlink()
    assert "lineage/build_analysis_tables.json: there is no record" in refused(results)


def test_job_that_is_not_listed_but_whose_output_was_read_is_refused(results):
    path = results / "lineage" / "jobs.txt"
    path.write_text(path.read_text().replace("build_analysis_tables\n", ""))
    said = refused(results)
    assert "analysis/outcomes.tsv" in said and "no record is of its making" in said


def test_results_without_records_are_refused(tmp_path):
    assert "lineage/jobs.txt: there is no readable list" in refused(tmp_path)


@pytest.mark.parametrize(("content", "said"), [(b"", "it names no jobs"), (b"\xff\n", "no readable list")])
def test_unusable_list_of_jobs_is_refused(results, content, said):
    (results / "lineage" / "jobs.txt").write_bytes(content)
    assert said in refused(results)


def test_failed_job_is_refused(results):
    path = results / "lineage" / "draw_forest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "failed", "error": "KeyError: 'x'"}))
    assert "lineage/draw_forest.json: the job failed (KeyError: 'x')" in refused(results)


@pytest.mark.parametrize("text", ["{", "[]", '{"rule": "a"}', '"x"'])
def test_what_is_no_record_is_refused(results, text):
    (results / "lineage" / "draw_forest.json").write_text(text)
    assert refused(results).startswith(f"{results / 'lineage' / 'draw_forest.json'}: ")


def test_two_jobs_that_made_one_file_are_refused(results):
    shutil.copy(results / "lineage" / "draw_forest.json", results / "lineage" / "draw_twice.json")
    with open(results / "lineage" / "jobs.txt", "a") as jobs:
        jobs.write("draw_twice\n")
    assert "draw_forest and draw_twice both say" in refused(results)


def test_records_of_an_earlier_plan_are_told_and_left_aside(results):
    """An analysis was taken out of the plan, and what it had read has changed since."""
    record = json.loads((results / "lineage" / "run_analysis" / "weighted.json").read_text())
    record["inputs"] = dict.fromkeys(record["inputs"], "0" * 64)
    record["outputs"] = {"statistics/analyses/habit.tsv": "1" * 64}
    (results / "lineage" / "run_analysis" / "habit.json").write_text(json.dumps(record))
    run = read_run(results)
    assert run.left_over == ("run_analysis/habit",)
    assert len(run.jobs) == 11 and "statistics/analyses/habit.tsv" not in run.files


def test_job_that_ran_again_alone_leaves_the_chain_broken(results):
    """Its output is new, but what was made of the old one is still there."""
    again = next(one for one in jobs_of(results) if one.rule == "build_analysis_tables")
    do(again, "once more")
    said = refused(results)
    assert "analysis/outcomes.tsv: its SHA-256 is" in said
    assert json.loads(record_of(again).read_text())["outputs"]["analysis/outcomes.tsv"] in said
