"""Surface potentials of motor units: travelling waves on many fibres in a volume conductor."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MuscleSettings:
    """Muscle, fibres and volume conductor; lengths in mm, velocities in m/s (= mm/ms).

    Fibres run parallel to the skin along y. Each simulated fibre stands for `fibres_per_source` fibres.
    """

    fewest_fibres: float = 150.0
    most_fibres: float = 800.0
    fibres_per_source: int = 6
    fibre_radius: float = 0.027
    muscle_width: float = 44.0
    muscle_thickness: float = 7.0
    thinnest_fat: float = 3.5
    thickest_fat: float = 5.0
    territory_radius: float = 4.0
    endplate_position: float = 44.0
    endplate_spread_between_units: float = 8.0
    endplate_spread_within_unit: float = 2.5
    semi_length: float = 62.0
    tendon_spread: float = 3.0
    lowest_velocity: float = 3.6
    highest_velocity: float = 4.6
    velocity_sd: float = 0.3
    anisotropy: float = 6.0
    intracellular_conductivity: float = 1.01
    radial_conductivity: float = 0.063


@dataclass(frozen=True)
class FibreSources:
    """The fibres of one motor unit; arrays of shape (fibres,), mm.

    Attributes
    ----------
    across, depth : ndarray
        Position across the muscle and below the skin.
    endplate, lower_tendon, upper_tendon : ndarray
        Positions along the fibre.
    velocity : float
        Conduction velocity in m/s.
    weight : float
        Number of fibres for which each stands.
    """

    across: np.ndarray
    depth: np.ndarray
    endplate: np.ndarray
    lower_tendon: np.ndarray
    upper_tendon: np.ndarray
    velocity: float
    weight: float


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
            )
        )
    return units


def surface_potential(
    fibres: FibreSources, positions: np.ndarray, settings: MuscleSettings, sampling_rate: float
) -> np.ndarray:
    """Return the potential of one motor unit at point electrodes on the skin.

    The current per length of a fibre is ``d/dz [w(z) dV/dz]`` with V the intracellular potential
    ``96 u³ exp(−u)`` mV (u in mm behind the wave's front, Rosenfalck 1969) and w the fibre's extent, so
    that generation at the endplate and extinction at the tendons are part of the source (Farina &
    Merletti 2001, IEEE TBME 48:637). Integrated by parts, the potential is the convolution, over the
    distance that the waves have travelled, of V' with the derivative of the conductor's transfer
    function ``1 / sqrt(K rho² + z²)``, here of an anisotropic half-space below an insulating plane.

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
    for channel, (across, along) in enumerate(positions):
        radial = settings.anisotropy * ((fibres.across - across) ** 2 + fibres.depth**2)
        ahead = (fibres.endplate[:, None] + travelled - along).astype(np.float32)
        behind = (fibres.endplate[:, None] - travelled - along).astype(np.float32)
        radial = radial[:, None].astype(np.float32)
        kernel[channel] = (
            in_lower * behind / (radial + behind**2) ** 1.5 - in_upper * ahead / (radial + ahead**2) ** 1.5
        ).sum(axis=0)
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
