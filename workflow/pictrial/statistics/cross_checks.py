"""Mixed models fitted once more by an engine that shares no code with ours.

statsmodels' `MixedLM` says where *it* finds the optimum. Only its variance components are taken: its
standard errors and z tests are wrong in small trials. The deviance there follows from our equations, so
that both are the same criterion.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import FittedModel
from pictrial.statistics.linear_mixed_model import LinearMixedModel
from pictrial.statistics.marginal_covariance import independent_blocks
from pictrial.statistics.model_arrays import ModelMatrices, RandomTerm

ENGINE = "statsmodels MixedLM"
#: Tried one after the other, because either alone stops short of the optimum in many small trials.
OPTIMISERS = ("default", "powell")
#: Deviances of two engines that differ by more than this are not the same optimum.
DEVIANCE_TOLERANCE = 1e-3
#: Relative difference of standard errors above which one of two engines is wrong.
STANDARD_ERROR_TOLERANCE = 0.01
#: Variances below this share of the largest count as that when two engines are compared.
VARIANCE_FLOOR = 1e-3
COLUMNS = [
    *("analysis", "engine", "optimiser", "converged", "deviance", "deviance_difference"),
    *("sd_difference", "coefficient_difference", "standard_error_difference", "verdict", "note"),
]


@dataclass(frozen=True)
class Optimum:
    """Where one optimiser of another engine ended.

    Attributes
    ----------
    optimiser : str
    converged : bool
        The engine's own word.
    theta : ndarray, shape (parameters,)
        In the order of `LinearMixedModel.theta`.
    deviance : float
        Of our equations at theta.
    """

    optimiser: str
    converged: bool
    theta: np.ndarray
    deviance: float


def cross_check(fits: Mapping[str, FittedModel]) -> pd.DataFrame:
    """Fit every model once more by statsmodels.

    Parameters
    ----------
    fits : mapping of str to FittedModel
        By name of the analysis.

    Returns
    -------
    DataFrame
        One row per analysis, columns `COLUMNS`: the better of `OPTIMISERS`, its deviance, and that minus
        ours; the largest relative difference of standard deviations (random terms and residual), and the
        largest difference of coefficients (by generalised least squares at its variances) in our standard
        errors; ``standard_error_difference`` is NaN. `verdict` is ``agrees``, ``worse optimum``, ``better
        optimum``, ``no result`` or ``cannot express``; `note` says why, or where each optimiser ended.
    """
    return pd.DataFrame([_row(name, model.fit) for name, model in fits.items()], columns=COLUMNS)


def judge(deviance_difference: float, standard_error_difference: float = np.nan) -> str:
    """Return the verdict on another engine by its deviance minus ours and its standard errors."""
    if deviance_difference < -DEVIANCE_TOLERANCE:
        return "better optimum"
    if deviance_difference > DEVIANCE_TOLERANCE:
        return "worse optimum"
    if standard_error_difference > STANDARD_ERROR_TOLERANCE:
        return "standard error differs"
    return "agrees"


def require_agreement(table: pd.DataFrame) -> None:
    """Stop where another engine shows that a fit is wrong.

    Parameters
    ----------
    table : DataFrame
        Columns `COLUMNS`.

    Raises
    ------
    InputError
        Where its deviance is lower than ours by more than `DEVIANCE_TOLERANCE`, or a standard error at the
        same optimum differs by more than `STANDARD_ERROR_TOLERANCE`. A worse optimum is no objection.
    """
    for row in table.itertuples():
        if row.verdict == "better optimum":
            rule = (
                f"{row.engine} ({row.optimiser}) reaches a deviance lower by {-row.deviance_difference:.3g}"
            )
        elif row.verdict == "standard error differs":
            rule = f"a standard error of {row.engine} differs by {row.standard_error_difference:.2%}"
        else:
            continue
        raise InputError(
            f"analysis {row.analysis}",
            rule,
            "The fit is not to be trusted: keep the table of outcomes and report it as a defect of pictrial.",
        )


def _row(analysis: str, fit: LinearMixedModel) -> dict:
    row = {"analysis": analysis, "engine": ENGINE}
    if why_not := _expressible(fit):
        return row | {"verdict": "cannot express", "note": f"cannot express: {why_not}"}
    ends = [fit_by_statsmodels(fit, optimiser) for optimiser in OPTIMISERS]
    found = [end for end in ends if isinstance(end, Optimum)]
    note = "; ".join(
        f"{optimiser}: {f'deviance {end.deviance:.6f}' if isinstance(end, Optimum) else end}"
        for optimiser, end in zip(OPTIMISERS, ends, strict=True)
    )
    if not found:
        return row | {"verdict": "no result", "note": note}
    best = min(found, key=lambda end: end.deviance)
    sigma, beta, _ = fit.equations.estimates(fit.equations.scaled(best.theta), fit.reml)
    ours, theirs = _deviations(fit, fit.theta, fit.sigma), _deviations(fit, best.theta, sigma)
    floor = np.maximum(ours, np.sqrt(VARIANCE_FLOOR) * ours.max())
    return row | {
        "optimiser": best.optimiser,
        "converged": best.converged,
        "deviance": best.deviance,
        "deviance_difference": best.deviance - fit.deviance,
        "sd_difference": float((np.abs(theirs - ours) / floor).max()),
        "coefficient_difference": float((np.abs(beta - fit.beta) / np.sqrt(np.diag(fit.covariance))).max()),
        "verdict": judge(best.deviance - fit.deviance),
        "note": note,
    }


def _deviations(fit: LinearMixedModel, theta: np.ndarray, sigma: float) -> np.ndarray:
    """Return the standard deviations of all random effects and the residual."""
    rows = [np.sqrt(np.sum(factor**2, axis=1)) for factor in fit.equations.factors(theta)]
    return sigma * np.append(np.concatenate(rows), 1.0)


def _expressible(fit: LinearMixedModel) -> str:
    """Return why statsmodels cannot express the model, "" if it can.

    It has no negative variances. Its groups are independent of each other, so they are the connected
    components of the levels. Within them it has independent effects, and correlated ones of one term that has
    one level per group.
    """
    if fit.negative_components:
        return f"variance below zero: {', '.join(fit.negative_components)}"
    matrices, blocks = fit.matrices, _blocks(fit.matrices)
    correlated = [term for term in matrices.random if len(term.columns) > 1]
    for term in correlated:
        if term.n_levels != blocks.max() + 1:
            return f"effects of {term.group} are correlated, and it is not the outermost factor"
    if len(correlated) > 1:
        return "several terms have correlated effects"
    return ""


def _blocks(matrices: ModelMatrices) -> np.ndarray:
    """Return the set of independent observations that each belongs to, shape (observations,)."""
    blocks = np.empty(len(matrices.response), int)
    for number, rows in enumerate(independent_blocks(matrices)):
        blocks[rows] = number
    return blocks


def fit_by_statsmodels(fit: LinearMixedModel, optimiser: str) -> Optimum | str:
    """Return where an optimiser of statsmodels ends with the model of `fit`, or why it does not."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    matrices, blocks = fit.matrices, _blocks(fit.matrices)
    # Prior weights: every row times the root of its weight has the residual variance sigma^2.
    root = np.ones(len(blocks)) if matrices.weights is None else np.sqrt(matrices.weights)
    correlated = [term for term in matrices.random if len(term.columns) > 1]
    independent = [term for term in matrices.random if len(term.columns) == 1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say is in the numbers
        try:
            result = MixedLM(
                matrices.response * root,
                matrices.fixed * root[:, None],
                groups=blocks,
                exog_re=correlated[0].design * root[:, None] if correlated else None,
                exog_vc=_components(independent, blocks, root) if independent else None,
            ).fit(reml=fit.reml, method=None if optimiser == "default" else optimiser)
        except (np.linalg.LinAlgError, ValueError) as error:
            return f"no result ({error})"
    scale, variances = float(result.scale), iter(np.atleast_1d(result.vcomp))
    theta = np.empty(len(fit.theta))
    for term, (row, column, index) in zip(matrices.random, fit.equations.triangles, strict=True):
        covariance = result.cov_re if len(term.columns) > 1 else [[next(variances)]]
        relative = np.asarray(covariance, float) / scale
        if not (np.isfinite(relative).all() and scale > 0):
            return "no result (a variance is not finite)"
        theta[index] = _factor(relative)[row, column]
    deviance = fit.equations.deviance(fit.equations.scaled(theta), fit.reml)[0]
    return Optimum(optimiser, bool(result.converged), theta, deviance)


def _components(terms: Sequence[RandomTerm], blocks: np.ndarray, root: np.ndarray):
    from statsmodels.regression.mixed_linear_model import VCSpec

    names = [f"{number} {term.group}" for number, term in enumerate(terms)]
    rows_of = [np.flatnonzero(blocks == block) for block in range(blocks.max() + 1)]
    matrices = []
    for term in terms:
        values = term.design[:, 0] * root
        levels = [np.unique(term.codes[rows]) for rows in rows_of]
        pairs = zip(rows_of, levels, strict=True)
        matrices.append([(term.codes[r][:, None] == level) * values[r][:, None] for r, level in pairs])
    columns = [[[str(column) for column in range(z.shape[1])] for z in term] for term in matrices]
    return VCSpec(names, columns, matrices)


def _factor(covariance: np.ndarray) -> np.ndarray:
    """Return the lower triangle L with L L' = `covariance`, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    triangle = np.linalg.qr((vectors * np.sqrt(values.clip(0))).T)[1].T
    return triangle * np.where(np.diag(triangle) < 0, -1.0, 1.0)
