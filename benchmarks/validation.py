"""The mixed models of pictrial against reference fits by R, case by case.

The reference is a folder with `cases.csv` (`;`-separated: case, data, formula, emm), `data/` and
`expected/<case>.csv` (section, term, stat, value). Each case goes through the command `pictrial lmm`.

    python benchmarks/validation.py --reference reference/lme4 --output docs/validation.md
"""

import argparse
import contextlib
import io
import re
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.cli import main as pictrial
from pictrial.files import write_text

#: Levels with an order of their own in the reference.
LEVELS = {"condition": "control,RI,WBR", "time": "pre,post", "sex": "F,M"}
#: Judged by their difference; these have no scale of their own.
ABSOLUTE = ("p_mvt_emmeans", "p_mvt_tight_rounddf", "chisq", "lrt")
NOTE = (
    "R² and ICC of the reference (R's performance 0.10) count only one of two random terms of the same "
    "group, and none where a variance is estimated as zero; pictrial counts all."
)
KEY = ["section", "term", "stat", "place"]


def read_cases(reference: Path) -> pd.DataFrame:
    """Read the cases whose results are there."""
    cases = pd.read_csv(reference / "cases.csv", sep=";", keep_default_na=False)
    there = [(reference / "expected" / f"{case}.csv").exists() for case in cases["case"]]
    return cases[there].set_index("case")


def read_layout(path: Path) -> pd.DataFrame:
    """Read section, term, stat and value; `place` counts rows of the same name."""
    frame = pd.read_csv(path, keep_default_na=False, converters={"value": _number})
    return frame.assign(place=frame.groupby(["section", "term", "stat"]).cumcount())


def _number(text: str) -> float:
    return float(text.replace("NA", "nan"))


def run_case(reference: Path, case: str, settings: pd.Series) -> pd.DataFrame:
    """Run one case through the command line and return its results."""
    data = reference / "data" / settings["data"]
    columns = set(pd.read_csv(data, nrows=1))
    options = [f"--levels={name}={levels}" for name, levels in LEVELS.items() if name in columns]
    if settings["emm"]:
        options += ["--emm", settings["emm"]]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        output = Path(folder) / f"{case}.csv"
        status = pictrial(["lmm", str(data), settings["formula"], *options, "--output", str(output)])
        if status:
            raise RuntimeError(f"{case}: status {status}")
        return read_layout(output)


