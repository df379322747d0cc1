"""Random pairs against those that there are in a prompt window of singles without any annihilation."""

import numpy as np
import pytest

from pphysml.io.ragged import Ragged
from pphysml.tasks.petnet.coincidences.candidates import candidates
from pphysml.tasks.petnet.likelihood.randoms import random_pairs


def singles(n, rate, clock, seed, n_slices=20):
    """Singles without partners in slices of equal rate (per ps), on a clock of so many ps."""
    rng = np.random.default_rng(seed)
    span = n / rate
    time = np.sort(rng.uniform(0, span, (n_slices, n)), axis=1)
    time = np.floor(time / clock) * clock * 1e-12
    counts = np.full(n_slices, n)
    return {"n_owned": counts.astype(np.int32), "time": Ragged.from_counts(time.ravel(), counts)}


@pytest.mark.parametrize(("rate", "n"), [(1e-4, 20_000), (1e-8, 5_000)], ids=["late", "drawn"])
@pytest.mark.parametrize(("clock", "window"), [(1, 600.0), (200, 4000.0), (1000, 4000.0), (300, 1000.0)])
def test_random_pairs_are_as_many_and_as_far_apart_in_time_as_the_prompt_ones(rate, n, clock, window):
    # Of 1e-8 singles per ps nearly no pair is in a window: many slices of the same rate show how many.
    wanted = singles(20_000, 1e-4, clock, 1) if rate > 1e-6 else None
    found = random_pairs(singles(n, rate, clock, 2), window)
    reference = candidates(wanted if wanted is not None else singles(20_000, 1e-4, clock, 3), window)
    expected = len(reference.dt) * (1.0 if wanted is not None else (rate / 1e-4) * n / 20_000)
    error = np.sqrt(1 / len(reference.dt) + (1 / (8 * len(reference.dt)) if wanted is not None else 0))
    assert found.expected == pytest.approx(expected, rel=4 * error)
    steps = np.arange(0, window + 1, clock if clock > 1 else 50)
    share = np.bincount(np.searchsorted(steps, reference.dt, side="right") - 1, minlength=len(steps)) / len(reference.dt)
    of_randoms = np.bincount(np.searchsorted(steps, found.pairs.dt, side="right") - 1, minlength=len(steps)) / len(found.pairs.dt)
    variance = share * (1 / len(reference.dt) + 1 / len(found.pairs.dt))
    assert (np.abs(share - of_randoms) < 4.5 * np.sqrt(variance + 1e-12)).all()


def test_random_pairs_are_pairs_of_different_singles_of_one_slice():
    slices = singles(500, 1e-8, 1, 4, n_slices=7)
    pairs = random_pairs(slices, 500.0).pairs
    assert len(pairs.dt) > 1000
    assert (pairs.first < pairs.second).all()
    assert (pairs.first // 500 == pairs.second // 500).all()


def test_singles_that_are_too_few_have_no_random_pairs():
    assert random_pairs(singles(1, 1e-8, 1, 5, n_slices=3), 500.0).expected == 0.0
