"""lme4's formula syntax, parsed into terms; never evaluated.

The syntax is that of Bates et al. 2015 (J Stat Softw 67(1), table 2) for the fixed part of R's
`model.frame`; the order of the terms is R's: by the number of names, then by place.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from pictrial.errors import InputError

Term = tuple[str, ...]

_NAME = r"[A-Za-z_][\w.]*"
_BARS = re.compile(r"\(([^()|]*)(\|\|?)([^()|]*)\)")
_REMEDY = (
    "Write a formula such as 'value ~ condition * sex + (1 | participant) + (0 + time | participant:unit)'."
)


@dataclass(frozen=True)
class TermSet:
    """The terms of a fixed part, or of the left side of a random term.

    Attributes
    ----------
    intercept : bool
    terms : tuple of tuple of str
        The names in one term are multiplied: ``a:b`` is ``("a", "b")``.
    """

    intercept: bool
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class GroupedTerms:
    """A random term ``(effects | group)``.

    Attributes
    ----------
    effects : TermSet
    group : tuple of str
        Names whose combinations are the levels.
    """

    effects: TermSet
    group: Term


@dataclass(frozen=True)
class LinearModelFormula:
    """A linear mixed model.

    Attributes
    ----------
    text : str
        The formula as it was written.
    response : str
    fixed : TermSet
        Always with an intercept.
    random : tuple of GroupedTerms
        In the order of the text; at least one.
    """

    text: str
    response: str
    fixed: TermSet
    random: tuple[GroupedTerms, ...]

    def without(self, groups: Sequence[str]) -> str:
        """Return the formula as text, without the random terms of `groups`."""
        kept = [part for part in self.random if term_name(part.group) not in groups]
        random = [f"({_side(part.effects)} | {term_name(part.group)})" for part in kept]
        return f"{self.response} ~ {' + '.join([_side(self.fixed), *random])}"

    @property
    def names(self) -> list[str]:
        """Every column that the model needs, in the order of first mention."""
        terms: list[Term] = [(self.response,), *self.fixed.terms]
        for part in self.random:
            terms += [*part.effects.terms, part.group]
        return list(dict.fromkeys(name for term in terms for name in term))

    @property
    def effect_names(self) -> list[str]:
        """The columns that are effects, fixed or random, and not only grouping factors."""
        sets = (self.fixed, *(part.effects for part in self.random))
        return list(dict.fromkeys(name for terms in sets for term in terms.terms for name in term))


def term_name(term: Term) -> str:
    """Return the name of a term as R prints it: ``condition:sex``."""
    return ":".join(term)


def parse_model_formula(text: str) -> LinearModelFormula:
    """Parse ``response ~ fixed + ... + (effects | group) + ...``.

    Fixed terms are names joined by ``+``, ``:`` and ``*``; ``1`` is allowed. A group ``a/b`` stands for
    ``b:a`` and ``a``, named as lme4 names them. ``(x || g)`` stands for ``(1 | g) + (0 + x | g)``.

    Raises
    ------
    InputError
        Where the text is not such a formula, names a term twice, has no random term, no fixed
        intercept, or asks for functions of variables or terms taken away.
    """
    response, tilde, right = text.partition("~")
    if not tilde or not re.fullmatch(_NAME, response.strip()):
        raise _bad(text, "it must be one response, '~' and terms")
    random = [part for bars in _BARS.findall(right) for part in _random(text, *bars)]
    # Each random term leaves a mark, so that what stands beside it without a plus sign is noticed.
    rest = [part.strip() for part in _BARS.sub("|", right).split("+")]
    fixed = _term_set(text, [part for part in rest if part != "|"])
    if not fixed.intercept:
        raise _bad(text, "a model without the fixed intercept is not fitted")
    if not random:
        raise _bad(text, "it has no random term")
    keys = [(effect, part.group) for part in random for effect in _effects(part.effects)]
    if len(set(keys)) < len(keys):
        raise _bad(text, "a random effect is named twice for the same group")
    formula = LinearModelFormula(text, response.strip(), fixed, tuple(random))
    groups = {name for part in random for name in part.group}
    if formula.response in {*formula.effect_names, *groups}:
        raise _bad(text, f"the response {formula.response!r} is also in a term")
    return formula


def parse_names(text: str, whole: str) -> Term:
    """Return the names of an interaction ``a:b``; `whole` is what an error names."""
    names = tuple(part.strip() for part in text.split(":"))
    for name in names:
        if not re.fullmatch(_NAME, name):
            raise _bad(whole, f"{text.strip()!r} is neither a name nor names joined by ':'")
    if len(set(names)) < len(names):
        raise _bad(whole, f"{text.strip()!r} names a column twice")
    return names


def _effects(terms: TermSet) -> list[frozenset[str]]:
    return [frozenset()] * terms.intercept + [frozenset(term) for term in terms.terms]


def _random(text: str, left: str, bar: str, right: str) -> list[GroupedTerms]:
    nested = [parse_names(part, text) for part in right.split("/")]
    # lme4 puts the innermost name of a/b first: b:a.
    groups = [sum(reversed(nested[: depth + 1]), ()) for depth in reversed(range(len(nested)))]
    for group in groups:
        parse_names(term_name(group), text)
    effects = _term_set(text, left.split("+"))
    if not (effects.intercept or effects.terms):
        raise _bad(text, f"the random term ({left.strip()} {bar} {right.strip()}) has no effect")
    sets = [effects]
    if bar == "||":
        sets = [TermSet(False, (term,)) for term in effects.terms]
        sets = [TermSet(True, ())] * effects.intercept + sets
    return [GroupedTerms(each, group) for group in groups for each in sets]


def _term_set(text: str, parts: Sequence[str]) -> TermSet:
    """Return the terms of a sum, in R's order and without repetitions."""
    intercept, terms = True, list[Term]()
    for part in (part.strip() for part in parts):
        without = part.removesuffix("- 1").removesuffix("-1").strip()
        if part == "0" or without != part:
            intercept = False
            part = "1" if part == "0" or not without else without
        if part == "1":
            continue
        if not part:
            raise _bad(text, "a term is missing beside a plus sign or a bar")
        factors = [parse_names(factor, text) for factor in part.split("*")]
        for size in range(1, len(factors) + 1):
            terms += [sum(chosen, ()) for chosen in combinations(factors, size)]
    order = list(dict.fromkeys(name for term in terms for name in term))
    unique = dict.fromkeys(tuple(sorted(set(term), key=order.index)) for term in terms)
    return TermSet(intercept, tuple(sorted(unique, key=len)))


def _bad(text: str, rule: str) -> InputError:
    return InputError(f"formula {text!r}", rule, _REMEDY)


def _side(terms: TermSet) -> str:
    return " + ".join(["1" if terms.intercept else "0", *map(term_name, terms.terms)])
