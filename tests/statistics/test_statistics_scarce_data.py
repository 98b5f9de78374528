"""Every analysis of the sample plan on data that are too few, or wrong."""

import json

import numpy as np
import pytest

from pictrial.errors import InputError
from pictrial.statistics.analysis import describe, run_analysis
from pictrial.statistics.analysis_results import UNEXPLAINED, look_up

SHA = "ef" * 32
#: One of each method; those that fit hundreds of models are slow.
QUICK = [
    *("primary", "participant_means", "weighted", "cluster_robust", "leave_one_out", "label_permutation"),
    *("torque_vibration", "torque_sustained_ranks", "responders", "delta_f_with_torque"),
]
RESAMPLED = [
    *("random_slopes", "carry_over", "residual_variance", "tipping_point"),
    *("cluster_bootstrap", "parametric_bootstrap"),
]
ARMS = {"01": "S", "02": "S", "03": "S", "04": "R", "05": "R", "06": "R"}


def one_order(table):
    """Each condition always in the same period: nobody can tell them apart."""
    period = table["condition"].map({"control": 1, "stimulation": 2, "relaxation": 3})
    previous = {1: "none", 2: "control", 3: "stimulation"}
    return table.assign(period=period, session=period.astype(str), previous=period.map(previous))


def separated(table):
    """Every participant has control and one intervention; the sequence says which."""
    arm = table["participant"].map(ARMS)
    kept = (table["condition"] == "control") | (table["condition"].str[0].str.upper() == arm)
    return one_order(table).assign(sequence=arm)[kept]


SCARCE = {
    "no value": lambda t: t.assign(value=np.nan, matched=False),
    "no row": lambda t: t.iloc[:0],
    "one participant": lambda t: t[t["participant"] == "01"],
    "two participants": lambda t: t[t["participant"] <= "02"],
    "three participants": lambda t: t[t["participant"] <= "03"],
    "a condition missing": lambda t: t[t["condition"] != "relaxation"],
    "the reference missing": lambda t: t[t["condition"] != "control"],
    "one without reference": lambda t: t[(t["participant"] != "01") | (t["condition"] != "control")],
    "aliased with the period": one_order,
    "arms separated by sequence": separated,
    "all values equal": lambda t: t.assign(value=t["value"].where(t["value"].isna(), 1.0)),
    "no residual": lambda t: t.assign(
        value=t["value"].where(t["value"].isna(), (t["condition"] == "control").astype(float))
    ),
}


def check(plan, name, table):
    """Run an analysis; what has no value must say why."""
    ard, record = run_analysis(plan, name, table, SHA, 1)
    json.dumps(record, allow_nan=False)
    assert len(ard) and ard["ard_id"].is_unique
    missing = ard[ard["value"].isna()]
    assert missing["warning"].notna().all() and not missing["warning"].eq(UNEXPLAINED).any()
    assert ard.loc[ard["statistic"].isin(["df", "t", "F"]), "df_method"].notna().all()
    return ard


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("scarce", SCARCE)
def test_scarce_data_give_values_or_reasons(quick_plan, trial, scarce):
    for name in QUICK:
        check(quick_plan, name, SCARCE[scarce](trial))


@pytest.mark.slow
@pytest.mark.parametrize("name", RESAMPLED)
@pytest.mark.parametrize("scarce", SCARCE)
def test_scarce_data_and_many_fits(quick_plan, trial, scarce, name):
    check(quick_plan, name, SCARCE[scarce](trial))


def test_what_is_not_estimable_is_named(quick_plan, trial):
    def warning(name, scarce):
        return set(check(quick_plan, name, SCARCE[scarce](trial))["warning"])

    assert warning("primary", "no value") == {"no participants: no comparison between conditions"}
    assert warning("torque_vibration", "no row") == {"no participants: no comparison between conditions"}
    assert warning("cluster_robust", "the reference missing") == {
        "no value in the reference condition control: no comparison between conditions"
    }
    of_terms = check(quick_plan, "primary", one_order(trial)).set_index("ard_id")
    for name in ("contrast.stimulation-control.estimate", "term.condition.F"):
        row = of_terms.loc[f"primary.delta_f.{name}"]
        assert np.isnan(row["value"]) and "aliased" in row["warning"]
    # First-order carry-over tells periods 2 and 3 apart, but not the first from having had nothing before.
    after = check(quick_plan, "carry_over", trial).set_index("ard_id")["warning"]
    assert after["carry_over.delta_f.term.period.F"] == "partly the effect of aliased columns (previousnone)"
    assert after[["carry_over.delta_f.term.condition.F", "carry_over.delta_f.term.previous.F"]].isna().all()
    without = check(quick_plan, "participant_means", SCARCE["a condition missing"](trial))
    assert look_up(without, "participant_means", "relaxation - control", "t") is None
    assert look_up(without, "participant_means", "stimulation - control", "t") is not None


def test_a_test_whose_degrees_of_freedom_do_not_exist_is_not_shown(quick_plan, trial):
    few = check(quick_plan, "random_slopes", SCARCE["three participants"](trial))
    tests = few[few["statistic"].isin(["F", "df2"])]
    assert (tests["value"].dropna() > 0).all()


@pytest.mark.parametrize("name", ["primary", "responders", "delta_f_with_torque"])
def test_an_infinite_value_is_refused(quick_plan, trial, name):
    wrong = trial.assign(value=trial["value"].where(trial.index != trial.index[-1], np.inf))
    where = trial.iloc[-1]
    rule = f"{where['outcome']} of participant {where['participant']}, session {where['session']} is infinite"
    with pytest.raises(InputError, match=f"outcomes, row {trial.index[-1]}: {rule}. Correct"):
        run_analysis(quick_plan, name, wrong, SHA, 1)
    with pytest.raises(InputError, match=rule):
        describe(quick_plan, wrong, SHA)
