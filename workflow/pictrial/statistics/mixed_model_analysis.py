"""The method ``mixed_model`` of the plan: means, contrasts, variance components and the fit's record."""

import platform
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from pictrial.statistics.analysis_results import ALL
from pictrial.statistics.diagnostics import diagnostics_summary, observation_diagnostics
from pictrial.statistics.effect_sizes import model_effect_sizes
from pictrial.statistics.explained_variance import model_shares, term_shares
from pictrial.statistics.fitted_model import (
    INFERENCES,
    FittedModel,
    condition_means,
    contrast_covariance,
    fit_model,
    planned_contrasts,
)
from pictrial.statistics.model_arrays import NotEstimable
from pictrial.statistics.model_formula import term_name
from pictrial.statistics.model_inference import small_sample_inference
from pictrial.statistics.model_matrices import INTERCEPT, ModelDesign
from pictrial.statistics.questions import Answer, Question, ResultTable, blank_contrasts, blank_levels
from pictrial.statistics.transformation import back_transform_contrasts, back_transform_means, transform
from pictrial.statistics.type_three import type_three_hypotheses
from pictrial.statistics.unconstrained_variances import standard_deviation

METHOD = "linear mixed model, REML"
DF_NAMES = {"kenward-roger": "Kenward-Roger", "satterthwaite": "Satterthwaite"}
MEAN = ("estimate", "standard_error", "df", "ci_lower", "ci_upper")
CONTRAST = ("estimate", "standard_error", "df", "t", "p", "ci_lower", "ci_upper")


@dataclass(frozen=True)
class PlannedFit:
    """A fit as the plan wants it.

    Attributes
    ----------
    model : FittedModel
    frame : DataFrame
        The rows it was fitted to, transformed where the analysis says so.
    weights : ndarray, shape (rows,), or None
    record : dict
        What was done beside fitting the formula.
    """

    model: FittedModel
    frame: pd.DataFrame
    weights: np.ndarray | None
    record: dict


def mixed_model(question: Question) -> Answer:
    """Fit the model of the analysis, and compare the conditions by it."""
    analysis, df_method = question.analysis, question.df_method
    planned = fit_as_planned(question)
    model = planned.model
    means = condition_means(model, df_method)
    contrasts = planned_contrasts(model, question.pairs, df_method)
    if analysis.transformation:
        how = analysis.transformation
        means = back_transform_means(means, **how)
        contrasts = back_transform_contrasts(contrasts, how["method"], how.get("offset", 0.0))
        if how["method"] != "log":  # only a difference of logarithms is a ratio
            contrasts = contrasts.drop(columns=["ratio", "ratio_ci_lower", "ratio_ci_upper"])
    notes, df_name = "; ".join(model.warnings), DF_NAMES[df_method]
    covariance = contrast_covariance(model, question.pairs, df_method)
    sizes = model_effect_sizes(model, question.pairs, df_method)
    observations = observation_diagnostics(model, planned.frame)
    whole = model_shares(model).assign(reml_deviance=model.fit.deviance, warning=notes)
    tables = [
        ResultTable("mean", _noted(means, notes), METHOD, df_name),
        ResultTable("contrast", _noted(contrasts, notes), METHOD, df_name, None, covariance, len(means)),
        ResultTable("contrast", sizes, METHOD, df_name),
        ResultTable("component", components(model), METHOD),
        ResultTable("component", correlations(model), METHOD),
        ResultTable("share", term_shares(model).drop(columns="variance"), METHOD),
        ResultTable("term", joint_tests(model, df_method), METHOD, df_name),
        ResultTable("model", whole, METHOD),
        ResultTable("diagnostic", _diagnostics(observations), METHOD),
    ]
    return Answer(tables, fit_record(model, question) | planned.record)


def fit_as_planned(question: Question) -> PlannedFit:
    """Fit the model of the analysis, weighted or transformed where it says so.

    Raises
    ------
    NotEstimable
        Where there is nothing to compare, or the data are too few for the model.
    """
    question.means()
    frame, weights, record = question.frame, None, {}
    if question.analysis.weights:
        weights, between = precision_weights(question)
        record = {"weights": "1 / (residual variance + standard error^2)", "residual_variance": between}
    if question.analysis.transformation:
        how = question.analysis.transformation
        frame, record = frame.assign(value=transform(frame["value"], **how)), {"transformation": how}
    model = fit_model(frame, question.formula, question.levels, weights, question.variances)
    return PlannedFit(model, frame, weights, record)


def precision_weights(question: Question) -> tuple[np.ndarray, float]:
    """Return weights by the values' own standard errors, of mean 1, shape (values,), and the rest's variance.

    The residual variance of the unweighted model is what the values scatter by themselves plus the mean of
    their squared standard errors; a value's weight is 1 over the first plus its own square.
    """
    errors = question.rows["standard_error"].to_numpy(float)
    if np.isnan(errors).any():
        raise NotEstimable(f"{int(np.isnan(errors).sum())} values have no standard error")
    between = max(0.0, question.fitted().fit.sigma ** 2 - float(np.mean(errors**2)))
    if (errors**2 + between).min() == 0:
        raise NotEstimable("a value has the standard error 0")
    weights = 1 / (between + errors**2)
    return weights / weights.mean(), between


def not_estimable(question: Question, why: str) -> Answer:
    """Answer that the model cannot be fitted, in every row that a reader expects."""
    df_name = DF_NAMES[question.df_method]
    tables = [
        ResultTable("mean", blank_levels(question.conditions, MEAN, why), METHOD, df_name),
        ResultTable("contrast", blank_contrasts(question.pairs, CONTRAST, why), METHOD, df_name),
    ]
    return Answer(tables, {"formula": question.analysis.formula, "estimable": False, "warnings": [why]})


