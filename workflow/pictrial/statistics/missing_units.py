"""Missing motor units: where they are missing, and how different they would have to be to change the result.

The primary model takes units that have no value in a condition as missing at random. Here they are imputed so
and then shifted by delta: a pattern-mixture model, analysed for several delta.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import (
    CONFIDENCE,
    FittedModel,
    fit_model,
    model_frame,
    planned_contrasts,
)
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.model_matrices import build_model
from pictrial.statistics.multiple_imputation import impute, rubins_rules
from pictrial.statistics.unconstrained_variances import NONNEGATIVE, UNCONSTRAINED, without_bound

IMPUTATIONS = 20
_UNIT = ["participant", "unit_id"]
_SESSION = ["participant", "sequence", "session", "period", "condition"]
_CONTRAST_COLUMNS = (
    *("delta", "estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper"),
    *("missing_share", "n_imputed", "n_shifted"),
)


@dataclass(frozen=True)
class DeltaAdjustment:
    """The contrasts for every delta, and the delta at which each tips.

    Attributes
    ----------
    contrasts : DataFrame
        level, minus, delta, estimate, standard_error, df, t, p, ci_lower, ci_upper, missing_share (of the
        variance, due to what is missing), n_imputed, n_shifted (cells: a unit in a condition), warning.
    tipping_points : DataFrame
        level, minus, tipping_delta (where the 95 % interval first includes 0), tipping_in_residual_sds,
        tipping_in_participant_sds, residual_sd (of the primary model), participant_sd (of participants' means
        in `minus`), warning.
    """

    contrasts: pd.DataFrame
    tipping_points: pd.DataFrame


def presence_patterns(rows: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame:
    """Count the motor units by the conditions in which they have a value.

    Parameters
    ----------
    rows : DataFrame
        Schema ``outcomes``, of one outcome; a row without a value counts as missing.
    conditions : sequence of str
        In the order in which they are named.

    Returns
    -------
    DataFrame
        present_in, missing_in (conditions joined by ", "), n_units, n_participants, share_of_units; the
        patterns with most conditions first.
    """
    there = rows.assign(there=rows["value"].notna()).pivot_table(
        index=_UNIT, columns="condition", values="there", aggfunc="any"
    )
    there = there.reindex(columns=list(conditions)).eq(True)
    patterns = []
    for pattern, units in there.groupby(list(conditions)):
        patterns.append(
            {
                "present_in": ", ".join(np.array(conditions)[list(pattern)]),
                "missing_in": ", ".join(np.array(conditions)[[not there for there in pattern]]),
                "n_units": len(units),
                "n_participants": units.index.get_level_values("participant").nunique(),
                "share_of_units": len(units) / len(there),
                "conditions": sum(pattern),
            }
        )
    table = pd.DataFrame(patterns[::-1]).sort_values("conditions", ascending=False, kind="stable")
    return table.drop(columns="conditions").reset_index(drop=True)


def planned_cells(rows: pd.DataFrame, sessions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a row for every motor unit in every session of its participant; NaN where it has no value.

    Parameters
    ----------
    rows : DataFrame
        Schema ``outcomes``, of one outcome. A unit without any value is left out: nothing is known of it.
    sessions : DataFrame, optional
        participant, sequence, session, period, condition as planned; those that occur in `rows` by default.
    """
    units = rows.loc[rows["value"].notna(), _UNIT].drop_duplicates()
    planned = (rows if sessions is None else sessions)[_SESSION].drop_duplicates()
    cells = units.merge(planned, on="participant")
    key = [*_UNIT, "session"]
    cells = cells.merge(rows[[*key, "value"]], how="left", on=key, validate="1:1")
    # Observed cells first: their model is fitted to the same rows, in the same order.
    return cells.sort_values("value", key=lambda value: value.isna(), kind="stable", ignore_index=True)


