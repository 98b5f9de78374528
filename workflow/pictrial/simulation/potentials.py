"""Surface potentials of motor units: travelling waves on many fibres in a volume conductor."""

import numpy as np

from pictrial.simulation.muscle import FibreSources, MuscleSettings
from pictrial.simulation.volume_conductor import fat_layer_slopes, half_space_slopes


def draw_fibres(
    settings: MuscleSettings, relative_threshold: np.ndarray, centre: np.ndarray, random: np.random.Generator
) -> list[FibreSources]:
    """Draw the fibres of each motor unit; number of fibres and velocity rise with threshold (size principle).

    Parameters
    ----------
    settings : MuscleSettings
        Muscle.
    relative_threshold : ndarray, shape (units,)
        Rank of each unit's threshold from 0 to 1.
    centre : ndarray, shape (2,)
        Middle of the electrode grid across and along the fibres in mm.
    random : Generator
        Source of random numbers.
    """
    fat = random.uniform(settings.thinnest_fat, settings.thickest_fat)
    shared = _places(settings, centre, fat, settings.shared_territories, random)
    units = []
    for relative in relative_threshold:
        n_fibres = settings.fewest_fibres * (settings.most_fibres / settings.fewest_fibres) ** relative
        n = max(1, round(n_fibres / settings.fibres_per_source))
        radius = settings.territory_radius * (n_fibres / settings.most_fibres) ** 0.25
        middle = centre[0] + settings.muscle_width * random.uniform(-0.5, 0.5)
        depth = fat + random.uniform(1, settings.muscle_thickness)
        angle, distance = random.uniform(0, 2 * np.pi, n), radius * np.sqrt(random.uniform(0, 1, n))
        endplate = (
            settings.endplate_position + settings.endplate_spread_between_units * random.standard_normal()
        )
        if len(shared):
            middle, depth, endplate = shared[random.integers(len(shared))] + random.standard_normal(3)
        endplate = endplate + settings.endplate_spread_within_unit * random.standard_normal(n)
        tendons = centre[1] + settings.tendon_spread * random.standard_normal((2, n))
        velocity = settings.lowest_velocity + relative * (
            settings.highest_velocity - settings.lowest_velocity
        )
        units.append(
            FibreSources(
                across=middle + distance * np.cos(angle),
                depth=np.maximum(depth + distance * np.sin(angle), fat + 0.3),
                endplate=endplate,
                lower_tendon=tendons[0] - settings.semi_length,
                upper_tendon=tendons[1] + settings.semi_length,
                velocity=velocity + settings.velocity_sd * random.standard_normal(),
                weight=n_fibres / n,
                fat=fat,
            )
        )
    return units


def _places(
    settings: MuscleSettings, centre: np.ndarray, fat: float, n: int, random: np.random.Generator
) -> np.ndarray:
    """Draw `n` places of motor units: across, depth, endplate in mm, shape (n, 3)."""
    across = centre[0] + settings.muscle_width * random.uniform(-0.5, 0.5, n)
    depth = fat + random.uniform(1, settings.muscle_thickness, n)
    endplate = settings.endplate_position + settings.endplate_spread_between_units * random.standard_normal(n)
    return np.column_stack([across, depth, endplate])


def surface_potential(
    fibres: FibreSources, positions: np.ndarray, settings: MuscleSettings, sampling_rate: float
) -> np.ndarray:
    """Return the potential of one motor unit at point electrodes on the skin.

    The current per length of a fibre is ``d/dz [w(z) dV/dz]`` with V the intracellular potential
    ``96 u³ exp(−u)`` mV (u in mm behind the wave's front, Rosenfalck 1969) and w the fibre's extent, so
    that generation at the endplate and extinction at the tendons are part of the source (Farina &
    Merletti 2001, IEEE TBME 48:637). Integrated by parts, the potential is the convolution, over the
    distance that the waves have travelled, of V' with the derivative of the conductor's transfer
    function (see :mod:`~pictrial.simulation.volume_conductor`).

    Parameters
    ----------
    fibres : FibreSources
        The unit's fibres.
    positions : ndarray, shape (channels, 2)
        Electrodes across and along the fibres in mm.
    settings : MuscleSettings
        Conductivities.
    sampling_rate : float
        Hz.

    Returns
    -------
    ndarray, shape (channels, samples)
        Potential in µV from the moment of the discharge at the endplates.
    """
    step = 0.5
    upper = fibres.upper_tendon - fibres.endplate
    lower = fibres.endplate - fibres.lower_tendon
    travelled = np.arange(0, max(upper.max(), lower.max()) + step, step)
    in_upper = (travelled < upper[:, None]).astype(np.float32)
    in_lower = (travelled < lower[:, None]).astype(np.float32)
    kernel = np.empty((len(positions), travelled.size))
    if settings.fat_conductivity is None:
        slopes = half_space_slopes(fibres, positions, settings.anisotropy)
    else:
        ratio = settings.fat_conductivity / settings.radial_conductivity
        slopes = fat_layer_slopes(fibres, positions, settings.anisotropy, ratio)
    for channel, slope_at in enumerate(slopes):
        along = positions[channel, 1]
        ahead = (fibres.endplate[:, None] + travelled - along).astype(np.float32)
        behind = (fibres.endplate[:, None] - travelled - along).astype(np.float32)
        kernel[channel] = (in_lower * slope_at(behind) - in_upper * slope_at(ahead)).sum(axis=0)
    behind_front = np.arange(0, 20, step)
    slope = 96 * (3 * behind_front**2 - behind_front**3) * np.exp(-behind_front)
    potential = np.array([np.convolve(row, slope) for row in kernel]) * step
    # Factor 2: the image below the insulating plane; 1e3: mV to µV.
    scale = (
        2e3
        * settings.intracellular_conductivity
        * settings.fibre_radius**2
        / (4 * settings.radial_conductivity)
    )
    distance = np.arange(potential.shape[1]) * step
    samples = np.arange(0, distance[-1], 1e3 * fibres.velocity / sampling_rate)
    sampled = np.array([np.interp(samples, distance, row) for row in potential])
    return sampled * scale * fibres.weight
