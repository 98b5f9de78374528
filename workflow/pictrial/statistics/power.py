"""Power of a crossover trial, by drawing trials and analysing each as planned.

The share of significant trials, with its Monte-Carlo standard error sqrt(s (1 - s) / trials) (Morris, White &
Crowther 2019, Stat Med 38:2074, table 6) and Wilson's 95 % score interval (1927, J Am Stat Assoc 22:209),
which stays between 0 and 1 and has a width where all trials, or none, are significant.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.fitted_model import (
    INFERENCES,
    FittedModel,
    fit_model,
    model_frame,
    planned_contrasts,
)
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.multiplicity import adjusted_p
from pictrial.statistics.simulated_outcomes import (
    OutcomeModel,
    StandardDeviations,
    crossover_sessions,
    draw_outcomes,
    williams_sequences,
)
from pictrial.statistics.unconstrained_variances import NONNEGATIVE
from pictrial.trial.plan import Analysis, TrialPlan

PRIMARY_FORMULA = (
    "value ~ condition + period + sequence + (1 | participant) + (1 | participant:condition)"
    " + (1 | participant:unit)"
)
#: What is counted beside the single contrasts: trials in which one or more, or all, are significant.
ANY, ALL = "any contrast", "all contrasts"
#: What tells the rows of one power curve from those of another.
CURVE = ["units", "lost_units", "effects", "level", "minus"]
#: Field of `StandardDeviations` of each group of the models.
_GROUPS = {
    "participant": "participant",
    "participant:condition": "participant_condition",
    "participant:unit": "participant_unit",
}


@dataclass(frozen=True)
class PlannedTest:
    """How a trial is run and analysed.

    Attributes
    ----------
    conditions : tuple of str
        Reference first.
    pairs : tuple of tuple of str
        The contrasts of one family: (level, minus).
    sequences : tuple of tuple of str
        Conditions in the order of the periods; participants take the sequences in turn.
    formula, df_method, variances : str
        See `fitted_model`.
    adjustment : str
        Of P over `pairs`, a name of `multiplicity.ADJUSTMENTS` but ``mvt``.
    alpha : float
    """

    conditions: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    sequences: tuple[tuple[str, ...], ...]
    formula: str = PRIMARY_FORMULA
    df_method: str = "kenward-roger"
    variances: str = NONNEGATIVE
    adjustment: str = "holm"
    alpha: float = 0.05


def usual_test(conditions: Sequence[str]) -> PlannedTest:
    """Return the primary model with every condition compared with the first, on Williams' sequences."""
    pairs = tuple((level, conditions[0]) for level in conditions[1:])
    return PlannedTest(tuple(conditions), pairs, tuple(williams_sequences(conditions)))


def primary_analyses(plan: TrialPlan) -> list[Analysis]:
    """Return the primary analyses of a plan: none, one, or one of each experiment."""
    return [analysis for analysis in plan.analyses.values() if analysis.role == "primary"]


def planned_test(plan: TrialPlan, experiment: str | None = None) -> PlannedTest:
    """Return the primary analysis of a plan, with the first family that it belongs to.

    Parameters
    ----------
    plan : TrialPlan
    experiment : str, optional
        Whose primary analysis; without it, the first of the plan.

    Raises
    ------
    InputError
        Where the plan's primary analysis is no mixed model or has no contrasts.
    """
    found = (one for one in primary_analyses(plan) if experiment in (None, one.experiment))
    primary = next(found, None)
    families = [f for f in plan.families.values() if primary and primary.name in f.analyses and f.contrasts]
    if primary is None or primary.formula is None or primary.df_method not in INFERENCES or not families:
        rule = "the primary analysis is no mixed model with contrasts"
        raise InputError(plan.path, rule, "Power is that of such an analysis: leave --plan out.")
    family = families[0]
    return PlannedTest(
        tuple(plan.conditions_of(primary.experiment)),
        family.contrasts,
        tuple(plan.sequences[name] for name in plan.sequences_of(primary.experiment)),
        primary.formula,
        primary.df_method,
        primary.variances or NONNEGATIVE,
        family.adjustment,
        family.alpha,
    )


