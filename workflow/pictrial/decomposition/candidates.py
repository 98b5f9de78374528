"""Candidates for motor units: settings, rules of acceptance, duplicates, and what is written of each."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import agree
from pictrial.decomposition.confidence import probability_right
from pictrial.decomposition.corrections import COLUMNS, correct_discharges
from pictrial.decomposition.quality import Discharges, interval_variability, short_interval_share


@dataclass(frozen=True)
class DecompositionSettings:
    """Settings of the decomposition.

    Attributes
    ----------
    extended_channels : int
        Rows of the extended observation to reach; the extension is this over the number of channels.
    stages : int
        Most stages; each searches in what the units found so far leave.
    starts : int
        Instants to start from in each stage.
    iterations : int
        Of the fixed point.
    candidates : int
        Most sources of a stage that are tried on the whole signal.
    refinements : int
        Most refinements of a source on its own discharges.
    expected_interference : float
        Share of the EMG's covariance expected to interfere with a unit when all others are subtracted.
    minimal_silhouette : float
        A motor unit is accepted from this silhouette on.
    explaining_silhouette : float
        A source is subtracted before the next stage from this silhouette on.
    maximal_short_intervals : float
        Both only up to this share of inter-spike intervals below 25 ms,
    minimal_discharges : int
        ... and from this number of discharges on.
    minimal_probability : float
        A motor unit is accepted from this probability on that its train is right (see `confidence`).
    duplicate_agreement : float
        Trains whose rate of agreement is above this are one motor unit.
    """

    extended_channels: int = 768
    stages: int = 6
    starts: int = 150
    iterations: int = 4
    candidates: int = 50
    refinements: int = 6
    expected_interference: float = 0.1
    minimal_silhouette: float = 0.9
    explaining_silhouette: float = 0.87
    maximal_short_intervals: float = 0.05
    minimal_discharges: int = 20
    minimal_probability: float = 0.5
    duplicate_agreement: float = 0.3


@dataclass(frozen=True, eq=False)
class Candidate:
    """A source that may be a motor unit.

    `filter` is its separation filter for the extended signal, shape (rows,); `heights` are the values of its
    source at its discharges; `split` says that it is half of a train of two units.
    """

    filter: np.ndarray
    discharges: Discharges
    heights: np.ndarray
    split: bool = False


def explains(discharges: Discharges, sampling_rate: float, settings: DecompositionSettings) -> bool:
    """Return whether a source is good enough to be subtracted before the next stage."""
    lax = replace(settings, minimal_silhouette=settings.explaining_silhouette, minimal_probability=0)
    return not rejection(discharges, sampling_rate, lax)


def seems_merged(discharges: Discharges, sampling_rate: float, settings: DecompositionSettings) -> bool:
    """Return whether only its short intervals keep a source from being subtracted: two units in one."""
    short = short_interval_share(discharges.samples, sampling_rate)
    good = discharges.silhouette >= settings.explaining_silhouette
    return good and short > settings.maximal_short_intervals


def rejection(discharges: Discharges, sampling_rate: float, settings: DecompositionSettings) -> str:
    """Return why a candidate is no motor unit; an empty string where it is accepted."""
    short = short_interval_share(discharges.samples, sampling_rate)
    reasons = []
    if len(discharges.samples) < settings.minimal_discharges:
        reasons.append(f"{len(discharges.samples)} discharges, {settings.minimal_discharges} needed")
    if not discharges.silhouette >= settings.minimal_silhouette:
        reasons.append(f"silhouette {discharges.silhouette:.3f}, {settings.minimal_silhouette} needed")
    if not short <= settings.maximal_short_intervals:
        reasons.append(
            f"{short:.0%} of intervals below 25 ms, {settings.maximal_short_intervals:.0%} allowed"
        )
    if np.isnan(interval_variability(discharges.samples, sampling_rate)[1]):
        reasons.append("fewer than three intervals up to 0.5 s: no motor unit discharges so slowly")
    probability = probability_right(discharges, sampling_rate)
    if probability < settings.minimal_probability:
        reasons.append(
            f"probability {probability:.2f} that its train is right, {settings.minimal_probability} needed"
        )
    return "; ".join(reasons)


def without_duplicates(
    candidates: list[Candidate], sampling_rate: float, settings: DecompositionSettings
) -> list[Candidate]:
    """Keep the candidate with the highest silhouette of each group that shares its discharges."""
    kept: list[Candidate] = []
    limit = settings.duplicate_agreement
    for candidate in sorted(candidates, key=lambda c: -c.discharges.silhouette):
        train = candidate.discharges.samples
        if not any(agree(train, other.discharges.samples, sampling_rate, limit) for other in kept):
            kept.append(candidate)
    return kept


def describe(
    unit_id: str,
    discharges: Discharges,
    sampling_rate: float,
    reason: str,
    origin: str,
    similarity: float = float("nan"),
) -> dict:
    """Return the row of a candidate in the table ``quality_units``.

    `origin` is the recording whose decomposition found it, `similarity` that of its potential there.
    """
    plain, successive, robust = interval_variability(discharges.samples, sampling_rate)
    return {
        "unit_id": unit_id,
        "accepted": reason == "",
        "reason": reason or None,
        "n_discharges": len(discharges.samples),
        "silhouette": discharges.silhouette,
        "pulse_to_noise_ratio": discharges.pulse_to_noise_ratio,
        "cov_isi": plain,
        "successive_cov_isi": successive,
        "robust_cov_isi": robust,
        "short_intervals": short_interval_share(discharges.samples, sampling_rate),
        "height_variability": discharges.height_variability,
        "probability": probability_right(discharges, sampling_rate),
        "origin": origin,
        "potential_similarity": similarity,
    }


def with_corrections(
    units: dict[str, Candidate], sampling_rate: float
) -> tuple[dict[str, Candidate], pd.DataFrame]:
    """Return the units with corrected discharges, and the log of the corrections, schema ``corrections``."""
    corrected, logs = {}, [pd.DataFrame(columns=COLUMNS)]
    for unit_id, unit in units.items():
        samples = unit.discharges.samples
        kept, log = correct_discharges(unit_id, samples, sampling_rate, unit.split)
        corrected[unit_id] = replace(
            unit, discharges=replace(unit.discharges, samples=samples[kept]), heights=unit.heights[kept]
        )
        if len(log):
            logs.append(log)
    return corrected, pd.concat(logs, ignore_index=True)
