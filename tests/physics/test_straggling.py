import numpy as np
import pytest

from pphysml.physics.range_energy import HELIUM_MASS_RATIO, particle_range, stopping_power
from pphysml.physics.straggling import (
    BOHR,
    SENSOR_YIELD,
    landau_scale,
    largest_transfer,
    range_variance,
    silicon_loss,
)

RANGES = np.array([50.0, 150.0, 330.0])


def test_width_of_the_range_is_bortfelds():
    centimetres = RANGES / 10
    assert np.sqrt(range_variance(RANGES)) / 10 == pytest.approx(0.012 * centimetres**0.935, rel=0.04)


@pytest.mark.parametrize(("mass_ratio", "charge"), [(1.0, 1.0), (HELIUM_MASS_RATIO, 2.0)])
def test_variance_is_the_integral_over_bohrs(mass_ratio, charge):
    edges = np.linspace(0, 200, 20_001)
    middle = (edges[1:] + edges[:-1]) / 2
    integral = (charge**2 * BOHR / stopping_power(middle, mass_ratio, charge) ** 2).sum() * 0.01
    assert range_variance(200.0, mass_ratio, charge) == pytest.approx(integral, rel=1e-4)


def test_helium_of_the_same_range_spreads_half_as_much():
    ratio = np.sqrt(range_variance(RANGES, HELIUM_MASS_RATIO, 2.0) / range_variance(RANGES))
    assert ratio == pytest.approx(0.5, abs=0.01)
    assert particle_range(917.0, HELIUM_MASS_RATIO, 2.0) == pytest.approx(particle_range(230.0), rel=0.01)


def test_silicon_at_the_minimum_of_ionisation():
    """1.664 MeV cm2/g (Review of Particle Physics); the density correction takes 5 % of it."""
    gamma2 = 1 + 3.5**2
    beta2 = 1 - 1 / gamma2
    assert silicon_loss(beta2, 1.0) / SENSOR_YIELD == pytest.approx(1.664 * 2.329 / 10, rel=0.08)
    assert silicon_loss(beta2, 2.0, 2.0) == pytest.approx(8 * silicon_loss(beta2, 1.0))


def test_scale_and_largest_transfer():
    assert landau_scale(0.25, 0.3) == pytest.approx(0.1782 / 10 * 0.3 / 0.25, rel=1e-3)
    assert largest_transfer(0.5) == pytest.approx(2 * 0.510999)
