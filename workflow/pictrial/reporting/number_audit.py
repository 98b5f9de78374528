"""Every number that a document shows, held against the row of the ARD that it names."""

import math
import re
from collections.abc import Iterable, Mapping

import pandas as pd

from pictrial.errors import InputError
from pictrial.reporting.numbers import MINUS, MISSING

#: Sources that are no rows of the ARD: configuration, plan, code, the ledger of pairs, another table.
_ELSEWHERE = ("config:", "plan:", "code:", "pairs:", "table:")
#: What a source names: the value of a row, or after ``#`` the number that is behind it.
_COLUMNS = {"": "value", **{f"#{name}": name for name in ("n_participants", "n_units", "n_pairs")}}
_SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
#: Spaces and joints that keep a number in one line.
_UNBROKEN = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2060": None})
_NUMERAL = re.compile(rf"(?<![\w.])[{MINUS}+-]?\d+(?:\.\d+)?(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?(?![\w])|[{MINUS}]?∞")


def numerals(text: str) -> list[str]:
    """Return the numbers that stand in a text, as they are written; names such as ``MU08`` hold none."""
    return _NUMERAL.findall(text.translate(_UNBROKEN))


def audit_numbers(shown: pd.DataFrame, ard: pd.DataFrame) -> int:
    """Hold every number shown against its row of the ARD.

    Parameters
    ----------
    shown : DataFrame
        Schema ``numbers_shown``, of any number of documents.
    ard : DataFrame
        Schema ``ard``.

    Returns
    -------
    int
        How many were held against the ARD.

    Raises
    ------
    InputError
        Where a source does not exist, or the text does not hold its value, rounded as it stands there.
    """
    values = {
        ard_id + suffix: value
        for suffix, column in _COLUMNS.items()
        if column in ard
        for ard_id, value in zip(ard["ard_id"], ard[column].to_numpy(float, na_value=math.nan), strict=True)
    }
    of_the_ard = shown[~shown["source"].str.startswith(_ELSEWHERE)]
    for row in of_the_ard.to_dict("records"):
        where = f"{row['document']}, {row['place']}"
        if row["source"] not in values:
            raise InputError(where, f"{row['source']} is no row of the ARD", "Run the statistics again.")
        if not _holds(row["text"], values[row["source"]]):
            rule = f"{row['text']!r} does not show {row['source']} = {values[row['source']]:g}"
            raise InputError(where, rule, "Write it from its row.")
    return len(of_the_ard)


def unsourced_numerals(document: str, text: str, shown: pd.DataFrame, literals: Iterable[str]) -> list[str]:
    """Return the numbers of a document's text that none of its entries in `shown` accounts for.

    Parameters
    ----------
    document : str
        As it is called in `shown`.
    text : str
        All that a reader sees of it.
    shown : DataFrame
        Schema ``numbers_shown``.
    literals : iterable of str
        Texts whose numbers are names or words of the plan, not results.
    """
    known = {n for entry in shown.loc[shown["document"] == document, "text"] for n in numerals(entry)}
    known |= {n for literal in literals for n in numerals(literal)}
    return [numeral for numeral in numerals(text) if numeral not in known]


def audit_documents(texts: Mapping[str, str], shown: pd.DataFrame, literals: Iterable[str]) -> None:
    """Refuse a document that shows a number without a source.

    Raises
    ------
    InputError
        Naming the document and the number.
    """
    literals = list(literals)
    for document, text in texts.items():
        if found := unsourced_numerals(document, text, shown, literals):
            raise InputError(document, f"{found[0]!r} has no source", "Show it through a row of the ARD.")


def _holds(text: str, value: float) -> bool:
    if math.isnan(value):
        return MISSING in text
    return any(_is(numeral, value) for numeral in numerals(text))


def _is(numeral: str, value: float) -> bool:
    """Whether a number rounds to what is written."""
    written = numeral.replace(MINUS, "-")
    if "∞" in written:
        return value == float(written.replace("∞", "inf"))
    mantissa, _, power = written.partition(" × 10")
    scale = 10.0 ** int(power.translate(_SUPERSCRIPT)) if power else 1.0
    places = len(mantissa.partition(".")[2])
    unit = scale * 10.0**-places
    return abs(float(mantissa) * scale - value) <= unit / 2 * (1 + 1e-9) + 1e-12 * abs(value)