def delta_adjustment(
    rows: pd.DataFrame,
    formula: str,
    levels: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    df_method: str,
    deltas: Sequence[float],
    shifted: Sequence[str],
    seed: int,
    sessions: pd.DataFrame | None = None,
    n_imputations: int = IMPUTATIONS,
    variances: str = NONNEGATIVE,
) -> DeltaAdjustment:
    """Impute missing cells as missing at random, shift them by delta and analyse, for every delta.

    The same imputations serve all delta, so that contrasts differ between delta by the shift alone.

    Parameters
    ----------
    rows : DataFrame
        Schema ``outcomes``, of one outcome.
    formula, levels, pairs, df_method
        The primary analysis, as for `fit_model` and `planned_contrasts`.
    deltas : sequence of float
        In units of the outcome; 0, missing at random, must be among them.
    shifted : sequence of str
        The conditions in which imputed values are shifted, such as those treated.
    seed : int
        Of the run.
    sessions : DataFrame, optional
        As for `planned_cells`.
    n_imputations : int
        Two at least.
    variances : str
        Of the analyses, as for `fit_model`; what is missing is drawn with nonnegative ones.

    Raises
    ------
    InputError
        Where 0 is not among `deltas`, or there are fewer than two imputations.
    NotEstimable
        Where the primary model cannot be fitted, or does not tell the mean of every missing cell.
    """
    from threadpoolctl import threadpool_limits

    grid = np.unique(np.asarray(deltas, float))
    if 0 not in grid:
        raise InputError("deltas", f"0 is not one of {grid.tolist()}", "Add it: missing at random.")
    if n_imputations < 2:
        raise InputError("imputations", f"{n_imputations} is too few", "Take 2 at least.")
    cells = model_frame(planned_cells(rows, sessions))
    observed = cells["value"].notna().to_numpy()
    moves = ~observed & cells["condition"].isin(list(shifted)).to_numpy()
    primary = fit_model(cells[observed], formula, levels)
    if observed.all():
        complete = fit_model(cells, formula, levels, variances=variances)
        tables = [planned_contrasts(complete, pairs, df_method).assign(missing_share=0.0)]
    else:
        # Of the completed trials only the response differs.
        design = build_model(cells.fillna({"value": 0.0}), formula, levels)

        def analyse(response: np.ndarray) -> pd.DataFrame:
            fit = fit_linear_mixed_model(replace(design.matrices, response=response))
            if variances == UNCONSTRAINED:
                fit = without_bound(fit)
            return planned_contrasts(FittedModel(design, fit, []), pairs, df_method)

        with threadpool_limits(1):  # The matrices are small: more threads would only wait for each other.
            completed = np.tile(design.matrices.response, (n_imputations, 1))
            completed[:, ~observed] = impute(primary, design.matrices, observed, n_imputations, seed)
            tables = [
                _pooled([analyse(response + delta * moves) for response in completed])
                for delta in (grid if moves.any() else grid[:1])
            ]
    contrasts = pd.concat(
        [table.assign(delta=delta) for delta, table in zip(grid, cycle(tables), strict=False)]
    ).assign(n_imputed=int(np.sum(~observed)), n_shifted=int(moves.sum()))
    contrasts = contrasts.reset_index(drop=True)[["level", "minus", *_CONTRAST_COLUMNS, "warning"]]
    return DeltaAdjustment(contrasts, _tipping_points(contrasts, cells, primary.fit.sigma))


def extreme_case_bounds(
    rows: pd.DataFrame,
    formula: str,
    levels: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    df_method: str,
    sessions: pd.DataFrame | None = None,
    variances: str = NONNEGATIVE,
) -> pd.DataFrame:
    """Fill the missing cells of a contrast with the extremes of the outcome that were observed.

    The lowest estimate has every missing cell of `level` at the lowest and of `minus` at the highest value of
    the trial; the highest estimate the reverse. Cells of other conditions stay missing.

    Parameters
    ----------
    rows, formula, levels, pairs, df_method, sessions, variances
        As for `delta_adjustment`.

    Returns
    -------
    DataFrame
        level, minus, lowest_estimate, highest_estimate, lowest_ci_lower, highest_ci_upper, n_filled, warning.
    """
    cells = model_frame(planned_cells(rows, sessions))
    missing = cells["value"].isna()
    least, most = cells["value"].min(), cells["value"].max()
    bounds = []
    for level, minus in pairs:
        found = {}
        for name, of_level, of_minus in (("lowest", least, most), ("highest", most, least)):
            value = cells["value"].mask(missing & (cells["condition"] == level), of_level)
            value = value.mask(missing & (cells["condition"] == minus), of_minus)
            filled = cells.assign(value=value).dropna(subset=["value"])
            model = fit_model(filled, formula, levels, variances=variances)
            found[name] = planned_contrasts(model, [(level, minus)], df_method).iloc[0]
        bounds.append(
            {
                "level": level,
                "minus": minus,
                "lowest_estimate": found["lowest"]["estimate"],
                "highest_estimate": found["highest"]["estimate"],
                "lowest_ci_lower": found["lowest"]["ci_lower"],
                "highest_ci_upper": found["highest"]["ci_upper"],
                "n_filled": int((missing & cells["condition"].isin([level, minus])).sum()),
                "warning": found["lowest"]["warning"],
            }
        )
    return pd.DataFrame(bounds)


