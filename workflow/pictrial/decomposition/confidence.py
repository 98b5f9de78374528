"""How sure a motor unit is: the probability that its train is right.

Logistic regression on what can be seen of a train without knowing the truth, fitted on the simulated
recordings for tuning and judged on those held back (benchmarks/confidence.py; docs/decomposition.md has the
calibration). Right means a rate of agreement with the true train of at least 0.9.
"""

import numpy as np

from pictrial.decomposition.quality import Discharges, interval_variability, short_interval_share

#: As written by benchmarks/confidence.py.
INTERCEPT = -5.357
COEFFICIENTS = {
    "silhouette": 0.5525,
    "height_variability": -0.9208,
    "short_intervals": -97.3795,
    "successive_variability": -21.5629,
    "robust_variability": 5.5847,
    "number": 1.8316,
}


def features(discharges: Discharges, sampling_rate: float) -> dict[str, float]:
    """Return what the probability is made of, by the names of `COEFFICIENTS`."""
    _, successive, robust = interval_variability(discharges.samples, sampling_rate)
    return {
        "silhouette": -np.log(max(1 - discharges.silhouette, 1e-3)),
        "height_variability": np.log(max(discharges.height_variability, 1e-2)),
        "short_intervals": short_interval_share(discharges.samples, sampling_rate),
        "successive_variability": successive,
        "robust_variability": robust,
        "number": np.log(max(len(discharges.samples), 1)),
    }


def probability_right(discharges: Discharges, sampling_rate: float) -> float:
    """Return the probability that a train agrees with the true one by at least 0.9.

    Returns
    -------
    float
        NaN where a feature is unknown, as the heights are in a train that was edited.
    """
    values = features(discharges, sampling_rate)
    logit = INTERCEPT + sum(COEFFICIENTS[name] * value for name, value in values.items())
    return float(1 / (1 + np.exp(-logit)))
