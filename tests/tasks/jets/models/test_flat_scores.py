"""The map of a parametrised network's scores is flat where they are steepest: at jet masses near the resonance mass."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Array
from pphysml.registry import get_task
from pphysml.tasks.jets.models.flat_scores import fit_maps, flat_scores
from pphysml.verbs.config import configuration

JETS = get_task("jets")
MAPPED = configuration(JETS, None, ["model.decorrelate=quantile"])
PARAMETRISED = configuration(JETS, None, ["model.decorrelate=quantile", "model.parametrise=true"])
DRAWS = 4


def masses(n: int, seed: int) -> Array:
    return np.exp(np.random.default_rng(seed).normal(4.1, 0.6, n))


def scores(mass: Array, resonance: Array, seed: int) -> Array:
    """Return scores that rise steeply where a jet is as heavy as the resonance, and fall slowly above, (n, 1)."""
    ratio = mass / resonance
    rise = 4 / (1 + np.exp(-(ratio - 1) / 0.02)) - 3 * np.maximum(ratio - 1, 0)
    return (rise + np.random.default_rng(seed).normal(size=len(mass)))[:, None]


@pytest.fixture(scope="module")
def fitted() -> dict[str, Array]:
    """The map of a score, fitted between the masses of a grid."""
    mass = np.repeat(masses(20_000, 0), DRAWS)
    resonance = np.exp(np.random.default_rng(1).uniform(np.log(50), np.log(200), len(mass)))
    return fit_maps(scores(mass, resonance, 4), np.column_stack([mass, resonance]), np.ones(len(mass)), PARAMETRISED, DRAWS)


@pytest.mark.parametrize("resonance", [70.0, 100.0, 140.0])
def test_cuts_on_the_map_do_not_sculpt_the_mass_near_the_resonance(resonance, fitted) -> None:
    mass = masses(200_000, 2)
    at = np.full(len(mass), resonance)
    near = (mass > 0.84 * resonance) & (mass < 1.2 * resonance)
    mapped = flat_scores(scores(mass, at, 3), np.column_stack([mass, at]), fitted, PARAMETRISED)[near, 0]
    bin_ = np.digitize(mass[near] / resonance, np.arange(0.88, 1.19, 0.04))
    for cut, most in ((0.5, 0.12), (0.9, 0.35)):
        passing = np.bincount(bin_, mapped > cut) / np.bincount(bin_) / (1 - cut)
        assert np.abs(passing - 1).max() < most


def test_jets_drawn_several_times_do_not_make_up_for_too_few() -> None:
    few = masses(60, 5)
    coordinates = np.column_stack([np.repeat(few, 8), np.full(480, 80.0)])
    assert not fit_maps(scores(*coordinates.T, 6), coordinates, np.ones(480), PARAMETRISED, 8)


def test_jets_without_mass_leave_the_map_of_the_others() -> None:
    """A few of mass 0 do not make the coordinate another one, and are flat themselves."""
    mass, at = masses(20_000, 7), np.full(20_000, 80.0)
    score = scores(mass, at, 8)
    score[::200] -= 3
    without = np.where(np.arange(20_000) % 200 == 0, 0.0, mass)
    maps = [fit_maps(score, one[:, None], np.ones(20_000), MAPPED) for one in (mass, without)]
    kept = without > 0
    first, second = (flat_scores(score[kept], mass[kept, None], found, MAPPED) for found in maps)
    assert np.abs(first - second).mean() < 0.02
    at_zero = flat_scores(score[~kept], without[~kept, None], maps[1], MAPPED)
    assert 0.4 < at_zero.mean() < 0.6 and np.ptp(at_zero) > 0.9
