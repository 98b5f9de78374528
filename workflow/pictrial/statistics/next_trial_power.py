"""Power of a next trial like this one: what was found, drawn again for other numbers of participants."""

import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import fit_model, model_frame, planned_contrasts
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.power import (
    fitted_standard_deviations,
    planned_test,
    power_curve,
    primary_analyses,
)
from pictrial.statistics.simulated_outcomes import OutcomeModel
from pictrial.tables import load_schema
from pictrial.trial.plan import Analysis, TrialPlan

#: Participants of the next trial, of those of this one; chosen for pictrial.
SIZES = (0.5, 1, 1.5, 2)
#: A participant fewer, and the variation between people cannot be estimated.
FEWEST = 3
#: Share of the estimated differences that is planted: estimates of small trials are uncertain.
SHARE = 0.5
#: Trials drawn for each number of participants: few, so that every run of the workflow can afford them.
TRIALS = 20
_NOTHING = pd.DataFrame(columns=list(load_schema("power")["columns"]))


def next_trial_power(
    plan: TrialPlan, outcomes: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Estimate the power of a crossover trial with the variation found here and `SHARE` of the differences.

    One for each primary analysis; each experiment of the plan has its own. Trials are drawn from the standard
    deviations of the primary analysis, with as many motor units per
    participant as here and the same share of them lost, and analysed as planned. The power that *this* trial
    had cannot be told from what it found, and is not estimated.

    Parameters
    ----------
    plan : TrialPlan
    outcomes : DataFrame
        Schema ``outcomes``.
    seed : int

    Returns
    -------
    DataFrame
        Schema ``power``; without rows of an analysis for which it cannot be estimated.
    dict of str to str
        Why it cannot, by analysis.
    """
    curves, reasons = [], {}
    for primary in primary_analyses(plan):
        curve, reason = _one_power(plan, primary, outcomes, seed)
        if reason:
            reasons[primary.name] = reason
        else:
            curve.insert(0, "analysis", primary.name)
            curves.append(curve)
    return pd.concat(curves, ignore_index=True) if curves else _NOTHING, reasons


def _one_power(
    plan: TrialPlan, primary: Analysis, outcomes: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, str]:
    """Return the power curve of one primary analysis, or why there is none."""
    try:
        test = planned_test(plan, primary.experiment)
        inside = outcomes["sequence"].isin(plan.sequences_of(primary.experiment))
        rows = outcomes[inside & (outcomes["outcome"] == primary.outcome)]
        levels = {"condition": test.conditions}
        frame = model_frame(rows[rows["value"].notna()])
        fitted = fit_model(frame, test.formula, levels, variances=test.variances)
        found = planned_contrasts(fitted, test.pairs, test.df_method)
        if found["estimate"].isna().any() or any(minus != plan.reference for _, minus in test.pairs):
            return _NOTHING, "a contrast of the primary analysis is not estimable, or not with the reference"
        model = OutcomeModel(fitted_standard_deviations(fitted))
    except (InputError, NotEstimable) as reason:
        return _NOTHING, str(reason)
    effects = dict(zip(found["level"], SHARE * found["estimate"], strict=True))
    units = rows.dropna(subset=["unit_id"]).groupby("participant")["unit_id"].nunique().mean()
    lost = round(float(rows["value"].isna().mean()), 2)
    n_units = 1 if pd.isna(units) else max(1, round(units))
    people = frame["participant"].nunique()
    sizes = sorted({max(FEWEST, round(size * people)) for size in SIZES})
    return power_curve(test, model, sizes, [n_units], [lost], [effects], TRIALS, seed), ""
