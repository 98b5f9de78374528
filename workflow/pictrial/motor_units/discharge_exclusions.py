"""Every discharge and interspike interval that does not enter a motor unit's rate, with the reason."""

import numpy as np
import pandas as pd

from pictrial.motor_units.discharge_trains import USUAL_LIMITS, DischargeLimits, clean_train
from pictrial.tables import load_schema


def discharge_exclusions(
    discharges: dict[str, np.ndarray], limits: DischargeLimits = USUAL_LIMITS
) -> pd.DataFrame:
    """List what :func:`clean_train` leaves out of every motor unit of one recording.

    Parameters
    ----------
    discharges : dict of str to ndarray
        For each motor unit its ascending discharge times in s.
    limits : DischargeLimits
        Interspike intervals that count.

    Returns
    -------
    DataFrame
        Schema ``discharge_exclusions``, sorted by motor unit and time; `participant` and `session` are
        missing, for the caller to fill in.

    Raises
    ------
    InputError
        Where discharges descend.
    """
    parts = [_of_unit(unit, discharges[unit], limits) for unit in sorted(discharges)]
    columns = list(load_schema("discharge_exclusions")["columns"])
    return pd.concat(parts or [pd.DataFrame()], ignore_index=True).reindex(columns=columns)


def _of_unit(unit: str, times: np.ndarray, limits: DischargeLimits) -> pd.DataFrame:
    train = clean_train(times, limits)
    single, counts = np.unique(times, return_counts=True)
    # A discharge without a neighbour on one side is infinitely far from it.
    gaps = np.diff(single, prepend=-np.inf, append=np.inf)
    nearest = np.minimum(gaps[:-1], gaps[1:])
    isolated = ~np.isin(single, train.times)
    later, intervals = train.times[1:], np.diff(train.times)
    short, long = intervals < limits.isi_min, intervals > limits.isi_max
    left_out, stay = "the discharge is left out", "the interval gives no rate; both discharges stay"
    again = np.repeat(single, counts - 1)
    found = {
        "duplicate discharge": (again, 0 * again, "a discharge at this time is there already", left_out),
        "isolated discharge": (
            single[isolated],
            nearest[isolated],
            f"more than {limits.isi_max:g} s from the rest",
            left_out,
        ),
        "short interval": (later[short], intervals[short], f"shorter than {limits.isi_min:g} s", stay),
        "long interval": (later[long], intervals[long], f"longer than {limits.isi_max:g} s", stay),
    }
    tables = [
        pd.DataFrame({"time": at, "value": values}).assign(what=what, reason=reason, effect=effect)
        for what, (at, values, reason, effect) in found.items()
    ]
    rows = pd.concat(tables).replace({"value": {np.inf: np.nan}}).sort_values("time", kind="stable")
    return rows.assign(unit_id=unit)
