"""Numbers on their way to a reader: each text knows the rows of the ARD that it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from pictrial.errors import InputError
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


@dataclass(frozen=True)
class Shown:
    """A text that readers see, and where its numbers come from.

    Attributes
    ----------
    text : str
    sources : tuple of str
        Rows of the ARD (their ``ard_id``; with ``#n_units`` and the like behind it where not the value but a
        count behind it is shown), or keys of the configuration as ``config:a.b`` or ``plan:a.b``.
        A text without numbers has none.
    """

    text: str
    sources: tuple[str, ...] = ()

    def __add__(self, other: Shown | str) -> Shown:
        if isinstance(other, str):
            return Shown(self.text + other, self.sources)
        return Shown(self.text + other.text, tuple(dict.fromkeys((*self.sources, *other.sources))))

    def __radd__(self, other: str) -> Shown:
        return Shown(other + self.text, self.sources)


def joined(parts: Iterable[Shown | str], between: str = "") -> Shown:
    """Return texts as one, `between` standing between each two."""
    whole = Shown("")
    for number, part in enumerate(parts):
        whole = whole + (between if number else "") + part
    return whole


class Results:
    """The ARD as readers ask for it: by analysis, outcome, contrast or level, and statistic.

    Parameters
    ----------
    ard : DataFrame
        Schema ``ard``.
    """

    def __init__(self, ard: pd.DataFrame):
        keys = ["analysis", "outcome", "contrast_or_level", "statistic"]
        self._rows = {
            key: row
            for key, row in zip(
                ard[keys].itertuples(index=False, name=None), ard.to_dict("records"), strict=True
            )
        }
        if len(self._rows) < len(ard):
            row = ard[ard.duplicated(keys)].iloc[0]
            raise InputError("ARD", f"{row['ard_id']} is there twice", "Run the statistics again.")

    def has(self, analysis: str, outcome: str, level: str, statistic: str) -> bool:
        """Whether there is such a row, with a value or without."""
        return (analysis, outcome, level, statistic) in self._rows

    def row(self, analysis: str, outcome: str, level: str, statistic: str) -> dict:
        """Return a row of the ARD.

        Raises
        ------
        InputError
            Where there is none.
        """
        key = (analysis, outcome, level, statistic)
        if key not in self._rows:
            raise InputError("ARD", f"no row is {', '.join(map(repr, key))}", "Run the statistics again.")
        return self._rows[key]

    def value(self, analysis: str, outcome: str, level: str, statistic: str) -> float | None:
        """Return the value of a row, None where it is not estimable."""
        value = self.row(analysis, outcome, level, statistic)["value"]
        return None if pd.isna(value) else float(value)

    def warning(self, analysis: str, outcome: str, level: str, statistic: str) -> str:
        """Return the warning of a row, empty where it has none."""
        warning = self.row(analysis, outcome, level, statistic)["warning"]
        return "" if pd.isna(warning) else with_minus(str(warning))

    def written(
        self, write: Callable[..., str], analysis: str, outcome: str, level: str, *statistics: str, **how
    ) -> Shown:
        """Return values of one contrast or level as `write` of `pictrial.reporting.numbers` writes them."""
        rows = [self.row(analysis, outcome, level, statistic) for statistic in statistics]
        values = [None if pd.isna(row["value"]) else float(row["value"]) for row in rows]
        return Shown(write(*values, **how), tuple(row["ard_id"] for row in rows))

    def number(self, *key: str, places: int = 2, signed: bool = False) -> Shown:
        """Write one number; `key` is analysis, outcome, level, statistic."""
        return self.written(decimal, *key, places=places, signed=signed)

    def count(self, *key: str, noun: str = "") -> Shown:
        """Write a count, with its noun where one is given."""
        return self.written(count, *key, noun=noun) if noun else self.written(decimal, *key, places=0)

    def p(self, *key: str) -> Shown:
        """Write P."""
        return self.written(p_value, *key)

    def df(self, *key: str) -> Shown:
        """Write degrees of freedom."""
        return self.written(degrees_of_freedom, *key)

    def interval(self, analysis: str, outcome: str, level: str, places: int = 2) -> Shown:
        """Write the 95 % confidence interval."""
        return self.written(interval, analysis, outcome, level, "ci_lower", "ci_upper", places=places)

    def estimate(
        self,
        analysis: str,
        outcome: str,
        level: str,
        places: int = 2,
        unit: str = "",
        statistic: str = "estimate",
    ) -> Shown:
        """Write an estimate with its 95 % confidence interval."""
        names = (statistic, "ci_lower", "ci_upper")
        return self.written(with_interval, analysis, outcome, level, *names, places=places, unit=unit)

    def mean_sd(self, analysis: str, outcome: str, level: str, places: int = 2) -> Shown:
        """Write mean (SD)."""
        return self.written(mean_sd, analysis, outcome, level, "mean", "sd", places=places)


def with_minus(words: str) -> str:
    """Return words of the ARD as readers see them: a difference with a minus, not a hyphen."""
    return words.replace(" - ", f" {MINUS} ")


#: What stands where there is no value.
NOTHING = Shown(MISSING)
