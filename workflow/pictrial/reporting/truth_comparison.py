"""The estimate against the truth of a simulated trial: motor units, ΔF, contrasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import match_units
from pictrial.reporting.planned import main_analysis, planned_contrasts
from pictrial.statistics.analysis_results import contrast_name, look_up
from pictrial.tables import load_schema, write_table
from pictrial.trial.plan import TrialPlan

#: Rate of agreement from which a motor unit counts as found.
AGREEMENT = 0.9
#: From here a motor unit is taken for the true unit that it agrees with, so that its ΔF has a truth.
IDENTITY = 0.5
#: (participant, session) to motor unit to discharge times in s.
Discharges = Mapping[tuple[str, str], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class TruthComparison:
    """Estimate and truth of a simulated trial.

    Attributes
    ----------
    units : DataFrame
        Schema ``truth_units``: each estimated motor unit and the true unit it agrees with best.
    pairs : DataFrame
        Schema ``truth_pairs``: each passing pair, its ΔF estimated and true.
    contrasts : DataFrame
        Schema ``truth_contrasts``: each contrast of the primary analyses and its planted effect.
    summary : DataFrame
        Schema ``truth_comparison``: what these come to, one measure per row.
    """

    units: pd.DataFrame
    pairs: pd.DataFrame
    contrasts: pd.DataFrame
    summary: pd.DataFrame


def compare_with_truth(
    plan: TrialPlan,
    estimated: Discharges,
    true: Discharges,
    sampling_rate: float,
    pairs: pd.DataFrame,
    true_pairs: pd.DataFrame,
    ard: pd.DataFrame,
    true_effects: pd.DataFrame,
    outcome: str = "delta_f",
) -> TruthComparison:
    """Compare what the pipeline found with what was simulated.

    Parameters
    ----------
    plan : TrialPlan
    estimated, true : mapping of (participant, session) to mapping of unit to ndarray
        Discharge times in s; `true` has every session of `estimated`.
    sampling_rate : float
        Of the recordings, Hz; agreement is judged in samples.
    pairs, true_pairs : DataFrame
        Schemas ``pairs`` and ``true_pairs``.
    ard, true_effects : DataFrame
        Schemas ``ard`` and ``true_effects``.
    outcome : str
        Which outcome's contrasts to compare.
    """
    units = compare_units(estimated, true, sampling_rate)
    compared_pairs = compare_pairs(pairs, units, true_pairs)
    contrasts = compare_contrasts(plan, ard, true_effects, outcome)
    return TruthComparison(units, compared_pairs, contrasts, summarise(units, compared_pairs, contrasts))


def compare_units(estimated: Discharges, true: Discharges, sampling_rate: float) -> pd.DataFrame:
    """Match every estimated motor unit with the true unit that it agrees with best.

    Returns
    -------
    DataFrame
        Schema ``truth_units``. `duplicate` marks a unit whose true unit another one of the session
        agrees with better.
    """
    tables = []
    for (participant, session), trains in estimated.items():
        found, reference = (
            {unit: np.rint(times * sampling_rate).astype(np.int64) for unit, times in side.items()}
            for side in (trains, true[participant, session])
        )
        matched = match_units(found, reference, sampling_rate).rename(columns={"reference_unit": "true_unit"})
        tables.append(matched.assign(participant=participant, session=session))
    columns = list(load_schema("truth_units")["columns"])
    if not tables:
        return pd.DataFrame(columns=columns)
    units = pd.concat(tables, ignore_index=True)
    best_first = units.sort_values("rate_of_agreement", ascending=False, kind="stable")
    repeated = (
        best_first.duplicated(["participant", "session", "true_unit"]) & best_first["true_unit"].notna()
    )
    units["duplicate"] = repeated.sort_index()
    return units[columns]


def compare_pairs(pairs: pd.DataFrame, units: pd.DataFrame, true_pairs: pd.DataFrame) -> pd.DataFrame:
    """Give every passing pair the true ΔF of the two true units that it stands for.

    Returns
    -------
    DataFrame
        Schema ``truth_pairs``; without a truth, and with the reason, where a unit agrees with no true
        unit (rate of agreement below `IDENTITY`) or the true control is not active throughout the test
        unit's activity.
    """
    session = ["participant", "session"]
    passing = pairs[pairs["passed"].astype(bool)][[*session, "control_unit", "test_unit", "delta_f"]]
    known = units[units["rate_of_agreement"] >= IDENTITY][[*session, "unit_id", "true_unit"]]
    table = passing
    for side in ("control", "test"):
        names = {"unit_id": f"{side}_unit", "true_unit": f"true_{side}_unit"}
        table = table.merge(known.rename(columns=names), how="left", on=[*session, f"{side}_unit"])
    names = {"control_unit": "true_control_unit", "test_unit": "true_test_unit"}
    truth = true_pairs[[*session, "control_unit", "test_unit", "true_delta_f"]].rename(columns=names)
    table = table.merge(truth, how="left", on=[*session, *names.values()])
    table["error"] = table["delta_f"].astype(float) - table["true_delta_f"].astype(float)
    unknown = table["true_control_unit"].isna() | table["true_test_unit"].isna()
    same = table["true_control_unit"] == table["true_test_unit"]
    table["reason"] = np.select(
        [unknown, same.fillna(False), table["true_delta_f"].isna()],
        [
            "a unit agrees with no true unit",
            "both are the same true unit",
            "the true control is not active throughout",
        ],
        "",
    )
    table["reason"] = table["reason"].replace("", None)
    return table[list(load_schema("truth_pairs")["columns"])]


def compare_contrasts(
    plan: TrialPlan, ard: pd.DataFrame, true_effects: pd.DataFrame, outcome: str
) -> pd.DataFrame:
    """Set each contrast of the primary analyses beside its planted effect, schema ``truth_contrasts``."""
    ard = ard[ard["outcome"] == outcome]
    effects = true_effects[true_effects["outcome"] == outcome].set_index("condition")["effect"].astype(float)
    analyses = [main_analysis(plan, outcome, experiment) for experiment in plan.experiments or [None]]
    contrasts = [(one, *pair) for one in analyses if one for pair in planned_contrasts(plan, one)]
    rows = []
    for analysis, level, minus in contrasts:
        name = contrast_name(level, minus)
        estimate, lower, upper = (
            look_up(ard, analysis.name, name, key) for key in ("estimate", "ci_lower", "ci_upper")
        )
        truth = effects.get(level, 0.0) - effects.get(minus, 0.0)
        covered = None if lower is None or upper is None else lower <= truth <= upper
        rows.append((name, estimate, lower, upper, truth, covered))
    return pd.DataFrame(rows, columns=list(load_schema("truth_contrasts")["columns"]))


def summarise(units: pd.DataFrame, pairs: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return what the three tables come to, schema ``truth_comparison``."""
    agreement = units["rate_of_agreement"].astype(float)
    error = pairs["error"].dropna().astype(float)
    people = units.groupby(["participant", "unit_id"])["true_unit"]
    tracked = people.nunique(dropna=False)[people.size() > 1]
    covered = contrasts["covered"].dropna().astype(bool)
    rows = [
        ("units_found_share", (agreement >= AGREEMENT).mean(), len(agreement)),
        ("median_rate_of_agreement", agreement.median(), len(agreement)),
        ("duplicates", units["duplicate"].sum(), len(units)),
        ("units_same_in_all_sessions_share", (tracked == 1).mean(), len(tracked)),
        ("pairs_without_truth", pairs["error"].isna().sum(), len(pairs)),
        ("delta_f_mean_error", error.mean(), len(error)),
        ("delta_f_sd_of_error", error.std(ddof=1), len(error)),
        ("delta_f_root_mean_square_error", np.sqrt((error**2).mean()), len(error)),
        ("contrasts_covered", covered.sum(), len(covered)),
    ]
    return pd.DataFrame(rows, columns=["measure", "value", "n"])


def write_truth_comparison(comparison: TruthComparison, folder: str | Path) -> list[Path]:
    """Write the four tables into `folder` as ``<schema>.tsv``; return their paths."""
    folder = Path(folder)
    tables = {
        "truth_units": comparison.units,
        "truth_pairs": comparison.pairs,
        "truth_contrasts": comparison.contrasts,
        "truth_comparison": comparison.summary,
    }
    for name, table in tables.items():
        write_table(table, folder / f"{name}.tsv", name)
    return [folder / f"{name}.tsv" for name in tables]
