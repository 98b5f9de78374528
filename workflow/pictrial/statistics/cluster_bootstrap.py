"""Cluster bootstrap of planned contrasts: participants are resampled with all their motor units."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.seeds import random_generator
from pictrial.statistics.estimated_marginal_means import custom_contrasts, marginal_means
from pictrial.statistics.fitted_model import CONFIDENCE, fit_model
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.unconstrained_variances import NONNEGATIVE

REPLICATES = 1000
#: With fewer participants the intervals are too short; see docs/sensitivity_analyses.md for how much.
FEW_PARTICIPANTS = 20
#: A percentile interval of fewer estimates than this has no ends.
LEAST_REPLICATES = 40

_NAMES = (
    *("estimate", "standard_error", "bias", "ci_lower", "ci_upper", "bca_lower", "bca_upper"),
    *("n_participants", "n_replicates", "n_not_estimable"),
)


def cluster_bootstrap(
    frame: pd.DataFrame,
    formula: str | None,
    levels: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    seed: int,
    replicates: int = REPLICATES,
    processes: int = 1,
    variances: str = NONNEGATIVE,
) -> pd.DataFrame:
    """Resample participants with replacement and estimate the contrasts again.

    A participant drawn twice is two participants with the same data. Nothing is stratified: within a sequence
    there are often one or two participants, and resampling those takes (nearly) all variation away.

    Parameters
    ----------
    frame : DataFrame
        One row per observation, as from `model_frame`, without missing values in the model's columns.
    formula : str or None
        The model that is fitted again; None for the mean difference of participants' means, over
        those who have both conditions.
    levels : mapping of str to sequence of str
        As for `fit_model`.
    pairs : sequence of tuple of str
        (level, minus).
    seed : int
        Of the run.
    replicates : int
    processes : int
        The result does not depend on it.
    variances : str
        As for `fit_model`.

    Returns
    -------
    DataFrame
        level, minus, estimate (of the data), standard_error (SD of the replicates), bias (their mean minus
        the estimate), ci_lower, ci_upper (percentiles), bca_lower, bca_upper, n_participants, n_replicates,
        n_not_estimable, warning. Only the replicates in which a contrast is estimable enter.

    Raises
    ------
    InputError
        Where formula and table do not fit each other, or `replicates` is less than 40.
    NotEstimable
        Where the model cannot be fitted to all participants.
    """
    if replicates < LEAST_REPLICATES:
        raise InputError(
            "bootstrap", f"{replicates} replicates are too few", f"Take at least {LEAST_REPLICATES}."
        )
    participants = sorted(frame["participant"].unique())
    n = len(participants)
    rng = random_generator(seed, "cluster bootstrap")
    drawn = np.sort(rng.integers(n, size=(replicates, n)), axis=1)
    # With few participants the same people are drawn again and again: each set of them is fitted once.
    distinct, place = np.unique(drawn, axis=0, return_inverse=True)
    left_out = [np.delete(np.arange(n), leave) for leave in range(n)]
    samples = [*left_out, *distinct]
    if formula is None:
        differences = _differences(frame, pairs)
        observed, found = _mean(differences), [_mean(differences[sample]) for sample in samples]
    else:
        observed = _contrasts(frame, formula, levels, pairs, variances)
        of_people = [frame[frame["participant"] == name] for name in participants]
        refit = partial(_refit, of_people, formula, levels, pairs, variances)
        if processes == 1:
            found = [refit(sample) for sample in samples]
        else:
            with ProcessPoolExecutor(processes) as pool:
                found = list(pool.map(refit, samples, chunksize=8))
    jackknife, resampled = np.array(found[:n]), np.array(found[n:])[place.ravel()]
    rows = [
        {"level": level, "minus": minus, "n_participants": n, "n_replicates": replicates}
        | _summary(observed[column], jackknife[:, column], resampled[:, column])
        for column, (level, minus) in enumerate(pairs)
    ]
    return pd.DataFrame(rows, columns=["level", "minus", *_NAMES, "warning"])


def bca_interval(estimate: float, resampled: np.ndarray, jackknife: np.ndarray) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval (Efron 1987, J Am Stat Assoc 82:171).

    The ends are the percentiles at Phi(z0 + (z0 + z) / (1 - a (z0 + z))), where z0 is the normal quantile of
    the share of replicates below the estimate (ties count half) and a = sum d^3 / (6 (sum d^2)^1.5), d the
    mean of the jackknife's estimates minus each.

    Parameters
    ----------
    estimate : float
    resampled : ndarray, shape (replicates,)
    jackknife : ndarray, shape (participants,)
        Estimates with one participant left out.

    Returns
    -------
    tuple of float
        NaN where the estimate lies outside all replicates, or leaving out participants changes nothing.
    """
    from scipy.special import ndtr, ndtri

    below = (np.mean(resampled < estimate) + np.mean(resampled <= estimate)) / 2
    d = jackknife.mean() - jackknife
    spread = np.sum(d**2) ** 1.5
    if not 0 < below < 1 or not spread > 0:
        return np.nan, np.nan
    centre, acceleration = ndtri(below), np.sum(d**3) / (6 * spread)
    ends = centre + ndtri([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    lower, upper = np.quantile(resampled, ndtr(centre + ends / (1 - acceleration * ends)))
    return float(lower), float(upper)


def _differences(frame: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Return the difference of each participant's means for each pair, shape (participants, pairs)."""
    means = frame.pivot_table(index="participant", columns="condition", values="value").sort_index()
    means = means.reindex(columns=sorted({name for pair in pairs for name in pair}))
    return np.column_stack([means[level] - means[minus] for level, minus in pairs])


def _mean(differences: np.ndarray) -> np.ndarray:
    """Return the mean over participants, leaving out NaN; NaN where all are."""
    there = np.isfinite(differences)
    count = np.where(there.any(axis=0), there.sum(axis=0), np.nan)
    return np.where(there, differences, 0.0).sum(axis=0) / count


def _refit(
    of_people: Sequence[pd.DataFrame],
    formula: str,
    levels: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    variances: str,
    sample: np.ndarray,
) -> np.ndarray:
    """Return the contrasts of the participants `sample`, shape (pairs,); NaN what is not estimable."""
    from threadpoolctl import threadpool_limits

    copies = [of_people[one].assign(participant=f"{number:04d}") for number, one in enumerate(sample)]
    try:
        with threadpool_limits(1):
            return _contrasts(pd.concat(copies, ignore_index=True), formula, levels, pairs, variances)
    except (NotEstimable, InputError):  # such as a sequence that nobody in this sample has
        return np.full(len(pairs), np.nan)


def _contrasts(
    frame: pd.DataFrame,
    formula: str,
    levels: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    variances: str,
) -> np.ndarray:
    """Return the estimates alone: `planned_contrasts` takes longer for their standard errors than the fit."""
    model = fit_model(frame, formula, levels, variances=variances)
    means = marginal_means(model.design, "~ condition")
    estimates = np.full(len(pairs), np.nan)
    for place, (level, minus) in enumerate(pairs):
        if {level, minus} <= set(means.labels):
            contrast = custom_contrasts(means, {"": {level: 1.0, minus: -1.0}})
            if contrast.estimable.all():
                estimates[place] = (contrast.rows @ model.fit.beta)[0]
    return estimates


def _summary(estimate: float, jackknife: np.ndarray, resampled: np.ndarray) -> dict:
    there = resampled[np.isfinite(resampled)]
    missing = len(resampled) - len(there)
    row: dict = {"estimate": estimate, "n_not_estimable": missing}
    if np.isnan(estimate):
        return row | {"warning": "not estimable from all participants"}
    if len(there) < LEAST_REPLICATES:
        return row | {"warning": f"no interval: estimable in {len(there)} of {len(resampled)} replicates"}
    lower, upper = np.quantile(there, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    row |= {
        "standard_error": np.std(there, ddof=1),
        "bias": there.mean() - estimate,
        "ci_lower": lower,
        "ci_upper": upper,
    }
    notes = []
    if len(jackknife) < FEW_PARTICIPANTS:
        notes.append(
            f"{len(jackknife)} participants: bootstrap intervals are too short with fewer than "
            f"{FEW_PARTICIPANTS}"
        )
    if missing:
        notes.append(f"not estimable in {missing} of {len(resampled)} replicates, which are left out")
    row["bca_lower"], row["bca_upper"] = bca_interval(estimate, there, jackknife)
    if np.isnan(row["bca_lower"]):
        notes.append("no BCa interval: the jackknife is not estimable or has no spread")
    return row | {"warning": "; ".join(notes)}
