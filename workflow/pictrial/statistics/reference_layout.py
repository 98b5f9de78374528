"""A fitted linear mixed model as one long table: section, term, stat, value.

The layout is that of the reference fits by R (lme4, lmerTest, pbkrtest, emmeans), so that the two can be
compared line by line. Sections end in ``_satt`` (Satterthwaite), ``_kr`` (Kenward-Roger) or ``_z`` (no
degrees of freedom: only for the comparison with software that has none).
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.statistics.estimated_marginal_means import (
    LinearFunctions,
    against_control,
    marginal_means,
    pairwise,
)
from pictrial.statistics.likelihood_ratio import fixed_term_tests, random_term_tests
from pictrial.statistics.linear_mixed_model import LinearMixedModel, fit_linear_mixed_model
from pictrial.statistics.model_inference import Inference, evaluate_functions, small_sample_inference
from pictrial.statistics.model_matrices import ModelDesign
from pictrial.statistics.multiplicity import adjusted_p, margins, two_sided_p
from pictrial.statistics.profile_intervals import profile_intervals
from pictrial.statistics.type_three import (
    marginal_hypotheses,
    type_three_hypotheses,
    type_two_hypotheses,
)

Row = tuple[str, str, str, float]
#: Those of the reference.
DEFAULT_ADJUSTMENTS = ("bonferroni", "holm", "sidak", "BH", "tukey", "dunnettx", "mvt")
#: Adjustments that fit one kind of contrast only.
ONLY_FOR = {"tukey": "pairwise", "dunnettx": "trt.vs.ctrl"}
#: Sections that the printed summary leaves out.
_NOT_READ = r"theta|ranef|vcov_beta.*|effsize_.*|.*_z"
TITLES = {
    "fit": "Fit",
    "vc": "Variance components",
    "r2": "Explained variance",
    "icc": "Intraclass correlation",
    "fit_ml": "Fit, maximum likelihood",
    "fixef_ml": "Fixed effects, maximum likelihood",
    "vc_ml": "Variance components, maximum likelihood",
    "fixef": "Fixed effects",
    "fixef_kr": "Fixed effects, Kenward-Roger",
    "anova3_satt": "Joint tests (type III), Satterthwaite",
    "anova3_kr": "Joint tests (type III), Kenward-Roger",
    "anova2_satt": "Joint tests (type II), Satterthwaite",
    "anova2_kr": "Joint tests (type II), Kenward-Roger",
    "joint_satt": "Joint tests of marginal means, Satterthwaite",
    "joint_kr": "Joint tests of marginal means, Kenward-Roger",
    "lrt_drop1": "Likelihood-ratio tests of fixed terms (maximum likelihood)",
    "ranova": "Likelihood-ratio tests of random terms (REML; P at the boundary is conservative)",
    "profile_ci": "Profile-likelihood intervals (maximum likelihood)",
    "emm_satt": "Marginal means, Satterthwaite",
    "emm_kr": "Marginal means, Kenward-Roger",
    "pairwise_satt": "Pairwise contrasts, Satterthwaite",
    "pairwise_kr": "Pairwise contrasts, Kenward-Roger",
    "trt.vs.ctrl_satt": "Contrasts with the first level, Satterthwaite",
    "trt.vs.ctrl_kr": "Contrasts with the first level, Kenward-Roger",
}


def write_layout(rows: Sequence[Row], path: str | Path) -> None:
    """Write `rows` as CSV with every value at 17 digits, all fields quoted, as R's `write.csv`."""
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["section", "term", "stat", "value"])
        writer.writerows([*names, number_text(value)] for *names, value in rows)


def number_text(value: float) -> str:
    """Return a number at 17 significant digits, as R prints it: ``Inf``, ``NA``."""
    if np.isnan(value):
        return "NA"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return format(float(value), ".17g")


