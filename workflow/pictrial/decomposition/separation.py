"""Convolutive blind source separation: from EMG to motor units.

After Negro et al. 2016 (J Neural Eng 13:026027): extend, whiten, find sparse sources by a fixed
point, refine each on its own discharges, drop duplicates, and go again where the units found so far
explain nothing. Many sources are iterated at once as one bank of filters (see `extension`).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.confidence import probability_right
from pictrial.decomposition.corrections import COLUMNS, correct_discharges
from pictrial.decomposition.extension import ExtendedSignal, whitening_matrix
from pictrial.decomposition.joint import JointSources
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import (
    Discharges,
    detect_discharges,
    interval_variability,
    short_interval_share,
)
from pictrial.decomposition.search import active_instants, search_instants, unit_length
from pictrial.errors import InputError
from pictrial.recordings.model import Recording


#: Furthest that discharges are moved, so that the filter's window holds most of the potential (s).
LARGEST_MOVE = 0.005
#: White noise to expect in every row of the extended signal, whose mean square is 1.
FLOOR = 1e-3


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
        Share of the EMG's covariance that is expected to interfere with a unit after all others were subtracted.
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

    extended_channels: int = 1000
    stages: int = 6
    starts: int = 150
    iterations: int = 4
    candidates: int = 60
    refinements: int = 6
    expected_interference: float = 0.1
    minimal_silhouette: float = 0.9
    explaining_silhouette: float = 0.87
    maximal_short_intervals: float = 0.05
    minimal_discharges: int = 20
    minimal_probability: float = 0.4
    duplicate_agreement: float = 0.3


@dataclass(frozen=True, eq=False)
class Candidate:
    """A source that may be a motor unit.

    `filter` is its separation filter for the extended signal, shape (rows,); `heights` are the values of its
    source at its discharges.
    """

    filter: np.ndarray
    discharges: Discharges
    heights: np.ndarray


def decompose(recording: Recording, good: np.ndarray, settings: DecompositionSettings) -> Decomposition:
    """Decompose a conditioned recording into motor units.

    Nothing in it is random: see `search`.

    Parameters
    ----------
    recording : Recording
        Conditioned EMG.
    good : ndarray of bool, shape (channels,)
        Channels to use.
    settings : DecompositionSettings

    Returns
    -------
    Decomposition
        Accepted motor units; `quality` also has a row with a reason for every rejected candidate.

    Raises
    ------
    InputError
        Where no motor unit is accepted.
    """
    rate = recording.sampling_rate
    whole = residual = Separator(recording, good, settings)
    units: list[Candidate] = []
    for _ in range(settings.stages):
        candidates = residual.search()
        new = whole.novel([c for c in candidates if explains(c.discharges, rate, settings)], units)
        if not new:
            break
        units, residual = whole.jointly(units + new)
        units = [u for u in units if explains(u.discharges, rate, settings)]
    decomposition = whole.collect(whole.with_joint_filters(units) + candidates)
    if not decomposition.discharges:
        best = decomposition.quality["silhouette"].max() if len(decomposition.quality) else float("nan")
        raise InputError(
            recording.source,
            f"no motor unit was found (best silhouette {best:.2f} of {len(candidates)} candidates, "
            f"{settings.minimal_silhouette} needed)",
            "Look at the signal quality of the recording, or exclude it in the plan with a reason.",
        )
    return decomposition


class Separator:
    """One recording, extended and whitened, in which sources can be searched and applied.

    `covariance` is that of its extended EMG in µV², computed where it is not given.
    """

    def __init__(
        self,
        recording: Recording,
        good: np.ndarray,
        settings: DecompositionSettings,
        covariance: np.ndarray | None = None,
    ):
        self.recording, self.good, self.settings = recording, good, settings
        emg = recording.emg[good]
        # All channels count: the recordings of a participant share the extension, whichever are bad.
        self.extension = max(1, round(settings.extended_channels / len(recording.emg)))
        # Unit scale keeps float32 sums well conditioned, whatever the amplifier.
        self.scale = np.float32(np.sqrt(np.mean(np.square(emg, dtype=np.float64))))
        self._emg = emg / self.scale
        self.signal = ExtendedSignal(self._emg, self.extension)
        self.covariance = self.signal.covariance() if covariance is None else covariance / self.scale**2
        self.whitening = whitening_matrix(self.covariance)

    def whitened(self, instants: np.ndarray) -> np.ndarray:
        """Return the whitened observation at `instants`, shape (components, instants)."""
        return (self.signal.at(instants) @ self.whitening).T

    def search(self) -> list[Candidate]:
        """Search for sources among the most active instants, and refine them on the whole signal."""
        settings = self.settings
        instants = active_instants(self._emg, self.extension)
        observations = np.ascontiguousarray(self.whitened(instants))
        vectors = search_instants(observations, settings.starts, settings.iterations, settings.candidates)
        return self.refine(vectors) if vectors.size else []

    def jointly(self, units: list[Candidate]) -> tuple[list[Candidate], "Separator"]:
        """Estimate all units again, each in the EMG without the others.

        Returns
        -------
        list of Candidate
            The discharges change only where the silhouette rises; duplicates are left out.
        Separator
            Of the EMG without the units as they were given.
        """
        rate = self.recording.sampling_rate
        joint, covariance = self._joint(units)
        filters = joint.matched_filters(self._expected(covariance), round(LARGEST_MOVE * rate))
        found = []
        for unit, row, source in zip(units, filters.T, joint.sources(filters), strict=True):
            discharges = detect_discharges(source, rate)
            if discharges is not None:
                new = Candidate(row, discharges, source[discharges.samples])
                found.append(new if _rises(unit, new) else unit)
        emg = np.zeros_like(self.recording.emg)
        emg[self.good] = joint.residual * self.scale
        residual = replace(self.recording, emg=emg)
        return (
            without_duplicates(found, rate, self.settings),
            Separator(residual, self.good, self.settings, covariance * self.scale**2),
        )

    def with_joint_filters(self, units: list[Candidate]) -> list[Candidate]:
        """Return the units with filters for the EMG without the others, and the heights of those sources."""
        if not units:
            return []
        joint, covariance = self._joint(units)
        filters = joint.matched_filters(self._expected(covariance), 0)
        return [
            replace(unit, filter=row, heights=source[unit.discharges.samples])
            for unit, row, source in zip(units, filters.T, joint.sources(filters), strict=True)
        ]

    def _joint(self, units: list[Candidate]) -> tuple[JointSources, np.ndarray]:
        """Return the joint sources and the covariance of their extended residual."""
        trains = [u.discharges.samples for u in units]
        joint = JointSources(self._emg, trains, self.extension, self.recording.sampling_rate)
        return joint, joint.signal.covariance()

    def _expected(self, covariance: np.ndarray) -> np.ndarray:
        """Return the covariance to expect beside a unit, given that of the extended residual.

        A subtraction is never as good elsewhere as in the data that it was fitted to.
        """
        expected = covariance + self.settings.expected_interference * self.covariance
        expected[np.diag_indices(len(expected))] += FLOOR
        return expected

    def novel(self, candidates: list[Candidate], units: list[Candidate]) -> list[Candidate]:
        """Return the candidates that are neither duplicates of each other nor of `units`."""
        rate, limit = self.recording.sampling_rate, self.settings.duplicate_agreement
        return [
            c
            for c in without_duplicates(candidates, rate, self.settings)
            if all(
                rate_of_agreement(c.discharges.samples, u.discharges.samples, rate) <= limit for u in units
            )
        ]

    def refine(self, vectors: np.ndarray) -> list[Candidate]:
        """Re-estimate each vector as the mean whitened observation at its discharges.

        Repeated until the silhouette stops rising; those that meet a better one on the way are dropped.
        """
        best: dict[int, Candidate] = {}
        alive = list(range(vectors.shape[1]))
        for _ in range(self.settings.refinements):
            improved = []
            for index, candidate in zip(alive, self.candidates(vectors), strict=True):
                if candidate and (index not in best or _rises(best[index], candidate)):
                    best[index] = candidate
                    improved.append(index)
            kept = without_duplicates(list(best.values()), self.recording.sampling_rate, self.settings)
            best = {index: candidate for index, candidate in best.items() if candidate in kept}
            alive = [index for index in improved if index in best]
            if not alive:
                break
            vectors = np.stack([self.mean_vector(best[index].discharges.samples) for index in alive], axis=1)
        return [best[index] for index in sorted(best)]

    def candidate_at(self, samples: np.ndarray) -> Candidate | None:
        """Return the best candidate refined from the discharges `samples`; None where there is none."""
        refined = self.refine(self.mean_vector(samples)[:, None])
        return refined[0] if refined else None

    def candidate_of(self, signal_filter: np.ndarray) -> Candidate | None:
        """Return the best candidate refined from a filter in signal space, shape (channels, extension)."""
        rows = signal_filter[self.good].T.reshape(-1, 1) * self.scale
        discharges = detect_discharges(self.signal.apply(rows)[:, 0], self.recording.sampling_rate)
        return self.candidate_at(discharges.samples) if discharges else None

    def mean_vector(self, samples: np.ndarray) -> np.ndarray:
        """Return the unit-length mean of the whitened observation at `samples`."""
        return unit_length(self.whitening.T @ self.signal.at(samples).mean(axis=0))

    def candidates(self, vectors: np.ndarray) -> list[Candidate | None]:
        """Detect the discharges of each vector's source; None where a source has no two classes."""
        result: list[Candidate | None] = []
        filters = self.whitening @ vectors
        sources = np.ascontiguousarray(self.signal.apply(filters).T)
        for row, source in zip(filters.T, sources, strict=True):
            sign = np.sign(np.mean(source * source * source)) or np.float32(1)
            discharges = detect_discharges(sign * source, self.recording.sampling_rate)
            if discharges is None:
                result.append(None)
            else:
                heights = sign * source[discharges.samples]
                result.append(Candidate(sign * row, discharges, heights))
        return result

    def collect(self, candidates: list[Candidate]) -> Decomposition:
        """Make a decomposition of the candidates, numbered by first discharge, with a row for each."""
        rate, settings, name = self.recording.sampling_rate, self.settings, self.recording.name
        accepted = [c for c in candidates if not rejection(c.discharges, rate, settings)]
        units = without_duplicates(accepted, rate, settings)
        units.sort(key=lambda c: (c.discharges.samples[0], -c.discharges.silhouette))
        named = {f"MU{number:02d}": unit for number, unit in enumerate(units, 1)}
        corrected, corrections = _corrected(named, rate)
        rows = [describe(unit_id, unit.discharges, rate, "", name) for unit_id, unit in corrected.items()]
        others = [c for c in candidates if not any(c is unit for unit in units)]
        for number, other in enumerate(others, 1):
            reason = rejection(other.discharges, rate, settings) or "duplicate of an accepted motor unit"
            rows.append(describe(f"rejected{number:02d}", other.discharges, rate, reason, name))
        return Decomposition(
            recording=name,
            sampling_rate=rate,
            n_samples=self.recording.n_samples,
            discharges={name: unit.discharges.samples for name, unit in corrected.items()},
            sources={name: unit.heights for name, unit in corrected.items()},
            filters=self.signal_filters(list(corrected.values())),
            quality=pd.DataFrame(rows),
            corrections=corrections,
        )

    def signal_filters(self, units: list[Candidate]) -> np.ndarray:
        """Return the filters of `units` in signal space, shape (units, channels, extension)."""
        filters = np.zeros((len(units), len(self.good), self.extension), np.float32)
        for index, unit in enumerate(units):
            filters[index, self.good] = unit.filter.reshape(self.extension, -1).T / self.scale
        return filters


