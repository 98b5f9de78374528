"""What R needs to fit the mixed models of a trial once more, as tables that base R reads.

python qc/export_fits.py config/trial.yaml results/sample

Out, in the folder of the results: `qc/fits.tsv` (one fit per row; `fitted_formula` is without random terms
whose levels the fixed part has already) and `qc/contrasts.tsv` (one planned contrast per row).
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pictrial.files import write_text
from pictrial.trial.plan import TrialPlan, load_plan

FITS = [
    *("analysis", "formula", "fitted_formula", "outcome", "sequences", "leaves_out"),
    *("residual_variance", "df_method", "levels"),
]
CONTRASTS = ["analysis", "family", "level", "minus", "adjustment"]


def read_records(results: Path) -> dict[str, dict]:
    """Return the record of every fit in a folder of results, by analysis."""
    paths = sorted((results / "statistics" / "analyses").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def fits_table(plan: TrialPlan, records: Mapping[str, dict]) -> pd.DataFrame:
    """Return one row per analysis that is a mixed model and could be fitted, columns `FITS`.

    Those of transformed values have no twin, nor have those with a variance below zero, which lme4 cannot
    express. Weights are 1 / (`residual_variance` + standard error^2).
    """
    rows = [
        {
            "analysis": name,
            "formula": analysis.formula,
            "fitted_formula": records[name]["fitted_formula"],
            "outcome": analysis.outcome,
            "sequences": ";".join(plan.sequences_of(analysis.experiment)),
            "leaves_out": ";".join(plan.populations[analysis.population].leaves_out) or None,
            "residual_variance": records[name].get("residual_variance"),
            "df_method": analysis.df_method,
            "levels": ";".join(f"{key}={','.join(of)}" for key, of in records[name]["levels"].items()),
        }
        for name, analysis in plan.analyses.items()
        if analysis.method == "mixed_model"
        and "fitted_formula" in records.get(name, {})
        and "transformation" not in records[name]
        and not records[name].get("negative")
    ]
    return pd.DataFrame(rows, columns=FITS)


def contrasts_table(plan: TrialPlan) -> pd.DataFrame:
    """Return one row per analysis and contrast, columns `CONTRASTS`.

    An analysis without a family compares every condition with the reference, not adjusted.
    """
    in_family = {name for family in plan.families.values() for name in family.analyses}
    rows = [
        (name, "none", condition, plan.reference, "none")
        for name in plan.analyses
        if name not in in_family
        for condition in plan.conditions_of(plan.analyses[name].experiment)
        if condition != plan.reference
    ]
    rows += [
        (analysis, family.name, *pair, family.adjustment)
        for family in plan.families.values()
        for analysis in family.analyses
        for pair in family.contrasts
    ]
    return pd.DataFrame(rows, columns=CONTRASTS)


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path, help="the trial's plan")
    parser.add_argument("results", type=Path, help="folder of the trial's results")
    options = parser.parse_args()
    plan = load_plan(options.plan)
    fits = fits_table(plan, read_records(options.results))
    for name, table in (("fits", fits), ("contrasts", contrasts_table(plan))):
        write_text(options.results / "qc" / f"{name}.tsv", table.to_csv(sep="\t", index=False, na_rep="n/a"))
    print(f"{len(fits)} mixed models to be fitted by R")


if __name__ == "__main__":
    main()
