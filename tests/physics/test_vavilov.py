"""Energy loss in thin layers against collisions drawn one by one, its moments, and both limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import landau, norm

from pphysml.physics.vavilov import loss_density


def moments(losses, density):
    weight = density / density.sum()
    mean = (weight * losses).sum()
    return mean, np.sqrt((weight * (losses - mean) ** 2).sum())


def quantiles(losses, density, shares):
    return np.interp(shares, (np.cumsum(density) - density / 2) / density.sum(), losses)


def drawn(rng, n, mean, scale, largest, beta_squared, soft=1e-3):
    """Return losses of a Poisson number of collisions of Rutherford's spectrum above `soft`."""
    number = rng.poisson(scale * (1 / soft - 1 / largest), n)
    energy = 1 / (1 / soft - rng.random(number.sum()) * (1 / soft - 1 / largest))
    energy *= rng.random(len(energy)) > beta_squared * energy / largest
    hard = scale * (np.log(largest / soft) - beta_squared * (1 - soft / largest))
    return np.bincount(np.repeat(np.arange(n), number), energy, n) + mean - hard


@pytest.mark.parametrize("kappa", [0.02, 0.3, 2.0])
def test_mean_and_width_are_those_of_the_collisions(kappa: float) -> None:
    mean, scale, beta2 = 1.0, 0.05, 0.3
    largest = scale / kappa
    found = moments(*loss_density(mean, scale, largest, beta2))
    assert found[0] == pytest.approx(1.0, abs=2e-3)
    assert found[1] == pytest.approx(np.sqrt(scale * largest * (1 - beta2 / 2)), rel=5e-3)


@pytest.mark.parametrize(("kappa", "beta2"), [(0.01, 0.2), (0.3, 0.05), (0.05, 0.6)])
def test_it_is_the_distribution_of_many_collisions(kappa: float, beta2: float) -> None:
    arguments = (1.0, 0.07, 0.07 / kappa, beta2)
    shares = np.array([0.02, 0.16, 0.5, 0.84, 0.98])
    expected = np.quantile(drawn(np.random.default_rng(3), 60_000, *arguments), shares)
    np.testing.assert_allclose(quantiles(*loss_density(*arguments), shares), expected, rtol=0.02)


def test_few_hard_collisions_give_landaus_law() -> None:
    scale, largest, beta2 = 0.05, 500.0, 0.2
    shares = np.array([0.05, 0.3, 0.5, 0.7])  # further up, losses beyond the last bin are missing
    most_probable = 1.0 + scale * (beta2 + np.log(scale / largest) + 1 - np.euler_gamma)
    expected = most_probable + scale * _standard_landau(shares)
    np.testing.assert_allclose(quantiles(*loss_density(1.0, scale, largest, beta2), shares), expected, rtol=0.01)


def _standard_landau(shares):
    # scipy's law is that of pi / 2 times Landau's variable, shifted.
    return landau.ppf(shares) * np.pi / 2 - np.log(2 / np.pi)


def test_many_collisions_give_a_gaussian() -> None:
    scale, largest = 0.05, 0.0025
    shares = np.array([0.02, 0.16, 0.5, 0.84, 0.98])
    expected = norm.ppf(shares, 1.0, np.sqrt(scale * largest))
    np.testing.assert_allclose(quantiles(*loss_density(1.0, scale, largest, 0.0), shares), expected, atol=3e-3)


def test_binding_adds_its_variance() -> None:
    without = moments(*loss_density(1.0, 0.05, 0.2, 0.1))
    smeared = moments(*loss_density(1.0, 0.05, 0.2, 0.1, binding=0.08))
    assert smeared[0] == pytest.approx(without[0], abs=1e-3)
    assert smeared[1] == pytest.approx(np.hypot(without[1], 0.08), rel=5e-3)


def test_the_unit_of_energy_does_not_matter() -> None:
    a, b = loss_density(1.0, 0.05, 0.2, 0.1, 0.01), loss_density(1e3, 50.0, 200.0, 0.1, 10.0)
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
