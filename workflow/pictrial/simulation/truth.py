"""The truth of a simulated trial as tables; only tests and the comparison with estimates read them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.simulation.contractions import SampleTrialSettings
from pictrial.simulation.motoneurones import HysteresisSettings
from pictrial.simulation.vibstim_response import ResponseSettings
from pictrial.tables import load_schema, write_table

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


def true_effects(settings: SampleTrialSettings, conditions: Sequence[str]) -> pd.DataFrame:
    """Return the planted effect of every condition on every outcome.

    Parameters
    ----------
    settings : SampleTrialSettings
    conditions : sequence of str
        Of the plan, the reference first.

    Returns
    -------
    DataFrame
        Schema ``true_effects``.
    """
    reference, *others = conditions
    rows: list[tuple] = []
    for condition in others:
        if settings.with_ramp:
            rows.append(_effect_on_delta_f(settings.hysteresis, condition, reference))
    for condition in others:
        if settings.with_vibstim:
            rows += _effects_on_vibstim(settings.vibstim.response, condition, reference)
        for name, score in settings.scores.items():
            effect, of_reference = (score.planted_effect(name, level) for level in (condition, reference))
            rows.append((name.split(".")[1], condition, reference, effect - of_reference, np.nan, np.nan))
    return pd.DataFrame(rows, columns=list(load_schema("true_effects")["columns"]))


def _effect_on_delta_f(settings: HysteresisSettings, condition: str, reference: str) -> tuple:
    effect, of_reference = (settings.planted_effect(level) for level in (condition, reference))
    published = settings.effects[condition] - settings.effects[reference]
    return ("delta_f", condition, reference, effect - of_reference, published, settings.effect_scale)


def _effects_on_vibstim(settings: ResponseSettings, condition: str, reference: str) -> list[tuple]:
    """Return the differences of means that the ratios come to; none is published as a number."""
    difference = settings.ratio(condition) - settings.ratio(reference)
    shift = {name: mean * difference for name, mean in settings.means.items()}
    shift["before_nmes"] = 0.0
    effects = {f"{signal}_{name}": shift[name] for signal in ("torque", "emg") for name in shift}
    effects["torque_rise"] = shift["vibration"]
    return [(outcome, condition, reference, effect, np.nan, np.nan) for outcome, effect in effects.items()]


def write_true_effects(settings: SampleTrialSettings, conditions: Sequence[str], path: str | Path) -> None:
    """Write the planted effects, schema ``true_effects``."""
    write_table(true_effects(settings, conditions), path, "true_effects")
