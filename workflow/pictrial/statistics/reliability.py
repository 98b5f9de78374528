"""How well a measurement agrees with itself, and with another, when people are measured repeatedly."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.paired import MINIMUM_PARTICIPANTS

_TWO_SIDED = 1 - (1 - CONFIDENCE) / 2
_ICC = "ICC(A,1)"


def retest_reliability(
    rows: pd.DataFrame, occasion: str = "session", value: str = "value"
) -> dict[str, object]:
    """Return the reliability of a value that each participant has once on every occasion.

    The intraclass correlation is ICC(A,1) of McGraw & Wong (1996), Psychol Methods 1:30 (Shrout & Fleiss's
    ICC(2,1)): two-way, agreement, of a single value. Agreement, so that a shift between occasions counts
    as error; a single value, because that is what a later study measures. Estimate and interval by
    ``pingouin.intraclass_corr``.

    The standard error of measurement is the root of the within-participant mean square of the one-way
    analysis of variance. That square is the sum of the occasion and the error variance of the two-way
    analysis, so that it equals SD root(1 - ICC(A,1)) with SD the root of the sum of the variance
    components. Its interval is that of a variance with n (k - 1) degrees of freedom; the minimal detectable
    change is 1.96 root(2) times it (Weir 2005, J Strength Cond Res 19:231).

    Parameters
    ----------
    rows : DataFrame
        Columns participant, `occasion` and `value`; one row per participant and occasion. Rows without a
        value do not count; participants without a value on every occasion are left out.
    occasion, value : str
        Names of columns.

    Returns
    -------
    dict
        n_participants, n_occasions, icc, icc_ci_lower, icc_ci_upper, standard_error_of_measurement,
        standard_error_of_measurement_ci_lower, standard_error_of_measurement_ci_upper,
        minimal_detectable_change, warning. NaN with
        the reason as warning where fewer than three participants or two occasions are left.

    Raises
    ------
    InputError
        Where a participant has two values on one occasion.
    """
    import pingouin
    from scipy.stats import chi2

    wide = _wide(rows, occasion, value)
    whole = wide.dropna()
    n, k = whole.shape
    sem = "standard_error_of_measurement"
    names = ("icc", "icc_ci_lower", "icc_ci_upper", sem, f"{sem}_ci_lower", f"{sem}_ci_upper")
    counts = {"n_participants": n, "n_occasions": k}
    centred = whole.sub(whole.mean(axis=1), axis=0).to_numpy()
    between = float(whole.mean(axis=1).var()) if n > 1 else 0.0
    why = _too_few(n) or ("not estimable: one occasion" if k < 2 else "")
    if not why and not between and not centred.any():
        why = "not estimable: all values are equal"
    if why:
        return {**counts, **dict.fromkeys((*names, "minimal_detectable_change"), np.nan), "warning": why}
    long = whole.reset_index().melt(id_vars="participant", var_name="occasion", value_name="value")
    pingouin.options["round.column.CI95"] = None  # its default rounds the interval to two decimals
    with np.errstate(divide="ignore", invalid="ignore"):  # without any error
        found = pingouin.intraclass_corr(long, "participant", "occasion", "value")
    found = found.set_index("Type").loc[_ICC]
    df = n * (k - 1)
    mean_square = float((centred**2).sum() / df)
    limits = np.sqrt(mean_square * df / chi2.ppf([_TWO_SIDED, 1 - _TWO_SIDED], df))
    error = float(np.sqrt(mean_square))
    numbers = (float(found["ICC"]), *map(float, found["CI95"]), error, *map(float, limits))
    left_out = len(wide) - n
    return {
        **counts,
        **dict(zip(names, numbers, strict=True)),
        "minimal_detectable_change": float(_normal(_TWO_SIDED) * np.sqrt(2) * error),
        "warning": f"left out, without a value on every occasion: {left_out} of {len(wide)}"
        if left_out
        else "",
    }


def repeated_measures_correlation(rows: pd.DataFrame, x: str = "x", y: str = "y") -> dict[str, object]:
    """Return the correlation of two measurements within participants.

    Whether those of a participant's observations that are high in `x` are high in `y`, with one slope for
    all and a level for each (Bland & Altman 1995, BMJ 310:446; Bakdash & Marusich 2017, Front Psychol
    8:456), by ``pingouin.rm_corr``. The interval is Fisher's, with df + 2 observations.

    Parameters
    ----------
    rows : DataFrame
        Columns participant, `x` and `y`; any number of observations per participant. Rows that lack one of
        the two do not count, nor do participants with one row left: it tells nothing about the slope.
    x, y : str
        Names of columns.

    Returns
    -------
    dict
        n_participants, n_observations, r, df, ci_lower, ci_upper, p, warning. NaN with the reason as warning
        where fewer than three participants have two observations, or x or y does not vary within them.
    """
    import pingouin

    whole = _complete(rows, [x, y])
    whole = whole[whole.groupby("participant")["participant"].transform("size") > 1]
    n = whole["participant"].nunique()
    counts = {"n_participants": n, "n_observations": len(whole)}
    why = _too_few(n, " with two observations")
    if not why:
        why = _constant_within(whole, [x, y])
    if why:
        return {**counts, **dict.fromkeys(("r", "df", "ci_lower", "ci_upper", "p"), np.nan), "warning": why}
    with np.errstate(divide="ignore"):  # a perfect correlation
        found = pingouin.rm_corr(whole, x, y, "participant").iloc[0]
        # Its own interval is rounded to two decimals.
        lower, upper = pingouin.compute_esci(found["r"], found["dof"] + 2, eftype="r", decimals=15)
    return {
        **counts,
        "r": float(found["r"]),
        "df": float(found["dof"]),
        "ci_lower": float(lower),
        "ci_upper": float(upper),
        "p": float(found["pval"]),
        "warning": "",
    }


def limits_of_agreement(rows: pd.DataFrame, x: str = "x", y: str = "y") -> dict[str, object]:
    """Return bias and 95 % limits of agreement of pairs measured repeatedly while the true value varies.

    Of the differences x - y, one-way analysis of variance separates the variance between from that within
    participants; a single difference of a new person varies by their sum (Bland & Altman 2007,
    J Biopharm Stat 17:571). Estimates and intervals of the limits are those of Zou (2013), Stat Methods Med
    Res 22:630: the bias is the mean of the participants' means, its variance between participants is not
    truncated at zero, and the limits' intervals are by the method of variance estimates recovery (MOVER).
    With equal numbers of pairs the limits are Bland and Altman's. The interval of the bias is Student's,
    over participants.

    Parameters
    ----------
    rows : DataFrame
        Columns participant, `x` and `y`, in the same unit; rows that lack one of the two do not count.
    x, y : str
        Names of columns.

    Returns
    -------
    dict
        n_participants, n_observations, bias, bias_ci_lower, bias_ci_upper, sd_within (of differences within
        participants), sd_difference (of a single difference), lower_limit, lower_limit_ci_lower,
        lower_limit_ci_upper, upper_limit, upper_limit_ci_lower, upper_limit_ci_upper, warning. NaN with the
        reason as warning where fewer than three participants are left or none has two pairs.
    """
    from scipy.stats import chi2
    from scipy.stats import t as student

    whole = _complete(rows, [x, y])
    differences = (whole[x] - whole[y]).groupby(whole["participant"])
    means, sizes = differences.mean(), differences.size()
    n, total = len(means), len(whole)
    counts = {"n_participants": n, "n_observations": total}
    names = (
        *("bias", "bias_ci_lower", "bias_ci_upper", "sd_within", "sd_difference"),
        *("lower_limit", "lower_limit_ci_lower", "lower_limit_ci_upper"),
        *("upper_limit", "upper_limit_ci_lower", "upper_limit_ci_upper"),
    )
    why = _too_few(n) or ("not estimable: no participant has two pairs" if total == n else "")
    if why:
        return {**counts, **dict.fromkeys(names, np.nan), "warning": why}
    within = float(differences.var().mul(sizes - 1).sum() / (total - n))
    bias, between = float(means.mean()), float(means.var())
    parts = np.array([between, (1 - (1 / sizes).mean()) * within])
    df = np.array([n - 1, total - n])
    variance = float(parts.sum())
    least = variance - np.hypot(*(parts * (1 - df / chi2.ppf(_TWO_SIDED, df))))
    most = variance + np.hypot(*(parts * (df / chi2.ppf(1 - _TWO_SIDED, df) - 1)))
    z, deviation = _normal(_TWO_SIDED), np.sqrt(variance)
    outwards = z * np.hypot(np.sqrt(between / n), np.sqrt(most) - deviation)
    inwards = z * np.hypot(np.sqrt(between / n), deviation - np.sqrt(least))
    margin = student.ppf(_TWO_SIDED, n - 1) * np.sqrt(between / n)
    lower, upper = bias - z * deviation, bias + z * deviation
    numbers = (
        *(bias, bias - margin, bias + margin, np.sqrt(within), deviation),
        *(lower, lower - outwards, lower + inwards),
        *(upper, upper - inwards, upper + outwards),
    )
    return {**counts, **dict(zip(names, map(float, numbers), strict=True)), "warning": ""}


def _complete(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    for column in ("participant", *columns):
        if column not in rows:
            raise InputError(f"column {column!r}", "it is missing", f"There are {', '.join(rows)}.")
    whole = rows[["participant", *columns]].dropna()
    return whole.astype(dict.fromkeys(columns, float)).reset_index(drop=True)


def _wide(rows: pd.DataFrame, occasion: str, value: str) -> pd.DataFrame:
    """Return values, shape (participants, occasions)."""
    there = rows.dropna(subset=[value])
    twice = there.duplicated(["participant", occasion])
    if twice.any():
        person, when = there.loc[twice, ["participant", occasion]].iloc[0]
        raise InputError(
            f"participant {person}, {occasion} {when}",
            "it has two values",
            "Average the motor units of a participant first.",
        )
    return there.assign(**{value: there[value].astype(float)}).pivot_table(
        index="participant", columns=occasion, values=value
    )


def _too_few(n: int, which: str = "") -> str:
    if n >= MINIMUM_PARTICIPANTS:
        return ""
    return f"not estimable: {n} participant{'s' if n != 1 else ''}{which}, {MINIMUM_PARTICIPANTS} are needed"


def _constant_within(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    for column in columns:
        if np.ptp(rows[column] - rows.groupby("participant")[column].transform("first")) == 0:
            return f"not estimable: {column} does not vary within participants"
    return ""


def _normal(probability: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(probability))
