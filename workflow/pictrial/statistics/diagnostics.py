"""Residuals and random effects of a fitted mixed model as tables, and the numbers that sum them up."""

import numpy as np
import pandas as pd

from pictrial.statistics.fitted_model import CONFIDENCE, FittedModel
from pictrial.statistics.marginal_covariance import (
    projection_blocks,
    residual_variances,
    residuals_and_leverages,
)

#: Variances of BLUPs up to this share of their term's variance count as zero.
_FLAT = 1e-10


def observation_diagnostics(
    model: FittedModel, frame: pd.DataFrame, factor: str = "condition"
) -> pd.DataFrame:
    """Return fitted value and residuals of every observation.

    Parameters
    ----------
    model : FittedModel
    frame : DataFrame
        The rows it was fitted to.
    factor : str

    Returns
    -------
    DataFrame
        participant, level (of `factor`), unit (where `frame` has them), observed, fitted_marginal (Xb),
        fitted (Xb + Zu), residual (observed - fitted), standardised_residual (residual by its own standard
        error, Nobre & Singer 2007, Biom J 49:863), leverage.
    """
    fit = model.fit
    residuals, leverages = residuals_and_leverages(fit)
    variances = residual_variances(fit) * np.clip(1 - leverages, 0, None)
    # A leverage of 1 fits the observation exactly: its residual is zero and says nothing.
    errors = np.sqrt(np.where(leverages < 1 - _FLAT, variances, np.nan))
    names = [name for name in ("participant", factor, "unit") if name in frame]
    return (
        frame[names]
        .reset_index(drop=True)
        .rename(columns={factor: "level"})
        .assign(
            observed=fit.matrices.response,
            fitted_marginal=fit.matrices.fixed @ fit.beta,
            fitted=fit.matrices.response - residuals,
            residual=residuals,
            standardised_residual=residuals / errors,
            leverage=leverages,
        )
    )


def random_effect_diagnostics(model: FittedModel) -> pd.DataFrame:
    """Return the BLUP of every random effect.

    Returns
    -------
    DataFrame
        group, effect (column), level, blup, standardised_blup (by its own standard deviation under the
        model, the root of the diagonal of T Z'P Z T; NaN where the variance is not above 0), normal_quantile
        (expected of its rank, `normal_quantiles`).
    """
    fit = model.fit
    variances = [np.zeros_like(effects) for effects in fit.random_effects]
    for rows, projection in projection_blocks(fit):
        for term, between, variance in zip(fit.matrices.random, fit.term_covariances, variances, strict=True):
            for level in np.unique(term.codes[rows]):
                own = term.codes[rows] == level
                through = term.design[rows[own]] @ between
                variance[level] = np.einsum("ia,ij,ja->a", through, projection[np.ix_(own, own)], through)
    tables = []
    for term, between, effects, variance in zip(
        fit.matrices.random, fit.term_covariances, fit.random_effects, variances, strict=True
    ):
        there = (variance > _FLAT * np.diag(between)) & (np.diag(between) >= 0)
        for index, effect in enumerate(term.columns):
            errors = np.sqrt(np.where(there[:, index], variance[:, index], np.nan))
            standardised = effects[:, index] / errors
            tables.append(
                pd.DataFrame(
                    {
                        "group": term.group,
                        "effect": effect,
                        "level": term.level_names,
                        "blup": effects[:, index],
                        "standardised_blup": standardised,
                        "normal_quantile": normal_quantiles(standardised),
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def normal_quantiles(values: np.ndarray) -> np.ndarray:
    """Return the normal quantile at (rank - 3/8) / (n + 1/4) of each value (Blom 1958), NaN for NaN."""
    from scipy.stats import norm, rankdata

    there = np.isfinite(values)
    quantiles = np.full(len(values), np.nan)
    ranks = rankdata(values[there], method="ordinal")
    quantiles[there] = norm.ppf((ranks - 0.375) / (len(ranks) + 0.25))
    return quantiles


def normal_band(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return between what each order statistic of n standard normal values lies in 95 % of samples.

    The i-th of n uniform values is distributed as beta(i, n + 1 - i); the band is pointwise.

    Returns
    -------
    lower, upper : ndarray, shape (n,)
    """
    from scipy.stats import beta, norm

    rank, tail = np.arange(1, n + 1), (1 - CONFIDENCE) / 2
    return norm.ppf(beta.ppf(tail, rank, n + 1 - rank)), norm.ppf(beta.isf(tail, rank, n + 1 - rank))


def residual_deviations(observations: pd.DataFrame) -> pd.DataFrame:
    """Return the residual standard deviation of every level, in order of appearance.

    The sum of squared residuals is divided by the residual degrees of freedom of the level, the sum of 1 -
    leverage: an estimate without bias where the residual variance is common to all levels. The interval takes
    that sum for chi-squared with as many degrees of freedom, which is rough.

    Parameters
    ----------
    observations : DataFrame
        Of `observation_diagnostics`.

    Returns
    -------
    DataFrame
        level, n, residual_df, residual_standard_deviation, ci_lower, ci_upper.
    """
    from scipy.stats import chi2

    by_level = observations.assign(
        freedom=1 - observations["leverage"], square=observations["residual"] ** 2
    ).groupby("level", sort=False)
    freedom = by_level["freedom"].sum()
    freedom = freedom.where(freedom > _FLAT)
    squares = by_level["square"].sum()
    tail = (1 - CONFIDENCE) / 2
    table = {
        "n": by_level.size(),
        "residual_df": freedom,
        "residual_standard_deviation": np.sqrt(squares / freedom),
        "ci_lower": np.sqrt(squares / chi2.isf(tail, freedom)),
        "ci_upper": np.sqrt(squares / chi2.ppf(tail, freedom)),
    }
    return pd.DataFrame(table).reset_index(names="level")


def diagnostics_summary(observations: pd.DataFrame) -> dict[str, float]:
    """Return the numbers that sum the residuals up.

    Parameters
    ----------
    observations : DataFrame
        Of `observation_diagnostics`.

    Returns
    -------
    dict of str to float
        n_observations, residual_skewness and residual_excess_kurtosis (of standardised residuals, 0 if
        normal), spearman_absolute_residual_fitted (of |standardised residual| with the fitted value, 0 if
        the spread does not change), largest_residual_sd_ratio (between levels), n_beyond_3_sd
        (standardised residuals), largest_leverage. NaN where there are too few observations.
    """
    from scipy.stats import kurtosis, skew, spearmanr

    there = observations.dropna(subset="standardised_residual")
    standardised = there["standardised_residual"].to_numpy(float)
    deviations = residual_deviations(observations)["residual_standard_deviation"]
    enough = len(there) > 3
    return {
        "n_observations": float(len(observations)),
        "residual_skewness": float(skew(standardised, bias=False)) if enough else np.nan,
        "residual_excess_kurtosis": float(kurtosis(standardised, bias=False)) if enough else np.nan,
        "spearman_absolute_residual_fitted": (
            float(spearmanr(np.abs(standardised), there["fitted"]).statistic) if enough else np.nan
        ),
        "largest_residual_sd_ratio": float(deviations.max() / deviations.min()),
        "n_beyond_3_sd": float((np.abs(standardised) > 3).sum()),
        "largest_leverage": float(observations["leverage"].max()),
    }
