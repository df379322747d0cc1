import numpy as np
import pytest

from pphysml.physics.range_energy import (
    HELIUM_MASS_RATIO,
    PROTON_MASS,
    beta_squared,
    momentum_velocity,
    particle_energy,
    particle_range,
    stopping_power,
)

ENERGIES = np.array([3.0, 20.0, 100.0, 230.0])


def test_known_ranges():
    assert particle_range(230.0) == pytest.approx(329.8, abs=0.05)
    # Of the tables of the ICRU, report 49: 77.2 mm at 100 MeV, 157.7 mm at 150 MeV.
    assert particle_range(np.array([100.0, 150.0])) == pytest.approx([77.2, 157.7], rel=0.015)


@pytest.mark.parametrize(("mass_ratio", "charge"), [(1.0, 1.0), (HELIUM_MASS_RATIO, 2.0)])
def test_energy_is_the_inverse_and_stopping_power_the_derivative(mass_ratio, charge):
    found = particle_range(ENERGIES, mass_ratio, charge)
    assert particle_energy(found, mass_ratio, charge) == pytest.approx(ENERGIES)
    step = 1e-4 * found
    slope = (particle_energy(found + step, mass_ratio, charge) - particle_energy(found - step, mass_ratio, charge)) / (2 * step)
    assert stopping_power(found, mass_ratio, charge) == pytest.approx(slope, rel=1e-6)


def test_helium_of_the_same_velocity_goes_about_as_far_and_loses_four_times_as_much():
    helium = particle_range(HELIUM_MASS_RATIO * ENERGIES, HELIUM_MASS_RATIO, 2.0)
    assert helium == pytest.approx(HELIUM_MASS_RATIO / 4 * particle_range(ENERGIES))
    assert stopping_power(helium, HELIUM_MASS_RATIO, 2.0) == pytest.approx(4 * stopping_power(particle_range(ENERGIES)))


@pytest.mark.parametrize("mass_ratio", [1.0, HELIUM_MASS_RATIO])
def test_velocity_is_that_of_the_momentum(mass_ratio):
    mass = mass_ratio * PROTON_MASS
    momentum = np.sqrt((ENERGIES + mass) ** 2 - mass**2)
    beta = momentum / (ENERGIES + mass)
    assert beta_squared(ENERGIES, mass_ratio) == pytest.approx(beta**2)
    assert momentum_velocity(ENERGIES, mass_ratio) == pytest.approx(momentum * beta)
