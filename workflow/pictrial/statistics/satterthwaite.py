"""Tests of fixed effects with Satterthwaite's degrees of freedom, as lmerTest takes them."""

import numpy as np

from pictrial.statistics.linear_mixed_model import JointTest, LinearMixedModel

#: Eigenvalues of the Hessian up to this are left out (lmerTest's tolerance).
FLAT = 1e-8
#: Degrees of freedom closer than this count as equal (lmerTest's tolerance).
EQUAL_DF = 1e-8


def contrast_df(model: LinearMixedModel, row: np.ndarray) -> float:
    """Return the degrees of freedom of the t test of one contrast l'b.

    df = 2 (l'Phi l)^2 / (gradient' A gradient), gradient = d(l'Phi l) / d(theta, sigma), A = 2 H^-1, H the
    observed Hessian of the deviance in (theta, sigma). Giesbrecht & Burns (1985), Biometrics 41:477;
    Kuznetsova, Brockhoff & Christensen (2017), J Stat Softw 82(13), doi 10.18637/jss.v082.i13.

    Parameters
    ----------
    model : LinearMixedModel
    row : ndarray, shape (columns,)
    """
    return float(_contrast_dfs(model, model.equations.scale_rows(row))[0])


def joint_test(model: LinearMixedModel, rows: np.ndarray) -> JointTest:
    """Test that all contrasts `rows` of the fixed effects are zero.

    The rows are turned into uncorrelated contrasts; their degrees of freedom are pooled after Fai & Cornelius
    (1996), J Stat Comput Simul 54:363, as lmerTest's `contestMD` does. The pooled degrees of freedom depend
    on which rows span the hypothesis; Kenward-Roger's do not.

    Parameters
    ----------
    model : LinearMixedModel
    rows : ndarray, shape (contrasts, columns)

    Raises
    ------
    ValueError
        Where all rows are zero.
    """
    from scipy.stats import f

    rows = np.atleast_2d(np.asarray(rows, float))
    rows = rows[rows.any(axis=1)]
    if not len(rows):
        raise ValueError("a joint test needs at least one contrast that is not zero")
    # Rows in very different units would look dependent: then each is taken by its standard error.
    errors = np.sqrt(np.einsum("la,ab,lb->l", rows, model.covariance, rows))
    uncorrelated, variances = _uncorrelated(model, rows)
    by_error = _uncorrelated(model, rows / errors[:, None])
    if len(by_error[0]) > len(uncorrelated):
        uncorrelated, variances = by_error
    rank = len(uncorrelated)
    statistic = float(np.sum((uncorrelated @ model.beta) ** 2 / variances) / rank)
    dfs = _contrast_dfs(model, model.equations.scale_rows(uncorrelated))
    pooled = _pooled_df(dfs)
    return JointTest(statistic, float(rank), pooled, float(f.sf(statistic, rank, pooled)))


def _uncorrelated(model: LinearMixedModel, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return uncorrelated contrasts that span `rows`, and their variances."""
    variances, directions = np.linalg.eigh(rows @ model.covariance @ rows.T)
    kept = variances > np.sqrt(np.finfo(float).eps) * variances.max()
    return directions[:, kept].T @ rows, variances[kept]


def _pooled_df(dfs: np.ndarray) -> float:
    if np.ptp(dfs) < EQUAL_DF:
        return float(dfs.mean())
    if dfs.min() <= 2:
        return 2.0
    expectation = np.sum(dfs / (dfs - 2))
    return float(2 * expectation / (expectation - len(dfs)))


def _contrast_dfs(model: LinearMixedModel, rows: np.ndarray) -> np.ndarray:
    derivatives = model.derivatives
    by_parameter, hessian = model.curvature
    values, vectors = np.linalg.eigh(hessian)
    kept = values > FLAT
    covariance = 2 * (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    coefficients = rows @ derivatives.phi
    p = len(derivatives.phi)
    gradients = np.einsum("la,iab,lb->li", coefficients, derivatives.first[:, :p, :p], coefficients)
    gradients = gradients @ by_parameter
    variances = np.einsum("la,la->l", coefficients, rows)
    return 2 * variances**2 / np.einsum("li,ij,lj->l", gradients, covariance, gradients)
