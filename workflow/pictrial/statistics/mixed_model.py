"""The primary mixed model, fitted by statsmodels: provisional until pictrial has its own fit.

Only the variance components are taken from statsmodels. Its standard errors and z tests are not:
both are wrong in small trials. Coefficients and their covariance follow from the variance components
by generalised least squares.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import write_text
from pictrial.statistics.design import Design, build_design, indicator
from pictrial.statistics.formula import ModelFormula

RESIDUAL = "residual"
OPTIMISERS = ("default", "powell")
#: A variance below this share of the residual variance is reported as zero.
SINGULAR_RATIO = 1e-4
#: Optimisers whose REML deviances differ by more than this are reported.
DEVIANCE_TOLERANCE = 0.01


class NotEstimable(Exception):
    """The data are in order but too few for the model; the text says why."""


@dataclass(frozen=True)
class MixedModelFit:
    """A linear mixed model with random intercepts, fitted by REML.

    Attributes
    ----------
    design : Design
    variances : dict of str to float
        Variance of each random term that could be estimated, and of the residual.
    coefficients : ndarray, shape (columns,)
        Generalised least squares; 0 for aliased columns.
    covariance : ndarray, shape (columns, columns)
        (X' V^-1 X)^-1 at the estimated variances; 0 for aliased columns.
    reml_deviance : float
        -2 log restricted likelihood, as lme4 defines it.
    optimisers : dict of str to dict
        For each optimiser its REML deviance, statsmodels' logLik and its own word on convergence.
    singular : list of str
        Terms whose variance is estimated as zero.
    warnings : list of str
        What a reader of the results has to know.
    """

    design: Design
    variances: dict[str, float]
    coefficients: np.ndarray
    covariance: np.ndarray
    reml_deviance: float
    optimisers: dict[str, dict]
    singular: list[str]
    warnings: list[str]


def fit_mixed_model(
    frame: pd.DataFrame, formula: str | ModelFormula, levels: Mapping[str, Sequence[str]]
) -> MixedModelFit:
    """Fit `formula` to `frame` by REML.

    Two optimisers of statsmodels are tried (its default, then Powell's), because either alone stops
    short of the optimum in some small trials; the lower deviance is kept and both are recorded.

    Parameters
    ----------
    frame : DataFrame
        One row per observation, without missing values in the model's columns.
    formula : str or ModelFormula
        lme4 syntax, random intercepts only.
    levels : mapping of str to sequence of str
        Order of the levels of factors, reference first (see `build_design`).

    Raises
    ------
    InputError
        Where formula and table do not fit each other.
    NotEstimable
        Where no random term can be estimated, there are too few observations, or no optimiser finds a
        finite optimum.
    """
    design = build_design(frame, formula, levels)
    if not design.estimable:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in design.not_estimable.items())
        raise NotEstimable(f"no variance can be estimated ({reasons})")
    if design.kept.sum() >= len(design.response):
        raise NotEstimable(f"{len(design.response)} values are too few for {design.kept.sum()} fixed effects")
    fits = _optimise(design)
    if not fits:
        raise NotEstimable("no optimiser found a finite optimum")
    best = min(fits, key=lambda name: fits[name]["reml_deviance"])
    variances = fits[best]["variances"]
    coefficients, covariance, deviance = generalised_least_squares(design, variances)
    singular = [
        name
        for name, variance in variances.items()
        if name != RESIDUAL and variance < SINGULAR_RATIO * variances[RESIDUAL]
    ]
    return MixedModelFit(
        design=design,
        variances=variances,
        coefficients=coefficients,
        covariance=covariance,
        reml_deviance=deviance,
        optimisers=fits,
        singular=singular,
        warnings=_warnings(design, fits, best, singular),
    )


def generalised_least_squares(
    design: Design, variances: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return coefficients, their covariance (X' V^-1 X)^-1 and the REML deviance at `variances`.

    V is block-diagonal over the levels of the outer grouping factor, so only its blocks are solved.
    Deviance: -2 log restricted likelihood (Bates et al. 2015, J Stat Softw 67(1), eq. 39), with
    y' V^-1 y of the residuals in place of its profiled form.
    """
    x, y = design.fixed[:, design.kept], design.response
    precision, score = np.zeros((x.shape[1],) * 2), np.zeros(x.shape[1])
    quadratic, log_det = 0.0, 0.0
    for block in np.unique(design.outer):
        rows = np.flatnonzero(design.outer == block)
        v = np.eye(len(rows)) * variances[RESIDUAL]
        for name in design.estimable:
            codes = design.groups[name]
            v += variances[name] * (codes[rows][:, None] == codes[rows][None, :])
        solved = np.linalg.solve(v, np.column_stack([x[rows], y[rows]]))
        precision += x[rows].T @ solved[:, :-1]
        score += x[rows].T @ solved[:, -1]
        quadratic += float(y[rows] @ solved[:, -1])
        log_det += float(np.linalg.slogdet(v)[1])
    covariance = np.linalg.inv(precision)
    beta = covariance @ score
    n, p = x.shape
    deviance = (
        (n - p) * np.log(2 * np.pi) + log_det + np.linalg.slogdet(precision)[1] + quadratic - beta @ score
    )
    full_beta = np.zeros(len(design.kept))
    full_beta[design.kept] = beta
    full_covariance = np.zeros((len(design.kept),) * 2)
    full_covariance[np.ix_(design.kept, design.kept)] = covariance
    return full_beta, full_covariance, float(deviance)


def _optimise(design: Design) -> dict[str, dict]:
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec

    blocks = [np.flatnonzero(design.outer == block) for block in np.unique(design.outer)]
    matrices = [[indicator(design.groups[name][rows]) for rows in blocks] for name in design.estimable]
    columns = [[[str(column) for column in range(z.shape[1])] for z in term] for term in matrices]
    components = VCSpec(design.estimable, columns, matrices)
    fits = {}
    for optimiser in OPTIMISERS:
        model = MixedLM(
            design.response, design.fixed[:, design.kept], groups=design.outer, exog_vc=components
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say is in the record, and in numbers
            try:
                result = model.fit(reml=True, method=None if optimiser == "default" else optimiser)
            except np.linalg.LinAlgError:
                continue
        variances = dict(zip(design.estimable, map(float, result.vcomp), strict=True))
        variances[RESIDUAL] = float(result.scale)
        if not all(np.isfinite(list(variances.values()))) or variances[RESIDUAL] <= 0:
            continue
        fits[optimiser] = {
            "reml_deviance": generalised_least_squares(design, variances)[2],
            "log_likelihood": float(result.llf),
            "converged": bool(result.converged),
            "variances": variances,
        }
    return fits


def _warnings(design: Design, fits: dict[str, dict], best: str, singular: list[str]) -> list[str]:
    notes = [f"variance of {name} not estimable: {reason}" for name, reason in design.not_estimable.items()]
    if design.dropped_columns:
        notes.append(f"aliased columns left out: {', '.join(design.dropped_columns)}")
    if singular:
        notes.append(f"variance estimated as zero: {', '.join(singular)}")
    if not fits[best]["converged"]:
        notes.append(f"optimiser {best} did not report convergence")
    deviances = [fit["reml_deviance"] for fit in fits.values()]
    if max(deviances) - min(deviances) > DEVIANCE_TOLERANCE:
        notes.append(f"optimisers differ by {max(deviances) - min(deviances):.3g} in REML deviance")
    if len(fits) < len(OPTIMISERS):
        notes.append(f"only the optimiser {best} found an optimum")
    return notes


def fit_record(fit: MixedModelFit) -> dict:
    """Return what a reader needs to judge or repeat the fit, ready for JSON."""
    import statsmodels

    design = fit.design
    errors = np.sqrt(np.diag(fit.covariance))
    return {
        "formula": design.formula.text,
        "status": "provisional",
        "method": "REML, statsmodels MixedLM",
        "levels": design.levels,
        "n": {
            "observations": len(design.response),
            design.outer_name: len(np.unique(design.outer)),
            **{name: len(np.unique(codes)) for name, codes in design.groups.items()},
        },
        "reml_deviance": fit.reml_deviance,
        "optimisers": fit.optimisers,
        "variances": fit.variances,
        "standard_deviations": {name: value**0.5 for name, value in fit.variances.items()},
        "singular": fit.singular,
        "not_estimable": design.not_estimable,
        "dropped_columns": design.dropped_columns,
        "fixed_effects": {
            name: {"estimate": float(estimate), "standard_error": float(error)}
            for name, estimate, error, keep in zip(
                design.columns, fit.coefficients, errors, design.kept, strict=True
            )
            if keep
        },
        "warnings": fit.warnings,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "statsmodels": statsmodels.__version__,
        },
    }


def write_record(record: dict, path: str | Path) -> None:
    """Write the record of a fit as JSON."""
    write_text(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
