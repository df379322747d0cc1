"""Masses at which the map of a parametrised network is fitted lie between those of the grid, too."""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest

from pphysml.tasks.jets.models.resonance_masses import between_all


def test_masses_are_even_in_their_logarithm_over_all_of_the_grid() -> None:
    grid = np.repeat([50.0, 100.0, 300.0], 4)
    drawn = between_all(5000, {"masses": grid}, np.random.default_rng(2))
    assert drawn.shape[1] > 1 and drawn.min() >= 50 and drawn.max() <= 300
    assert all(kstest(np.log(column / 50) / np.log(6), "uniform").pvalue > 0.001 for column in drawn.T)
