"""Tests of fixed effects after Kenward and Roger, as pbkrtest takes them.

Kenward & Roger (1997), Biometrics 53:983; Halekoh & Højsgaard (2014), J Stat Softw 59(9),
doi 10.18637/jss.v059.i09. The symbols are theirs; g are the (co)variances of the random effects and the
residual variance, in which V is linear.
"""

import numpy as np

from pictrial.statistics.covariance_derivatives import CovarianceDerivatives
from pictrial.statistics.linear_mixed_model import JointTest, LinearMixedModel

#: Numbers below this are zero in a ratio of two zeros (the degrees of freedom are 2), which is then 1.
ZERO = 1e-8


def adjusted_covariance(model: LinearMixedModel) -> np.ndarray:
    """Return the covariance of the fixed effects, corrected for having estimated the variances.

    Phi_A = Phi + 2 Phi {sum_ij A_ij (Q_ij - P_i Phi P_j)} Phi, A twice the inverse of tr(P G_i P G_j); the
    term of second derivatives of V is zero.

    Parameters
    ----------
    model : LinearMixedModel
        Fitted by REML.

    Returns
    -------
    ndarray, shape (columns, columns)

    Raises
    ------
    ValueError
        Where the model is fitted by full maximum likelihood.
    """
    derivatives, parameters = _of_reml(model)
    phi = derivatives.phi
    p = len(phi)
    first, second = derivatives.first[:, :p, :p], derivatives.second[:, :, :p, :p]
    weighted = np.tensordot(parameters, first, axes=1)
    inside = np.einsum("ij,ijab->ab", parameters, second) - np.einsum("iab,bc,icd->ad", first, phi, weighted)
    corrected = phi + 2 * phi @ inside @ phi
    return model.sigma**2 * model.equations.unscale((corrected + corrected.T) / 2)


def contrast(model: LinearMixedModel, row: np.ndarray) -> tuple[float, float]:
    """Return standard error and degrees of freedom of the t test of one contrast.

    Parameters
    ----------
    model : LinearMixedModel
        Fitted by REML.
    row : ndarray, shape (columns,)

    Raises
    ------
    ValueError
        Where the model is fitted by full maximum likelihood.
    """
    row = np.asarray(row, float)
    error = np.sqrt(row @ adjusted_covariance(model) @ row)
    return float(error), contrast_df(model, row)


def contrast_df(model: LinearMixedModel, row: np.ndarray) -> float:
    """Return the degrees of freedom of the contrast `row` @ beta (see `contrast`)."""
    return _denominator(model, np.asarray(row, float)[None])[0]


def joint_test(model: LinearMixedModel, rows: np.ndarray) -> JointTest:
    """Test that all contrasts `rows` of the fixed effects are zero, with Kenward and Roger's scaled F.

    Parameters
    ----------
    model : LinearMixedModel
        Fitted by REML.
    rows : ndarray, shape (contrasts, columns)
        Rows that are linear combinations of others change nothing.

    Raises
    ------
    ValueError
        Where the model is fitted by full maximum likelihood, or all rows are zero.
    """
    from scipy.stats import f

    values, basis = np.linalg.svd(np.atleast_2d(np.asarray(rows, float)), full_matrices=False)[1:]
    rows = basis[values > 1e-10 * values.max(initial=0)]
    rank = len(rows)
    if not rank:
        raise ValueError("a joint test needs at least one contrast that is not zero")
    df, scaling = _denominator(model, rows)
    estimate = rows @ model.beta
    wald = estimate @ np.linalg.solve(rows @ adjusted_covariance(model) @ rows.T, estimate) / rank
    statistic = float(scaling * wald)
    return JointTest(statistic, float(rank), df, float(f.sf(statistic, rank, df)))


def _of_reml(model: LinearMixedModel) -> tuple[CovarianceDerivatives, np.ndarray]:
    """Return the derivatives and A, the asymptotic covariance of g."""
    if not model.reml:
        raise ValueError("Kenward and Roger's correction is one of REML fits")
    return model.derivatives, model.derivatives.parameter_covariance


def _denominator(model: LinearMixedModel, rows: np.ndarray) -> tuple[float, float]:
    """Return the degrees of freedom of the denominator and the scaling of F."""
    derivatives, parameters = _of_reml(model)
    rows, phi = model.equations.scale_rows(rows), derivatives.phi
    q, p = len(rows), len(phi)
    theta = rows.T @ np.linalg.solve(rows @ phi @ rows.T, rows)
    products = theta @ phi @ derivatives.first[:, :p, :p] @ phi
    traces = np.einsum("iaa->i", products)
    a1 = traces @ parameters @ traces
    a2 = np.einsum("ij,iab,jba->", parameters, products, products)
    if q == 1:  # then a1 = a2, and the rest comes to this
        return float(2 / a2), 1.0
    b = (a1 + 6 * a2) / (2 * q)
    g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
    divisor = 3 * q + 2 * (1 - g)
    c1, c2, c3 = g / divisor, (q - g) / divisor, (q + 2 - g) / divisor
    v0, v1, v2 = 1 + c1 * b, 1 - c2 * b, 1 - c3 * b
    ratio = 1.0 if abs(1 - a2 / q) < ZERO and abs(v1) < ZERO else (1 - a2 / q) / v1
    # rho = ratio^2 v0 / (q v2), df = 4 + (q + 2) / (q rho - 1), where v2 is zero if df is 4
    df = 4 + (q + 2) * v2 / (ratio**2 * v0 - v2)
    scaling = 1.0 if abs(df - 2) < 0.01 else df * (1 - a2 / q) / (df - 2)
    return float(df), float(scaling)
