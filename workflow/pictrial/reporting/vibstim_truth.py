"""VibStim of a simulated trial: the estimate of every outcome against what was planted."""

import numpy as np
import pandas as pd

from pictrial.tables import load_schema


def compare_vibstim(estimated: pd.DataFrame, true: pd.DataFrame) -> pd.DataFrame:
    """Compare every outcome that has a truth with it, over all recordings.

    Parameters
    ----------
    estimated, true : DataFrame
        Schemas ``vibstim_outcomes`` and ``true_vibstim``.

    Returns
    -------
    DataFrame
        Schema ``truth_vibstim``, a row per outcome in the order of `true`.
    """
    both = true.merge(
        estimated[["participant", "session", "outcome", "value"]],
        on=["participant", "session", "outcome"],
        how="left",
        suffixes=("_true", ""),
    )
    rows = []
    for outcome, part in both.groupby("outcome", sort=False):
        known = part.dropna(subset=["value"])
        value, truth = known["value"].to_numpy(float), known["value_true"].to_numpy(float)
        row = {"outcome": outcome, "n": len(known), "n_missing": len(part) - len(known)}
        if len(known):
            row |= {"mean_true": truth.mean(), "mean_estimate": value.mean()}
            row |= {"bias": (value - truth).mean(), "sd_of_error": _sd(value - truth)}
        if outcome == "responder" and len(known):
            row["agreement"] = np.mean(value == truth)
        elif len(known):
            row["bias_percent"] = 100 * row["bias"] / truth.mean() if truth.mean() else None
            varies = len(known) > 2 and np.ptp(value) > 0 and np.ptp(truth) > 0
            row["correlation"] = np.corrcoef(value, truth)[0, 1] if varies else None
        rows.append(row)
    return pd.DataFrame(rows, columns=list(load_schema("truth_vibstim")["columns"]))


def _sd(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None
