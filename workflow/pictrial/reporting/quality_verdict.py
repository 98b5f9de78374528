"""What stands out in a recording: the lines that a quality page opens with, from its numbers only.

The limits here exclude nothing. They say where a person should look first, and are pictrial's own.
"""

import re

import numpy as np
import pandas as pd

from pictrial.reporting.numbers import decimal
from pictrial.reporting.quality_measures import (
    RecordingQuality,
    close_to_limits,
    heading,
    height_differences,
    signal_to_rest,
    unit_measures,
    written,
)

#: Fewer motor units than this are few: they make hardly any pairs.
FEW_UNITS = 5
#: Share of the channels that are bad, and of the participant's units not seen here, above which it matters.
BAD_SHARE, LOST_SHARE = 0.1, 0.3
#: Ratio of the RMS of the recording to that at rest (dB) below which little stands out of the noise.
LOW_SIGNAL = 10.0
#: Share of the samples that are blanked, above which it matters: no discharge is seen there.
BLANKED_SHARE = 0.05
#: Share of line interference in the power of the median good channel, above which it matters.
LINE_SHARE = 0.05
#: Share of the intervals that are too short, above which it matters.
SHORT_SHARE = 0.02
#: A unit active this close to an end of the recording (s) may have started before it, or go on after it.
EDGE = 0.5
#: Median difference of a source from its stored heights, of their median, above which they are not the same.
SOURCE_ERROR = 0.1
#: Probability that a unit is right, below which it is doubtful.
LIKELY = 0.9


def remarks(page: RecordingQuality, sources: dict[str, np.ndarray], blanked: float) -> list[str]:
    """Return what to look at first; an empty list where nothing stands out.

    Parameters
    ----------
    page : RecordingQuality
    sources : dict of str to ndarray, shape (samples,)
        Source of each motor unit, recomputed from its filter in the EMG without the others.
    blanked : float
        Share of the samples that were blanked.
    """
    return [
        *_about_filters(page, sources),
        *_about_signals(page, blanked),
        *_about_units(page),
        *_about_trains(page),
    ]


def _about_filters(page: RecordingQuality, sources: dict[str, np.ndarray]) -> list[str]:
    differences = height_differences(page.units, sources)
    unlike = [unit for unit, values in differences.items() if np.median(values) > SOURCE_ERROR]
    if not unlike:
        return []
    return [f"Stored filters and signals do not belong together: {', '.join(unlike)}."]


def _about_signals(page: RecordingQuality, blanked: float) -> list[str]:
    channels, bad, found = page.channels, page.bad_channels, []
    if len(bad) > BAD_SHARE * len(channels):
        found.append(f"Many bad channels: {len(bad)} of {len(channels)} ({reasons_of(bad)}).")
    signal = signal_to_rest(channels)
    if signal < LOW_SIGNAL:
        found.append(f"Weak EMG: its RMS is only {decimal(signal, 1)} dB above that at rest.")
    line = float(channels.loc[channels["status"] == "good", "line_share"].astype(float).median())
    if line > LINE_SHARE:
        share = written("line_share", line)
        found.append(f"Line interference: {share} % of the power of the median good channel.")
    if blanked > BLANKED_SHARE:
        found.append(f"Blanked: {decimal(100 * blanked, 0)} % of the samples; no discharge is seen there.")
    if page.torque is None:
        found.append("No torque: recruitment thresholds are unknown.")
    return found


def _about_units(page: RecordingQuality) -> list[str]:
    seen, total, found = len(page.units.discharges), len(page.units.quality), []
    if seen < FEW_UNITS:
        found.append(f"Few motor units: {seen}." if seen else "No motor unit.")
    if total - seen > LOST_SHARE * total:
        found.append(f"Many motor units of the participant are not seen here: {total - seen} of {total}.")
    measures, near = unit_measures(page), []
    doubtful = [
        f"{unit} ({written('probability', values['probability'])} %)"
        for unit, values in measures.items()
        if pd.notna(values["probability"]) and values["probability"] < LIKELY
    ]
    if doubtful:
        share = decimal(100 * LIKELY, 0)
        found.append(f"Less than {share} % likely to be right: {', '.join(doubtful)}.")
    for unit, columns in close_to_limits(page).items():
        values = [
            " ".join(filter(None, [name, written(column, measures[unit][column]), unit_of]))
            for column in columns
            for name, unit_of in [heading(column, "quality_units")]
        ]
        near.append(f"{unit} ({', '.join(values)})")
    return [*found, f"Close to a limit of acceptance: {'; '.join(near)}."] if near else found


def _about_trains(page: RecordingQuality) -> list[str]:
    measures, limits, found = page.measures, page.settings.rates.limits, []
    short = measures[measures["n_isi_short"] > SHORT_SHARE * measures["n_discharges"]]
    if len(short):
        units = [f"{row.unit_id} ({row.n_isi_short} of {row.n_discharges - 1})" for row in short.itertuples()]
        found.append(
            f"Many intervals under {decimal(1000 * limits.isi_min, 0)} ms: {', '.join(units)}; "
            "doublets, or two units in one train?"
        )
    edge, length = EDGE * page.recording.sampling_rate, page.recording.n_samples
    cut = [unit for unit, s in page.units.discharges.items() if s[0] < edge or s[-1] >= length - edge]
    for units, says in (
        (
            _units_where(measures["n_isi_long"] > 0, measures),
            f"Pauses over {limits.isi_max:g} s in the train",
        ),
        (
            _units_where(measures["n_isolated"] > 0, measures),
            "Isolated discharges at an end, not in the rate",
        ),
        (_units_where(measures["excluded"].notna(), measures), "Too few discharges for a smoothed rate"),
        (cut, f"Active within {EDGE:g} s of an end of the recording"),
    ):
        found += [f"{says}: {', '.join(units)}."] if units else []
    return found


def _units_where(chosen: pd.Series, measures: pd.DataFrame) -> list[str]:
    return list(measures.loc[chosen.astype(bool), "unit_id"])


def reasons_of(bad: pd.DataFrame) -> str:
    """Count the reasons of bad channels, the most frequent first: ``3 noisy, 1 dead``."""
    counts = bad["reason"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return ", ".join(f"{number} {reason}" for reason, number in counts.items())


def kind_of(reason: str) -> str:
    """Return why a candidate was rejected, without its own values, so that reasons can be counted.

    Examples
    --------
    >>> kind_of("12 discharges, 20 needed; silhouette 0.852, 0.9 needed")
    'discharges, 20 needed; silhouette, 0.9 needed'
    >>> kind_of("duplicate of MU03 in this recording")
    'duplicate of another in this recording'
    >>> kind_of("7% of intervals below 25 ms, 5% allowed")
    'of intervals below 25 ms, 5% allowed'
    """
    parts = (
        re.sub(r"(^| )(-?\d+(\.\d+)?|nan)%?(?=,| discharges| of intervals)", "", part)
        for part in reason.split("; ")
    )
    return re.sub(r"\bMU\d+\b", "another", "; ".join(part.strip() for part in parts))
