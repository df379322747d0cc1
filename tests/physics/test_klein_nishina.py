from itertools import pairwise

import numpy as np
import pytest
from numba import njit
from scipy.integrate import quad

from pphysml.physics.klein_nishina import (
    ELECTRON_MASS,
    ELECTRON_RADIUS,
    SMALL,
    differential_cross_section,
    draw_cosine,
    scattered_energy,
    total_cross_section,
)

THOMSON = 8 * np.pi / 3 * ELECTRON_RADIUS**2


@njit
def draw(rng, energy, cosines):
    for i in range(len(cosines)):
        cosines[i] = draw_cosine(rng, energy)


def integral(energy, low=-1.0, high=1.0):
    return 2 * np.pi * quad(lambda c: float(differential_cross_section(energy, c)), low, high, epsrel=1e-11)[0]


@pytest.mark.parametrize("energy", [1e-4, 0.001, 0.01, 0.1, 0.511, 1.3, 10.0])
def test_total_is_the_integral_over_all_angles(energy):
    assert float(total_cross_section(energy)) == pytest.approx(integral(energy), rel=1e-8)


def test_thomson_limit():
    assert pytest.approx(0.66524587e-22, rel=1e-6) == THOMSON
    assert float(total_cross_section(1e-9)) == pytest.approx(THOMSON, rel=1e-8)
    assert float(differential_cross_section(1e-9, 0.3)) == pytest.approx(ELECTRON_RADIUS**2 / 2 * (1 + 0.09), rel=1e-7)


def test_at_the_electron_mass():
    expected = 2 * np.pi * ELECTRON_RADIUS**2 * (20 / 9 - 1.5 * np.log(3))
    assert float(total_cross_section(ELECTRON_MASS)) == pytest.approx(expected, rel=1e-12)


def test_expansion_joins_the_closed_form():
    edge = SMALL * ELECTRON_MASS
    below, above = total_cross_section(edge * (1 - 1e-9)), total_cross_section(edge * (1 + 1e-9))
    assert float(below) == pytest.approx(float(above), rel=1e-7)


def test_energies_at_known_angles():
    half = scattered_energy(ELECTRON_MASS, np.array([1.0, 0.0, -1.0]))
    assert half == pytest.approx(ELECTRON_MASS * np.array([1, 1 / 2, 1 / 3]))


@pytest.mark.parametrize("energy", [0.02, 0.2, 0.511, 1.3])
def test_random_angles_follow_the_cross_section(energy):
    cosines = np.empty(200_000)
    draw(np.random.default_rng(3), energy, cosines)
    edges = np.linspace(-1, 1, 41)
    counts, _ = np.histogram(cosines, edges)
    assert counts.sum() == len(cosines)
    expected = len(cosines) * np.array([integral(energy, a, b) for a, b in pairwise(edges)]) / integral(energy)
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 < 39 + 4 * np.sqrt(2 * 39)
