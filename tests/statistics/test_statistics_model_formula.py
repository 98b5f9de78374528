"""lme4's formula syntax: what it parses to, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.statistics.model_formula import GroupedTerms, TermSet, parse_model_formula

INTERCEPT = TermSet(True, ())


def fixed(text: str) -> list[str]:
    return [":".join(term) for term in parse_model_formula(f"y ~ {text} + (1 | g)").fixed.terms]


def random(text: str) -> list[GroupedTerms]:
    return list(parse_model_formula(f"y ~ x + {text}").random)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("1", []),
        ("a", ["a"]),
        ("a*b + c", ["a", "b", "c", "a:b"]),
        ("b:a + a + b", ["a", "b", "b:a"]),
        ("a + b:a", ["a", "a:b"]),
        ("a*b*c", ["a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"]),
        ("a*a + a", ["a"]),
        ("a.b_c", ["a.b_c"]),
    ],
)
def test_fixed_terms_are_in_the_order_of_r(text, terms):
    assert fixed(text) == terms


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(1 | g)", [GroupedTerms(INTERCEPT, ("g",))]),
        ("(x|g)", [GroupedTerms(TermSet(True, (("x",),)), ("g",))]),
        ("(0 + x | g)", [GroupedTerms(TermSet(False, (("x",),)), ("g",))]),
        ("(x - 1 | g)", [GroupedTerms(TermSet(False, (("x",),)), ("g",))]),
        ("(1 | a:b)", [GroupedTerms(INTERCEPT, ("a", "b"))]),
        ("(1 | a/b)", [GroupedTerms(INTERCEPT, ("b", "a")), GroupedTerms(INTERCEPT, ("a",))]),
        (
            "(x + z || g)",
            [
                GroupedTerms(INTERCEPT, ("g",)),
                GroupedTerms(TermSet(False, (("x",),)), ("g",)),
                GroupedTerms(TermSet(False, (("z",),)), ("g",)),
            ],
        ),
    ],
)
def test_random_terms(text, parts):
    assert random(text) == parts


def test_names_are_those_of_the_columns_that_are_needed():
    formula = parse_model_formula("dF ~ c*s + (t | p) + (1 | p:u)")
    assert formula.names == ["dF", "c", "s", "t", "p", "u"]
    assert formula.effect_names == ["c", "s", "t"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y a", "one response"),
        ("y + z ~ a + (1 | g)", "one response"),
        ("y ~ a", "no random term"),
        ("y ~ 0 + a + (1 | g)", "intercept"),
        ("y ~ a - 1 + (1 | g)", "intercept"),
        ("y ~ a - b + (1 | g)", "'a - b'"),
        ("y ~ log(a) + (1 | g)", r"'log\(a\)'"),
        ("y ~ __import__('os') + (1 | g)", "__import__"),
        ("y ~ a (1 | g)", "neither a name"),
        ("y ~ a + + (1 | g)", "a term is missing"),
        ("y ~ a + (1 | g) + (1 | g)", "twice"),
        ("y ~ a + (1 | g/g)", "twice"),
        ("y ~ a + (0 | g)", "no effect"),
        ("y ~ y + (1 | g)", "also in a term"),
        ("y ~ a + (1 | g:y)", "also in a term"),
        ("y ~ a + (1 | g", "neither a name"),
    ],
)
def test_what_is_no_formula_is_refused(text, said):
    with pytest.raises(InputError, match=said) as error:
        parse_model_formula(text)
    assert text in error.value.where


@given(st.text(alphabet="ab01~+*:|()/- .\n", max_size=30))
def test_any_text_is_a_formula_or_an_input_error(text):
    try:
        formula = parse_model_formula(text)
    except InputError:
        return
    assert formula.random and formula.fixed.intercept
