"""How much of the variance the fixed effects, and each random term, account for."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.statistics.fitted_model import FittedModel
from pictrial.statistics.linear_mixed_model import LinearMixedModel


@dataclass(frozen=True)
class ExplainedVariance:
    """Variance of an observation by its sources, in squared units of the response.

    Attributes
    ----------
    fixed : float
        Variance of the fixed part X b over the observations.
    random : ndarray, shape (terms,)
        Mean over the observations of the variance that each random term gives them.
    residual : float
        Mean residual variance of an observation.
    """

    fixed: float
    random: np.ndarray
    residual: float

    @property
    def within_model(self) -> float:
        """Variance around the fixed part: random terms and residual."""
        return float(self.random.sum()) + self.residual

    @property
    def total(self) -> float:
        """All of it."""
        return self.fixed + self.within_model

    @property
    def r2_marginal(self) -> float:
        """Share of the fixed effects."""
        return self.fixed / self.total

    @property
    def r2_conditional(self) -> float:
        """Share of the fixed effects and the random terms together."""
        return 1 - self.residual / self.total

    @property
    def icc_adjusted(self) -> float:
        """Share of the random terms in the variance around the fixed part."""
        return float(self.random.sum()) / self.within_model


def explained_variance(fit: LinearMixedModel) -> ExplainedVariance:
    """Return the variance of an observation by its sources.

    Nakagawa, Johnson & Schielzeth (2017), J R Soc Interface 14:20170213. With random slopes the variance
    of a random term differs between observations, z'Tz, and its mean over them counts: Johnson (2014),
    Methods Ecol Evol 5:944. The variance of the fixed part has n - 1 as its divisor, as in the reference.
    """
    matrices = fit.matrices
    weights = np.ones(1) if matrices.weights is None else matrices.weights
    random = [
        np.einsum("ij,jk,ik->i", term.design, covariance, term.design).mean()
        for term, covariance in zip(matrices.random, fit.term_covariances, strict=True)
    ]
    return ExplainedVariance(
        fixed=float(np.var(matrices.fixed @ fit.beta, ddof=1)),
        random=np.array(random),
        residual=float(np.mean(fit.sigma**2 / weights)),
    )


def model_shares(model: FittedModel) -> pd.DataFrame:
    """Return R² and the intraclass correlation of a model as one row.

    Returns
    -------
    DataFrame
        level ("all"), r2_marginal, r2_conditional, icc_adjusted, icc_unadjusted (share of all random
        terms in the variance without and with that of the fixed effects), warning.
    """
    parts = explained_variance(model.fit)
    return pd.DataFrame(
        {
            "level": ["all"],
            "r2_marginal": parts.r2_marginal,
            "r2_conditional": parts.r2_conditional,
            "icc_adjusted": parts.icc_adjusted,
            "icc_unadjusted": parts.r2_conditional - parts.r2_marginal,
            "warning": absorbed_warning(model),
        }
    )


def term_shares(model: FittedModel) -> pd.DataFrame:
    """Return the share of each random term, and of the residual, in the variance of an observation.

    Returns
    -------
    DataFrame
        level (the term's group as in the formula; with slopes, group and columns), variance (mean over the
        observations), icc_adjusted (share in the variance around the fixed part), icc_unadjusted (share in
        all variance), warning; the residual is the last row.
    """
    parts = explained_variance(model.fit)
    names = [
        term.group if term.columns == ("(Intercept)",) else f"{term.group} {' + '.join(term.columns)}"
        for term in model.fit.matrices.random
    ]
    variances = np.append(parts.random, parts.residual)
    return pd.DataFrame(
        {
            "level": [*names, "residual"],
            "variance": variances,
            "icc_adjusted": variances / parts.within_model,
            "icc_unadjusted": variances / parts.total,
            "warning": absorbed_warning(model),
        }
    )


def absorbed_warning(model: FittedModel) -> str:
    """Name the random terms that the fixed effects take up, or return an empty text."""
    groups = ", ".join(model.design.absorbed)
    return f"differences between levels of {groups} count with the fixed effects" if groups else ""
