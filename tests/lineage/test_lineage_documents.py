"""What `pictrial lineage` writes and prints of a run."""

import copy
import json
import shutil

import pytest
import yaml
from lineage_runs import PROJECT, finished_run

from pictrial.cli import main
from pictrial.files import sha256
from pictrial.lineage import run_crate
from pictrial.lineage.run import read_run

CONTEXT = json.loads((PROJECT / "tests" / "lineage" / "ro_crate_1_1_context.json").read_text())
PROFILE = "provenance-run-crate"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    results = finished_run(tmp_path_factory.mktemp("lineage") / "run")
    assert main(["lineage", str(results)]) == 0
    return results


@pytest.fixture(scope="module")
def graph(results):
    crate = json.loads((results / "ro-crate-metadata.json").read_text())
    by_name = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(by_name) == len(crate["@graph"]), "every entity is described once"
    return by_name


def references(value):
    if isinstance(value, dict):
        yield from [value["@id"]] if set(value) == {"@id"} else []
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_every_reference_of_the_crate_is_described_in_it(graph):
    found = {name for entity in graph.values() for name in references(list(entity.values()))}
    assert {name for name in found - set(graph) if not name.startswith("https://")} == set()


def test_crate_tells_what_a_job_read_and_wrote_when_and_by_which_script(results, graph):
    job = graph["#job/decompose_recording/02"]
    record = json.loads((results / "lineage" / "decompose_recording" / "02.json").read_text())
    assert job["instrument"] == {"@id": "lineage/code/scripts/decompose_recording.py"}
    assert {one["@id"] for one in job["object"]} == {
        "#outside/../data/sub-02%20ramp.bdf",
        "recordings/sub-02.tsv",
    }
    assert job["result"] == {"@id": "decomposition/sub-02.tsv"}
    assert (job["startTime"], job["endTime"]) == (record["start"], record["end"])
    assert graph["#control/decompose_recording/02"]["object"] == {"@id": "#job/decompose_recording/02"}
    assert job["subjectOf"] == {"@id": "lineage/decompose_recording/02.json"}


def test_crate_has_hash_and_size_of_files(results, graph):
    for path in ("statistics/ard.tsv", "lineage/join_results.json", "lineage/code/Snakefile"):
        told = graph[path]
        assert told["sha256"] == sha256(results / path)
        assert int(told["contentSize"]) == (results / path).stat().st_size
    raw = graph["#outside/../data/sub-01%20ramp.bdf"]
    assert raw["sha256"] == sha256(results.parent / "data" / "sub-01 ramp.bdf")
    assert raw["@type"] == "CreativeWork", "what is outside is described, and no part of the crate"


def test_whole_run_goes_from_raw_files_to_what_nothing_reads(graph):
    whole = graph["#run"]
    assert whole["instrument"] == graph["./"]["mainEntity"] == {"@id": "lineage/code/Snakefile"}
    assert {one["@id"].split("/")[-1] for one in whole["object"]} == {
        "sub-01%20ramp.bdf",
        "sub-02%20ramp.bdf",
        "trial.yaml",
    }
    assert "figures/forest.pdf" in {one["@id"] for one in whole["result"]}
    assert "statistics/ard.tsv" not in {one["@id"] for one in whole["result"]}


def test_crate_has_no_term_that_its_context_lacks(results, graph):
    types = {kind for entity in graph.values() for kind in [entity["@type"]] if isinstance(kind, str)}
    used = {key for entity in graph.values() for key in entity if not key.startswith("@")} | types
    assert used - set(CONTEXT["@context"]) == {"sha256"}, "the crate's own addition"


def errors_of(results, monkeypatch) -> set[str]:
    """Return what the validator says, with the context of RO-Crate 1.1 from the file here: no network."""
    pytest.importorskip("rocrate_validator", reason="needs roc-validator")
    from rocrate_validator import models, services
    from rocrate_validator.utils import document_loader, http

    class Response:
        status_code, headers = 200, {"Content-Type": "application/ld+json"}
        text = json.dumps(CONTEXT)

        def json(self):
            return copy.deepcopy(CONTEXT)

    def get(self, url, **_):
        assert url == "https://w3id.org/ro/crate/1.1/context"
        return Response()

    monkeypatch.setattr(http.HttpRequester, "get", get, raising=False)
    monkeypatch.setattr(document_loader, "_fetch_json_ld", lambda url: get(None, url).json())
    settings = services.ValidationSettings(
        rocrate_uri=str(results), profile_identifier=PROFILE, requirement_severity=models.Severity.REQUIRED
    )
    return {issue.message for issue in services.validate(settings).get_issues()}


def test_crate_is_valid(results, monkeypatch):
    assert errors_of(results, monkeypatch) == set()