def explains(discharges: Discharges, sampling_rate: float, settings: DecompositionSettings) -> bool:
    """Return whether a source is good enough to be subtracted before the next stage."""
    lax = replace(settings, minimal_silhouette=settings.explaining_silhouette, minimal_probability=0)
    return not rejection(discharges, sampling_rate, lax)


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
    for candidate in sorted(candidates, key=lambda c: -c.discharges.silhouette):
        agreements = (
            rate_of_agreement(candidate.discharges.samples, other.discharges.samples, sampling_rate)
            for other in kept
        )
        if all(agreement <= settings.duplicate_agreement for agreement in agreements):
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
    plain, successive = interval_variability(discharges.samples, sampling_rate)
    return {
        "unit_id": unit_id,
        "accepted": reason == "",
        "reason": reason or None,
        "n_discharges": len(discharges.samples),
        "silhouette": discharges.silhouette,
        "pulse_to_noise_ratio": discharges.pulse_to_noise_ratio,
        "cov_isi": plain,
        "successive_cov_isi": successive,
        "short_intervals": short_interval_share(discharges.samples, sampling_rate),
        "height_variability": discharges.height_variability,
        "probability": probability_right(discharges, sampling_rate),
        "origin": origin,
        "potential_similarity": similarity,
    }


def _rises(old: Candidate, new: Candidate) -> bool:
    return new.discharges.silhouette > old.discharges.silhouette + 1e-3


def _corrected(
    units: dict[str, Candidate], sampling_rate: float
) -> tuple[dict[str, Candidate], pd.DataFrame]:
    """Return the units with corrected discharges, and the log of the corrections, schema ``corrections``."""
    corrected, logs = {}, [pd.DataFrame(columns=COLUMNS)]
    for unit_id, unit in units.items():
        samples = unit.discharges.samples
        kept, log = correct_discharges(unit_id, samples, sampling_rate)
        corrected[unit_id] = replace(
            unit, discharges=replace(unit.discharges, samples=samples[kept]), heights=unit.heights[kept]
        )
        if len(log):
            logs.append(log)
    return corrected, pd.concat(logs, ignore_index=True)
