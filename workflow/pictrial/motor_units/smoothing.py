"""From the discharges of a motor unit to its smoothed discharge rate."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import polynomial

from pictrial.errors import InputError
from pictrial.motor_units.discharge_trains import (
    USUAL_LIMITS,
    DischargeLimits,
    RateUncertainty,
    SmoothedRate,
    TooFewDischarges,
    clean_train,
    train_with_rates,
)
from pictrial.motor_units.spline_rate import smooth_spline
from pictrial.motor_units.support_vector_rate import smooth_svr


def smooth_polynomial(
    times: np.ndarray,
    order: int = 5,
    interval_share: float = 0.5,
    limits: DischargeLimits = USUAL_LIMITS,
) -> SmoothedRate:
    """Fit a polynomial in time to the instantaneous discharge rate by least squares.

    Time is centred and scaled to -1…1 between the first and last discharge before the fit; in raw
    seconds high powers of time lose their digits. At the first discharge the polynomial is read before its
    first sample. That is allowed, because the unit is active there; anything earlier is NaN.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    order : int
        Of the polynomial; 5 is the habit for paired motor units.
    interval_share : float
        Where in its interval a rate belongs: 0.5, the middle, whose mean rate it is; 1, the later discharge,
        is the habit, by which every rate comes half an interval late.
    limits : DischargeLimits
        Interspike intervals that enter the fit, see :func:`clean_train`.

    Returns
    -------
    SmoothedRate
        In pps.

    Raises
    ------
    TooFewDischarges
        Where there are fewer than ``order + 2`` accepted rates.
    """
    train = train_with_rates(times, limits, order + 2)
    recruitment, derecruitment = train.times[0], train.times[-1]
    centre, half = (recruitment + derecruitment) / 2, (derecruitment - recruitment) / 2

    def powers(times: np.ndarray) -> np.ndarray:
        return polynomial.polyvander((times - centre) / half, order)

    rate_times = train.rate_times - (1 - interval_share) / train.rates
    basis, triangle = np.linalg.qr(powers(rate_times))
    coefficients = np.linalg.solve(triangle, basis.T @ train.rates)
    residuals = train.rates - basis @ (basis.T @ train.rates)
    sd = np.sqrt(residuals @ residuals / (residuals.size - order - 1))
    turn = np.linalg.inv(triangle)
    uncertainty = RateUncertainty(
        times=rate_times,
        residuals=residuals,
        noise=np.full(residuals.size, sd),
        weights=lambda times: powers(times) @ turn @ basis.T,
        spread=lambda times: powers(times) @ turn * sd,
    )
    return SmoothedRate(
        float(recruitment), float(derecruitment), lambda times: powers(times) @ coefficients, uncertainty
    )


def smooth_hanning(
    times: np.ndarray, width: float = 0.4, limits: DischargeLimits = USUAL_LIMITS
) -> SmoothedRate:
    """Smooth the train of discharges with a Hanning window of unit area.

    ``rate(t) = sum_i (1 + cos(2 pi (t - t_i) / width)) / width`` over the discharges within half a
    width of t. Within half a width of the first and last discharge the window is partly empty and the
    rate too low.

    Parameters
    ----------
    times : ndarray, shape (discharges,)
        Ascending discharge times in s.
    width : float
        Full width of the window in s; 400 ms is the habit.
    limits : DischargeLimits
        A discharge that follows another within `isi_min` is not counted.

    Returns
    -------
    SmoothedRate
        In pps.

    Raises
    ------
    TooFewDischarges
        Where the train is shorter than the window.
    """
    train = clean_train(times, limits)
    if train.times.size < 2 or train.times[-1] - train.times[0] < width:
        raise TooFewDischarges(f"too_few_discharges: they span less than the window of {width:g} s")

    start = train.times[0]
    # Sums of the window's cosine over discharges are differences of one running sum of exponentials.
    turns = np.exp(-2j * np.pi * (train.regular - start) / width)
    running = np.concatenate([[0], np.cumsum(turns)])

    def formula(times: np.ndarray) -> np.ndarray:
        before = np.searchsorted(train.regular, times - width / 2)
        until = np.searchsorted(train.regular, times + width / 2, "right")
        cosines = np.exp(2j * np.pi * (times - start) / width) * (running[until] - running[before])
        return (until - before + cosines.real) / width

    return SmoothedRate(float(train.times[0]), float(train.times[-1]), formula)


SMOOTHERS: dict[str, Callable[..., SmoothedRate]] = {
    "polynomial": smooth_polynomial,
    "hanning": smooth_hanning,
    "svr": smooth_svr,
    "spline": smooth_spline,
}


def constants_of(smoother: str) -> dict[str, float]:
    """Return the constants of a smoother and their defaults."""
    parameters = inspect.signature(SMOOTHERS[smoother]).parameters.values()
    return {entry.name: entry.default for entry in parameters if entry.name not in ("times", "limits")}


@dataclass(frozen=True)
class RateSettings:
    """How discharge rates are smoothed: the keys of ``motor_units`` in the configuration.

    Attributes
    ----------
    smoother : str
        A name in :data:`SMOOTHERS`.
    smoothers : mapping of str to mapping
        For a smoother those of its constants that are not the defaults of its function.
    limits : DischargeLimits
        Interspike intervals that count.

    Raises
    ------
    InputError
        Where a smoother or one of its constants is unknown.
    """

    smoother: str = "spline"
    smoothers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    limits: DischargeLimits = USUAL_LIMITS

    def __post_init__(self):
        for name in (self.smoother, *self.smoothers):
            if name not in SMOOTHERS:
                choices = f"Choose from {', '.join(SMOOTHERS)}."
                raise InputError(f"smoother {name!r}", "it is unknown", choices)
            known = constants_of(name)
            for constant in self.smoothers.get(name, {}):
                if constant not in known:
                    choices = f"Choose from {', '.join(known)}."
                    raise InputError(f"smoother {name!r}", f"it has no constant {constant!r}", choices)

    @classmethod
    def configured(cls, motor_units: Mapping) -> "RateSettings":
        """Return the settings of a section ``motor_units`` of the configuration."""
        given = {name: motor_units[name] for name in ("smoother", "smoothers") if name in motor_units}
        return cls(**given, limits=DischargeLimits(**motor_units.get("limits", {})))

    @property
    def constants(self) -> dict[str, float]:
        """The constants of the smoother in use."""
        return constants_of(self.smoother) | dict(self.smoothers.get(self.smoother, {}))

    def smooth(self, times: np.ndarray) -> SmoothedRate:
        """Return the smoothed rate of one train of ascending discharge times (s)."""
        return SMOOTHERS[self.smoother](times, limits=self.limits, **self.constants)


USUAL_RATES = RateSettings()


def smooth_units(
    discharges: dict[str, np.ndarray], rates: RateSettings = USUAL_RATES
) -> dict[str, SmoothedRate | TooFewDischarges]:
    """Smooth the rate of every motor unit; a unit that cannot be smoothed carries the reason instead.

    Parameters
    ----------
    discharges : dict of str to ndarray
        For each motor unit its ascending discharge times in s.
    rates : RateSettings
        How.

    Raises
    ------
    InputError
        Where discharges do not ascend.
    """
    smoothed: dict[str, SmoothedRate | TooFewDischarges] = {}
    for unit, times in discharges.items():
        try:
            smoothed[unit] = rates.smooth(times)
        except TooFewDischarges as reason:
            smoothed[unit] = reason
        except InputError as error:
            raise InputError(f"motor unit {unit}, {error.where}", error.rule, error.remedy) from error
    return smoothed
