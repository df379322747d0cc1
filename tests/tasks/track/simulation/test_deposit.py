import numpy as np
import pytest
from numba import njit
from scipy.stats import kstest

from pphysml.physics.range_energy import HELIUM_MASS_RATIO, beta_squared
from pphysml.physics.straggling import (
    BINDING,
    SENSOR_YIELD,
    landau_scale,
    largest_transfer,
    silicon_loss,
)
from pphysml.tasks.track.simulation.deposit_kernel import draw_deposit, poisson

THICKNESS = 0.025


@njit
def _many(rng, n, beta2, charge, thickness):
    losses = np.empty(n)
    for i in range(n):
        losses[i] = draw_deposit(rng, beta2, charge, thickness, SENSOR_YIELD, np.inf, np.zeros(1))
    return losses


@njit
def _counts(rng, n, mean):
    counts = np.empty(n)
    for i in range(n):
        counts[i] = poisson(rng, mean)
    return counts


def deposits(energy: float, n: int = 200_000, charge: float = 1.0, mass_ratio: float = 1.0, thickness: float = THICKNESS):
    beta2 = beta_squared(energy, mass_ratio)
    return beta2, _many(np.random.default_rng(1), n, beta2, charge, thickness)


def test_poisson():
    counts = _counts(np.random.default_rng(1), 100_000, 3.0)
    assert counts.mean() == pytest.approx(3.0, abs=0.03)
    assert counts.var() == pytest.approx(3.0, abs=0.06)


@pytest.mark.parametrize(("energy", "charge", "mass_ratio"), [(5.0, 1.0, 1.0), (30.0, 1.0, 1.0), (200.0, 1.0, 1.0), (600.0, 2.0, HELIUM_MASS_RATIO)])
def test_mean_and_variance_are_those_of_the_collisions(energy, charge, mass_ratio):
    beta2, losses = deposits(energy, charge=charge, mass_ratio=mass_ratio)
    largest, scale = largest_transfer(beta2), landau_scale(beta2, THICKNESS, charge)
    variance = scale * largest * (1 - beta2 / 2) + BINDING**2 * charge**2 * THICKNESS / 0.01
    assert losses.mean() == pytest.approx(silicon_loss(beta2, THICKNESS, charge), abs=5 * np.sqrt(variance / len(losses)))
    assert losses.var() == pytest.approx(variance, rel=0.05)


def test_large_losses_are_single_collisions():
    """Above the Landau peak the number of losses is that of collisions of the energy beyond the rest's mean."""
    beta2, losses = deposits(150.0)
    largest, scale = largest_transfer(beta2), landau_scale(beta2, THICKNESS)
    cut = 0.15
    rest = silicon_loss(beta2, THICKNESS) - scale * (np.log(largest / cut) - beta2 * (1 - cut / largest))
    expected = scale * (1 / cut - 1 / largest - beta2 / largest * np.log(largest / cut))
    found = (losses > cut + rest).mean()
    assert found == pytest.approx(expected, rel=0.08)


def test_many_collisions_are_a_gaussian_and_few_are_skew():
    _, thick = deposits(2.0, 20_000, thickness=0.02)
    assert kstest((thick - thick.mean()) / thick.std(), "norm").statistic < 0.03
    _, thin = deposits(200.0, 20_000)
    assert np.median(thin) < 0.9 * thin.mean()


def test_two_thin_sensors_are_one_of_both_thicknesses():
    """Collisions of two slices add up to those of the whole, whatever is drawn one by one."""
    beta2 = beta_squared(60.0)
    rng = np.random.default_rng(4)
    whole = _many(rng, 40_000, beta2, 1.0, 0.04)
    halves = _many(rng, 40_000, beta2, 1.0, 0.02) + _many(rng, 40_000, beta2, 1.0, 0.02)
    assert kstest(whole, halves).pvalue > 1e-3
