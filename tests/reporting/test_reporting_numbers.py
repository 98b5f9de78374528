import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictrial.reporting.numbers import (
    MINUS,
    MISSING,
    count,
    decimal,
    degrees_of_freedom,
    interval,
    mean_sd,
    p_value,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (2.675, 2, "2.68"),  # below 2.675 as a binary number
        (-0.125, 2, f"{MINUS}0.13"),
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (-0.004, 2, "0.00"),
        (-1.0, 2, f"{MINUS}1.00"),
        (1e-7, 2, "0.00"),
        (12345.678, 1, "12345.7"),
        (float("-inf"), 2, f"{MINUS}∞"),
        (float("nan"), 2, MISSING),
        (None, 2, MISSING),
    ],
)
def test_decimal(value, places, text):
    assert decimal(value, places) == text


def test_sign_on_request():
    assert decimal(0.05, 2, signed=True) == "+0.05"
    assert decimal(0.001, 2, signed=True) == "0.00"


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_decimal_is_the_nearest_and_symmetric(value, places):
    text = decimal(value, places)
    read = Decimal(text.replace(MINUS, "-"))
    assert abs(read - Decimal(repr(value))) <= Decimal(1).scaleb(-places) / 2
    assert decimal(-value, places).lstrip(MINUS) == text.lstrip(MINUS)
    assert "-" not in text


def test_intervals():
    assert with_interval(-1.02, -1.43, -0.61) == "−1.02 (−1.43 to −0.61)"
    assert with_interval(-1.02, -1.43, -0.61, unit="pps") == "−1.02 pps (−1.43 to −0.61)"
    assert with_interval(None, None, None) == MISSING
    assert interval(-0.5, 2, 1) == "−0.5 to 2.0"
    assert mean_sd(3.051, 0.807) == "3.05 (0.81)"
    assert mean_sd(3.051, None) == f"3.05 ({MISSING})"
    assert mean_sd(None, None) == MISSING


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "1.00"),
        (0.99951, "1.00"),
        (0.0432109, "0.0432"),
        (0.05, "0.0500"),
        (0.09996, "0.100"),
        (0.0123450, "0.0123"),
        (0.012355, "0.0124"),
        (0.000227, "0.000227"),
        (0.0001, "0.000100"),
        (0.00009996, "0.000100"),
        (4.7625e-5, "4.76 × 10⁻⁵"),
        (9.996e-7, "1.00 × 10⁻⁶"),
        (1.2345e-200, "1.23 × 10⁻²⁰⁰"),
        (0.0, "0"),
        (None, MISSING),
        (float("nan"), MISSING),
    ],
)
def test_p_value(p, text):
    assert p_value(p) == text


@pytest.mark.parametrize("p", [-0.01, 1.01])
def test_p_outside_its_range(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        p_value(p)


@given(st.floats(1e-300, 1.0))
def test_p_has_three_significant_figures(p):
    text = p_value(p)
    mantissa, _, power = text.partition(" × 10")
    exponent = int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    assert len(re.sub(r"^0\.0*|\.", "", mantissa)) == 3
    assert float(mantissa) * 10.0**exponent == pytest.approx(p, rel=5.001e-3)
    assert "<" not in text and "-" not in text


def test_counts_and_degrees_of_freedom():
    assert count(1, "participant") == "1 participant"
    assert count(36.0, "motor unit") == "36 motor units"
    assert count(0, "pair") == "0 pairs"
    assert degrees_of_freedom(8.0) == "8"
    assert degrees_of_freedom(26.2676) == "26.3"
    assert degrees_of_freedom(None) == MISSING
