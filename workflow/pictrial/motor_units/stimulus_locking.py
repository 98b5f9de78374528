"""Discharges locked to nerve stimuli: peri-stimulus time histogram (PSTH) and frequencygram (PSF)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pictrial.motor_units.discharge_trains import USUAL_LIMITS, DischargeLimits, DischargeTrain, clean_train
from pictrial.tables import load_schema

SHIFT = 5  # bins between two shifts of the stimuli; the histogram of each takes every bin
ALIGNED = 0.7  # share of the stimuli that meet another's response, from which a shift tells nothing


@dataclass(frozen=True)
class LockingSettings:
    """How locking is tested; times in s from the stimulus.

    Attributes
    ----------
    bin_width : float
        Bins of the histogram.
    window_start, window_end : float
        Where a response is looked for; it begins after what blanking hides.
    baseline : float
        Length of the window before the stimulus that rates are compared with.
    minimal_pulses : int
        Fewest stimuli while the unit is active.
    alpha : float
        Level of the test of one unit in one recording.
    """

    bin_width: float = 0.001
    window_start: float = 0.03
    window_end: float = 0.08
    baseline: float = 0.1
    minimal_pulses: int = 10
    alpha: float = 0.05


def assess_locking(
    discharges: dict[str, np.ndarray],
    pulses: np.ndarray,
    blanked: np.ndarray,
    settings: LockingSettings,
    limits: DischargeLimits = USUAL_LIMITS,
) -> pd.DataFrame:
    """Test every motor unit of one recording for discharges locked to the stimuli.

    The histogram of the unit's discharges around the stimuli, less what its mean rate lets expect in
    the time that was not blanked, is summed up over the window (the cumulative sum of Ellaway 1978,
    Electroencephalogr Clin Neurophysiol 45:302). The steepest rise of that sum measures excitation, the
    deepest fall inhibition. The same is measured after all stimuli were shifted together around the
    unit's active time, which keeps the rhythm of both; shifts by which they meet each other's
    responses do not count. The smaller of the two shares of shifts that reach the measure, doubled, is
    p, but not below what the number of independent shifts allows.

    Parameters
    ----------
    discharges : dict of str to ndarray
        For each motor unit its ascending discharge times in s.
    pulses : ndarray, shape (pulses,)
        Onsets of the stimuli in s, ascending.
    blanked : ndarray, shape (stretches, 2)
        Stretches of the recording, from and to in s, in which no discharge can be seen.
    settings : LockingSettings
        Windows.
    limits : DischargeLimits
        Interspike intervals that count; they also end a unit's active time.

    Returns
    -------
    DataFrame
        Schema ``locking``: one row per motor unit, sorted by name; no test, but a reason in `excluded`,
        where there are too few stimuli or they follow each other too fast. `participant` and `session`
        are missing, for the caller to fill in.
    """
    rows = []
    for unit in sorted(discharges):
        train = clean_train(discharges[unit], limits)
        row: dict[str, object] = {"unit_id": unit, "n_pulses": 0}
        if train.times.size < 2:
            rows.append(row | {"excluded": "fewer than 2 discharges"})
            continue
        start, end = train.times[[0, -1]]
        active = pulses[(pulses >= start) & (pulses <= end)]
        row |= {"n_pulses": active.size, "blanked_share": blanked_share(start, end, blanked)}
        row["share_at_stimuli"] = _share_at(train.times, pulses, settings.window_start)
        rows.append(
            row | _rates(train, active, blanked, settings) | _locking(train.times, active, blanked, settings)
        )
    table = pd.DataFrame(rows, columns=list(load_schema("locking")["columns"]))
    table["locked"] = (table["p_value"] < settings.alpha).astype("boolean").mask(table["p_value"].isna())
    return table


def blanked_share(start: float, end: float, blanked: np.ndarray) -> float:
    """Return the share of the time from `start` to `end` (s) in stretches (from, to), which may overlap.

    Examples
    --------
    >>> blanked_share(0.0, 2.0, np.array([[-1.0, 0.2], [0.1, 0.3], [1.9, 5.0]]))
    0.2
    """
    reached, total = start, 0.0
    for first, last in blanked[np.argsort(blanked[:, 0], kind="stable")]:
        total += max(0.0, min(last, end) - max(first, reached))
        reached = max(reached, last)
    return round(float(total / (end - start)), 12)


def _share_at(times: np.ndarray, pulses: np.ndarray, within: float) -> float:
    """Return the share of `times` that follow a pulse by less than `within` s."""
    pulses = np.append(-np.inf, pulses)
    return float(np.mean(times - pulses[np.searchsorted(pulses, times, side="right") - 1] < within))


def _rates(train: DischargeTrain, pulses: np.ndarray, blanked: np.ndarray, settings: LockingSettings) -> dict:
    """Return discharges per visible time (PSTH) and mean rate of the discharges (PSF) in both windows."""
    row = {}
    windows = {
        "baseline": (-settings.baseline, 0.0),
        "response": (settings.window_start, settings.window_end),
    }
    for name, (start, end) in windows.items():
        first, last = pulses + start, pulses + end
        seen = sum((e - s) * (1 - blanked_share(s, e, blanked)) for s, e in zip(first, last, strict=True))
        n_discharges = np.sum(np.searchsorted(train.times, last) - np.searchsorted(train.times, first))
        row[f"{name}_rate"] = n_discharges / seen if seen > 0 else np.nan
        inside = ((train.rate_times[:, None] >= first) & (train.rate_times[:, None] < last)).any(axis=1)
        row[f"{name}_frequency"] = train.rates[inside].mean() if inside.any() else np.nan
    return row


def _locking(times: np.ndarray, pulses: np.ndarray, blanked: np.ndarray, settings: LockingSettings) -> dict:
    """Return direction, place, size and p-value of the response; `pulses` are those while it is active."""
    if pulses.size < settings.minimal_pulses:
        return {"excluded": f"fewer than {settings.minimal_pulses} stimuli while it is active"}
    width = settings.bin_width
    n_bins = max(1, round((times[-1] - times[0]) / width))
    n_window = round((settings.window_end - settings.window_start) / width)
    stimuli = _binned(pulses, times[0], width, n_bins)
    shifts, n_independent = _telling_shifts(stimuli, n_window, n_bins)
    if n_independent < 2 / settings.alpha:
        return {"excluded": "the stimuli are too regular or too close to tell chance from locking"}
    middles = times[0] + width * (np.arange(n_bins) + 0.5)
    begun, ended = (np.searchsorted(np.sort(edge), middles) for edge in blanked.T)
    train = np.bincount(_binned(times, times[0], width, n_bins), minlength=n_bins)
    counts, seen = _correlogram(train, stimuli), _correlogram((begun == ended).astype(np.int64), stimuli)
    excess = counts - seen * (counts.sum() / max(seen.sum(), 1))
    lags = np.arange(n_window) + round(settings.window_start / width)
    sums = np.cumsum(
        np.pad(excess[(np.append(0, shifts)[:, None] + lags) % n_bins], ((0, 0), (1, 0))), axis=1
    )
    measures = {
        "excitation": (sums - np.minimum.accumulate(sums, axis=1)).max(axis=1),
        "inhibition": (np.maximum.accumulate(sums, axis=1) - sums).max(axis=1),
    }
    p_values = {name: np.mean(values >= values[0] - 1e-9) for name, values in measures.items()}
    direction = min(p_values, key=lambda name: p_values[name])
    start, end = _steepest(sums[0] if direction == "excitation" else -sums[0])
    return {
        "p_value": min(1.0, 2 * max(p_values[direction], 1 / (1 + n_independent))),
        "direction": direction,
        "response_start": settings.window_start + width * start,
        "response_end": settings.window_start + width * end,
        "discharges_per_stimulus": (sums[0, end] - sums[0, start]) / stimuli.size,
    }


def _binned(times: np.ndarray, start: float, width: float, n_bins: int) -> np.ndarray:
    return np.minimum(((times - start) / width).astype(np.int64), n_bins - 1)


def _telling_shifts(stimuli: np.ndarray, n_window: int, n_bins: int) -> tuple[np.ndarray, float]:
    """Return the shifts (bins) by which most stimuli meet no response, and how many are independent.

    A shift by which they meet is as good as none. What they meet after one shift is what they meet
    after all that differ from it by such a shift; hence the number of independent ones, twice
    because responses that overlap by half are hardly the same.
    """
    train = np.bincount(stimuli, minlength=n_bins)
    near = _correlogram(train, np.arange(-n_window, n_window + 1)) > 0
    shifts = np.arange(0, n_bins, SHIFT)
    meeting = _correlogram(near.astype(np.int64), stimuli)[shifts] >= ALIGNED * stimuli.size
    return shifts[~meeting], 2 * shifts.size / meeting.sum()


def _correlogram(histogram: np.ndarray, stimuli: np.ndarray) -> np.ndarray:
    """Sum a histogram (bins,) around the stimuli (bins), as if its end met its beginning."""
    return np.sum([np.roll(histogram, -stimulus) for stimulus in stimuli], axis=0)


def _steepest(values: np.ndarray) -> tuple[int, int]:
    """Return where the largest rise of `values` begins and ends."""
    end = int(np.argmax(values - np.minimum.accumulate(values)))
    return int(np.argmin(values[: end + 1])), end
