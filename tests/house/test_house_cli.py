"""The command line: what it prints, what it writes, and how it ends on bad input."""

import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pandas as pd
import pytest

from pictrial.cli import main
from pictrial.recordings.otb import read_otb


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pictrial.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def outcomes(tmp_path):
    random = np.random.default_rng(1)
    people = np.repeat([f"p{i}" for i in range(8)], 6)
    condition = np.tile(["a", "b"], 24)
    value = 3 + (condition == "b") + np.repeat(random.normal(0, 1, 8), 6) + random.normal(0, 0.3, 48)
    path = tmp_path / "data.csv"
    frame = pd.DataFrame({"participant": people, "condition": condition, "visit": range(48)})
    frame.assign(value=value).to_csv(path, index=False)
    return path


def test_command_is_installed():
    assert [entry.value for entry in entry_points(group="console_scripts", name="pictrial")] == [
        "pictrial.cli:main"
    ]


def test_help_shows_every_command_and_examples():
    done = run("--help")
    assert done.returncode == 0
    for command in ("import-otb", "decompose", "delta-f", "lmm"):
        assert f"pictrial {command} " in done.stdout, "an example of each command"


def test_help_is_fast():
    code = "import sys, pictrial.cli; print([m for m in ('numpy', 'pandas', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["decompose", "missing.bdf", "--output", "out"], "missing.bdf"),
        (["decompose", "missing.mat", "--output", "out"], "missing.mat"),
        (["decompose", "notes.txt", "--output", "out"], "notes.txt: '.txt' is no format of recordings"),
        (["delta-f", "missing.tsv", "--output", "out.tsv"], "missing.tsv"),
        (["lmm", "missing.csv", "y ~ x + (1 | g)", "--output", "out.csv"], "missing.csv"),
        (
            ["import-otb", "no.mat", "--bids", "b", "--subject", "1", "--session", "1", "--task", "ramp"],
            "no.mat",
        ),
    ],
)
def test_bad_input_ends_with_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith(f"pictrial {arguments[0]}: ")
    assert message in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["lmm"], ["decompose", "a.bdf", "--output", "o", "--threads", "0"]]
)
def test_wrong_usage_ends_with_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: pictrial" in capsys.readouterr().err


def lmm(outcomes, output, *options: str) -> pd.DataFrame:
    """Run `lmm` and return what it wrote by section, term and stat."""
    formula = "value ~ condition + (1 | participant)"
    assert main(["lmm", str(outcomes), formula, *options, "--output", str(output)]) == 0
    return pd.read_csv(output, keep_default_na=False).set_index(["section", "term", "stat"])["value"]


def test_lmm_writes_the_layout_and_prints_what_people_read(outcomes, tmp_path, capsys):
    levels = "--levels=condition=b,a"
    result = lmm(outcomes, tmp_path / "r.csv", levels, "--emm", "~ condition", "--adjust", "holm")
    said = capsys.readouterr().out
    assert "48 observations" in said and "Joint tests (type III), Kenward-Roger" in said
    frame = pd.read_csv(outcomes)
    means = frame.pivot_table(index="participant", columns="condition", values="value")
    # Balanced data: the estimate is the mean of the paired differences, and b is the reference.
    difference = (means["b"] - means["a"]).mean()
    assert float(result["fixef", "conditiona", "estimate"]) == pytest.approx(-difference)
    assert float(result["pairwise_kr", "b - a", "estimate"]) == pytest.approx(difference)
    assert float(result["emm_satt", "a", "emmean"]) == pytest.approx(means["a"].mean())
    # One comparison: adjusting changes nothing. Participants and residuals: 48 - 8 - 1 degrees of freedom.
    assert result["pairwise_kr", "b - a", "p_holm"] == result["pairwise_kr", "b - a", "p_none"]
    assert float(result["pairwise_kr", "b - a", "df"]) == pytest.approx(39)
    assert not [stat for _, _, stat in result.index if stat in ("p_tukey", "p_bonferroni")]


def test_lmm_writes_only_what_was_asked_for(outcomes, tmp_path, capsys):
    sections = {
        options: set(lmm(outcomes, tmp_path / "r.csv", *options).index.get_level_values("section"))
        for options in ((), ("--df", "kenward-roger"), ("--df", "satterthwaite"), ("--ml",))
    }
    assert {"anova3_satt", "anova3_kr", "fit_ml"} <= sections[()]
    assert not [name for name in sections["--df", "kenward-roger"] if name.endswith("_satt")]
    assert not [name for name in sections["--df", "satterthwaite"] if name.endswith("_kr")]
    assert ("fixef", "conditionb", "estimate") in lmm(outcomes, tmp_path / "r.csv", "--df", "kenward-roger")
    lmm(outcomes, tmp_path / "r.csv", "--ml")
    assert "Fixed effects, maximum likelihood\n" in capsys.readouterr().out.split("observations\n")[-2]
    assert sections["--ml",] == {"fit", "fit_ml", "fixef_ml", "vc_ml"}


def test_lmm_reads_tables_of_the_pipeline_and_levels_called_none(outcomes, tmp_path):
    frame = pd.read_csv(outcomes).replace({"condition": {"a": "None"}})
    frame.loc[0, "value"] = None
    frame.to_csv(tmp_path / "d.tsv", sep="\t", index=False, na_rep="n/a")
    result = lmm(tmp_path / "d.tsv", tmp_path / "r.csv", "--emm", "~condition")
    assert (result["fit", "", "nobs"], result["fit", "", "n_left_out"]) == (47, 1)
    assert ("emm_kr", "None", "emmean") in result


