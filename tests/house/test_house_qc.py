"""The twin in R: what it is told, what it computes, and what a comparison with it finds."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pictrial.errors import InputError
from pictrial.statistics.analysis import join_results, run_analysis
from pictrial.statistics.cross_checks import require_agreement
from pictrial.tables import write_table
from pictrial.trial.plan import load_plan

REPOSITORY = Path(__file__).resolve().parents[2]
QC = REPOSITORY / "qc"
SAMPLE = REPOSITORY / "config" / "trial.yaml"
PLAN = "trial.yaml"  # in the folder of the drawn trial


@pytest.fixture(scope="module")
def tools():
    """The two scripts as modules."""
    sys.path.insert(0, str(QC))
    modules = []
    for name in ("export_fits", "compare_with_r"):
        specification = importlib.util.spec_from_file_location(name, QC / f"{name}.py")
        modules.append(importlib.util.module_from_spec(specification))
        specification.loader.exec_module(modules[-1])
    yield modules
    sys.path.remove(str(QC))


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> Path:
    """A drawn trial with its results, as the workflow lays them out."""
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    from drawn_trial import DrawnTrial, draw_outcomes

    folder = tmp_path_factory.mktemp("trial")
    # A variance below zero, which this draw would have, has no twin in R.
    (folder / PLAN).write_text(
        SAMPLE.read_text().replace("variances: unconstrained", "variances: nonnegative")
    )
    plan = load_plan(folder / PLAN)
    outcomes = draw_outcomes(plan.sessions, DrawnTrial(), seed=4).assign(left_out_for=None)
    names = ["primary", "random_slopes"]
    tables, records = zip(*(run_analysis(plan, name, outcomes, "none", 1) for name in names), strict=True)
    write_table(outcomes, folder / "analysis" / "outcomes.tsv", "outcomes")
    write_table(join_results(list(tables)), folder / "statistics" / "ard.tsv", "ard")
    (folder / "statistics" / "analyses").mkdir()
    for name, record in zip(names, records, strict=True):
        (folder / "statistics" / "analyses" / f"{name}.json").write_text(json.dumps(record))
    return folder


def run(script: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(QC / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_r_is_told_the_formula_that_was_fitted(tools, trial):
    done = run("export_fits.py", trial / PLAN, trial)
    assert done.returncode == 0, done.stderr
    fits = pd.read_csv(trial / "qc" / "fits.tsv", sep="\t").set_index("analysis")
    primary = fits.loc["primary"]
    assert "(1 | participant)" in primary["formula"]
    # One participant on each sequence: sequence takes up all that differs between them.
    random = set(re.findall(r"\([^()]*\|([^()]*)\)", primary["fitted_formula"]))
    assert {name.strip() for name in random} == {"participant:condition", "participant:unit"}
    assert np.isnan(primary["residual_variance"])
    assert "condition=control,stimulation,relaxation" in primary["levels"].split(";")
    assert "participant_means" not in fits.index
    contrasts = pd.read_csv(trial / "qc" / "contrasts.tsv", sep="\t")
    of_primary = contrasts[contrasts["analysis"] == "primary"]
    assert {("stimulation", "control"), ("relaxation", "control")} <= set(
        of_primary[["level", "minus"]].itertuples(index=False, name=None)
    )


def test_r_agrees_with_the_results_of_a_trial(trial):
    packages = 'for (name in c("lmerTest", "pbkrtest", "emmeans")) loadNamespace(name)'
    if (
        not shutil.which("Rscript")
        or subprocess.run(["Rscript", "-e", packages], capture_output=True).returncode
    ):
        pytest.skip("needs R with lmerTest, pbkrtest and emmeans (make qc INSTALL=yes)")
    assert run("export_fits.py", trial / PLAN, trial).returncode == 0
    twin = ["Rscript", "--vanilla", str(QC / "mixed_models.R"), str(trial)]
    done = subprocess.run(twin, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = run("compare_with_r.py", trial)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(trial / "qc" / "r_comparison.tsv", sep="\t")
    primary = table[(table["analysis"] == "primary") & (table["verdict"] == "within")].set_index("key")
    contrast = "contrast.stimulation-control"
    for statistic in ("estimate", "standard_error", "df", "t", "p", "p_adjusted", "ci_lower", "ci_upper"):
        assert f"{contrast}.{statistic}" in primary.index
    assert {"mean.control.estimate", "model.all.reml_deviance"} <= set(primary.index)
    assert {"component.participant:unit.variance", "term.condition.F"} <= set(primary.index)
    assert primary["difference"].max() < 1e-4
    # A number that is wrong in the fourth digit ends the comparison.
    ard = (trial / "statistics" / "ard.tsv").read_text()
    value = re.search(rf"primary\.\S+{contrast}\.df\t.*?\tdf\t([\d.]+)\t", ard)[1]
    (trial / "statistics" / "ard.tsv").write_text(
        ard.replace(f"\tdf\t{value}", f"\tdf\t{float(value) * 1.01}")
    )
    done = run("compare_with_r.py", trial)
    (trial / "statistics" / "ard.tsv").write_text(ard)
    assert done.returncode == 1
    assert "Outside their tolerance" in done.stderr and f"{contrast}.df" in done.stderr


CONTRAST = "contrast.a-b"
VALUES = {
    "model.all.reml_deviance": 100.0,
    "component.participant.variance": 2.0,
    "component.residual.variance": 1e-6,
    f"{CONTRAST}.estimate": 0.01,
    f"{CONTRAST}.standard_error": 2.0,
    f"{CONTRAST}.df": 8.0,
    f"{CONTRAST}.t": 0.005,
    f"{CONTRAST}.p": 1e-12,
    "term.condition.df1": 2.0,
}
RECORD = {"df_method": "kenward-roger", "singular": [], "fixed_effects": {}}


def compared(tools, changed: dict, record: dict | None = None) -> pd.DataFrame:
    """Compare VALUES with those of R, of which some are `changed`."""
    _, compare_with_r = tools
    of_r = {
        key if key[0] in "m" or key.startswith("comp") else f"kenward-roger.{key}": v
        for key, v in VALUES.items()
    }
    of_r |= {f"satterthwaite.{CONTRAST}.df": 3.0, "model.all.singular": 0.0} | changed
    r = pd.DataFrame([("fit", *pair) for pair in of_r.items()], columns=["analysis", "key", "value"])
    ours = pd.DataFrame([("fit", *pair) for pair in VALUES.items()], columns=["analysis", "key", "value"])
    return compare_with_r.compare(ours, r, {"fit": RECORD | (record or {})}).set_index("key")


@pytest.mark.parametrize(
    ("key", "factor", "verdict"),
    [
        ("model.all.reml_deviance", 1.0, "within"),
        ("model.all.reml_deviance", 1 - 1e-6, "outside"),  # R is lower by 1e-4
        ("component.participant.variance", 1.004, "within"),
        ("component.participant.variance", 1.006, "outside"),
        ("component.residual.variance", 5.0, "within"),  # tiny beside the largest
        (f"kenward-roger.{CONTRAST}.estimate", 1.1, "within"),  # 0.0005 standard errors
        (f"kenward-roger.{CONTRAST}.estimate", 1.3, "outside"),
        (f"kenward-roger.{CONTRAST}.standard_error", 1.0006, "outside"),
        (f"kenward-roger.{CONTRAST}.df", 1.0009, "within"),
        (f"kenward-roger.{CONTRAST}.df", 1.0011, "outside"),
        (f"kenward-roger.{CONTRAST}.t", 1.1, "within"),
        (f"kenward-roger.{CONTRAST}.p", 1e3, "within"),  # both are nothing
        (f"kenward-roger.{CONTRAST}.p", 1e6, "outside"),
        ("kenward-roger.term.condition.df1", 1.5, "outside"),
    ],
)
def test_every_number_has_its_tolerance(tools, key, factor, verdict):
    short = key.removeprefix("kenward-roger.")
    table = compared(tools, {key: VALUES[short] * factor})
    assert table.loc[short, "verdict"] == verdict
    assert (table.drop(short)["verdict"] == "within").all()


def test_tolerances_are_wider_on_the_boundary(tools):
    changed = {f"kenward-roger.{CONTRAST}.df": 8.0 * 1.002}
    assert compared(tools, changed).loc[f"{CONTRAST}.df", "verdict"] == "outside"
    for singular in (
        compared(tools, changed | {"model.all.singular": 1.0}),
        compared(tools, changed, {"singular": ["participant.(Intercept)"]}),
    ):
        assert singular.loc[f"{CONTRAST}.df", "verdict"] == "within"


def test_df_are_those_of_the_plans_method(tools):
    table = compared(tools, {}, {"df_method": "satterthwaite"})
    assert table.loc[f"{CONTRAST}.df", "r"] == 3.0
    assert table.loc[f"{CONTRAST}.df", "verdict"] == "outside"
    assert table.loc[f"{CONTRAST}.estimate", "verdict"] == "not in R"


def test_r_at_a_worse_optimum_says_nothing(tools):
    changed = {"model.all.reml_deviance": 100.01, f"kenward-roger.{CONTRAST}.standard_error": 2.2}
    table = compared(tools, changed)
    assert (table["verdict"] == "R missed the optimum").all()
    agreement = tools[1].agreement(table.reset_index())
    assert agreement["verdict"].tolist() == ["worse optimum"]
    require_agreement(agreement)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model.all.reml_deviance": 99.9}, "deviance lower by 0.1"),
        ({f"kenward-roger.{CONTRAST}.standard_error": 2.1}, "standard error of R lme4 differs by 4.76%"),
    ],
)
def test_what_r_finds_stops_the_job(tools, changed, message):
    agreement = tools[1].agreement(compared(tools, changed).reset_index())
    with pytest.raises(InputError, match=message):
        require_agreement(agreement)


def test_a_fit_that_r_has_not_made_is_no_agreement(tools):
    nothing = {f"kenward-roger.{key}": np.nan for key in VALUES if key.startswith("contrast")}
    with pytest.raises(InputError, match="analysis fit: R has none of its contrasts"):
        tools[1].agreement(compared(tools, nothing).reset_index())


def test_values_are_named_as_in_the_twin(tools):
    names = {"(Intercept)": {"estimate": 1.0, "standard_error": 0.5}}
    ard = pd.DataFrame(
        [
            ("primary.delta_f.contrast.a-b.df", "primary", 8.0),
            ("primary.delta_f.count.all.n_units", "primary", 9.0),
            ("other.delta_f.contrast.a-b.df", "other", 7.0),
            ("primary.delta_f.mean.a.df", "primary", np.nan),
        ],
        columns=["ard_id", "analysis", "value"],
    )
    values = tools[1].our_values(ard, {"primary": {"fixed_effects": names}})
    assert dict(zip(values["key"], values["value"], strict=True)) == {
        "contrast.a-b.df": 8.0,
        "fixed._Intercept_.estimate": 1.0,
        "fixed._Intercept_.standard_error": 0.5,
    }


def test_make_names_the_packages_of_r():
    wanted = set(
        re.search(r"^R_PACKAGES := (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)[1].split()
    )
    loaded = re.findall(r"library\((\w+)\)", (QC / "mixed_models.R").read_text())
    assert {f"r-cran-{name.lower()}" for name in loaded} | {"r-base-core"} == wanted


def test_speed_is_judged_by_ratio_and_only_of_the_same_result():
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    from mixed_models import RANDOM, ROWS, markdown, nested_values, time_by_condition

    assert (len(time_by_condition()), len(nested_values())) == (ROWS, 21000)
    names = ["task", "clock", "processor", "value"]
    both = [(task, 9, 0.01, 8.0) for task in RANDOM]
    ours = pd.DataFrame([*both, ("nested", 9, 2.0, 5.0), ("bootstrap", 61, 1, 0)], columns=names)
    of_r = [(task, 9, seconds, 8.0) for task, seconds in zip(RANDOM, (1.5, 0.9, 1.1), strict=True)]
    of_r = pd.DataFrame([*of_r, ("nested", 9, 0.9, 5.0)], columns=names)
    lines = markdown(ours, of_r).splitlines()[2:]
    assert [line.split("|")[4].strip() for line in lines] == ["150", "90", "110", "0.45", "–"]
    assert [line.split("|")[6].strip() for line in lines] == ["yes", "no", "yes", "no", "no"]
    alone = markdown(ours, of_r.iloc[:0]).splitlines()[2:]
    assert [line.split("|")[6].strip() for line in alone] == ["–", "–", "–", "–", "no"]
    with pytest.raises(RuntimeError, match=r"nested: 5\.0 is 5\.1 in R"):
        markdown(ours, of_r.assign(value=[8.0, 8.0, 8.0, 5.1]))
