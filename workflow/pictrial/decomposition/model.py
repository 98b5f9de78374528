"""What a decomposition is, everywhere in the package."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Decomposition:
    """The motor units of one recording.

    Attributes
    ----------
    recording : str
        Name of the recording.
    sampling_rate : float
        Hz.
    n_samples : int
        Length of the recording.
    discharges : dict of str to ndarray of int64
        For each motor unit its discharges as ascending sample indices.
    sources : dict of str to ndarray of float32
        For each motor unit the value of its source at each of its discharges.
    filters : ndarray of float32, shape (units, channels, extension)
        Separation filters in signal space, in the order of `discharges`:
        ``source[t] = sum_{c,r} filter[c, r] * emg[c, t - r]`` of the EMG without the other units (see
        :func:`pictrial.decomposition.joint.sources_of`); channels that were left out have zeros.
    quality : DataFrame
        One row per motor unit, schema ``quality_units``.
    corrections : DataFrame
        Discharges removed, doublets, pauses and split trains, schema ``corrections``; empty where nobody
        looked for any.
    """

    recording: str
    sampling_rate: float
    n_samples: int
    discharges: dict[str, np.ndarray]
    sources: dict[str, np.ndarray]
    filters: np.ndarray
    quality: pd.DataFrame
    corrections: pd.DataFrame = field(default_factory=pd.DataFrame)
