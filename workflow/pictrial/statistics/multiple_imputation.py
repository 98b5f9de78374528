"""Multiple imputation of missing observations from a fitted mixed model, and Rubin's rules."""

from dataclasses import dataclass, replace

import numpy as np

from pictrial.seeds import random_generator
from pictrial.statistics.fitted_model import FittedModel
from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable, RandomTerm

#: A simulated trial whose variances cannot be estimated is drawn again, up to so many times.
ATTEMPTS = 20


@dataclass(frozen=True)
class Variances:
    """Covariance of the random effects of each term, by group and columns, and the residual variance."""

    of_terms: dict[tuple[str, tuple[str, ...]], np.ndarray]
    residual: float


def impute(
    model: FittedModel, whole: ModelMatrices, observed: np.ndarray, n_imputations: int, seed: int
) -> np.ndarray:
    """Draw missing responses given the observed ones, as if missing at random.

    For each imputation the variances are those of the model fitted to a trial simulated from `model`
    (their uncertainty by parametric bootstrap, cf. Honaker, King & Blackwell 2011, J Stat Softw 45(7)). Given
    them, with a flat prior on b, the missing values are normal with mean and covariance
    Xm b + Vmo Voo^-1 (yo - Xo b) and Vmm - Vmo Voo^-1 Vom + D Phi D', where D = Xm - Vmo Voo^-1 Xo, b the
    generalised least squares estimate and Phi = (Xo' Voo^-1 Xo)^-1 its covariance. So a unit's other
    conditions, and the participant's other units, tell what is missing.

    Parameters
    ----------
    model : FittedModel
        Fitted to the observed rows.
    whole : ModelMatrices
        The same formula for all rows; the response of missing ones is not used.
    observed : ndarray of bool, shape (rows,)
    n_imputations : int
    seed : int
        Of the run.

    Returns
    -------
    ndarray, shape (imputations, missing rows)

    Raises
    ------
    NotEstimable
        Where the observed rows do not tell the mean of every missing one.
    """
    if np.linalg.matrix_rank(whole.fixed[observed]) < whole.fixed.shape[1]:
        raise NotEstimable("the observed values do not tell the mean of every missing one")
    imputed = np.empty((n_imputations, np.count_nonzero(~observed)))
    for number in range(n_imputations):
        rng = random_generator(seed, "multiple imputation", number)
        variances = _draw_variances(model, rng)
        imputed[number] = _draw_missing(whole, observed, variances, rng)
    return imputed


def rubins_rules(
    estimates: np.ndarray, standard_errors: np.ndarray, complete_df: float
) -> tuple[float, float, float, float]:
    """Combine the results of completed data sets.

    T = mean of squared standard errors + (1 + 1/M) B (Rubin 1987); degrees of freedom after Barnard & Rubin
    (1999), Biometrika 86:948: 1 / (1 / v + 1 / v'), v = (M - 1) / l^2,
    v' = (1 - l) c (c + 1) / (c + 3), l = (1 + 1/M) B / T and c those of complete data.

    Parameters
    ----------
    estimates, standard_errors : ndarray, shape (imputations,)
    complete_df : float

    Returns
    -------
    estimate, standard error, degrees of freedom and l, the share of the variance due to what is missing
    """
    m = len(estimates)
    between = (1 + 1 / m) * np.var(estimates, ddof=1)
    total = np.mean(standard_errors**2) + between
    share = between / total
    observed_df = (1 - share) * complete_df * (complete_df + 1) / (complete_df + 3)
    df = 1 / (share**2 / (m - 1) + 1 / observed_df)
    return float(estimates.mean()), float(np.sqrt(total)), float(df), float(share)


def _draw_variances(model: FittedModel, rng: np.random.Generator) -> Variances:
    matrices, fit = model.design.matrices, model.fit
    mean = matrices.fixed @ fit.beta
    for _ in range(ATTEMPTS):
        response = mean + rng.normal(0, fit.sigma, len(mean))
        for term, covariance in zip(matrices.random, fit.term_covariances, strict=True):
            effects = rng.multivariate_normal(np.zeros(len(covariance)), covariance, term.n_levels)
            response += np.einsum("nc,nc->n", term.design, effects[term.codes])
        try:
            again = fit_linear_mixed_model(replace(matrices, response=response))
        except NotEstimable:
            continue
        names = [(term.group, term.columns) for term in matrices.random]
        return Variances(dict(zip(names, again.term_covariances, strict=True)), again.sigma**2)
    raise NotEstimable(f"the variances of {ATTEMPTS} trials simulated from the model cannot be estimated")


def _draw_missing(
    whole: ModelMatrices, observed: np.ndarray, variances: Variances, rng: np.random.Generator
) -> np.ndarray:
    from scipy.linalg import cho_factor, cho_solve

    x, missing = whole.fixed, ~observed
    covariance = variances.residual * np.eye(len(x))
    for term in whole.random:
        covariance += _of_term(term, variances)
    to_observed = covariance[np.ix_(missing, observed)]
    factor = cho_factor(covariance[np.ix_(observed, observed)], lower=True)
    weighted = cho_solve(factor, np.column_stack([x[observed], whole.response[observed], to_observed.T]))
    p = x.shape[1]
    phi = np.linalg.inv(x[observed].T @ weighted[:, :p])
    b = phi @ x[observed].T @ weighted[:, p]
    d = x[missing] - to_observed @ weighted[:, :p]
    mean = to_observed @ weighted[:, p] + d @ b
    spread = covariance[np.ix_(missing, missing)] - to_observed @ weighted[:, p + 1 :] + d @ phi @ d.T
    return rng.multivariate_normal(mean, (spread + spread.T) / 2, method="cholesky")


def _of_term(term: RandomTerm, variances: Variances) -> np.ndarray:
    """Return the covariance of the observations that `term` adds, shape (observations, observations)."""
    of_effects = variances.of_terms[term.group, term.columns]
    same = term.codes[:, None] == term.codes
    return same * (term.design @ of_effects @ term.design.T)
