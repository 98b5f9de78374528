"""Muscle and fibres: what potentials are computed from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MuscleSettings:
    """Muscle, fibres and volume conductor; lengths in mm, velocities in m/s (= mm/ms).

    Fibres run parallel to the skin along y. Each simulated fibre stands for `fibres_per_source` fibres.
    Without a `fat_conductivity` (S/m) fat counts as distance only, as if it were muscle. With
    `shared_territories` the units have so many places in the muscle between them, and thus similar
    potentials, instead of a place each.
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
    shared_territories: int = 0
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
    fat_conductivity: float | None = None


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
    fat : float
        Thickness of the fat above the muscle, a part of `depth`.
    """

    across: np.ndarray
    depth: np.ndarray
    endplate: np.ndarray
    lower_tendon: np.ndarray
    upper_tendon: np.ndarray
    velocity: float
    weight: float
    fat: float = 0.0
