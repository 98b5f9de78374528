import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.errors import InputError
from pictrial.statistics.formula import parse_formula

NAMES = st.sampled_from(["value", "condition", "period", "sequence", "participant", "unit", "x_1"])
TERMS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple)


def test_primary_formula():
    formula = parse_formula(
        "value ~ condition + period + (1 | participant) + (1 | participant:condition) + (1|participant:unit)"
    )
    assert formula.response == "value"
    assert formula.fixed == (("condition",), ("period",))
    assert formula.random == (("participant",), ("participant", "condition"), ("participant", "unit"))
    assert formula.names == ["value", "condition", "period", "participant", "unit"]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("y ~ 1 + (1 | a/b)", "y ~ 1 + (1 | a) + (1 | a:b)"),
        ("y ~ (1 | a / b / c)", "y ~ (1 | a) + (1 | a:b) + (1 | a:b:c)"),
        ("y~x+(1|a)", "y ~ 1 + x + ( 1 | a )"),
        ("y ~ (1 | a) + x", "y ~ x + (1 | a)"),
    ],
)
def test_same_model_written_differently(short, long):
    assert parse_formula(short).fixed == parse_formula(long).fixed
    assert parse_formula(short).random == parse_formula(long).random


@given(NAMES, st.lists(TERMS, max_size=4, unique=True), st.lists(TERMS, min_size=1, max_size=4, unique=True))
def test_written_formula_is_read_back(response, fixed, random):
    right = ["1", *(":".join(term) for term in fixed), *(f"(1 | {':'.join(term)})" for term in random)]
    formula = parse_formula(f"{response} ~ {' + '.join(right)}")
    assert (formula.response, formula.fixed, formula.random) == (response, tuple(fixed), tuple(random))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("value", "one response"),
        ("log(value) ~ x + (1 | a)", "one response"),
        ("y ~ x + (x | a)", "random slopes"),
        ("y ~ x + (0 + x | a)", "random slopes"),
        ("y ~ 0 + x + (1 | a)", "without intercept"),
        ("y ~ x - 1 + (1 | a)", "neither a name"),
        ("y ~ x * z + (1 | a)", "neither a name"),
        ("y ~ __import__('os').system('true') + (1 | a)", "neither a name"),
        ("y ~ x + x + (1 | a)", "named twice"),
        ("y ~ x + (1 | a) + (1 | a/b)", "named twice"),
        ("y ~ x + (1 | a", "neither a name"),
    ],
)
def test_bad_formula(text, rule):
    with pytest.raises(InputError, match=rule):
        parse_formula(text)