def model_rows(
    design: ModelDesign,
    inferences: Sequence[str] = ("satt", "kr"),
    specification: str | None = None,
    adjustments: Sequence[str] = DEFAULT_ADJUSTMENTS,
    profile: bool | None = None,
) -> list[Row]:
    """Fit a model by REML and by ML, and return every section of the layout.

    Parameters
    ----------
    design : ModelDesign
    inferences : sequence of str
        Of ``satt`` and ``kr``.
    specification : str, optional
        Marginal means, such as ``~ condition | sex``.
    adjustments : sequence of str
        Of `multiplicity.ADJUSTMENTS`; ``tukey`` applies to pairwise contrasts only, ``dunnettx`` to those
        with the first level only.
    profile : bool, optional
        Profile-likelihood intervals; by default where they take seconds: no random term with more than two
        effects.

    Raises
    ------
    NotEstimable
        Where the data are too few for the model.
    InputError
        Where `specification` does not fit the model.
    """
    fit = fit_linear_mixed_model(design.matrices)
    fit_ml = fit_linear_mixed_model(design.matrices, reml=False)
    rows = [*fit_rows(fit), *fit_rows(fit_ml)]
    for name in inferences:
        rows += inference_rows(fit, small_sample_inference(fit, name), design)
    rows += likelihood_rows(design, fit, fit_ml)
    if profile is None:
        profile = all(len(term.columns) <= 2 for term in fit.matrices.random)
    if profile:
        rows += _named_rows(
            "profile_ci", profile_intervals(fit_ml), "parameter", lower="ci_lower", upper="ci_upper"
        )
    if specification is not None:
        for name in (*inferences, "z"):
            inference = small_sample_inference(fit, name)
            rows += marginal_rows(design, fit, inference, specification, adjustments)
    return rows


def fit_rows(fit: LinearMixedModel) -> Iterator[Row]:
    """Yield what the fit itself is: sections fit, theta, vc, fixef, or those of the ML fit."""
    if fit.reml:
        yield "fit", "", "nobs", len(fit.matrices.response)
        yield "fit", "", "reml_crit", fit.deviance
        yield "fit", "", "logLik_reml", fit.log_likelihood
        yield "fit", "", "sigma", fit.sigma
        yield "fit", "", "AIC_reml", fit.aic
        yield "fit", "", "BIC_reml", fit.bic
        yield "fit", "", "npar", fit.npar
        yield "fit", "", "is_singular", fit.singular
        for group, count in {term.group: term.n_levels for term in fit.matrices.random}.items():
            yield "fit", group, "ngrps", count
        for name, value in zip(fit.theta_names, fit.theta, strict=True):
            yield "theta", name, "theta", value
        for name, value in zip(fit.matrices.columns, fit.beta, strict=True):
            yield "fixef", name, "estimate", value
    else:
        yield "fit_ml", "", "deviance", fit.deviance
        yield "fit_ml", "", "logLik", fit.log_likelihood
        yield "fit_ml", "", "sigma", fit.sigma
        yield "fit_ml", "", "AIC", fit.aic
        yield "fit_ml", "", "BIC", fit.bic
        for name, value in zip(fit.matrices.columns, fit.beta, strict=True):
            yield "fixef_ml", name, "estimate", value
    section = "vc" if fit.reml else "vc_ml"
    for name, value in variance_components(fit):
        yield section, name, "vcov", value
    if fit.reml:
        yield from _explained(fit)
        yield from _random_effects(fit)


def variance_components(fit: LinearMixedModel) -> Iterator[tuple[str, float]]:
    """Yield ``group|column|`` with its variance, ``group|column|column`` with the covariance."""
    for group, term, covariance in zip(
        _unique_groups(fit), fit.matrices.random, fit.term_covariances, strict=True
    ):
        for index, column in enumerate(term.columns):
            yield f"{group}|{column}|", covariance[index, index]
        for i, j in combinations(range(len(term.columns)), 2):
            yield f"{group}|{term.columns[i]}|{term.columns[j]}", covariance[i, j]
    yield "Residual||", fit.sigma**2


