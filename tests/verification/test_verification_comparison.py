"""A run held against an expectation: what is told apart, and what is not a difference."""

import json
import subprocess
import sys
import zlib

import numpy as np
import pandas as pd
import pytest
from verified_run import (
    EVENTS,
    FIGURE,
    PAIRS,
    TRAINS,
    values,
    write_ard,
    write_run,
    write_trains,
    write_values,
)

from pictrial.cli import main
from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.verification.comparison import compare
from pictrial.verification.expectation import read_expectation, write_expectation
from pictrial.verification.facts import facts_of


@pytest.fixture
def run(tmp_path):
    """The results of a run that is as expected, and the expectation."""
    results, expected = write_run(tmp_path / "results"), tmp_path / "expected"
    assert write_expectation(results, expected) == 8
    return results, expected


def wrong(run) -> pd.DataFrame:
    findings = compare(run[0], read_expectation(run[1]))
    return findings[findings["status"] != "OK"].reset_index(drop=True)


def test_all_is_ok_where_nothing_changed(run):
    findings = compare(run[0], read_expectation(run[1]))
    assert set(findings["status"]) == {"OK"}
    # Each number, each motor unit, each column and each array.
    assert findings["kind"].value_counts()["numbers"] == 3
    assert findings["kind"].value_counts()["discharges"] == 2
    assert findings["kind"].value_counts()["table"] == 2
    assert findings["kind"].value_counts()["arrays"] == 2
    assert not findings["file"].str.contains("logs|bids|lineage|codecheck").any()


def test_one_number_by_a_thousandth(run):
    write_ard(run[0], change=0.01234567891e-3)
    (row,) = wrong(run).itertuples()
    assert (row.status, row.file, row.part) == ("DIFF", "statistics/ard.tsv", "primary.p_value")
    assert (row.expected, row.found) == ("0.01234567891", "0.01235802459")
    assert row.deviation == pytest.approx(1e-3, rel=1e-3)


def test_rounding_of_a_number_is_no_difference(run):
    write_ard(run[0], change=0.01234567891e-7, inputs_sha256="1" * 64)
    assert wrong(run).empty
    findings = compare(run[0], read_expectation(run[1])).set_index("part")
    assert findings.loc["primary.p_value", "deviation"] == pytest.approx(1e-7, rel=0.01)


def test_a_number_with_another_warning(run):
    write_ard(run[0], warning="variance of participants is zero")
    (row,) = wrong(run).itertuples()
    assert (row.part, row.expected) == ("primary.p_value", "warning n/a")
    assert row.found == "warning variance of participants is zero"


def test_numbers_that_are_gone_and_new(run):
    ard = run[0] / "statistics" / "ard.tsv"
    write_text(ard, ard.read_text().replace("primary.n_units", "primary.n_pairs"))
    assert [(row.status, row.part) for row in wrong(run).itertuples()] == [
        ("EXTRA", "primary.n_pairs"),
        ("MISSING", "primary.n_units"),
    ]


def test_one_moved_discharge(run):
    write_trains(run[0], TRAINS | {"MU01": [100, 250, 411, 555]})
    (row,) = wrong(run).itertuples()
    assert (row.status, row.file, row.part) == ("DIFF", EVENTS, "MU01")
    assert row.expected == "4 discharges, 1 of them only here: sample 410"
    assert row.found == "4 discharges, 1 of them only here: sample 411"


def test_discharge_twice_and_unit_gone(run):
    write_trains(run[0], {"MU01": [100, 100, 250, 410, 555]})
    assert [(row.status, row.part, row.found) for row in wrong(run).itertuples()] == [
        ("DIFF", "MU01", "5 discharges"),
        ("MISSING", "MU02", "n/a"),
    ]


def test_missing_and_extra_file(run):
    (run[0] / FIGURE).unlink()
    write_text(run[0] / "figures" / "stale.svg", "<svg/>")
    assert [(row.status, row.file) for row in wrong(run).itertuples()] == [
        ("MISSING", FIGURE),
        ("EXTRA", "figures/stale.svg"),
    ]


@pytest.mark.parametrize("index", [0, 250, 499])
def test_one_float_of_a_column(run, index):
    changed = values()
    changed[index] *= 1 + 1e-5
    write_values(run[0], changed)
    (row,) = wrong(run).itertuples()
    assert (row.status, row.file, row.part) == ("DIFF", PAIRS, "delta_f")
    assert row.expected.startswith("mean ")


def test_two_floats_of_a_column_exchanged(run):
    changed = values()
    changed[[10, 20]] = changed[[20, 10]]
    write_values(run[0], changed)
    (row,) = wrong(run).itertuples()
    assert row.expected.startswith("trend ")


def test_rounding_of_a_column_is_no_difference(run):
    write_values(run[0], values() * (1 + 1e-9 * np.sign(np.random.default_rng(4).normal(size=500))))
    assert wrong(run).empty


def test_a_missing_value_and_a_decision(run):
    text = (run[0] / PAIRS).read_text().splitlines()
    text[7] = "n/a\tFalse"
    write_text(run[0] / PAIRS, "\n".join(text) + "\n")
    assert wrong(run)["expected"].tolist() == ["missing 0"]
    write_values(run[0], values(), decision="False")
    assert wrong(run)["part"].tolist() == ["passed"]


