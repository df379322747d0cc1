"""The parton shower: what it conserves, and how many emissions it has where."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.jets.config.simulation import SimulationConfig
from pphysml.tasks.jets.simulation.decay_kernel import PHI, PT, RAPIDITY
from pphysml.tasks.jets.simulation.shower_kernel import (
    ANGLE,
    GLUON,
    MOST_PARTONS,
    QUARK,
    Coupling,
    radiate,
    shower,
)
from pphysml.tasks.jets.simulation.simulate import Z_MASS, running_coupling

START = (500.0, 0.4, -1.1)
FIXED = Coupling(0.5, 0.2, 0.0)


def emissions(colour: float, angle: float, coupling: Coupling, n: int) -> list[np.ndarray]:
    """Return the gluons of each of n partons, themselves not radiating."""
    rng, waiting = np.random.default_rng(1), np.zeros((MOST_PARTONS, 5))
    counts = []
    for _ in range(n):
        count = radiate(rng, np.array(START), angle, colour, coupling, waiting, 0, MOST_PARTONS)
        counts.append(waiting[:count].copy())
    return counts


def showers(n: int, coupling: Coupling = FIXED, pt: float = START[0]) -> list[np.ndarray]:
    rng, waiting, partons = np.random.default_rng(2), np.zeros((MOST_PARTONS, 5)), np.zeros((MOST_PARTONS, 3))
    found = []
    for _ in range(n):
        waiting[0, :3] = pt, *START[1:]
        found.append(partons[: shower(rng, GLUON, 0.8, coupling, waiting, partons, 0)].copy())
    return found


@pytest.mark.parametrize(("colour", "angle"), [(QUARK, 1.0), (GLUON, 1.0), (GLUON, 0.1)])
def test_emissions_of_a_fixed_coupling_are_poisson_with_the_area_of_the_lund_plane(colour: float, angle: float) -> None:
    counts = np.array([len(gluons) for gluons in emissions(colour, angle, FIXED, 4000)])
    mean = FIXED.alpha * colour / np.pi * np.log(START[0] * angle / FIXED.cutoff) ** 2
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 4000))
    assert counts.var() == pytest.approx(mean, rel=4 * np.sqrt(2 / 4000))


def test_emissions_of_the_running_coupling_are_its_integral() -> None:
    coupling = running_coupling(SimulationConfig())
    k = np.geomspace(0.5, START[0], 20_001)
    alpha = 1 / (1 / 0.102 + 2 * 23 / (12 * np.pi) * np.log(k / Z_MASS))
    density = 2 * alpha * GLUON / np.pi * np.log(START[0] / k)
    mean = np.trapezoid(density, np.log(k))
    counts = np.array([len(gluons) for gluons in emissions(GLUON, 1.0, coupling, 4000)])
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 4000))


def test_emissions_are_even_in_the_lund_plane_and_ordered_in_angle() -> None:
    gluons = emissions(GLUON, 0.8, Coupling(0.5, 0.1, 0.0), 3000)
    assert all((np.diff(found[:, ANGLE]) < 0).all() for found in gluons)
    # The first of each parton, that with the largest angle, still has a share of the whole momentum.
    theta, pt = np.array([found[0, [ANGLE, PT]] for found in gluons if len(found)]).T
    assert (theta < 0.8).all() and (pt < START[0]).all() and (theta * pt > 0.5).all()
    every = np.concatenate(gluons)[:, ANGLE]
    x = np.log(0.8 / every) / np.log(0.8 * START[0] / 0.5)
    # In x from 0 to 1 the density of a triangle is 2 (1 - x).
    assert np.histogram(x, 5, (0, 1))[0] / len(x) == pytest.approx(np.array([0.36, 0.28, 0.2, 0.12, 0.04]), abs=4 * 0.5 / np.sqrt(len(x)))
    share = np.log(START[0] / pt) / np.log(theta * START[0] / 0.5)
    assert np.histogram(share, 4, (0, 1))[0] / len(share) == pytest.approx(np.full(4, 0.25), abs=4 * 0.5 / np.sqrt(len(share)))


def test_showers_conserve_momentum() -> None:
    for partons in showers(200):
        assert (partons[:, PT] > 0).all()
        assert partons[:, PT].sum() == pytest.approx(START[0], rel=1e-9)
        for column, centre in ((RAPIDITY, START[1]), (PHI, START[2])):
            assert np.average(partons[:, column], weights=partons[:, PT]) == pytest.approx(centre, abs=1e-9)


def test_gluons_radiate_again() -> None:
    first = np.mean([1 + len(gluons) for gluons in emissions(GLUON, 0.8, FIXED, 500)])
    assert np.mean([len(partons) for partons in showers(500)]) > 1.3 * first


def test_a_parton_below_the_cutoff_does_not_radiate() -> None:
    assert {len(partons) for partons in showers(50, pt=0.6)} == {1}


def test_showers_that_are_too_large_keep_their_momentum() -> None:
    rng, waiting, partons = np.random.default_rng(2), np.zeros((MOST_PARTONS, 5)), np.zeros((2 * MOST_PARTONS, 3))
    for first in (0, MOST_PARTONS):
        waiting[0, :3] = START
        assert shower(rng, GLUON, 0.8, Coupling(0.5, 40.0, 0.0), waiting, partons, first) == first + MOST_PARTONS
        assert partons[first : first + MOST_PARTONS, PT].sum() == pytest.approx(START[0], rel=1e-9)
