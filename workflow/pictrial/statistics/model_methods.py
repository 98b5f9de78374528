"""Methods of the plan that look at a mixed model from another side."""

import numpy as np
import pandas as pd

from pictrial.statistics.cluster_bootstrap import cluster_bootstrap as resampled_contrasts
from pictrial.statistics.cluster_robust import cluster_robust_contrasts
from pictrial.statistics.fitted_model import fit_model, planned_contrasts
from pictrial.statistics.influence import participant_influence
from pictrial.statistics.missing_units import delta_adjustment, extreme_case_bounds, presence_patterns
from pictrial.statistics.mixed_model_analysis import DF_NAMES, METHOD
from pictrial.statistics.parametric_bootstrap import (
    bootstrap_fixed_terms,
    bootstrap_random_terms,
    bootstrap_variance_components,
)
from pictrial.statistics.questions import Answer, Question, ResultTable
from pictrial.statistics.residual_variance import fit_residual_variance_by

#: Degrees of freedom of a likelihood ratio.
_PARAMETERS = "difference in parameters"


def cluster_robust(question: Question) -> Answer:
    """Give the contrasts of the model errors that hold whatever the covariance within participants is."""
    table = cluster_robust_contrasts(question.fitted(), question.pairs)
    method = f"{METHOD}; cluster-robust errors (CR2) over participants"
    return Answer([ResultTable("contrast", table.drop(columns="n_clusters"), method, "Satterthwaite of CR2")])


def residual_variance(question: Question) -> Answer:
    """Let the residual variance differ between conditions."""
    question.means()
    found = fit_residual_variance_by(
        question.frame, question.formula, question.levels, variances=question.variances
    )
    table = planned_contrasts(found.model, question.pairs, question.df_method)
    test = {"level": "residual by condition", "chi_square": found.chi_squared, "df": found.df, "p": found.p}
    method, df_name = f"{METHOD}; residual variance by condition", DF_NAMES[question.df_method]
    levels = found.levels.assign(warning=found.warning)
    ratios = levels.filter(regex="level|ratio|warning")[1:]  # the first is the reference itself
    ratios.columns = ratios.columns.str.replace("ratio", "ratio_to_reference")
    tests = pd.DataFrame([test | {"warning": found.warning}])
    spreads = levels[["level", "residual_standard_deviation", "warning"]]
    of_levels = [question.with_conditions([level]) for level in levels["level"]]
    return Answer(
        [
            ResultTable("contrast", table, method, df_name),
            ResultTable("residual", spreads, method, behind=of_levels),
            ResultTable("residual", ratios, method),
            ResultTable("term", tests, f"{method}: likelihood ratio", _PARAMETERS),
        ],
        {"formula": question.formula, "reml_deviance": found.model.fit.deviance},
    )


def leave_one_out(question: Question) -> Answer:
    """Fit the model without each participant."""
    question.means()
    found = participant_influence(
        question.frame,
        question.formula,
        question.levels,
        question.pairs,
        question.df_method,
        variances=question.variances,
    )
    left_out = found.contrasts["without"]
    table = found.contrasts.assign(detail="without " + left_out).drop(columns="without")
    behind = [question.rows[question.rows["participant"] != participant] for participant in left_out]
    groups = found.contrasts.groupby(["level", "minus"], sort=False)
    ranges = [
        {
            "level": level,
            "minus": minus,
            "least_estimate": rows["estimate"].min(),
            "largest_estimate": rows["estimate"].max(),
            "largest_p": rows["p"].max(),
            "warning": "; ".join(dict.fromkeys(filter(None, rows["warning"]))),
        }
        for (level, minus), rows in groups
    ]
    return Answer(
        [
            ResultTable("contrast", pd.DataFrame(ranges), METHOD, DF_NAMES[question.df_method]),
            ResultTable("contrast", table, METHOD, DF_NAMES[question.df_method], behind),
        ]
    )


def cluster_bootstrap(question: Question) -> Answer:
    """Resample participants, and fit the model to each resample."""
    question.means()
    table = resampled_contrasts(
        question.frame,
        question.formula,
        question.levels,
        question.pairs,
        question.seed,
        int(question.analysis.resamples or 0),
        variances=question.variances,
    )
    method = f"{METHOD}; participants resampled with replacement"
    table = table.drop(columns="n_participants")
    return Answer([ResultTable("contrast", table, method)], {"resamples": question.analysis.resamples})


def parametric_bootstrap(question: Question) -> Answer:
    """Draw trials from the fitted model: tests of its terms, and intervals of its standard deviations."""
    question.means()
    # No random effects can be drawn that have a negative variance.
    model, seed = fit_model(question.frame, question.formula, question.levels), question.seed
    draws = int(question.analysis.resamples or 0)
    design, fit = model.design, model.fit
    fixed = bootstrap_fixed_terms(design, fit, seed, draws, terms=["condition"])
    random = bootstrap_random_terms(design, fit, seed, draws)
    spread = bootstrap_variance_components(fit, seed, draws)
    method = f"{METHOD}; parametric bootstrap"
    tests = pd.concat([fixed, random]).rename(columns={"term": "level"}).drop(columns="draws")
    spread = spread.rename(columns={"parameter": "level"}).drop(columns="draws")
    return Answer(
        [
            ResultTable("term", tests, f"{method} of the likelihood ratio", _PARAMETERS),
            ResultTable("component", spread, method),
        ],
        {"resamples": draws, "formula": question.formula},
    )


def tipping_point(question: Question) -> Answer:
    """Ask how far the values of lost motor units would have to lie off for the answer to change."""
    question.means()
    analysis = question.analysis
    rows = pd.concat([question.rows, question.lost])
    found = delta_adjustment(
        rows,
        question.formula,
        question.levels,
        question.pairs,
        question.df_method,
        deltas=analysis.deltas or (0.0,),
        shifted=[name for name in question.conditions[1:] if name != analysis.baseline],
        seed=question.seed,
        n_imputations=int(analysis.imputations or 0),
        variances=question.variances,
    )
    bounds = extreme_case_bounds(
        rows,
        question.formula,
        question.levels,
        question.pairs,
        question.df_method,
        variances=question.variances,
    )
    table = found.contrasts.drop(columns=["n_imputed", "n_shifted"])
    table = table.assign(detail=[f"delta {delta:+g}" for delta in table["delta"]]).drop(columns="delta")
    patterns = presence_patterns(rows, question.conditions)
    patterns = patterns.rename(columns={"present_in": "level"}).drop(columns="missing_in").assign(warning="")
    counts, df_name = found.contrasts.iloc[0], DF_NAMES[question.df_method]
    method = f"{METHOD}; multiple imputation, shifted by delta under the interventions"
    return Answer(
        [
            ResultTable("contrast", found.tipping_points, method),
            ResultTable("contrast", table, method, "Barnard-Rubin"),
            ResultTable(
                "contrast", bounds, f"{METHOD}; missing values at the extremes of the trial", df_name
            ),
            ResultTable(
                "pattern",
                patterns[patterns["level"] != ""],
                "motor units by the conditions they have a value in",
            ),
        ],
        {
            "imputations": analysis.imputations,
            "n_imputed": int(counts["n_imputed"]),
            "n_shifted": int(np.nan_to_num(counts["n_shifted"])),
        },
    )