def test_lmm_names_the_columns_that_say_nothing_new(outcomes, tmp_path, capsys):
    frame = pd.read_csv(outcomes)
    frame.assign(dose=(frame["condition"] == "b") * 2.0).to_csv(outcomes, index=False)
    formula = "value ~ condition + dose + (1 | participant)"
    assert main(["lmm", str(outcomes), formula, "--output", str(tmp_path / "r.csv")]) == 0
    assert "other columns say the same: dose" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--levels", "condition"], "COLUMN=A,B"),
        (["--levels", "condition=a"], "level 'b'"),
        (["--levels", "dose=a,b"], "'dose'"),
        (["--emm", "~ value"], "'value'"),
        (["--emm", "condition"], "marginal means"),
        (["--adjust", "scheffe"], "'scheffe'"),
    ],
)
def test_lmm_refuses_options_that_do_not_fit(outcomes, tmp_path, capsys, options, message):
    output = tmp_path / "result.csv"
    formula = "value ~ condition + (1 | participant)"
    assert main(["lmm", str(outcomes), formula, *options, "--output", str(output)]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("value ~ dose + (1 | participant)", "dose"),
        ("value condition", "formula"),
        ("value ~ condition", "random"),
        ("value ~ condition + (condition | visit)", "random effects"),
        ("value ~ condition + (1 | condition)", "no variance can be estimated"),
    ],
)
def test_lmm_refuses_a_formula_that_does_not_fit(outcomes, tmp_path, capsys, formula, message):
    assert main(["lmm", str(outcomes), formula, "--output", str(tmp_path / "result.csv")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "result.csv").exists()


def test_lmm_counts_the_rows_that_it_leaves_out(outcomes, tmp_path, capsys):
    frame = pd.read_csv(outcomes).assign(comment="")
    frame.loc[[3, 7], "value"] = None
    frame.to_csv(outcomes, index=False)
    result = lmm(outcomes, tmp_path / "r.csv")
    said = capsys.readouterr().out
    assert "2 of 48 rows left out, a column of the formula is empty" in said
    assert "46 observations" in said
    assert (result["fit", "", "nobs"], result["fit", "", "n_left_out"]) == (46, 2)


def test_delta_f_with_the_regression_is_that_of_openhdemg(otb_testfile, tmp_path):
    recording, vendor = read_otb(otb_testfile)
    rows = [
        (sample / recording.sampling_rate, 0, sample, unit, "motor-unit-spike")
        for unit, train in vendor.items()
        for sample in train
    ]
    events = pd.DataFrame(rows, columns=["onset", "duration", "sample", "unit_id", "event_type"])
    path, output = tmp_path / "x_desc-decomposed_events.tsv", tmp_path / "pairs.tsv"
    events.sort_values("onset").to_csv(path, sep="\t", index=False)
    assert main(["delta-f", str(path), "--smoother", "svr", "--output", str(output)]) == 0
    pairs = pd.read_csv(output, sep="\t")
    passed = pairs[pairs["passed"]]
    # Those that its compute_deltaf gives for this file (documentation of openhdemg 0.2).
    assert sorted(passed["delta_f"]) == pytest.approx([1.549303, 2.127461, 2.709522], abs=0.001)


def test_delta_f_writes_the_ledger(tmp_path, capsys):
    times = {"control": np.arange(2, 20, 0.1), "test": np.arange(6, 16, 0.09)}
    rows = [(t, 0, round(t * 2048), unit, "motor-unit-spike") for unit, train in times.items() for t in train]
    events = pd.DataFrame(rows, columns=["onset", "duration", "sample", "unit_id", "event_type"])
    path = tmp_path / "x_desc-decomposed_events.tsv"
    events.sort_values("onset").to_csv(path, sep="\t", index=False)
    assert main(["delta-f", str(path), "--output", str(tmp_path / "pairs.tsv")]) == 0
    pairs = pd.read_csv(tmp_path / "pairs.tsv", sep="\t")
    assert [tuple(row) for row in pairs[["control_unit", "test_unit"]].to_numpy()] == [
        ("control", "test"),
        ("test", "control"),
    ]
    assert "2 pairs" in capsys.readouterr().out
    assert main(["delta-f", str(path), "--output", str(tmp_path / "p.tsv"), "--smoother", "magic"]) == 2
    assert "magic" in capsys.readouterr().err


@pytest.mark.slow
def test_from_an_export_to_delta_f(otb_testfile, tmp_path, capsys):
    bids, output = tmp_path / "bids", tmp_path / "decomposed"
    labels = ["--subject", "01", "--session", "1", "--task", "ramp"]
    assert main(["import-otb", str(otb_testfile), "--bids", str(bids), *labels]) == 0
    recording = capsys.readouterr().out.strip()
    assert recording == str(bids / "sub-01" / "ses-1" / "emg" / "sub-01_ses-1_task-ramp_run-1_emg.bdf")
    assert main(["decompose", recording, "--output", str(output), "--threads", "2"]) == 0
    events = output / "sub-01_ses-1_task-ramp_run-1_desc-decomposed_events.tsv"
    assert capsys.readouterr().out.startswith(f"{events}: ")
    assert main(["delta-f", str(events), "--output", str(tmp_path / "pairs.tsv")]) == 0
    units = pd.read_csv(events, sep="\t")["unit_id"].nunique()
    assert len(pd.read_csv(tmp_path / "pairs.tsv", sep="\t")) == units * (units - 1) > 0
