"""Discharges that should not be taken at face value: isolated ones, doublets, pauses, those of split trains.

A single discharge long after (or before) all others would set the derecruitment (or recruitment) of the unit,
and ΔF with it. It is removed, and everything that is removed or unusual is a row.
"""

import numpy as np
import pandas as pd

from pictrial.decomposition.quality import LONGEST_INTERVAL, SHORTEST_INTERVAL

COLUMNS = ["unit_id", "onset", "operation", "reason"]
#: A few discharges further away than this from all others are isolated (s).
ISOLATING_GAP = 1.0
#: More discharges than this are a second period of activity.
MOST_ISOLATED = 2


def correct_discharges(
    unit_id: str, samples: np.ndarray, sampling_rate: float, split: bool = False
) -> tuple[np.ndarray, pd.DataFrame]:
    """Remove isolated discharges at both ends of a train, and list them with its doublets and pauses.

    Parameters
    ----------
    unit_id : str
        For the rows.
    samples : ndarray of int64
        Ascending sample indices.
    sampling_rate : float
        Hz.
    split : bool
        Whether the train was half of one of two units.

    Returns
    -------
    kept : ndarray of bool, shape (discharges,)
        False where a discharge is removed.
    rows : DataFrame
        Schema ``corrections``, in order of time.
    """
    times = samples / sampling_rate
    kept = np.ones(len(times), bool)
    kept[: _isolated(np.diff(times))] = False
    last = _isolated(np.diff(times)[::-1])
    kept[len(times) - last :] = False
    rows = [
        (unit_id, t, "removed", f"isolated: a gap of more than {ISOLATING_GAP:g} s to the others")
        for t in times[~kept]
    ]
    if split:
        reason = f"half of a train with too many intervals below {1000 * SHORTEST_INTERVAL:g} ms: two units"
        rows.append((unit_id, times[kept][0], "split", reason))
    intervals = np.diff(times[kept])
    for time, interval in zip(times[kept][1:], intervals, strict=True):
        if interval < SHORTEST_INTERVAL:
            rows.append((unit_id, time, "kept", f"{1000 * interval:.0f} ms after the one before: a doublet"))
        elif interval > LONGEST_INTERVAL:
            rows.append((unit_id, time, "kept", f"after a pause of {interval:.2f} s"))
    return kept, pd.DataFrame(rows, columns=COLUMNS).sort_values("onset", ignore_index=True, kind="stable")


def _isolated(intervals: np.ndarray) -> int:
    """Return how many discharges at the beginning are isolated, given the intervals between all of them."""
    gaps = np.flatnonzero(intervals[:MOST_ISOLATED] > ISOLATING_GAP)
    # Where half of a train would go, nothing is known to be the rule that it breaks.
    return int(gaps[-1] + 1) if gaps.size and len(intervals) > 4 * MOST_ISOLATED else 0
