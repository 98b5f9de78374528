"""Outcomes of participants, compared by ranks: what figure, caption and table show of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pictrial.reporting.captions import figure_caption
from pictrial.reporting.figures import draw_outcome
from pictrial.reporting.planned import main_analysis
from pictrial.reporting.result_tables import result_table
from pictrial.statistics.analysis import describe, join_results, run_analysis
from pictrial.statistics.analysis_results import look_up
from pictrial.trial.plan import load_plan, schedule

PLAN = load_plan(Path(__file__).resolve().parents[2] / "config" / "trial.yaml")
OUTCOME = "torque_vibration"


@pytest.fixture(scope="module")
def outcomes() -> pd.DataFrame:
    rows = schedule(PLAN)
    torque = np.exp(np.random.default_rng(1).normal(1, 1, len(rows)))
    rows = rows.assign(outcome=OUTCOME, value=torque - (rows["condition"] == "relaxation"), n_controls=0)
    missing = pd.Series(np.nan, rows.index, dtype="str")
    return rows.assign(
        unit_id=missing, standard_error=np.nan, matched=True, left_out_for=None, previous="none"
    )


@pytest.fixture(scope="module")
def ard(outcomes) -> pd.DataFrame:
    names = ("torque_vibration", "torque_vibration_ranks")
    tables = [run_analysis(PLAN, name, outcomes, "0" * 64, 1)[0] for name in names]
    return join_results([describe(PLAN, outcomes, "0" * 64), *tables])


def test_the_main_analysis_is_the_primary_one_else_the_first_in_the_unit_of_the_outcome():
    assert main_analysis(PLAN, "delta_f").name == "primary"
    assert main_analysis(PLAN, "peak_rate").name == "peak_rate"
    # The model of torque is one of its asinh: its differences are not per cent of MVC.
    assert main_analysis(PLAN, OUTCOME).name == "torque_vibration_ranks"
    assert main_analysis(PLAN, "responder").name == "responders"


def test_the_table_counts_participants_only(ard):
    table = result_table(PLAN, ard, OUTCOME)
    names = [column.name for column in table.columns]
    rows = {row.label: dict(zip(names, (cell.text for cell in row.cells), strict=True)) for row in table.rows}
    assert "n_participants" in names and "n_units" not in names and "n_pairs" not in names
    assert rows["Relaxation − control"]["n_participants"] == "6"
    shift = look_up(ard, "torque_vibration_ranks", "relaxation - control", "estimate")
    assert rows["Relaxation − control"]["model"].startswith(f"{shift:.2f}".replace("-", "−"))
    assert rows["Control"]["model"] == ""
    notes = " ".join(note.text for note in table.notes)
    assert "18 values (one per session)" in notes and "motor unit" not in notes and "Wilcoxon" in notes


def test_figure_and_caption_have_no_motor_units(ard, outcomes):
    caption = figure_caption(PLAN, ard, OUTCOME)
    assert "one value per session" in caption and "motor unit" not in caption and "df =" not in caption
    left = draw_outcome(PLAN, ard, outcomes, OUTCOME).axes[0]
    sizes = {float(size) for points in left.collections for size in points.get_sizes()}
    assert 8.0 not in sizes  # the small points