def compare(result: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Put every expected value beside ours; how long R took is not compared.

    Returns
    -------
    DataFrame
        Columns section, term, stat, place, value, expected, absolute, relative (deviation over a scale:
        the standard error for estimates, the largest variance component for those, the value else).
    """
    expected = expected[expected["section"] != "time"]
    both = expected.rename(columns={"value": "expected"}).merge(result, on=KEY, how="left")
    same = (both["value"] == both["expected"]) | (both["value"].isna() & both["expected"].isna())
    both["absolute"] = np.where(same, 0.0, (both["value"] - both["expected"]).abs())
    both["relative"] = np.where(same, 0.0, both["absolute"] / _scale(both).clip(lower=1e-12))
    return both


def _scale(both: pd.DataFrame) -> pd.Series:
    """What deviations are relative to, as the tolerances of the reference have it."""
    errors = both[both["stat"] == "se"].set_index(["section", "term", "place"])["expected"]
    of_row = pd.MultiIndex.from_frame(both[["section", "term", "place"]])
    own_error = pd.Series(errors.reindex(of_row).to_numpy(), index=both.index)
    location = both["stat"].isin(["estimate", "emmean", "blup", "d"]) | both["stat"].str.match("lower|upper")
    largest = both.groupby("section")["expected"].transform(lambda values: values.abs().max())
    scale = both["expected"].abs()
    scale = scale.where(~both["stat"].isin(["vcov", "theta", "blup", "cov"]), largest)
    return scale.where(~(location & own_error.notna()), own_error)


def quantity(section: str, stat: str) -> str | None:
    """Name the line of `tolerances.csv` that holds for a value, or None where there is none."""
    kr = section.endswith("_kr")
    if section in ("fit", "fit_ml") and stat in ("reml_crit", "deviance"):
        return "reml_crit"
    if section in ("vc", "vc_ml"):
        return "variance components"
    if stat in ("chisq", "lrt"):
        return "reml_crit"
    if section.startswith(("anova", "joint")) and stat in ("F", "dendf", "df2", "p"):
        return "anova3_kr dendf and F" if kr else "anova3_satt dendf"
    if section == "profile_ci":
        return "variance components"
    if stat in ("estimate", "emmean", "d") or stat.startswith(("lower", "upper")):
        return "fixef estimate"
    if stat in ("se", "t") or section == "vcov_beta":
        return "kr_df and kr_se" if kr else "fixef se / emm se / contrast se"
    if stat in ("satt_df", "df"):
        return "kr_df and kr_se" if kr else "satt_df (1-df)"
    if stat.startswith("p_mvt"):
        return "p mvt"
    if stat == "p" or stat == "satt_p" or re.match("p_(?!mvt)", stat):
        return "p none/holm/bonferroni/BH/sidak/tukey"
    return None


def read_tolerances(reference: Path) -> dict[str, dict[bool, float]]:
    """Read the tolerance of each quantity, off (False) and on (True) the boundary."""
    table = pd.read_csv(reference / "tolerances.csv").set_index("quantity")
    columns = {False: "interior", True: "boundary"}
    return {
        name: {key: float(row[column]) for key, column in columns.items()} for name, row in table.iterrows()
    }


def judge(both: pd.DataFrame, tolerances: dict[str, dict[bool, float]]) -> pd.DataFrame:
    """Add to a comparison the tolerance of each value (NaN: none) and its `verdict`.

    The boundary is where the reference or the result is singular. A lower deviance passes, and so does
    every p value where both are below 1e-8.

    Returns
    -------
    DataFrame
        With boundary, measure (the deviation that is judged), limit and verdict: within, outside, not
        judged, or not computed.
    """
    boundary = bool(both.loc[both["stat"] == "is_singular", ["value", "expected"]].to_numpy().any())
    names = [quantity(*row) for row in both[["section", "stat"]].itertuples(index=False)]
    limits = np.array([tolerances[name][boundary] if name else np.nan for name in names])
    deviance = both["stat"].isin(["reml_crit", "deviance"])
    measure = both["relative"].where(~deviance, both["value"] - both["expected"])
    tiny = both["stat"].str.match("p$|satt_p|p_") & (both[["value", "expected"]] < 1e-8).all(axis=1)
    measure = measure.where(~tiny, 0.0).where(~both["stat"].isin(ABSOLUTE), both["absolute"])
    verdict = np.select(
        [both["value"].isna() & both["expected"].notna(), np.isnan(limits), measure <= limits],
        ["not computed", "not judged", "within"],
        "outside",
    )
    return both.assign(boundary=boundary, measure=measure, limit=limits, verdict=verdict)


def validate(reference: Path) -> pd.DataFrame:
    """Run and judge every case; a row per value, with the column `case` first."""
    tolerances, found = read_tolerances(reference), []
    for case, settings in read_cases(reference).iterrows():
        expected = read_layout(reference / "expected" / f"{case}.csv")
        judged = judge(compare(run_case(reference, case, settings), expected), tolerances)
        found.append(judged.assign(case=case))
    return pd.concat(found, ignore_index=True)


def page(judged: pd.DataFrame) -> str:
    """Return the largest deviations by section and stat as a page of Markdown."""
    cases, counts = judged.groupby("case")["boundary"].first(), judged["verdict"].value_counts()
    lines = [
        "# Mixed models against R",
        "",
        f"{len(cases)} models fitted by lme4 in R, {int(cases.sum())} of them singular "
        f"({', '.join(cases.index[cases]) or 'none'}). "
        f"{len(judged)} values: {', '.join(f'{count} {name}' for name, count in counts.items())} "
        "(tolerances: `tolerances.csv` of the reference). "
        "Estimates and limits deviate in units of their standard error, (co)variances in units of the "
        "largest of their kind, criteria, chi-squares and p_mvt absolutely, all else relatively; p below "
        "1e-8 count as equal. Written by `benchmarks/validation.py`.",
        "",
        "| Section | Value | Number | Largest deviation | Case | Singular cases | Tolerance | Outside |",
        "|---|---|---|---|---|---|---|---|",
    ]
    computed = judged[judged["verdict"] != "not computed"]
    for (section, stat), rows in computed.groupby(["section", "stat"], sort=False):
        interior, boundary = rows[~rows["boundary"]], rows[rows["boundary"]]
        worst = interior.loc[interior["measure"].abs().idxmax()] if len(interior) else None
        limit = rows["limit"].min()
        cells = [
            section,
            stat,
            str(len(rows)),
            "–" if worst is None else f"{abs(worst['measure']):.1e}",
            "–" if worst is None else worst["case"],
            f"{boundary['measure'].abs().max():.1e}" if len(boundary) else "–",
            "–" if np.isnan(limit) else f"{limit:.0e}",
            str(int((rows["verdict"] == "outside").sum())),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += _listed(judged, "outside", "Outside the tolerances")
    far = (judged["verdict"] == "not judged") & (judged["measure"] > 1e-3)
    lines += _listed(
        judged.assign(verdict=np.where(far, "far", "")), "far", "Without a tolerance, but different"
    )
    if far.any():
        lines += ["", NOTE]
    missing = judged[judged["verdict"] == "not computed"].groupby("stat").size()
    if len(missing):
        lines += [
            "",
            "Not computed: " + ", ".join(f"{stat} ({count})" for stat, count in missing.items()) + ".",
        ]
    return "\n".join(lines) + "\n"


def _listed(judged: pd.DataFrame, verdict: str, title: str) -> list[str]:
    rows = judged[judged["verdict"] == verdict]
    if rows.empty:
        return []
    lines = [
        "",
        f"## {title}",
        "",
        "| Case | Section | Term | Value | R | pictrial |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows.itertuples():
        term = row.term.replace("|", "\\|")
        values = f"{row.expected:.8g} | {row.value:.8g}"
        lines.append(f"| {row.case} | {row.section} | {term} | {row.stat} | {values} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reference", type=Path, required=True, help="folder of the reference fits")
    parser.add_argument("--output", type=Path, required=True, help="the page to write")
    options = parser.parse_args()
    judged = validate(options.reference)
    write_text(options.output, page(judged))
    print(
        f"{options.output}: {int((judged['verdict'] == 'outside').sum())} of {len(judged)} values are outside"
    )


if __name__ == "__main__":
    main()
