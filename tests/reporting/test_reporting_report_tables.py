"""Tables and Statistical Summary Document of the shipped plans, from made-up trials."""

import re
import shutil
import subprocess

import pytest
from made_up_results import made_up_ard, shipped

from pictrial.reporting.number_audit import audit_numbers, numerals
from pictrial.reporting.numbers import p_value, with_interval
from pictrial.reporting.planned import analysis_label
from pictrial.reporting.report_table import numbers_shown
from pictrial.reporting.report_tables import build_table, table_names
from pictrial.reporting.result_tables import result_table
from pictrial.reporting.shown import Results
from pictrial.reporting.statistical_summary import FIELDS, comparisons, summary_table
from pictrial.reporting.table_docx import write_docx
from pictrial.reporting.table_html import html_page
from pictrial.reporting.table_latex import latex_document
from pictrial.statistics.analysis_results import look_up

#: The trial with two experiments takes longest.
NAMES = ("sample", "single", "parallel", pytest.param("two", marks=pytest.mark.slow))


class Trials(dict):
    """Plan and ARD of each shipped trial, made up when it is first asked for."""

    def __missing__(self, name):
        plan = shipped(name)
        self[name] = plan, made_up_ard(plan)
        return self[name]


@pytest.fixture(scope="module")
def trials():
    return Trials()


def tables_of(plan, ard):
    tables = [build_table(name, plan, ard) for name in table_names(plan)]
    tables += [result_table(plan, ard, outcome) for outcome in plan.outcomes]
    return tables + ([summary_table(plan, ard)] if plan.analyses else [])


def cells(table, label, section=None):
    """Return the cells of a row by column, as text."""
    found = [row for row in table.rows if row.label == label and section in (None, row.section)]
    assert len(found) == 1, [(row.section, row.label) for row in table.rows]
    texts = (cell.text for cell in found[0].cells)
    return dict(zip((column.name for column in table.columns), texts, strict=True))


def test_only_tables_that_the_plan_has_rows_for():
    common = ["by_period", "baseline", "harms", "attrition"]
    assert table_names(shipped("sample")) == ["primary", "sensitivity", "vibstim", *common]
    assert table_names(shipped("single")) == common[1:]
    assert table_names(shipped("parallel")) == ["primary", "sensitivity", "scores", *common]


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_a_row_of_the_ard(trials, name):
    plan, ard = trials[name]
    for table in tables_of(plan, ard):
        texts = table.texts()
        assert audit_numbers(numbers_shown(table.name, texts), ard) > 0
        for place, shown in texts:
            # The share that an interval covers is a convention.
            assert shown.sources or not numerals(shown.text.replace("95 %", "")), (table.name, place)
        everything = " ".join(shown.text for _, shown in texts)
        assert not re.search(r"\bnan\b|\bNone\b|P <|\bSEM\b", everything), table.name


