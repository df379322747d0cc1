import numpy as np
import pytest
from numba import njit

from pphysml.physics.range_energy import HELIUM_MASS_RATIO, PROTON_MASS
from pphysml.tasks.track.simulation.nuclear_kernel import (
    ENERGY,
    MOST_PRODUCTS,
    SLOPE_ABOUT_X,
    SLOPE_ABOUT_Y,
    THRESHOLD,
    collision_rate,
    elastic_angle,
    hydrogen_protons,
    outgoing,
)
from pphysml.tasks.track.simulation.particle_kernel import FIELDS, SLOPE_X, SLOPE_Y, WIDEST, turn


@njit
def _all_outgoing(rng, n, energy, mass_ratio, products):
    counts = np.empty(n, dtype=np.int64)
    for i in range(n):
        counts[i] = outgoing(rng, energy, mass_ratio, 0.6, 1e-4, products[i])
    return counts


@njit
def _elastic(rng, n, energy):
    angles = np.empty(n)
    for i in range(n):
        angles[i] = elastic_angle(rng, energy, 1.0, 1e-4)
    return angles


@pytest.mark.parametrize("energy", [5.0, 25.0, 40.0, 180.0])
@pytest.mark.parametrize("mass_ratio", [1.0, HELIUM_MASS_RATIO])
def test_products_have_no_more_energy_than_the_particle(energy, mass_ratio):
    products = np.zeros((5000, MOST_PRODUCTS, 6))
    counts = _all_outgoing(np.random.default_rng(1), 5000, energy * mass_ratio, mass_ratio, products)
    assert counts.max() <= MOST_PRODUCTS
    present = np.arange(MOST_PRODUCTS) < counts[:, None]
    total = np.where(present, products[:, :, ENERGY], 0.0).sum(1)
    assert total.max() <= energy * mass_ratio
    assert (products[:, :, ENERGY][present] > 0).all()
    assert np.isfinite(products).all()


def test_products_fly_evenly_around_the_particle():
    products = np.zeros((20_000, MOST_PRODUCTS, 6))
    counts = _all_outgoing(np.random.default_rng(2), 20_000, 150.0, 1.0, products)
    x, y = (products[:, 0, i][counts > 0] for i in (SLOPE_ABOUT_X, SLOPE_ABOUT_Y))
    turns = np.arctan2(y, x)
    assert abs(np.exp(1j * turns).mean()) < 0.03
    assert abs(np.exp(2j * turns).mean()) < 0.03


def test_collision_with_hydrogen_shares_the_energy_at_right_angles():
    rng, products = np.random.default_rng(3), np.zeros((MOST_PRODUCTS, 6))
    for _ in range(50):
        hydrogen_protons(rng, 120.0, products)
        first, second = products[:2]
        assert first[ENERGY] + second[ENERGY] == pytest.approx(120.0)
        assert first[SLOPE_ABOUT_X] * second[SLOPE_ABOUT_X] + first[SLOPE_ABOUT_Y] * second[SLOPE_ABOUT_Y] == pytest.approx(-1.0)
        assert np.cos(np.arctan(np.hypot(*first[[SLOPE_ABOUT_X, SLOPE_ABOUT_Y]]))) ** 2 == pytest.approx(first[ENERGY] / 120)


def test_elastic_angles_have_the_slope_in_the_momentum_transfer():
    energy = 150.0
    angles = _elastic(np.random.default_rng(4), 50_000, energy)
    momentum2 = energy * (energy + 2 * PROTON_MASS)
    assert (angles**2).mean() == pytest.approx(1 / (1e-4 * momentum2), rel=0.02)


def test_slow_particles_do_not_collide():
    assert collision_rate(THRESHOLD, 1e-3, 1.0) == 0.0
    assert collision_rate(200.0, 1e-3, 1.0) == pytest.approx(1e-3, rel=0.01)
    assert collision_rate(30.0, 1e-3, 1.0) > 1.2e-3


def test_turning_keeps_the_angle_to_the_old_direction():
    rng = np.random.default_rng(5)
    old, new = np.zeros(FIELDS), np.zeros(FIELDS)
    turned = 0
    for _ in range(200):
        old[[SLOPE_X, SLOPE_Y]] = rng.normal(0, 0.7, 2)
        by = rng.normal(0, 0.5, 2)
        if not turn(old, *by, new):
            continue
        turned += 1
        a, b = (np.array([p[SLOPE_X], p[SLOPE_Y], 1.0]) for p in (old, new))
        cos = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert np.arccos(cos) == pytest.approx(np.arctan(np.hypot(*by)), abs=1e-6)
        assert np.linalg.norm(b) <= WIDEST * (1 + 1e-12)
    assert turned > 150
