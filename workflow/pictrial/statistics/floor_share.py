"""Shares of participants with an event, such as a response or a value at the floor, and their differences."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import CONFIDENCE

METHOD = "exact McNemar test (statsmodels); interval by Tango's score"


def events_at_floor(values: pd.DataFrame, floor: float) -> pd.DataFrame:
    """Say who is at the floor: 1 where a value is not above `floor`, 0 where it is, NaN without a value."""
    return (values <= floor).astype(float).where(values.notna())


def condition_shares(events: pd.DataFrame) -> pd.DataFrame:
    """Return the share of participants with the event in every condition.

    Parameters
    ----------
    events : DataFrame, shape (participants, conditions)
        1 or 0; NaN where a participant has no value.

    Returns
    -------
    DataFrame
        level, n_participants, n_events, estimate, ci_lower, ci_upper (exact, Clopper & Pearson 1934),
        warning; one row per condition.

    Raises
    ------
    InputError
        Where an entry is neither 0, 1 nor missing.
    """
    from statsmodels.stats.proportion import proportion_confint

    _check_events(events)
    rows = []
    for level, column in events.items():
        n, count = int(column.notna().sum()), int(column.sum())
        row = {"level": level, "n_participants": n, "n_events": count}
        if n == 0:
            rows.append(row | {"warning": "not estimable: no participant has a value"})
            continue
        lower, upper = proportion_confint(count, n, alpha=1 - CONFIDENCE, method="beta")
        interval = {"ci_lower": float(lower), "ci_upper": float(upper)}
        rows.append(row | {"estimate": count / n} | interval | {"warning": ""})
    columns = ["level", "n_participants", "n_events", "estimate", "ci_lower", "ci_upper", "warning"]
    return pd.DataFrame(rows, columns=columns)


def share_contrasts(events: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Compare shares over the participants who have both conditions.

    Parameters
    ----------
    events : DataFrame, shape (participants, conditions)
        1 or 0; NaN where a participant has no value.
    pairs : sequence of tuple of str
        (level, minus).

    Returns
    -------
    DataFrame
        level, minus, n_participants, n_level_only, n_minus_only (who have the event in one of the two
        conditions), estimate (difference of shares), ci_lower, ci_upper (`tango_interval`), p (exact
        McNemar test), warning; one row per pair.

    Raises
    ------
    InputError
        Where an entry is neither 0, 1 nor missing.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    _check_events(events)
    rows = []
    for level, minus in pairs:
        both = events.reindex(columns=[level, minus]).dropna()
        n = len(both)
        b = int(((both[level] == 1) & (both[minus] == 0)).sum())
        c = int(((both[level] == 0) & (both[minus] == 1)).sum())
        row = {"level": level, "minus": minus, "n_participants": n}
        if n == 0:
            rows.append(row | {"warning": "not estimable: no participant has both conditions"})
            continue
        lower, upper = tango_interval(b, c, n)
        row |= {"n_level_only": b, "n_minus_only": c, "estimate": (b - c) / n}
        row |= {"ci_lower": lower, "ci_upper": upper}
        row["p"] = float(mcnemar([[0, b], [c, 0]], exact=True).pvalue) if b + c else 1.0
        rows.append(row | {"warning": "" if b + c else "no participant differs between the conditions"})
    columns = ["level", "minus", "n_participants", "n_level_only", "n_minus_only"]
    return pd.DataFrame(rows, columns=[*columns, "estimate", "ci_lower", "ci_upper", "p", "warning"])


def tango_interval(b: int, c: int, n: int) -> tuple[float, float]:
    """Return the score interval of a difference of paired shares (Tango 1998, Stat Med 17:891).

    The bounds are where the score statistic z(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d))) is that of
    the confidence; q is the share of c when the difference is d, by maximum likelihood: the larger root of
    2 n q^2 + ((2 n - b + c) d - b - c) q - c d (1 - d) = 0.

    Parameters
    ----------
    b, c : int
        Pairs with the event in the first condition only, and in the second only.
    n : int
        All pairs; at least one.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtri

    quantile = float(ndtri((1 + CONFIDENCE) / 2))

    def excess(d: float, side: float) -> float:
        """Return numerator of z less `side` quantiles of its denominator: finite at d = -1 and 1 too."""
        linear = (2 * n - b + c) * d - b - c
        q = (np.sqrt(max(linear**2 + 8 * n * c * d * (1 - d), 0.0)) - linear) / (4 * n)
        return b - c - n * d - side * quantile * np.sqrt(max(n * (2 * q + d * (1 - d)), 0.0))

    # Without a discordant pair, or with nothing else, z is 0 / 0 at the estimate itself: start beside it.
    estimate, beside = (b - c) / n, 1e-9
    lower = -1.0 if c == n else brentq(excess, -1, estimate - beside, args=(1.0,), xtol=1e-12)
    upper = 1.0 if b == n else brentq(excess, estimate + beside, 1, args=(-1.0,), xtol=1e-12)
    return float(lower), float(upper)


def _check_events(events: pd.DataFrame) -> None:
    wrong = ~(events.isna() | events.isin([0, 1]))
    for row, column in np.argwhere(wrong.to_numpy())[:1]:
        participant, condition = events.index[row], events.columns[column]
        raise InputError(
            f"participant {participant}, condition {condition}",
            f"{events.loc[participant, condition]!r} is neither 0 nor 1",
            "Give 1 where the event was there.",
        )