def fitted_standard_deviations(model: FittedModel) -> StandardDeviations:
    """Return the standard deviations that a model estimates; 0 for a random term that it does not have.

    Raises
    ------
    InputError
        Where it has random terms other than intercepts of participant, participant:condition and
        participant:unit.
    """
    found = dict.fromkeys(_GROUPS.values(), 0.0)
    for term, covariance in zip(model.fit.matrices.random, model.fit.term_covariances, strict=True):
        if term.group not in _GROUPS or covariance.shape != (1, 1):
            rule = f"({' + '.join(term.columns)} | {term.group}) is no part of the outcomes that are drawn"
            raise InputError(f"model {model.design.formula.text!r}", rule, "Give the standard deviations.")
        # Nothing can be drawn with a variance below zero, which an unconstrained component may have.
        found[_GROUPS[term.group]] = float(np.sqrt(max(covariance[0, 0], 0.0)))
    return StandardDeviations(**found, residual=model.fit.sigma)


def significant(test: PlannedTest, outcomes: pd.DataFrame) -> np.ndarray:
    """Return 1 for every contrast that is significant in one trial, 0 if not, NaN if not estimable."""
    try:
        frame, levels = model_frame(outcomes), {"condition": test.conditions}
        model = fit_model(frame, test.formula, levels, variances=test.variances)
    except (NotEstimable, InputError):  # too few rows, or a condition, period or sequence that is not there
        return np.full(len(test.pairs), np.nan)
    table = planned_contrasts(model, test.pairs, test.df_method)
    t, df = table["t"].to_numpy(float), table["df"].to_numpy(float)
    p = adjusted_p(test.adjustment, t, df, len(test.conditions))
    return np.where(np.isfinite(p), (p <= test.alpha).astype(float), np.nan)


def power_curve(
    test: PlannedTest,
    model: OutcomeModel,
    participants: Sequence[int],
    units: Sequence[int],
    lost_units: Sequence[float],
    effects: Sequence[Mapping[str, float]],
    trials: int,
    seed: int,
    processes: int = 1,
) -> pd.DataFrame:
    """Return the power of each contrast, of any and of all, in every cell of a grid.

    Parameters
    ----------
    test : PlannedTest
    model : OutcomeModel
        Its units, lost_units and effects are replaced by those of the cell.
    participants, units : sequence of int
    lost_units : sequence of float
        Probability that a unit has no value in a session.
    effects : sequence of mapping of str to float
        By condition. Cells that differ in them only share their random numbers.
    trials : int
        Drawn in each cell.
    seed : int
    processes : int
        Any number gives the same table.

    Returns
    -------
    DataFrame
        participants, units, lost_units, effects (as text), level, minus, difference (level minus minus, as
        planted), trials, not_estimable, power, standard_error, ci_lower, ci_upper. In the rows `ANY` and
        `ALL` difference is NaN and minus "". A contrast that is not estimable counts as not significant.

    Raises
    ------
    InputError
        Where an effect is not of a condition, or a number of participants, units or trials is too small.
    """
    _check_grid(test, participants, trials, effects)
    tables = []
    pool = ProcessPoolExecutor(processes) if processes > 1 else None
    try:
        for n, n_units, lost, planted in product(participants, units, lost_units, effects):
            drawn = replace(model, units=n_units, lost_units=lost, effects=planted)
            one = partial(_one_trial, test, drawn, n, seed)
            numbers = range(trials)
            found = np.array(list(pool.map(one, numbers, chunksize=10) if pool else map(one, numbers)))
            cell = {"participants": n, "units": n_units, "lost_units": lost}
            tables.append(_summary(test, planted, found).assign(**cell, effects=_effects_text(planted)))
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    table = pd.concat(tables, ignore_index=True)
    errors = ["standard_error", "ci_lower", "ci_upper"]
    return table[["participants", *CURVE, "difference", "trials", "not_estimable", "power", *errors]]