def inference_rows(
    fit: LinearMixedModel,
    inference: Inference,
    design: ModelDesign,
) -> Iterator[Row]:
    """Yield the coefficients, their covariance and the joint tests of terms by one kind of inference."""
    kr = inference.name == "kr"
    suffix = "_kr" if kr else ""
    columns = fit.matrices.columns
    for i, first in enumerate(columns):
        for j, second in enumerate(columns):
            yield f"vcov_beta{suffix}", f"{first}~{second}", "cov", inference.covariance[i, j]
    for name, row in zip(columns, np.eye(len(columns)), strict=True):
        estimate, error, df = inference.contrast(row)
        t = estimate / error
        p = float(two_sided_p(np.array([t]), np.array([df]))[0])
        yield f"fixef{suffix}", name, "se", error
        yield f"fixef{suffix}", name, "df" if kr else "satt_df", df
        yield f"fixef{suffix}", name, "t", t
        yield f"fixef{suffix}", name, "p" if kr else "satt_p", p
    if inference.joint is None:
        return
    for kind, hypotheses in (
        ("anova3", type_three_hypotheses(design)),
        ("anova2", type_two_hypotheses(design)),
    ):
        section = f"{kind}_{inference.name}"
        for name, rows in hypotheses.items():
            test = inference.joint(rows)
            yield section, name, "F", test.F
            yield section, name, "numdf", test.df1
            yield section, name, "dendf", test.df2
            yield section, name, "p", test.p
    yield from _joint_rows(fit, inference, marginal_hypotheses(design))


def _joint_rows(
    fit: LinearMixedModel, inference: Inference, hypotheses: dict[str, np.ndarray]
) -> Iterator[Row]:
    """Yield emmeans' `joint_tests`: F with the smallest df of its rows, rounded as emmeans rounds them."""
    from scipy.stats import f

    section = f"joint_{inference.name}"
    for name, rows in hypotheses.items():
        estimates = rows @ fit.beta
        covariance = rows @ inference.covariance @ rows.T
        statistic = float(estimates @ np.linalg.solve(covariance, estimates)) / len(rows)
        df = min(inference.contrast(row)[2] for row in rows)
        yield section, name, "F", round(statistic, 3)
        yield section, name, "df1", len(rows)
        yield section, name, "df2", round(df, 2)
        yield section, name, "p", f.sf(statistic, len(rows), df)


def likelihood_rows(design: ModelDesign, fit: LinearMixedModel, fit_ml: LinearMixedModel) -> Iterator[Row]:
    """Yield the likelihood-ratio tests of the fixed terms and of the random terms."""
    yield from _named_rows(
        "lrt_drop1", fixed_term_tests(design, fit_ml), "term", chisq="chi_square", df="df", p="p"
    )
    names = {"lrt": "chi_square", "df": "df", "p": "p", "logLik": "log_likelihood"}
    yield from _named_rows("ranova", random_term_tests(design, fit), "term", **names)


def _named_rows(section: str, table: pd.DataFrame, term: str, **stats: str) -> Iterator[Row]:
    for row in table.to_dict("records"):
        for stat, column in stats.items():
            yield section, row[term], stat, row[column]


def marginal_rows(
    design: ModelDesign,
    fit: LinearMixedModel,
    inference: Inference,
    specification: str,
    adjustments: Sequence[str],
    confidence: float = 0.95,
) -> Iterator[Row]:
    """Yield marginal means, pairwise contrasts, contrasts with the first level, and effect sizes."""
    means = marginal_means(design, specification)
    table = evaluate_functions(means, inference, confidence)
    section = f"emm_{inference.name}"
    for row in table.itertuples():
        term = f"{row.label} {row.group}".strip()
        yield section, term, "emmean", row.estimate
        for stat in ("se", "df", "lower", "upper"):
            yield section, term, stat, getattr(row, stat)
    for kind, functions in (("pairwise", pairwise(means)), ("trt.vs.ctrl", against_control(means))):
        yield from _contrast_rows(kind, functions, inference, adjustments, confidence)
    yield from _effect_sizes(fit, pairwise(means), inference)


