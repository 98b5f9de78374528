"""Analysis results data (ARD): every number that is shown anywhere is a row here."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.errors import InputError

#: Stands in `contrast_or_level` for what concerns no single condition.
ALL = "all"
#: Warning of a value that is missing without a reason.
UNEXPLAINED = "not estimable"


@dataclass(frozen=True)
class ResultsBuilder:
    """Collects the rows of one analysis of one outcome.

    Attributes
    ----------
    analysis, role : str
        Name and role in the plan.
    outcome, population : str
    inputs_sha256 : str
        SHA-256 of the table that the numbers come from.
    rows : list of dict
    """

    analysis: str
    role: str
    outcome: str
    population: str
    inputs_sha256: str
    rows: list[dict] = field(default_factory=list)

    def add(
        self,
        kind: str,
        level: str,
        values: dict[str, float],
        behind: pd.DataFrame | dict[str, int],
        method: str,
        df_method: str | None = None,
        warning: str = "",
        family: str | None = None,
        adjustment: str | None = None,
    ) -> None:
        """Add one row per entry of `values`.

        Parameters
        ----------
        kind : str
            What `level` is: condition (described), mean (of the model), contrast, component, term, ...
        level : str
            Condition, contrast, term or ``all``; a contrast is written by `contrast_name`.
        values : dict of str to float
            Statistic and value; NaN where it is not estimable, which `warning` should explain.
        behind : DataFrame or dict of str to int
            The outcome rows that the values come from, or their counts (see `counts`).
        family, adjustment : str, optional
            Family of the plan that a contrast belongs to, and how its P are adjusted. A contrast without
            family is exploratory, whatever the role of the analysis.
        """
        planned = kind != "contrast" or family is not None
        for statistic, value in values.items():
            name = (self.analysis, self.outcome, kind, level.replace(" - ", "-"), statistic)
            self.rows.append(
                {
                    "ard_id": ".".join(re.sub(r"[^\w:-]+", "_", part) for part in name),
                    "analysis": self.analysis,
                    "role": self.role if planned else "exploratory",
                    "outcome": self.outcome,
                    "population": self.population,
                    "contrast_or_level": level,
                    "statistic": statistic,
                    "value": value,
                    **(behind if isinstance(behind, dict) else counts(behind)),
                    "method": method,
                    "df_method": df_method,
                    "family": family,
                    "adjustment": adjustment,
                    # A value is never missing without a word, even where its method gives none.
                    "warning": warning or (UNEXPLAINED if np.isnan(value) else None),
                    "inputs_sha256": self.inputs_sha256,
                }
            )


def counts(rows: pd.DataFrame) -> dict[str, int]:
    """Count participants, test units and control-test pairs behind `rows` of outcomes."""
    units = rows.loc[rows["unit_id"].notna(), ["participant", "unit_id"]]
    return {
        "n_participants": int(rows["participant"].nunique()),
        "n_units": len(units.drop_duplicates()),
        "n_pairs": int(rows["n_controls"].sum()),
    }


def contrast_name(level: str, minus: str) -> str:
    """Return the name of the contrast `level` minus `minus`."""
    return f"{level} - {minus}"


def look_up(ard: pd.DataFrame, analysis: str, level: str, statistic: str) -> float | None:
    """Return the value of one row of a single outcome's ARD, None where it is not estimable.

    Raises
    ------
    InputError
        Where the ARD has no such row, or several.
    """
    found = ard[
        (ard["analysis"] == analysis) & (ard["contrast_or_level"] == level) & (ard["statistic"] == statistic)
    ]
    if len(found) != 1:
        raise InputError(
            "ARD",
            f"{len(found)} rows are {analysis!r}, {level!r}, {statistic!r}",
            "Run the statistics again.",
        )
    value = found["value"].iloc[0]
    return None if pd.isna(value) else float(value)


def why_missing(ard: pd.DataFrame, analysis: str, level: str) -> str:
    """Return the warning of an analysis at one contrast or level, empty where there is none."""
    found = ard[(ard["analysis"] == analysis) & (ard["contrast_or_level"] == level)]["warning"].dropna()
    return str(found.iloc[0]) if len(found) else ""
