"""The truth of the sample trial as tables; only tests and the comparison with estimates read them."""

from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.motoneurones import HysteresisSettings
from pictrial.simulation.vibstim_response import ResponseSettings
from pictrial.tables import write_table

PAIR_COLUMNS = {
    "recruitment_time": ("control_recruitment_time", "test_recruitment_time"),
    "derecruitment_time": ("control_derecruitment_time", "test_derecruitment_time"),
}


def true_pairs(units: pd.DataFrame) -> pd.DataFrame:
    """Return the true ΔF of every ordered pair of units of each session.

    ``gain of the control · hysteresis of the test`` (see :mod:`pictrial.simulation.motoneurones`);
    missing where the control does not discharge at the recruitment and derecruitment of the test.

    Parameters
    ----------
    units : DataFrame
        Schema ``true_units``.

    Returns
    -------
    DataFrame
        Schema ``true_pairs``.
    """
    columns = ["participant", "session", "unit_id", "gain", "hysteresis", *PAIR_COLUMNS]
    pairs = units[columns].merge(units[columns], on=["participant", "session"], suffixes=("_c", "_t"))
    pairs = pairs[pairs["unit_id_c"] != pairs["unit_id_t"]].reset_index(drop=True)
    active = (pairs["recruitment_time_c"] <= pairs["recruitment_time_t"]) & (
        pairs["derecruitment_time_c"] >= pairs["derecruitment_time_t"]
    )
    names = {"unit_id_c": "control_unit", "unit_id_t": "test_unit"}
    for column, (control, test) in PAIR_COLUMNS.items():
        names |= {f"{column}_c": control, f"{column}_t": test}
    pairs = pairs.rename(columns=names)
    pairs["true_delta_f"] = (pairs["gain_c"] * pairs["hysteresis_t"]).where(active, np.nan)
    times = [name for both in PAIR_COLUMNS.values() for name in both]
    return pairs[["participant", "session", "control_unit", "test_unit", "true_delta_f", *times]]


def true_effects(settings: SampleTrialSettings) -> pd.DataFrame:
    """Return the planted effect of every condition on every outcome, schema ``true_effects``."""
    effects = _effects_on_delta_f(settings.hysteresis)
    if not settings.with_vibstim:
        return effects
    return pd.concat([effects, _effects_on_vibstim(settings.vibstim.response)], ignore_index=True)


def _effects_on_delta_f(settings: HysteresisSettings) -> pd.DataFrame:
    conditions = list(settings.effects)
    return pd.DataFrame(
        {
            "outcome": "delta_f",
            "condition": conditions,
            "reference": settings.reference,
            "effect": [settings.planted_effect(condition) for condition in conditions],
            "published_effect": [settings.effects[condition] for condition in conditions],
            "scale": settings.effect_scale,
        }
    )


def _effects_on_vibstim(settings: ResponseSettings) -> pd.DataFrame:
    """Return the differences of means that the relative effects come to; none is published as a number."""
    rows = []
    for condition in settings.effects:
        shift = {name: mean * (settings.ratio(condition) - 1) for name, mean in settings.means.items()}
        shift["before_nmes"] = 0.0
        effects = {f"{signal}_{name}": shift[name] for signal in ("torque", "emg") for name in shift}
        effects["torque_rise"] = shift["vibration"]
        rows += [(outcome, condition, settings.reference, effect) for outcome, effect in effects.items()]
    table = pd.DataFrame(rows, columns=["outcome", "condition", "reference", "effect"])
    return table.assign(published_effect=np.nan, scale=np.nan)


def write_true_effects(settings: SampleTrialSettings, path: str | Path) -> None:
    """Write the planted effects, schema ``true_effects``."""
    write_table(true_effects(settings), path, "true_effects")
