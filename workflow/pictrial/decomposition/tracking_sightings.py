"""What the ways of tracking share: settings, sightings of motor units, and which of them are one unit."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from pictrial.decomposition.agreement import LARGEST_LAG, rate_of_agreement
from pictrial.decomposition.model import Decomposition
from pictrial.decomposition.potentials import (
    AFTER,
    BEFORE,
    LARGEST_SHIFT,
    potential_reliability,
    potential_similarity,
    spike_triggered_average,
)
from pictrial.decomposition.quality import Discharges
from pictrial.errors import InputError
from pictrial.recordings.model import Recording

METHODS = ("combined", "filters", "potentials", "joint")
WHITENINGS = ("source", "pooled", "target")
#: A motor unit of one recording's decomposition: name of the recording, name of the unit there.
Origin = tuple[str, str]
#: s; far more than discharges that agree may differ, far less than an interval.
BIN = 0.004


@dataclass(frozen=True)
class TrackingSettings:
    """Settings of the tracking.

    Attributes
    ----------
    method : str
        ``potentials``: match the potentials of what the decompositions found; ``combined``: then look for
        what is missing in a recording by the filters of the others; ``filters``: reuse filters only;
        ``joint``: decompose all recordings as one.
    whitening : str
        For ``filters``, whose covariance a reused filter takes: that of its own recording (``source``), the
        mean over recordings (``pooled``), or that of the recording to which it is applied (``target``).
    minimal_similarity : float
        Least correlation of a unit's potentials in two recordings, as a share of what the noise of the
        averages lets one expect; not asked by ``joint``.
    minimal_height : float
        Where a filter of another recording finds a unit, least height of its peaks, relative to that in the
        recording where the filter comes from. Below it the unit was not recruited: the peaks are others'.
    """

    method: str = "combined"
    whitening: str = "target"
    minimal_similarity: float = 0.85
    minimal_height: float = 0.3

    def __post_init__(self):
        for name, known in (("method", METHODS), ("whitening", WHITENINGS)):
            value = getattr(self, name)
            if value not in known:
                raise InputError(f"tracking.{name}", f"{value!r} is unknown", f"Choose {', '.join(known)}.")


@dataclass(frozen=True)
class Sighting:
    """A motor unit of one recording, as it is seen in this or another recording.

    Attributes
    ----------
    origin : tuple of str
        Recording in whose decomposition the unit was found, and its name there.
    recording : int
        Index of the recording in which it is seen.
    reason : str
        Why it does not count as the same unit there; empty where it does.
    discharges : Discharges or None
        None where the source has none.
    heights : ndarray of float32, shape (discharges,)
        Source at the discharges.
    signal_filter : ndarray of float32, shape (channels, extension)
        Separation filter in signal space.
    similarity : float
        Of its potential to that in the origin.
    """

    origin: Origin
    recording: int
    reason: str
    discharges: Discharges | None = None
    heights: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    signal_filter: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    similarity: float = 1.0

    @property
    def samples(self) -> np.ndarray:
        """Discharges as sample indices."""
        return self.discharges.samples if self.discharges else np.empty(0, np.int64)

    @property
    def silhouette(self) -> float:
        """Silhouette; −1 where there are no discharges."""
        return self.discharges.silhouette if self.discharges else -1.0


def own_sightings(index: int, decomposition: Decomposition) -> list[Sighting]:
    """Return the units of recording `index` as its own decomposition sees them."""
    quality = decomposition.quality.set_index("unit_id")
    return [
        Sighting(
            (decomposition.recording, unit),
            index,
            "",
            Discharges(
                samples,
                float(quality.at[unit, "silhouette"]),
                float(quality.at[unit, "pulse_to_noise_ratio"]),
                float(quality.at[unit, "height_variability"]),
            ),
            decomposition.sources[unit],
            decomposition.filters[number],
        )
        for number, (unit, samples) in enumerate(decomposition.discharges.items())
    ]


@dataclass(frozen=True)
class Potentials:
    """Spike-triggered averages of the motor units of one recording.

    Attributes
    ----------
    averages : ndarray, shape (units, channels, window)
        µV.
    reliabilities : ndarray, shape (units,)
        Split-half reliability of each.
    """

    averages: np.ndarray
    reliabilities: np.ndarray

    def of(self, units: list[int]) -> "Potentials":
        """Return those of some units, given by their indices."""
        return Potentials(self.averages[units], self.reliabilities[units])


def potentials_of(recording: Recording, good: np.ndarray, trains: list[np.ndarray]) -> Potentials:
    """Return the potentials of several trains in the good channels of a recording.

    The window is moved to where the average has most energy: filters of one unit may differ in their delay.
    """
    emg, rate = recording.emg[good], recording.sampling_rate
    window = round(BEFORE * rate) + round(AFTER * rate)
    averages, reliabilities = np.zeros((len(trains), len(emg), window)), np.zeros(len(trains))
    for number, train in enumerate(trains):
        halves = [spike_triggered_average(emg, train[start::2], rate, LARGEST_SHIFT) for start in (0, 1)]
        energy = np.square(halves[0] + halves[1]).sum(axis=0)
        start = int(np.convolve(energy, np.ones(window), mode="valid").argmax())
        odd, even = (half[:, start : start + window] for half in halves)
        averages[number] = (odd + even) / 2
        reliabilities[number] = potential_reliability(odd, even)
    return Potentials(averages, reliabilities)


def stacked(potentials: list[Potentials]) -> Potentials:
    """Return the potentials of several recordings as one stack."""
    return Potentials(
        np.concatenate([p.averages for p in potentials]),
        np.concatenate([p.reliabilities for p in potentials]),
    )


def similarities(a: Potentials, b: Potentials, sampling_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how similar the potentials are, and how similar one unit's would be: its noise ceiling.

    Returns
    -------
    similarity, ceiling : ndarray, shape (units of a, units of b)
    """
    similarity = potential_similarity(a.averages[:, None], b.averages[None], sampling_rate)
    return similarity, np.sqrt(np.outer(a.reliabilities, b.reliabilities))


