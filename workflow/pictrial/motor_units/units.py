"""What each motor unit did in one contraction."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.motor_units.discharge_trains import (
    DischargeTrain,
    SmoothedRate,
    clean_train,
)
from pictrial.motor_units.rate_shape import describe_shape
from pictrial.motor_units.smoothing import USUAL_RATES, RateSettings, smooth_units
from pictrial.tables import load_schema

#: Shortest and longest interval of a doublet in s (Simpson 1969, in Garland & Griffin 1999, Can J Appl
#: Physiol 24:113); a shorter one is no discharge of the same motoneurone.
DOUBLET = (0.0025, 0.02)


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
        and last discharge; the mean rate is the mean of the accepted instantaneous rates; peak and shape
        are those of the smoothed rate, see :func:`describe_shape`. A unit whose rate cannot be smoothed
        keeps its row, with the reason in `excluded`. `participant` and `session` are missing, for the
        caller to fill in.

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
            row |= _against_torque(unit, train.times, torque, sampling_rate)
        if train.rates.size:
            row["mean_rate"] = train.rates.mean()
        if train.rates.size > 1:
            row["cov_isi"] = 100 * np.std(1 / train.rates, ddof=1) / np.mean(1 / train.rates)
        rate = smoothed[unit]
        if isinstance(rate, SmoothedRate):
            row |= asdict(describe_shape(rate, torque, sampling_rate))
        else:
            row |= {"excluded": str(rate), "shape_excluded": "rate_missing"}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(load_schema("units")["columns"]))


def _counts(train: DischargeTrain) -> dict:
    intervals = np.diff(train.times)
    doublets = (intervals >= DOUBLET[0]) & (intervals <= DOUBLET[1])
    return {
        "n_doublets": int(doublets.sum()),
        "doublet_at_onset": bool(doublets[0]) if doublets.size else None,
        "n_duplicates": train.n_duplicates,
        "n_isolated": train.n_isolated,
        "n_isi_short": train.n_isi_short,
        "n_isi_long": train.n_isi_long,
        "n_rates": train.rates.size,
    }


def _against_torque(unit: str, times: np.ndarray, torque: np.ndarray, sampling_rate: float) -> dict:
    recruitment, derecruitment = times[[0, -1]]
    first, last = np.rint(times[[0, -1]] * sampling_rate).astype(int)
    if first < 0 or last >= len(torque):
        duration = len(torque) / sampling_rate
        raise InputError(
            f"motor unit {unit}",
            f"it discharges from {recruitment:g} to {derecruitment:g} s, the torque lasts {duration:g} s",
            "Take discharges and torque from the same recording.",
        )
    peak = int(np.argmax(torque))
    below = peak + np.flatnonzero(torque[peak:] < torque[first])
    comes_back = first < peak and below.size > 0
    return {
        "recruitment_time": recruitment,
        "derecruitment_time": derecruitment,
        "recruitment_threshold": torque[first],
        "derecruitment_threshold": torque[last],
        "torque_hysteresis": torque[first] - torque[last],
        "ascending_duration": peak / sampling_rate - recruitment,
        "descending_duration": derecruitment - peak / sampling_rate,
        "self_sustained_duration": derecruitment - below[0] / sampling_rate if comes_back else np.nan,
    }
