"""Shape of the smoothed rate of a motor unit on the way up: how far it bends above a straight line.

Persistent inward currents make the rate rise steeply after recruitment and little afterwards (Beauchamp
et al. 2023, J Neural Eng 20:016034). Rate against torque, from recruitment to the peak rate, is compared
with the straight line between these two points, the hypotenuse of a right triangle.
"""

from dataclasses import dataclass

import numpy as np

from pictrial.motor_units.discharge_trains import SmoothedRate

#: Points at which the smoothed rate is read, evenly from recruitment to derecruitment.
GRID = 10_000
#: A higher brace height (%) is no shape of a rate but torque that fell below that at recruitment.
HIGHEST_BRACE_HEIGHT = 200.0

_SLOPES = ("acceleration_slope", "attenuation_slope", "brace_angle")


@dataclass(frozen=True)
class RateShape:
    """Shape of one smoothed rate; NaN where it has none.

    Attributes
    ----------
    peak_rate, peak_rate_time : float
        Highest rate in pps and its time in s.
    brace_height : float
        Greatest height of the rate above the straight line, in % of the right triangle's height.
    acceleration_slope, attenuation_slope : float
        Slope from recruitment to the brace point, where that height is reached, and from there to the
        peak rate, in pps per % MVC.
    brace_angle : float
        Angle in degrees between the two slopes at the brace point, with rate and torque scaled to 0–1: 180
        where the rate follows the straight line, 90 where it follows the legs of the triangle.
    shape_excluded : str or None
        Reasons not to use the shape, separated by semicolons. The values stay.
    """

    peak_rate: float
    peak_rate_time: float
    brace_height: float
    acceleration_slope: float
    attenuation_slope: float
    brace_angle: float
    shape_excluded: str | None


def describe_shape(rate: SmoothedRate, torque: np.ndarray, sampling_rate: float) -> RateShape:
    """Describe the shape of a smoothed rate from recruitment to its peak.

    With torque and rate scaled to u and v, 0 at recruitment and 1 at the peak rate,
    ``brace_height = 100 max(v - u)``. This is the perpendicular distance of the rate from the hypotenuse over
    that of the right angle, whatever the units: both distances are (v − u) times the same length.

    Parameters
    ----------
    rate : SmoothedRate
        In pps; times from the start of `torque`.
    torque : ndarray, shape (samples,)
        In % MVC.
    sampling_rate : float
        Of `torque`, Hz.

    Returns
    -------
    RateShape
        With these reasons in `shape_excluded`: ``no_rise``, the rate is highest at recruitment;
        ``torque_not_rising``, it is not higher at the peak rate than at recruitment;
        ``peak_rate_after_peak_torque``; ``rate_missing``, the smoothed rate has a gap on the way up;
        ``no_brace_point``, the rate is nowhere above the line: the brace height is 0, and there are no
        slopes; ``negative_acceleration``; ``brace_height_above_200``.
    """
    times = np.linspace(rate.recruitment, rate.derecruitment, GRID)
    rates = rate(times)
    peak = int(np.nanargmax(rates))
    limb_torque = np.interp(times[: peak + 1], np.arange(len(torque)) / sampling_rate, torque)
    reasons = {
        "no_rise": peak == 0,
        "torque_not_rising": peak > 0 and not limb_torque[-1] > limb_torque[0],
        "peak_rate_after_peak_torque": times[peak] > np.argmax(torque) / sampling_rate,
        "rate_missing": bool(np.isnan(rates[:peak]).any()),
    }
    values = dict.fromkeys(("brace_height", *_SLOPES), np.nan)
    if not (reasons["no_rise"] or reasons["torque_not_rising"]):
        values = _brace(limb_torque, rates[: peak + 1])
        reasons["no_brace_point"] = bool(np.isnan(values["brace_angle"]))
        reasons["negative_acceleration"] = values["acceleration_slope"] < 0
        reasons["brace_height_above_200"] = values["brace_height"] > HIGHEST_BRACE_HEIGHT
    excluded = ";".join(reason for reason, holds in reasons.items() if holds) or None
    return RateShape(rates[peak], times[peak], **values, shape_excluded=excluded)


def _brace(torque: np.ndarray, rates: np.ndarray) -> dict[str, float]:
    """Return brace height, slopes and angle of the limb, whose last point is its highest rate."""
    torque_rise, rate_rise = torque[-1] - torque[0], rates[-1] - rates[0]
    u, v = (torque - torque[0]) / torque_rise, (rates - rates[0]) / rate_rise
    brace = int(np.nanargmax(v - u))
    runs, rises = np.array([u[brace], 1 - u[brace]]), np.array([v[brace], 1 - v[brace]])
    measures = {"brace_height": 100 * (v[brace] - u[brace])}
    if runs[0] == 0:
        return measures | dict.fromkeys(_SLOPES, np.nan)
    slopes = rises / runs * rate_rise / torque_rise
    directions = np.degrees(np.arctan2(rises, runs))
    angle = (180 - directions[0] + directions[1]) % 360
    return measures | dict(zip(_SLOPES, (*slopes, angle), strict=True))
