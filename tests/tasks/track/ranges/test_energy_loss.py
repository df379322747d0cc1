"""The table of energy losses against Bethe and Bragg-Kleeman, and against the simulation's deposits."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from pphysml.physics.range_energy import beta_squared, particle_energy
from pphysml.physics.straggling import SENSOR_YIELD, silicon_loss
from pphysml.tasks.track.ranges.energy_loss import BINS, PARTICLES, loss_table, mean_loss
from pphysml.tasks.track.ranges.range_kernel import LOWEST, SPREAD, STEP
from pphysml.tasks.track.simulation.deposit_kernel import draw_deposit

PROTON, HELIUM = PARTICLES["proton"], PARTICLES["helium"]


@njit
def deposits(rng, n, beta2, charge, thickness):
    found = np.empty(n)
    for i in range(n):
        found[i] = draw_deposit(rng, beta2, charge, thickness, SENSOR_YIELD, np.inf, np.zeros(1))
    return found


def test_mean_loss_is_bethes_in_silicon_until_the_particle_stops_in_the_sensor() -> None:
    residual = np.array([5.0, 50.0, 200.0])
    beta2 = beta_squared(particle_energy(residual))
    np.testing.assert_allclose(mean_loss(residual, 0.025, PROTON), silicon_loss(beta2, 1.0), rtol=6e-3)
    np.testing.assert_allclose(mean_loss(np.array([1e-3]), 0.025, PROTON), particle_energy(1e-3) / 0.025)


def test_helium_loses_four_times_as_much_at_one_velocity() -> None:
    residual = np.array([10.0, 100.0])
    ratio = mean_loss(residual * HELIUM.mass_ratio / 4, 0.025, HELIUM) / mean_loss(residual, 0.025, PROTON)
    np.testing.assert_allclose(ratio, 4.0, rtol=2e-3)


@pytest.mark.parametrize("particle", [PROTON, HELIUM])
@pytest.mark.parametrize("thickness", [0.0139, 0.025])
@pytest.mark.parametrize("residual", [1.0, 5.0, 40.0, 150.0])
def test_the_distribution_is_that_of_the_simulation(particle, thickness: float, residual: float) -> None:
    table = loss_table(thickness, particle)
    place = round(residual / STEP)
    rng = np.random.default_rng(2)
    beta2 = beta_squared(particle_energy(residual, *particle), particle.mass_ratio)
    drawn = np.log(deposits(rng, 20_000, beta2, particle.charge, thickness) / thickness) - table.log_mean[place]
    density = np.exp(table.log_density[table.row[place]].astype(float))
    assert density.sum() * SPREAD == pytest.approx(1.0, abs=0.01)
    shares = np.array([0.05, 0.16, 0.5, 0.84])
    found = np.interp(shares, np.cumsum(density) / density.sum(), LOWEST + SPREAD * (np.arange(BINS) + 0.5))
    np.testing.assert_allclose(found, np.quantile(drawn, shares), atol=0.06)
