"""Convolutive blind source separation: from EMG to motor units.

After Negro et al. 2016 (J Neural Eng 13:026027): extend, whiten, find sparse sources by a fixed point,
refine each on its own discharges. Then all units found so far are estimated jointly, subtracted, and the
search goes on in what they leave, stage by stage.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from pictrial.decomposition.agreement import agree
from pictrial.decomposition.candidates import (
    Candidate,
    DecompositionSettings,
    describe,
    explains,
    rejection,
    seems_merged,
    with_corrections,
    without_duplicates,
)
from pictrial.decomposition.extension import ExtendedSignal, whitening_matrix
from pictrial.decomposition.joint import JointSources
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.quality import detect_discharges
from pictrial.decomposition.search import active_instants, search_instants, split_in_two, unit_length
from pictrial.errors import InputError
from pictrial.recordings.model import Recording

#: Furthest that discharges are moved, so that the filter's window holds most of the potential (s).
LARGEST_MOVE = 0.005
#: White noise to expect in every row of the extended signal, whose mean square is 1.
FLOOR = 1e-3


def decompose(
    recording: Recording, good: np.ndarray, settings: DecompositionSettings, threads: int = 1
) -> Decomposition:
    """Decompose a conditioned recording into motor units.

    Nothing in it is random: see `search`.

    Parameters
    ----------
    recording : Recording
        Conditioned EMG.
    good : ndarray of bool, shape (channels,)
        Channels to use.
    settings : DecompositionSettings
    threads : int
        Threads to work on. The result does not depend on it: numerical libraries are held to one, for how
        they share a sum among threads changes its last digits.

    Returns
    -------
    Decomposition
        Accepted motor units; `quality` also has a row with a reason for every rejected candidate.

    Raises
    ------
    InputError
        Where no motor unit is accepted.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        decomposition = _decompose(Separator(recording, good, settings, threads=threads))
    if not decomposition.discharges:
        candidates = decomposition.quality
        best = candidates["silhouette"].max() if len(candidates) else float("nan")
        raise InputError(
            recording.source,
            f"no motor unit was found (best silhouette {best:.2f} of {len(candidates)} candidates, "
            f"{settings.minimal_silhouette} needed)",
            "Look at the signal quality of the recording, or exclude it in the plan with a reason.",
        )
    return decomposition


def _decompose(whole: "Separator") -> Decomposition:
    """Find units stage by stage, each in what those before leave."""
    settings, rate = whole.settings, whole.recording.sampling_rate
    residual = whole
    units: list[Candidate] = []
    dropped: list[Candidate] = []
    for _ in range(settings.stages):
        candidates = residual.search()
        new = whole.novel([c for c in candidates if explains(c.discharges, rate, settings)], units)
        if not new:
            break
        estimated, residual = whole.jointly(units + new)
        units = [u for u in estimated if explains(u.discharges, rate, settings)]
        dropped += [u for u in estimated if u not in units]
    return whole.collect(units, dropped + candidates)


