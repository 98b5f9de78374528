"""ΔF of every ordered pair of motor units, with every criterion's value: the pair ledger.

The smoothed rate of a lower-threshold control unit reports the synaptic drive to a higher-threshold
test unit. What drive the test unit needs to start, and at what lower drive it stops, is
``delta_f = f_control(recruitment of test) - f_control(derecruitment of test)`` in pps (Gorassini et
al. 2002, J Neurophysiol 87:1850–1858).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.errors import InputError
from pictrial.motor_units.pair_measures import MeasuredPairs, measure_pairs
from pictrial.motor_units.smoothing import USUAL_RATES, RateSettings
from pictrial.tables import load_schema

#: The criteria in the order in which they are judged: name of the reason, column that holds the verdict.
CRITERIA = {
    "control_too_few_discharges": "control_smoothed",
    "test_too_few_discharges": "test_smoothed",
    "test_recruited_first": "test_recruited_later",
    "test_outlasts_control": "test_stops_first",
    "recruitment_gap": "recruitment_gap_pass",
    "derecruitment_gap": "derecruitment_gap_pass",
    "overlap_duration": "overlap_duration_pass",
    "overlap_discharges": "overlap_discharges_pass",
    "correlation": "correlation_pass",
    "modulation": "modulation_pass",
    "saturation": "saturation_pass",
}


@dataclass(frozen=True)
class PairCriteria:
    """What a control and a test unit must fulfil for their ΔF to count.

    Attributes
    ----------
    correlation : float
        Least rate–rate correlation over the overlap.
    correlation_rule : str
        ``"r"``: r ≥ `correlation`; ``"r2"``: r² ≥ `correlation` with r > 0, because units that run
        against each other share no drive. Both rules are in print.
    recruitment_gap : float
        Least time in s from the recruitment of the control to that of the test unit.
    derecruitment_gap : float or None
        Least time in s from the derecruitment of the test unit to that of the control; None: no rule.
    modulation : float
        Least range in pps of the control's smoothed rate while the test unit is active.
    saturation_margin : float
        Least modulation − ΔF in pps; a control whose whole range is ΔF may have been saturated.
    overlap_duration : float
        Least time in s during which both are active.
    overlap_discharges : int
        Least number of discharges of the test unit in that time.
    """

    correlation: float = 0.7
    correlation_rule: str = "r"
    recruitment_gap: float = 1.0
    derecruitment_gap: float | None = None
    modulation: float = 0.5
    saturation_margin: float = 0.5
    overlap_duration: float = 2.0
    overlap_discharges: int = 8

    def __post_init__(self):
        if self.correlation_rule not in ("r", "r2"):
            raise InputError("correlation_rule", f"{self.correlation_rule!r} is unknown", "Choose r or r2.")


USUAL_CRITERIA = PairCriteria()


def estimate_delta_f(
    discharges: dict[str, np.ndarray],
    criteria: PairCriteria = USUAL_CRITERIA,
    rates: RateSettings = USUAL_RATES,
) -> pd.DataFrame:
    """Estimate ΔF of every ordered pair of the motor units of one recording.

    The two smoothed rates are compared at :data:`GRID` instants spread evenly from the recruitment to
    the derecruitment of the test unit, as far as both units are active. ΔF is given whenever the control
    is active at both ends, whether or not the pair passes; a negative ΔF is kept. A criterion whose
    value cannot be computed fails. Standard errors: see :mod:`pictrial.motor_units.uncertainty`.

    Parameters
    ----------
    discharges : dict of str to ndarray
        For each motor unit its ascending discharge times in s.
    criteria : PairCriteria
        The thresholds.
    rates : RateSettings
        How discharge rates are smoothed.

    Returns
    -------
    DataFrame
        Schema ``pairs``: one row per ordered pair, sorted by control and test unit; `participant` and
        `session` are missing, for the caller to fill in.

    Raises
    ------
    InputError
        Where discharges do not ascend.
    """
    return judge_pairs(measure_pairs(discharges, rates), criteria)


def judge_pairs(measured: MeasuredPairs, criteria: PairCriteria) -> pd.DataFrame:
    """Judge measured pairs by the criteria; see :func:`estimate_delta_f`."""
    return _conclude(_judge(measured.table, criteria))


def _judge(pairs: pd.DataFrame, criteria: PairCriteria) -> pd.DataFrame:
    """Add each criterion's value and verdict; a comparison with a missing value is False."""
    r = pairs["correlation"]
    recruitment_gap = pairs["test_recruitment"] - pairs["control_recruitment"]
    derecruitment_gap = pairs["control_derecruitment"] - pairs["test_derecruitment"]
    margin = pairs["modulation"] - pairs["delta_f"]
    least_gap = -np.inf if criteria.derecruitment_gap is None else criteria.derecruitment_gap
    judged_correlation = r if criteria.correlation_rule == "r" else r**2 * np.sign(r)
    return pairs.assign(
        control_smoothed=pairs["control_recruitment"].notna(),
        test_smoothed=pairs["test_recruitment"].notna(),
        recruitment_gap=recruitment_gap,
        derecruitment_gap=derecruitment_gap,
        r_squared=r**2,
        saturation_margin=margin,
        test_recruited_later=recruitment_gap >= 0,
        test_stops_first=derecruitment_gap >= 0,
        recruitment_gap_pass=recruitment_gap >= criteria.recruitment_gap,
        derecruitment_gap_pass=derecruitment_gap >= least_gap,
        overlap_duration_pass=pairs["overlap_duration"] >= criteria.overlap_duration,
        overlap_discharges_pass=pairs["overlap_discharges"] >= criteria.overlap_discharges,
        correlation_pass=judged_correlation >= criteria.correlation,
        modulation_pass=pairs["modulation"] >= criteria.modulation,
        saturation_pass=margin >= criteria.saturation_margin,
    )


def _conclude(pairs: pd.DataFrame) -> pd.DataFrame:
    """Turn the verdicts into `passed` and `reason`, and order the columns as in the schema.

    A pair with a unit whose rate could not be smoothed has no other verdicts: they are missing, and
    only that reason is named.
    """
    smoothed = ["control_smoothed", "test_smoothed"]
    judged = pairs[smoothed].all(axis=1).to_numpy(dtype=bool)
    failed = ~pairs[list(CRITERIA.values())].to_numpy(dtype=bool)
    failed[~judged, len(smoothed) :] = False
    reasons = np.array(list(CRITERIA), dtype=object)
    pairs["passed"] = ~failed.any(axis=1)
    pairs["reason"] = pd.array([";".join(reasons[row]) or None for row in failed], dtype="string")
    pairs["overlap_discharges"] = pairs["overlap_discharges"].where(judged).astype("Int64")
    for verdict in list(CRITERIA.values())[len(smoothed) :]:
        pairs[verdict] = pd.arrays.BooleanArray(pairs[verdict].to_numpy(dtype=bool), ~judged)
    missing = pd.array([None] * len(pairs), dtype="string")
    return pairs.assign(participant=missing, session=missing)[list(load_schema("pairs")["columns"])]
