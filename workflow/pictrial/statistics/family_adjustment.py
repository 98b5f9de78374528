"""P values adjusted over a family of the plan."""

import numpy as np

from pictrial.errors import InputError
from pictrial.statistics.analysis_results import contrast_name
from pictrial.statistics.gatekeeping import fixed_sequence_adjusted_p, graphical_adjusted_p
from pictrial.statistics.multiplicity import OF_P, adjusted_by_p, adjusted_p
from pictrial.statistics.questions import ResultTable
from pictrial.trial.plan import Family

GATEKEEPING = ("fixed_sequence", "graphical")


def adjustable(part: ResultTable, family: Family) -> bool:
    """Say whether `part` has P of contrasts, one each, and the family an adjustment."""
    table = part.table
    return part.kind == "contrast" and family.adjustment != "none" and "p" in table and "detail" not in table


def adjust(part: ResultTable, family: Family) -> np.ndarray:
    """Return the adjusted P of the contrasts of `family`, shape (rows of the table,), NaN elsewhere.

    Parameters
    ----------
    part : ResultTable
        One that is `adjustable`.
    family : Family

    Raises
    ------
    InputError
        Where the adjustment needs t and degrees of freedom, and the analysis has none.
    """
    table, method = part.table, family.adjustment
    pairs = list(zip(table["level"], table["minus"], strict=True))
    at = np.array([index for index, pair in enumerate(pairs) if pair in family.contrasts], int)
    adjusted = np.full(len(table), np.nan)
    p = table["p"].to_numpy(float)[at]
    if np.isnan(p).all():
        return adjusted
    if method in OF_P:
        adjusted[at] = adjusted_by_p(method, p)
    elif method in GATEKEEPING:
        names = [contrast_name(*pairs[index]) for index in at]
        gatekept = _gatekept(family, dict(zip(names, p, strict=True)))
        adjusted[at] = [gatekept[name] for name in names]
    elif part.covariance is None:
        raise InputError(
            f"family {family.name}",
            f"the adjustment {method!r} needs a mixed model",
            f"Take one of {', '.join((*OF_P, *GATEKEEPING))}, or leave the other analyses out of the family.",
        )
    else:
        t, df = (table[name].to_numpy(float)[at] for name in ("t", "df"))
        adjusted[at] = adjusted_p(method, t, df, part.n_means, part.covariance[np.ix_(at, at)])
    return adjusted


def _gatekept(family: Family, p: dict[str, float]) -> dict[str, float]:
    if family.adjustment == "fixed_sequence":
        return fixed_sequence_adjusted_p(p, [contrast_name(*pair) for pair in family.contrasts])
    return graphical_adjusted_p(p, family.weights, family.transitions)
