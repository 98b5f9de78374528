"""The numbers of a trial beside those of R, one by one.

python qc/compare_with_r.py results/sample

In: `statistics/ard.tsv`, `statistics/analyses/*.json`, and `qc/r_values.tsv` by mixed_models.R.
Out: `qc/r_comparison.tsv`. Ends with status 1 and a list where a number lies outside its tolerance.
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from export_fits import read_records

from pictrial.errors import InputError
from pictrial.files import write_text
from pictrial.statistics.cross_checks import judge, require_agreement
from pictrial.tables import read_table

ENGINE = "R lme4"
#: Kinds of the ARD that R computes, too; True where R has them for each way to degrees of freedom.
KINDS = {"contrast": True, "mean": True, "term": True, "component": False, "model": False}
METHODS = ("kenward-roger", "satterthwaite")
#: How a statistic is compared, and its tolerance inside and at the boundary (a variance estimated as zero).
TOLERANCES = {
    "reml_deviance": ("absolute", 1e-5, 1e-4),
    "estimate": ("in standard errors", 1e-3, 1e-2),
    "ci_lower": ("in standard errors", 1e-3, 1e-2),
    "ci_upper": ("in standard errors", 1e-3, 1e-2),
    "standard_error": ("relative", 5e-4, 2e-3),
    "variance": ("of variance", 5e-3, 2e-2),
    "standard_deviation": ("of standard deviation", 5e-3, 2e-2),
    "correlation": ("absolute", 5e-3, 2e-2),
    "df": ("relative", 1e-3, 5e-3),
    "t": ("relative or absolute", 1e-3, 1e-2),
    "F": ("relative or absolute", 1e-3, 1e-2),
    "df1": ("relative", 1e-9, 1e-9),
    "df2": ("relative", 1e-3, 5e-3),
    "p": ("of p", 5e-3, 1e-2),
    "p_adjusted": ("of p", 5e-3, 1e-2),
}
#: A variance below this share of the largest counts as that, and a P below the other as that.
VARIANCE_FLOOR, P_FLOOR = 1e-3, 1e-8
COLUMNS = ["analysis", "key", "value", "r", "difference", "compared", "tolerance", "verdict"]


def our_values(ard: pd.DataFrame, records: Mapping[str, dict]) -> pd.DataFrame:
    """Return what we have of the fits in `records`: analysis, key (as mixed_models.R has it) and value."""
    rows = []
    for row in ard[ard["analysis"].isin(list(records)) & ard["value"].notna()].itertuples():
        key = row.ard_id.split(".", 2)[2]
        if key.partition(".")[0] in KINDS:
            rows.append((row.analysis, key, float(row.value)))
    for analysis, record in records.items():
        for name, effect in record["fixed_effects"].items():
            name = re.sub(r"[^\w:-]+", "_", name)
            rows += [(analysis, f"fixed.{name}.{statistic}", value) for statistic, value in effect.items()]
    return pd.DataFrame(rows, columns=["analysis", "key", "value"])


def values_of_r(table: pd.DataFrame, analysis: str, df_method: str) -> dict[str, float]:
    """Return R's values of one analysis by key, by the method for degrees of freedom that the plan has."""
    found = {}
    for row in table[table["analysis"] == analysis].itertuples():
        method, _, rest = row.key.partition(".")
        if method == df_method:
            found[rest] = float(row.value)
        elif method not in METHODS:
            found[row.key] = float(row.value)
    return found


def compare(ours: pd.DataFrame, r: pd.DataFrame, records: Mapping[str, dict]) -> pd.DataFrame:
    """Put R's values beside ours.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. `verdict` is ``within`` or ``outside`` its tolerance, ``not in R``, or ``R missed
        the optimum`` where R's deviance is higher than ours: then R says nothing about the fit.
    """
    rows = []
    for analysis, values in ours.groupby("analysis", sort=False):
        record = records[str(analysis)]
        theirs = values_of_r(r, str(analysis), record["df_method"])
        boundary = bool(theirs.get("model.all.singular", 0.0) or record["singular"])
        verdict = _deviance_verdict(values, theirs)
        for key, value in values[["key", "value"]].itertuples(index=False):
            rows.append(_row(str(analysis), key, value, theirs, boundary, verdict))
    return pd.DataFrame(rows, columns=COLUMNS)


