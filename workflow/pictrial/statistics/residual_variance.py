"""A mixed model whose residual variance differs between the levels of a factor (nlme's `varIdent`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pictrial.statistics.fitted_model import CONFIDENCE, FittedModel, fit_model
from pictrial.statistics.linear_mixed_model import LinearMixedModel, fit_linear_mixed_model
from pictrial.statistics.marginal_covariance import residual_variances, residuals_and_leverages
from pictrial.statistics.model_arrays import ModelMatrices
from pictrial.statistics.unconstrained_variances import NONNEGATIVE, UNCONSTRAINED

#: A ratio of residual standard deviations this large, or its inverse, means that one of them runs to zero.
LARGEST_RATIO = 20.0
#: Step in the log ratios for the Hessian.
_STEP = 1e-3


@dataclass(frozen=True)
class ResidualVarianceFit:
    """A model with a residual variance for each level of a factor.

    Attributes
    ----------
    model : FittedModel
        With the estimated ratios in its weights. Its tests of fixed effects take the weights as known.
    levels : DataFrame
        level, n (observations), residual_standard_deviation, ratio (to the first level), ratio_ci_lower,
        ratio_ci_upper.
    chi_squared, df, p : float
        Likelihood-ratio test against one common residual variance; NaN where there is one level.
    warning : str
        "" where there is nothing to say.
    """

    model: FittedModel
    levels: pd.DataFrame
    chi_squared: float
    df: float
    p: float
    warning: str


def fit_residual_variance_by(
    frame: pd.DataFrame,
    formula: str,
    levels: Mapping[str, Sequence[str]],
    factor: str = "condition",
    variances: str = NONNEGATIVE,
) -> ResidualVarianceFit:
    """Fit `formula` by REML with a residual variance for each level of `factor`.

    The residual SD of level k is sigma times rho_k (rho_1 = 1): Pinheiro & Bates (2000), Mixed-effects models
    in S and S-PLUS, section 5.2. The deviance, minimised over everything else, is minimised over log rho
    with its exact gradient, 2 sum_j (1 - h_j - e_j^2 / v_j) over the observations j of level k (h leverage,
    e conditional residual, v its variance). The likelihood-ratio test compares REML deviances, as both fits
    have the same fixed effects. The interval of a ratio is Wald's on the log scale.

    Parameters
    ----------
    frame, formula, levels, variances
        As `pictrial.statistics.fitted_model.fit_model`. The ratios and the likelihood-ratio test are those of
        nonnegative variances.
    factor : str
        Column of `frame`.

    Raises
    ------
    InputError
        Where formula and table do not fit each other.
    NotEstimable
        Where the data are too few for the model.
    """
    from scipy.stats import chi2

    common = fit_model(frame, formula, levels)
    there = set(frame[factor].astype(str))
    names = [name for name in levels.get(factor, sorted(there)) if name in there]
    codes = pd.Categorical(frame[factor].astype(str), names).codes
    found, margin, warning = np.empty(0), np.empty(0), f"not estimable: {factor} has one level"
    chi_squared = p = np.nan
    if len(names) > 1:
        found, margin, warning = _log_ratios(common.design.matrices, codes, len(names) - 1)
    model = fit_model(frame, formula, levels, _weights(found, codes))
    if len(names) > 1:
        chi_squared = max(common.fit.deviance - model.fit.deviance, 0.0)
        p = float(chi2.sf(chi_squared, len(found)))
    if variances == UNCONSTRAINED:
        model = fit_model(frame, formula, levels, _weights(found, codes), variances)
    ratios = np.exp(np.append(0.0, found))
    table = pd.DataFrame(
        {
            "level": names,
            "n": np.bincount(codes, minlength=len(names)),
            "residual_standard_deviation": model.fit.sigma * ratios,
            "ratio": ratios,
            "ratio_ci_lower": np.append(np.nan, np.exp(found - margin)),
            "ratio_ci_upper": np.append(np.nan, np.exp(found + margin)),
        }
    )
    return ResidualVarianceFit(model, table, chi_squared, float(len(found)), p, warning)


def _log_ratios(matrices: ModelMatrices, codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the log ratios of lowest deviance, half the width of their intervals, and a warning."""
    from scipy.optimize import minimize

    def profile(log_ratios: np.ndarray) -> tuple[float, np.ndarray]:
        fit = fit_linear_mixed_model(replace(matrices, weights=_weights(log_ratios, codes)))
        return fit.deviance, _excess(fit, codes)[1:]

    bound = np.log(LARGEST_RATIO)
    options = {"ftol": 1e-12, "gtol": 1e-5}
    bounds = [(-bound, bound)] * count
    found = minimize(profile, np.zeros(count), method="L-BFGS-B", jac=True, bounds=bounds, options=options).x
    if np.abs(found).max() > bound - 1e-6:
        held = f"a residual standard deviation runs to zero: ratio held at {LARGEST_RATIO:g}"
        return found, np.full(count, np.nan), held
    return found, _margin(lambda log_ratios: profile(log_ratios)[1], found), ""


def _weights(log_ratios: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return np.exp(-2 * np.append(0.0, log_ratios)[codes])


def _excess(fit: LinearMixedModel, codes: np.ndarray) -> np.ndarray:
    """Return the derivative of the REML deviance by the log of each level's residual SD, shape (levels,)."""
    residuals, leverages = residuals_and_leverages(fit)
    return 2 * np.bincount(codes, 1 - leverages - residuals**2 / residual_variances(fit))


def _margin(gradient: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """Return half the width of the confidence interval of each log ratio, by the deviance's curvature."""
    from scipy.stats import norm

    steps = _STEP * np.eye(len(at))
    hessian = np.array([(gradient(at + step) - gradient(at - step)) / (2 * _STEP) for step in steps])
    variances = np.diag(2 * np.linalg.pinv((hessian + hessian.T) / 2))
    return norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(np.where(variances > 0, variances, np.nan))