def _pooled(completed: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the contrasts of all imputations as one table, by Rubin's rules."""
    from scipy.special import stdtr, stdtrit

    table = completed[0][["level", "minus", "warning"]].copy()
    estimates, errors, dfs = (
        np.array([one[name] for one in completed]).T for name in ("estimate", "standard_error", "df")
    )
    # The harmonic mean: a variance estimated as zero in one completed trial gives it very many.
    complete_dfs = 1 / np.mean(1 / dfs, axis=1)
    pooled = np.array(
        [rubins_rules(*of_pair) for of_pair in zip(estimates, errors, complete_dfs, strict=True)]
    )
    table[["estimate", "standard_error", "df", "missing_share"]] = pooled
    half = stdtrit(table["df"], (1 + CONFIDENCE) / 2) * table["standard_error"]
    t = table["estimate"] / table["standard_error"]
    table = table.assign(t=t, p=2 * stdtr(table["df"], -t.abs()))
    return table.assign(ci_lower=table["estimate"] - half, ci_upper=table["estimate"] + half)


def _tipping_points(contrasts: pd.DataFrame, cells: pd.DataFrame, residual_sd: float) -> pd.DataFrame:
    means = cells.pivot_table(index="participant", columns="condition", values="value")
    rows = []
    for (level, minus), table in contrasts.groupby(["level", "minus"], sort=False):
        delta, why = _tipping_delta(table)
        participant_sd = means[minus].std(ddof=1) if minus in means else np.nan
        rows.append(
            {
                "level": level,
                "minus": minus,
                "tipping_delta": delta,
                "tipping_in_residual_sds": delta / residual_sd,
                "tipping_in_participant_sds": delta / participant_sd,
                "residual_sd": residual_sd,
                "participant_sd": participant_sd,
                "warning": why,
            }
        )
    return pd.DataFrame(rows)


def _tipping_delta(table: pd.DataFrame) -> tuple[float, str]:
    """Return the delta nearest to 0 at which the interval first includes 0, or NaN and why there is none."""
    delta = table["delta"].to_numpy()
    start = int(np.flatnonzero(delta == 0)[0])
    lower, upper = table["ci_lower"].to_numpy(), table["ci_upper"].to_numpy()
    if np.isnan(lower[start]):
        return np.nan, str(table["warning"].iloc[start])
    if lower[start] <= 0 <= upper[start]:
        return np.nan, "the interval includes 0 already where units are missing at random"
    if not table["n_shifted"].iloc[0]:
        return np.nan, "no missing cell to shift"
    distance = lower if lower[start] > 0 else -upper
    crossings = []
    for outwards in (np.arange(start, len(delta)), np.arange(start, -1, -1)):
        included = np.flatnonzero(distance[outwards] <= 0)
        if len(included):
            near, far = outwards[included[0] - 1], outwards[included[0]]
            share = distance[near] / (distance[near] - distance[far])
            crossings.append(delta[near] + share * (delta[far] - delta[near]))
    if not crossings:
        return np.nan, f"the interval leaves out 0 at every delta from {delta[0]:g} to {delta[-1]:g}"
    return float(min(crossings, key=abs)), ""
