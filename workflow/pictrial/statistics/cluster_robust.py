"""Cluster-robust covariance of the fixed effects, unbiased where the model's covariance is right (CR2).

Bell & McCaffrey (2002), Surv Methodol 28:169, bias-reduced linearization; Pustejovsky & Tipton (2018), J Bus
Econ Stat 36:672, for any working covariance and any weights, and as R's clubSandwich computes it. Here the
working covariance V is the one the mixed model has fitted, and the weights are its inverse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.estimated_marginal_means import marginal_means
from pictrial.statistics.fitted_model import CONFIDENCE, FittedModel, planned_contrasts
from pictrial.statistics.linear_mixed_model import LinearMixedModel
from pictrial.statistics.marginal_covariance import marginal_covariance
from pictrial.statistics.model_arrays import ModelMatrices
from pictrial.statistics.multiplicity import margins, two_sided_p

#: Eigenvalues of B_i below this share of those it would have with known fixed effects are zero.
FLAT = 1e-10
#: With fewer degrees of freedom the t distribution no longer fits (Tipton 2015, Psychol Methods 20:375).
FEWEST_DF = 4.0
#: Where the expected robust variance is a smaller share of the model's than this, none is given.
LEAST_SHARE = 0.9


@dataclass(frozen=True)
class ClusterRobustCovariance:
    """CR2 covariance of the fixed effects.

    Attributes
    ----------
    covariance : ndarray, shape (columns, columns)
    model_covariance : ndarray, shape (columns, columns)
        M = (X'V^-1 X)^-1.
    own : ndarray, shape (clusters, columns, columns)
        G_i'V_i G_i, where G_i = A_i V_i^-1 X_i M turns the residuals of a cluster into its part of b.
    shared : ndarray, shape (clusters, columns, columns)
        X_i'G_i.
    """

    covariance: np.ndarray
    model_covariance: np.ndarray
    own: np.ndarray
    shared: np.ndarray

    def contrast(self, row: np.ndarray) -> tuple[float, float, float]:
        """Return standard error, Satterthwaite degrees of freedom and expected share of l'b.

        The variance is the sum of the squares of g_i'e_i, g_i = G_i l. If V is right their covariances are
        p_ij = [i = j] g_i'V_i g_i - g_i'X_i M X_j'g_j, and df = (sum_i p_ii)^2 / sum_ij p_ij^2. The share is
        the expected variance, sum_i p_ii, over the model's: 1 unless B_i is singular, and near 0 where one
        cluster alone tells l'b.

        Parameters
        ----------
        row : ndarray, shape (columns,)
        """
        through = self.shared @ row
        expected = np.diag(np.einsum("a,iab,b->i", row, self.own, row))
        expected -= through @ self.model_covariance @ through.T
        share = float(np.trace(expected) / (row @ self.model_covariance @ row))
        squares = np.sum(expected**2)
        df = float(np.trace(expected) ** 2 / squares) if squares else np.nan
        return float(np.sqrt(row @ self.covariance @ row)), df, share


def cluster_robust_covariance(fit: LinearMixedModel, clusters: np.ndarray) -> ClusterRobustCovariance:
    """Return the CR2 covariance of the fixed effects.

    sum_i M X_i'W_i A_i e_i e_i'A_i'W_i X_i M with W = V^-1, e = y - Xb and A_i = D_i'B_i^(+1/2) D_i,
    D_i'D_i = V_i, B_i = D_i (V_i - X_i M X_i') D_i'. The root of the pseudo-inverse is the symmetrical
    one; B_i is singular where the fixed effects have a parameter that one cluster alone tells.

    Parameters
    ----------
    fit : LinearMixedModel
    clusters : ndarray of int, shape (observations,)
        No random effect may be shared between clusters.
    """
    x, model = fit.matrices.fixed, fit.covariance
    residual = fit.matrices.response - x @ fit.beta
    robust, own, shared = np.zeros_like(model), [], []
    for cluster in np.unique(clusters):
        rows = np.flatnonzero(clusters == cluster)
        v = marginal_covariance(fit, rows)
        root = np.linalg.cholesky(v)  # D_i'
        values, vectors = np.linalg.eigh(root.T @ (v - x[rows] @ model @ x[rows].T) @ root)
        kept = values > FLAT * np.linalg.norm(root.T @ v @ root, 2)
        adjust = root @ (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T @ root.T
        g = adjust @ np.linalg.solve(v, x[rows] @ model)
        score = g.T @ residual[rows]
        robust += np.outer(score, score)
        own.append(g.T @ v @ g)
        shared.append(x[rows].T @ g)
    return ClusterRobustCovariance(robust, model, np.array(own), np.array(shared))


def clusters_of(matrices: ModelMatrices, cluster: str) -> np.ndarray:
    """Return the cluster of each observation as a number, shape (observations,).

    Parameters
    ----------
    matrices : ModelMatrices
    cluster : str
        A factor that is, or is part of, the group of a random term.

    Raises
    ------
    InputError
        Where no random term has it, or a random effect is shared between its levels.
    """
    remedy = "Take as cluster a factor within which every random effect is nested."
    found = [term for term in matrices.random if cluster in term.group.split(":")]
    if not found:
        raise InputError(f"cluster {cluster!r}", "no random term of the model names it", remedy)
    place = found[0].group.split(":").index(cluster)
    names = [level.split(":")[place] for level in found[0].level_names]
    codes = np.unique(names, return_inverse=True)[1][found[0].codes]
    for term in matrices.random:
        if len(set(zip(term.codes.tolist(), codes.tolist(), strict=True))) > term.n_levels:
            raise InputError(
                f"cluster {cluster!r}", f"effects of {term.group} are shared between its levels", remedy
            )
    return codes


def cluster_robust_contrasts(
    model: FittedModel,
    pairs: Sequence[tuple[str, str]],
    cluster: str = "participant",
    factor: str = "condition",
) -> pd.DataFrame:
    """Return the differences between marginal means of `factor` with cluster-robust errors.

    Parameters
    ----------
    model : FittedModel
    pairs : sequence of tuple of str
        (level, minus).
    cluster : str
        What is independent of each other.
    factor : str

    Returns
    -------
    DataFrame
        As `pictrial.statistics.fitted_model.planned_contrasts`, and n_clusters before the warning.

    Raises
    ------
    InputError
        Where a random effect is shared between clusters.
    """
    clusters = clusters_of(model.fit.matrices, cluster)
    table = planned_contrasts(model, pairs, "satterthwaite", factor)
    means = marginal_means(model.design, f"~ {factor}")
    rows = dict(zip(means.labels, means.rows, strict=True))
    robust = cluster_robust_covariance(model.fit, clusters)
    for index in np.flatnonzero(table["estimate"].notna()):
        level, minus = table.loc[index, ["level", "minus"]]
        error, df, share = robust.contrast(rows[level] - rows[minus])
        if share < LEAST_SHARE:
            error, df, warning = np.nan, np.nan, "no cluster-robust error: one cluster alone tells part of it"
        else:
            warning = "fewer than 4 degrees of freedom: P and interval are rough" if df < FEWEST_DF else ""
        table.loc[index, ["standard_error", "df", "warning"]] = error, df, warning
    t = table["estimate"] / table["standard_error"]
    df = table["df"].to_numpy()
    margin = margins("none", df, len(means.labels), CONFIDENCE) * table["standard_error"]
    table = table.assign(
        t=t,
        p=two_sided_p(t.to_numpy(), df),
        ci_lower=table["estimate"] - margin,
        ci_upper=table["estimate"] + margin,
    )
    table.insert(len(table.columns) - 1, "n_clusters", len(np.unique(clusters)))
    return table