class Separator:
    """One recording, extended and whitened, in which sources can be searched and applied.

    `covariance` is that of its extended EMG in µV², computed where it is not given; `within` is the whitening
    matrix of the recording that this one is the rest of.
    """

    def __init__(
        self,
        recording: Recording,
        good: np.ndarray,
        settings: DecompositionSettings,
        covariance: np.ndarray | None = None,
        threads: int = 1,
        within: np.ndarray | None = None,
    ):
        self.recording, self.good, self.settings = recording, good, settings
        emg = recording.emg[good]
        # All channels count: the recordings of a participant share the extension, whichever are bad.
        self.extension = max(1, round(settings.extended_channels / len(recording.emg)))
        # Unit scale, whatever the amplifier.
        self.scale = np.linalg.norm(emg.astype(np.float64)) / np.sqrt(emg.size)
        self._emg = emg / self.scale
        self.signal = ExtendedSignal(self._emg, self.extension, threads)
        self.covariance = self.signal.covariance() if covariance is None else covariance / self.scale**2
        self.whitening = whitening_matrix(self.covariance, within)

    def whitened(self, instants: np.ndarray) -> np.ndarray:
        """Return the whitened observation at `instants`, shape (components, instants)."""
        return (self.signal.at(instants) @ self.whitening).T

    def search(self) -> list[Candidate]:
        """Search for sources among the most active instants, and refine them on the whole signal."""
        settings = self.settings
        instants = active_instants(self._emg, self.extension)
        observations = np.ascontiguousarray(self.whitened(instants))
        vectors = search_instants(observations, settings.starts, settings.iterations, settings.candidates)
        return self.with_halves(self.refine(vectors)) if vectors.size else []

    def with_halves(self, candidates: list[Candidate]) -> list[Candidate]:
        """Add the halves of the trains that seem to be two units in one, where a half can be a unit."""
        rate, settings = self.recording.sampling_rate, self.settings
        halves = []
        for candidate in candidates:
            if seems_merged(candidate.discharges, rate, settings):
                samples = candidate.discharges.samples
                upper = split_in_two(self.whitened(samples))
                parts = [samples[upper], samples[~upper]]
                halves += [self.mean_vector(p) for p in parts if len(p) >= settings.minimal_discharges]
        if not halves:
            return candidates
        refined = self.refine(np.stack(halves, axis=1))
        return candidates + [
            replace(c, split=True) for c in refined if explains(c.discharges, rate, settings)
        ]

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
            if discharges:
                new = replace(unit, filter=row, discharges=discharges, heights=source[discharges.samples])
                unit = new if _rises(unit, new) else unit
            found.append(unit)
        emg = np.zeros_like(self.recording.emg)
        emg[self.good] = joint.residual * self.scale
        residual = replace(self.recording, emg=emg)
        covariance *= self.scale**2
        return (
            without_duplicates(found, rate, self.settings),
            Separator(
                residual, self.good, self.settings, covariance, self.signal.threads, within=self.whitening
            ),
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
        joint = JointSources(
            self._emg, trains, self.extension, self.recording.sampling_rate, self.signal.threads
        )
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
            if not any(agree(c.discharges.samples, u.discharges.samples, rate, limit) for u in units)
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

    def mean_vector(self, samples: np.ndarray) -> np.ndarray:
        """Return the unit-length mean of the whitened observation at `samples`."""
        return unit_length(self.whitening.T @ self.signal.at(samples).mean(axis=0))

    def candidates(self, vectors: np.ndarray) -> list[Candidate | None]:
        """Detect the discharges of each vector's source; None where a source has no two classes."""
        filters = self.whitening @ vectors
        sources = np.ascontiguousarray(self.signal.apply(filters).T)
        return [self._candidate(row, source) for row, source in zip(filters.T, sources, strict=True)]

    def _candidate(self, row: np.ndarray, source: np.ndarray) -> Candidate | None:
        sign = np.sign(np.mean(source * source * source)) or 1.0
        discharges = detect_discharges(sign * source, self.recording.sampling_rate)
        if discharges is None:
            return None
        return Candidate(sign * row, discharges, sign * source[discharges.samples])

    def collect(self, units: list[Candidate], others: list[Candidate]) -> Decomposition:
        """Make a decomposition of the acceptable `units`, numbered by first discharge.

        The others have a row with the reason why they are no motor unit, or whose duplicate they are.
        """
        rate, settings, name = self.recording.sampling_rate, self.settings, self.recording.name
        accepted = [u for u in units if not rejection(u.discharges, rate, settings)]
        accepted.sort(key=lambda u: (u.discharges.samples[0], -u.discharges.silhouette))
        named = {f"MU{number:02d}": unit for number, unit in enumerate(accepted, 1)}
        corrected, corrections = with_corrections(named, rate)
        final = dict(zip(corrected, self.with_joint_filters(list(corrected.values())), strict=True))
        rows = [describe(unit_id, unit.discharges, rate, "", name) for unit_id, unit in final.items()]
        for number, other in enumerate([u for u in units if u not in accepted] + others, 1):
            reason = rejection(other.discharges, rate, settings) or "duplicate of another candidate"
            rows.append(describe(f"rejected{number:02d}", other.discharges, rate, reason, name))
        return Decomposition(
            recording=name,
            sampling_rate=rate,
            n_samples=self.recording.n_samples,
            discharges={unit_id: unit.discharges.samples for unit_id, unit in final.items()},
            sources={unit_id: unit.heights.astype(np.float32) for unit_id, unit in final.items()},
            filters=self.signal_filters(list(final.values())),
            quality=pd.DataFrame(rows),
            corrections=corrections,
        )

    def signal_filters(self, units: list[Candidate]) -> np.ndarray:
        """Return the filters of `units` in signal space, shape (units, channels, extension)."""
        filters = np.zeros((len(units), len(self.good), self.extension), np.float32)
        for index, unit in enumerate(units):
            filters[index, self.good] = unit.filter.reshape(self.extension, -1).T / self.scale
        return filters


def _rises(old: Candidate, new: Candidate) -> bool:
    return new.discharges.silhouette > old.discharges.silhouette + 1e-3