@pytest.mark.slow
def test_validator_notices_a_job_without_its_script(results, tmp_path, monkeypatch):
    shutil.copytree(results, tmp_path / "results")
    path = tmp_path / "results" / "ro-crate-metadata.json"
    crate = json.loads(path.read_text())
    next(entity for entity in crate["@graph"] if entity["@id"] == "#job/join_results").pop("instrument")
    path.write_text(json.dumps(crate))
    assert any("MUST have an instrument" in message for message in errors_of(path.parent, monkeypatch))


def test_crate_is_the_same_when_written_again(results):
    before = {
        name: (results / name).read_bytes() for name in ("ro-crate-metadata.json", "reviewers_guide.html")
    }
    assert main(["lineage", str(results)]) == 0
    assert {name: (results / name).read_bytes() for name in before} == before


def test_code_that_changed_since_is_refused(results, tmp_path, capsys):
    shutil.copytree(results.parent, tmp_path / "run")
    path = tmp_path / "run" / "results" / "lineage" / "draw_forest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "0" * 64}))
    assert main(["lineage", str(tmp_path / "run" / "results")]) == 2
    assert (
        "draw_forest.py: it, or a module it uses, was changed since draw_forest ran"
        in capsys.readouterr().err
    )


def test_copied_code_is_the_code_of_the_project(results):
    copied = results / run_crate.CODE
    assert (copied / "Snakefile").read_bytes() == (PROJECT / "Snakefile").read_bytes()
    script = "scripts/join_results.py"
    assert (copied / script).read_bytes() == (PROJECT / "workflow" / script).read_bytes()
    assert {path.stem for path in (copied / "scripts").iterdir()} == {
        job.rule for job in read_run(results).jobs
    }


def test_codecheck_names_one_form_of_each_document_and_what_to_fill_in(results):
    text = (results / "codecheck.yml").read_text()
    content = yaml.safe_load(text)
    assert text.startswith("---\n")
    assert [one["file"] for one in content["manifest"]] == ["statistics/ard.tsv", "figures/forest.pdf"]
    assert content["paper"]["title"].startswith("Sample trial")
    assert content["codechecker"] == [{"name": "FIXME", "ORCID": "FIXME"}]
    assert {"report", "summary", "certificate", "version"} <= set(content)


def test_codecheck_keeps_what_people_filled_in(results, tmp_path):
    shutil.copytree(results.parent, tmp_path / "run")
    path = tmp_path / "run" / "results" / "codecheck.yml"
    content = yaml.safe_load(path.read_text()) | {"summary": "Ça marche", "manifest": [], "lab_note": 1}
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    assert main(["lineage", str(path.parent)]) == 0
    again = yaml.safe_load(path.read_text())
    assert (again["summary"], again["lab_note"], len(again["manifest"])) == ("Ça marche", 1, 2)


@pytest.mark.parametrize("text", ["a: [", "- 1", "\tx"])
def test_codecheck_that_is_unreadable_is_not_overwritten(results, tmp_path, capsys, text):
    shutil.copytree(results.parent, tmp_path / "run")
    path = tmp_path / "run" / "results" / "codecheck.yml"
    path.write_text(text)
    assert main(["lineage", str(path.parent)]) == 2
    assert "codecheck.yml: it" in capsys.readouterr().err
    assert path.read_text() == text


def test_guide_tells_rule_script_data_cost_and_seed(results):
    import html5lib

    page = (results / "reviewers_guide.html").read_text()
    html5lib.HTMLParser(strict=True).parse(page)
    row = page[page.index('<th scope="row">figures/forest<') :]
    row = row[: row.index("</tr>")]
    for said in (
        "draw_forest.py",
        'href="lineage/draw_forest.json"',
        'href="statistics/ard.tsv"',
        "MiB",
        ">none<",
    ):
        assert said in row, said
    assert "with a seed behind it: run_analysis" in row
    assert "with 8 jobs behind it" in row
    assert "forest.rst" not in row
    assert 'href="../data' not in page, "what is outside may be elsewhere"


def test_origin_of_a_number_is_its_own_analysis_back_to_the_recordings(results, capsys):
    assert main(["lineage", str(results), "--of", "primary.one"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("primary.one = 0.5\n")
    assert "run_analysis analysis=primary, seed 7" in said and "analyses/weighted" not in said
    for person in ("01", "02"):
        raw = results.parent / "data" / f"sub-{person} ramp.bdf"
        assert f"  {sha256(raw)}  ../data/sub-{person} ramp.bdf" in said
    assert "2 recordings are behind it:" in said
    assert "trial.yaml" not in said, "no job of the chain read it"


def test_origin_of_a_described_number_goes_by_the_table_that_it_hashed(results, capsys):
    assert main(["lineage", str(results), "--of", "descriptive.one"]) == 0
    said = capsys.readouterr().out
    assert "run_analysis" not in said and "made by build_analysis_tables" in said


def test_unknown_number_is_refused(results, capsys):
    assert main(["lineage", str(results), "--of", "primary.two"]) == 2
    assert "no row is called 'primary.two'" in capsys.readouterr().err
