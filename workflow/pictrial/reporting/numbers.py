"""How numbers are written, everywhere: the one place that turns a number into text."""

import math
from decimal import ROUND_HALF_UP, Decimal

MINUS = "\u2212"
MISSING = "\u2013"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: P below this is written as a power of ten.
_SCIENTIFIC_BELOW = 1e-4


def decimal(value: float | None, places: int = 2, signed: bool = False) -> str:
    """Write a number with `places` decimals, halves rounded away from zero, with a true minus sign.

    Rounding is done on the shortest decimal that stands for the number (2.675 gives 2.68, though the
    nearest binary number lies below it). Zero has no sign. A missing value is written as a dash.
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return (MINUS if value < 0 else "") + "∞"
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    if rounded == 0:
        return f"{abs(rounded):f}"
    sign = MINUS if rounded < 0 else "+" if signed else ""
    return f"{sign}{abs(rounded):f}"


def interval(lower: float | None, upper: float | None, places: int = 2) -> str:
    """Write the limits of an interval: ``−1.43 to −0.61``."""
    return f"{decimal(lower, places)} to {decimal(upper, places)}"


def with_interval(
    estimate: float | None, lower: float | None, upper: float | None, places: int = 2, unit: str = ""
) -> str:
    """Write an estimate, its unit and its interval: ``−1.02 pps (−1.43 to −0.61)``; a dash if missing."""
    if estimate is None or math.isnan(estimate):
        return MISSING
    return f"{decimal(estimate, places)}{f' {unit}' if unit else ''} ({interval(lower, upper, places)})"


def mean_sd(mean: float | None, sd: float | None, places: int = 2) -> str:
    """Write a mean and its standard deviation: ``3.05 (0.81)``; a dash if there is no mean."""
    return MISSING if mean is None or math.isnan(mean) else f"{decimal(mean, places)} ({decimal(sd, places)})"


def p_value(p: float | None) -> str:
    """Write the exact P to three significant figures, never as an inequality.

    Below 0.0001 it is written as a power of ten: ``1.17 × 10⁻⁵``.

    Raises
    ------
    ValueError
        Where P is not between 0 and 1.
    """
    if p is None or math.isnan(p):
        return MISSING
    if not 0 <= p <= 1:
        raise ValueError(f"P must lie between 0 and 1, not {p}")
    if p == 0:
        return "0"  # smaller than any floating-point number
    number = Decimal(repr(float(p)))
    rounded = number.quantize(Decimal(1).scaleb(number.adjusted() - 2), rounding=ROUND_HALF_UP)
    exponent = rounded.adjusted()  # 0.09996 becomes 0.100
    mantissa = rounded.quantize(Decimal(1).scaleb(exponent - 2))
    if p < _SCIENTIFIC_BELOW and exponent < -4:
        return f"{mantissa.scaleb(-exponent):f} × 10{str(exponent).translate(_SUPERSCRIPTS)}"
    return f"{mantissa:f}"


def degrees_of_freedom(df: float | None) -> str:
    """Write degrees of freedom: whole ones without decimals, others with one."""
    if df is None or math.isnan(df):
        return MISSING
    return decimal(df, 0 if float(df).is_integer() else 1)


def count(n: float | None, noun: str) -> str:
    """Write a count with its noun in the right number: ``1 participant``, ``36 motor units``."""
    number = 0 if n is None else round(n)
    return f"{number} {noun}{'' if number == 1 else 's'}"
