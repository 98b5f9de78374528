"""Volume conductors: what a current at a place on a fibre gives at the electrodes on the skin.

Muscle is an anisotropic half-space, unbounded below; the air above is an insulator. The transfer function
is relative to that of a current in an unbounded medium: of half-space and image it is ``1 / distance``,
with distances along the radius of the fibre times the root of the anisotropy K. Fibres run along z.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from pictrial.simulation.muscle import FibreSources

#: Of an electrode: from distances along the fibres (mm), shape (fibres, places), to minus the derivative
#: of the transfer function along the fibre (1/mm²), same shape.
Slope = Callable[[np.ndarray], np.ndarray]

#: Length (mm) and step (mm) of the profiles along z behind a fat layer, and length across the fibres;
#: the potential is periodic with the lengths, which are so large that the images hardly matter.
PROFILE_LENGTH, PROFILE_STEP, WIDTH = 1024.0, 0.5, 256.0
#: Spatial frequencies damped by more than exp(-this) between the shallowest fibre and the skin are left out.
DAMPING = 9.0


def half_space_slopes(fibres: FibreSources, positions: np.ndarray, anisotropy: float) -> Iterator[Slope]:
    """Yield for each electrode the slope in muscle alone, of ``1 / sqrt(K rho² + z²)``."""
    for across in positions[:, 0]:
        radial = anisotropy * ((fibres.across - across) ** 2 + fibres.depth**2)
        yield partial(_half_space_slope, radial[:, None].astype(np.float32))


def _half_space_slope(radial: np.ndarray, z: np.ndarray) -> np.ndarray:
    return z / (radial + z**2) ** 1.5


def fat_layer_slopes(
    fibres: FibreSources, positions: np.ndarray, anisotropy: float, ratio: float
) -> Iterator[Slope]:
    """Yield for each electrode the slope below isotropic fat (see :func:`fat_layer_profiles`)."""
    columns, column_of = np.unique(positions[:, 0], return_inverse=True)
    profiles = fat_layer_profiles(fibres, columns, anisotropy, ratio)
    for column in column_of:
        yield partial(_slope_of_profile, profiles[:, column])


def _slope_of_profile(profile: np.ndarray, z: np.ndarray) -> np.ndarray:
    rows = np.arange(len(profile))[:, None]
    place = np.clip((z + PROFILE_LENGTH / 2) / PROFILE_STEP, 0, profile.shape[1] - 1.001)
    below = place.astype(np.int32)
    return profile[rows, below] + (place - below) * (profile[rows, below + 1] - profile[rows, below])


def fat_layer_profiles(
    fibres: FibreSources, columns: np.ndarray, anisotropy: float, ratio: float
) -> np.ndarray:
    """Return minus the derivative of the transfer function of muscle below a plane layer of fat.

    In the spatial frequencies kx across and kz along the fibres, with muscle of depth h below fat of
    thickness d, ``k² = kx² + kz²``, ``m² = kx² + K kz²`` and R the conductivity of fat over the radial one
    of muscle::

        H(kx, kz) = exp(−m h) / (m cosh(k d) + R k sinh(k d))

    which is that of Farina & Rainoldi (1999, Med Eng Phys 21:487) and of Farina & Merletti (2001, IEEE TBME
    48:637) for three layers, with skin like fat. For d = 0, and for R = K = 1, it is that of the half-space.

    Parameters
    ----------
    fibres : FibreSources
        Fibres and thickness of the fat.
    columns : ndarray, shape (columns,)
        Positions of electrodes across the fibres in mm.
    anisotropy, ratio : float
        K and R.

    Returns
    -------
    ndarray, shape (fibres, columns, places)
        1/mm², at every `PROFILE_STEP` from ``-PROFILE_LENGTH / 2`` on.
    """
    step_across, step_along = 2 * np.pi / WIDTH, 2 * np.pi / PROFILE_LENGTH
    highest = min(DAMPING / fibres.depth.min(), np.pi / PROFILE_STEP)
    kx = np.arange(0, highest, step_across, dtype=np.float32)[:, None]
    kz = np.arange(step_along, highest, step_along, dtype=np.float32)[None, :]
    k, m = np.sqrt(kx**2 + kz**2), np.sqrt(kx**2 + anisotropy * kz**2)
    layer = kz / (m * np.cosh(k * fibres.fat) + ratio * k * np.sinh(k * fibres.fat))
    # The integrand is even in kx: twice the half, of which kx = 0 counts half.
    layer[0] /= 2
    layer *= 2 / np.pi * step_across * step_along
    places = round(PROFILE_LENGTH / PROFILE_STEP)
    profiles = np.empty((len(fibres.depth), len(columns), places))
    for fibre, (across, depth) in enumerate(zip(fibres.across, fibres.depth - fibres.fat, strict=True)):
        spectrum = np.zeros((len(columns), places // 2 + 1), dtype=complex)
        waves = np.cos(np.outer(columns - across, kx[:, 0]))
        spectrum[:, 1 : kz.size + 1] = -0.5j * places * (waves @ (layer * np.exp(-m * depth)))
        profiles[fibre] = np.fft.fftshift(np.fft.irfft(spectrum, places, axis=1), axes=1)
    return profiles