def components(model: FittedModel) -> pd.DataFrame:
    """Return variance and SD of every random effect and of the residual."""
    fit = model.fit
    rows = [
        _component(term.group if column == INTERCEPT else f"{term.group} {column}", variance)
        for term, covariance in zip(fit.matrices.random, fit.term_covariances, strict=True)
        for column, variance in zip(term.columns, np.diag(covariance), strict=True)
    ]
    rows.append(_component("residual", fit.sigma**2))
    for group, reason in model.design.absorbed.items():
        rows.append(_component(group, np.nan) | {"warning": f"not estimable: {reason}"})
    return pd.DataFrame(rows)


def joint_tests(model: FittedModel, df_method: str) -> pd.DataFrame:
    """Return the type III F test of every fixed term."""
    joint = small_sample_inference(model.fit, INFERENCES[df_method]).joint
    assert joint is not None  # only a method without degrees of freedom has none
    hypotheses, aliased = type_three_hypotheses(model.design), ", ".join(model.design.dropped)
    rows = []
    for name in map(term_name, model.design.formula.fixed.terms):
        row: dict = {"level": name} | dict.fromkeys(("F", "df1", "df2", "p"), np.nan)
        share = _estimable_share(model.design, hypotheses[name]) if name in hypotheses else 0.0
        if not share:
            rows.append(row | {"warning": f"not estimable: aliased columns ({aliased})"})
            continue
        test = joint(hypotheses[name])
        # With few people the matched moments may be those of no F distribution.
        if test.F >= 0 and test.df2 > 0:
            warning = "" if share == 1 else f"partly the effect of aliased columns ({aliased})"
            rows.append(row | asdict(test) | {"warning": warning})
        else:
            found = f"{DF_NAMES[df_method]} finds {test.df2:.2g} degrees of freedom"
            rows.append(row | {"warning": f"not estimable: {found}"})
    return pd.DataFrame(rows)


def _estimable_share(design: ModelDesign, hypothesis: np.ndarray) -> float:
    """Return which share of the rows of L the data tell whatever the aliased columns' coefficients are."""
    whole = np.zeros((len(hypothesis), len(design.kept)))
    whole[:, design.kept] = hypothesis
    outside = whole - whole @ np.linalg.pinv(design.complete.matrix) @ design.complete.matrix
    return float(1 - np.linalg.matrix_rank(outside, tol=1e-8) / np.linalg.matrix_rank(whole))


def correlations(model: FittedModel) -> pd.DataFrame:
    """Return the correlation of every two random effects of a term; none where a variance is zero."""
    rows = []
    for term, covariance in zip(model.fit.matrices.random, model.fit.term_covariances, strict=True):
        for i, j in combinations(range(len(term.columns)), 2):
            scale = np.sqrt(covariance[i, i] * covariance[j, j])
            rows.append(
                {
                    "level": f"{term.group} {term.columns[i]} {term.columns[j]}",
                    "correlation": covariance[i, j] / scale if scale > 0 else np.nan,
                    "warning": "" if scale > 0 else "not estimable: a variance is estimated as zero",
                }
            )
    return pd.DataFrame(rows)


def fit_record(model: FittedModel, question: Question) -> dict:
    """Return what a reader needs to judge or repeat the fit, ready for JSON."""
    design, fit = model.design, model.fit
    errors = np.sqrt(np.diag(fit.covariance))
    estimated = zip(fit.theta_names, fit.theta, strict=True)
    return {
        "formula": design.formula.text,
        "fitted_formula": design.fitted_formula,
        "estimable": True,
        "method": METHOD,
        "df_method": question.analysis.df_method,
        "levels": design.levels,
        "n": {
            "observations": len(fit.matrices.response),
            **{term.group: term.n_levels for term in fit.matrices.random},
        },
        "reml_deviance": fit.deviance,
        "start_deviances": list(fit.start_deviances),
        "largest_gradient": fit.largest_gradient,
        "sigma": fit.sigma,
        "theta": {name: float(theta) for name, theta in estimated if np.isfinite(theta)},
        "variances": dict(components(model)[["level", "variance"]].dropna().itertuples(index=False)),
        "variance_estimates": question.variances,
        "singular": list(fit.zero_components),
        "negative": list(fit.negative_components),
        "absorbed": design.absorbed,
        "dropped_columns": design.dropped,
        "fixed_effects": {
            name: {"estimate": float(estimate), "standard_error": float(error)}
            for name, estimate, error in zip(fit.matrices.columns, fit.beta, errors, strict=True)
        },
        "warnings": model.warnings,
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__},
    }


def _diagnostics(observations: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers that sum the residuals up."""
    numbers = diagnostics_summary(observations)
    told = all(np.isfinite(list(numbers.values())))
    return pd.DataFrame([{"level": ALL, **numbers, "warning": "" if told else "residuals do not vary"}])


def _component(level: str, variance: float) -> dict:
    warning = "estimated as zero" if variance == 0 else ""
    if variance < 0:
        warning = "estimated below zero: less alike than by chance, no standard deviation"
    deviation = standard_deviation(variance)
    return {"level": level, "variance": variance, "standard_deviation": deviation, "warning": warning}


def _noted(table: pd.DataFrame, notes: str) -> pd.DataFrame:
    return table.assign(warning=["; ".join(filter(None, (text, notes))) for text in table["warning"]])
