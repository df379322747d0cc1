"""Hadrons of partons and of the underlying event."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.tasks.jets.simulation.decay_kernel import PHI, PT, RAPIDITY
from pphysml.tasks.jets.simulation.hadron_kernel import (
    KIND,
    MOST_HADRONS,
    Detector,
    add_underlying,
    hadronise,
    poisson,
)

IDEAL = Detector(1.6, 0.0, 6.0, 0.7, 0.0, 1.0, 1e-9, 0.8)


def hadrons_of(detector: Detector, n: int = 3000, pt: float = 100.0) -> list[np.ndarray]:
    rng, room = np.random.default_rng(1), np.zeros((MOST_HADRONS, 4))
    return [room[: hadronise(rng, np.array([pt, 0.3, 1.0]), detector, room, 0)].copy() for _ in range(n)]


@pytest.mark.parametrize("mean", [0.0, 1.6, 90.0])
def test_poisson_numbers_have_mean_and_variance(mean: float) -> None:
    rng = np.random.default_rng(1)
    drawn = np.array([poisson(rng, mean) for _ in range(5000)])
    assert drawn.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 5000))
    assert drawn.var() == pytest.approx(mean, rel=0.12)


def test_a_parton_is_divided_evenly_at_random() -> None:
    found = hadrons_of(IDEAL)
    counts = np.array([len(hadrons) for hadrons in found])
    assert counts.min() == 1 and counts.mean() == pytest.approx(2.6, abs=0.1)
    assert [hadrons[:, PT].sum() for hadrons in found] == pytest.approx(np.full(len(found), 100.0), rel=1e-9)
    # Shares of k parts are distributed as Dirichlet(1, ..., 1): the mean square is 2 / (k (k + 1)), for each in turn.
    for k in (2, 3):
        shares = np.array([hadrons[:, PT] / 100 for hadrons in found if len(hadrons) == k])
        assert (shares**2).mean(0) == pytest.approx(np.full(k, 2 / (k * (k + 1))), abs=0.03)
        assert shares.mean(0) == pytest.approx(np.full(k, 1 / k), abs=0.03)
    assert np.histogram(np.concatenate(found)[:, KIND], 4, (0, 1))[0] / counts.sum() == pytest.approx(np.full(4, 0.25), abs=0.02)


def test_hadrons_have_a_momentum_across_their_parton() -> None:
    every = np.concatenate(hadrons_of(IDEAL._replace(kick=0.3)))
    for column, centre in ((RAPIDITY, 0.3), (PHI, 1.0)):
        across = (every[:, column] - centre) * every[:, PT]
        assert across.mean() == pytest.approx(0, abs=0.02) and across.std() == pytest.approx(0.3, rel=0.04)


def test_the_detector_smears_and_scales() -> None:
    every = np.concatenate(hadrons_of(IDEAL._replace(hadrons=0.0, resolution=0.03, energy_scale=1.1)))
    assert every[:, PT].mean() == pytest.approx(110, rel=0.003) and every[:, PT].std() == pytest.approx(3.3, rel=0.06)


def test_soft_hadrons_are_not_seen() -> None:
    every = np.concatenate(hadrons_of(IDEAL._replace(min_pt=20.0)))
    all_of_them = np.concatenate(hadrons_of(IDEAL))
    # The same random numbers: those seen are the same.
    assert np.array_equal(every, all_of_them[all_of_them[:, PT] >= 20]) and len(every) < len(all_of_them)


def test_the_underlying_event_is_even_over_the_jet() -> None:
    rng, room = np.random.default_rng(1), np.zeros((MOST_HADRONS, 4))
    counts = [add_underlying(rng, 0.3, 1.0, IDEAL, room, 0) for _ in range(2000)]
    assert np.mean(counts) == pytest.approx(6, abs=4 * np.sqrt(6 / 2000))
    found = np.concatenate([room[: add_underlying(rng, 0.3, 1.0, IDEAL, room, 0)].copy() for _ in range(1000)])
    squared = (found[:, RAPIDITY] - 0.3) ** 2 + (found[:, PHI] - 1.0) ** 2
    assert np.histogram(squared / 0.64, 4, (0, 1))[0] / len(found) == pytest.approx(np.full(4, 0.25), abs=0.03)
    assert found[:, PT].mean() == pytest.approx(0.7, rel=0.06)