def _contrast_rows(
    kind: str,
    functions: LinearFunctions,
    inference: Inference,
    adjustments: Sequence[str],
    confidence: float,
) -> Iterator[Row]:
    section = f"{kind}_{inference.name}"
    table = evaluate_functions(functions, inference, confidence)
    terms = [f"{r.label} @ {r.group}" if r.group else r.label for r in table.itertuples()]
    for term, row in zip(terms, table.itertuples(), strict=True):
        for stat in ("estimate", "se", "df", "t"):
            yield section, term, stat, getattr(row, stat)
        yield section, term, "p_none", row.p
        yield section, term, "lower_none", row.lower
        yield section, term, "upper_none", row.upper
    for method in adjustments:
        if method == "none" or ONLY_FOR.get(method, kind) != kind:
            continue
        for family in functions.families():
            t, df = (table[name].to_numpy()[family] for name in ("t", "df"))
            covariance = functions.rows[family] @ inference.covariance @ functions.rows[family].T
            # The reference has P of the largest t twice: with emmeans' rounding of df, and with R's.
            variants = (
                {"mvt_emmeans": df, "mvt_tight_rounddf": np.round(df)} if method == "mvt" else {method: df}
            )
            for name, of_rows in variants.items():
                adjusted = adjusted_p(method, t, of_rows, functions.n_means, covariance)
                for index, p in zip(family, adjusted, strict=True):
                    yield section, terms[index], f"p_{name}", p
        if method == "tukey":
            margin = margins("tukey", table["df"].to_numpy(), functions.n_means, confidence)
            for term, row, reach in zip(terms, table.itertuples(), margin, strict=True):
                yield section, term, "lower_tukey", row.estimate - reach * row.se
                yield section, term, "upper_tukey", row.estimate + reach * row.se


def _effect_sizes(fit: LinearMixedModel, functions: LinearFunctions, inference: Inference) -> Iterator[Row]:
    """Yield d = contrast / residual SD, its SE by the delta method (emmeans' `eff_size`).

    The residual SD counts as estimated with n - npar degrees of freedom. As in the reference, the terms
    do not name the by-group; by-groups follow one another as they do among the pairwise contrasts.
    """
    df = len(fit.matrices.response) - fit.npar
    for row in evaluate_functions(functions, inference, 0.95).itertuples():
        d = row.estimate / fit.sigma
        yield f"effsize_{inference.name}", row.label, "d", d
        yield f"effsize_{inference.name}", row.label, "se", np.hypot(row.se / fit.sigma, d / np.sqrt(2 * df))


def _explained(fit: LinearMixedModel) -> Iterator[Row]:
    """Yield R² and the adjusted ICC (Nakagawa et al. 2017, J R Soc Interface 14, 20170213)."""
    fixed = float(np.var(fit.matrices.fixed @ fit.beta, ddof=1))
    # The mean over the observations of the variance that the random effects give them.
    random = sum(
        float(np.einsum("ij,jk,ik->i", term.design, covariance, term.design).mean())
        for term, covariance in zip(fit.matrices.random, fit.term_covariances, strict=True)
    )
    total = fixed + random + fit.sigma**2
    yield "r2", "", "marginal", fixed / total
    yield "r2", "", "conditional", (fixed + random) / total
    yield "icc", "", "adjusted", random / (random + fit.sigma**2)


def _random_effects(fit: LinearMixedModel) -> Iterator[Row]:
    for term, effects in zip(fit.matrices.random, fit.random_effects, strict=True):
        for level, values in zip(term.level_names, effects, strict=True):
            for column, value in zip(term.columns, values, strict=True):
                yield "ranef", f"{term.group}|{level}|{column}", "blup", value


def _unique_groups(fit: LinearMixedModel) -> list[str]:
    """Name the groups as R's `make.unique`: a second term of g is ``g.1``."""
    seen: dict[str, int] = {}
    names = []
    for term in fit.matrices.random:
        count = seen.get(term.group, 0)
        seen[term.group] = count + 1
        names.append(f"{term.group}.{count}" if count else term.group)
    return names


def summary(rows: Sequence[Row]) -> str:
    """Return the sections that people read, as text: one line per term."""
    sections: dict[str, dict[str, dict[str, str]]] = {}
    restricted = any(section == "theta" for section, *_ in rows)
    for section, term, stat, value in rows:
        if not re.fullmatch(_NOT_READ, section) and not (restricted and section.endswith("_ml")):
            sections.setdefault(section, {}).setdefault(term, {})[stat] = f"{float(value):.4g}"
    tables = (
        (TITLES.get(section, section), pd.DataFrame.from_dict(terms, orient="index").fillna(""))
        for section, terms in sections.items()
    )
    return "\n".join(f"{title}\n{table.to_string()}\n" for title, table in tables)
