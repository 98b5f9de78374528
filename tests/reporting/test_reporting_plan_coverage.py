"""Items of reporting guidelines: where each is answered, and what is left to the authors."""

import copy

import pytest
import yaml

from pictrial.errors import InputError
from pictrial.reporting import plan_coverage
from pictrial.reporting.effective_settings import DEFAULTS, effective_settings
from pictrial.reporting.plan_coverage import AUTHOR, GUIDELINES, coverage_table

NAMES = ["consort", "emg", "sap"]


@pytest.fixture(scope="module")
def content() -> dict:
    return yaml.safe_load((DEFAULTS.parent / "trial.yaml").read_text())


@pytest.fixture(scope="module")
def settings() -> dict:
    return effective_settings(yaml.safe_load(DEFAULTS.read_text()))


def cells(table, number: str) -> list[str]:
    (row,) = [row for row in table.rows if row.label == number]
    return [cell.text for cell in row.cells]


def places(name: str) -> list[str]:
    items = yaml.safe_load((GUIDELINES / f"{name}.yaml").read_text())["items"]
    return [where for entry in items for where in entry["where"] if isinstance(where, str)]


def test_there_are_three_guidelines():
    assert sorted(path.stem for path in GUIDELINES.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_key_named_is_one_of_the_sample_trial(name, content, settings):
    table = coverage_table(name, content, settings, [])
    told = "; ".join(row.cells[1].text for row in table.rows)
    for where in places(name):
        kind, _, key = where.partition(":")
        if kind in ("plan", "config") and where != "config:data.edits":  # the sample has no edits
            assert key in told, where
    assert len({row.label for row in table.rows}) == len(table.rows) > 20


def test_an_item_is_the_authors_where_nothing_answers_it(content, settings):
    assert cells(coverage_table("sap", content, settings, []), "30") == ["Harms", "", AUTHOR]
    table = coverage_table("sap", content, settings, ["tables/trial/harms.html", "diagnostics/primary.png"])
    assert cells(table, "30") == ["Harms", "tables/trial/harms.html", ""]
    assert cells(table, "27c")[1:] == ["diagnostics/", ""]
    without = copy.deepcopy(content)
    del without["families"]
    assert cells(coverage_table("sap", without, settings, []), "17")[1:] == ["", AUTHOR]


def test_items_of_crossovers_are_not_asked_of_parallel_groups(content, settings):
    parallel = copy.deepcopy(content)
    parallel["design"]["type"] = "parallel"
    numbers = [
        {row.label for row in coverage_table("consort", plan, settings, []).rows}
        for plan in (content, parallel)
    ]
    assert numbers[0] - numbers[1] == {n for n in numbers[0] if n.endswith(" X")} != set()


def test_a_place_of_an_unknown_kind_is_refused(content, settings, tmp_path, monkeypatch):
    (tmp_path / "x.yaml").write_text(
        'title: t\nsource: s\nitems:\n  - {id: "1", item: i, where: ["plans:design"]}\n'
    )
    monkeypatch.setattr(plan_coverage, "GUIDELINES", tmp_path)
    with pytest.raises(InputError, match="'plans:design' is no place"):
        coverage_table("x", content, settings, [])
