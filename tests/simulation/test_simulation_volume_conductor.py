from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import dblquad

from pictrial.simulation.muscle import FibreSources, MuscleSettings
from pictrial.simulation.potentials import surface_potential
from pictrial.simulation.volume_conductor import fat_layer_slopes, half_space_slopes

RATE = 2048.0
ALONG = np.arange(-120, 120.1, 0.5)[None]


def fibre(depth, fat):
    one = np.ones(1)
    return FibreSources(16 * one, depth * one, 48 * one, -12 * one, 108 * one, 4.0, 300.0, fat)


def slopes(depth, fat, across, anisotropy, ratio):
    """Slopes along the fibre at one electrode: with the layer, and of the half-space."""
    electrode = np.array([[16.0 + across, 0.0]])
    layered = next(fat_layer_slopes(fibre(depth, fat), electrode, anisotropy, ratio))
    plain = next(half_space_slopes(fibre(depth, 0.0), electrode, anisotropy))
    return layered(ALONG)[0], plain(ALONG)[0]


@pytest.mark.parametrize("depth", [2.0, 5.0, 12.0])
@pytest.mark.parametrize("across", [0.0, 8.0, 24.0])
def test_fat_without_thickness_is_the_half_space(depth, across):
    layered, plain = slopes(depth, 0.0, across, 6.0, 0.5)
    np.testing.assert_allclose(layered, plain, atol=0.003 * np.abs(plain).max())


@pytest.mark.parametrize("depth", [3.0, 10.0])
def test_fat_like_isotropic_muscle_is_the_half_space(depth):
    layered, plain = slopes(depth, 0.7 * depth, 4.0, 1.0, 1.0)
    np.testing.assert_allclose(layered, plain, atol=0.005 * np.abs(plain).max())


def test_layer_is_the_integral_over_all_spatial_frequencies():
    """Adaptive quadrature of the transfer function at a few places, thickness and depth in between."""
    depth, fat, across, anisotropy, ratio = 7.0, 4.0, 6.0, 6.0, 0.5

    def integrand(kz, kx, z):
        k, m = np.hypot(kx, kz), np.sqrt(kx**2 + anisotropy * kz**2)
        below = m * np.cosh(k * fat) + ratio * k * np.sinh(k * fat)
        return kz * np.sin(kz * z) * np.cos(kx * across) * np.exp(-m * (depth - fat)) / below

    layered, _ = slopes(depth, fat, across, anisotropy, ratio)
    for z in (3.0, 10.0, 25.0):
        expected = 2 / np.pi * dblquad(integrand, 0, 3, 0, 3, args=(z,), epsabs=1e-7)[0]
        assert np.interp(z, ALONG[0], layered) == pytest.approx(expected, rel=0.01)


def test_resistive_fat_raises_and_widens_the_potential():
    """Larger amplitude, as in finite elements (Lowery et al. 2002, IEEE TBME 49:446)."""
    positions = np.array([[16.0, 72.0], [32.0, 72.0]])
    muscle = MuscleSettings(fat_conductivity=0.03)
    above, aside = np.ptp(surface_potential(fibre(8.0, 5.0), positions, muscle, RATE), axis=1)
    without = replace(muscle, fat_conductivity=None)
    above_plain, aside_plain = np.ptp(surface_potential(fibre(8.0, 5.0), positions, without, RATE), axis=1)
    assert above > 1.3 * above_plain
    conductive = replace(muscle, fat_conductivity=0.3)
    assert np.ptp(surface_potential(fibre(8.0, 5.0), positions, conductive, RATE), axis=1)[0] < above
    thicker = np.ptp(surface_potential(fibre(13.0, 10.0), positions, muscle, RATE), axis=1)
    assert thicker[0] < 0.6 * above
    assert thicker[1] / thicker[0] > aside / above
    assert aside_plain < aside


def test_fat_layer_keeps_the_conduction_velocity():
    positions = np.array([[16.0, 68.0], [16.0, 84.0]])
    potential = surface_potential(
        fibre(6.0, 3.0), positions, MuscleSettings(fat_conductivity=0.03), 20 * RATE
    )
    troughs = potential.argmin(axis=1) / (20 * RATE)
    assert 0.016 / (troughs[1] - troughs[0]) == pytest.approx(4.0, rel=0.05)
