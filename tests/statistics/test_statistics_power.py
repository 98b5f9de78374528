"""Power by simulation: against the closed form of balanced trials, and what is counted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from pictrial.cli import main
from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics import power
from pictrial.statistics.fitted_model import fit_model, model_frame
from pictrial.statistics.power import (
    ALL,
    ANY,
    fitted_standard_deviations,
    planned_test,
    power_curve,
    protocol_sentence,
    smallest_participants,
    usual_test,
)
from pictrial.statistics.simulated_outcomes import (
    OutcomeModel,
    StandardDeviations,
    crossover_sessions,
    draw_outcomes,
    williams_sequences,
)
from pictrial.trial.plan import load_plan

CONDITIONS = ("control", "stimulation", "relaxation")
EFFECTS = {"stimulation": -0.9, "relaxation": -0.5}
#: So large between conditions that the variance is never estimated as zero.
DEVIATIONS = StandardDeviations(
    participant=0.5, participant_condition=0.6, participant_unit=0.5, residual=0.3
)
TEST = replace(usual_test(CONDITIONS), adjustment="none")


def exact_power(participants, units, difference):
    """Power of one contrast of a complete, balanced trial: noncentral t, df (n - 1)(k - 1) - (k - 1)."""
    df = 2 * (participants - 1) - 2
    variance = 2 * (DEVIATIONS.participant_condition**2 + DEVIATIONS.residual**2 / units) / participants
    limit, shift = student.isf(0.025, df), difference / np.sqrt(variance)
    return nct.sf(limit, df, shift) + nct.cdf(-limit, df, shift)


def curve_of(trials, participants=(6,), processes=1, test=TEST, lost=(0.0,), effects=(EFFECTS,), seed=3):
    model = OutcomeModel(DEVIATIONS, period_effects=(0.0, 0.5, 1.0))
    return power_curve(test, model, participants, (3,), lost, effects, trials, seed, processes)


def check_against_the_closed_form(curve):
    for row in curve[curve["minus"] != ""].itertuples():
        expected = exact_power(row.participants, row.units, row.difference)
        error = np.sqrt(expected * (1 - expected) / row.trials)
        assert abs(row.power - expected) < 3.3 * error


def test_power_of_balanced_trials_is_that_of_the_closed_form():
    check_against_the_closed_form(curve_of(40, (12,)))


@pytest.mark.slow
def test_power_of_many_balanced_trials_is_that_of_the_closed_form():
    check_against_the_closed_form(curve_of(1000, (6, 12), processes=2))


def test_any_number_of_processes_gives_the_same_table():
    one, two = (curve_of(11, processes=processes, lost=(0.3,)) for processes in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(curve_of(11, lost=(0.3,), seed=4))


@pytest.fixture
def answers(monkeypatch):
    """Let trial n be answered by row n of an array instead of being drawn and fitted."""

    def answer(rows):
        found = iter(np.array(rows, float))
        monkeypatch.setattr(power, "_one_trial", lambda *_: next(found))

    return answer


def test_significant_trials_are_counted(answers):
    answers([[1, 1], [1, 0], [0, 1], [1, np.nan], [np.nan, np.nan]])
    table = curve_of(5).set_index("level")
    assert table["power"].to_dict() == pytest.approx(
        {"stimulation": 0.6, "relaxation": 0.4, ANY: 0.8, ALL: 0.2}
    )
    assert table["not_estimable"].to_dict() == {"stimulation": 1, "relaxation": 2, ANY: 1, ALL: 2}
    assert table.loc["stimulation", "standard_error"] == pytest.approx((0.6 * 0.4 / 5) ** 0.5)
    # Wilson 1927: (k + z²/2 ± z sqrt(k (n - k) / n + z²/4)) / (n + z²), here of 3 in 5.
    assert table.loc["stimulation", ["ci_lower", "ci_upper"]].tolist() == pytest.approx(
        [0.2307, 0.8824], abs=1e-4
    )
    assert table.loc["stimulation", "difference"] == -0.9
    assert np.isnan(table.loc[ANY, "difference"])


def test_trials_too_small_for_the_model_are_not_significant_and_counted():
    table = curve_of(5, participants=(2,), lost=(0.9,))
    assert (table["not_estimable"] == 5).all() and (table["power"] == 0).all()


def test_p_is_adjusted_over_the_family(monkeypatch):
    outcomes = draw_outcomes(
        crossover_sessions(6, TEST.sequences), OutcomeModel(units=3), random_generator(1, "holm")
    )

    def found(p, adjustment="holm"):
        t = student.isf(np.array(p) / 2, 10)
        monkeypatch.setattr(power, "planned_contrasts", lambda *_: pd.DataFrame({"t": t, "df": 10.0}))
        return power.significant(replace(TEST, adjustment=adjustment), outcomes).tolist()

    assert found([0.03, 0.04]) == [0, 0]
    assert found([0.03, 0.04], "none") == [1, 1]
    assert found([0.02, 0.04]) == [1, 1]
    assert found([0.06, 0.02]) == [0, 1]
    np.testing.assert_array_equal(found([np.nan, 0.04]), [np.nan, 1])


def test_smallest_number_is_interpolated():
    curve = pd.DataFrame(
        {
            "participants": [8, 16, 4, 12] * 3,
            "units": 8,
            "lost_units": 0.0,
            "effects": "a=1",
            "level": np.repeat(["a", "b", "c"], 4),
            "minus": "control",
            "power": [0.5, 0.95, 0.2, 0.9, 0.5, 0.79, 0.2, 0.6, 0.9, 1.0, 0.81, 0.95],
        }
    )
    table = smallest_participants(curve, 0.8).set_index("level")
    # From 0.5 at 8 to 0.9 at 12: 0.8 at 11.
    assert table.loc["a", "participants"] == 11 and table.loc["a", "warning"] == "interpolated"
    assert np.isnan(table.loc["b", "participants"]) and "not reached" in table.loc["b", "warning"]
    assert table.loc["c", "participants"] == 4 and "fewest" in table.loc["c", "warning"]


def test_sentence_says_all_that_was_assumed(answers):
    answers([[1, 1], [1, 0], [0, 1], [0, 0]])
    test = usual_test(CONDITIONS)
    table = curve_of(4, test=test, lost=(0.25,))
    sentence = protocol_sentence(table.iloc[0], test, OutcomeModel(DEVIATIONS))
    assert sentence.startswith(
        "With 6 participants and 3 motor units each, 25 % of the values lost, the power"
    )
    for part in (
        "a difference of −0.9 pps (stimulation − control)",
        "alpha of 0.05, P adjusted over 2 contrasts (holm), is 0.50",
        "(Monte-Carlo standard error 0.250, 4 simulated trials)",
        "0.5 pps between participants, 0.6 of a participant's responses",
        "0.5 between the motor units of a participant and 0.3 within them",
        test.formula,
        "Kenward-Roger",
    ):
        assert part in sentence
    assert "detect all contrasts (effects: stimulation=−0.9, relaxation=−0.5 pps)" in protocol_sentence(
        table.iloc[3], test, OutcomeModel(DEVIATIONS)
    )


def test_test_of_the_plan(plan, single_plan):
    test = planned_test(plan)
    assert test.conditions == CONDITIONS
    assert test.pairs == (("stimulation", "control"), ("relaxation", "control"))
    assert set(test.sequences) == set(williams_sequences(CONDITIONS))
    assert (test.adjustment, test.alpha, test.formula) == ("holm", 0.05, power.PRIMARY_FORMULA)
    with pytest.raises(InputError, match="no mixed model with contrasts"):
        planned_test(single_plan)


def test_fitted_standard_deviations_are_the_models():
    outcomes = draw_outcomes(
        crossover_sessions(200, TEST.sequences), OutcomeModel(DEVIATIONS, units=4), random_generator(1, "fit")
    )
    frame, levels = model_frame(outcomes), {"condition": CONDITIONS}
    found = fitted_standard_deviations(fit_model(frame, TEST.formula, levels))
    expected = [DEVIATIONS.participant, 0.6, 0.5, 0.3]
    np.testing.assert_allclose(list(vars(found).values()), expected, rtol=0.15)
    habit = fitted_standard_deviations(fit_model(frame, "value ~ condition + (1 | participant)", levels))
    assert habit.participant_condition == habit.participant_unit == 0
    slopes = fit_model(frame, "value ~ condition + (condition | participant)", levels)
    with pytest.raises(InputError, match="participant"):
        fitted_standard_deviations(slopes)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"effects": ({"warmth": 1.0},)}, "warmth"),
        ({"participants": (1,)}, "participants"),
        ({"trials": 0}, "trials"),
        ({"test": replace(TEST, formula="value ~ dose + (1 | participant)")}, "dose"),
    ],
)
def test_wrong_grid_is_refused(settings, what):
    with pytest.raises(InputError, match=what):
        curve_of(**{"trials": 2, **settings})


SD = "participant=0.7,participant:condition=0.3,participant:unit=0.95,residual=0.6"


def test_command_writes_table_and_figure_and_prints_the_sentence(tmp_path, capsys):
    output = tmp_path / "power.tsv"
    arguments = ["power", "--participants", "6,8", "--units", "3", "--effect", "RI=-2", "--sd", SD]
    assert main([*arguments, "--trials", "4", "--dropout", "0.1", "--output", str(output)]) == 0
    table = pd.read_csv(output, sep="\t", keep_default_na=False)
    assert table["level"].tolist() == ["RI", "RI"] and table["minus"].tolist() == ["control"] * 2
    assert {path.suffix for path in tmp_path.iterdir()} == {".tsv", ".pdf", ".png", ".svg"}
    printed = capsys.readouterr().out
    assert "10 % of the values lost" in printed and "(RI − control)" in printed


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--effect", "RI=-2"], "--sd"),
        (["--effect", "RI=large", "--sd", SD], "NAME=NUMBER"),
        (["--effect", "RI=-2", "--sd", "residual=1"], "missing"),
        (["--effect", "RI=-2", "--sd", SD, "--units", "few"], "--units"),
        (["--effect", "RI=-2", "--outcomes", "outcomes.tsv"], "--plan"),
    ],
)
def test_wrong_arguments_are_said_in_one_line(arguments, what, tmp_path, capsys):
    output = str(tmp_path / "power.tsv")
    assert main(["power", "--participants", "6", *arguments, "--output", output]) == 2
    assert what in capsys.readouterr().err


def test_command_takes_plan_and_outcomes(plan, outcomes, tmp_path, capsys):
    from pictrial.tables import write_table

    write_table(outcomes, tmp_path / "outcomes.tsv", "outcomes")
    arguments = ["--plan", str(plan.path), "--outcomes", str(tmp_path / "outcomes.tsv"), "--trials", "2"]
    effect = ["--participants", "6", "--effect", "stimulation=-1", "--output", str(tmp_path / "power.tsv")]
    assert main(["power", *arguments, *effect]) == 0
    table = pd.read_csv(tmp_path / "power.tsv", sep="\t", keep_default_na=False)
    assert table["level"].tolist() == ["stimulation", "relaxation", ANY, ALL]
    # One participant on each sequence: no variance between participants is estimated.
    assert "participant left out" in capsys.readouterr().out


def test_test_of_an_experiment_has_its_conditions_and_sequences_only():
    plan = load_plan(Path(__file__).resolve().parents[2] / "config" / "two_experiments" / "trial.yaml")
    assert planned_test(plan) == planned_test(plan, "stimulation_delta_f")
    test = planned_test(plan, "relaxation_delta_f")
    assert test.conditions == ("control", "relaxation") and test.pairs == (("relaxation", "control"),)
    assert test.sequences == (("control", "relaxation"), ("relaxation", "control"))
    assert "unit" not in planned_test(plan, "relaxation_vibstim").formula