def agreement(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return deviance and standard errors of each fit as `require_agreement` takes them.

    Raises
    ------
    InputError
        Where R has no contrast of a fit.
    """
    rows = []
    for analysis, values in comparison.groupby("analysis", sort=False):
        there = values.dropna(subset=["r"])
        if not there["key"].str.startswith("contrast.").any():
            raise InputError(
                f"analysis {analysis}", "R has none of its contrasts", "Run mixed_models.R again."
            )
        statistic = there["key"].str.rpartition(".")[2]
        deviance = there[statistic == "reml_deviance"].iloc[0]
        difference = float(deviance["r"] - deviance["value"])
        errors = float(there.loc[statistic == "standard_error", "difference"].max())
        rows.append((analysis, ENGINE, "bobyqa", difference, errors, judge(difference, errors)))
    names = ("deviance_difference", "standard_error_difference", "verdict")
    return pd.DataFrame(rows, columns=["analysis", "engine", "optimiser", *names])


def _deviance_verdict(values: pd.DataFrame, theirs: Mapping[str, float]) -> str:
    deviance = values.set_index("key")["value"].get("model.all.reml_deviance", np.nan)
    return judge(theirs.get("model.all.reml_deviance", np.nan) - deviance)


def _row(analysis: str, key: str, value: float, theirs: dict, boundary: bool, optimum: str) -> dict:
    row = {"analysis": analysis, "key": key, "value": value, "r": theirs.get(key, np.nan)}
    base, _, statistic = key.rpartition(".")
    if np.isnan(row["r"]) or statistic not in TOLERANCES:
        return row | {"verdict": "not in R"}
    compared, *limits = TOLERANCES[statistic]
    r = row["r"]
    if compared == "of p":  # below the floor all are equal
        value, r = max(value, P_FLOOR), max(r, P_FLOOR)
    scale = {
        "absolute": 1.0,
        "relative": abs(r),
        "relative or absolute": max(abs(r), 1.0),
        "in standard errors": theirs.get(f"{base}.standard_error", np.nan),
        "of p": r,
        "of variance": max(r, VARIANCE_FLOOR * _largest(theirs, "variance")),
        "of standard deviation": max(r, VARIANCE_FLOOR**0.5 * _largest(theirs, "standard_deviation")),
    }[compared]
    signed = (value - r) / scale
    # A lower deviance is a better fit.
    within = (signed if statistic == "reml_deviance" else abs(signed)) <= limits[boundary]
    verdict = "within" if within else "outside"
    if optimum == "worse optimum":
        verdict = "R missed the optimum"
    return row | {
        "difference": abs(signed),
        "compared": compared,
        "tolerance": limits[boundary],
        "verdict": verdict,
    }


def _largest(theirs: Mapping[str, float], statistic: str) -> float:
    return max((value for key, value in theirs.items() if key.endswith(f".{statistic}")), default=0.0)


def main() -> None:
    """Compare, write the table, and end with status 1 where something is outside."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="folder of the trial's results")
    folder = parser.parse_args().results
    fits = pd.read_csv(folder / "qc" / "fits.tsv", sep="\t")
    records = {name: read_records(folder)[name] for name in fits["analysis"]}
    r = pd.read_csv(folder / "qc" / "r_values.tsv", sep="\t", na_values="n/a")
    comparison = compare(
        our_values(read_table(folder / "statistics" / "ard.tsv", "ard"), records), r, records
    )
    target = folder / "qc" / "r_comparison.tsv"
    write_text(target, comparison.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.10g"))
    counts = ", ".join(f"{count} {name}" for name, count in comparison["verdict"].value_counts().items())
    print(f"{len(fits)} mixed models, {len(comparison)} values: {counts}. Table: {target}")
    outside = comparison[comparison["verdict"] == "outside"]
    if len(outside):
        raise SystemExit(f"Outside their tolerance:\n{outside.to_string(index=False)}")
    try:
        require_agreement(agreement(comparison))
    except InputError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
