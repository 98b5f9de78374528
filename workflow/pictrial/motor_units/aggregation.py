"""From the pairs of a test unit to its ΔF."""

import numpy as np
import pandas as pd

from pictrial.motor_units.pair_measures import MeasuredPairs
from pictrial.tables import load_schema

_SESSION = ["participant", "session"]
#: What is needed of a pair that passed.
_OF_PAIRS = [
    *(*_SESSION, "control_unit", "test_unit", "delta_f", "normalised_delta_f"),
    *("own_standard_error", "shared_standard_error"),
]

#: What a unit must fulfil to be one of the controls that a composite control is made of.
COMPOSITE_CRITERIA = [
    "test_recruited_later",
    "recruitment_gap_pass",
    "overlap_duration_pass",
    "overlap_discharges_pass",
    "correlation_pass",
    "modulation_pass",
]

#: Ways from pairs to a unit's ΔF, with what they do.
AGGREGATIONS = {
    "mean_over_passing_controls": "mean over the controls that passed",
    "median_over_passing_controls": "median over the controls that passed",
    "mean_over_same_pairs": "mean over the controls that passed in every session of the participant",
    "normalised_mean": "mean of the normalised ΔF over the controls that passed",
    "composite_control": "from the common course of all controls, also of those that stop early",
}