def smallest_participants(curve: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return the smallest number of participants with the target power, interpolated between those drawn.

    Power is interpolated linearly between the last number of participants below the target and the next
    one; its Monte-Carlo error carries over.

    Parameters
    ----------
    curve : DataFrame
        From `power_curve`.
    target : float
        Between 0 and 1.

    Returns
    -------
    DataFrame
        One row per curve: `CURVE`, participants (rounded up, NaN where unknown), and as its warning
        ``interpolated`` or why nothing could be.
    """
    rows = []
    for key, of in curve.groupby(CURVE, sort=False):
        ordered = of.sort_values("participants")
        n, power = ordered["participants"].to_numpy(float), ordered["power"].to_numpy()
        below = np.flatnonzero(power < target)
        smallest, warning = np.nan, "interpolated"
        if not len(below):
            smallest, warning = n[0], "reached with the fewest drawn"
        elif below[-1] == len(n) - 1:
            warning = "not reached with the most participants drawn"
        else:
            last = below[-1]
            share = (target - power[last]) / (power[last + 1] - power[last])
            smallest = np.ceil(n[last] + share * (n[last + 1] - n[last]) - 1e-9)
        rows.append((*key, smallest, warning))
    return pd.DataFrame(rows, columns=[*CURVE, "participants", "warning"])


def protocol_sentence(row: pd.Series, test: PlannedTest, model: OutcomeModel, unit: str = "pps") -> str:
    """Return one row of `power_curve` as a sentence for a protocol.

    Parameters
    ----------
    row : Series
    test : PlannedTest
    model : OutcomeModel
        Those of the curve.
    unit : str
        Of the outcome.
    """
    sd, several = model.standard_deviations, len(test.pairs) > 1
    if row["level"] in (ANY, ALL):
        detected = f"{row['level']} (effects: {row['effects']} {unit})"
    else:
        detected = f"a difference of {row['difference']:g} {unit} ({row['level']} - {row['minus']})"
    detected = detected.replace("-", "−")
    lost = f", {100 * row['lost_units']:g} % of the values lost" if row["lost_units"] else ""
    adjusted = f", P adjusted over {len(test.pairs)} contrasts ({test.adjustment})," if several else ""
    return (
        f"With {row['participants']} participants and {row['units']} motor units each{lost}, the power to "
        f"detect {detected} at a two-sided alpha of {test.alpha:g}{adjusted} is {row['power']:.2f} "
        f"(Monte-Carlo standard error {row['standard_error']:.3f}, {row['trials']} simulated trials), "
        f"assuming standard deviations of {sd.participant:.2g} {unit} between participants, "
        f"{sd.participant_condition:.2g} of a participant's responses to the conditions, "
        f"{sd.participant_unit:.2g} between the motor units of a participant and {sd.residual:.2g} within "
        f"them; each trial analysed by {test.formula}, variances {test.variances}, "
        f"{test.df_method.title()} degrees of freedom."
    )


def _one_trial(
    test: PlannedTest, model: OutcomeModel, participants: int, seed: int, number: int
) -> np.ndarray:
    random = random_generator(seed, "power", participants, model.units, model.lost_units, number)
    return significant(test, draw_outcomes(crossover_sessions(participants, test.sequences), model, random))


def _summary(test: PlannedTest, planted: Mapping[str, float], found: np.ndarray) -> pd.DataFrame:
    """Summarise one cell from `found`, shape (trials, contrasts)."""
    from scipy.stats import binomtest

    hits, missing = found == 1, np.isnan(found)
    shares = zip(test.pairs, missing.sum(axis=0), hits.mean(axis=0), strict=True)
    rows = [
        (level, minus, planted.get(level, 0.0) - planted.get(minus, 0.0), not_estimable, share)
        for (level, minus), not_estimable, share in shares
    ]
    if len(test.pairs) > 1:
        rows.append((ANY, "", np.nan, missing.all(axis=1).sum(), hits.any(axis=1).mean()))
        rows.append((ALL, "", np.nan, missing.any(axis=1).sum(), hits.all(axis=1).mean()))
    table = pd.DataFrame(rows, columns=["level", "minus", "difference", "not_estimable", "power"])
    error = np.sqrt(table["power"] * (1 - table["power"]) / len(found))
    counted = (table["power"] * len(found)).round().astype(int)
    limits = [binomtest(hits, len(found)).proportion_ci(method="wilson") for hits in counted]
    table = table.assign(ci_lower=[one.low for one in limits], ci_upper=[one.high for one in limits])
    return table.assign(trials=len(found), standard_error=error)


def _effects_text(effects: Mapping[str, float]) -> str:
    return ", ".join(f"{condition}={value:g}" for condition, value in effects.items())


def _check_grid(
    test: PlannedTest, participants: Sequence[int], trials: int, effects: Sequence[Mapping[str, float]]
) -> None:
    for effect in effects:
        for condition in effect:
            if condition not in test.conditions:
                rule = f"{condition!r} is not one of {', '.join(test.conditions)}"
                raise InputError("effects", rule, "Correct the condition.")
    if min(participants) < 2:
        raise InputError("participants", "one is no trial", "Give 2 or more.")
    if trials < 1:
        raise InputError("trials", f"{trials} is too few", "Give 1 or more.")
    # A formula that does not fit the table would otherwise look like trials without a result.
    sessions = crossover_sessions(4 * len(test.sequences), test.sequences)
    complete = draw_outcomes(sessions, OutcomeModel(), random_generator(0, "power"))
    levels = {"condition": test.conditions}
    fit_model(model_frame(complete), test.formula, levels, variances=test.variances)