def agreeing(
    trains: list[np.ndarray], sampling_rate: float, agreement: float
) -> list[tuple[int, int, float]]:
    """Return the pairs of trains whose rate of agreement is above `agreement`, and that rate.

    Most pairs are ruled out by a bound: trains in bins of :data:`BIN`, one shifted against the other by
    whole bins, have at least as many bins in common, counted over three neighbouring shifts.
    """
    if not trains:
        return []
    width = round(BIN * sampling_rate)
    shifts = round(LARGEST_LAG * sampling_rate) // width + 2
    binned = np.zeros(
        (len(trains), max(train.max(initial=0) for train in trains) // width + 1 + shifts), np.float32
    )
    for row, train in zip(binned, trains, strict=True):
        np.add.at(row, train // width, 1)
    forward = np.stack(
        [binned[:, shift:] @ binned[:, : binned.shape[1] - shift].T for shift in range(shifts)]
    )
    counts = np.concatenate([forward[:0:-1].transpose(0, 2, 1), forward])
    common = (counts[:-2] + counts[1:-1] + counts[2:]).max(axis=0)
    lengths = np.array([len(train) for train in trains])
    total = lengths[:, None] + lengths[None]
    result = []
    for i, j in zip(*np.triu(common > agreement * (total - common), 1).nonzero(), strict=True):
        rate = rate_of_agreement(trains[i], trains[j], sampling_rate)
        if rate > agreement:
            result.append((int(i), int(j), rate))
    return result


def join_units(
    units: list[Origin], links: list[tuple[float, Origin, Origin]], most_pairs: bool = False
) -> list[list[Origin]]:
    """Join units of different recordings into motor units of the participant, the strongest link first.

    Two units of one recording are never joined: they were told apart there. With `most_pairs` two groups
    are joined only where more than half of the pairs between them are linked.
    """
    linked = {frozenset(pair) for _, *pair in links}
    group_of = {unit: [unit] for unit in units}
    waiting = sorted(links, key=lambda link: (-link[0], *sorted(link[1:])))
    while waiting:
        refused = []
        for link in waiting:
            one, other = (group_of[unit] for unit in link[1:])
            joined = sorted(one + other)
            if one is other or len({recording for recording, _ in joined}) < len(joined):
                continue
            pairs = [frozenset(pair) in linked for pair in product(one, other)]
            if not most_pairs or sum(pairs) > len(pairs) / 2:
                group_of.update(dict.fromkeys(joined, joined))
            else:
                refused.append(link)
        # Groups that have grown may be joined after all.
        waiting = refused if len(refused) < len(waiting) else []
    return list({id(group): group for group in group_of.values()}.values())
