"""P values and intervals adjusted for the number of comparisons in a family."""

import numpy as np

from pictrial.errors import InputError
from pictrial.seeds import random_generator

#: Those that need P alone, with the name that statsmodels has for them.
OF_P = {
    "bonferroni": "bonferroni",
    "holm": "holm",
    "hochberg": "simes-hochberg",
    "hommel": "hommel",
    "sidak": "sidak",
    "BH": "fdr_bh",
}
ADJUSTMENTS = ("none", *OF_P, "tukey", "dunnettx", "mvt")
# Degrees of freedom that stand for infinitely many in F.
_NORMAL = 1e8


def check_adjustment(name: str) -> str:
    """Return `name`, or raise an InputError where it is not one of `ADJUSTMENTS`."""
    if name not in ADJUSTMENTS:
        raise InputError(f"adjustment {name!r}", "it is unknown", f"Take one of {', '.join(ADJUSTMENTS)}.")
    return name


def two_sided_p(t: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return P of `t` with `df` degrees of freedom each (infinite: normal), shape (comparisons,)."""
    from scipy.special import stdtr

    return 2 * stdtr(df, -np.abs(t))


def adjusted_p(
    method: str, t: np.ndarray, df: np.ndarray, n_means: int, covariance: np.ndarray | None = None
) -> np.ndarray:
    """Return the P values of one family, adjusted by `method`.

    Parameters
    ----------
    method : str
        One of `ADJUSTMENTS`. ``tukey`` is for all pairwise comparisons of `n_means` means,
        ``dunnettx`` for comparisons with one of them.
    t, df : ndarray, shape (comparisons,)
        Statistics and their own degrees of freedom; NaN for what is not estimable, which stays NaN and
        does not count.
    n_means : int
    covariance : ndarray, shape (comparisons, comparisons), optional
        Of the estimates, up to a factor; for ``mvt``.
    """
    check_adjustment(method)
    if method in OF_P:
        return adjusted_by_p(method, two_sided_p(t, df))
    adjusted = np.full(len(t), np.nan)
    there = np.isfinite(t)
    if not there.any():
        return adjusted
    t, df = np.abs(t[there]), df[there]
    if method == "tukey":
        adjusted[there] = tukey_p(t, df, n_means)
    elif method == "dunnettx":
        adjusted[there] = dunnett_p(t, df, len(t))
    elif method == "mvt":
        if covariance is None:
            raise ValueError("mvt needs the covariance of the estimates")
        adjusted[there] = multivariate_t_p(t, df, covariance[np.ix_(there, there)])
    else:
        adjusted[there] = two_sided_p(t, df)
    return adjusted


def adjusted_by_p(method: str, p: np.ndarray) -> np.ndarray:
    """Return the P values of one family, adjusted by one of `OF_P`; NaN stays NaN and does not count."""
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p), np.nan)
    there = np.isfinite(p)
    if there.any():
        adjusted[there] = multipletests(p[there], method=OF_P[method])[1]
    return adjusted


def tukey_p(t: np.ndarray, df: np.ndarray, n_means: float) -> np.ndarray:
    """Return P of the studentised range at sqrt(2) |t|, each with its own df (Kramer 1956)."""
    from scipy.stats import studentized_range

    if n_means == 2:
        return two_sided_p(t, df)
    return np.asarray(studentized_range.sf(np.sqrt(2) * np.abs(t), n_means, df))


def dunnett_p(t: np.ndarray, df: np.ndarray, n_comparisons: int) -> np.ndarray:
    """Return Lenth's approximation to Dunnett's P, for estimates with correlations near 0.5.

    A mixture of Tukey's P of as many means as have `n_comparisons` pairs, (1 + sqrt(1 + 8k)) / 2, with
    weight (k - 1) / k, and Šidák's P with weight 1 / k: emmeans' ``dunnettx``.
    """
    single, k = two_sided_p(t, df), n_comparisons
    if k == 1:
        return single
    sidak = -np.expm1(k * np.log1p(-single))
    return (k - 1) / k * tukey_p(t, df, (1 + np.sqrt(1 + 8 * k)) / 2) + sidak / k


def multivariate_t_p(t: np.ndarray, df: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return P that the largest of several correlated |t| exceeds each (single-step maximum t).

    Hothorn, Bretz & Westfall 2008, Biom J 50:346. The statistics are A w with A A' their correlation, of
    rank r, and w spherical with |w|^2 / r distributed as F(r, df). Along a direction u, the largest of
    |A w| exceeds c where |w| exceeds c / max |A u|, so P = E[1 - F(c^2 / (r max(A u)^2))] over all
    directions. No matrix is inverted: all pairwise comparisons, whose correlation is singular, are as good
    as any others. The degrees of freedom of each row are rounded as emmeans rounds them, floor(df + 1/4),
    so that P is that of emmeans.
    """
    from scipy.stats import f

    deviations = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(deviations, deviations))
    kept = values > 1e-10 * values.max()
    directions = _directions(int(kept.sum()))
    largest = np.abs((vectors[:, kept] * np.sqrt(values[kept])) @ directions).max(axis=0)
    rank = len(directions)
    rounded = np.clip(np.floor(df + 0.25), 1, _NORMAL)
    rows = zip(np.abs(t), rounded, strict=True)
    return np.array([f.sf((c / largest) ** 2 / rank, rank, row_df).mean() for c, row_df in rows])


def _directions(rank: int) -> np.ndarray:
    """Return unit vectors spread evenly over the sphere (half of it: P is symmetric), shape (rank, many)."""
    from scipy.stats import norm, qmc

    if rank == 1:
        return np.ones((1, 1))
    if rank == 2:
        angles = (np.arange(2**13) + 0.5) * np.pi / 2**13
        return np.array([np.cos(angles), np.sin(angles)])
    # In more dimensions all of it, by quasi-random points: P is good to about 1e-4.
    points = norm.ppf(qmc.Sobol(rank, seed=random_generator(0, "directions")).random(2**15)).T
    return points / np.linalg.norm(points, axis=0)


def margins(method: str, df: np.ndarray, n_means: int, confidence: float) -> np.ndarray:
    """Return how many standard errors a simultaneous interval reaches, shape (comparisons,).

    Only for ``none`` and ``tukey``, whose intervals agree with their P.
    """
    from scipy.special import ndtri, stdtrit

    if method == "none" or (method == "tukey" and n_means == 2):
        # stdtrit has no infinite degrees of freedom.
        level = (1 + confidence) / 2
        return np.where(np.isinf(df), ndtri(level), stdtrit(np.where(np.isinf(df), 1.0, df), level))
    if method != "tukey":
        raise InputError(f"adjustment {method!r}", "it has no interval here", "Take none or tukey.")
    distinct, place = np.unique(df, return_inverse=True)
    return np.array([_tukey_quantile(n_means, value, confidence) for value in distinct])[place]


def _tukey_quantile(n_means: int, df: float, confidence: float) -> float:
    from scipy.optimize import brentq
    from scipy.stats import t as student

    if np.isnan(df):
        return float("nan")

    def beyond(t: float) -> float:
        return float(tukey_p(np.array([t]), np.array([df]), n_means)[0]) - (1 - confidence)

    # Between the quantile for one comparison and Bonferroni's for all.
    pairs = n_means * (n_means - 1) / 2
    low, high = (float(student.isf((1 - confidence) / 2 / count, df)) for count in (1, pairs))
    return float(brentq(beyond, low, high, xtol=1e-8))
