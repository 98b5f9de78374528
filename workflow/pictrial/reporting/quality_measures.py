"""What a quality page is made of: its inputs, and the measures of channels and motor units it shows."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.candidates import DecompositionSettings
from pictrial.decomposition.joint import sources_of
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.tracking import TrackingSettings
from pictrial.motor_units.smoothing import USUAL_RATES, RateSettings
from pictrial.recordings.conditioning import ConditioningSettings
from pictrial.recordings.model import Recording
from pictrial.reporting.numbers import decimal
from pictrial.tables import load_schema

#: How measures are shown: heading, unit, factor, decimals. Others are shown by their name.
HEADINGS = {
    "n_discharges": ("Discharges", "", 1, 0),
    "silhouette": ("SIL", "", 1, 3),
    "pulse_to_noise_ratio": ("PNR", "dB", 1, 1),
    "cov_isi": ("CoV ISI", "%", 100, 1),
    "successive_cov_isi": ("CoV successive", "%", 100, 1),
    "robust_cov_isi": ("CoV robust", "%", 100, 1),
    "short_intervals": ("Intervals < 25 ms", "%", 100, 1),
    "height_variability": ("CoV heights", "%", 100, 1),
    "probability": ("Probability", "%", 100, 1),
    "potential_similarity": ("Similarity", "", 1, 2),
    "recruitment_threshold": ("Recruited", "% MVC", 1, 1),
    "derecruitment_threshold": ("Derecruited", "% MVC", 1, 1),
    "peak_rate": ("Peak rate", "pps", 1, 1),
    "rms": ("RMS", "µV", 1, 1),
    "rms_ratio": ("RMS to neighbours", "", 1, 2),
    "baseline_rms": ("RMS at rest", "µV", 1, 1),
    "baseline_ratio": ("at rest, to neighbours", "", 1, 2),
    "line_share": ("Line interference", "%", 100, 2),
    "saturated_share": ("Samples at an extreme", "%", 100, 3),
    "correlation": ("Correlation with neighbours", "", 1, 2),
}
#: Which measures of the table ``units`` are shown beside all of ``quality_units``.
MEASURES = ("recruitment_threshold", "derecruitment_threshold", "peak_rate")
#: An accepted unit is close to a limit of acceptance within these margins; pictrial's own.
SILHOUETTE_MARGIN, SHORT_MARGIN, SIMILARITY_MARGIN = 0.02, 0.02, 0.02
#: Difference of a source from the stored height at a discharge, of the median height, that is worth a word.
HEIGHT_DIFFERENCE = 0.01


@dataclass(frozen=True)
class PageSettings:
    """Settings of the stages whose results a page shows; each is described there."""

    conditioning: ConditioningSettings = field(default_factory=ConditioningSettings)
    decomposition: DecompositionSettings = field(default_factory=DecompositionSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    rates: RateSettings = USUAL_RATES


@dataclass(frozen=True)
class RecordingQuality:
    """A recording with what each stage made of it. No part of it knows the condition.

    Attributes
    ----------
    recording : Recording
        As it was recorded.
    channels : DataFrame
        Schema ``quality_channels``.
    torque : ndarray, shape (samples,), or None
        In % MVC.
    units : Decomposition
        Its motor units as they go on to the analysis, that is after tracking.
    own : Decomposition
        What was found in this recording alone; `quality` has its rejected candidates.
    measures : DataFrame
        Schema ``units``, the rows of this recording; empty where there is no torque.
    edits, corrections : DataFrame or None
        What was changed in the discharges by hand (schema ``edit_log``) and by rule (schema
        ``corrections``); units have their names in `own`. None where there is no such step.
    settings : PageSettings
    """

    recording: Recording
    channels: pd.DataFrame
    torque: np.ndarray | None
    units: Decomposition
    own: Decomposition
    measures: pd.DataFrame
    edits: pd.DataFrame | None = None
    corrections: pd.DataFrame | None = None
    settings: PageSettings = field(default_factory=PageSettings)

    @property
    def good(self) -> np.ndarray:
        """Which channels are used, shape (channels,)."""
        return (self.channels["status"] == "good").to_numpy(dtype=bool)

    @property
    def bad_channels(self) -> pd.DataFrame:
        """Rows of the channels that are not used."""
        return self.channels[self.channels["status"] == "bad"]


def numeric_columns(schema: str) -> list[str]:
    """Return the names of the numeric columns of a table."""
    columns = load_schema(schema)["columns"]
    return [name for name, rule in columns.items() if rule["type"] in ("integer", "number")]


def heading(column: str, schema: str) -> tuple[str, str]:
    """Return heading and unit of a measure, by its name where it has no heading of its own."""
    if column in HEADINGS:
        return HEADINGS[column][:2]
    return column.replace("_", " "), load_schema(schema)["columns"].get(column, {}).get("Units", "")


def written(column: str, value: float | None) -> str:
    """Write the value of a measure, without its unit."""
    _, _, factor, places = HEADINGS.get(column, ("", "", 1, 3))
    return decimal(None if value is None or pd.isna(value) else factor * float(value), places)


def unit_measures(page: RecordingQuality) -> dict[str, dict[str, float]]:
    """Return, for each motor unit seen here, every numeric column of its quality and its `MEASURES`."""
    quality, measures = page.units.quality.set_index("unit_id"), page.measures.set_index("unit_id")
    shown = {}
    for unit in page.units.discharges:
        shown[unit] = {name: quality.loc[unit, name] for name in numeric_columns("quality_units")}
        if unit in measures.index:
            shown[unit] |= {name: measures.loc[unit, name] for name in MEASURES}
    return shown


def close_to_limits(page: RecordingQuality) -> dict[str, list[str]]:
    """Return the measures by which an accepted unit was nearly refused, for each unit that has any."""
    settings, tracking = page.settings.decomposition, page.settings.tracking
    found = {}
    for row in page.units.quality[page.units.quality["accepted"].astype(bool)].itertuples():
        near = {
            "silhouette": row.silhouette < settings.minimal_silhouette + SILHOUETTE_MARGIN,
            "short_intervals": row.short_intervals > settings.maximal_short_intervals - SHORT_MARGIN,
            "potential_similarity": pd.notna(row.potential_similarity)
            and row.potential_similarity < tracking.minimal_similarity + SIMILARITY_MARGIN,
        }
        if any(near.values()):
            found[row.unit_id] = [name for name, is_near in near.items() if is_near]
    return found


def signal_to_rest(channels: pd.DataFrame) -> float:
    """Return the median over good channels of the RMS over that at rest, in dB; NaN where there is none."""
    good = channels[(channels["status"] == "good") & (channels["baseline_rms"] > 0)]
    ratio = (good["rms"] / good["baseline_rms"]).astype(float).median()
    return float(20 * np.log10(ratio)) if ratio > 0 else float("nan")


def name_in_own(page: RecordingQuality, unit: str) -> str | None:
    """Return the name of a unit in the recording's own decomposition; None where only tracking found it."""
    samples, rate = page.units.discharges[unit], page.recording.sampling_rate
    found = {name: rate_of_agreement(samples, train, rate) for name, train in page.own.discharges.items()}
    best = max(found, key=found.__getitem__, default=None)
    return best if best and found[best] > page.settings.decomposition.duplicate_agreement else None


def recomputed_sources(units: Decomposition, emg: np.ndarray) -> dict[str, np.ndarray]:
    """Return each unit's source (samples,) in conditioned EMG (channels, samples) without the other units."""
    return dict(zip(units.discharges, sources_of(units, emg), strict=True))


def height_differences(units: Decomposition, sources: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return how far each source is from the stored height at every discharge, over the median height."""
    return {
        unit: np.abs(sources[unit][units.discharges[unit]] - stored) / np.median(np.abs(stored))
        for unit, stored in units.sources.items()
    }
