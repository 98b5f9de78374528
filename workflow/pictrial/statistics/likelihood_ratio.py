"""Likelihood-ratio tests of the fixed and of the random terms of a linear mixed model.

Fixed terms are tested between fits by full maximum likelihood, one term left out at a time as R's `drop1`
does; random terms between fits by REML with the same fixed effects, reduced one by one as `ranova` of
lmerTest does (Kuznetsova, Brockhoff & Christensen 2017, J Stat Softw 82(13)).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pictrial.statistics.linear_mixed_model import LinearMixedModel, fit_linear_mixed_model
from pictrial.statistics.model_arrays import ModelMatrices, NotEstimable, RandomTerm
from pictrial.statistics.model_formula import GroupedTerms, Term, term_name
from pictrial.statistics.model_matrices import (
    INTERCEPT,
    CodedTerms,
    ModelDesign,
    code_terms,
    independent_columns,
)

BOUNDARY = "the hypothesis lies on the boundary of the parameters: P is conservative"
SAME_SIZE = "the reduced model has as many parameters: no test"


@dataclass(frozen=True)
class ReducedModel:
    """A model with one term less.

    Attributes
    ----------
    term : str
        The term, as R names it: ``condition:sex``, ``(1 | g)``, ``x in (x | g)``.
    matrices : ModelMatrices
        ``random`` is empty where no random term is left: an ordinary linear model.
    df : int
        Parameters less.
    """

    term: str
    matrices: ModelMatrices
    df: int


def fixed_term_tests(design: ModelDesign, fit: LinearMixedModel) -> pd.DataFrame:
    """Test each fixed term that no other fixed term contains.

    Parameters
    ----------
    design : ModelDesign
    fit : LinearMixedModel
        Of `design`; one by REML is fitted again by maximum likelihood.

    Returns
    -------
    DataFrame
        term, log_likelihood (of the reduced model), chi_square, df, p, warning.
    """
    full = fit_linear_mixed_model(fit.matrices, reml=False) if fit.reml else fit
    return _tests(full, without_fixed_terms(design, full.matrices), "")


def random_term_tests(design: ModelDesign, fit: LinearMixedModel) -> pd.DataFrame:
    """Test each random term: intercepts are removed, slopes one by one.

    A variance of zero lies on the boundary of the parameters, where twice the log likelihood ratio is a
    mixture of chi-squares with smaller quantiles than the one used here (Self & Liang 1987, J Am Stat Assoc
    82:605): P is too large. `parametric_bootstrap.bootstrap_random_terms` has no such bias.

    Returns
    -------
    DataFrame
        As `fixed_term_tests`.
    """
    return _tests(fit, without_random_terms(design, fit.matrices), BOUNDARY)


def without_fixed_terms(design: ModelDesign, matrices: ModelMatrices) -> list[ReducedModel]:
    """Return the models without each of the fixed terms that no other contains."""
    terms = design.formula.fixed.terms
    rank, found = matrices.fixed.shape[1], []
    for term in terms:
        if any(set(term) < set(other) for other in terms):
            continue
        stay = np.array([name != term_name(term) for name in design.complete.terms])
        x, names = design.complete.matrix[:, stay], np.array(design.complete.columns)[stay]
        # A column that was aliased with one of the term takes its place.
        kept = independent_columns(x)
        reduced = replace(matrices, fixed=x[:, kept], columns=tuple(names[kept].tolist()))
        found.append(ReducedModel(term_name(term), reduced, rank - int(kept.sum())))
    return found


def without_random_terms(design: ModelDesign, matrices: ModelMatrices) -> list[ReducedModel]:
    """Return the models with each random term reduced.

    ``(1 | g)`` and ``(0 + x | g)`` beside ``(1 | g)`` are removed; ``(x | g)`` becomes ``(1 | g)``;
    ``(x + z | g)`` loses x, then z; ``(0 + x | g)`` alone becomes ``(1 | g)``.
    """
    found = []
    for part, text in zip(design.formula.random, _random_texts(design.formula.text), strict=True):
        own = _find(matrices.random, part, design)
        if own is None:  # absorbed by the fixed effects
            continue
        others = tuple(term for term in matrices.random if term is not own)
        scope = [t for t in part.effects.terms if not any(set(t) < set(o) for o in part.effects.terms)]
        if not scope:
            reduced = [(text, others)]
        else:
            smaller = [_without(own, part, term, design) for term in scope]
            there = {(term.group, term.columns) for term in others}
            reduced = [
                (
                    f"{term_name(term)} in {text}",
                    others if (less.group, less.columns) in there else (*others, less),
                )
                for term, less in zip(scope, smaller, strict=True)
            ]
        for name, random in reduced:
            less = replace(matrices, random=tuple(sorted(random, key=lambda term: -term.n_levels)))
            found.append(ReducedModel(name, less, _parameters(matrices.random) - _parameters(random)))
    return found


def _without(own: RandomTerm, part: GroupedTerms, dropped: Term, design: ModelDesign) -> RandomTerm:
    """Return `own` without the effects of `dropped`; an intercept where none would be left."""
    stay = np.array([name != term_name(dropped) for name in _coded(part, design).terms])
    columns, values = tuple(np.array(own.columns)[stay].tolist()), own.design[:, stay]
    left = [term for term in part.effects.terms if term != dropped]
    factors = [t for t in part.effects.terms if len(t) == 1 and t[0] in design.levels]
    # Without an intercept the first factor is coded by all its levels; without it, the next one is.
    recoded = dropped in factors[:1] and any(set(term) & set(design.levels) for term in left)
    if not part.effects.intercept and (not left or recoded):
        columns, values = (INTERCEPT, *columns), np.column_stack([np.ones(len(values)), values])
    return replace(own, columns=columns, design=values)


def _find(random: Sequence[RandomTerm], part: GroupedTerms, design: ModelDesign) -> RandomTerm | None:
    key = (term_name(part.group), tuple(_coded(part, design).columns))
    return next((term for term in random if (term.group, term.columns) == key), None)


def _coded(part: GroupedTerms, design: ModelDesign) -> CodedTerms:
    """Code one row, enough to learn the names of the columns and the term each belongs to."""
    names = [name for term in part.effects.terms for name in term]
    frame = pd.DataFrame({name: [design.levels.get(name, [0.0])[0]] for name in names}, index=[0])
    return code_terms(frame, part.effects, design.levels)


def _random_texts(formula: str) -> list[str]:
    """Return the random terms as R prints them, in the order of `LinearModelFormula.random`."""
    found = []
    for left, bar, right in re.findall(r"\(([^()|]*)(\|\|?)([^()|]*)\)", formula):
        effects = re.sub(r"\s*([-+*])\s*", r" \1 ", re.sub(r"\s", "", left)).strip()
        sides = [effects]
        if bar == "||":
            slopes = [part.strip() for part in effects.split("+") if part.strip() not in ("0", "1")]
            sides = ["1"] * ("0" not in effects.split()) + [f"0 + {name}" for name in slopes]
        nested = [part.strip() for part in right.split("/")]
        groups = [":".join(reversed(nested[: depth + 1])) for depth in reversed(range(len(nested)))]
        groups = [re.sub(r"\s", "", group) for group in groups]
        found += [f"({side} | {group})" for group in groups for side in sides]
    return found


def _parameters(random: Sequence[RandomTerm]) -> int:
    return sum(len(term.columns) * (len(term.columns) + 1) // 2 for term in random)


def _tests(full: LinearMixedModel, reduced: Sequence[ReducedModel], note: str) -> pd.DataFrame:
    from scipy.stats import chi2

    rows = []
    for less in reduced:
        try:
            deviance, warning = reduced_deviance(full, less), note
        except NotEstimable as reason:
            deviance, warning = np.nan, str(reason)
        chi_square = deviance - full.deviance
        p = chi2.sf(chi_square, less.df) if less.df > 0 else np.nan
        warning = warning if less.df > 0 else SAME_SIZE
        rows.append((less.term, -deviance / 2, chi_square, less.df, p, warning))
    return pd.DataFrame(rows, columns=["term", "log_likelihood", "chi_square", "df", "p", "warning"])


def reduced_deviance(full: LinearMixedModel, less: ReducedModel) -> float:
    """Return the lowest deviance of a reduced model, by the criterion of `full`."""
    if less.matrices.random:
        return fit_linear_mixed_model(less.matrices, full.reml).deviance
    # Without random terms it is the full model with every variance zero.
    return full.equations.deviance(np.zeros(len(full.theta)), full.reml)[0]
