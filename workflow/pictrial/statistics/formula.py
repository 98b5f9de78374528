"""lme4's formula syntax, as far as random intercepts need it; parsed, never evaluated."""

import re
from dataclasses import dataclass

from pictrial.errors import InputError

_NAME = r"[A-Za-z_]\w*"
_RANDOM = re.compile(r"\(([^()|]*)\|([^()|]*)\)")
_INTERACTION = re.compile(rf"{_NAME}(\s*:\s*{_NAME})*")
_REMEDY = "Write a formula such as 'value ~ condition + period + (1 | participant) + (1 | participant:unit)'."


@dataclass(frozen=True)
class ModelFormula:
    """A linear mixed model with random intercepts.

    Attributes
    ----------
    text : str
        The formula as it was written.
    response : str
        Name of the response.
    fixed : tuple of tuple of str
        Fixed terms; the names in one term are multiplied (``a:b`` is ``("a", "b")``).
        The intercept is always in the model.
    random : tuple of tuple of str
        Grouping factors of each random intercept (``(1 | a:b)`` is ``("a", "b")``).
    """

    text: str
    response: str
    fixed: tuple[tuple[str, ...], ...]
    random: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> list[str]:
        """Every column that the model needs, in the order of first mention."""
        terms = ((self.response,), *self.fixed, *self.random)
        return list(dict.fromkeys(name for term in terms for name in term))


def term_name(term: tuple[str, ...]) -> str:
    """Return the name of a term as lme4 prints it: ``participant:condition``."""
    return ":".join(term)


def parse_formula(text: str) -> ModelFormula:
    """Parse ``response ~ fixed + ... + (1 | group) + ...``.

    A grouping ``a/b`` stands for ``a`` and ``a:b``, as in lme4 (Bates et al. 2015, J Stat Softw 67(1),
    table 2).

    Raises
    ------
    InputError
        Where the text is not such a formula, or asks for what is not fitted: random slopes, a model
        without intercept, functions of variables.
    """
    response, tilde, right = text.partition("~")
    if not tilde or not re.fullmatch(_NAME, response.strip()):
        raise _bad(text, "it must be one response, '~' and terms")
    random = [group for slope, groups in _RANDOM.findall(right) for group in _random(text, slope, groups)]
    fixed = _fixed(text, _RANDOM.sub("", right))
    if len(set(random)) < len(random) or len(set(fixed)) < len(fixed):
        raise _bad(text, "a term is named twice")
    return ModelFormula(text, response.strip(), tuple(fixed), tuple(random))


def _fixed(text: str, right: str) -> list[tuple[str, ...]]:
    terms = []
    # Removing the random terms leaves empty places between the plus signs.
    for term in (part.strip() for part in right.split("+")):
        if term in ("0", "-1"):
            raise _bad(text, "a model without intercept is not fitted")
        if term not in ("", "1"):
            terms.append(_interaction(text, term))
    return terms


def _random(text: str, slope: str, groups: str) -> list[tuple[str, ...]]:
    if slope.strip() != "1":
        raise _bad(text, f"random slopes ({slope.strip()!r}) are not fitted, only random intercepts")
    nested = [_interaction(text, part) for part in groups.split("/")]
    return [sum(nested[: depth + 1], ()) for depth in range(len(nested))]


def _interaction(text: str, term: str) -> tuple[str, ...]:
    if not _INTERACTION.fullmatch(term.strip()):
        raise _bad(text, f"{term.strip()!r} is neither a name nor names joined by ':'")
    return tuple(name.strip() for name in term.split(":"))


def _bad(text: str, rule: str) -> InputError:
    return InputError(f"formula {text!r}", rule, _REMEDY)