@pytest.mark.parametrize("name", NAMES)
def test_every_page_of_a_table_is_valid_and_its_labels_are_words(trials, name):
    import html5lib

    for table in tables_of(*trials[name]):
        html5lib.HTMLParser(strict=True).parse(html_page(table))
        labels = [table.title, table.label_heading, *(row.label + row.section for row in table.rows)]
        labels += [column.heading + column.group for column in table.columns]
        assert not [label for label in labels if "_" in label], table.name
        # A column in which nothing stands is none.
        assert all(any(row.cells[n].text for row in table.rows) for n in range(len(table.columns)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("name", NAMES)
def test_every_table_compiles_as_latex(trials, name, tmp_path):
    for table in tables_of(*trials[name]):
        (tmp_path / "t.tex").write_text(latex_document(table), encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        log = done.stdout.decode(errors="replace")
        assert done.returncode == 0 and "Missing character" not in log, (table.name, log[-2000:])
        too_wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        assert all(points < 10 for points in too_wide), (table.name, too_wide)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
def test_every_word_document_opens(trials, tmp_path):
    from pypdf import PdfReader

    tables = tables_of(*trials["sample"])
    for n, table in enumerate(tables):
        write_docx(table, tmp_path / f"{n}.docx")
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to"]
    files = [str(tmp_path / f"{n}.docx") for n in range(len(tables))]
    subprocess.run(
        [*command, "pdf", "--outdir", str(tmp_path), *files], check=True, capture_output=True, timeout=300
    )
    for n, table in enumerate(tables):
        pages = [page.extract_text() for page in PdfReader(tmp_path / f"{n}.pdf").pages]
        text = "".join("".join(pages).split())
        assert "".join(table.title.split()) in text
        missing = [row.label for row in table.rows if "".join(row.label.split()) not in text]
        assert not missing, (table.name, missing)


def test_primary(trials):
    plan, ard = trials["sample"]
    table, results = build_table("primary", plan, ard), Results(ard)
    row = cells(table, "Stimulation − control", "Contrasts, pps")
    key = ("primary", "delta_f", "stimulation - control")
    estimate, lower, upper, p = (
        results.value(*key, name) for name in ("estimate", "ci_lower", "ci_upper", "p_adjusted")
    )
    assert row["estimate"] == with_interval(estimate, lower, upper)
    assert row["p_adjusted"] == p_value(p)
    assert row["n_participants"] == "6"
    notes = " ".join(note.text for note in table.notes)
    for words in ("Estimand", "Kenward-Roger", "(1 | participant:condition)", "Holm", "all randomised"):
        assert words in notes


def test_a_variance_below_zero_is_shown_without_sd(trials):
    plan, ard = trials["sample"]
    ard = ard.copy()
    of_component = (ard["analysis"] == "primary") & (ard["contrast_or_level"] == "participant:condition")
    ard.loc[of_component & (ard["statistic"] == "variance"), "value"] = -0.0316
    ard.loc[of_component & (ard["statistic"] == "standard_deviation"), "value"] = float("nan")
    row = cells(build_table("primary", plan, ard), "Participant × condition", "Variance, pps² (SD, pps)")
    assert row["estimate"] == "−0.032 (–)"


def test_participants_without_a_variance_limit_what_means_say(trials):
    plan, ard = trials["sample"]
    ard = ard.copy()
    of_participants = (ard["analysis"] == "primary") & (ard["contrast_or_level"] == "participant")
    rows = of_participants & (ard["statistic"] == "variance")
    assert rows.sum() == 1
    notes = {}
    for value in (0.2, float("nan")):
        ard.loc[rows, "value"] = value
        notes[value == 0.2] = " ".join(note.text for note in build_table("primary", plan, ard).notes)
    assert "for the participants of this trial only" in notes[False]
    assert "for the participants of this trial only" not in notes[True]


def test_effect_sizes_say_what_they_are_over(trials):
    plan, ard = trials["sample"]
    row = cells(build_table("primary", plan, ard), "d, total SD: Stimulation − control", "Effect sizes")
    size = look_up(ard[ard["outcome"] == "delta_f"], "primary", "stimulation - control", "d_total")
    assert row["estimate"].startswith(f"{size:.2f} (".replace("-", "−")) and not row["p"]


def test_shares_have_no_sd(trials):
    plan, ard = trials["sample"]
    mean = cells(build_table("vibstim", plan, ard), "Control", "Response to VibStim, share")["mean"]
    assert re.fullmatch(r"\d\.\d\d", mean)
    torque = cells(build_table("vibstim", plan, ard), "Control", "Torque under vibration, % MVC")["mean"]
    assert "(" in torque


@pytest.mark.slow
def test_every_experiment_has_its_primary_analysis(trials):
    plan, ard = trials["two"]
    sections = {row.section.partition(": ")[0] for row in build_table("primary", plan, ard).rows}
    assert sections == {experiment.label for experiment in plan.experiments.values()}


def test_every_analysis_has_a_row_for_every_contrast(trials):
    plan, ard = trials["sample"]
    table = build_table("sensitivity", plan, ard)
    of_contrast = [row for row in table.rows if row.section.endswith("analyses: Relaxation − control")]
    labels = " ".join(row.label for row in of_contrast)
    with_contrast = [one for one in plan.analyses.values() if one.method != "correlation"]
    for analysis in with_contrast:
        assert analysis_label(plan, analysis.name) in labels
    assert {row.label.split(" (")[0] for row in table.rows if row.section.startswith("Without")} == {
        "ΔF with torque",
        "ΔF with peak discharge rate",
    }
    ranks = next(row for row in of_contrast if row.label == "Torque under vibration ranks")
    assert "% MVC" in ranks.cells[1].text
    share = next(row for row in of_contrast if row.label == "Responders")
    assert share.cells[1].text.endswith("difference of shares")


def test_baseline_has_groups_and_no_p(trials):
    plan, ard = trials["sample"]
    table = build_table("baseline", plan, ard)
    assert [column.name for column in table.columns] == [*plan.sequences, "all"]
    assert cells(table, "Participants, n", "")["all"] == "6"
    assert not any(column.heading == "P" for column in table.columns)
    ages = cells(table, "Mean (SD)", "Age, years")
    assert ages["all"] == f"{look_up(ard[ard['outcome'] == 'age'], 'baseline', 'all', 'mean'):.1f}" + (
        f" ({look_up(ard[ard['outcome'] == 'age'], 'baseline', 'all', 'sd'):.1f})"
    )


def test_cells_of_period(trials):
    plan, ard = trials["sample"]
    table = build_table("by_period", plan, ard)
    row = cells(table, "Relaxation", "ΔF, pps")
    of_outcome = ard[ard["outcome"] == "delta_f"]
    for period in (1, 2, 3):
        mean = look_up(of_outcome, "by_period", f"relaxation, period {period}", "mean")
        assert row[f"mean_period_{period}"].startswith(f"{mean:.2f} (")
    assert len(row) == 9


def test_harms_known_and_not_known(trials):
    plan, ard = trials["sample"]
    table = build_table("harms", plan, ard)
    harms = ard[ard["analysis"] == "harms"]
    assert cells(table, "Serious")["events_all"] == str(
        int(look_up(harms, "harms", "all, serious", "n_adverse_events"))
    )
    assert {"headache", "muscle soreness"} <= {row.label for row in table.rows}
    single = shipped("single")
    without = build_table("harms", single, made_up_ard(single, with_events=False))
    (line,) = without.rows
    assert line.label == "Adverse events: not recorded" and line.cells[-1].text == "1"
    assert [column.name for column in without.columns][-1] == "exposed_all"
    assert without.notes[0].text.startswith("The data set has no table of adverse events")


def test_attrition_adds_up_in_every_stage_and_condition(trials):
    plan, ard = trials["sample"]
    table = build_table("attrition", plan, ard)
    for section in dict.fromkeys(row.section for row in table.rows):
        rows = [row for row in table.rows if row.section == section]
        for place in range(len(table.columns)):
            counts = [int(row.cells[place].text or 0) for row in rows]
            between = zip(rows[1:-1], counts[1:-1], strict=True)
            changed = sum({"Gained": 1, "Lost": -1}[row.label.partition(":")[0]] * n for row, n in between)
            assert counts[0] + changed == counts[-1], (section, table.columns[place].name)


def test_summary_has_a_row_for_every_comparison(trials):
    plan, ard = trials["sample"]
    rows = comparisons(plan, ard)
    assert all(list(row) == list(FIELDS) for row in rows)
    asked = [(row["question"].shown.text.partition(".")[0], row["comparison"].shown.text) for row in rows]
    assert len(set(asked)) == len(asked)
    assert ("Primary", "Stimulation − control") in asked
    assert ("Responders", "Relaxation − control") in asked
    first = rows[0]
    assert first["n_participants"].value == 6
    assert first["unit_of_analysis"].shown.text == "motor unit within participant"
    assert first["place"].shown.text == "Figure of ΔF, B"
    control = look_up(ard[ard["outcome"] == "delta_f"], "descriptive", "control", "mean")
    assert first["other_mean"].value == control and first["other_condition"].shown.text == "Control"
    assert all(row["p"].shown.text or row["note"].shown.text for row in rows)
