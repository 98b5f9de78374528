"""What each motor unit did in one contraction, and its ΔF over the controls that passed."""

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.motor_units.discharge_trains import (
    DischargeTrain,
    SmoothedRate,
    clean_train,
)
from pictrial.motor_units.smoothing import USUAL_RATES, RateSettings, smooth_units
from pictrial.tables import load_schema

_GRID = 256


def describe_units(
    discharges: dict[str, np.ndarray],
    torque: np.ndarray,
    sampling_rate: float,
    rates: RateSettings = USUAL_RATES,
) -> pd.DataFrame:
    """Describe every motor unit of one recording.

    Parameters
    ----------
    discharges : dict of str to ndarray
        For each motor unit its ascending discharge times in s, from the start of `torque`.
    torque : ndarray, shape (samples,)
        In % MVC.
    sampling_rate : float
        Of `torque`, Hz.
    rates : RateSettings
        How discharge rates are smoothed.

    Returns
    -------
    DataFrame
        Schema ``units``: one row per motor unit, sorted by name. Thresholds are the torque at the first
        and last discharge; the mean rate is the mean of the accepted instantaneous rates; the
        peak is that of the smoothed rate. A unit whose rate cannot be smoothed keeps its row, with
        the reason in `excluded`. `participant` and `session` are missing, for the caller to fill in.

    Raises
    ------
    InputError
        Where discharges do not ascend, or one lies outside the torque.
    """
    smoothed = smooth_units(discharges, rates)
    rows = []
    for unit in sorted(discharges):
        train = clean_train(discharges[unit], rates.limits)
        row = {"unit_id": unit, "n_discharges": train.times.size} | _counts(train)
        if train.times.size:
            row |= _thresholds(unit, train.times, torque, sampling_rate)
        if train.rates.size:
            row["mean_rate"] = train.rates.mean()
        if train.rates.size > 1:
            row["cov_isi"] = 100 * np.std(1 / train.rates, ddof=1) / np.mean(1 / train.rates)
        rate = smoothed[unit]
        row |= _peak(rate) if isinstance(rate, SmoothedRate) else {"excluded": str(rate)}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(load_schema("units")["columns"]))


def _counts(train: DischargeTrain) -> dict:
    return {
        "n_isolated": train.n_isolated,
        "n_isi_short": train.n_isi_short,
        "n_isi_long": train.n_isi_long,
        "n_rates": train.rates.size,
    }


def _thresholds(unit: str, times: np.ndarray, torque: np.ndarray, sampling_rate: float) -> dict:
    ends = times[[0, -1]]
    samples = np.rint(ends * sampling_rate).astype(int)
    if samples[0] < 0 or samples[1] >= len(torque):
        duration = len(torque) / sampling_rate
        raise InputError(
            f"motor unit {unit}",
            f"it discharges from {ends[0]:g} to {ends[1]:g} s, the torque lasts {duration:g} s",
            "Take discharges and torque from the same recording.",
        )
    return {
        "recruitment_time": ends[0],
        "derecruitment_time": ends[1],
        "recruitment_threshold": torque[samples[0]],
        "derecruitment_threshold": torque[samples[1]],
    }


def _peak(rate: SmoothedRate) -> dict:
    times = np.linspace(rate.recruitment, rate.derecruitment, _GRID)
    values = rate(times)
    return {"peak_rate": values.max(), "peak_rate_time": times[values.argmax()]}


def unit_delta_f(pairs: pd.DataFrame) -> pd.DataFrame:
    """Average the ΔF of each test unit over the controls that passed.

    Parameters
    ----------
    pairs : DataFrame
        Schema ``pairs``, of one recording or of many.

    Returns
    -------
    DataFrame
        Schema ``unit_delta_f``: one row per participant, session and test unit with at least one
        passing control; the SD over controls is missing where there is one.

    Examples
    --------
    >>> pairs = pd.DataFrame({"participant": "01", "session": "1", "test_unit": ["b", "b", "c"],
    ...                       "delta_f": [2.0, 3.0, -1.0], "passed": [True, True, False]})
    >>> unit_delta_f(pairs)[["unit_id", "delta_f", "n_controls"]].to_dict("records")
    [{'unit_id': 'b', 'delta_f': 2.5, 'n_controls': 2}]
    """
    passing = pairs[pairs["passed"].astype(bool)]
    keys = ["participant", "session", "test_unit"]
    means = passing.groupby(keys, dropna=False, sort=True)["delta_f"].agg(
        delta_f="mean", n_controls="count", sd="std", median="median"
    )
    return means.reset_index().rename(columns={"test_unit": "unit_id"})[
        list(load_schema("unit_delta_f")["columns"])
    ]
