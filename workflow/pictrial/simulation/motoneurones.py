"""A pool of motoneurones whose ΔF is known in closed form.

A common drive D(t), in pps, rises and falls with the ramp. Motoneurone i is recruited when D first
reaches its threshold r_i and derecruited when D falls below r_i − h_i; in between it discharges at
``max(floor_i, m_i + g_i (D − r_i))``. For a control c and a test t the true ΔF is therefore
``g_c r_t − g_c (r_t − h_t) = g_c h_t``: the hysteresis h of the test, read in the control's gain.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pictrial.simulation.planted import of_condition
from pictrial.simulation.torque import RampSettings, low_pass_noise, ramp_drive

RATE_GRID = 512.0  # Hz; rates are linear between these instants


@dataclass(frozen=True)
class PoolSettings:
    """Motoneurone pool and its discharges; thresholds in % MVC, rates and drive in pps.

    Thresholds grow exponentially over the pool (Fuglevand, Winter & Patla 1993, eq. 1). Those above
    the ramp's peak stay silent.
    """

    n_units: int = 36
    lowest_threshold: float = 3.0
    highest_threshold: float = 60.0
    gain_sd: float = 0.07
    rate_at_recruitment: float = 8.0
    rate_at_recruitment_sd: float = 0.5
    lowest_rate: float = 3.0
    isi_cov: float = 0.12
    common_noise_sd: float = 0.25
    common_noise_cutoff: float = 2.0


@dataclass(frozen=True)
class HysteresisSettings:
    """Components of the hysteresis h, in pps: a fixed part and normal deviations.

    Each condition shifts h by its effect, scaled to Orssatto et al. (2022), times `effect_scale` so that the
    six people of the sample trial can show them.
    """

    baseline: float = 3.0
    participant_sd: float = 0.7
    unit_sd: float = 0.95
    participant_by_condition_sd: float = 0.3
    residual_sd: float = 0.6
    effects: dict[str, float] = field(
        default_factory=lambda: {"control": 0.0, "stimulation": -0.45, "relaxation": -0.40}
    )
    effect_scale: float = 2.5

    def planted_effect(self, condition: str) -> float:
        """Return by how much `condition` shifts the population's mean, pps.

        Raises
        ------
        InputError
            Where no effect is set for the condition.
        """
        return self.effect_scale * of_condition("hysteresis.effects", self.effects, condition)


@dataclass(frozen=True)
class MotoneuronePool:
    """The motoneurones of one participant, in ascending order of threshold; arrays of shape (units,).

    Attributes
    ----------
    unit_ids : tuple of str
        ``true01``, ``true02``, …
    thresholds : ndarray
        Recruitment thresholds in % MVC.
    gains : ndarray
        Discharge rate per drive, pps per pps.
    rates_at_recruitment : ndarray
        Discharge rates at recruitment in pps.
    hysteresis_deviations : ndarray
        Deviations of participant and unit from the baseline hysteresis in pps.
    """

    unit_ids: tuple[str, ...]
    thresholds: np.ndarray
    gains: np.ndarray
    rates_at_recruitment: np.ndarray
    hysteresis_deviations: np.ndarray


def draw_pool(
    settings: PoolSettings, hysteresis: HysteresisSettings, random: np.random.Generator
) -> MotoneuronePool:
    """Draw the motoneurones of a participant, the same in all sessions."""
    n = settings.n_units
    steps = (np.arange(n) + random.uniform(0, 1, n)) / n
    span = settings.highest_threshold / settings.lowest_threshold
    return MotoneuronePool(
        unit_ids=tuple(f"true{i + 1:02d}" for i in range(n)),
        thresholds=settings.lowest_threshold * span**steps,
        gains=1 + settings.gain_sd * random.standard_normal(n),
        rates_at_recruitment=settings.rate_at_recruitment
        + settings.rate_at_recruitment_sd * random.uniform(-np.sqrt(3), np.sqrt(3), n),
        hysteresis_deviations=hysteresis.participant_sd * random.standard_normal()
        + hysteresis.unit_sd * random.standard_normal(n),
    )


def draw_hysteresis(
    pool: MotoneuronePool,
    settings: HysteresisSettings,
    condition: str,
    by_condition: np.random.Generator,
    residual: np.random.Generator,
) -> np.ndarray:
    """Return the hysteresis of every motoneurone in one session, shape (units,), pps; it may be negative.

    `by_condition` is the participant's generator for the condition, `residual` that for the session.
    """
    return (
        settings.baseline
        + settings.planted_effect(condition)
        + pool.hysteresis_deviations
        + settings.participant_by_condition_sd * by_condition.standard_normal()
        + settings.residual_sd * residual.standard_normal(len(pool.unit_ids))
    )


@dataclass(frozen=True)
class TrueContraction:
    """What is true of one contraction.

    Attributes
    ----------
    units : DataFrame
        One row per motoneurone that discharges; columns of the schema ``true_units`` that do not depend
        on the recording.
    discharges : dict of str to ndarray
        For each of them its ascending discharge times in s, the first at recruitment and the last at
        derecruitment.
    """

    units: pd.DataFrame
    discharges: dict[str, np.ndarray]


def active_periods(
    recruitment_drive: np.ndarray, derecruitment_drive: np.ndarray, times: np.ndarray, drive: np.ndarray
) -> np.ndarray:
    """Return the recruitment and derecruitment time of every motoneurone.

    Parameters
    ----------
    recruitment_drive, derecruitment_drive : ndarray, shape (units,)
        Drive at which each is recruited (rising) and derecruited (falling).
    times, drive : ndarray, shape (samples,)
        Times in s, and a drive that rises to one peak and falls.

    Returns
    -------
    ndarray, shape (units, 2)
        Times in s. Both NaN for a motoneurone that stays silent because the drive reaches its
        recruitment level or exceeds its derecruitment level nowhere; the second NaN for one that still
        discharges at the end.
    """
    peak = int(np.argmax(drive))
    up = np.interp(recruitment_drive, drive[: peak + 1], times[: peak + 1], right=np.nan)
    down = np.interp(derecruitment_drive, drive[peak:][::-1], times[peak:][::-1], left=np.nan)
    silent = np.isnan(up) | (derecruitment_drive >= drive[peak])
    return np.where(silent[:, None], np.nan, np.column_stack([up, down]))


def discharge_rate(
    drive: np.ndarray, threshold: float, gain: float, rate_at_recruitment: float, lowest_rate: float
) -> np.ndarray:
    """Return the rate in pps of an active motoneurone at each `drive` in pps (its threshold in pps, too)."""
    return np.maximum(lowest_rate, rate_at_recruitment + gain * (drive - threshold))


def draw_discharges(
    times: np.ndarray, rate: np.ndarray, start: float, stop: float, cov: float, random: np.random.Generator
) -> np.ndarray:
    """Draw discharges at a given rate, the first exactly at `start` and the last exactly at `stop`.

    Intervals are gamma variates in operational time, the integral of the rate (time-rescaling: Brown et
    al. 2002, Neural Comput 14:325), scaled to fill the integral from start to stop. Those outside half
    and double the mean interval are drawn again.

    Parameters
    ----------
    times, rate : ndarray, shape (samples,)
        Times in s and rate in pps, linear in between.
    start, stop : float
        First and last discharge in s.
    cov : float
        Coefficient of variation of the intervals in operational time.
    random : Generator
        Source of random numbers.

    Returns
    -------
    ndarray, shape (discharges,)
        Ascending times in s, two or more.
    """
    inside = (times > start) & (times < stop)
    grid = np.concatenate([[start], times[inside], [stop]])
    rates = np.interp(grid, times, rate)
    operational = np.concatenate([[0], np.cumsum(np.diff(grid) * (rates[1:] + rates[:-1]) / 2)])
    n = max(1, round(operational[-1]))
    intervals = random.gamma(cov**-2, cov**2, n)
    while (outside := (intervals < 0.5) | (intervals > 2)).any():
        intervals[outside] = random.gamma(cov**-2, cov**2, int(outside.sum()))
    cumulated = np.concatenate([[0], np.cumsum(intervals)])
    return np.interp(cumulated * (operational[-1] / cumulated[-1]), operational, grid)


def simulate_discharges(
    pool: MotoneuronePool,
    hysteresis: np.ndarray,
    settings: PoolSettings,
    ramp: RampSettings,
    random: np.random.Generator,
) -> TrueContraction:
    """Simulate the discharges of a pool in one ramp.

    Recruitment and derecruitment follow the noise-free drive and are thus exact; the rates in between
    carry noise that is common to all motoneurones.

    Parameters
    ----------
    pool : MotoneuronePool
        The motoneurones.
    hysteresis : ndarray, shape (units,)
        Hysteresis of each in this session in pps.
    settings, ramp : PoolSettings, RampSettings
        Settings.
    random : Generator
        Source of random numbers.
    """
    times, drive = ramp_drive(ramp, RATE_GRID)
    thresholds = pool.thresholds * ramp.drive_per_torque
    periods = active_periods(thresholds, thresholds - hysteresis, times, drive)
    common = settings.common_noise_sd * low_pass_noise(
        times.size, RATE_GRID, settings.common_noise_cutoff, random
    )
    active = np.flatnonzero(~np.isnan(periods[:, 0]))
    discharges = {}
    for i in active:
        start, stop = periods[i]
        rate = discharge_rate(
            drive + common, thresholds[i], pool.gains[i], pool.rates_at_recruitment[i], settings.lowest_rate
        )
        stop = times[-1] if np.isnan(stop) else stop
        discharges[pool.unit_ids[i]] = draw_discharges(times, rate, start, stop, settings.isi_cov, random)
    units = pd.DataFrame(
        {
            "unit_id": list(discharges),
            "recruitment_threshold": pool.thresholds[active],
            "gain": pool.gains[active],
            "rate_at_recruitment": pool.rates_at_recruitment[active],
            "hysteresis": hysteresis[active],
            "recruitment_time": periods[active, 0],
            "derecruitment_time": periods[active, 1],
            "n_discharges": [train.size for train in discharges.values()],
        }
    )
    return TrueContraction(units, discharges)


def draw_contraction(random: np.random.Generator, condition: str = "control") -> TrueContraction:
    """Draw a pool as in the sample trial and let it discharge in a ramp: for studies of many contractions.

    Parameters
    ----------
    random : Generator
        Of all that is drawn.
    condition : str
        With its planted effect.
    """
    pool_settings, settings = PoolSettings(), HysteresisSettings()
    pool = draw_pool(pool_settings, settings, random)
    hysteresis = draw_hysteresis(pool, settings, condition, random, random)
    return simulate_discharges(pool, hysteresis, pool_settings, RampSettings(), random)
