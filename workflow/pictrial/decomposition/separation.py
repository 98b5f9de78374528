"""Convolutive blind source separation: from EMG to motor units.

After Negro et al. 2016 (J Neural Eng 13:026027): extend, whiten, find sparse sources by a fixed
point, refine each on its own discharges, drop duplicates, and go again where the units found so far
explain nothing. Many sources are iterated at once as one bank of filters (see `extension`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import rate_of_agreement
from pictrial.decomposition.extension import ExtendedSignal, whitening_matrix
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import Discharges, detect_discharges, interval_variability
from pictrial.decomposition.starts import Starts, active_instants
from pictrial.errors import InputError
from pictrial.recordings.model import Recording


@dataclass(frozen=True)
class DecompositionSettings:
    """Settings of the decomposition.

    Attributes
    ----------
    extended_channels : int
        Rows of the extended observation to reach; the extension is this over the number of channels.
    rounds, starts : int
        Rounds, and starts in each.
    iterations : int
        Most fixed-point iterations of a start.
    tolerance : float
        A start has converged when its filter turns by less than this (1 − |cosine|).
    same_filter : float
        Starts whose filters have an absolute cosine above this are one.
    refinements : int
        Most refinements of a source on its own discharges.
    minimal_silhouette : float
        A motor unit is accepted from this silhouette on.
    maximal_interval_variability : float
        ... up to this successive coefficient of variation of the inter-spike intervals.
    minimal_discharges : int
        ... and from this number of discharges on.
    duplicate_agreement : float
        Trains whose rate of agreement is above this are one motor unit.
    """

    extended_channels: int = 1000
    rounds: int = 4
    starts: int = 48
    iterations: int = 6
    tolerance: float = 1e-4
    same_filter: float = 0.9
    refinements: int = 8
    minimal_silhouette: float = 0.9
    explaining_silhouette: float = 0.85
    maximal_interval_variability: float = 0.3
    minimal_discharges: int = 20
    duplicate_agreement: float = 0.3


@dataclass(frozen=True)
class Candidate:
    """A source that may be a motor unit.

    `vector` is its unit-length separation vector in the whitened space, shape (components,).
    """

    vector: np.ndarray
    discharges: Discharges
    heights: np.ndarray


def decompose(recording: Recording, good: np.ndarray, settings: DecompositionSettings) -> Decomposition:
    """Decompose a conditioned recording into motor units.

    Nothing in it is random: see `starts`.

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
    separator = Separator(recording, good, settings)
    candidates: list[Candidate] = []
    for _ in range(settings.rounds):
        explained = [c for c in candidates if c.discharges.silhouette >= settings.explaining_silhouette]
        candidates += separator.search(without_duplicates(explained, recording.sampling_rate, settings))
    decomposition = separator.collect(candidates)
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
    """One recording, extended and whitened, in which sources can be searched and applied."""

    def __init__(self, recording: Recording, good: np.ndarray, settings: DecompositionSettings):
        self.recording, self.good, self.settings = recording, good, settings
        emg = recording.emg[good]
        # All channels count: the recordings of a participant share the extension, whichever are bad.
        self.extension = max(1, round(settings.extended_channels / len(recording.emg)))
        # Unit scale keeps float32 sums well conditioned, whatever the amplifier.
        self.scale = np.float32(np.sqrt(np.mean(np.square(emg, dtype=np.float64))))
        self.signal = ExtendedSignal(emg / self.scale, self.extension)
        self.whitening = whitening_matrix(self.signal.covariance())

    @cached_property
    def starts(self) -> Starts:
        """Instants from which to search; not needed where filters are reused."""
        instants = active_instants(self.recording.emg[self.good] / self.scale, self.extension)
        return Starts(instants, self.whitened(instants))

    def sources(self, vectors: np.ndarray) -> np.ndarray:
        """Return the sources, shape (samples, vectors), of whitened separation vectors."""
        return self.signal.apply(self.whitening @ vectors)

    def whitened(self, instants: np.ndarray) -> np.ndarray:
        """Return the whitened observation at `instants`, shape (components, instants)."""
        return (self.signal.at(instants) @ self.whitening).T

    def search(self, found: list[Candidate]) -> list[Candidate]:
        """Search for sources that those in `found` do not explain, and refine them."""
        for candidate in found:
            self.starts.exclude(candidate.discharges.samples, self.extension, self.extension // 2)
        vectors = self.starts.take(self.settings.starts)
        return self.refine(self._fixed_point(vectors, found)) if vectors.size else []

    def _fixed_point(self, vectors: np.ndarray, found: list[Candidate]) -> np.ndarray:
        """Iterate FastICA's fixed point with the contrast of skewness (Negro et al. 2016, eq. 9).

        Sources that were found already are projected out of each step; starts that meet are merged.
        """
        known = np.linalg.qr(np.stack([c.vector for c in found], axis=1))[0] if found else None
        converged: list[np.ndarray] = []
        for _ in range(self.settings.iterations):
            sources = self.sources(vectors)
            gain = 2 * sources.mean(axis=0)
            new = self.whitening.T @ self.signal.correlate(np.square(sources)) - gain * vectors
            if known is not None:
                new = new - known @ (known.T @ new)
            new = _unit_length(new)
            moved = 1 - np.abs(np.sum(new * vectors, axis=0)) > self.settings.tolerance
            converged += list(new[:, ~moved].T)
            vectors = self._distinct(new[:, moved], converged)
            if vectors.shape[1] == 0:
                break
        return self._distinct(np.stack([*converged, *vectors.T], axis=1), [])

    def _distinct(self, vectors: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
        kept: list[np.ndarray] = []
        for vector in vectors.T:
            rivals = kept + others
            if not rivals or np.abs(np.stack(rivals) @ vector).max() < self.settings.same_filter:
                kept.append(vector)
        return np.stack(kept, axis=1) if kept else vectors[:, :0]

    def refine(self, vectors: np.ndarray) -> list[Candidate]:
        """Re-estimate each vector as the mean whitened observation at its discharges.

        Repeated until the silhouette stops rising; the best of each is returned, in the order given.
        """
        best: dict[int, Candidate] = {}
        alive = list(range(vectors.shape[1]))
        for _ in range(self.settings.refinements):
            improved = []
            for index, candidate in zip(alive, self.candidates(vectors), strict=True):
                if candidate and (index not in best or _rises(best[index], candidate)):
                    best[index] = candidate
                    improved.append(index)
            if not improved:
                break
            alive = improved
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
        return _unit_length(self.whitened(samples).mean(axis=1, keepdims=True))[:, 0]

    def candidates(self, vectors: np.ndarray) -> list[Candidate | None]:
        """Detect the discharges of each vector's source; None where a source has no two classes."""
        result: list[Candidate | None] = []
        for vector, source in zip(vectors.T, self.sources(vectors).T, strict=True):
            sign = np.sign(np.mean(source**3)) or np.float32(1)
            discharges = detect_discharges(sign * source, self.recording.sampling_rate)
            if discharges is None:
                result.append(None)
            else:
                heights = sign * source[discharges.samples]
                result.append(Candidate(sign * vector, discharges, heights))
        return result

    def collect(self, candidates: list[Candidate]) -> Decomposition:
        """Make a decomposition of the candidates, numbered by first discharge, with a row for each."""
        rate, settings, name = self.recording.sampling_rate, self.settings, self.recording.name
        accepted = [c for c in candidates if not rejection(c.discharges, rate, settings)]
        units = without_duplicates(accepted, rate, settings)
        units.sort(key=lambda c: (c.discharges.samples[0], -c.discharges.silhouette))
        rows = [
            describe(f"MU{number:02d}", c.discharges, rate, "", name) for number, c in enumerate(units, 1)
        ]
        others = [c for c in candidates if not any(c is unit for unit in units)]
        for number, other in enumerate(others, 1):
            reason = rejection(other.discharges, rate, settings) or "duplicate of an accepted motor unit"
            rows.append(describe(f"rejected{number:02d}", other.discharges, rate, reason, name))
        names = [f"MU{number:02d}" for number in range(1, len(units) + 1)]
        return Decomposition(
            recording=self.recording.name,
            sampling_rate=rate,
            n_samples=self.recording.n_samples,
            discharges={name: unit.discharges.samples for name, unit in zip(names, units, strict=True)},
            sources={name: unit.heights for name, unit in zip(names, units, strict=True)},
            filters=self.signal_filters(units),
            quality=pd.DataFrame(rows),
        )

    def signal_filters(self, units: list[Candidate]) -> np.ndarray:
        """Return the filters of `units` in signal space, shape (units, channels, extension)."""
        filters = np.zeros((len(units), len(self.good), self.extension), np.float32)
        for index, unit in enumerate(units):
            filters[index, self.good] = (self.whitening @ unit.vector).reshape(
                self.extension, -1
            ).T / self.scale
        return filters


def rejection(discharges: Discharges, sampling_rate: float, settings: DecompositionSettings) -> str:
    """Return why a candidate is no motor unit; an empty string where it is accepted."""
    variability = interval_variability(discharges.samples, sampling_rate)[1]
    reasons = []
    if len(discharges.samples) < settings.minimal_discharges:
        reasons.append(f"{len(discharges.samples)} discharges, {settings.minimal_discharges} needed")
    if not discharges.silhouette >= settings.minimal_silhouette:
        reasons.append(f"silhouette {discharges.silhouette:.3f}, {settings.minimal_silhouette} needed")
    if not variability <= settings.maximal_interval_variability:
        reasons.append(
            f"variability of intervals {variability:.2f}, {settings.maximal_interval_variability} allowed"
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
        "origin": origin,
        "potential_similarity": similarity,
    }


def _rises(old: Candidate, new: Candidate) -> bool:
    return new.discharges.silhouette > old.discharges.silhouette + 1e-3


def _unit_length(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=0)