def every_unit_delta_f(measured: list[MeasuredPairs], ledgers: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the ΔF of each test unit of a participant in every way of :data:`AGGREGATIONS`.

    Parameters
    ----------
    measured : list of MeasuredPairs
        One per session.
    ledgers : list of DataFrame
        Of the same sessions, schema ``pairs``, with participant and session.

    Returns
    -------
    DataFrame
        Schema ``unit_delta_f``.
    """
    pairs = pd.concat([ledger[[*_OF_PAIRS, "passed"]] for ledger in ledgers], ignore_index=True)
    of_pairs = [
        unit_delta_f(pairs, name, len(measured)) for name in AGGREGATIONS if name != "composite_control"
    ]
    composites = [composite_delta_f(*session) for session in zip(measured, ledgers, strict=True)]
    return pd.concat(
        [table for table in of_pairs + composites if len(table)] or of_pairs[:1], ignore_index=True
    )


def unit_delta_f(
    pairs: pd.DataFrame, aggregation: str = "mean_over_passing_controls", n_sessions: int | None = None
) -> pd.DataFrame:
    """Return the ΔF of each test unit from its pairs.

    Parameters
    ----------
    pairs : DataFrame
        Schema ``pairs``, of all sessions of a participant or of many.
    aggregation : str
        A name in :data:`AGGREGATIONS` but ``composite_control``, for which there is
        :func:`composite_delta_f`.
    n_sessions : int, optional
        Sessions of each participant, where some may have no pair at all; else those in `pairs` count.

    Returns
    -------
    DataFrame
        Schema ``unit_delta_f``: one row per participant, session and test unit with a value. The standard
        error adds the controls' own noise, which averages out, to the shared noise, which does
        not; it is missing for a median or a normalised mean. The SD over controls is missing where there
        is one control.

    Examples
    --------
    >>> pairs = pd.DataFrame({"participant": "01", "session": "1", "test_unit": ["b", "b", "c"],
    ...                       "control_unit": "a", "delta_f": [2.0, 3.0, -1.0], "own_standard_error": 0.4,
    ...                       "shared_standard_error": 0.1, "passed": [True, True, False]})
    >>> unit_delta_f(pairs)[["unit_id", "delta_f", "n_controls"]].to_dict("records")
    [{'unit_id': 'b', 'delta_f': 2.5, 'n_controls': 2}]
    """
    passing = _passing(pairs)
    if aggregation == "mean_over_same_pairs":
        passing = _same_pairs(passing, pairs, n_sessions)
    value = "normalised_delta_f" if aggregation == "normalised_mean" else "delta_f"
    used = passing[passing[value].notna()]
    used = used.assign(own_standard_error=used["own_standard_error"] ** 2)
    groups = used.groupby([*_SESSION, "test_unit"], dropna=False, sort=True)
    values = groups[value]
    units = pd.DataFrame(
        {
            "delta_f": values.median() if aggregation == "median_over_passing_controls" else values.mean(),
            "standard_error": np.nan,
            "n_controls": values.count(),
            "sd": values.std(),
        }
    )
    if aggregation.startswith("mean_over"):
        own, shared = groups[["own_standard_error", "shared_standard_error"]].mean().to_numpy(float).T
        units["standard_error"] = np.sqrt(own / units["n_controls"] + shared**2)
    units = units.assign(aggregation=aggregation).reset_index()
    return _ordered(units.rename(columns={"test_unit": "unit_id"}))


def _passing(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.reindex(columns=_OF_PAIRS)[pairs["passed"].to_numpy(dtype=bool)]


def _same_pairs(passing: pd.DataFrame, pairs: pd.DataFrame, n_sessions: int | None) -> pd.DataFrame:
    """Return the rows of pairs that passed in every session of their participant.

    Otherwise the set of controls changes with the condition, and ΔF with it.
    """
    sessions = pairs.groupby("participant", dropna=False)["session"].nunique(dropna=False)
    # A pair passes at most once in a session.
    times = passing.groupby(["participant", "control_unit", "test_unit"], dropna=False)["session"].transform(
        "size"
    )
    return passing[times == (n_sessions or passing["participant"].map(sessions))]


def composite_delta_f(measured: MeasuredPairs, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the ΔF of each test unit from a composite of its controls.

    The smoothed rates of the controls, each less a constant of its own, are averaged over those that are
    active at an instant; the constants are those of the least squares, so that a control that starts or
    stops makes no step. So a control need not be active at both ends. After the idea of Afsharipour et al.
    2020 (J Neurophysiol 124:63), who overlay the profiles of several controls; the least squares are ours.

    Parameters
    ----------
    measured : MeasuredPairs
        Of one recording.
    pairs : DataFrame
        Its ledger, schema ``pairs``: the units that meet :data:`COMPOSITE_CRITERIA` are the controls.

    Returns
    -------
    DataFrame
        Schema ``unit_delta_f``; without units whose controls do not reach from recruitment to derecruitment.
        Standard error and SD are missing.
    """
    places = {unit: place for place, unit in enumerate(measured.units)}
    verdicts = [pairs[name].to_numpy(dtype=bool, na_value=False) for name in COMPOSITE_CRITERIA]
    suited = np.logical_and.reduce(verdicts)
    controls, tests = (
        np.array([places[unit] for unit in pairs[name].to_numpy()[suited]], dtype=int)
        for name in ("control_unit", "test_unit")
    )
    rows = []
    for test in np.unique(tests):
        own = controls[tests == test]
        course = common_course(measured.control_rate[own, test])
        if course is not None:
            rows.append((measured.units[test], course[0] - course[-1], own.size))
    table = pd.DataFrame(rows, columns=["unit_id", "delta_f", "n_controls"])
    session = {name: pairs[name].iloc[0] for name in _SESSION} if rows else dict.fromkeys(_SESSION)
    return _ordered(
        table.assign(aggregation="composite_control", standard_error=np.nan, sd=np.nan, **session)
    )


def common_course(rates: np.ndarray) -> np.ndarray | None:
    """Return the common course of several units' rates, each less a constant of its own.

    Parameters
    ----------
    rates : ndarray, shape (units, instants)
        In pps; NaN where a unit is not active.

    Returns
    -------
    ndarray, shape (instants,), or None
        In pps, up to a constant; None where no unit is active at an instant, or two groups of units
        are never active together, so that nothing joins their courses.

    Examples
    --------
    >>> common_course(np.array([[5.0, 6.0, np.nan], [np.nan, 8.0, 9.0]])).round(6).tolist()
    [6.0, 7.0, 8.0]
    """
    active = np.isfinite(rates)
    together = active.sum(axis=0)
    if not together.all():
        return None
    values = np.where(active, rates, 0)
    mean = values.sum(axis=0) / together
    # Normal equations of the units' constants, after the course has been eliminated.
    system = np.diag(active.sum(axis=1)) - (active / together) @ active.T
    if np.linalg.matrix_rank(system, tol=1e-6) < len(rates) - 1:
        return None
    constants = np.linalg.lstsq(system, (values - active * mean).sum(axis=1), rcond=1e-10)[0]
    return (values - active * constants[:, None]).sum(axis=0) / together


def _ordered(units: pd.DataFrame) -> pd.DataFrame:
    return units[list(load_schema("unit_delta_f")["columns"])]
