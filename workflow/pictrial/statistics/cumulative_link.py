"""Ordinal scores: the cumulative logit (proportional odds) model with a random intercept per participant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.estimated_marginal_means import custom_contrasts, marginal_means
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.model_formula import LinearModelFormula, TermSet, parse_model_formula, term_name
from pictrial.statistics.model_matrices import ModelDesign, build_model

METHOD = "cumulative logit model, random intercept, adaptive Gauss-Hermite quadrature"
N_NODES = 15
#: Beyond this, in logits, an estimate or a standard error says that the likelihood has no maximum.
_ABSURD = 12.0
_NO_VARIANCE = 1e-3


@dataclass(frozen=True)
class CumulativeLinkModel:
    """A fit of logit P(score <= category j) = threshold_j - x'b - u, u normal with SD `sd`.

    Attributes
    ----------
    design : ModelDesign
    categories : ndarray, shape (categories,)
        The scores that occur, ascending.
    thresholds : ndarray, shape (categories - 1,)
    coefficients : ndarray, shape (columns,)
        A positive one raises the score; as in the columns of ``design.matrices`` without the intercept.
    sd : float
        Of the participants' intercepts, in logits.
    covariance : ndarray, shape (parameters, parameters)
        Of thresholds, coefficients and sd: inverse of the observed information.
    log_likelihood : float
    warnings : list of str
    """

    design: ModelDesign
    categories: np.ndarray
    thresholds: np.ndarray
    coefficients: np.ndarray
    sd: float
    covariance: np.ndarray
    log_likelihood: float
    warnings: list[str]


def fit_cumulative_link(
    frame: pd.DataFrame,
    formula: str | LinearModelFormula,
    levels: Mapping[str, Sequence[str]],
    n_nodes: int = N_NODES,
) -> CumulativeLinkModel:
    """Fit a cumulative logit model by maximum likelihood.

    The integral over each participant's intercept is by adaptive Gauss-Hermite quadrature (Liu & Pierce
    1994, Biometrika 81:624); one node is Laplace's approximation.

    Parameters
    ----------
    frame : DataFrame
        One row per score; the response is a number, of which only the order counts.
    formula : str or LinearModelFormula
        With one random term, ``(1 | participant)``.
    levels : mapping of str to sequence of str
        Factors with an order of their own, reference first.
    n_nodes : int

    Raises
    ------
    InputError
        Where formula and table do not fit each other, or the random part is another.
    NotEstimable
        Where all scores are the same, each participant has one, or the fixed effects leave nothing to them.
    """
    from scipy.optimize import minimize

    design = build_model(frame, formula, levels)
    if [part.effects for part in design.formula.random] != [TermSet(True, ())]:
        raise InputError(
            f"formula {design.formula.text!r}",
            "a cumulative link model has one random intercept",
            "Write '(1 | participant)' as its only random term.",
        )
    participants = design.matrices.random[0]
    if participants.n_levels == len(design.matrices.response):
        raise NotEstimable(
            f"one score for each {participants.group}: a random intercept cannot be told from their scatter "
            "(compare groups by stratified_rank)"
        )
    data = _scores(design)
    rule = np.polynomial.hermite.hermgauss(n_nodes)

    def deviance(parameters: np.ndarray) -> float:
        return -2 * data.log_likelihood(_natural(parameters, data), rule)

    optimum = minimize(
        deviance,
        _start(data),
        jac=lambda point: _gradient(deviance, point),
        method="BFGS",
        options={"gtol": 1e-5, "maxiter": 200},
    )
    estimate = _natural(optimum.x, data)
    information = -_hessian(lambda point: data.log_likelihood(point, rule), estimate)
    k = data.n_thresholds
    fit = CumulativeLinkModel(
        design=design,
        categories=data.categories,
        thresholds=estimate[:k],
        coefficients=estimate[k:-1],
        sd=float(estimate[-1]),
        covariance=np.linalg.pinv(information, hermitian=True),
        log_likelihood=float(-optimum.fun / 2),
        warnings=[],
    )
    return replace(fit, warnings=_warnings(fit, np.linalg.eigvalsh(information)))


def odds_ratio_contrasts(
    model: CumulativeLinkModel, pairs: Sequence[tuple[str, str]], factor: str = "condition"
) -> pd.DataFrame:
    """Compare levels of `factor` by the ratio of the odds of a higher score, within a participant.

    Parameters
    ----------
    model : CumulativeLinkModel
    pairs : sequence of tuple of str
        (level, minus).
    factor : str

    Returns
    -------
    DataFrame
        level, minus, estimate (log odds ratio), standard_error, z, p (Wald, asymptotic), ci_lower,
        ci_upper, odds_ratio, odds_ratio_ci_lower, odds_ratio_ci_upper, warning; one row per pair. Where
        the data separate the levels, or the contrast is aliased, all is NaN and the warning says so.
    """
    from scipy.special import ndtr, ndtri

    means = marginal_means(model.design, f"~ {factor}")
    k = len(model.thresholds)
    rows = []
    for level, minus in pairs:
        row: dict = {"level": level, "minus": minus}
        if not {level, minus} <= set(means.labels):
            rows.append(row | {"warning": "not estimable: a level has no value"})
            continue
        function = custom_contrasts(means, {"difference": {level: 1.0, minus: -1.0}})
        row_of_all = np.concatenate([np.zeros(k), function.rows[0][1:], [0.0]])
        why = _why_not(model, row_of_all, bool(function.estimable[0]))
        if why:
            rows.append(row | {"warning": why})
            continue
        estimate = float(row_of_all[k:-1] @ model.coefficients)
        error = float(np.sqrt(row_of_all @ model.covariance @ row_of_all))
        half = float(ndtri((1 + CONFIDENCE) / 2)) * error
        row |= {"estimate": estimate, "standard_error": error, "z": estimate / error}
        row |= {"p": float(2 * ndtr(-abs(estimate / error)))}
        row |= {"ci_lower": estimate - half, "ci_upper": estimate + half, "odds_ratio": np.exp(estimate)}
        row |= {
            "odds_ratio_ci_lower": np.exp(estimate - half),
            "odds_ratio_ci_upper": np.exp(estimate + half),
        }
        rows.append(row | {"warning": "; ".join(model.warnings)})
    columns = ["level", "minus", "estimate", "standard_error", "z", "p", "ci_lower", "ci_upper"]
    ratios = ["odds_ratio", "odds_ratio_ci_lower", "odds_ratio_ci_upper"]
    return pd.DataFrame(rows, columns=[*columns, *ratios, "warning"])


def likelihood_ratio_test(
    frame: pd.DataFrame, formula: str, levels: Mapping[str, Sequence[str]], term: str = "condition"
) -> dict:
    """Test a fixed term by twice the difference of the log-likelihoods with and without it.

    It stands where the Wald test fails: the likelihood has a limit when the levels are separated.

    Returns
    -------
    dict
        term, chi_square, df, p (asymptotic), warning.

    Raises
    ------
    InputError
        Where the term is not in the formula; otherwise as `fit_cumulative_link`.
    """
    from scipy.special import chdtrc

    parsed = parse_model_formula(formula)
    rest = tuple(part for part in parsed.fixed.terms if term_name(part) != term)
    if len(rest) == len(parsed.fixed.terms):
        raise InputError(f"formula {formula!r}", f"it has no fixed term {term!r}", "Name one of its terms.")
    full = fit_cumulative_link(frame, parsed, levels)
    reduced = fit_cumulative_link(frame, replace(parsed, fixed=TermSet(True, rest)), levels)
    df = len(full.coefficients) - len(reduced.coefficients)
    found = {"term": term, "chi_square": np.nan, "df": df, "p": np.nan}
    if df == 0:
        return found | {"warning": "not estimable: the other terms leave it no column"}
    # No less than 0: the smaller model may have been taken nearer to its maximum.
    chi_square = max(0.0, 2 * (full.log_likelihood - reduced.log_likelihood))
    found |= {"chi_square": chi_square, "p": float(chdtrc(df, chi_square))}
    return found | {"warning": "; ".join(full.warnings)}


@dataclass(frozen=True)
class _Scores:
    """Scores as the likelihood wants them."""

    categories: np.ndarray
    category: np.ndarray
    fixed: np.ndarray
    participant: np.ndarray

    @cached_property
    def of_participants(self) -> np.ndarray:
        """Sums of each participant's rows, shape (participants, rows)."""
        return (np.arange(self.participant.max() + 1)[:, None] == self.participant).astype(float)

    @property
    def n_thresholds(self) -> int:
        return len(self.categories) - 1

    def bounds(self, thresholds: np.ndarray, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the upper and lower limit of every score on the scale of the logit, less `eta`."""
        limits = np.concatenate([[-np.inf], thresholds, [np.inf]])
        return limits[self.category + 1] - eta, limits[self.category] - eta

    def log_likelihood(self, parameters: np.ndarray, rule: tuple[np.ndarray, np.ndarray]) -> float:
        """Return the log-likelihood at (thresholds, coefficients, sd); `rule` is nodes and weights.

        With u = sd v, the intercept of a participant, the integrand over v is centred at its mode and
        scaled by its curvature there.
        """
        k = self.n_thresholds
        thresholds, beta, sd = parameters[:k], parameters[k:-1], parameters[-1]
        upper, lower = self.bounds(thresholds, self.fixed @ beta)
        mode, spread = self._modes(upper, lower, sd)
        nodes, weights = rule
        v = mode[:, None] + np.sqrt(2) * spread[:, None] * nodes
        shift = sd * v[self.participant]
        logs = _log_probability(upper[:, None] - shift, lower[:, None] - shift)
        integrand = self.of_participants @ logs - v**2 / 2 + nodes**2 + np.log(weights)
        return float(
            (np.logaddexp.reduce(integrand, axis=1) + np.log(spread)).sum() - len(mode) * np.log(np.pi) / 2
        )

    def _modes(self, upper: np.ndarray, lower: np.ndarray, sd: float) -> tuple[np.ndarray, np.ndarray]:
        """Find the mode of every participant's standardised intercept by Newton's method: it is concave."""
        from scipy.special import expit

        rows_of = self.of_participants
        v = np.zeros(len(rows_of))
        for _ in range(100):
            shift = sd * v[self.participant]
            f_upper, f_lower = expit(upper - shift), expit(lower - shift)
            slope = sd * (rows_of @ (f_upper + f_lower - 1)) - v
            density = f_upper * (1 - f_upper) + f_lower * (1 - f_lower)
            curvature = 1 + sd**2 * (rows_of @ density)
            step = np.clip(slope / curvature, -1, 1)
            v = v + step
            if np.abs(step).max() < 1e-10:
                break
        return v, 1 / np.sqrt(curvature)


def _log_probability(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Return log(F(upper) - F(lower)), F logistic: F(b) - F(a) = F(b) F(-a) (1 - exp(a - b))."""
    from scipy.special import log_expit

    return log_expit(upper) + log_expit(-lower) + np.log(-np.expm1(lower - upper))


def _scores(design: ModelDesign) -> _Scores:
    response = design.matrices.response
    categories, category = np.unique(response, return_inverse=True)
    if len(categories) < 2:
        raise NotEstimable("all scores are the same")
    codes = design.matrices.random[0].codes
    return _Scores(categories, category, design.matrices.fixed[:, 1:], codes)


def _start(data: _Scores) -> np.ndarray:
    """Return thresholds by the shares of the categories, no effects, and an SD of one logit."""
    shares = np.cumsum(np.bincount(data.category))[:-1] / len(data.category)
    thresholds = np.log(shares / (1 - shares))
    steps = np.log(np.diff(thresholds))
    return np.concatenate([thresholds[:1], steps, np.zeros(data.fixed.shape[1]), [1.0]])


def _natural(parameters: np.ndarray, data: _Scores) -> np.ndarray:
    """From (first threshold, log steps, coefficients, sd of either sign) to those of the model."""
    k = data.n_thresholds
    thresholds = parameters[0] + np.concatenate([[0.0], np.cumsum(np.exp(parameters[1:k]))])
    return np.concatenate([thresholds, parameters[k:-1], np.abs(parameters[-1:])])


def _gradient(function, point: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Differentiate by central differences, as R's ordinal does for quadrature."""
    moves = np.diag(step * np.maximum(1.0, np.abs(point)))
    return np.array([(function(point + h) - function(point - h)) / (2 * h.sum()) for h in moves])


def _hessian(function, point: np.ndarray) -> np.ndarray:
    rows = []
    for h in np.diag(1e-4 * np.maximum(1.0, np.abs(point))):
        ahead, behind = (_gradient(function, point + s * h, 1e-4) for s in (1, -1))
        rows.append((ahead - behind) / (2 * h.sum()))
    return (np.array(rows) + np.array(rows).T) / 2


def _why_not(model: CumulativeLinkModel, row: np.ndarray, estimable: bool) -> str:
    if not estimable:
        return f"not estimable: aliased columns ({', '.join(model.design.dropped)})"
    if _separated(model, row):
        return "not estimable: the levels are separated, the odds ratio has no finite maximum"
    k = len(model.thresholds)
    variance = float(row @ model.covariance @ row)
    if abs(row[k:-1] @ model.coefficients) > _ABSURD or not 0 < variance < _ABSURD**2:
        return "not estimable: the likelihood is flat, as when levels are separated within participants"
    return ""


def _separated(model: CumulativeLinkModel, row: np.ndarray) -> bool:
    """Whether l'b can grow without end while no score becomes less likely.

    The log-likelihood is concave and, but for the random intercept, falls in no direction in which
    every upper limit rises and every lower limit falls: where l'b changes in such a direction it has no
    maximum (Albert & Anderson 1984, Biometrika 71:1, for binary and nominal models). A linear programme.
    """
    from scipy.optimize import linprog

    data, k = _scores(model.design), len(model.thresholds)
    limits = np.eye(k + 2)[:, 1:-1]
    upper = np.hstack([limits[data.category + 1], -data.fixed])
    lower = np.hstack([limits[data.category], -data.fixed])
    falls = np.vstack([-upper[data.category < k], lower[data.category > 0]])
    for sign in (1, -1):
        best = linprog(-sign * row[:-1], A_ub=falls, b_ub=np.zeros(len(falls)), bounds=(-1, 1))
        if -best.fun > 1e-7:
            return True
    return False


def _warnings(model: CumulativeLinkModel, eigenvalues: np.ndarray) -> list[str]:
    notes = []
    if model.design.dropped:
        notes.append(f"aliased columns left out: {', '.join(model.design.dropped)}")
    if model.sd < _NO_VARIANCE:
        notes.append("variance of the participants estimated as zero")
    if eigenvalues.min() <= 1e-6 or model.sd > _ABSURD:
        notes.append("no clear maximum of the likelihood: scores may be separated")
    return notes