def test_words_and_decimals_of_a_document(run):
    write_text(run[0] / FIGURE, '<svg><path d="M1.2500000001 2.5"/><text>2.96</text></svg>')
    assert wrong(run).empty
    write_text(run[0] / FIGURE, '<svg><path d="M1.25 2.5"/><text>2.97</text></svg>')
    assert wrong(run)["found"].str.startswith("mean ").tolist() == [True]
    write_text(run[0] / FIGURE, '<svg><path d="M1.25 2.5"/><text>2.96 pps</text></svg>')
    assert wrong(run)["found"].str.startswith("sha256 ").tolist() == [True]


@pytest.mark.parametrize(("height", "kinds"), [(2, []), (2 + 1e-9, []), (2.002, ["text"])])
def test_pdf_is_compared_by_what_it_draws(tmp_path, height, kinds):
    """A coordinate that is rounded otherwise may change lengths and offsets of the file, too."""
    from matplotlib.figure import Figure

    for name, top in (("expected_run", 2), ("run", height)):
        results = write_run(tmp_path / name)
        figure = Figure()
        figure.add_subplot().plot([0.1, 1, 3], [0.3, 1 / 3, top])
        figure.savefig(results / "drawn.pdf", metadata={"CreationDate": None, "Title": name})
    write_expectation(tmp_path / "expected_run", tmp_path / "expected")
    assert wrong((tmp_path / "run", tmp_path / "expected"))["kind"].tolist() == kinds


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF", "has no streams"),
        (b"<< >>\nstream\nno zlib\nendstream", "a stream is damaged"),
        (b"<< >>\nstream\n" + zlib.compress(bytes(2**26 + 1)) + b"\nendstream", "a stream is larger than"),
    ],
)
def test_pdf_that_is_damaged_or_unpacks_to_too_much_is_refused(tmp_path, content, said):
    (tmp_path / "one.pdf").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        facts_of(tmp_path, "one.pdf")


def test_hash_of_floats_in_a_table_is_no_fact_of_its_own(tmp_path):
    (tmp_path / "one.tsv").write_text("estimate\tinputs_sha256\n0.25\tab\n")
    assert [fact.part for fact in facts_of(tmp_path, "one.tsv")] == ["estimate"]


def test_files_that_cannot_be_read(run):
    arrays = run[0] / "arrays.npz"
    arrays.write_bytes(arrays.read_bytes()[:100])
    (run[0] / EVENTS).write_text("")
    found = wrong(run)
    assert found["file"].tolist() == ["arrays.npz", EVENTS]
    assert found["found"].str.startswith("cannot be read: ").all()


def test_the_expectation_has_the_same_bytes_for_the_same_run(run, tmp_path):
    write_expectation(run[0], tmp_path / "again")
    names = sorted(path.name for path in run[1].iterdir())
    assert names == sorted(path.name for path in (tmp_path / "again").iterdir())
    for name in names:
        assert (run[1] / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_an_expectation_is_not_overwritten_unasked(run):
    before = (run[1] / "manifest.tsv").read_bytes()
    write_ard(run[0], change=1.0)
    with pytest.raises(InputError, match="already holds an expectation"):
        write_expectation(run[0], run[1])
    assert (run[1] / "manifest.tsv").read_bytes() == before
    write_expectation(run[0], run[1], replace=True)
    assert wrong(run).empty


def test_an_unfinished_run_is_no_expectation(tmp_path):
    (tmp_path / "results").mkdir()
    with pytest.raises(InputError, match=r"no statistics/ard\.tsv"):
        write_expectation(tmp_path / "results", tmp_path / "expected")
    assert not (tmp_path / "expected").exists()


def test_command_says_page_and_table_and_ends_with_its_status(run, capsys):
    results, expected = run
    arguments = ["verify", str(results), "--expected", str(expected)]
    assert main(arguments) == 0
    assert "All OK: 13 of 13" in capsys.readouterr().out
    write_ard(results, change=1e-3)
    write_trains(results, TRAINS | {"MU02": [90, 301]})
    (results / FIGURE).unlink()
    # What the first verification wrote is not compared.
    assert main(arguments) == 1
    said = capsys.readouterr().out
    assert "DIFF statistics/ard.tsv primary.p_value: expected 0.01234567891, found 0.01334567891" in said
    assert f"DIFF {EVENTS} MU02: expected 2 discharges, 1 of them only here: sample 300" in said
    assert f"MISSING {FIGURE} all: expected a file, found n/a" in said
    assert "2 DIFF, 1 MISSING, 10 OK" in said
    page = (results / "verification" / "verification.html").read_text()
    assert "primary.p_value" in page and "2 DIFF, 1 MISSING, 10 OK" in page
    table = pd.read_csv(results / "verification" / "verification.tsv", sep="\t")
    assert table["status"].value_counts().to_dict() == {"OK": 10, "DIFF": 2, "MISSING": 1}
    assert "deviation" in json.loads((results / "verification" / "verification.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--expected", "expected"], "nowhere"),
        (["results", "--expected", "nowhere"], "manifest.tsv: there is no such file"),
        (["results", "--expected", "expected", "--replace"], "without --write"),
        (["results", "--expected", "expected", "--write"], "already holds"),
    ],
)
def test_bad_input_ends_with_status_2(run, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(run[0].parent)
    assert main(["verify", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_help_of_the_commands_is_fast():
    code = "import sys, pictrial.verify_command; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
