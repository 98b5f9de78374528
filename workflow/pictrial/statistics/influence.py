"""What each participant does to a model's results: the fit without each of them, made anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import FittedModel, fit_model, planned_contrasts
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.unconstrained_variances import NONNEGATIVE, standard_deviation

_NUMBERS = ["estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper"]


@dataclass(frozen=True)
class ParticipantInfluence:
    """A model with all participants and without each.

    Attributes
    ----------
    whole : DataFrame
        The planned contrasts with all participants.
    contrasts : DataFrame
        A row for each participant and contrast: without (the participant left out), level, minus, estimate,
        standard_error, df, t, p, ci_lower, ci_upper (all without this participant), estimate_change (without
        minus with), standardised_change (in standard errors of the whole fit), p_change, cooks_distance (of
        the participant), warning.
    components : DataFrame
        A row for each participant and standard deviation: without, component, standard_deviation,
        standard_deviation_change, warning.
    """

    whole: pd.DataFrame
    contrasts: pd.DataFrame
    components: pd.DataFrame


def participant_influence(
    frame: pd.DataFrame,
    formula: str,
    levels: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    df_method: str,
    weights: np.ndarray | None = None,
    variances: str = NONNEGATIVE,
    cluster: str = "participant",
) -> ParticipantInfluence:
    """Fit `formula` without each participant and compare with the fit to all.

    Parameters
    ----------
    frame, formula, levels, weights, variances
        As `pictrial.statistics.fitted_model.fit_model`.
    pairs, df_method
        As `pictrial.statistics.fitted_model.planned_contrasts`.
    cluster : str
        Column of what is left out.

    Raises
    ------
    InputError
        Where formula and table do not fit each other.
    NotEstimable
        Where the data of all participants are too few for the model.
    """
    model = fit_model(frame, formula, levels, weights, variances)
    whole = planned_contrasts(model, pairs, df_method)
    deviations = standard_deviations(model)
    contrasts, components = [], []
    for name in frame[cluster].unique():
        kept = (frame[cluster] != name).to_numpy()
        try:
            own = None if weights is None else weights[kept]
            without = fit_model(frame[kept], formula, levels, own, variances)
            if not any(set(pair) <= set(frame.loc[kept, "condition"]) for pair in pairs):
                raise NotEstimable("no planned contrast keeps both its levels")
            table = planned_contrasts(without, pairs, df_method)
            new = [note for note in without.warnings if note not in model.warnings]
            table["warning"] = ["; ".join(filter(None, [text, *new])) for text in table["warning"]]
            distance, there = cooks_distance(model, without, kept), standard_deviations(without)
        except (NotEstimable, InputError) as error:
            reason = error.rule if isinstance(error, InputError) else str(error)
            table = whole.assign(warning=f"not estimable without {name}: {reason}")
            table[_NUMBERS], distance, there = np.nan, np.nan, deviations * np.nan
        table.insert(0, "without", name)
        contrasts.append(
            table.assign(
                estimate_change=table["estimate"] - whole["estimate"],
                standardised_change=(table["estimate"] - whole["estimate"]) / whole["standard_error"],
                p_change=table["p"] - whole["p"],
                cooks_distance=distance,
            )
        )
        components.append(_components(name, there, deviations))
    order = [*contrasts[0].columns.drop("warning"), "warning"]
    return ParticipantInfluence(
        whole,
        pd.concat(contrasts, ignore_index=True)[order],
        pd.concat(components, ignore_index=True),
    )


def cooks_distance(model: FittedModel, without: FittedModel, kept: np.ndarray) -> float:
    """Return Cook's distance of what is left out, with the covariance C of the whole fit.

    (b - b_i)'C^-1 (b - b_i) / p (Cook 1977, Technometrics 19:15). Where fewer coefficients are estimable
    without i, the same of the means X b of the observations that stay, over their rank: equal to it where
    all coefficients are.

    Parameters
    ----------
    model, without : FittedModel
        With all observations and without some.
    kept : ndarray of bool, shape (observations,)
        Which stay.
    """
    x = model.fit.matrices.fixed[kept]
    left, sizes, right = np.linalg.svd(x, full_matrices=False)
    there = sizes > 1e-9 * sizes[0]
    change = left[:, there].T @ (x @ model.fit.beta - without.fit.matrices.fixed @ without.fit.beta)
    root = right[there] * sizes[there, None]
    return float(change @ np.linalg.solve(root @ model.fit.covariance @ root.T, change) / there.sum())


def standard_deviations(model: FittedModel) -> pd.Series:
    """Return the standard deviation of every random effect, by group and column, and of the residual.

    A variance below zero has none: NaN.
    """
    fit = model.fit
    found = {
        f"{term.group}.{column}": standard_deviation(variance)
        for term, between in zip(fit.matrices.random, fit.term_covariances, strict=True)
        for column, variance in zip(term.columns, np.diag(between), strict=True)
    }
    return pd.Series({**found, "residual": fit.sigma}, dtype=float)


def _components(name: str, there: pd.Series, whole: pd.Series) -> pd.DataFrame:
    values = there.reindex(whole.index).to_numpy()
    absent = f"{'not estimable' if np.isnan(values).all() else 'variance below zero'} without {name}"
    return pd.DataFrame(
        {
            "without": name,
            "component": whole.index,
            "standard_deviation": values,
            "standard_deviation_change": values - whole.to_numpy(),
            "warning": np.where(np.isnan(values), absent, ""),
        }
    )
