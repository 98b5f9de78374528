"""Parallel groups: participants' follow-up means compared between arms, adjusted for their baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.statistics.fitted_model import CONFIDENCE
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.model_formula import TermSet
from pictrial.statistics.model_matrices import INTERCEPT, CodedTerms, code_terms, independent_columns
from pictrial.statistics.paired import participant_means

METHOD = "analysis of covariance of participants' means (statsmodels OLS)"
_TABLE = [
    *("estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper"),
    *("robust_standard_error", "robust_p", "robust_ci_lower", "robust_ci_upper"),
]


@dataclass(frozen=True)
class BaselineAdjusted:
    """Results of an analysis of covariance.

    Attributes
    ----------
    means : DataFrame
        level, n_participants, estimate (at the mean baseline, levels of other factors weighing
        equally), standard_error, df, ci_lower, ci_upper, warning; one row per arm.
    contrasts : DataFrame
        level, minus, n_participants (of both arms), estimate, standard_error, df, t, p, ci_lower, ci_upper,
        robust_standard_error, robust_p, robust_ci_lower, robust_ci_upper (HC3, the same df), warning.
    baseline_slope : float
        Change of the follow-up per unit of the baseline; NaN where all baselines are the same.
    n_left_out : int
        Participants without baseline, follow-up or covariate.
    """

    means: pd.DataFrame
    contrasts: pd.DataFrame
    baseline_slope: float
    n_left_out: int


def baseline_adjusted(
    rows: pd.DataFrame, baseline: str, pairs: Sequence[tuple[str, str]], covariates: Sequence[str] = ()
) -> BaselineAdjusted:
    """Compare arms by follow-up ~ arm + baseline (+ covariates), one row per participant.

    Parameters
    ----------
    rows : DataFrame
        Schema ``outcomes``, one outcome: the sessions of `baseline` and, per participant, one more condition,
        the arm. Motor units are averaged.
    baseline : str
        The condition measured before the arms parted.
    pairs : sequence of tuple of str
        (level, minus), arms.
    covariates : sequence of str
        Columns constant within participants; text is a factor.

    Raises
    ------
    InputError
        Where a participant has two arms, or a covariate two values.
    NotEstimable
        Where no degree of freedom is left for the residual variance.
    """
    import statsmodels.api as sm

    table = _participants(rows, baseline, covariates)
    whole = table.dropna()
    factors = {
        name: sorted(whole[name].unique())
        for name in ("arm", *covariates)
        if not pd.api.types.is_numeric_dtype(whole[name])
    }
    terms = TermSet(True, tuple((name,) for name in ("arm", "baseline", *covariates)))
    coded = code_terms(whole, terms, factors)
    kept = independent_columns(coded.matrix)
    if len(whole) <= kept.sum():
        raise NotEstimable(
            f"{len(whole)} participants with baseline and follow-up, {kept.sum() + 1} are needed"
        )
    fit = sm.OLS(whole["follow_up"].to_numpy(float), coded.matrix[:, kept]).fit()

    def evaluate(function: np.ndarray) -> dict:
        # A function is estimable where it is a combination of the rows, aliased columns included.
        projected = np.linalg.pinv(coded.matrix) @ coded.matrix @ function
        if not np.allclose(projected, function, atol=1e-8):
            return {"warning": "not estimable: the arm cannot be told from other terms of the model"}
        return _tested(fit, function[kept])

    means = {level: _mean_row(coded, whole, factors, level) for level in factors["arm"]}
    counts = whole["arm"].value_counts()
    mean_rows, contrast_rows = [], []
    for level, function in means.items():
        mean_rows.append({"level": level, "n_participants": int(counts[level])} | evaluate(function))
    for level, minus in pairs:
        row: dict = {"level": level, "minus": minus}
        if level in means and minus in means:
            row["n_participants"] = int(counts[level] + counts[minus])
            contrast_rows.append(row | evaluate(means[level] - means[minus]))
        else:
            contrast_rows.append(row | {"warning": "not estimable: an arm has no participant"})
    names = ["estimate", "standard_error", "df", "ci_lower", "ci_upper"]
    return BaselineAdjusted(
        pd.DataFrame(mean_rows, columns=["level", "n_participants", *names, "warning"]),
        pd.DataFrame(contrast_rows, columns=["level", "minus", "n_participants", *_TABLE, "warning"]),
        float(dict(zip(np.array(coded.columns)[kept], fit.params, strict=True)).get("baseline", np.nan)),
        len(table) - len(whole),
    )


def _participants(rows: pd.DataFrame, baseline: str, covariates: Sequence[str]) -> pd.DataFrame:
    """Return arm, baseline, follow_up and covariates, one row per participant."""
    conditions = [baseline, *sorted(set(rows["condition"]) - {baseline})]
    means = participant_means(rows, conditions)
    arms = means.drop(columns=baseline)
    for participant, n in arms.notna().sum(axis=1).items():
        if n > 1:
            raise InputError(
                f"participant {participant}",
                f"has {n} conditions besides {baseline!r}",
                "Parallel groups have one; use the mixed model for a crossover.",
            )
    arm = arms.dropna(how="all").idxmax(axis=1)
    table = pd.DataFrame({"baseline": means[baseline], "arm": arm, "follow_up": arms.max(axis=1)})
    for name in covariates:
        values = rows.dropna(subset=[name]).groupby("participant")[name]
        different = values.nunique()
        if different.max() > 1:
            participant = different.idxmax()
            raise InputError(
                f"participant {participant}", f"{name!r} has two values", "A covariate belongs to a person."
            )
        table[name] = values.first()
    return table


def _mean_row(
    coded: CodedTerms, whole: pd.DataFrame, factors: dict[str, list[str]], level: str
) -> np.ndarray:
    """Return the function of the coefficients that is the adjusted mean of an arm."""
    row = []
    for column, term in zip(coded.columns, coded.terms, strict=True):
        if column == INTERCEPT:
            row.append(1.0)
        elif term == "arm":
            row.append(float(column == f"arm{level}"))
        else:
            row.append(1 / len(factors[term]) if term in factors else float(whole[term].mean()))
    return np.array(row)


def _tested(fit, function: np.ndarray) -> dict:
    """Test a function of the coefficients, with and without the assumption of one residual variance."""
    found = _t_test(fit, function)
    if fit.get_influence().hat_matrix_diag.max() > 1 - 1e-8:
        warning = "no robust standard error: one participant alone decides a coefficient"
        return found | {"warning": warning}
    robust = _t_test(fit.get_robustcov_results("HC3", use_t=True), function)
    names = ("standard_error", "p", "ci_lower", "ci_upper")
    return found | {f"robust_{name}": robust[name] for name in names} | {"warning": ""}


def _t_test(fit, function: np.ndarray) -> dict:
    test = fit.t_test(function)
    lower, upper = np.ravel(test.conf_int(1 - CONFIDENCE))
    names = ("estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper")
    values = (test.effect, test.sd, test.df_denom, test.tvalue, test.pvalue, lower, upper)
    return {name: float(np.squeeze(value)) for name, value in zip(names, values, strict=True)}
